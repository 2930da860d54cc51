/**
 * A WebSocket that was admitted, under guard.
 *
 * Owns what is watched until it is gone: the outcome of its handshake, its pings, whether it reads, and how long it may take
 * to close. Attaching it to the mediator and its frames are `WebSocketTransport`'s.
 *
 * @since 0.1.0
 */
import { type ClientUrlInfo, closeCode } from "@d2m/codec"
import { Result } from "effect"
import type { Socket } from "node:net"
import type { WebSocket } from "ws"
import type { Fault } from "../Fault.ts"
import type { Forks } from "../Forks.ts"
import type { CutReason, GuardEvent } from "../GuardEvent.ts"
import type { Mediator } from "../Mediator.ts"
import type { Attachment, Transport } from "../Transport.ts"
import type { Guards } from "./Guards.ts"
import { type HandshakeWatch, watchHandshake } from "./HandshakeWatch.ts"
import { lookAtReader, watchReader } from "./SlowReader.ts"
import { makeBucket, take } from "../TokenBucket.ts"
import { attachWebSocket } from "./WebSocketTransport.ts"

/** A WebSocket under guard. */
export interface OpenConnection {
  readonly attachment: Attachment
  /** Cuts it if it is a slow reader, or takes too long to close. */
  readonly look: (now: number) => void
}

/** What the server has for its connections. */
export interface OpenConnectionHost {
  readonly mediator: Mediator["Service"]
  readonly guards: Guards
  /** How long a client may take for its part of a closing handshake, in ms. */
  readonly closeTimeout: number
  readonly forks: Forks
  readonly now: () => number
  readonly report: (event: GuardEvent) => void
  /** Ends the TCP connection behind a socket with a reset. */
  readonly reset: (socket: Socket) => void
  /** A handshake of this address has failed. */
  readonly onFailed: (address: string) => void
}

const policyViolation = 1008

/**
 * Attaches an admitted WebSocket on its TCP or TLS socket to the mediator. Under faults from its opening on, what becomes of
 * its handshake does not count against its address; if these faults could not be told, it is closed with 1011 and why.
 */
export const openConnection = (
  host: OpenConnectionHost,
  path: ClientUrlInfo,
  address: string,
  ws: WebSocket,
  socket: Socket,
  wanted: Result.Result<ReadonlyArray<Fault>, string>
): OpenConnection => {
  const faults = Result.getOrElse(wanted, (): ReadonlyArray<Fault> => [])
  const { closeTimeout, forks, guards, mediator, now, report } = host
  const reader = watchReader(now())
  const pingRate = { burst: guards.pings, perMinute: guards.pingsPerMinute }
  const pings = makeBucket(pingRate, now())
  let hasFlooded = false
  let handshake: HandshakeWatch | undefined
  let attached: Attachment | undefined
  let closingSince: number | undefined
  let patience = closeTimeout

  const handshakeFailed = (code?: number): void => {
    if (faults.length === 0) host.onFailed(address)
    report(code === undefined ? { _tag: "HandshakeLeft", address } : { _tag: "HandshakeFailed", code, address })
  }

  const isRegistered = (): boolean => attached?.isRegistered() === true

  const reportCut = (reason: CutReason): void => report({ _tag: "Cut", reason, address })

  const guarded = (transport: Transport): Transport => {
    const cut = (reason: CutReason): void => {
      reportCut(reason)
      transport.cut(reason)
    }
    const close = (code: number, reason: string): void => {
      // Cut off too early, the device would take back what it has lost for good: to a slow handler the code comes last.
      const isLastWord = isRegistered() && closeCode(code).verdict === "user"
      if (isLastWord) patience = Math.max(closeTimeout, guards.slowReaderDeadline)
      transport.close(code, reason)
    }
    handshake = watchHandshake({ ...transport, origin: address, cut, close }, isRegistered, handshakeFailed)
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
  const { attachment, waiting } = attachWebSocket({ options: mediator.options, attach }, path, {
    ws,
    socket,
    reset: () => host.reset(socket),
    faults,
    broken: Result.isFailure(wanted) ? wanted.failure : undefined,
    forks,
    now
  })

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
      if (ws.readyState === ws.CLOSING) closingSince ??= now
      if (closingSince !== undefined && now - closingSince >= patience) return ws.terminate()
      const taken = socket.bytesWritten - socket.writableLength
      const why = lookAtReader(reader, { waiting: waiting(), taken }, guards, now)
      if (why !== undefined) attachment.requestCut(why)
    }
  }
}
