import { assert, describe, it } from "@effect/vitest"
import { type ChatTurn, ChatUpstream, Mediator } from "@d2m/server-sim"
import { layerTcpChat } from "@d2m/server-sim/node"
import { Effect, Exit, Latch, Layer, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { bytes } from "./drive.ts"
import { type Event, mediatorWith, open, tags } from "./memory-device.ts"
import { tcpServer } from "./served-mediator.ts"

const proxy = (...data: ReadonlyArray<number>) => ({ _tag: "Proxy", data: bytes(...data) }) as const

describe("the chat proxy", () => {
  const withChat = (chat: Layer.Layer<ChatUpstream>, options = {}) => Effect.provide(mediatorWith(options, { chat }))
  const data = (events: ReadonlyArray<Event>) =>
    events.flatMap((event) => (event._tag === "Proxy" ? [[...event.data]] : []))

  it.effect("echoes, from the open socket on", () =>
    Effect.gen(function* () {
      const a = yield* open()
      yield* a.send(proxy(1, 2), proxy(3))
      assert.deepStrictEqual(data(yield* a.rest), [[1, 2], [3]])
    }).pipe(withChat(ChatUpstream.layerEcho))
  )

  const endings: ReadonlyArray<readonly ["Ended" | "Failed", number]> = [
    ["Ended", 4000],
    ["Failed", 4009]
  ]
  for (const [reason, code] of endings) {
    it.effect(`follows a script to its end and closes with ${code}`, () => {
      const script: ReadonlyArray<ChatTurn> = [
        { _tag: "Expect", bytes: 3 },
        { _tag: "Say", message: bytes(9, 9) },
        { _tag: "Wait", millis: 50 },
        { _tag: "Say", message: bytes(8) },
        { _tag: "End", reason }
      ]
      return Effect.gen(function* () {
        const a = yield* open()
        yield* a.send(proxy(1, 2))
        assert.deepStrictEqual(data(yield* a.rest), [])
        yield* a.send(proxy(3))
        assert.deepStrictEqual(data(yield* a.rest), [[9, 9]])
        yield* TestClock.adjust("50 millis")
        const events = yield* a.rest
        assert.deepStrictEqual(data(events), [[8]])
        assert.strictEqual(tags(events).at(-1), `Closed ${code}`)
      }).pipe(withChat(ChatUpstream.layerScripted(script)))
    })
  }

  it.effect("stays open on a silent chat server, whatever it is sent, and the device registers beside it", () =>
    Effect.gen(function* () {
      const a = yield* open()
      yield* a.send(proxy(...new Uint8Array(48)))
      yield* a.register(1)
      assert.deepStrictEqual(tags(yield* a.rest), ["ReflectionQueueDry", "RolePromotedToLeader"])
      for (let sent = 0; sent < 10; sent++) {
        yield* a.send(proxy(...new Uint8Array(48)))
        assert.deepStrictEqual(yield* a.rest, [])
      }
    }).pipe(withChat(ChatUpstream.layerSilent, { chatHighWater: 200 }))
  )

  it.effect("closes with 4009 when the chat server takes less than the client sends", () => {
    const deaf = Layer.succeed(ChatUpstream, {
      open: () => Effect.succeed({ send: () => Effect.never, receive: Effect.never })
    })
    return Effect.gen(function* () {
      const a = yield* open()
      yield* a.send(proxy(...new Uint8Array(60)), proxy(...new Uint8Array(60)), proxy(...new Uint8Array(60)))
      assert.strictEqual((yield* a.until("Closed")).code, 4009)
    }).pipe(withChat(deaf, { chatHighWater: 100 }))
  })

  it.effect("reads no more from the chat server than a client takes that is behind", () => {
    let read = 0
    const endless = Layer.succeed(ChatUpstream, {
      open: () =>
        Effect.succeed({
          send: () => Effect.void,
          receive: Effect.sync((): [Uint8Array] => [new Uint8Array(1_000).fill(++read)])
        })
    })
    const options = { outgoingHighWater: 8_000, outgoingLowWater: 1_000 }
    return Effect.gen(function* () {
      const a = yield* open()
      const stall = yield* Scope.make()
      yield* Scope.provide(a.link.inject({ _tag: "Stall", direction: "down" }), stall)
      yield* a.send(proxy(1))
      for (let turn = 0; turn < 100; turn++) yield* a.rest
      const atOnce = read
      assert.isBelow(atOnce, 20)
      yield* Scope.close(stall, Exit.void)
      yield* a.until("Proxy")
      yield* a.rest
      assert.isAbove(read, atOnce)
    }).pipe(withChat(endless, options))
  })

  it.effect("ends with the client", () => {
    let closed = 0
    const counting = Layer.succeed(ChatUpstream, {
      open: () =>
        Effect.as(
          Effect.addFinalizer(() => Effect.sync(() => void closed++)),
          { send: () => Effect.void, receive: Effect.never }
        )
    })
    return Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const a = yield* open()
          yield* a.send(proxy(1))
          assert.strictEqual(closed, 0)
        })
      )
      assert.strictEqual(closed, 1)
      const b = yield* open()
      yield* b.send(proxy(1))
      yield* b.send({ _tag: "GetDevicesInfo" })
      assert.strictEqual((yield* b.until("Closed")).code, 4010)
      assert.strictEqual(closed, 2)
    }).pipe(withChat(counting))
  })

  it.live("gives a client that is behind the last word of a server that ends, though the client speaks on", () =>
    Effect.gen(function* () {
      const [serverHello, loginAck] = [new Uint8Array(80), new Uint8Array(32)]
      const [message, closeError] = [bytes(0x10, 0x27, ...new Uint8Array(10_000)), bytes(2, 0, 0xe0, 1)]
      const ended = Latch.makeUnsafe(false)
      const { port } = yield* tcpServer((socket) => {
        socket.on("close", () => ended.openUnsafe())
        socket.on("data", ([said]) => {
          if (said === 1) socket.write(serverHello)
          else if (said === 2) socket.write(Buffer.concat([loginAck, message]))
          else socket.end(closeError)
        })
      })
      const options = { outgoingHighWater: 8_000, outgoingLowWater: 1_000, chatHighWater: 1_000, journalCapacity: 100 }
      yield* Effect.gen(function* () {
        const a = yield* open()
        yield* a.send(proxy(1))
        yield* a.until("Proxy")
        const stall = yield* Scope.make()
        yield* Scope.provide(a.link.inject({ _tag: "Stall", direction: "down" }), stall)
        yield* a.send(proxy(2))
        // The long message is on its way: the client is behind from here on.
        yield* (yield* Mediator).journal.pipe(
          Stream.filter((entry) => entry._tag === "Sent" && entry.frame._tag === "Proxy"),
          Stream.take(3),
          Stream.runDrain
        )
        yield* a.send(proxy(3))
        yield* ended.await
        // More than may wait for a chat server, but there is none that it waits for.
        for (let n = 0; n < 30; n++) {
          yield* a.send(proxy(...new Uint8Array(100)))
          assert.deepStrictEqual(yield* a.rest, [])
        }
        yield* Scope.close(stall, Exit.void)
        for (const expected of [loginAck, message, closeError]) {
          assert.deepStrictEqual((yield* a.until("Proxy")).data, expected)
        }
        assert.strictEqual((yield* a.until("Closed")).code, 4000)
      }).pipe(withChat(layerTcpChat({ host: "127.0.0.1", port }), options))
    })
  )
})
