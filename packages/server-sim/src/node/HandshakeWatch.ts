/**
 * How the handshake of a connection ended, seen from outside the mediator.
 *
 * Owns what counts as a failed one: a greeted client whose ClientHello was not accepted, and that left, or was closed for
 * what it did, or did not do in time. A device that proved its key and was refused for another reason (41xx), a client that
 * waited in vain and a mediator that stops or fails are no failures.
 *
 * @since 0.1.0
 */
import { CloseCode } from "@d2m/codec"
import type { Transport } from "../Transport.ts"

/**
 * Codes that close a client for its own doing. Those of the chat are among them: without a key they are to be had for one
 * byte. The last four are WebSocket's own: broken framing, invalid text, policy, a message too big (RFC 6455, 7.4.1).
 */
const clientsFault: ReadonlySet<number> = new Set([
  CloseCode.ProtocolError,
  CloseCode.Idle,
  CloseCode.UnsupportedVersion,
  CloseCode.ChatEnded,
  CloseCode.ChatUnreachable,
  CloseCode.ChatInternal,
  1002,
  1007,
  1008,
  1009
])

/** A connection until its handshake is over. */
export interface HandshakeWatch {
  /** The transport to give to the mediator. */
  readonly transport: Transport
  /** The server itself closes with this code. */
  readonly closing: (code: number) => void
  /** The connection is gone. */
  readonly gone: () => void
}

/** Watches a transport; `onFailed` is called at most once, with the close code if the mediator closed. */
export const watchHandshake = (
  transport: Transport,
  isRegistered: () => boolean,
  onFailed: (code?: number) => void
): HandshakeWatch => {
  let isOver = false
  let wasGreeted = false
  const end = (isFault: boolean, code?: number): void => {
    if (!isOver && isFault && !isRegistered()) onFailed(code)
    isOver = true
  }
  const closing = (code: number): void => end(clientsFault.has(code), code)
  const watched = {
    ...transport,
    send: (frame: Uint8Array): void => {
      wasGreeted = true
      // From here on the way is as short as without a watch.
      watched.send = transport.send
      transport.send(frame)
    },
    close: (code: number, reason: string): void => {
      closing(code)
      transport.close(code, reason)
    }
  }
  return { transport: watched, closing, gone: () => end(wasGreeted) }
}
