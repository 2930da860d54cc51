/**
 * The transport for any platform with a global WebSocket: browsers, Deno, Bun, Node's own.
 * Owns the same promises as the Node transport, as far as that interface can keep them.
 * Leaves pins, pings and holding back a fast server to `@d2m/client/node`: a global WebSocket cannot do them.
 */
import { Duration, Effect, Layer, Schema } from "effect"
import { Socket } from "effect/socket"
import type { InvalidDeviceOptions } from "./DeviceOptionsError.ts"
import { bytes, checkWith, durationAboveZero, finiteDuration } from "./OptionCheck.ts"
import { Closed, InvalidUrl, openFailed, OpenTimeout, platformError, Unreachable } from "./TransportError.ts"
import { makeConnection, makeSocket } from "./WebSocketConnection.ts"
import { type Inbox, makeInbox } from "./WebSocketInbox.ts"
import { parseWebSocketUrl } from "./WebSocketUrl.ts"

/**
 * Where to dial, how long things may take, and how much may wait.
 *
 * @category models
 * @since 0.1.0
 */
export interface WebSocketOptions {
  /** The full address, path included (PROTOCOL A1); see `mediatorUrl` of `@d2m/codec`. */
  readonly url: string
  /** Permits `ws:` to other machines. */
  readonly allowPlaintext?: boolean
  /** From dialling to the open WebSocket; 10 seconds (decision 15). */
  readonly openTimeout?: Duration.Input
  /** How long a write to a closing connection waits to learn why it closes; 2 seconds. */
  readonly closeTimeout?: Duration.Input
  /**
   * Bytes received and not yet pulled at which the connection is given up, because it cannot be slowed down; 64 MiB.
   * What was received before can still be pulled.
   */
  readonly receiveLimit?: number
  /** Bytes written and not yet sent above which a writer waits until a quarter is left; 512 KiB. */
  readonly writeHighWaterMark?: number
  /** How often a waiting writer looks: the interface has no event for it; 20 milliseconds. */
  readonly pollInterval?: Duration.Input
}

const check = checkWith(
  Schema.Struct({
    openTimeout: Schema.optional(durationAboveZero),
    closeTimeout: Schema.optional(finiteDuration),
    receiveLimit: Schema.optional(bytes(1)),
    writeHighWaterMark: Schema.optional(bytes(0)),
    pollInterval: Schema.optional(durationAboveZero)
  })
)

const openState = 1

const messageOf = (data: unknown): Uint8Array | string =>
  data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : String(data)

const bufferedBytes = (ws: Socket.WebSocketLike): number =>
  "bufferedAmount" in ws && typeof ws.bufferedAmount === "number" ? ws.bufferedAmount : 0

