/**
 * A device group as it stands, for tests, tools and pictures.
 *
 * Owns a copy: looking at it changes nothing, and it does not change.
 *
 * @since 0.1.0
 */
import type { DeviceId, ReflectedId } from "@d2m/codec"
import type { ConnectionId } from "./Input.ts"
import { type DeviceSlot, type Group, reflectedIdOf } from "./State.ts"
import type { GroupKey } from "./StoreCommand.ts"

/**
 * One registered device.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeviceView {
  readonly deviceId: DeviceId
  /** The raw number of `DeviceSlotExpirationPolicy`. */
  readonly expirationPolicy: number
  /** Messages that the device has not acked. */
  readonly queueLength: number
  /** The sum of their envelopes' lengths. */
  readonly queueBytes: number
  /** The id that its next message gets. */
  readonly nextReflectedId: ReflectedId
  /** Times in milliseconds since 1970. */
  readonly connection:
    | { readonly _tag: "Connected"; readonly id: ConnectionId; readonly since: number; readonly isDry: boolean }
    | { readonly _tag: "Disconnected"; readonly since: number }
}

/**
 * A device group.
 *
 * @category models
 * @since 0.1.0
 */
export interface GroupView {
  readonly groupKey: GroupKey
  /** In the order of their registration. */
  readonly devices: ReadonlyArray<DeviceView>
  readonly leader: DeviceId | undefined
  readonly transaction:
    | {
        readonly holder: DeviceId
        readonly encryptedScope: Uint8Array
        /** Messages waiting for the commit. */
        readonly buffered: number
      }
    | undefined
  readonly encryptedSharedDeviceData: Uint8Array
  /** Open sockets, those before their ClientHello included. */
  readonly connections: number
}

const deviceView = (slot: DeviceSlot): DeviceView => ({
  deviceId: slot.deviceId,
  expirationPolicy: slot.expirationPolicy,
  queueLength: slot.queue.length,
  queueBytes: slot.queue.bytes,
  nextReflectedId: reflectedIdOf(slot.issued + 1),
  connection:
    slot.session === undefined
      ? { _tag: "Disconnected", since: slot.lastDisconnectAt }
      : {
          _tag: "Connected",
          id: slot.session.connection.id,
          since: slot.session.connectedSince,
          isDry: slot.session.isDry
        }
})

/** Copies what there is to see of a group. */
export const groupView = (group: Group): GroupView => ({
  groupKey: group.key,
  devices: Array.from(group.slots.values(), deviceView),
  leader: group.leader?.slot.deviceId,
  transaction: group.lock && {
    holder: group.lock.holder.slot.deviceId,
    encryptedScope: group.lock.encryptedScope,
    buffered: group.lock.messages.length
  },
  encryptedSharedDeviceData: group.encryptedSharedDeviceData,
  connections: group.connections.size
})
