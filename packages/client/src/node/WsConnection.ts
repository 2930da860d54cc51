/**
 * One WebSocket over `ws`: the upgrade on a socket that is trusted already, then messages both ways.
 * Owns one hand-over per socket read, and backpressure in both directions.
 * Leaves the writer's contract to `WebSocketConnection`, what is written at once to `TickWriter` and trust to `Dial`.
 */
import { violationCode } from "@d2m/codec/node"
import { type Clock, Deferred, Duration, Effect, Exit, Latch } from "effect"
import type { Socket } from "effect/socket"
import type * as Net from "node:net"
import { type ClientOptions, WebSocket } from "ws"
import { Closed, InvalidUrl, type OpenError, platformError, UpgradeRefused, writeFailed } from "../TransportError.ts"
import { type Connection, makeConnection } from "../WebSocketConnection.ts"
import { makeInbox, type Message } from "../WebSocketInbox.ts"
import { dialError, type Target } from "./Dial.ts"
import { makeTickWriter } from "./TickWriter.ts"
import { readRefusal } from "./UpgradeRefusal.ts"

/** @internal */
export interface WsOptions {
  readonly headers: Readonly<Record<string, string>>
  readonly maxPayload: number
  readonly readHighWaterMark: number
  readonly writeHighWaterMark: number
  readonly closeTimeout: Duration.Duration
}

/** @internal */
export interface WsConnection extends Connection {
  readonly ping: Effect.Effect<void, Socket.SocketError>
}

const isBinary = (messages: ReadonlyArray<Message>): messages is ReadonlyArray<Uint8Array> =>
  messages.every((message) => typeof message !== "string")

const plainBytes = (data: Buffer): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/**
 * Upgrades the socket. `on.hold` gets what ends the connection, whatever state it is in, before anything is awaited;
 * `on.refused` what is known of a refusal while the rest of the answer is still to come.
 *
 * @internal
 */
export const upgrade = (
  target: Target,
  socket: Net.Socket,
  options: WsOptions,
  clock: Clock.Clock,
  on: { readonly hold: (hangUp: () => void) => void; readonly refused: (known: () => UpgradeRefused) => void }
): Effect.Effect<WsConnection, OpenError> =>
  Effect.callback((resume) => {
    const { address, href } = target.url
    const clientOptions: ClientOptions & { readonly closeTimeout: number } = {
      createConnection: () => socket,
      perMessageDeflate: false,
      followRedirects: false,
      headers: { ...options.headers },
      maxPayload: options.maxPayload,
      closeTimeout: Duration.toMillis(options.closeTimeout)
    }
    let ws: WebSocket
    try {
      ws = new WebSocket(href, clientOptions)
    } catch (cause) {
      socket.destroy()
      const { detail } = platformError(cause)
      return resume(Effect.fail(new InvalidUrl({ url: `${target.url.secure ? "wss" : "ws"}://${address}`, detail })))
    }
    let opened = false
    let lastError: NodeJS.ErrnoException | undefined
    let refusal: (() => UpgradeRefused) | undefined
    let life: Deferred.Deferred<void, Socket.SocketError> | undefined
    const drained = Latch.makeUnsafe(true)

    const writer = makeTickWriter(socket)

    const signOfLife = (exit: Exit.Exit<void, Socket.SocketError>) => {
      if (life === undefined) return
      const waiting = life
      life = undefined
      Deferred.doneUnsafe(waiting, exit)
    }
    const close = (code: number, reason: string) => {
      ws.close(code, reason)
      writer.uncork()
      ws.resume()
    }

    const inbox = makeInbox({
      highWaterMark: options.readHighWaterMark,
      onFull: () => ws.pause(),
      onTaken: () => ws.resume(),
      defer: (deliver) => process.nextTick(deliver)
    })
    const end = (closed: Closed) => {
      inbox.end(closed)
      drained.openUnsafe()
      signOfLife(Exit.fail(writeFailed(inbox.closed() ?? closed)))
    }
    const fail = (error: OpenError) => {
      ws.terminate()
      socket.destroy()
      resume(Effect.fail(error))
    }

    socket.on("error", (error) => {
      lastError = error
    })
    socket.on("drain", () => drained.openUnsafe())
    ws.on("message", (data: Buffer, isBinary) => {
      inbox.push(isBinary ? plainBytes(data) : data.toString())
      signOfLife(Exit.void)
    })
    ws.on("pong", () => signOfLife(Exit.void))
    ws.on("unexpected-response", (_request, response) => {
      refusal = readRefusal(response, address, clock.currentTimeMillisUnsafe(), fail)
      on.refused(refusal)
    })
    ws.on("error", (error: NodeJS.ErrnoException) => {
      if (opened) {
        return end(new Closed({ code: violationCode(error.code) ?? 1002, reason: error.message, by: "client" }))
      }
      if (refusal !== undefined) return fail(refusal())
      // An error without a code is a complaint of `ws` about the answer; those of the HTTP parser begin with HPE.
      const answered = error.code === undefined || error.code.startsWith("HPE_")
      fail(answered ? new UpgradeRefused({ address, detail: error.message }) : dialError(error, target, socket))
    })
    ws.on("close", (code, reason) =>
      end(
        code === 1006
          ? new Closed({ code, reason: lastError?.code ?? "no close frame came", by: "network" })
          : new Closed({ code, reason: reason.toString(), by: "server" })
      )
    )
    ws.on("open", () => {
      opened = true
      resume(Effect.succeed({ ...connection, ping }))
    })

    const connection = makeConnection(inbox, {
      isOpen: () => ws.readyState === WebSocket.OPEN,
      send: (messages) => {
        writer.begin(messages.length)
        if (isBinary(messages)) writer.write(messages)
        else for (const message of messages) ws.send(message)
        writer.end()
      },
      drained: () => {
        if (!socket.writableNeedDrain || socket.writableLength <= options.writeHighWaterMark) return undefined
        drained.closeUnsafe()
        return drained.await
      },
      close: (code, reason) => {
        close(code, reason)
        drained.openUnsafe()
      },
      closeTimeout: options.closeTimeout
    })

    const ping = Effect.suspend(() => {
      const closed = inbox.closed()
      if (closed !== undefined) return Effect.fail(writeFailed(closed))
      if (ws.readyState === WebSocket.OPEN) ws.ping()
      // Who does not read gets no pong.
      if (ws.isPaused) return Effect.void
      life ??= Deferred.makeUnsafe<void, Socket.SocketError>()
      return Deferred.await(life)
    })

    on.hold(() => {
      if (!opened) {
        ws.terminate()
        socket.destroy()
        return
      }
      end(new Closed({ code: 1000, reason: "", by: "client" }))
      if (ws.readyState !== WebSocket.CLOSED) close(1000, "")
    })
  })
