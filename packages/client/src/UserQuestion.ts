/**
 * Why a device does not connect again by itself, and what its user may answer.
 * Owns the closed unions `UserReason` and `Resume`, and which answer makes sense for which reason.
 * Leaves the decision to ask to `ReconnectVerdict`, and acting on an answer to the reconnect loop.
 */
import { millisOf } from "@d2m/codec"
import { Duration, Formatter, Schema } from "effect"
import { ConnectionEnd, HandlerHalted, SlotContradiction, UnsupportedVersion } from "./ConnectionEnd.ts"
import { QuarantineFull } from "./DeviceStore.ts"
import { Closed, InvalidPinRule, InvalidUrl, NoPinFor, PinMismatch, PlaintextRefused } from "./TransportError.ts"

/**
 * The mediator closed with 4110, or speaks only versions that the device does not accept.
 *
 * @category errors
 * @since 0.1.0
 */
export const VersionEnd = Schema.Union([Closed, UnsupportedVersion])

/**
 * Why mediator and device have no version in common.
 *
 * @category errors
 * @since 0.1.0
 */
export type VersionEnd = typeof VersionEnd.Type

/**
 * The mediator closed with 4115, or its ServerInfo contradicts what is expected of the slot.
 *
 * @category errors
 * @since 0.1.0
 */
export const SlotEnd = Schema.Union([Closed, SlotContradiction])

/**
 * Why mediator and device do not agree about the device slot.
 *
 * @category errors
 * @since 0.1.0
 */
export type SlotEnd = typeof SlotEnd.Type

/**
 * The mediator closed with another code of 41xx, or has no usable URL.
 *
 * @category errors
 * @since 0.1.0
 */
export const RefusalEnd = Schema.Union([Closed, InvalidUrl])

/**
 * Why trying again as things are is of no use.
 *
 * @category errors
 * @since 0.1.0
 */
export type RefusalEnd = typeof RefusalEnd.Type

/**
 * The server did not show what it must show to be trusted, or the application did not say what that is.
 *
 * @category errors
 * @since 0.1.0
 */
export const TrustEnd = Schema.Union([PinMismatch, NoPinFor, PlaintextRefused, InvalidPinRule])

/**
 * Why the server is not trusted (decision 28).
 *
 * @category errors
 * @since 0.1.0
 */
export type TrustEnd = typeof TrustEnd.Type

/**
 * The handler's policy says to stop, or the quarantine has no room.
 *
 * @category errors
 * @since 0.1.0
 */
export const HaltEnd = Schema.Union([HandlerHalted, QuarantineFull])

/**
 * What brought the device to a stop (decision 20).
 *
 * @category errors
 * @since 0.1.0
 */
export type HaltEnd = typeof HaltEnd.Type

/**
 * Why the user is needed (decisions 24, 25, 26).
 *
 * - `Dropped` another device removed this one (4113), `QueueLimit` the mediator did because its queue grew too long (4114)
 * - `SlotMismatch` the mediator knows the device as something else (4115, or a ServerInfo that contradicts); while
 *   `registering`, the first ServerInfo may merely have got lost, and `Continue` goes on as EXISTING
 * - `DuplicateDevice` the same device connected from elsewhere (4112)
 * - `ChatRefused` the chat server said that it may not be connected to again
 * - `TooManyFailures` in a row; `last` is the latest one
 * - `Halted` the handler or a full quarantine brought the device to a stop; the message that did and what came behind it was
 *   not acked and comes again, ephemerals apart: `EphemeralsMissed` tells how many there were
 *
 * @category models
 * @since 0.1.0
 */
export const UserReason = Schema.TaggedUnion({
  UnsupportedVersion: { because: VersionEnd },
  SlotsExhausted: {},
  DuplicateDevice: {},
  Dropped: {},
  QueueLimit: {},
  SlotMismatch: { registering: Schema.Boolean, because: SlotEnd },
  Refused: { because: RefusalEnd },
  NotTrusted: { because: TrustEnd },
  ClockSkew: { skew: Schema.Number, limit: Schema.Number },
  ChatRefused: {},
  Halted: { because: HaltEnd },
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
 * Connect again and put up with the clock skew for a while, e.g. `"1 hour"`. Throws a `RangeError` where that is no duration
 * of 0 or more.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connectAnyway = (during: Duration.Input): Resume => {
  const millis = millisOf(during)
  if (!(millis >= 0)) throw new RangeError(`expected a duration of 0 or more, found ${Formatter.format(during)}`)
  return { _tag: "ConnectAnyway", during: Duration.millis(millis) }
}

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
