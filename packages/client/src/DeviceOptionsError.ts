/**
 * Why no device is made.
 * Owns the errors with which the making of a device fails, as one closed union.
 * Leaves what is checked to `DeviceOptions` and `DeviceDescription`.
 */
import { Schema } from "effect"

/**
 * Options or capacities that no device can have; none was made, and nothing was dialled.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidDeviceOptions extends Schema.TaggedError<InvalidDeviceOptions>("@d2m/client/InvalidDeviceOptions")(
  "InvalidDeviceOptions",
  {
    /** Which option or which of the `Capacities`, and what is wrong with it. */
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

/**
 * Why no device was made.
 *
 * @category errors
 * @since 0.1.0
 */
export type DeviceOptionsError = InvalidDeviceOptions | DescriptionTooLarge
