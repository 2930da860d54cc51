import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue, Random, Ref } from "effect"
import { SecureRandom } from "effect/crypto"
import { Simulation } from "../src/index.ts"

/** Two fibers that race with yields, sleeps and random numbers, and write down what they do. */
const race = Effect.gen(function* () {
  const trace: Array<string> = []
  const runner = (name: string) =>
    Effect.gen(function* () {
      for (let i = 0; i < 8; i++) {
        trace.push(`${name}${i}`)
        yield* Effect.yieldNow
        yield* Effect.sleep(yield* Random.nextIntBetween(0, 4))
      }
    })
  const fibers = yield* Effect.forEach(["a", "b", "c"], (name) => Effect.forkChild(runner(name)))
  yield* Effect.forEach(fibers, Fiber.join, { discard: true })
  const secret = yield* (yield* SecureRandom.SecureRandom).randomBytes(4)
  return `${trace.join("")} ${secret.join(".")}`
})

const traceOf = (seed: number): string => {
  const { outcome } = Simulation.runEffect(race, { seed })
  if (outcome._tag !== "Done" || outcome.exit._tag !== "Success") throw new Error(outcome._tag)
  return outcome.exit.value
}

describe("Simulation", () => {
  it("gives the same run for the same seed", () => {
    for (let seed = 0; seed < 20; seed++) assert.strictEqual(traceOf(seed), traceOf(seed))
  })

  it("explores other interleavings with other seeds", () => {
    const traces = new Set(Array.from({ length: 100 }, (_, seed) => traceOf(seed)))
    assert.isAbove(traces.size, 95)
  })

  it("finds a lost update that only preemption shows", () => {
    const increments = Effect.gen(function* () {
      const ref = yield* Ref.make(0)
      const increment = Effect.flatMap(Ref.get(ref), (n) => Ref.set(ref, n + 1))
      yield* Effect.all([increment, increment], { concurrency: "unbounded" })
      return yield* Ref.get(ref)
    })
    const lost = (preempt: number) =>
      Array.from({ length: 300 }, (_, seed) => Simulation.runEffect(increments, { seed, preempt })).filter(
        ({ outcome }) => outcome._tag === "Done" && outcome.exit._tag === "Success" && outcome.exit.value === 1
      ).length
    assert.strictEqual(lost(0), 0)
    assert.isAbove(lost(0.2), 10)
  })

  it("jumps over a virtual year", () => {
    const { elapsed, outcome } = Simulation.runEffect(Effect.sleep("365 days"), { seed: 1 })
    assert.strictEqual(outcome._tag, "Done")
    assert.strictEqual(elapsed, 365 * 86_400_000)
  })

  it("wakes sleepers in the order of their deadlines and forgets interrupted ones", () => {
    const program = Effect.gen(function* () {
      const order: Array<number> = []
      const sleepers = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, i) => (i * 7) % 50),
        (n) =>
          Effect.forkChild(
            Effect.andThen(
              Effect.sleep(n + 1),
              Effect.sync(() => order.push(n))
            )
          )
      )
      yield* Effect.yieldNow
      yield* Fiber.interrupt(sleepers[0]!)
      yield* Effect.sleep(100)
      return order
    })
    const { outcome } = Simulation.runEffect(program, { seed: 3 })
    assert.deepStrictEqual(
      outcome._tag === "Done" && outcome.exit._tag === "Success" ? outcome.exit.value : outcome,
      Array.from({ length: 49 }, (_, i) => i + 1)
    )
  })

  it("tells a deadlock and an endless run from an end", () => {
    const stuck = Effect.flatMap(Queue.bounded<number>(1), Queue.take)
    assert.strictEqual(Simulation.runEffect(stuck, { seed: 1 }).outcome._tag, "Deadlock")
    const spinning = Effect.forever(Effect.yieldNow)
    assert.strictEqual(Simulation.runEffect(spinning, { seed: 1, maxSteps: 1000 }).outcome._tag, "OutOfSteps")
  })
})
