/**
 * What can go wrong with the connection to a mediator, as one closed union.
 * Owns the errors of opening and ending a connection and their way through `Socket`'s error channel.
 * Leaves to others what to do about them: the reconnect verdict belongs to the device.
 */
import { Schema } from "effect"
import { Socket } from "effect/socket"

/**
 * The server's certificate carries a public key that none of the host's pins names; nothing was sent to it.
 *
 * `expected` and `found` are base64 of the SHA-256 of the DER SubjectPublicKeyInfo (PROTOCOL A2).
 *
 * @category errors
 * @since 0.1.0
 */
export class PinMismatch extends Schema.TaggedError<PinMismatch>("@d2m/client/PinMismatch")("PinMismatch", {
  host: Schema.String,
  expected: Schema.Array(Schema.String),
  found: Schema.String
}) {
  override get message(): string {
    return `the key of ${this.host} is not pinned: found ${this.found}, expected ${this.expected.join(" or ")}`
  }
}

/**
 * The server's certificate was not accepted: expired, not for this host, not from a trusted authority.
 *
 * `code` is the platform's own, e.g. `CERT_HAS_EXPIRED`, `ERR_TLS_CERT_ALTNAME_INVALID`, `DEPTH_ZERO_SELF_SIGNED_CERT`.
 *
 * @category errors
 * @since 0.1.0
 */
export class CertificateRejected extends Schema.TaggedError<CertificateRejected>("@d2m/client/CertificateRejected")(
  "CertificateRejected",
  { code: Schema.String, host: Schema.String, detail: Schema.String }
) {
  override get message(): string {
    return `the certificate of ${this.host} is not accepted (${this.code}): ${this.detail}`
  }
}

/**
 * TLS could not be agreed on for another reason than the certificate, e.g. because the server does not speak it.
 *
 * @category errors
 * @since 0.1.0
 */
export class TlsFailed extends Schema.TaggedError<TlsFailed>("@d2m/client/TlsFailed")("TlsFailed", {
  code: Schema.String,
  address: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `no TLS with ${this.address} (${this.code}): ${this.detail}`
  }
}

/**
 * No connection to the server came about: name resolution, refusal, a network that went away meanwhile.
 *
 * `code` is the operating system's (`ECONNREFUSED`, `ENOTFOUND`, …) or `UNKNOWN` where the platform hides it, as
 * browsers do; `address` is `host:port`.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unreachable extends Schema.TaggedError<Unreachable>("@d2m/client/Unreachable")("Unreachable", {
  code: Schema.String,
  address: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.address} cannot be reached (${this.code})${this.detail === "" ? "" : `: ${this.detail}`}`
  }
}

/**
 * The longest that a server is left alone because it asked for it, in milliseconds: an hour.
 *
 * @internal
 */
export const longestRetryAfter = 3_600_000

/**
 * The server answered, but not with a WebSocket: `status` is its HTTP status, absent when the answer was not HTTP.
 *
 * `detail` is the server's reason, or what its status is called: printable text of at most 200 bytes. `retryAfter` is how
 * long it wants to be left alone, in milliseconds, at most an hour; absent when it does not say. A mediator answers 400
 * to a path it cannot read (PROTOCOL A1), others also 403, 429 and 503.
 *
 * @category errors
 * @since 0.1.0
 */
export class UpgradeRefused extends Schema.TaggedError<UpgradeRefused>("@d2m/client/UpgradeRefused")("UpgradeRefused", {
  status: Schema.optionalKey(Schema.Int),
  address: Schema.String,
  detail: Schema.String,
  retryAfter: Schema.optionalKey(Schema.Number)
}) {
  override get message(): string {
    const answer = this.status === undefined ? "" : ` with HTTP ${this.status}`
    return `${this.address} refused the WebSocket${answer}: ${this.detail}`
  }
}

/**
 * The connection was not open in time; `phase` is how far it had come.
 *
 * @category errors
 * @since 0.1.0
 */
export class OpenTimeout extends Schema.TaggedError<OpenTimeout>("@d2m/client/OpenTimeout")("OpenTimeout", {
  address: Schema.String,
  phase: Schema.Literals(["connect", "tls", "upgrade", "unknown"]),
  /** milliseconds; 0 when the platform does not tell */
  timeout: Schema.Number
}) {
  override get message(): string {
    const phase = this.phase === "unknown" ? "" : ` (it had come to: ${this.phase})`
    const after = this.timeout === 0 ? "in time" : `within ${this.timeout} ms`
    return `no open connection to ${this.address} ${after}${phase}`
  }
}

/**
 * A `ws:` address was refused: one that is not this machine's own, which `allowPlaintext` permits by name, or one whose
 * host is pinned (decision 28).
 *
 * @category errors
 * @since 0.1.0
 */
export class PlaintextRefused extends Schema.TaggedError<PlaintextRefused>("@d2m/client/PlaintextRefused")(
  "PlaintextRefused",
  { host: Schema.String, detail: Schema.String }
) {
  override get message(): string {
    return `unencrypted ws: to ${this.host} is refused: ${this.detail}`
  }
}

/**
 * A `wss:` address whose host no pin rule names was refused; `trust: "system-trust"` permits it by name (decision 28).
 *
 * @category errors
 * @since 0.1.0
 */
export class NoPinFor extends Schema.TaggedError<NoPinFor>("@d2m/client/NoPinFor")("NoPinFor", {
  host: Schema.String
}) {
  override get message(): string {
    return `no pin is configured for ${this.host}: add one, or choose trust: "system-trust"`
  }
}

