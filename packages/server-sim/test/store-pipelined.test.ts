import { assert, describe, it } from "@effect/vitest"
import { decodeServerFrame, encodeClientFrame, type ServerFrame } from "@d2m/codec"
import { makeMemoryStore, Mediator, MediatorStore, MediatorStoreError, type Persist } from "@d2m/server-sim"
import { Deferred, Effect, Fiber, Layer, Result, Stream } from "effect"
import { hello, reflect } from "./drive.ts"
import {
  answer,
  bareTransport,
  join,
  joinStoppable,
  many,
  mediatorWith,
  open,
  path,
  strangerOf,
  tags
} from "./memory-device.ts"

/** A store in memory whose writes, from `hold` on, wait until they are told how they end. */
const heldStore = () => {
  const memory = makeMemoryStore()
  const calls: Array<{
    readonly persists: ReadonlyArray<Persist>
    readonly outcome: Deferred.Deferred<void, MediatorStoreError>
  }> = []
  let isHeld = false
  let loads = 0
  let applied = 0
  /** Writes are carried out in their order, whichever is told of first. */
  const applyUpTo = (end: number) =>
    Effect.suspend(() => {
      const due = calls.slice(applied, end)
      applied = Math.max(applied, end)
      return Effect.forEach(due, ({ persists }) => memory.apply(persists), { discard: true })
    })
  const endOf = (call: number) => calls[call]!.outcome
  return {
    hold: () => void (isHeld = true),
    /** What waits succeeds, and nothing waits any more. */
    letGo: Effect.suspend(() => {
      isHeld = false
      return Effect.forEach(calls, ({ outcome }) => Deferred.succeed(outcome, undefined), { discard: true })
    }),
    /** How many `Persist`s each call has been given. */
    sizes: () => calls.map(({ persists }) => persists.length),
    appends: () =>
      calls
        .flatMap(({ persists }) => persists.flatMap(({ commands }) => commands))
        .filter(({ _tag }) => _tag === "Append").length,
    loads: () => loads,
    succeed: (call: number) => Deferred.succeed(endOf(call), undefined),
    fail: (call: number) =>
      Deferred.fail(endOf(call), new MediatorStoreError({ operation: "apply", detail: "disk full" })),
    layer: Layer.succeed(MediatorStore, {
      ...memory,
      isPipelined: true,
      load: (groupKey) =>
        Effect.suspend(() => {
          loads++
          return memory.load(groupKey)
        }),
      apply: (persists) => {
        if (!isHeld) return memory.apply(persists)
        const outcome = Deferred.makeUnsafe<void, MediatorStoreError>()
        const end = calls.push({ persists, outcome })
        return Effect.andThen(Deferred.await(outcome), applyUpTo(end))
      }
    })
  }
}

