/**
 * A WebSocket that was admitted, under guard.
 *
 * Owns what is watched while it is open: the outcome of its handshake, its pings, and whether it reads. Attaching it to the
 * mediator and its frames are `WebSocketTransport`'s.
 *
 * @since 0.1.0
 */
import type { ClientUrlInfo } from "@d2m/codec"
import type { Socket } from "node:net"
import type { WebSocket } from "ws"
import type { CutReason, GuardEvent } from "../GuardEvent.ts"
import type { Mediator } from "../Mediator.ts"
import type { Attachment, Transport } from "../Transport.ts"
import type { Guards } from "./Guards.ts"
import { type HandshakeWatch, watchHandshake } from "./HandshakeWatch.ts"
import { lookAtReader, watchReader } from "./SlowReader.ts"
import { makeBucket, take } from "./TokenBucket.ts"
import { attachWebSocket } from "./WebSocketTransport.ts"

/** A WebSocket under guard. */
export interface OpenConnection {
  readonly attachment: Attachment
  /** Cuts it if it is a slow reader. */
  readonly look: (now: number) => void
}

/** What the server has for its connections. */
export interface OpenConnectionHost {
  readonly mediator: Mediator["Service"]
  readonly guards: Guards
  readonly now: () => number
  readonly report: (event: GuardEvent) => void
  /** A handshake of this address has failed. */
  readonly onFailed: (address: string) => void
}

const policyViolation = 1008

/** Attaches an admitted WebSocket on its TCP or TLS socket to the mediator. */
export const openConnection = (
  host: OpenConnectionHost,
  path: ClientUrlInfo,
  address: string,
  ws: WebSocket,
  socket: Socket
): OpenConnection => {
  const { guards, mediator, now, report } = host
  const reader = watchReader(now())
  const pingRate = { burst: guards.pings, perMinute: guards.pingsPerMinute }
  const pings = makeBucket(pingRate, now())
  let hasFlooded = false
  let handshake: HandshakeWatch | undefined
  let attached: Attachment | undefined
  let buffered = (): number => 0

  const handshakeFailed = (code?: number): void => {
    host.onFailed(address)
    report(code === undefined ? { _tag: "HandshakeLeft", address } : { _tag: "HandshakeFailed", code, address })
  }

  const reportCut = (reason: CutReason): void => report({ _tag: "Cut", reason, address })

  const guarded = (transport: Transport): Transport => {
    const cut = (reason: CutReason): void => {
      reportCut(reason)
      transport.cut(reason)
    }
    buffered = transport.buffered
    handshake = watchHandshake({ ...transport, cut }, () => attached?.isRegistered() === true, handshakeFailed)
    return handshake.transport
  }

  const attach = (path: ClientUrlInfo, transport: Transport): Attachment => {
    const attachment = mediator.attach(path, guarded(transport))
    attached = attachment
    return {
      ...attachment,
      gone: (code) => {
        handshake?.gone()
        attachment.gone(code)
      },
      violated: (code, reason) => {
        handshake?.closing(code)
        attachment.violated(code, reason)
      }
    }
  }
  const attachment = attachWebSocket({ options: mediator.options, attach }, path, ws, socket)

  ws.on("ping", () => {
    if (hasFlooded || take(pings, pingRate, now())) return
    hasFlooded = true
    reportCut("PingFlood")
    attachment.requestClose(policyViolation, "too many pings")
  })

  return {
    attachment,
    look: (now) => {
      if (ws.readyState === ws.CLOSED || socket.destroyed) return
      const taken = socket.bytesWritten - socket.writableLength
      const why = lookAtReader(reader, { waiting: buffered(), taken }, guards, now)
      if (why !== undefined) attachment.requestCut(why)
    }
  }
}
