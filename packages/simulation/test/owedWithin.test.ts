import { livenessBound, owedWithin, run, type ScheduledOperation, swarm, type Workload } from "@d2m/simulation"
import { assert, describe, it } from "@effect/vitest"

const transaction = (device: string, count: number, pause: number, ttl: number): ScheduledOperation => ({
  at: 0,
  device,
  operation: { _tag: "Transaction", count, bytes: 1, pause, ttl, fails: false }
})

const withOperations = (operations: ReadonlyArray<ScheduledOperation>, transactionTtl?: number) => {
  const schedule = swarm({ seed: 1, faults: "none", workload: () => operations })
  const mediator = transactionTtl === undefined ? {} : { transactionTtl }
  return { ...schedule, conditions: { ...schedule.conditions, mediator } }
}

/** Decision 26, rounded. */
const longestBackoff = 72_002

/** More than half of the time that all devices have is asked for by transactions; a third of them outlive their ttl. */
const overloaded: Workload = (prng, devices, duration) =>
  devices
    .flatMap(({ joinsAt, name }) => {
      const operations: Array<ScheduledOperation> = []
      for (let at = joinsAt + prng.below(2_000); at < duration; at += 200 + prng.below(8_000)) {
        operations.push({ ...transaction(name, 1 + prng.below(4), prng.below(4_000), prng.below(3)), at })
      }
      return operations
    })
    .sort((a, b) => a.at - b.at)

describe("how long anything may be owed once faults are over", () => {
  it("is the same for every schedule that has no transactions", () => {
    assert.strictEqual(owedWithin(withOperations([])), livenessBound)
  })

  it("is longer by what the transactions of all devices take, for they wait for each other", () => {
    const operations = [transaction("phone", 3, 2_000, 0), transaction("desktop", 1, 500, 20)]
    assert.strictEqual(owedWithin(withOperations(operations)), livenessBound + 6_500)
  })

  it("is longer by the backoffs of the device that has most transactions which outlive their ttl", () => {
    const operations = [
      transaction("phone", 2, 3_000, 5),
      transaction("phone", 1, 4_500, 5),
      transaction("desktop", 2, 3_000, 5)
    ]
    assert.strictEqual(owedWithin(withOperations(operations)), livenessBound + 16_500 + 2 * longestBackoff)
  })

  it("takes the mediator's longest transaction for a ttl of 0, and for one that is longer", () => {
    for (const ttl of [0, 600]) {
      const operations = [transaction("phone", 1, 40_000, ttl)]
      assert.strictEqual(owedWithin(withOperations(operations)), livenessBound + 40_000)
      assert.strictEqual(owedWithin(withOperations(operations, 40_000)), livenessBound + 40_000 + longestBackoff)
    }
  })

  it("lets a workload come to rest that has many transactions left when faults are over", () => {
    let longest = 0
    for (let seed = 0; seed < 12; seed++) {
      const schedule = swarm({ seed, duration: 240_000, faults: "brutal", workload: overloaded })
      const { elapsed, violation } = run(schedule)
      assert.isUndefined(violation, `seed ${seed}`)
      longest = Math.max(longest, elapsed - schedule.duration)
    }
    assert.isAbove(longest, livenessBound, "no seed needs longer")
  })
})
