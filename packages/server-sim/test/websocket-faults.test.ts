import { assert, describe, it } from "@effect/vitest"
import { decodeServerFrame, encodeClientFrame, encodeServerFrame, type ServerFrame, type Timestamp } from "@d2m/codec"
import { type EndedBy, Fault, type JournalEntry, Mediator } from "@d2m/server-sim"
import type { WebSocketServerOptions } from "@d2m/server-sim/node"
import { Effect, Exit, Fiber, Queue, Result, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { bytes, id, reflect } from "./drive.ts"
import {
  answers,
  ends,
  guarded,
  identify,
  join,
  keysOf,
  loopback,
  refused,
  register,
  served,
  urlOf
} from "./served-mediator.ts"
import { dial, type Event, socketOf, type WireClient } from "./wire-client.ts"

/** Puts a fault in force on a device of the group. */
const inject = Effect.fnUntraced(function* (device: number, fault: Fault) {
  const mediator = yield* Mediator
  yield* mediator.inject({ groupId: (yield* keysOf).groupId, deviceId: id(device) }, fault)
})

/** What comes up to the answer of a question that is asked now: acks as their numbers. */
const untilAnswer = Effect.fnUntraced(function* (client: WireClient) {
  client.send({ _tag: "GetDevicesInfo" })
  const heard: Array<Event["_tag"] | number> = []
  for (;;) {
    const event = yield* client.next
    if (event._tag === "DevicesInfo") return heard
    heard.push(event._tag === "ReflectAck" ? Number(event.reflectId) : event._tag)
  }
})

/** The next journal entry with this tag, from now on. */
const journaled = <Tag extends JournalEntry["_tag"]>(tag: Tag) =>
  Effect.gen(function* () {
    const { journal } = yield* Mediator
    const entries = yield* Queue.unbounded<JournalEntry>()
    yield* Effect.forkScoped(
      Stream.runForEach(
        Stream.filter(journal, ({ _tag }) => _tag === tag),
        (entry) => Queue.offer(entries, entry)
      ),
      { startImmediately: true }
    )
    return Queue.take(entries)
  })

/** A mediator whose connections have these faults from their opening on, one after the other; the rest has none. */
const faulty = (...connections: ReadonlyArray<ReadonlyArray<Fault>>): WebSocketServerOptions => {
  const next = connections.values()
  return { ...loopback, faults: () => next.next().value ?? [] }
}

const hour = 3_600_000n

const rewritten = (frame: ServerFrame["_tag"], write: (message: Uint8Array) => Uint8Array | string): Fault =>
  Fault.Rewrite({ direction: "down", match: { frame }, with: (message) => [write(message)] })

describe("faults of frames over WebSockets", () => {
  it.live("drop, duplicate, garble and rewrite what was picked, both ways, until they are over", () =>
    Effect.gen(function* () {
      const a = yield* join(1)
      yield* untilAnswer(a)
      const under = (fault: Fault) =>
        Effect.scoped(
          Effect.gen(function* () {
            yield* inject(1, fault)
            a.send(reflect(1), reflect(2), reflect(3))
            return yield* untilAnswer(a)
          })
        )
      const match = { frame: "ReflectAck", skip: 1, count: 1 } as const
      assert.deepStrictEqual(yield* under(Fault.Drop({ direction: "down", match })), [1, 3])
      assert.deepStrictEqual(yield* under(Fault.Duplicate({ direction: "down", match })), [1, 2, 2, 3])
      assert.deepStrictEqual(yield* under(Fault.Garble({ direction: "down", match, at: 0 })), [1, "Unknown", 3])
      const others = Fault.Rewrite({ direction: "down", match, with: () => ["text", bytes(1), "text"] })
      assert.deepStrictEqual(yield* under(others), [1, "Text", "Undecodable", "Text", 3])
      const reflects = { frame: "Reflect", skip: 1, count: 1 } as const
      assert.deepStrictEqual(yield* under(Fault.Drop({ direction: "up", match: reflects })), [1, 3])
      assert.deepStrictEqual(yield* under(Fault.Duplicate({ direction: "up", match: reflects })), [1, 2, 2, 3])
      const other = Fault.Rewrite({ direction: "up", match: reflects, with: () => [encodeClientFrame(reflect(7))] })
      assert.deepStrictEqual(yield* under(other), [1, 7, 3])
      assert.deepStrictEqual(yield* under(Fault.NoClosingHandshake()), [1, 2, 3])
      yield* inject(1, Fault.Rewrite({ direction: "up", with: () => ["text"] }))
      a.send(reflect(1))
      assert.strictEqual((yield* a.until("Closed")).code, 4010)
    }).pipe(Effect.provide(served()))
  )

  it.live("act on a long message as on any other, and leave it whole when they are over", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      yield* untilAnswer(b)
      const envelope = Uint8Array.from({ length: 16_384 }, (_, at) => (at * 31) & 0xff)
      const next = Effect.map(b.until("Reflected"), (message) => [
        message.reflectedId,
        Buffer.from(envelope).equals(message.envelope)
      ])
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* inject(2, Fault.Duplicate({ direction: "down", match: { frame: "Reflected" } }))
          a.send(reflect(1, { envelope }))
          assert.deepStrictEqual(
            [yield* next, yield* next],
            [
              [1, true],
              [1, true]
            ]
          )
        })
      )
      a.send(reflect(2, { envelope }))
      assert.deepStrictEqual(yield* next, [2, true])
    }).pipe(Effect.provide(served()))
  )

  it.effect("delay what was picked, with or without being overtaken", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      yield* untilAnswer(a)
      const fired = yield* journaled("FaultFired")
      for (const overtake of [true, false]) {
        const [count, millis] = [1, 100]
        const delays = [
          Fault.Delay({ direction: "down", match: { frame: "ReflectAck", count }, millis, overtake }),
          Fault.Delay({ direction: "up", match: { frame: "Reflect", count }, millis, overtake })
        ]
        for (const delay of delays) {
          const scope = yield* Scope.make()
          yield* Scope.provide(inject(1, delay), scope)
          a.send(reflect(1), reflect(2))
          if (overtake) assert.deepStrictEqual(yield* untilAnswer(a), [2])
          yield* fired
          yield* Scope.close(scope, Exit.void)
          const heard = yield* Effect.forkScoped(untilAnswer(a), { startImmediately: true })
          yield* TestClock.adjust("99 millis")
          yield* answers(b)
          if (overtake) assert.deepStrictEqual(yield* Fiber.join(heard), [])
          else assert.isUndefined(heard.pollUnsafe())
          yield* TestClock.adjust("1 millis")
          assert.deepStrictEqual(overtake ? yield* untilAnswer(a) : yield* Fiber.join(heard), overtake ? [1] : [1, 2])
        }
      }
    }).pipe(Effect.provide(served()))
  )

  it.effect("hold back a close behind what they hold back", () =>
    Effect.gen(function* () {
      const { close } = yield* Mediator
      const [a, b] = [yield* join(1), yield* join(2)]
      yield* inject(2, Fault.Delay({ direction: "down", match: { frame: "Reflected" }, millis: 1_000 }))
      a.send(reflect(1))
      yield* a.until("ReflectAck")
      assert.isTrue(yield* close({ groupId: (yield* keysOf).groupId, deviceId: id(2) }, 4113))
      const closed = yield* Effect.forkScoped(b.until("Closed"), { startImmediately: true })
      yield* TestClock.adjust("999 millis")
      yield* answers(a)
      assert.isUndefined(closed.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(closed)).code, 4113)
    }).pipe(Effect.provide(served()))
  )

  it.effect("hold back how a client ended behind what it wrote", () =>
    Effect.gen(function* () {
      const b = yield* join(2)
      const [fired, ended] = [yield* journaled("FaultFired"), yield* ends]
      const farewells: ReadonlyArray<readonly [(client: WireClient) => void, EndedBy, number]> = [
        [({ ws }) => ws.close(1000), "Peer", 1000],
        [({ ws }) => ws.terminate(), "Peer", 1006],
        // An unmasked frame.
        [(client) => socketOf(client).write(bytes(0x82, 1, 0)), "Mediator", 1002]
      ]
      for (const [n, [leave, by, code]] of farewells.entries()) {
        const a = yield* join(1, n === 0 ? 0 : 1)
        yield* inject(1, Fault.Delay({ direction: "up", match: { frame: "Reflect" }, millis: 1_000 }))
        a.send(reflect(n))
        yield* fired
        leave(a)
        yield* a.until("Closed")
        yield* TestClock.adjust("999 millis")
        b.send({ _tag: "GetDevicesInfo" })
        const { augmentedDeviceInfo } = yield* b.until("DevicesInfo")
        assert.strictEqual(augmentedDeviceInfo.get(id(1))?.connectionState?._tag, "connectedSince")
        yield* TestClock.adjust("1 millis")
        assert.strictEqual((yield* b.until("Reflected")).reflectedId, n + 1)
        const end = yield* ended
        assert.deepStrictEqual([end.by, end.code], [by, code])
      }
    }).pipe(Effect.provide(served()))
  )

  it.effect("lose with a cut, or a close, what they hold back, and what the client wrote behind it", () =>
    Effect.gen(function* () {
      const b = yield* join(2)
      const fired = yield* journaled("FaultFired")
      for (const [n, end] of [Fault.Close({ code: 4999 }), Fault.Cut()].entries()) {
        const a = yield* join(1, n === 0 ? 0 : 1)
        yield* inject(1, Fault.Delay({ direction: "up", match: { frame: "Reflect", count: 1 }, millis: 1_000 }))
        a.send(reflect(1))
        yield* fired
        yield* inject(1, end)
        a.send(reflect(2))
        yield* a.until("Closed")
        yield* TestClock.adjust("1 second")
        assert.notInclude(yield* untilAnswer(b), "Reflected")
      }
    }).pipe(Effect.provide(served()))
  )

  it.effect("tell of a client that has left when it is cut, or closed, before that came through", () =>
    Effect.gen(function* () {
      const [fired, ended] = [yield* journaled("FaultFired"), yield* ends]
      for (const [n, end] of [Fault.Close({ code: 4999 }), Fault.Cut()].entries()) {
        const a = yield* join(1, n)
        yield* inject(1, Fault.Delay({ direction: "up", match: { frame: "Reflect" }, millis: 3_600_000 }))
        a.send(reflect(1))
        yield* fired
        a.ws.close(1000)
        yield* a.until("Closed")
        yield* inject(1, end)
        assert.strictEqual((yield* ended).code, n === 0 ? 4999 : 1006)
      }
    }).pipe(Effect.provide(served()))
  )

  it.effect("stand still with a stall, also what is under way to the mediator", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      const fired = yield* journaled("FaultFired")
      const stall = yield* Scope.make()
      yield* inject(1, Fault.Delay({ direction: "up", match: { frame: "Reflect" }, millis: 1_000 }))
      a.send(reflect(1))
      yield* fired
      yield* Scope.provide(inject(1, Fault.Stall({ direction: "up" })), stall)
      yield* TestClock.adjust("2 seconds")
      assert.notInclude(yield* untilAnswer(b), "Reflected")
      yield* Scope.close(stall, Exit.void)
      assert.strictEqual((yield* b.until("Reflected")).reflectedId, 1)
    }).pipe(Effect.provide(served()))
  )

  it.live("end without a closing handshake though the client is not read, and leave nothing behind", () =>
    guarded({ guards: { maxConnectionsPerAddress: 1 } }, () =>
      Effect.gen(function* () {
        const { close } = yield* Mediator
        const a = yield* join(1)
        yield* inject(1, Fault.NoClosingHandshake())
        yield* inject(1, Fault.Stall({ direction: "up" }))
        for (let n = 0; n < 100; n++) a.send(reflect(n, { envelope: new Uint8Array(32 * 1024) }))
        assert.isTrue(yield* close({ groupId: (yield* keysOf).groupId, deviceId: id(1) }, 4113))
        assert.strictEqual((yield* a.until("Closed")).code, 1006)
        // Each refusal is a round trip, in which the server can see that the client has gone.
        yield* Effect.retry(
          Effect.suspend(() => Effect.flatMap(urlOf, dial)),
          { times: 50 }
        )
      })
    )
  )

  it.effect("slow: what waits is no slow reader's, and the queue flows as fast as it leaves", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      const [slower, slow] = [yield* Scope.make(), yield* Scope.make()]
      yield* Scope.provide(inject(2, Fault.Slow({ direction: "down", bytesPerSecond: 1 })), slower)
      yield* Scope.provide(inject(2, Fault.Slow({ direction: "down", bytesPerSecond: 1_000_000 })), slow)
      const envelope = new Uint8Array(32 * 1024)
      const count = 200
      for (let n = 0; n < count; n++) a.send(reflect(n, { envelope }))
      for (let n = 0; n < count; n++) yield* a.until("ReflectAck")
      for (let n = 0; n < 6; n++) {
        yield* TestClock.adjust("30 seconds")
        b.send({ _tag: "GetDevicesInfo" })
        b.ws.ping()
        yield* answers(a)
      }
      yield* Scope.close(slower, Exit.void)
      // A little more than 30 a second.
      for (let n = 1; n <= count; n++) {
        if (n % 30 === 1) yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* b.until("Reflected")).reflectedId, n)
      }
      yield* Scope.close(slow, Exit.void)
    }).pipe(Effect.provide(served()))
  )

  it.live("slow: no more is read from a client than may be under way", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      const slow = yield* Scope.make()
      yield* Scope.provide(inject(1, Fault.Slow({ direction: "up", bytesPerSecond: 1 })), slow)
      const envelope = new Uint8Array(32 * 1024)
      const count = 1_000
      for (let n = 0; n < count; n++) a.send(reflect(n, { envelope }))
      // Each round trip gives the server a chance to read more than it should.
      for (let n = 0; n < 40; n++) yield* answers(b)
      // 32 MB wait; what may be under way are the buffers of both kernels and processes.
      assert.isAbove(a.ws.bufferedAmount, (count / 2) * envelope.length)
      yield* Scope.close(slow, Exit.void)
      for (let n = 0; n < count; n++) assert.strictEqual((yield* a.until("ReflectAck")).reflectId, n)
    }).pipe(Effect.provide(served()))
  )
})

