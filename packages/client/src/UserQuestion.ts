/**
 * Why a device does not connect again by itself, and what its user may answer.
 * Owns the closed unions `UserReason` and `Resume`, and which answer makes sense for which reason.
 * Leaves the decision to ask to `ReconnectVerdict`, and acting on an answer to the reconnect loop.
 */
import { Duration, Schema } from "effect"
import { ConnectionEnd } from "./ConnectionEnd.ts"

/**
 * Why the user is needed (decisions 24, 25, 26).
 *
 * - `Dropped` another device removed this one (4113), `QueueLimit` the mediator did because its queue grew too long (4114)
 * - `SlotMismatch` the mediator knows the device as something else (4115, or a ServerInfo that contradicts); while
 *   `registering`, the first ServerInfo may merely have got lost, and `Continue` goes on as EXISTING
 * - `DuplicateDevice` the same device connected from elsewhere (4112)
 * - `ChatRefused` the chat server said that it may not be connected to again
 * - `TooManyFailures` in a row; `last` is the latest one
 * - `Halted` the handler or a full quarantine brought the device to a stop; nothing was acked or lost
 *
 * @category models
 * @since 0.1.0
 */
export const UserReason = Schema.TaggedUnion({
  UnsupportedVersion: { because: ConnectionEnd },
  SlotsExhausted: {},
  DuplicateDevice: {},
  Dropped: {},
  QueueLimit: {},
  SlotMismatch: { registering: Schema.Boolean, because: ConnectionEnd },
  Refused: { because: ConnectionEnd },
  NotTrusted: { because: ConnectionEnd },
  ClockSkew: { skew: Schema.Number, limit: Schema.Number },
  ChatRefused: {},
  Halted: { because: ConnectionEnd },
  TooManyFailures: { failures: Schema.Int, last: ConnectionEnd }
})

/**
 * Why a device does not go on by itself.
 *
 * @category models
 * @since 0.1.0
 */
export type UserReason = typeof UserReason.Type

/**
 * What the user decided.
 *
 * - `Continue` connect again as things are; after a `SlotMismatch` while registering: as EXISTING
 * - `ConnectAnyway` connect again and put up with the clock skew for `during`
 * - `RegisterAgain` register as a NEW device with the same id; what the mediator still held for it is gone
 *
 * @category models
 * @since 0.1.0
 */
export const Resume = Schema.TaggedUnion({
  Continue: {},
  ConnectAnyway: { during: Schema.Duration },
  RegisterAgain: {}
})

/**
 * What the user answers, with all that the answer needs.
 *
 * @category models
 * @since 0.1.0
 */
export type Resume = typeof Resume.Type

/**
 * The answers by name.
 *
 * @category models
 * @since 0.1.0
 */
export const ResumeChoice = Schema.Literals(["Continue", "ConnectAnyway", "RegisterAgain"])

/**
 * What the user may answer: the name of a `Resume`.
 *
 * @category models
 * @since 0.1.0
 */
export type ResumeChoice = typeof ResumeChoice.Type

/**
 * Connect again as things are.
 *
 * @category constructors
 * @since 0.1.0
 */
export const continueAsIs: Resume = { _tag: "Continue" }

/**
 * Connect again and put up with the clock skew for a while, e.g. `"1 hour"`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connectAnyway = (during: Duration.Input): Resume => ({
  _tag: "ConnectAnyway",
  during: Duration.fromInputUnsafe(during)
})

/**
 * Register as a NEW device with the same id.
 *
 * @category constructors
 * @since 0.1.0
 */
export const registerAgain: Resume = { _tag: "RegisterAgain" }

/**
 * The answers that can help with a reason, the likeliest first. Others are accepted too.
 *
 * @category getters
 * @since 0.1.0
 */
export const answersTo = (reason: UserReason): ReadonlyArray<ResumeChoice> => {
  switch (reason._tag) {
    case "Dropped":
    case "QueueLimit":
      return ["RegisterAgain"]
    case "SlotMismatch":
      return reason.registering ? ["Continue", "RegisterAgain"] : ["RegisterAgain", "Continue"]
    case "ClockSkew":
      return ["ConnectAnyway", "Continue"]
    default:
      return ["Continue"]
  }
}
