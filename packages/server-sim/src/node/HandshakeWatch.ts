/**
 * How the handshake of a connection ended, seen from outside the mediator.
 *
 * Owns what counts as a failed one: closed before ServerInfo for what the client did, or did not do in time, and left by a
 * client that was greeted and said nothing. A device that proved its key and was refused for another reason (41xx), a client
 * that waited in vain and a mediator that stops are no failures.
 *
 * @since 0.1.0
 */
import { CloseCode, decodeServerFrame } from "@d2m/codec"
import { Result } from "effect"
import type { Transport } from "../Transport.ts"

/** Of WebSocket itself: broken framing, invalid text, policy, a message too big (RFC 6455, 7.4.1). */
const webSocketViolations = new Set([1002, 1007, 1008, 1009])

const isClientsFault = (code: number): boolean =>
  code === CloseCode.ProtocolError || code === CloseCode.Idle || webSocketViolations.has(code)

/** A connection until its ServerInfo. */
export interface HandshakeWatch {
  /** The transport to give to the mediator. */
  readonly transport: Transport
  /** The server itself closes with this code. */
  readonly closing: (code: number) => void
  /** The client has said something. */
  readonly heard: () => void
  /** The connection is gone. */
  readonly gone: () => void
}

/** Watches a transport; `onFailed` is called at most once, with the close code if the mediator closed. */
export const watchHandshake = (transport: Transport, onFailed: (code?: number) => void): HandshakeWatch => {
  let isOver = false
  let wasGreeted = false
  let wasHeard = false
  const closing = (code: number): void => {
    if (!isOver && isClientsFault(code)) onFailed(code)
    isOver = true
  }
  const watched = {
    ...transport,
    send: (frame: Uint8Array): void => {
      wasGreeted = true
      const decoded = decodeServerFrame(frame)
      if (Result.isSuccess(decoded) && decoded.success._tag === "ServerInfo") {
        isOver = true
        // From here on the way is as short as without a watch.
        watched.send = transport.send
      }
      transport.send(frame)
    },
    close: (code: number, reason: string): void => {
      closing(code)
      transport.close(code, reason)
    }
  }
  return {
    transport: watched,
    closing,
    heard: () => {
      wasHeard = true
    },
    gone: () => {
      if (!isOver && wasGreeted && !wasHeard) onFailed()
      isOver = true
    }
  }
}
