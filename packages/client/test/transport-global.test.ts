import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Queue, Scheduler, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Socket } from "effect/socket"
import { transportError } from "../src/TransportError.ts"
import { layerWebSocket, makeWebSocket, type WebSocketOptions } from "../src/WebSocketTransport.ts"
import { InterruptAt } from "./interrupt-at.ts"
import { settle } from "./scripted-peer.ts"
import { certificate, event, failure, messagesOf, open, serve, serveTcp } from "./transport-support.ts"

const frame = (...bytes: ReadonlyArray<number>) => Uint8Array.from(bytes)

const global = (options: WebSocketOptions) =>
  Effect.map(Layer.build(layerWebSocket(options)), (context) => Context.get(context, Socket.Socket))

const connected = Effect.gen(function* () {
  const server = yield* serve()
  const socket = yield* global({ url: server.url })
  const connection = yield* open(socket)
  const peer = yield* Queue.take(server.accepted)
  return { ...connection, peer, server, socket }
})

const refusal = (options: WebSocketOptions) =>
  Effect.flatMap(global(options), (socket) => failure(Effect.asVoid(Effect.scoped(socket.reader))))

describe("over this platform's WebSocket", () => {
  it.effect("messages go both ways, bytes as bytes and text as text", () =>
    Effect.gen(function* () {
      const { peer, pull, write, writeAll } = yield* connected
      const messages = messagesOf(peer.ws)
      yield* write(frame(1))
      yield* writeAll([frame(2), frame(3)])
      while (messages.length < 3) yield* event(peer.ws, "message")
      assert.deepStrictEqual(
        messages.map((message) => Array.from(message)),
        [[1], [2], [3]]
      )
      peer.ws.send(frame(4))
      assert.deepStrictEqual(yield* pull, [frame(4)])
      peer.ws.send("text")
      assert.deepStrictEqual(yield* pull, ["text"])
    })
  )

  it.effect("closed by the server", () =>
    Effect.gen(function* () {
      const { peer, pull, write } = yield* connected
      peer.ws.send(frame(1))
      peer.ws.close(4113, "dropped")
      assert.deepStrictEqual(yield* pull, [frame(1)])
      const error = yield* Effect.flip(pull)
      assert.strictEqual(error.reason._tag, "SocketCloseError")
      assert.deepInclude(transportError(error), { _tag: "Closed", code: 4113, reason: "dropped", by: "server" })
      assert.deepInclude(yield* failure(write(frame(1))), { _tag: "Closed", code: 4113, by: "server" })
    })
  )

  it.effect("closed by us", () =>
    Effect.gen(function* () {
      const { peer, pull, write } = yield* connected
      const closed = yield* Effect.forkChild(event<[number, Buffer]>(peer.ws, "close"), { startImmediately: true })
      // Browsers let nobody but themselves say 1001: the write fails, and the connection lives on.
      assert.strictEqual((yield* failure(write(new Socket.CloseEvent(1001))))._tag, "Closed")
      yield* write(frame(1))
      yield* write(new Socket.CloseEvent(4010, "x"))
      assert.deepInclude(yield* failure(pull), { _tag: "Closed", code: 4010, reason: "x", by: "client" })
      const [code, reason] = yield* Fiber.join(closed)
      assert.deepStrictEqual([code, reason.toString()], [4010, "x"])
      assert.deepInclude(yield* failure(write(frame(2))), { _tag: "Closed", code: 4010, by: "client" })
    })
  )

  it.effect("closed by the end of the scope, and a suspended pull fails", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const socket = yield* global({ url: server.url })
      const scope = yield* Scope.make()
      const { pull } = yield* Scope.provide(open(socket), scope)
      const peer = yield* Queue.take(server.accepted)
      const waiting = yield* Effect.forkChild(failure(pull), { startImmediately: true })
      const closed = yield* Effect.forkChild(event<[number]>(peer.ws, "close"), { startImmediately: true })
      yield* Scope.close(scope, Exit.void)
      assert.deepInclude(yield* Fiber.join(waiting), { _tag: "Closed", code: 1000, by: "client" })
      assert.strictEqual((yield* Fiber.join(closed))[0], 1000)
    })
  )

  it.effect("closed by the network", () =>
    Effect.gen(function* () {
      const { peer, pull } = yield* connected
      peer.socket.destroy()
      assert.deepInclude(yield* failure(pull), { _tag: "Closed", code: 1006, by: "network" })
    })
  )

  it.effect("cannot be opened: refused, HTTP 400, not trusted, plaintext, no URL", () =>
    Effect.gen(function* () {
      const { port } = yield* Effect.scoped(serveTcp)
      const address = `127.0.0.1:${port}`
      assert.deepInclude(yield* refusal({ url: `ws://${address}/` }), { _tag: "Unreachable", address })
      assert.strictEqual((yield* refusal({ url: (yield* serve({ refuse: 400 })).url }))._tag, "Unreachable")
      const tls = yield* certificate()
      assert.strictEqual((yield* refusal({ url: (yield* serve({ tls })).url }))._tag, "Unreachable")
      assert.strictEqual((yield* refusal({ url: "ws://192.0.2.1/" }))._tag, "PlaintextRefused")
      assert.strictEqual((yield* refusal({ url: "nonsense" }))._tag, "InvalidUrl")
    })
  )

  it.effect("not open in time", () =>
    Effect.gen(function* () {
      const { accepted, port } = yield* serveTcp
      const opening = yield* Effect.forkChild(refusal({ url: `ws://127.0.0.1:${port}/` }), { startImmediately: true })
      const peer = yield* Queue.take(accepted)
      yield* event(peer, "data")
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude(yield* Fiber.join(opening), { _tag: "OpenTimeout", timeout: 10_000 })
    })
  )
})

