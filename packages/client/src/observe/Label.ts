/**
 * How groups, devices and protocol words are called in metrics and spans.
 * Owns the forms, which are those of the mediator: what one device tells is found again on the other side.
 * Leaves which metric or span has which label to those.
 */
import type { DeviceId, GroupId } from "@d2m/codec"

/**
 * The first 8 hexadecimal digits: enough to follow a group, too few to connect to it.
 *
 * @internal
 */
export const groupLabel = (groupId: GroupId): string =>
  Array.from(groupId.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("")

/**
 * 16 hexadecimal digits.
 *
 * @internal
 */
export const deviceLabel = (deviceId: DeviceId): string => deviceId.toString(16).padStart(16, "0")

/**
 * A protocol word as a label: `reflect_ack` of ReflectAck.
 *
 * @internal
 */
export const labelOf = (word: string): string => word.replace(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase()