describe("faults from the opening of a WebSocket on", () => {
  it.effect("hit its handshake", () =>
    Effect.gen(function* () {
      const silent = yield* dial(yield* urlOf)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* silent.next, { _tag: "Closed", code: 4013, reason: "no ClientHello in time" })
      const deaf = yield* dial(yield* urlOf)
      yield* identify(deaf, 1)
      assert.strictEqual((yield* deaf.until("Closed")).code, 4010)
      const puzzled = yield* dial(yield* urlOf)
      assert.deepStrictEqual(yield* puzzled.next, { _tag: "Text", text: "hello" })
      const lied = yield* register(yield* dial(yield* urlOf), 1)
      assert.deepStrictEqual([lied.deviceSlotState, lied.currentTime], [1, 10_000n + hour])
      const told = yield* register(yield* dial(yield* urlOf), 1, 1)
      assert.deepStrictEqual([told.deviceSlotState, told.currentTime], [1, 10_000n])
    }).pipe(
      Effect.provide(
        served(
          {},
          faulty(
            [Fault.Drop({ direction: "down", match: { frame: "ServerHello" } })],
            [Fault.Garble({ direction: "up", match: { frame: "ClientHello" }, at: 0 })],
            [rewritten("ServerHello", () => "hello")],
            [
              rewritten("ServerInfo", (message) => {
                const frame = Result.getOrThrow(decodeServerFrame(message))
                assert(frame._tag === "ServerInfo")
                const currentTime = (frame.currentTime + hour) as Timestamp
                return encodeServerFrame({ ...frame, deviceSlotState: 1, currentTime })
              })
            ]
          )
        )
      )
    )
  )

  it.live("cut it, close it, do not let it open, and tell what cannot happen", () =>
    Effect.gen(function* () {
      const fired = yield* journaled("FaultFired")
      const closed = yield* dial(yield* urlOf)
      assert.deepStrictEqual(yield* closed.next, { _tag: "Closed", code: 4999, reason: "why" })
      const close = yield* fired
      assert.strictEqual(close._tag === "FaultFired" && close.fault, "Close")
      const cut = yield* Effect.result(dial(yield* urlOf))
      // The reset can overtake the answer to the upgrade.
      if (Result.isSuccess(cut)) assert.strictEqual((yield* cut.success.until("Closed")).code, 1006)
      assert.match(yield* refused(), /ECONNRESET|hang up/)
      const impossible = yield* dial(yield* urlOf)
      assert.deepStrictEqual(yield* impossible.next, {
        _tag: "Closed",
        code: 1011,
        reason: "Slow cannot happen: bytesPerSecond must be above 0, and is 0"
      })
      const unsendable = yield* dial(yield* urlOf)
      assert.deepStrictEqual(yield* unsendable.next, {
        _tag: "Closed",
        code: 1011,
        reason: "Close cannot happen: code must be one that a close frame can carry, and is 1005"
      })
      yield* join(1)
    }).pipe(
      Effect.provide(
        served(
          {},
          faulty(
            [Fault.Close({ code: 4999, reason: "why" })],
            [Fault.Cut()],
            [Fault.Unreachable()],
            [Fault.Slow({ direction: "up", bytesPerSecond: 0 })],
            [Fault.Close({ code: 1005 })]
          )
        )
      )
    )
  )

  it.live("are chosen by the path, and do not count against the address", () =>
    guarded(
      { guards: { failedHandshakes: 1 } },
      () =>
        Effect.gen(function* () {
          for (let n = 0; n < 4; n++) {
            const client = yield* dial(yield* urlOf)
            yield* client.until("Unknown")
            client.ws.close()
            yield* client.until("Closed")
          }
        }),
      {
        faults: ({ serverGroup }) =>
          serverGroup === "7a" ? [Fault.Garble({ direction: "down", match: { frame: "ServerHello" }, at: 0 })] : []
      }
    )
  )
})
