/**
 * What a device may ask about its group and change in it.
 *
 * Owns GetDevicesInfo, DropDevice and SetSharedDeviceData (decisions 17, 19; PROTOCOL D23-D25). The blobs are opaque.
 *
 * @since 0.1.0
 */
import {
  type AugmentedDeviceInfo,
  CloseCode,
  type DeviceId,
  type DropDevice,
  type SetSharedDeviceData
} from "@d2m/codec"
import { fitsServerInfo } from "./BlobLimits.ts"
import { closeConnection } from "./Disconnect.ts"
import { deleteSlot, freeSlot } from "./SlotLoss.ts"
import type { DeviceSlot, Group, Session } from "./State.ts"
import { own, record, send, type Turn } from "./Turn.ts"

const augmented = (slot: DeviceSlot): AugmentedDeviceInfo => ({
  encryptedDeviceInfo: slot.encryptedDeviceInfo,
  deviceSlotExpirationPolicy: slot.expirationPolicy,
  connectionState:
    slot.session === undefined
      ? { _tag: "lastDisconnectAt", value: BigInt(slot.lastDisconnectAt) }
      : { _tag: "connectedSince", value: BigInt(slot.session.connectedSince) }
})

export const getDevicesInfo = (turn: Turn, group: Group, session: Session): void => {
  const augmentedDeviceInfo = new Map<DeviceId, AugmentedDeviceInfo>()
  for (const slot of group.slots.values()) augmentedDeviceInfo.set(slot.deviceId, augmented(slot))
  // Who lists devices remembers their infos: an older one that a crash brought back would seem to be replayed.
  const after = Math.max(group.departed, group.registered)
  send(turn, session.connection, { _tag: "DevicesInfo", augmentedDeviceInfo }, after)
}

export const dropDevice = (turn: Turn, group: Group, session: Session, frame: DropDevice): void => {
  const { connection } = session
  const { deviceId } = frame
  const slot = group.slots.get(deviceId)
  // Who has no slot may have been dropped a moment ago: until that is durable, a crash may bring the slot back.
  if (slot === undefined) return send(turn, connection, { _tag: "DropDeviceAck", deviceId }, group.departed)
  if (slot === session.slot) {
    // The ack is on its way before the close: Desktop waits for the one, Android takes either.
    const after = deleteSlot(turn, group, slot, "DroppedByDevice")
    send(turn, connection, { _tag: "DropDeviceAck", deviceId }, after)
    return closeConnection(turn, connection, CloseCode.Dropped, "the device dropped itself", after, "Dropped")
  }
  const after = freeSlot(turn, group, slot, "DroppedByDevice", CloseCode.Dropped, "another device dropped this one")
  send(turn, connection, { _tag: "DropDeviceAck", deviceId }, after)
}

export const setSharedDeviceData = (turn: Turn, group: Group, session: Session, frame: SetSharedDeviceData): void => {
  if (!fitsServerInfo(frame.encryptedSharedDeviceData)) {
    return closeConnection(
      turn,
      session.connection,
      CloseCode.ProtocolError,
      "the shared device data is too long for a ServerInfo"
    )
  }
  group.encryptedSharedDeviceData = own(frame.encryptedSharedDeviceData)
  record(turn, group, {
    _tag: "SetSharedData",
    encryptedSharedDeviceData: group.encryptedSharedDeviceData
  })
}