/**
 * A `Socket` over the `WebSocketConstructor` of the platform; `layerWebSocket` says what it promises. Fails where a time or a
 * number of bytes is none that can be waited for or held; what is wrong with the URL is told by the connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeWebSocket = (
  options: WebSocketOptions
): Effect.Effect<Socket.Socket, InvalidDeviceOptions, Socket.WebSocketConstructor> =>
  Effect.gen(function* () {
    yield* Effect.fromResult(check(options))
    const construct = yield* Socket.WebSocketConstructor
    const openTimeout = Duration.fromInputUnsafe(options.openTimeout ?? "10 seconds")
    const closeTimeout = Duration.fromInputUnsafe(options.closeTimeout ?? "2 seconds")
    const pollInterval = Duration.fromInputUnsafe(options.pollInterval ?? "20 millis")
    const receiveLimit = options.receiveLimit ?? 64 * 1024 * 1024
    const writeHighWaterMark = options.writeHighWaterMark ?? 512 * 1024

    const connect = Effect.gen(function* () {
      const { address, href, secure } = yield* Effect.fromResult(
        parseWebSocketUrl(options.url, options.allowPlaintext === true)
      )
      let opened = false

      const construction = Effect.try({
        try: () => construct(href),
        catch: (cause) => {
          // The path names the device group, and a query may hold a key; browsers repeat both in what they say.
          const url = `${secure ? "wss" : "ws"}://${address}`
          return new InvalidUrl({ url, detail: platformError(cause).detail.replaceAll(href, url) })
        }
      })
      const inboxOf = (ws: Socket.WebSocketLike): Inbox => {
        const inbox = makeInbox({
          highWaterMark: receiveLimit,
          onFull: () => {
            ws.close(1000)
            const reason = `${receiveLimit} bytes were received and not taken`
            inbox.end(new Closed({ code: 1009, reason, by: "client" }))
          },
          onTaken: () => undefined,
          defer: (deliver) => deliver()
        })
        return inbox
      }
      // It dials as soon as it is made: nothing may come between that and the way to close it.
      const { inbox, ws } = yield* Effect.acquireRelease(
        Effect.map(construction, (ws) => ({ ws, inbox: inboxOf(ws) })),
        ({ inbox, ws }) =>
          Effect.sync(() => {
            if (opened) ws.close(1000)
            else ws.close()
            inbox.end(new Closed({ code: 1000, reason: "", by: "client" }))
          })
      )

      yield* Effect.callback<void, Unreachable>((resume) => {
        let detail = ""
        if ("binaryType" in ws) ws.binaryType = "arraybuffer"
        ws.addEventListener("message", (event) => inbox.push(messageOf(event.data)))
        ws.addEventListener("error", (event) => {
          detail = platformError(event).detail
          if (!opened) resume(Effect.fail(new Unreachable({ address, ...platformError(event) })))
        })
        ws.addEventListener("close", ({ code = 1006, reason = "" }) => {
          if (!opened) return resume(Effect.fail(new Unreachable({ code: "UNKNOWN", address, detail })))
          inbox.end(
            code === 1006
              ? new Closed({ code, reason: detail || "no close frame came", by: "network" })
              : new Closed({ code, reason, by: "server" })
          )
        })
        const onOpen = () => {
          opened = true
          resume(Effect.void)
        }
        if (ws.readyState === openState) onOpen()
        else ws.addEventListener("open", onOpen, { once: true })
      }).pipe(
        Effect.timeoutOrElse({
          duration: openTimeout,
          orElse: () => {
            ws.close()
            const timeout = Duration.toMillis(openTimeout)
            return Effect.fail(new OpenTimeout({ address, phase: "unknown", timeout }))
          }
        })
      )

      const drained = Effect.gen(function* () {
        while (inbox.closed() === undefined && bufferedBytes(ws) > writeHighWaterMark / 4) {
          yield* Effect.sleep(pollInterval)
        }
      })

      return makeConnection(inbox, {
        isOpen: () => ws.readyState === openState,
        send: (messages) => {
          for (const message of messages) ws.send(message as string | Uint8Array<ArrayBuffer>)
        },
        drained: () => (bufferedBytes(ws) > writeHighWaterMark ? drained : undefined),
        close: (code, reason) => ws.close(code, reason),
        closeTimeout
      })
    }).pipe(Effect.mapError(openFailed))

    return makeSocket(connect).socket
  })

/**
 * Effect's `Socket` over `globalThis.WebSocket`. Every acquisition of the reader dials anew.
 *
 * One element of a pull is one WebSocket message; a text message comes as a string. A write waits while more than
 * `writeHighWaterMark` bytes are unsent, and fails on a connection that has ended. Closing the reader's scope closes
 * with 1000. `transportError` turns a `SocketError` into what happened.
 *
 * **What it cannot do.** A global WebSocket trusts what the platform trusts: it cannot check pins (decision 28), so
 * whoever controls one of the platform's certificate authorities can stand between device and mediator, and see which
 * group talks and when (the messages stay sealed). It hides why a connection did not come about (`Unreachable` with code
 * `UNKNOWN`, also for a refused certificate or an HTTP 400), cannot slow a server down (see `receiveLimit`), cannot
 * ping, and closes only with 1000 and 3000 to 4999. Browsers and Node offer permessage-deflate on their own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWebSocket = (options: WebSocketOptions): Layer.Layer<Socket.Socket, InvalidDeviceOptions> =>
  Layer.effect(Socket.Socket, makeWebSocket(options)).pipe(Layer.provide(Socket.layerWebSocketConstructorGlobal))