/**
 * A pin rule that can never match, refused before anything is dialled.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidPinRule extends Schema.TaggedError<InvalidPinRule>("@d2m/client/InvalidPinRule")("InvalidPinRule", {
  host: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `the pin rule for ${JSON.stringify(this.host)} is not valid: ${this.detail}`
  }
}

/**
 * The address or another option of the opening request cannot be used at all.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidUrl extends Schema.TaggedError<InvalidUrl>("@d2m/client/InvalidUrl")("InvalidUrl", {
  url: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${JSON.stringify(this.url)} cannot be dialled: ${this.detail}`
  }
}

/**
 * Who ended a connection: `network` when nobody said goodbye (code 1006).
 *
 * @category models
 * @since 0.1.0
 */
export const ClosedBy = Schema.Literals(["server", "client", "network"])

/**
 * Who ended a connection: either side, or the network between.
 *
 * @category models
 * @since 0.1.0
 */
export type ClosedBy = typeof ClosedBy.Type

/**
 * An open connection has ended: with a WebSocket close code and reason, and by whom.
 *
 * For `by: "network"` the code is 1006 and `reason` says what the platform knows. A message that breaks the WebSocket
 * protocol or its size limit ends the connection `by: "client"` with 1002, 1007 or 1009.
 *
 * @category errors
 * @since 0.1.0
 */
export class Closed extends Schema.TaggedError<Closed>("@d2m/client/Closed")("Closed", {
  code: Schema.Int,
  reason: Schema.String,
  by: ClosedBy
}) {
  override get message(): string {
    const who = this.by === "network" ? "the connection broke" : `closed by the ${this.by}`
    return `${who}: ${this.code}${this.reason === "" ? "" : ` ${this.reason}`}`
  }
}

/**
 * Every way in which opening a connection fails.
 *
 * @category errors
 * @since 0.1.0
 */
export const OpenError = Schema.Union([
  PinMismatch,
  CertificateRejected,
  TlsFailed,
  Unreachable,
  UpgradeRefused,
  OpenTimeout,
  PlaintextRefused,
  NoPinFor,
  InvalidPinRule,
  InvalidUrl
])

/**
 * Why there is no connection: every way in which opening one fails.
 *
 * @category errors
 * @since 0.1.0
 */
export type OpenError = typeof OpenError.Type

/**
 * Every way in which a connection fails or ends.
 *
 * @category errors
 * @since 0.1.0
 */
export const TransportError = Schema.Union([...OpenError.members, Closed])

/**
 * Every way in which a transport fails, while it opens or later.
 *
 * @category errors
 * @since 0.1.0
 */
export type TransportError = typeof TransportError.Type

const isTransportError = Schema.is(TransportError)

// `SocketError` keeps only its reason, and prints only the reason's message: the typed error rides on the reason.
const carry = (reason: Socket.SocketErrorReason, error: TransportError): Socket.SocketError => {
  Object.defineProperty(reason, "cause", { value: error, enumerable: false, configurable: true })
  Object.defineProperty(reason, "message", { value: `${error._tag}: ${error.message}`, configurable: true })
  return new Socket.SocketError({ reason })
}

/**
 * The `SocketError` of a connection that could not be opened; `transportError` gives the typed error back.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openFailed = (error: OpenError): Socket.SocketError =>
  carry(new Socket.SocketOpenError({ kind: error._tag === "OpenTimeout" ? "Timeout" : "Unknown", cause: error }), error)

/**
 * The `SocketError` with which a reader learns that its connection ended; the code and reason are `SocketCloseError`'s.
 *
 * @category constructors
 * @since 0.1.0
 */
export const readEnded = (closed: Closed): Socket.SocketError =>
  carry(new Socket.SocketCloseError({ code: closed.code, closeReason: closed.reason }), closed)

/**
 * The `SocketError` of a write to a connection that is not there (any more).
 *
 * @category constructors
 * @since 0.1.0
 */
export const writeFailed = (closed: Closed): Socket.SocketError =>
  carry(new Socket.SocketWriteError({ cause: closed }), closed)

const field = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null && key in value ? (value as Record<string, unknown>)[key] : undefined

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

/**
 * The code and message of a platform's error, or of its error event with the error inside.
 *
 * @internal
 */
export const platformError = (cause: unknown): { readonly code: string; readonly detail: string } => {
  const inner = field(cause, "error") ?? cause
  return {
    code: text(field(inner, "code")) ?? text(field(field(inner, "cause"), "code")) ?? "UNKNOWN",
    detail: text(field(inner, "message")) ?? text(field(cause, "message")) ?? ""
  }
}

/**
 * What a `SocketError` means, for any `Socket`: total, and exact for the sockets of this package.
 *
 * A socket that does not say who closed counts as closed by the server, or by the network when the code is 1006; its
 * failures to open are `Unreachable` or `OpenTimeout`, its failures to read and write a `Closed` with 1006.
 *
 * @category combinators
 * @since 0.1.0
 */
export const transportError = (error: Socket.SocketError): TransportError => {
  const { reason } = error
  const cause = field(reason, "cause")
  if (cause !== undefined && isTransportError(cause)) return cause
  switch (reason._tag) {
    case "SocketOpenError":
      return reason.kind === "Timeout"
        ? new OpenTimeout({ address: "the server", phase: "unknown", timeout: 0 })
        : new Unreachable({ address: "the server", ...platformError(cause) })
    case "SocketCloseError":
      return new Closed({
        code: reason.code,
        reason: reason.closeReason ?? "",
        by: reason.code === 1006 ? "network" : "server"
      })
    case "SocketReadError":
    case "SocketWriteError":
    case "SocketUpgradeError":
      return new Closed({ code: 1006, reason: platformError(cause).detail || reason.message, by: "network" })
  }
}
