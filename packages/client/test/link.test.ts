import { encodeServerFrame } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch, Queue, Scope } from "effect"
import { Socket } from "effect/socket"
import { TestClock } from "effect/testing"
import { openLink, ProtocolViolation } from "../src/index.ts"

/** A socket like Effect's own, whose writer accepts everything, also for a connection that is gone. */
const careless = Effect.gen(function* () {
  const incoming = yield* Queue.unbounded<Uint8Array | string, Socket.SocketError>()
  const written: Array<unknown> = []
  const write = (chunk: unknown) => Effect.sync(() => void written.push(chunk))
  return {
    incoming,
    written,
    socket: Socket.make({
      reader: Effect.succeed({ pull: Queue.takeAll(incoming), upgrade: Socket.SocketUpgradeError.unsupported }),
      writer: Effect.succeed({ write, writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true }) })
    })
  }
})

const open = (socket: Socket.Socket, onProxy: Parameters<typeof openLink>[0]["onProxy"] = () => Effect.void) =>
  Effect.provideService(openLink({ onProxy, onUnknown: () => {} }), Socket.Socket, socket)

describe("link", () => {
  it.effect("a write after the end fails, whatever the socket would do with it", () =>
    Effect.gen(function* () {
      const { socket, written } = yield* careless
      const scope = yield* Scope.make()
      const link = yield* Scope.provide(open(socket), scope)
      yield* link.send([{ _tag: "Proxy", data: new Uint8Array(1) }])
      yield* Scope.close(scope, Exit.void)
      const error = yield* Effect.flip(link.send([{ _tag: "Proxy", data: new Uint8Array(1) }]))
      assert.deepInclude(error, { _tag: "Closed", by: "client" })
      assert.strictEqual(written.length, 1)
    })
  )

  it.effect("closing it takes a second at most, whatever the socket does", () =>
    Effect.gen(function* () {
      const { socket } = yield* careless
      const stuck = Socket.make({
        reader: socket.reader,
        writer: Effect.succeed({ write: () => Effect.never, writeAll: () => Effect.never })
      })
      const link = yield* open(stuck)
      const end = new ProtocolViolation({ expected: "something", found: "something else" })
      const closing = yield* Effect.forkChild(link.close(end), { startImmediately: true })
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(closing)
    })
  )

  it.effect("the listening clock stands still while the device does not read by its own will", () =>
    Effect.gen(function* () {
      const { incoming, socket } = yield* careless
      const gate = Latch.makeUnsafe(false)
      const link = yield* open(socket, (link) => link.holdUp(gate.await))
      const start = link.listeningTime()
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(link.listeningTime() - start, 5000)
      const reading = yield* Effect.forkChild(link.next, { startImmediately: true })
      yield* Queue.offerAll(incoming, [
        encodeServerFrame({ _tag: "Proxy", data: new Uint8Array(1) }),
        encodeServerFrame({ _tag: "ReflectionQueueDry" })
      ])
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(link.listeningTime() - start, 5000)
      gate.openUnsafe()
      assert.strictEqual((yield* Fiber.join(reading))._tag, "ReflectionQueueDry")
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual(link.listeningTime() - start, 6000)
      assert.strictEqual(link.reads(), 1)
      yield* Effect.all([link.holdUp(Effect.sleep("7 seconds")), TestClock.adjust("7 seconds")], { concurrency: 2 })
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual(link.listeningTime() - start, 7000)
    })
  )
})