describe("a store that is pipelined", () => {
  it.effect(
    "is called again while calls are under way, four at most, and with all that has come up in the next one",
    () => {
      const store = heldStore()
      return Effect.gen(function* () {
        const [a, b] = [yield* join(1), yield* join(2)]
        yield* a.rest
        yield* b.rest
        store.hold()
        for (let n = 1; n <= 7; n++) yield* a.send(reflect(n))
        assert.deepStrictEqual(store.sizes(), [1, 1, 1, 1])
        yield* store.succeed(0)
        assert.deepStrictEqual(tags(yield* a.rest), ["ReflectAck"])
        assert.deepStrictEqual(tags(yield* b.rest), ["Reflected"])
        assert.deepStrictEqual(store.sizes(), [1, 1, 1, 1, 3])
      }).pipe(Effect.ensuring(store.letGo), Effect.provide(mediatorWith({}, { store: store.layer })))
    }
  )

  it.effect("promises nothing for the second call that succeeds before the first", () => {
    const store = heldStore()
    return Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      yield* a.rest
      yield* b.rest
      store.hold()
      yield* a.send(reflect(1))
      yield* a.send(reflect(2))
      yield* store.succeed(1)
      assert.deepStrictEqual([yield* a.rest, yield* b.rest], [[], []])
      yield* store.succeed(0)
      assert.deepStrictEqual(tags(yield* a.rest), ["ReflectAck", "ReflectAck"])
      assert.deepStrictEqual(tags(yield* b.rest), ["Reflected", "Reflected"])
    }).pipe(Effect.ensuring(store.letGo), Effect.provide(mediatorWith({}, { store: store.layer })))
  })

  it.effect("has what it has done at once told of with one flush of a connection", () => {
    const store = heldStore()
    return Effect.gen(function* () {
      const { attach } = yield* Mediator
      const told: Array<ServerFrame | "flush"> = []
      const transport = bareTransport({
        send: (bytes) => void told.push(Result.getOrThrow(decodeServerFrame(bytes))),
        flush: () => void told.push("flush")
      })
      const attachment = attach(path, transport)
      const [serverHello] = told
      assert(typeof serverHello === "object" && serverHello._tag === "ServerHello")
      attachment.received([encodeClientFrame(hello(1, { response: answer(serverHello) }))])
      yield* join(2)
      store.hold()
      for (let n = 1; n <= 3; n++) attachment.received([encodeClientFrame(reflect(n))])
      told.length = 0
      // The last one first, as a store does that tells of several.
      for (const call of [2, 1, 0]) yield* store.succeed(call)
      yield* Effect.repeat(Effect.yieldNow, { times: 8 })
      const seen = told.map((frame) => (frame === "flush" ? frame : frame._tag))
      assert.deepStrictEqual(seen, ["ReflectAck", "ReflectAck", "ReflectAck", "flush"])
    }).pipe(Effect.ensuring(store.letGo), Effect.provide(mediatorWith({}, { store: store.layer })))
  })

  it.effect(
    "that fails at one call has failed at those behind it, whosever they are, but not at one that is called afterwards",
    () => {
      const store = heldStore()
      return Effect.gen(function* () {
        const [a, b, other, third] = [yield* join(1), yield* join(2), yield* strangerOf(8), yield* strangerOf(7)]
        for (const device of [a, b, other, third]) yield* device.rest
        store.hold()
        yield* a.send(reflect(1))
        yield* other.send(...many(1))
        yield* b.send(reflect(1))
        yield* a.send(reflect(2))
        yield* a.send(reflect(3))
        assert.deepStrictEqual(store.sizes(), [1, 1, 1, 1])
        yield* store.fail(0)
        for (const device of [a, b, other]) assert.deepStrictEqual(tags(yield* device.rest), ["Closed 1011"])
        yield* third.send(...many(1), { _tag: "GetDevicesInfo" })

        // What is behind it is not known to be over: nobody may read what it might still change.
        const before = store.loads()
        const again = yield* open()
        for (const call of [1, 2, 3]) {
          assert.strictEqual(store.loads(), before)
          yield* store.fail(call)
          yield* again.rest
        }
        assert.strictEqual(store.loads(), before + 1)
        assert.strictEqual(store.appends(), 3, "what had not been given to it is not given to it")
        yield* store.succeed(4)
        assert.deepStrictEqual(tags(yield* third.rest), ["DevicesInfo"])
        const { journal } = yield* Mediator
        const told = yield* journal.pipe(
          Stream.takeUntil((entry) => entry._tag === "Sent" && entry.frame._tag === "DevicesInfo"),
          Stream.filter((entry) => entry._tag === "GroupFailed"),
          Stream.runCollect
        )
        assert.strictEqual(told.length, 2, "each of the two groups once")
      }).pipe(
        Effect.ensuring(store.letGo),
        Effect.provide(mediatorWith({ journalCapacity: 1000 }, { store: store.layer }))
      )
    }
  )

  it.effect("is given nothing more while one behind the first is known to have failed", () => {
    const store = heldStore()
    return Effect.gen(function* () {
      const a = yield* join(1)
      yield* a.rest
      store.hold()
      yield* a.send(...many(1))
      yield* a.send(...many(1))
      yield* store.fail(1)
      yield* a.rest
      yield* a.send(...many(1))
      assert.deepStrictEqual(store.sizes(), [1, 1])
      yield* store.succeed(0)
      assert.deepStrictEqual(tags(yield* a.rest), ["Closed 1011"])
      assert.deepStrictEqual(store.sizes(), [1, 1])
    }).pipe(Effect.ensuring(store.letGo), Effect.provide(mediatorWith({}, { store: store.layer })))
  })

  it.effect("is given no more at once than one that is not, however many calls that is", () => {
    const store = heldStore()
    return Effect.gen(function* () {
      const a = yield* join(1)
      yield* a.rest
      store.hold()
      for (let n = 0; n < 4; n++) yield* a.send(...many(6_000))
      const atOnce = store.sizes()
      assert.isBelow(atOnce.length, 4)
      assert.isAtMost(
        atOnce.reduce((sum, size) => sum + size, 0),
        10_000
      )
      yield* store.letGo
      yield* a.send({ _tag: "GetDevicesInfo" })
      yield* a.until("DevicesInfo")
    }).pipe(
      Effect.ensuring(store.letGo),
      Effect.provide(mediatorWith({ storeHighWater: 2 ** 30 }, { store: store.layer }))
    )
  })

  it.effect("is waited for by a mediator that stops until the last call under way has returned", () => {
    const store = heldStore()
    return Effect.gen(function* () {
      const { a, stop } = yield* joinStoppable(store.layer)
      store.hold()
      yield* a.send(reflect(1))
      yield* a.send(reflect(2))
      const stopping = yield* stop
      yield* store.succeed(0)
      assert.deepStrictEqual(tags(yield* a.rest), ["ReflectAck"])
      assert.isUndefined(stopping.pollUnsafe())
      yield* store.letGo
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(tags(yield* a.rest), ["ReflectAck", "Closed 1001"])
    }).pipe(Effect.ensuring(store.letGo))
  })
})
