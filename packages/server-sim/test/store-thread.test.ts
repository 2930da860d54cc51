import { assert, describe, it } from "@effect/vitest"
import { MediatorStoreError, type StoreCommand } from "@d2m/server-sim"
import { Effect, Exit, Fiber, Logger, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeSqliteStore } from "../src/node/MediatorStoreSqlite.ts"
import { bytes, id } from "./drive.ts"
import { ack, append, groupKey, persist, plain, register } from "./store-suite.ts"

/** A directory that goes with the scope. */
const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "d2m-thread-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const fixture = (name: string) => new URL(`./fixtures/${name}.ts`, import.meta.url)

describe("the thread of a store", () => {
  it.live("is followed by another when it ends, which finds everything that was promised", () =>
    Effect.gen(function* () {
      const { killThread, store } = yield* makeSqliteStore({ directory: yield* directory })
      yield* store.apply([persist(groupKey, register(id(1)), append(bytes(1), [[id(1), 1]]))])
      for (const n of [2, 3]) {
        yield* killThread
        const found = Option.getOrThrow(yield* store.load(groupKey))
        assert.strictEqual(found.slots[0]?.issued, n - 1)
        yield* store.apply([persist(groupKey, append(bytes(n), [[id(1), n]]))])
        assert.strictEqual((yield* store.read(groupKey, id(1), [1, n])).length, 2)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("fails what was asked when it ends, with the reason", () =>
    Effect.gen(function* () {
      const path = yield* directory
      const { store } = yield* makeSqliteStore({ directory: path }, fixture("failing-store-thread"))
      const errors = yield* Effect.all(
        Array.from({ length: 20 }, () => Effect.flip(store.load(groupKey))),
        { concurrency: "unbounded" }
      )
      for (const error of errors) {
        assert.instanceOf(error, MediatorStoreError)
        assert.deepInclude({ ...error }, { operation: "load", reason: "Failed" })
        assert.include(error.detail, "out of memory")
      }
      // One that dies at once is not started again and again.
      const lives = () => readFileSync(join(path, "lives"), "utf8").length
      const askedOften = Effect.repeat(Effect.flip(store.load(groupKey)), { times: 19 })
      yield* askedOften
      const before = lives()
      assert.isAtMost(before, 10)
      yield* TestClock.adjust("999 millis")
      yield* askedOften
      assert.strictEqual(lives(), before)
      // But it is, in time: whatever it was may be over.
      yield* TestClock.adjust("1 millis")
      yield* askedOften
      assert.strictEqual(lives(), before + 1)
    }).pipe(Effect.scoped)
  )

  it.effect("fails what was to be written first when it ends: nothing may be written anew that builds on it", () =>
    Effect.gen(function* () {
      const { store } = yield* makeSqliteStore({ directory: yield* directory }, fixture("failing-store-thread"))
      const ends: Array<string> = []
      const told = <A>(what: string, asked: Effect.Effect<A, MediatorStoreError>) =>
        Effect.andThen(
          Effect.flip(asked),
          Effect.sync(() => ends.push(what))
        )
      const write = store.apply([persist(groupKey, register(id(1)))])
      yield* Effect.all([told("load", store.load(groupKey)), told("write", write), told("next write", write)], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(ends, ["write", "next write", "load"])
    }).pipe(Effect.scoped)
  )

  it.live(
    "is asked once to write what came up in one turn of the loop, and what one commit wrote is told of the last first",
    () =>
      Effect.gen(function* () {
        const { pragma, store } = yield* makeSqliteStore(
          { directory: yield* directory },
          fixture("counting-store-thread")
        )
        const ends: Array<number> = []
        const write = (n: number) =>
          Effect.andThen(
            store.apply([persist(groupKey, register(id(n)))]),
            Effect.sync(() => ends.push(n))
          )
        const asked = yield* Effect.forkChild(write(1), { startImmediately: true })
        yield* store.load(groupKey)
        const [, , questions] = yield* Effect.all([write(2), write(3), pragma("writes")], { concurrency: "unbounded" })
        yield* Fiber.join(asked)
        assert.strictEqual(questions, 2)
        assert.deepStrictEqual(ends, [3, 2, 1])
      }).pipe(Effect.scoped)
  )

  it.live("writes what came up in one turn of the loop, or nothing of it", () =>
    Effect.gen(function* () {
      const { store } = yield* makeSqliteStore({ directory: yield* directory })
      const write = (...commands: ReadonlyArray<StoreCommand>) =>
        Effect.exit(store.apply([persist(groupKey, ...commands)]))
      assert.isTrue(Exit.isSuccess(yield* write(register(id(1)))))
      const exits = yield* Effect.all(
        // The second is of a slot that is not there.
        [write(append(bytes(1), [[id(1), 1]])), write(ack(id(5), 1)), write(append(bytes(2), [[id(1), 2]]))],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(exits.map(Exit.isFailure), [true, true, true])
      assert.deepStrictEqual(yield* store.read(groupKey, id(1), [1, 2]), [])
    }).pipe(Effect.scoped)
  )

  it.live("reads what it was asked to write in the same turn, and writes it before it is closed", () =>
    Effect.gen(function* () {
      const path = yield* directory
      const scope = yield* Scope.make()
      const { store } = yield* Scope.provide(makeSqliteStore({ directory: path }), scope)
      const [, read] = yield* Effect.all(
        [
          store.apply([persist(groupKey, register(id(1)), append(bytes(7), [[id(1), 1]]))]),
          store.read(groupKey, id(1), [1])
        ],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        plain(read).map(({ envelope }) => envelope),
        [[7]]
      )
      yield* Effect.all(
        [store.apply([persist(groupKey, append(bytes(8), [[id(1), 2]]))]), Scope.close(scope, Exit.void)],
        {
          concurrency: "unbounded"
        }
      )
      const { store: next } = yield* makeSqliteStore({ directory: path })
      assert.deepStrictEqual(Option.getOrThrow(yield* next.load(groupKey)).slots[0]?.queue.positions, [1, 2])
    }).pipe(Effect.scoped)
  )

  it.live("is asked nothing anew with what was asked before a failure was told: that falls with it", () =>
    Effect.gen(function* () {
      const { store } = yield* makeSqliteStore({ directory: yield* directory }, fixture("late-failing-store-thread"))
      const write = Effect.exit(store.apply([persist(groupKey, register(id(1)))]))
      const exits = yield* Effect.all(
        [
          // Told of in the turn in which the one below is asked, and the last one is asked by who knows of it.
          Effect.flatMap(write, (first) => Effect.map(write, (next) => [first, next])),
          Effect.flatMap(store.load(groupKey), () => Effect.map(write, (behind) => [behind]))
        ],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        exits.map((some) => some.map(Exit.isSuccess)),
        [[false, true], [false]]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("is given up when its disk hangs: closing takes 5 seconds at most, and is told", () => {
    const logged: Array<string> = []
    return Effect.gen(function* () {
      const path = yield* directory
      const scope = yield* Scope.make()
      const { store } = yield* Scope.provide(
        makeSqliteStore({ directory: path }, fixture("hanging-store-thread")),
        scope
      )
      const asking = yield* Effect.forkChild(Effect.flip(store.load(groupKey)), { startImmediately: true })
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust("4999 millis")
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(closing)
      assert.include(logged.join(), "hangs")
      assert.strictEqual((yield* Fiber.join(asking)).reason, "Closed")
    }).pipe(
      Effect.scoped,
      Effect.provide(Logger.layer([Logger.map(Logger.formatLogFmt, (line) => void logged.push(line))]))
    )
  })
})
