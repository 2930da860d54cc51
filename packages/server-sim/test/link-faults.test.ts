import { assert, describe, it } from "@effect/vitest"
import { Fault, type Link, Mediator } from "@d2m/server-sim"
import { Effect, Exit, Fiber, Option, Result, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { begin, bytes, id, reflect } from "./drive.ts"
import { codeOf, join, keys, open, openLink, path, tags } from "./memory-device.ts"

const withTest = Effect.provide(Mediator.layerTest)
const device = (n: number) => ({ groupId: keys.groupId, deviceId: id(n) })

describe("faults", () => {
  it.effect("cut: both sides see it at once", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const a = yield* join(1)
      const b = yield* join(2)
      yield* a.send(begin(1))
      yield* mediator.inject(device(1), Fault.Cut())
      assert.strictEqual((yield* a.until("Closed")).code, 1006)
      yield* b.until("TransactionEnded")
      const missing = yield* Effect.result(mediator.inject(device(1), Fault.Cut()))
      assert.strictEqual(Result.isFailure(missing) && missing.failure.reason, "NotConnected")
    }).pipe(withTest)
  )

  it.effect("close with any code, and a close without a handshake", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const a = yield* join(1)
      yield* a.link.inject(Fault.Close({ code: 4777, reason: "odd" }))
      assert.deepStrictEqual(yield* a.until("Closed"), { _tag: "Closed", code: 4777, reason: "odd" })
      const b = yield* join(1, { faults: [Fault.NoClosingHandshake()] }, 1)
      yield* mediator.close(device(1), 4113)
      assert.strictEqual((yield* b.until("Closed")).code, 1006)
    }).pipe(withTest)
  )

  it.effect("unreachable: dialing fails until it is over", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const link = yield* mediator.link(path)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* link.inject(Fault.Unreachable())
          assert.strictEqual(codeOf(yield* Effect.exit(Effect.scoped(link.socket.reader))), "SocketOpenError")
        })
      )
      yield* openLink(link)
    }).pipe(withTest)
  )

  it.effect("stall: nothing moves in that direction, dialing included, until it is over", () =>
    Effect.gen(function* () {
      const a = yield* join(1)
      const b = yield* join(2)
      const scope = yield* Scope.make()
      yield* Scope.provide(b.link.inject(Fault.Stall({ direction: "down" })), scope)
      yield* b.rest
      yield* a.send(reflect(1))
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* b.rest, [])
      const dial = yield* Effect.forkScoped(openLink(b.link), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.isUndefined(dial.pollUnsafe())
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* b.until("Reflected")).reflectedId, 1)
      yield* Fiber.join(dial)
    }).pipe(withTest)
  )

  it.effect("a half-open connection is idle in the end, and the device never hears of it", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const a = yield* join(1)
      yield* a.link.inject(Fault.Stall({ direction: "up" }))
      yield* a.link.inject(Fault.Stall({ direction: "down" }))
      yield* a.send(reflect(1))
      yield* a.rest
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(Option.getOrThrow(yield* mediator.group(keys.groupId)).connections, 0)
      assert.deepStrictEqual(yield* a.rest, [])
    }).pipe(withTest)
  )

  it.effect("slow: so many bytes a second", () =>
    Effect.gen(function* () {
      const a = yield* join(1)
      const b = yield* join(2)
      yield* b.link.inject(Fault.Slow({ direction: "down", bytesPerSecond: 1_000 }))
      yield* b.rest
      for (let n = 1; n <= 3; n++) yield* a.send(reflect(n, { envelope: new Uint8Array(980) }))
      yield* TestClock.adjust("999 millis")
      assert.lengthOf(yield* b.rest, 0)
      yield* TestClock.adjust("1 millis")
      assert.lengthOf(yield* b.rest, 1)
      yield* TestClock.adjust("2 seconds")
      assert.lengthOf(yield* b.rest, 2)
    }).pipe(withTest)
  )

  it.effect("slow: when it is over, or another speed counts, what is under way goes on as fast as that", () =>
    Effect.gen(function* () {
      const a = yield* join(1)
      const b = yield* join(2)
      const [slower, slow] = [yield* Scope.make(), yield* Scope.make()]
      yield* Scope.provide(b.link.inject(Fault.Slow({ direction: "down", bytesPerSecond: 1_000 })), slow)
      yield* Scope.provide(b.link.inject(Fault.Slow({ direction: "down", bytesPerSecond: 100 })), slower)
      yield* b.rest
      for (let n = 1; n <= 4; n++) yield* a.send(reflect(n, { envelope: new Uint8Array(980) }))
      // A tenth of the first one.
      yield* TestClock.adjust("1 second")
      yield* Scope.close(slower, Exit.void)
      yield* TestClock.adjust("899 millis")
      assert.lengthOf(yield* b.rest, 0)
      yield* TestClock.adjust("1 millis")
      assert.lengthOf(yield* b.rest, 1)
      yield* TestClock.adjust("500 millis")
      yield* Scope.close(slow, Exit.void)
      assert.lengthOf(yield* b.rest, 3)
      yield* a.send(reflect(5))
      assert.lengthOf(yield* b.rest, 1)
    }).pipe(withTest)
  )

  it.effect("slow: a close waits behind what is under way, and comes with it when the speed is back", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const a = yield* join(1)
      const b = yield* join(2)
      const slow = yield* Scope.make()
      yield* Scope.provide(b.link.inject(Fault.Slow({ direction: "down", bytesPerSecond: 100 })), slow)
      yield* b.rest
      yield* a.send(reflect(1, { envelope: new Uint8Array(10_000) }))
      yield* mediator.close(device(2), 4113)
      assert.deepStrictEqual(tags(yield* b.rest), [])
      yield* Scope.close(slow, Exit.void)
      assert.deepStrictEqual(tags(yield* b.rest), ["Reflected", "Closed 4113"])
    }).pipe(withTest)
  )

  it.effect("drop, duplicate, garble and rewrite the frames that were picked, and no others", () =>
    Effect.gen(function* () {
      const a = yield* join(1)
      yield* a.rest
      const scoped = (fault: Fault, n: number) =>
        Effect.scoped(
          Effect.gen(function* () {
            yield* a.link.inject(fault)
            yield* a.send(reflect(n), reflect(n + 1), reflect(n + 2), { _tag: "GetDevicesInfo" })
            return (yield* a.rest).map((event) => (event._tag === "ReflectAck" ? Number(event.reflectId) : event._tag))
          })
        )
      const match = { frame: "ReflectAck", skip: 1, count: 1 } as const
      assert.deepStrictEqual(yield* scoped(Fault.Drop({ direction: "down", match }), 1), [1, 3, "DevicesInfo"])
      assert.deepStrictEqual(yield* scoped(Fault.Duplicate({ direction: "down", match }), 1), [
        1,
        2,
        2,
        3,
        "DevicesInfo"
      ])
      assert.deepStrictEqual(yield* scoped(Fault.Garble({ direction: "down", match, at: 0 }), 1), [
        1,
        "Unknown",
        3,
        "DevicesInfo"
      ])
      assert.deepStrictEqual(yield* scoped(Fault.Rewrite({ direction: "down", match, with: () => [] }), 1), [
        1,
        3,
        "DevicesInfo"
      ])
      assert.deepStrictEqual(
        yield* scoped(Fault.Drop({ direction: "up", match: { frame: "GetDevicesInfo" } }), 1),
        [1, 2, 3]
      )
      assert.deepStrictEqual(yield* scoped(Fault.Drop({ direction: "down", match: { count: 3 } }), 1), ["DevicesInfo"])
    }).pipe(withTest)
  )

  it.effect("garble the byte that was named, and pass over frames that are too short to have it", () =>
    Effect.gen(function* () {
      const { journal } = yield* Mediator
      const a = yield* join(1)
      const b = yield* join(2)
      yield* b.rest
      yield* b.link.inject(Fault.Garble({ direction: "down", match: { count: 1 }, at: 20 }))
      // The envelope of a reflected begins there.
      for (const [n, envelope] of [bytes(), bytes(5, 6), bytes(7)].entries()) yield* a.send(reflect(n, { envelope }))
      const got = (yield* b.rest).map((event) => (event._tag === "Reflected" ? [...event.envelope] : event._tag))
      assert.deepStrictEqual(got, [[], [0xfa, 6], [7]])
      const entries = yield* journal.pipe(
        Stream.takeUntil(
          (entry) => entry._tag === "Sent" && entry.frame._tag === "ReflectAck" && entry.frame.reflectId === 2
        ),
        Stream.runCollect
      )
      assert.lengthOf(
        entries.filter(({ _tag }) => _tag === "FaultFired"),
        1
      )
    }).pipe(withTest)
  )

  it.effect("rewrite a frame into text messages and others", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const rewrite = Fault.Rewrite({
        direction: "down",
        match: { frame: "ServerHello" },
        with: (message) => ["text", message.subarray(0, 4), ""]
      })
      const link = yield* mediator.link(path, { faults: [rewrite] })
      const { pull } = yield* link.socket.reader
      assert.deepStrictEqual(yield* pull, ["text", Uint8Array.of(0x10, 0, 0, 0), ""])
    }).pipe(withTest)
  )

  it.effect("delay what was picked, with or without being overtaken", () =>
    Effect.gen(function* () {
      const a = yield* join(1)
      yield* a.rest
      for (const overtake of [false, true]) {
        yield* a.link
          .inject(Fault.Delay({ direction: "down", match: { frame: "ReflectAck", count: 1 }, millis: 100, overtake }))
          .pipe(Effect.andThen(a.send(reflect(1), reflect(2))), Effect.scoped)
        const early = (yield* a.rest).map((event) =>
          event._tag === "ReflectAck" ? Number(event.reflectId) : event._tag
        )
        yield* TestClock.adjust("100 millis")
        const late = (yield* a.rest).map((event) =>
          event._tag === "ReflectAck" ? Number(event.reflectId) : event._tag
        )
        assert.deepStrictEqual([early, late], overtake ? [[2], [1]] : [[], [1, 2]])
      }
    }).pipe(withTest)
  )

  it.effect("with numbers or texts that make no sense are refused", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const a = yield* join(1)
      const invalid: ReadonlyArray<readonly [Fault, string]> = [
        [Fault.Slow({ direction: "down", bytesPerSecond: 0 }), "bytesPerSecond must be above 0"],
        [Fault.Slow({ direction: "up", bytesPerSecond: -1 }), "bytesPerSecond must be above 0"],
        [Fault.Slow({ direction: "up", bytesPerSecond: Number.NaN }), "bytesPerSecond must be above 0"],
        [Fault.Delay({ direction: "up", millis: -1 }), "millis must be finite and not below 0"],
        [Fault.Delay({ direction: "up", millis: Infinity }), "millis must be finite and not below 0"],
        [Fault.Garble({ direction: "up", at: -1 }), "at must be an index"],
        [Fault.Garble({ direction: "up", at: 1.5 }), "at must be an index"],
        [Fault.Drop({ direction: "up", match: { skip: -1 } }), "skip must not be below 0"],
        [Fault.Drop({ direction: "up", match: { count: 0 } }), "count must be at least 1"],
        [Fault.Close({ code: 4999, reason: "\u00e9".repeat(62) }), "reason must have at most 123 bytes"],
        ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 70_000, 1000.5, Number.NaN].map(
          (code) => [Fault.Close({ code }), `code must be one that a close frame can carry, and is ${code}`] as const
        ),
        [
          Fault.Drop({ direction: "down", match: { frame: "Nope" as never } }),
          "frame must be a kind of frame that travels down, and is Nope"
        ],
        [
          Fault.Drop({ direction: "up", match: { frame: "ReflectAck" as never } }),
          "frame must be a kind of frame that travels up, and is ReflectAck"
        ]
      ]
      for (const [fault, detail] of invalid) {
        for (const inject of [mediator.inject(device(1), fault), a.link.inject(fault)]) {
          const result = yield* Effect.result(inject)
          assert(Result.isFailure(result))
          assert.strictEqual(result.failure.reason, "Invalid")
          assert.include(result.failure.message, `${fault._tag} cannot happen: ${detail}`)
        }
        const link = yield* mediator.link(path, { faults: [fault] })
        assert.strictEqual(codeOf(yield* Effect.exit(Effect.scoped(link.socket.reader))), "SocketOpenError")
      }
      yield* a.send(reflect(1))
      yield* a.until("ReflectAck")
    }).pipe(withTest)
  )

  it.effect("close with every code that a close frame can carry", () =>
    Effect.gen(function* () {
      for (const [state, code] of [1000, 1003, 1007, 1014, 3000, 4999].entries()) {
        const a = yield* join(1, {}, Math.min(state, 1))
        yield* a.link.inject(Fault.Close({ code }))
        assert.strictEqual((yield* a.until("Closed")).code, code)
      }
    }).pipe(withTest)
  )

  it.effect("of a frame that the codec does not know are possible, both ways", () =>
    Effect.gen(function* () {
      for (const direction of ["up", "down"] as const) {
        const a = yield* open({ faults: [Fault.Drop({ direction, match: { frame: "Unknown" } })] })
        yield* a.until("ServerHello")
      }
    }).pipe(withTest)
  )

  it.effect("of a link last over its connections and count over them, given with it or injected", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const lost = Fault.Drop({ direction: "down", match: { frame: "ReflectAck", count: 1 } })
      const acks = (link: Link, device: number, state: number) =>
        Effect.scoped(
          Effect.gen(function* () {
            const a = yield* openLink(link)
            yield* a.register(device, state)
            yield* a.send(reflect(1))
            return (yield* a.rest).filter(({ _tag }) => _tag === "ReflectAck").length
          })
        )
      const injected = yield* mediator.link(path)
      yield* injected.inject(lost)
      assert.deepStrictEqual([yield* acks(injected, 1, 0), yield* acks(injected, 1, 1)], [0, 1])
      const given = yield* mediator.link(path, { faults: [lost] })
      assert.deepStrictEqual([yield* acks(given, 2, 0), yield* acks(given, 2, 1)], [0, 1])
      const other = yield* mediator.link(path, { faults: [lost] })
      assert.deepStrictEqual([yield* acks(other, 3, 0), yield* acks(other, 3, 1)], [0, 1])
    }).pipe(withTest)
  )
})