class Fake {
  readyState = 0
  bufferedAmount = 0
  binaryType = "blob"
  readonly sent: Array<unknown> = []
  readonly closed: Array<number | undefined> = []
  private readonly listeners = new Map<string, Array<(event: Socket.WebSocketEvent) => void>>()
  addEventListener(type: string, listener: (event: Socket.WebSocketEvent) => void) {
    this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener])
  }
  removeEventListener() {}
  close(code?: number) {
    this.closed.push(code)
  }
  send(data: Uint8Array | string) {
    this.sent.push(data)
    this.bufferedAmount += data.length
  }
  emit(type: string, event: Socket.WebSocketEvent = {}) {
    if (type === "open") this.readyState = 1
    if (type === "close") this.readyState = 3
    for (const listener of this.listeners.get(type) ?? []) listener(event)
  }
}

const fake = (options: Partial<WebSocketOptions> = {}) =>
  Effect.gen(function* () {
    const ws = new Fake()
    const socket = yield* makeWebSocket({ url: "wss://mediator.example.org/", ...options }).pipe(
      Effect.provideService(Socket.WebSocketConstructor, () => ws)
    )
    const opening = yield* Effect.forkChild(open(socket), { startImmediately: true })
    ws.emit("open")
    return { ws, ...(yield* Fiber.join(opening)) }
  })

