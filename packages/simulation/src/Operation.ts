/**
 * What an application asks of its device, as data: a workload is a list of these.
 *
 * Owns the vocabulary and its JSON form. Carrying one out is `SimulatedDevice`'s; when and by whom, a `Schedule`'s.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

const count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))
/** Bytes of the body of each message. */
const bytes = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_000 }))
/** Milliseconds. */
const millis = Schema.Number.check(Schema.isGreaterThanOrEqualTo(0))

/**
 * Something that an application asks of its device.
 *
 * - `Reflect` so many messages in one call
 * - `Ephemeral` one message for who is connected
 * - `Transaction` reflects so many messages in a transaction, one after the other and `pause` ms apart; `ttl` in seconds, 0
 *   for the longest; with `fails` its body fails after that
 * - `ListDevices` · `SetSharedData`
 * - `Drop` another device, or itself, by name
 * - `RetryNow` ends the waiting for the next connection
 * - `SwitchOff` stops the device in an orderly way, and switches it on again `lasts` ms later
 *
 * @category schemas
 * @since 0.1.0
 */
export const Operation = Schema.TaggedUnion({
  Reflect: { count, bytes },
  Ephemeral: { bytes },
  Transaction: { count, bytes, pause: millis, ttl: Schema.Int, fails: Schema.Boolean },
  ListDevices: {},
  SetSharedData: { version: Schema.Int },
  Drop: { target: Schema.String },
  RetryNow: {},
  SwitchOff: { lasts: millis }
})

/**
 * Something that an application asks of its device.
 *
 * @category models
 * @since 0.1.0
 */
export type Operation = typeof Operation.Type
