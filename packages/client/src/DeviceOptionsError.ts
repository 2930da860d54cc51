/**
 * Why no device is made.
 * Owns the errors with which the making of a device fails, as one closed union.
 * Leaves what is checked to `DeviceOptions`, `DeviceDescription` and `StoreClaim`.
 */
import { Schema } from "effect"

/**
 * Options, or capacities, deadlines and policies in force, that no device can have, or a transport cannot; none was made, and
 * nothing was dialled.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidDeviceOptions extends Schema.TaggedError<InvalidDeviceOptions>("@d2m/client/InvalidDeviceOptions")(
  "InvalidDeviceOptions",
  {
    /** Which option or number in force, and what is wrong with it. */
    detail: Schema.String
  }
) {
  override get message(): string {
    return `invalid device options: ${this.detail}`
  }
}

/**
 * A description is larger than a ClientHello has room for; no device was made of it (decision 1).
 *
 * @category errors
 * @since 0.1.0
 */
export class DescriptionTooLarge extends Schema.TaggedError<DescriptionTooLarge>("@d2m/client/DescriptionTooLarge")(
  "DescriptionTooLarge",
  { length: Schema.Int, limit: Schema.Int }
) {
  override get message(): string {
    return `the description of a device has at most ${this.limit} bytes, this one needs ${this.length}`
  }
}

const idText = (id: bigint): string => id.toString(16).padStart(16, "0")

/**
 * The store already belongs to another device that runs, `takenBy`, of the `sameGroup` or of another one: none was made, and
 * nothing was dialled. Each device needs a store of its own, which is free again once the scope of its device has closed.
 *
 * The same device twice is no such error: a new life of it may begin before the last one is over. A store is known by its
 * service: what wraps one, or opens it once more, is another to a device. A file that is open already tells so by itself
 * (`DeviceStoreError`, `InUse`).
 *
 * @category errors
 * @since 0.1.0
 */
export class DeviceStoreTaken extends Schema.TaggedError<DeviceStoreTaken>("@d2m/client/DeviceStoreTaken")(
  "DeviceStoreTaken",
  { deviceId: Schema.BigInt, takenBy: Schema.BigInt, sameGroup: Schema.Boolean }
) {
  override get message(): string {
    const taken = `${idText(this.takenBy)}${this.sameGroup ? "" : " of another group"}`
    return `device ${idText(this.deviceId)} was given the store of device ${taken}: each needs one of its own`
  }
}

/**
 * Why no device was made: of what it was told to be, or of the store that it was given.
 *
 * @category errors
 * @since 0.1.0
 */
export type DeviceOptionsError = InvalidDeviceOptions | DescriptionTooLarge | DeviceStoreTaken