describe("what the interface allows", () => {
  it.effect("asks for array buffers", () =>
    Effect.gen(function* () {
      const { pull, ws } = yield* fake()
      assert.strictEqual(ws.binaryType, "arraybuffer")
      ws.emit("message", { data: frame(1, 2).buffer })
      ws.emit("message", { data: frame(0, 3, 4, 0).subarray(1, 3) })
      ws.emit("message", { data: "text" })
      assert.deepStrictEqual(yield* pull, [frame(1, 2), frame(3, 4), "text"])
    })
  )

  it.effect("a writer waits while too much is unsent, until a quarter is left", () =>
    Effect.gen(function* () {
      const { write, ws } = yield* fake({ writeHighWaterMark: 400 })
      yield* write(new Uint8Array(400))
      const waiting = yield* Effect.forkChild(write(new Uint8Array(1)), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(waiting.pollUnsafe())
      ws.bufferedAmount = 101
      yield* TestClock.adjust("20 millis")
      assert.isUndefined(waiting.pollUnsafe())
      ws.bufferedAmount = 100
      yield* TestClock.adjust("20 millis")
      yield* Fiber.join(waiting)
    })
  )

  it.effect("a writer that waits fails when the connection ends", () =>
    Effect.gen(function* () {
      const { write, ws } = yield* fake({ writeHighWaterMark: 400 })
      const waiting = yield* Effect.forkChild(failure(write(new Uint8Array(500))), { startImmediately: true })
      ws.emit("close", { code: 4112, reason: "again" })
      yield* TestClock.adjust("20 millis")
      assert.deepInclude(yield* Fiber.join(waiting), { _tag: "Closed", code: 4112, by: "server" })
    })
  )

  it.effect("a write while it closes waits for the reason, but not for ever", () =>
    Effect.gen(function* () {
      const one = yield* fake()
      one.ws.readyState = 2
      const waiting = yield* Effect.forkChild(failure(one.write(frame(1))), { startImmediately: true })
      assert.isUndefined(waiting.pollUnsafe())
      one.ws.emit("close", { code: 4112, reason: "" })
      assert.deepInclude(yield* Fiber.join(waiting), { _tag: "Closed", code: 4112, by: "server" })

      const two = yield* fake()
      two.ws.readyState = 2
      const stuck = yield* Effect.forkChild(failure(two.write(frame(1))), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude(yield* Fiber.join(stuck), { _tag: "Closed", code: 1006, by: "network" })
      assert.deepStrictEqual([one.ws.sent, two.ws.sent], [[], []])
    })
  )

  it.effect("a server that cannot be slowed down is given up at the limit, what came before can be pulled", () =>
    Effect.gen(function* () {
      const { pull, ws } = yield* fake({ receiveLimit: 1000 })
      for (let n = 0; n < 5; n++) ws.emit("message", { data: new Uint8Array(236).buffer })
      assert.deepStrictEqual(ws.closed, [1000])
      assert.lengthOf(yield* pull, 4)
      const error = yield* failure(pull)
      assert.deepInclude(error, { _tag: "Closed", code: 1009, by: "client" })
      assert.include(error.message, "1000 bytes")
    })
  )

  it.effect("dialling that is given up, at whatever step, leaves no WebSocket behind", () =>
    Effect.gen(function* () {
      const made: Array<Fake> = []
      const socket = yield* makeWebSocket({ url: "wss://mediator.example.org/" }).pipe(
        Effect.provideService(Socket.WebSocketConstructor, () => {
          const ws = new Fake()
          made.push(ws)
          return ws
        })
      )
      for (let at = 1, wasInterrupted = true; wasInterrupted; at++) {
        const scheduler = new InterruptAt(at)
        const dialling = Effect.provideService(Effect.scoped(socket.reader), Scheduler.Scheduler, scheduler)
        const fiber = yield* Effect.forkChild(dialling, { startImmediately: true })
        yield* settle
        wasInterrupted = scheduler.interrupted
        yield* Fiber.interrupt(fiber)
        for (const ws of made) assert.lengthOf(ws.closed, 1, `interrupted at operation ${at}`)
      }
      assert.isNotEmpty(made)
    })
  )

  it.effect("a WebSocket that cannot be made is a refusal", () =>
    Effect.gen(function* () {
      const socket = yield* makeWebSocket({ url: "wss://mediator.example.org/0a20?token=secret" }).pipe(
        Effect.provideService(Socket.WebSocketConstructor, (url) => {
          throw new DOMException(`'${url}' is not for this page`, "SecurityError")
        })
      )
      const error = yield* failure(Effect.asVoid(socket.reader))
      const url = "wss://mediator.example.org:443"
      assert.deepInclude(error, { _tag: "InvalidUrl", url, detail: `'${url}' is not for this page` })
    })
  )
})

describe("transportError", () => {
  const from = (reason: Socket.SocketErrorReason) => transportError(new Socket.SocketError({ reason }))

  it("is total over the errors of any socket", () => {
    const close = (code: number, closeReason?: string) => from(new Socket.SocketCloseError({ code, closeReason }))
    assert.deepInclude(close(4113, "x"), { _tag: "Closed", code: 4113, reason: "x", by: "server" })
    assert.deepInclude(close(1006), { _tag: "Closed", code: 1006, reason: "", by: "network" })
    const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })
    for (const cause of [refused, { type: "error", error: refused }]) {
      assert.deepInclude(from(new Socket.SocketOpenError({ kind: "Unknown", cause })), {
        _tag: "Unreachable",
        code: "ECONNREFUSED"
      })
    }
    assert.strictEqual(from(new Socket.SocketOpenError({ kind: "Timeout", cause: 0 }))._tag, "OpenTimeout")
    const broken = { _tag: "Closed", code: 1006, by: "network" } as const
    assert.deepInclude(from(new Socket.SocketReadError({ cause: new Error("boom") })), { ...broken, reason: "boom" })
    assert.deepInclude(from(new Socket.SocketWriteError({ cause: undefined })), broken)
    assert.deepInclude(from(new Socket.SocketUpgradeError({})), broken)
  })
})
