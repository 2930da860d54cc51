/**
 * Why a reflect did not come about.
 * Owns the errors of reflecting outside of transactions.
 * Leaves to `Envelope` what no envelope holds, and to `Transaction` what a transaction adds.
 */
import { Redacted, Schema } from "effect"
import { type ContentError, GivenContent } from "./Envelope.ts"

/**
 * The device has stopped, because it was told to or, where it `died`, by a defect or a foreign interruption; `unacked` are
 * the caller's contents that the mediator has not acked, in order, and no matter for logs.
 *
 * Each may or may not have reached the mediator.
 *
 * @category errors
 * @since 0.1.0
 */
export class DeviceStopped extends Schema.TaggedError<DeviceStopped>("@d2m/client/DeviceStopped")("DeviceStopped", {
  died: Schema.Boolean,
  unacked: Schema.Redacted(Schema.Array(GivenContent))
}) {
  override get message(): string {
    const { length } = Redacted.value(this.unacked)
    return `the device has ${this.died ? "died" : "stopped"} with ${length} un-acked reflects`
  }
}

/**
 * Too much waits to be written. Only ephemerals fail like this; a reflect waits for room.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReflectQueueFull extends Schema.TaggedError<ReflectQueueFull>("@d2m/client/ReflectQueueFull")(
  "ReflectQueueFull",
  { capacity: Schema.Int }
) {
  override get message(): string {
    return `the line of reflects holds ${this.capacity} bytes and is full`
  }
}

/**
 * Something was reflected with the device within one of its transactions, in its body or by what that has started: it would
 * wait for the end of the transaction, which waits for it. Reflect with `Transaction` there, or once it is over.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReflectNested extends Schema.TaggedError<ReflectNested>("@d2m/client/ReflectNested")("ReflectNested", {}) {
  override get message(): string {
    return "within a transaction it is the transaction that reflects, and not the device"
  }
}

/**
 * Why a reflect has no timestamp.
 *
 * @category errors
 * @since 0.1.0
 */
export type ReflectError = ContentError | ReflectNested | DeviceStopped
