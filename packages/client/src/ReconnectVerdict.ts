/**
 * What to do after a connection has ended: connect again, or ask the user.
 * Owns the one total function of decision 26.
 * Leaves the waiting time to `ReconnectPolicy` and the asking to `ConnectionState`.
 */
import { CloseCode, closeCode } from "@d2m/codec"
import type { ChatEnd } from "./ChatProxy.ts"
import type { ConnectionEnd } from "./ConnectionEnd.ts"
import type { SlotExpectation } from "./DeviceStore.ts"
import type { Closed } from "./TransportError.ts"
import type { UserReason } from "./UserQuestion.ts"

/**
 * What to do next.
 *
 * `counts` says whether the end is a failure that brings the user's question nearer: the device's own decision to start
 * over is none. `warn` says that the close code is none of the protocol's.
 *
 * @category models
 * @since 0.1.0
 */
export type ReconnectVerdict =
  | { readonly _tag: "Reconnect"; readonly counts: boolean; readonly warn: boolean }
  | { readonly _tag: "AskUser"; readonly reason: UserReason }

const reconnect: ReconnectVerdict = { _tag: "Reconnect", counts: true, warn: false }
const startOver: ReconnectVerdict = { _tag: "Reconnect", counts: false, warn: false }
const reconnectWarning: ReconnectVerdict = { _tag: "Reconnect", counts: true, warn: true }
const ask = (reason: UserReason): ReconnectVerdict => ({ _tag: "AskUser", reason })

const afterClose = (because: Closed, slot: SlotExpectation): ReconnectVerdict => {
  const { code } = because
  const { verdict } = closeCode(code)
  if (verdict === "reconnect") return reconnect
  if (verdict === "reconnect-warn") return reconnectWarning
  switch (code) {
    case CloseCode.UnsupportedVersion:
      return ask({ _tag: "UnsupportedVersion", because })
    case CloseCode.SlotsExhausted:
      return ask({ _tag: "SlotsExhausted" })
    case CloseCode.DuplicateDevice:
      return ask({ _tag: "DuplicateDevice" })
    case CloseCode.Dropped:
      return ask({ _tag: "Dropped" })
    case CloseCode.QueueLimit:
      return ask({ _tag: "QueueLimit" })
    case CloseCode.SlotStateMismatch:
      return ask({ _tag: "SlotMismatch", registering: slot !== "Existing", because })
    default:
      return ask({ _tag: "Refused", because })
  }
}

const afterEnd = (end: ConnectionEnd, slot: SlotExpectation): ReconnectVerdict => {
  switch (end._tag) {
    case "Closed":
      return afterClose(end, slot)
    case "UnsupportedVersion":
      return ask({ _tag: "UnsupportedVersion", because: end })
    case "SlotContradiction":
      return ask({ _tag: "SlotMismatch", registering: slot !== "Existing", because: end })
    case "ClockSkew":
      return ask({ _tag: "ClockSkew", skew: end.skew, limit: end.limit })
    case "PinMismatch":
    case "NoPinFor":
    case "PlaintextRefused":
    case "InvalidPinRule":
      return ask({ _tag: "NotTrusted", because: end })
    case "InvalidUrl":
      return ask({ _tag: "Refused", because: end })
    case "HandlerHalted":
    case "QuarantineFull":
      return ask({ _tag: "Halted", because: end })
    case "TransactionAborted":
    case "FellBehind":
      return startOver
    case "ChatOver":
    case "CertificateRejected":
    case "TlsFailed":
    case "Unreachable":
    case "UpgradeRefused":
    case "OpenTimeout":
    case "DecodeError":
    case "ProtocolViolation":
    case "DeadlinePassed":
    case "DeviceStoreError":
      return reconnect
  }
}

/**
 * Decides what follows from the end of a connection. Total, and depends on nothing but its arguments (decision 26).
 *
 * `slot` is the expectation of the connection that ended. `chat` is what the chat handler reported: its close-error
 * decides in the place of the mediator's close code, but does not undo what the device itself needs the user for.
 *
 * @category combinators
 * @since 0.1.0
 */
export const reconnectVerdict = (
  end: ConnectionEnd,
  given: { readonly slot: SlotExpectation; readonly chat: ChatEnd | undefined }
): ReconnectVerdict => {
  if (given.chat?._tag === "CloseError") {
    if (!given.chat.canReconnect) return ask({ _tag: "ChatRefused" })
    if (end._tag === "Closed") return reconnect
  }
  return afterEnd(end, given.slot)
}
