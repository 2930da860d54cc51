// The cell of the live connection by itself, with a socket that takes nothing.
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Fiber, Scheduler } from "effect"
import { makeArrivals } from "../src/Arrivals.ts"
import { TransactionAborted } from "../src/index.ts"
import type { Link } from "../src/Link.ts"
import { makeLiveCell } from "../src/LiveConnection.ts"
import type { Session } from "../src/Session.ts"
import { settle } from "./scripted-peer.ts"

const link = { listeningTime: () => 0 } as Link
const session = { sendAll: () => Effect.never } as unknown as Session
const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkScoped(effect, { startImmediately: true })

/** Counts the steps of a fiber. */
class Counting extends Scheduler.MixedScheduler {
  steps = 0
  override shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    this.steps++
    return super.shouldYield(fiber)
  }
}

describe("arrivals", () => {
  it.effect("are waited for at rest, though some of them are settled meanwhile", () =>
    Effect.gen(function* () {
      const arrivals = makeArrivals()
      const counting = new Counting()
      const waiting = yield* fork(Effect.provideService(arrivals.settled(2), Scheduler.Scheduler, counting))
      yield* settle
      arrivals.settle()
      yield* settle
      const { steps } = counting
      yield* settle
      assert.strictEqual(counting.steps, steps)
      assert.isUndefined(waiting.pollUnsafe())
      arrivals.settle()
      yield* settle
      assert.isDefined(waiting.pollUnsafe())
    })
  )
})

describe("a live connection", () => {
  it.effect("that ends lets go of who writes to it, and of what was asked", () =>
    Effect.gen(function* () {
      const live = makeLiveCell().begin(link, session)
      const writing = yield* fork(Effect.flip(live.send([{ _tag: "GetDevicesInfo" }])))
      const expected = { settle: () => {}, lost: () => {} }
      const asking = yield* fork(
        Effect.flip(live.ask({ _tag: "GetDevicesInfo" }, (requests) => requests.expectDevices(expected)))
      )
      yield* settle
      assert.deepStrictEqual([writing.pollUnsafe(), asking.pollUnsafe()], [undefined, undefined])
      assert.isTrue(live.requests.isAwaited)
      live.end(new TransactionAborted({}))
      yield* settle
      assert.isDefined(writing.pollUnsafe())
      assert.isDefined(asking.pollUnsafe())
      assert.isFalse(live.requests.isAwaited)
    })
  )

  it.effect("is waited for at rest, also after one has ended", () =>
    Effect.gen(function* () {
      const cell = makeLiveCell()
      cell.begin(link, session).end(new TransactionAborted({}))
      const counting = new Counting()
      const waiting = yield* fork(Effect.provideService(cell.next, Scheduler.Scheduler, counting))
      yield* settle
      const { steps } = counting
      yield* settle
      assert.strictEqual(counting.steps, steps)
      const next = cell.begin(link, session)
      yield* settle
      assert.isDefined(waiting.pollUnsafe())
      assert.strictEqual(cell.current(), next)
    })
  )
})
