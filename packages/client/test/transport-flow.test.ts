import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Queue, Scope } from "effect"
import { Socket } from "effect/socket"
import { client, connected, event, failure, frame, messagesOf, open, standstill, turns } from "./transport-support.ts"

describe("backpressure", () => {
  const size = 64 * 1024
  const count = 1024

  it.effect(
    "a writer waits while the server does not read, and all arrives when it does",
    () =>
      Effect.gen(function* () {
        const { peer, write } = yield* connected()
        peer.ws.pause()
        let written = 0
        const tally = { received: 0, wrong: 0 }
        peer.ws.on("message", (data: Buffer) => {
          if (!data.equals(Buffer.alloc(size, tally.received++))) tally.wrong++
        })
        const writing = yield* Effect.forkChild(
          Effect.gen(function* () {
            for (; written < count; written++) yield* write(Buffer.alloc(size, written))
          })
        )
        const parked = yield* standstill(() => written)
        assert.isBelow(parked, count / 2, "64 MiB must not fit")
        peer.ws.resume()
        yield* Fiber.join(writing)
        yield* Effect.gen(function* () {
          while (tally.received < count) yield* event(peer.ws, "message")
        })
        assert.deepEqual(tally, { received: count, wrong: 0 })
      }),
    20_000
  )

  it.effect("what is written in one tick arrives as it was, whatever its length", () =>
    Effect.gen(function* () {
      const { peer, write } = yield* connected()
      const sent = [3001, 5002, 7003, 2, 4001].map((length, n) => Buffer.alloc(length, n + 1))
      const got: Array<Buffer> = []
      peer.ws.on("message", (data: Buffer) => got.push(data))
      for (let round = 0; round < 3; round++) {
        got.length = 0
        yield* Effect.forEach(sent, (message) => write(message), { discard: true })
        while (got.length < sent.length) yield* event(peer.ws, "message")
        assert.isTrue(Buffer.concat(got).equals(Buffer.concat(sent)))
      }
    })
  )

  it.effect("a writer that waits fails when the connection ends", () =>
    Effect.gen(function* () {
      const { peer, write } = yield* connected()
      peer.ws.pause()
      let written = 0
      const writing = yield* Effect.forkChild(
        failure(
          Effect.gen(function* () {
            for (;;) {
              yield* write(new Uint8Array(size))
              written++
            }
          })
        )
      )
      const parked = yield* standstill(() => written)
      peer.socket.resetAndDestroy()
      assert.deepInclude(yield* Fiber.join(writing), { _tag: "Closed", code: 1006, by: "network" })
      assert.strictEqual(written, parked, "the write that waited did not succeed")
    })
  )

  it.effect(
    "while nobody pulls the server cannot send without end, and all arrives in order when somebody does",
    () =>
      Effect.gen(function* () {
        const { peer, pull } = yield* connected()
        for (let n = 0; n < count; n++) peer.ws.send(new Uint8Array(size).fill(n & 255))
        const stuck = yield* standstill(() => peer.ws.bufferedAmount)
        assert.isAbove(stuck, (count / 2) * size, "64 MiB must not have been taken in")
        let n = 0
        while (n < count) {
          const batch = yield* pull
          const bytes = batch.reduce((sum, message) => sum + message.length, 0)
          assert.isBelow(bytes, 512 * 1024, "the high-water mark of 256 KiB and one read")
          for (const message of batch) assert.strictEqual((message as Uint8Array)[0], n++ & 255)
        }
      }),
    20_000
  )

  it.effect("a flood of empty messages is held back too", () =>
    Effect.gen(function* () {
      const { peer, pull } = yield* connected({ readHighWaterMark: 64 * 1024 })
      for (let n = 0; n < 100_000; n++) peer.ws.send(frame())
      yield* standstill(() => peer.ws.bufferedAmount)
      // 1000 messages of 64 bytes each by our count, and the rest of one read of 64 KiB with two bytes a message.
      assert.isBelow((yield* pull).length, 40_000)
    })
  )

  it.effect("closing while reading is held back still says goodbye", () =>
    Effect.gen(function* () {
      // Only a client that reads again notices that the server hung up; the time limit is out of reach.
      const { peer, write } = yield* connected({ readHighWaterMark: 1, closeTimeout: "1 hour" })
      peer.ws.send(frame(1))
      yield* turns(50)
      const closed = yield* Effect.forkChild(event<[number]>(peer.ws, "close"), { startImmediately: true })
      yield* write(new Socket.CloseEvent(4010, "x"))
      assert.strictEqual((yield* Fiber.join(closed))[0], 4010)
    })
  )
})

