/**
 * A mediator behind its WebSocket server, for tests over real sockets, and devices of one group that talk to it.
 */
import { type ClientUrlInfo, Crypto, DeviceGroupKey, toUrlPath } from "@d2m/codec"
import {
  ChatUpstream,
  type GuardEvent,
  GuardEvents,
  type Happening,
  Mediator,
  type MediatorOptionsInput,
  MediatorStore,
  type RefusalReason
} from "@d2m/server-sim"
import {
  type GuardsInput,
  layerWebSocketServer,
  ListenAddress,
  type WebSocketServerOptions
} from "@d2m/server-sim/node"
import { Effect, Layer, Queue, Result } from "effect"
import { SecureRandom } from "effect/crypto"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import type { ClientOptions } from "ws"
import { hello, reflect } from "./drive.ts"
import { dial, type WireClient } from "./wire-client.ts"

export const loopback: WebSocketServerOptions = { host: "127.0.0.1", port: 0 }

const mediator = (
  options: MediatorOptionsInput = {},
  chat: Layer.Layer<ChatUpstream> = ChatUpstream.layerEcho,
  store: Layer.Layer<MediatorStore> = MediatorStore.layerMemory
) => Mediator.layer(options).pipe(Layer.provide([store, chat, Crypto.layer, SecureRandom.layerWebCrypto]))

export const served = (
  options: MediatorOptionsInput = {},
  listen: WebSocketServerOptions = loopback,
  chat?: Layer.Layer<ChatUpstream>,
  store?: Layer.Layer<MediatorStore>
) =>
  layerWebSocketServer(listen).pipe(
    Layer.provideMerge(mediator(options, chat, store)),
    Layer.provideMerge(Crypto.layer)
  )

export const keysOf = Crypto.useSync((crypto) => crypto.deriveKeys(DeviceGroupKey.make(new Uint8Array(32).fill(9))))
export const pathOf = Effect.map(keysOf, (keys): ClientUrlInfo => ({ deviceGroupId: keys.groupId, serverGroup: "7a" }))
export const urlOf = Effect.gen(function* () {
  const address = yield* ListenAddress
  return `${address.url}x/${toUrlPath(yield* pathOf)}`
})

/** Sends a ClientHello that answers the challenge. */
export const identify = Effect.fnUntraced(function* (
  client: WireClient,
  device: number,
  expectedDeviceSlotState = 0,
  overrides: Parameters<typeof hello>[1] = {}
) {
  const crypto = yield* Crypto
  const serverHello = yield* client.until("ServerHello")
  const response = Result.getOrThrow(crypto.answerChallenge(yield* keysOf, serverHello, new Uint8Array(24)))
  client.send(hello(device, { response, expectedDeviceSlotState, ...overrides }))
})

export const register = Effect.fnUntraced(function* (...parameters: Parameters<typeof identify>) {
  yield* identify(...parameters)
  return yield* parameters[0].until("ServerInfo")
})

export const join = Effect.fnUntraced(function* (device: number, expectedDeviceSlotState = 0) {
  const client = yield* dial(yield* urlOf)
  yield* register(client, device, expectedDeviceSlotState)
  return client
})

/** A round trip. */
export const answers = Effect.fnUntraced(function* (client: WireClient) {
  client.send({ _tag: "GetDevicesInfo" })
  yield* client.until("DevicesInfo")
})

/** Puts so many messages of 32 KiB into the queue of device 2, which is not connected. */
export const fill = Effect.fnUntraced(function* (a: WireClient, count: number) {
  ;(yield* join(2)).ws.terminate()
  const envelope = new Uint8Array(32 * 1024)
  for (let n = 0; n < count; n++) a.send(reflect(n, { envelope }))
  for (let n = 0; n < count; n++) yield* a.until("ReflectAck")
})

/** Device 2 on its slot. */
export const rejoin = Effect.fnUntraced(function* (options: Parameters<typeof dial>[1] = {}) {
  const client = yield* dial(yield* urlOf, options)
  yield* register(client, 2, 1)
  return client
})

/** A TCP server for the time of a scope; `onSocket` says what it does. */
export const tcpServer = (onSocket: (socket: Socket) => void) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => {})
        onSocket(socket)
      })
      server.listen(0, "127.0.0.1", () =>
        resume(
          Effect.succeed({
            port: (server.address() as AddressInfo).port,
            close: () => {
              for (const socket of sockets) socket.destroy()
              server.close()
            }
          })
        )
      )
    }),
    (server) => Effect.sync(server.close)
  )

export const rawRequest = (port: number, text: string) =>
  Effect.callback<string>((resume) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text))
    let answer = ""
    socket.on("data", (chunk) => (answer += chunk.toString()))
    socket.on("close", () => resume(Effect.succeed(answer)))
    socket.on("error", () => {})
  })

/** A guarded mediator, and what its guards do. */
export const guarded = <A, E, R>(
  settings: {
    readonly guards: GuardsInput
    readonly mediator?: MediatorOptionsInput
    readonly chat?: Layer.Layer<ChatUpstream>
    readonly store?: Layer.Layer<MediatorStore>
  },
  test: (guard: {
    /** The next thing that a guard does. */
    readonly next: Effect.Effect<GuardEvent>
    /** Everything that guards have done and nobody has looked at. */
    readonly rest: Effect.Effect<ReadonlyArray<GuardEvent>>
  }) => Effect.Effect<A, E, R>,
  listen: Partial<WebSocketServerOptions> = {}
) =>
  Effect.gen(function* () {
    const events = yield* Queue.unbounded<GuardEvent>()
    const { chat, guards, mediator, store } = settings
    const layer = served(mediator, { ...loopback, ...listen, guards }, chat, store).pipe(
      Layer.provide(Layer.succeed(GuardEvents, (event) => void Queue.offerUnsafe(events, event)))
    )
    return yield* test({ next: Queue.take(events), rest: Queue.clear(events) }).pipe(Effect.provide(layer))
  })

/** The next connections that end, as the mediator has it, from now on. */
export const ends = Effect.gen(function* () {
  const queue = yield* Queue.unbounded<Extract<Happening, { readonly _tag: "Ended" }>>()
  yield* (yield* Mediator).observe((happening) => {
    if (happening._tag === "Ended") Queue.offerUnsafe(queue, happening)
  })
  return Queue.take(queue)
})

/** How a dial is refused: status and text. */
export const refused = (options: ClientOptions = {}) =>
  Effect.flatMap(
    Effect.flatMap(urlOf, (url) => Effect.result(dial(url, options))),
    (result) => (Result.isFailure(result) ? Effect.succeed(result.failure) : Effect.die("it was not refused"))
  )

/** From another address of loopback than usual. */
export const elsewhere = { localAddress: "127.0.0.2" }

/** A connection that has got its ServerHello. */
export const greeted = Effect.fnUntraced(function* (options: ClientOptions = {}) {
  const client = yield* dial(yield* urlOf, options)
  yield* client.until("ServerHello")
  return client
})

export const pathText = Effect.map(pathOf, toUrlPath)

export const refusal = (reason: RefusalReason, address = "127.0.0.1"): GuardEvent => ({
  _tag: "Refused",
  reason,
  address
})
