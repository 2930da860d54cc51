import { assert, describe, it } from "@effect/vitest"
import { Fault, type JournalEntry, Mediator } from "@d2m/server-sim"
import { Effect, Stream } from "effect"
import { id, reflect } from "./drive.ts"
import * as memory from "./memory-device.ts"
import { answers, join, keysOf, loopback, served, urlOf } from "./served-mediator.ts"
import { dial } from "./wire-client.ts"

type With = Extract<Fault, { readonly _tag: "Rewrite" }>["with"]

const thrower = (thrown: unknown): With => {
  return () => {
    throw thrown
  }
}

const rejecter = () => Promise.reject(new Error("boom"))

/** Functions that a user may have written, and what is said of them. */
const broken: ReadonlyArray<readonly [With, string]> = [
  [thrower(new Error("boom")), "Rewrite cannot happen: with has thrown boom"],
  [thrower(Object.create(null)), "Rewrite cannot happen: with has thrown an object"],
  [thrower(new Error("\u00e9".repeat(200))), `Rewrite cannot happen: with has thrown ${"?".repeat(84)}`],
  [() => undefined as never, "Rewrite cannot happen: with has returned undefined, and no array of bytes and strings"],
  [() => "text" as never, "Rewrite cannot happen: with has returned a string, and no array of bytes and strings"],
  [() => [undefined as never], "Rewrite cannot happen: with has returned an array with undefined in it"],
  [() => ["text", [1] as never], "Rewrite cannot happen: with has returned an array with an array in it"],
  // That its rejection is not left unhandled, the test runner sees.
  [rejecter as never, "Rewrite cannot happen: with has returned a promise, and no array of bytes and strings"],
  [() => ["text", rejecter() as never], "Rewrite cannot happen: with has returned an array with a promise in it"]
]

/** What the journal says of a connection since its device was dry, up to its end. */
const ending = (connection: number) =>
  Effect.gen(function* () {
    const { journal } = yield* Mediator
    const isEnd = (entry: JournalEntry) =>
      (entry._tag === "Closed" || entry._tag === "Gone") && entry.connection === connection
    const entries = yield* Stream.runCollect(Stream.takeUntil(journal, isEnd))
    return entries.flatMap((entry) => {
      if (!("connection" in entry) || entry.connection !== connection) return []
      if (entry._tag === "FaultFired") return [entry.fault]
      return isEnd(entry) ? [entry._tag === "Closed" ? `${entry.code} ${entry.reason}` : entry._tag] : []
    })
  })

const rewrites = (replace: With): ReadonlyArray<Fault> => [
  Fault.Rewrite({ direction: "down", match: { frame: "ReflectAck" }, with: replace }),
  Fault.Rewrite({ direction: "up", match: { frame: "Reflect" }, with: replace })
]

describe("a function of Rewrite that fails ends its connection with 1011, and nothing else", () => {
  for (const [replace, reason] of broken) {
    it.effect(`in memory: ${reason}`, () =>
      Effect.gen(function* () {
        const b = yield* memory.join(2)
        for (const [state, fault] of rewrites(replace).entries()) {
          const a = yield* memory.join(1, { faults: [fault] }, state)
          yield* a.send(reflect(1), reflect(2))
          assert.deepStrictEqual(yield* a.until("Closed"), { _tag: "Closed", code: 1011, reason })
          assert.deepStrictEqual(yield* ending(2 + state), ["Rewrite", `1011 ${reason}`])
        }
        yield* b.send(reflect(1))
        assert.strictEqual((yield* b.until("ReflectAck")).reflectId, 1)
        yield* memory.join(1, {}, 1)
      }).pipe(Effect.provide(Mediator.layerTest))
    )

    it.live(`over WebSockets: ${reason}`, () =>
      Effect.gen(function* () {
        const mediator = yield* Mediator
        const b = yield* join(2)
        const device = { groupId: (yield* keysOf).groupId, deviceId: id(1) }
        for (const [state, fault] of rewrites(replace).entries()) {
          const a = yield* join(1, state)
          yield* mediator.inject(device, fault)
          a.send(reflect(1), reflect(2))
          assert.deepStrictEqual(yield* a.until("Closed"), { _tag: "Closed", code: 1011, reason })
          assert.deepStrictEqual(yield* ending(2 + state), ["Rewrite", `1011 ${reason}`])
        }
        yield* answers(b)
        yield* join(1, 1)
      }).pipe(Effect.provide(served({ journalCapacity: 1_000 })))
    )
  }

  it.effect("in memory, also on the first frame of all", () =>
    Effect.gen(function* () {
      const fault = Fault.Rewrite({ direction: "down", with: thrower("boom") })
      const a = yield* memory.open({ faults: [fault] })
      const reason = "Rewrite cannot happen: with has thrown boom"
      assert.deepStrictEqual(yield* a.next, { _tag: "Closed", code: 1011, reason })
      assert.deepStrictEqual(yield* ending(1), ["Rewrite", `1011 ${reason}`])
    }).pipe(Effect.provide(Mediator.layerTest))
  )
})

describe("the function that gives a served connection its faults", () => {
  const functions: ReadonlyArray<readonly [() => ReadonlyArray<Fault>, string]> = [
    [
      () => {
        throw new Error("boom")
      },
      "faults cannot happen: the function has thrown boom"
    ],
    [() => undefined as never, "faults cannot happen: the function has returned undefined, and no array of faults"],
    [() => [undefined as never], "faults cannot happen: the function has returned an array with undefined in it"],
    [() => [{ _tag: "Storm" } as never], "Storm cannot happen: it is none of the faults"],
    [
      () => [Fault.Rewrite({ direction: "down", with: "text" as never })],
      "Rewrite cannot happen: with must be a function, and is a string"
    ],
    [
      () => [Fault.Drop({ direction: "left" as never, match: { frame: "Reflect" } })],
      "Drop cannot happen: direction must be up or down"
    ]
  ]

  for (const [faults, reason] of functions) {
    it.live(`ends that connection with 1011 when ${reason}`, () => {
      let connections = 0
      const listen = { ...loopback, faults: () => (connections++ === 0 ? faults() : []) }
      return Effect.gen(function* () {
        const a = yield* dial(yield* urlOf)
        assert.deepStrictEqual(yield* a.next, { _tag: "Closed", code: 1011, reason })
        assert.deepStrictEqual(yield* ending(1), [`1011 ${reason}`])
        yield* join(1)
      }).pipe(Effect.provide(served({ journalCapacity: 1_000 }, listen)))
    })
  }
})
