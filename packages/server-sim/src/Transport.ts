/**
 * The seam between the shared shell and what carries its frames: an in-memory link, a WebSocket.
 *
 * Owns the face only. All of it is synchronous, so that a burst of frames costs no fiber.
 *
 * @since 0.1.0
 */
import type { Fault } from "./Fault.ts"
import type { CutReason, SlowReaderReason } from "./GuardEvent.ts"
import type { ConnectionId } from "./Input.ts"

/**
 * What a mediator needs of a connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transport {
  /** Where it comes from, as guards count it: an IPv4 address, or the /64 of an IPv6 address. Absent in memory. */
  readonly origin?: string | undefined
  /** Takes a frame for sending. The bytes are the transport's from now on. */
  readonly send: (frame: Uint8Array) => void
  /**
   * Takes a long `reflected` in two pieces: all of it up to the envelope, and the envelope, which others are sent, too, and
   * nobody may change. Whoever puts frames together for a write anyway saves a copy; without it `send` gets all in one.
   */
  readonly sendReflected?: ((head: Uint8Array, envelope: Uint8Array) => void) | undefined
  /** What was sent since the last time may go out now: the mediator has nothing more for the moment. */
  readonly flush: () => void
  /** Closes after everything that was sent. Nothing is sent afterwards. */
  readonly close: (code: number, reason: string) => void
  /** Ends the connection without a goodbye; what was sent and not yet written is lost. */
  readonly cut: (reason: CutReason) => void
  /** Bytes taken but not yet written. */
  readonly buffered: () => number
  /** Stops reading from the peer. */
  readonly pause: () => void
  /** Reads again. */
  readonly resume: () => void
  /** Makes a fault happen; returns what ends it, or nothing if it cannot happen here. */
  readonly inject: (fault: Fault) => (() => void) | undefined
}

/**
 * What a connection tells its mediator.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attachment {
  readonly connection: ConnectionId
  /** Whether its ClientHello was accepted at some time. */
  readonly isRegistered: () => boolean
  /** Messages came in, in this order; text messages are strings. */
  readonly received: (messages: ReadonlyArray<Uint8Array | string>) => void
  /** A WebSocket ping came in. */
  readonly pinged: () => void
  /** Something was written: `buffered` is smaller than it was. */
  readonly drained: () => void
  /** The connection has ended, with this close code of the peer; none if it just broke. */
  readonly gone: (code?: number) => void
  /** The transport itself has closed the connection with this code, for what it could not read. */
  readonly violated: (code: number, reason: string) => void
  /** Asks the mediator to close the connection, behind what it has promised; of the reason as much leaves as fits. */
  readonly requestClose: (code: number, reason: string) => void
  /** Asks the mediator to cut the connection, now. */
  readonly requestCut: (reason: SlowReaderReason) => void
  /** A fault has acted: a word for the journal. */
  readonly faultFired: (fault: string) => void
}