describe("ping", () => {
  it.effect("succeeds when the pong comes, fails when the connection ends or there is none", () =>
    Effect.gen(function* () {
      const { peer, ping } = yield* connected()
      yield* ping
      yield* ping
      const waiting = yield* Effect.forkChild(failure(ping), { startImmediately: true })
      peer.socket.destroy()
      assert.deepInclude(yield* Fiber.join(waiting), { _tag: "Closed", code: 1006, by: "network" })
      assert.deepInclude(yield* failure(ping), { _tag: "Closed", code: 1006 })
      const { ping: unconnected } = yield* client({ url: "ws://127.0.0.1:1/" })
      assert.include((yield* failure(unconnected)).message, "no connection is open")
    })
  )

  it.effect("is of one connection, and fails while there are two", () =>
    Effect.gen(function* () {
      const { peer, ping, server, socket } = yield* connected()
      const second = yield* Scope.make()
      yield* Scope.provide(open(socket), second)
      yield* Queue.take(server.accepted)
      assert.include((yield* failure(ping)).message, "more than one")
      const pinged = yield* Effect.forkChild(event(peer.ws, "ping"), { startImmediately: true })
      yield* Scope.close(second, Exit.void)
      yield* ping
      yield* Fiber.join(pinged)
    })
  )

  it.effect("waits without a pong, and takes any message for a sign of life", () =>
    Effect.gen(function* () {
      const { peer, ping } = yield* connected({}, { autoPong: false })
      const pinged = yield* Effect.forkChild(event(peer.ws, "ping"), { startImmediately: true })
      const waiting = yield* Effect.forkChild(ping, { startImmediately: true })
      yield* Fiber.join(pinged)
      yield* turns(20)
      assert.isUndefined(waiting.pollUnsafe())
      peer.ws.send(frame(1))
      yield* Fiber.join(waiting)
    })
  )

  it.effect("is sent while reading is held back, and succeeds: a pong could not be seen", () =>
    Effect.gen(function* () {
      const { peer, ping } = yield* connected({ readHighWaterMark: 1 }, { autoPong: false })
      const pinged = yield* Effect.forkChild(event(peer.ws, "ping"), { startImmediately: true })
      peer.ws.send(frame(1))
      yield* turns(50)
      yield* ping
      yield* Fiber.join(pinged)
    })
  )
})

describe("framing", () => {
  it.effect("messages of any length, in one write or several, arrive as they were and stay as they are", () =>
    Effect.gen(function* () {
      const { peer, writeAll } = yield* connected()
      const lengths = [...Array.from({ length: 140 }, (_, n) => n), 65_534, 65_535, 65_536, 70_000, 3]
      const messages = lengths.map((length, seed) => Uint8Array.from({ length }, (_, n) => (n * 31 + seed * 7) & 255))
      const before = messages.map((message) => Buffer.from(message))
      const received = messagesOf(peer.ws)
      yield* writeAll(messages.slice(0, 50) as [Uint8Array])
      yield* writeAll(messages.slice(50) as [Uint8Array])
      while (received.length < messages.length) yield* event(peer.ws, "message")
      assert.deepStrictEqual(
        received.map((message) => Buffer.from(message).toString("base64")),
        before.map((message) => message.toString("base64"))
      )
      assert.isTrue(messages.every((message, n) => before[n]!.equals(message)))
    })
  )
})
