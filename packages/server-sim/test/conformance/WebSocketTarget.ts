/**
 * The mediator behind its WebSocket server as a target: real sockets on the loopback, virtual time in the mediator.
 *
 * Owns the WebSocket client, which is `ws` by itself. Frames move by events of real sockets, which no clock drives, and so a
 * scenario waits for them; the mediator's deadlines move only when a scenario advances its time.
 */
import type { ClientUrlInfo } from "@d2m/codec"
import { Context, Effect, Layer, Queue, type Scope } from "effect"
import * as Http from "node:http"
import { WebSocket } from "ws"
import { layerWebSocketServer, ListenAddress } from "../../src/node.ts"
import type { KeptStore } from "./KeptStore.ts"
import { underTest } from "./MediatorUnderTest.ts"
import { type DialOptions, OpenError, Target, type TargetLayer, type WebSocketWire } from "./Target.ts"
import { makeWire, type WireEvent } from "./Wire.ts"

/** The path of a group, by hand: scenarios dial with ids that no encoder writes. */
const pathOf = ({ deviceGroupId, serverGroup }: ClientUrlInfo): string => {
  const server = Buffer.from(serverGroup)
  const info = Buffer.from([0x0a, deviceGroupId.length, ...deviceGroupId, 0x1a, server.length, ...server])
  return `/${Buffer.from(deviceGroupId.subarray(0, 1)).toString("hex")}/${info.toString("hex")}`
}

const ignore = (): void => {}

const opened = (
  url: string,
  options: DialOptions
): Effect.Effect<{ readonly ws: WebSocket; readonly events: Queue.Queue<WireEvent> }, OpenError, Scope.Scope> =>
  Effect.gen(function* () {
    const events = yield* Queue.unbounded<WireEvent>()
    const ws = yield* Effect.acquireRelease(
      Effect.sync(
        () =>
          new WebSocket(url, {
            autoPong: options.pongs ?? true,
            perMessageDeflate: options.offerCompression === true ? { threshold: 0 } : false,
            maxPayload: 0x10_0000
          })
      ),
      (ws) => Effect.sync(() => ws.terminate())
    )
    ws.on("message", (data: Buffer, isBinary: boolean) => {
      Queue.offerUnsafe(events, { _tag: "Message", message: isBinary ? new Uint8Array(data) : data.toString() })
    })
    ws.on("close", (code, reason) => {
      Queue.offerUnsafe(events, { _tag: "Closed", code, reason: reason.toString() })
    })
    ws.on("error", ignore)
    yield* Effect.callback<void, OpenError>((resume) => {
      ws.once("open", () => resume(Effect.void))
      ws.once("error", (error) => resume(new OpenError({ detail: error.message })))
      ws.once("unexpected-response", (request, response) => {
        request.destroy()
        resume(new OpenError({ status: response.statusCode ?? 0, detail: response.statusMessage ?? "" }))
      })
    })
    return { ws, events }
  })

const wireOf = (url: string, options: DialOptions = {}): Effect.Effect<WebSocketWire, OpenError, Scope.Scope> =>
  Effect.map(opened(url, options), ({ events, ws }) => ({
    ...makeWire({
      events,
      send: (message) => Effect.sync(() => ws.send(message, ignore)),
      close: (code) => Effect.sync(() => ws.close(code)),
      cut: Effect.sync(() => ws.terminate()),
      pause: Effect.sync(() => ws.pause()),
      resume: Effect.sync(() => ws.resume())
    }),
    sendFragments: (fragments) =>
      Effect.sync(() => {
        for (const [index, fragment] of fragments.entries()) {
          ws.send(fragment, { binary: true, fin: index === fragments.length - 1 }, ignore)
        }
      }),
    closeWithoutCode: Effect.sync(() => ws.close()),
    ping: Effect.callback<void>((resume) => {
      ws.once("pong", () => resume(Effect.void))
      ws.ping()
    })
  }))

const request = (url: string, headers: Readonly<Record<string, string>>) =>
  Effect.callback<{ readonly status: number; readonly headers: Http.IncomingHttpHeaders }>((resume) => {
    const sent = Http.request(url, { headers, agent: false })
    const answered = (response: Http.IncomingMessage): void => {
      resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers }))
      sent.destroy()
    }
    sent.on("response", answered)
    sent.on("upgrade", (response, socket) => {
      answered(response)
      socket.destroy()
    })
    sent.on("error", ignore)
    sent.end()
  })

export const webSocket =
  (kept: KeptStore): TargetLayer =>
  (settings) =>
    Layer.effect(
      Target,
      Effect.gen(function* () {
        const listening = Effect.map(
          Layer.build(Layer.suspend(() => layerWebSocketServer({ host: "127.0.0.1", port: 0 }))),
          (context) => Context.get(context, ListenAddress)
        )
        const { current, ...rest } = yield* underTest(settings, kept, Effect.orDie(listening))
        const root = (scheme: "ws" | "http"): string => `${scheme}://127.0.0.1:${current().port}`

        return Target.of({
          ...rest,
          name: "websocket",
          open: (path) => wireOf(`${root("ws")}${pathOf(path)}`),
          webSocket: {
            dial: (path, options) => wireOf(`${root("ws")}${path}`, options),
            request: (path, headers = {}) => request(`${root("http")}${path}`, headers)
          }
        })
      })
    )
