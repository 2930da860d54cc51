/**
 * Whether what devices leave with the mediator fits into the frames that give it back.
 *
 * Owns the longest frame that may ever hold a blob: a ServerInfo that nobody can read locks a device out. The blobs are
 * opaque (decision 19). How long a scope may be is `Transaction`'s.
 *
 * @since 0.1.0
 */
import {
  type AugmentedDeviceInfo,
  Box,
  type ClientHello,
  type DeviceId,
  DeviceSlotState,
  encodeServerFrame,
  encodeServerFrameResult,
  Limits
} from "@d2m/codec"
import { Result } from "effect"
import type { DeviceSlot, Group } from "./State.ts"

/** The latest time that is a varint of seven bytes; those of our days take six. */
const anyTime = 2n ** 49n - 1n
const anyNumber = 0xffff_ffff

/** The field of a blob that is long: its tag and three bytes of length. */
const longField = 4

const longestSharedData =
  Limits.frame -
  longField -
  encodeServerFrame({
    _tag: "ServerInfo",
    maxDeviceSlots: anyNumber,
    deviceSlotState: DeviceSlotState.EXISTING,
    encryptedSharedDeviceData: Box.make("dgsddk", new Uint8Array(0)),
    currentTime: anyTime,
    reflectionQueueLength: anyNumber
  }).length

/** Whether every ServerInfo has room for this shared device data, whatever else it says. */
export const fitsServerInfo = (encryptedSharedDeviceData: Uint8Array): boolean =>
  encryptedSharedDeviceData.length <= longestSharedData

/** Whether a DevicesInfo has room for the newcomer and all slots but its own and the one it takes the place of. */
export const fitsDevicesInfo = (group: Group, hello: ClientHello, displaced: DeviceSlot | undefined): boolean => {
  const augmentedDeviceInfo = new Map<DeviceId, AugmentedDeviceInfo>()
  const list = (deviceId: DeviceId, encryptedDeviceInfo: Box<"dgdik">, deviceSlotExpirationPolicy: number): void => {
    const connectionState = { _tag: "connectedSince", value: anyTime } as const
    augmentedDeviceInfo.set(deviceId, { encryptedDeviceInfo, deviceSlotExpirationPolicy, connectionState })
  }
  for (const slot of group.slots.values()) {
    if (slot !== displaced) list(slot.deviceId, slot.encryptedDeviceInfo, slot.expirationPolicy)
  }
  list(hello.deviceId, hello.encryptedDeviceInfo, hello.deviceSlotExpirationPolicy)
  return Result.isSuccess(encodeServerFrameResult({ _tag: "DevicesInfo", augmentedDeviceInfo }))
}
