/**
 * What an application asks of its device, as data: a workload is a list of these.
 *
 * Owns the vocabulary and its JSON form. Carrying one out is `SimulatedDevice`'s; when and by whom, a `Schedule`'s.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { count, millis, u32 } from "./Quantity.ts"

/** Bytes of the body of each message. */
const bytes = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_000 }))

/**
 * Something that an application asks of its device.
 *
 * - `Reflect` so many messages in one call
 * - `Ephemeral` one message for who is connected
 * - `Transaction` reflects so many messages in a transaction, one after the other and `pause` ms apart; `ttl` in seconds, 0
 *   for the longest; with `fails` its body fails after that; its precondition, if it has one, holds for `holdsFor` ms from
 *   when it is asked for
 * - `ListDevices` · `SetSharedData` · `GetSharedData`
 * - `Drop` another device, or itself, by name
 * - `Chat` says so many things to the chat server, each in a message of its own; nothing where it has no chat session
 * - `RetryNow` ends the waiting for the next connection
 * - `SwitchOff` stops the device in an orderly way, and switches it on again `lasts` ms later
 *
 * @category schemas
 * @since 0.1.0
 */
export const Operation = Schema.TaggedUnion({
  Reflect: { count, bytes },
  Ephemeral: { bytes },
  Transaction: { count, bytes, pause: millis, ttl: u32, fails: Schema.Boolean, holdsFor: Schema.optionalKey(millis) },
  ListDevices: {},
  SetSharedData: { version: u32 },
  GetSharedData: {},
  Drop: { target: Schema.String },
  Chat: { count },
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
