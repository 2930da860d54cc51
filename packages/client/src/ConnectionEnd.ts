/**
 * Every way in which one connection to the mediator ends, as one closed union.
 * Owns the errors above the transport, and the close code that each end is told to the peer with.
 * Leaves to `ReconnectVerdict` what follows from an end.
 */
import { CloseCode, DecodeError, ReflectedId } from "@d2m/codec"
import { Schema } from "effect"
import { fitReason } from "./CloseReason.ts"
import { QuarantineFull, DeviceStoreError } from "./DeviceStore.ts"
import { TransportError } from "./TransportError.ts"

/**
 * The mediator sent a well-formed frame that cannot come at this point; the connection is closed with 4010 (decision 6).
 *
 * @category errors
 * @since 0.1.0
 */
export class ProtocolViolation extends Schema.TaggedError<ProtocolViolation>("@d2m/client/ProtocolViolation")(
  "ProtocolViolation",
  { expected: Schema.String, found: Schema.String }
) {
  override get message(): string {
    return `expected ${this.expected}, the mediator sent ${this.found}`
  }
}

/**
 * The mediator speaks only versions below the lowest that this device accepts; closed with 4110 (decision 4).
 *
 * @category errors
 * @since 0.1.0
 */
export class UnsupportedVersion extends Schema.TaggedError<UnsupportedVersion>("@d2m/client/UnsupportedVersion")(
  "UnsupportedVersion",
  { minimum: Schema.Int, maximum: Schema.Int, offered: Schema.Int }
) {
  override get message(): string {
    return `the mediator speaks version ${this.offered}, this device ${this.minimum} to ${this.maximum}`
  }
}

/**
 * The clocks of mediator and device are further apart than is allowed (decision 24).
 *
 * `skew` is the mediator's time less the device's, `limit` its greatest allowed amount, both in milliseconds.
 *
 * @category errors
 * @since 0.1.0
 */
export class ClockSkew extends Schema.TaggedError<ClockSkew>("@d2m/client/ClockSkew")("ClockSkew", {
  skew: Schema.Number,
  limit: Schema.Number
}) {
  override get message(): string {
    return `the mediator's clock is ${this.skew} ms off, at most ${this.limit} ms are allowed`
  }
}

/**
 * ServerInfo names another slot state than the one that the mediator agreed to; closed with 4115 (decision 25).
 *
 * `found` is the number from the wire.
 *
 * @category errors
 * @since 0.1.0
 */
export class SlotContradiction extends Schema.TaggedError<SlotContradiction>("@d2m/client/SlotContradiction")(
  "SlotContradiction",
  { expected: Schema.Literals(["New", "Existing"]), found: Schema.Int }
) {
  override get message(): string {
    return `the slot was expected to be ${this.expected}, ServerInfo says ${this.found}`
  }
}

/**
 * The mediator did not answer in time, while this device was listening (decision 15).
 *
 * @category errors
 * @since 0.1.0
 */
export class DeadlinePassed extends Schema.TaggedError<DeadlinePassed>("@d2m/client/DeadlinePassed")("DeadlinePassed", {
  waitedFor: Schema.Literals(["open connection", "ServerInfo", "answer", "sign of life"]),
  millis: Schema.Number
}) {
  override get message(): string {
    return `no ${this.waitedFor} within ${this.millis} ms`
  }
}

/**
 * A message could not be handled and the handler policy says to stop rather than to quarantine it (decision 20).
 *
 * @category errors
 * @since 0.1.0
 */
export class HandlerHalted extends Schema.TaggedError<HandlerHalted>("@d2m/client/HandlerHalted")("HandlerHalted", {
  reflectedId: ReflectedId,
  detail: Schema.String
}) {
  override get message(): string {
    return `message ${this.reflectedId} could not be handled: ${this.detail}`
  }
}

/**
 * The device itself gave the connection up, because that is the only way to undo a transaction (PROTOCOL C5).
 *
 * @category errors
 * @since 0.1.0
 */
export class TransactionAborted extends Schema.TaggedError<TransactionAborted>("@d2m/client/TransactionAborted")(
  "TransactionAborted",
  {}
) {
  override get message(): string {
    return "a transaction was aborted"
  }
}

/**
 * The handler stood still for so long that messages had to be passed over; they come again on the next connection,
 * ephemerals apart.
 *
 * Happens only when the device waits for the mediator at the same time, so that not reading would wait forever.
 *
 * @category errors
 * @since 0.1.0
 */
export class FellBehind extends Schema.TaggedError<FellBehind>("@d2m/client/FellBehind")("FellBehind", {}) {
  override get message(): string {
    return "reflected messages were passed over because their handler stood still"
  }
}

/**
 * The chat handler reported a close-error and the mediator did not close the connection after it.
 *
 * @category errors
 * @since 0.1.0
 */
export class ChatOver extends Schema.TaggedError<ChatOver>("@d2m/client/ChatOver")("ChatOver", {
  canReconnect: Schema.Boolean
}) {
  override get message(): string {
    return `the chat server ended its connection and ${this.canReconnect ? "allows" : "forbids"} another one`
  }
}

/**
 * Every way in which a connection ends: of the transport, of the protocol, of a deadline, or by this device's own will.
 *
 * @category errors
 * @since 0.1.0
 */
export const ConnectionEnd = Schema.Union([
  ...TransportError.members,
  DecodeError,
  ProtocolViolation,
  UnsupportedVersion,
  ClockSkew,
  SlotContradiction,
  DeadlinePassed,
  DeviceStoreError,
  QuarantineFull,
  HandlerHalted,
  TransactionAborted,
  FellBehind,
  ChatOver
])

/**
 * Why a connection to the mediator, or a try at one, is over.
 *
 * @category errors
 * @since 0.1.0
 */
export type ConnectionEnd = typeof ConnectionEnd.Type

/**
 * The close code with which a connection is closed that ends like this; 1000 where the mediator is not to blame.
 *
 * @category getters
 * @since 0.1.0
 */
export const closeCodeOf = (end: ConnectionEnd): number => {
  switch (end._tag) {
    case "DecodeError":
    case "ProtocolViolation":
      return CloseCode.ProtocolError
    case "UnsupportedVersion":
      return CloseCode.UnsupportedVersion
    case "SlotContradiction":
      return CloseCode.SlotStateMismatch
    default:
      return CloseCode.NormalClosure
  }
}

/**
 * The reason that goes with {@link closeCodeOf}: where the mediator is to blame what it did, else only what happened. A close
 * frame has room for it: at most 123 bytes of UTF-8.
 *
 * @category getters
 * @since 0.1.0
 */
export const closeReasonOf = (end: ConnectionEnd): string =>
  closeCodeOf(end) === CloseCode.NormalClosure ? end._tag : fitReason(end.message)
