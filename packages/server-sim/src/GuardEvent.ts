/**
 * What a served mediator's guards do: refusals, failed handshakes, connections cut off.
 *
 * Owns the words and the place where somebody listens. Who is refused is decided by the guards of the WebSocket server;
 * counting and logging are the listener's.
 *
 * @since 0.1.0
 */
import { Context } from "effect"

/**
 * Why somebody did not become a connection, with the HTTP status of the answer.
 *
 * - `TooManyConnections` (503): as many are open as the mediator takes
 * - `TooManyFromAddress` (429): as many are open as one address may have
 * - `TooManyFailures` (429): too many handshakes from this address have failed lately
 * - `GroupNotAllowed` (403): there is an allow-list, and the device group is not on it
 * - `BadRequest` (400, 405, 426, 431): no HTTP, an upgrade that is malformed or to a path without ClientUrlInfo, headers without
 *   end, a request that wants something
 * - `NotAnUpgrade` (400, 426): a plain GET, HEAD or OPTIONS, as health checks and browsers send it; no failed handshake
 * - `TooSlow` (none): no complete request in time
 * - `TlsFailed` (none): TLS could not be agreed on
 * - `Overrun` (none): so many are being refused at the moment that this one got no answer
 *
 * @category models
 * @since 0.1.0
 */
export type RefusalReason =
  | "TooManyConnections"
  | "TooManyFromAddress"
  | "TooManyFailures"
  | "GroupNotAllowed"
  | "BadRequest"
  | "NotAnUpgrade"
  | "TooSlow"
  | "TlsFailed"
  | "Overrun"

/**
 * Why an open connection was cut off.
 *
 * - `Stalled`: bytes waited for the client, and the network took none of them for too long
 * - `Slow`: more bytes than allowed waited for the client for too long
 * - `Overflow`: at some moment, more bytes waited for the client than ever may
 * - `PingFlood`: more WebSocket pings than a client has reason for
 *
 * @category models
 * @since 0.1.0
 */
export type CutReason = "Stalled" | "Slow" | "Overflow" | "PingFlood"

/**
 * Why a reader was cut off that does not take what waits for it.
 *
 * @category models
 * @since 0.1.0
 */
export type SlowReaderReason = Extract<CutReason, "Stalled" | "Slow">

/**
 * Something that a guard did or saw. `address` is what the guards count by: an IPv4 address, or the /64 of an IPv6 address. It
 * is personal data: do not make it a label of a metric.
 *
 * @category models
 * @since 0.1.0
 */
export type GuardEvent =
  | { readonly _tag: "Refused"; readonly reason: RefusalReason; readonly address: string }
  /** A connection was closed with this code before a ClientHello of it was accepted, for what the client did. */
  | { readonly _tag: "HandshakeFailed"; readonly code: number; readonly address: string }
  /** A client was sent ServerHello and left before a ClientHello of it was accepted. */
  | { readonly _tag: "HandshakeLeft"; readonly address: string }
  | { readonly _tag: "Cut"; readonly reason: CutReason; readonly address: string }
  /**
   * At a look, about one a second, the process had no file descriptor left: whoever connects is hung up on, unseen by the
   * guards. It is over when there are no more of these.
   */
  | { readonly _tag: "OutOfDescriptors" }

/**
 * Where guards report to: a function that is called at once, often while under attack, and so must be quick and must not
 * block. What it throws is logged, and harms nobody. Nobody listens unless told.
 *
 * @category services
 * @since 0.1.0
 */
export const GuardEvents = Context.Reference<(event: GuardEvent) => void>("@d2m/server-sim/GuardEvents", {
  defaultValue: () => () => {}
})
