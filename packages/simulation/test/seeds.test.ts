import { assert, describe, it } from "@effect/vitest"
import { Fault, reportOf, run, Summary, swarm, type SwarmOptions } from "../src/index.ts"

/** Short worlds: what goes wrong in one mostly does so in its first seconds, and the next seed is another beginning. */
const short = { duration: 10_000, devices: 2 } as const

const kinds: ReadonlyArray<Omit<SwarmOptions, "seed"> & { readonly seeds: number }> = [
  { ...short, seeds: 100, faults: "none" },
  { ...short, seeds: 200, faults: "light" },
  { ...short, seeds: 700, faults: "swarm" },
  { ...short, seeds: 300, faults: "swarm", devices: 3 },
  { ...short, seeds: 300, faults: "brutal" },
  { ...short, seeds: 300, faults: "swarm", misbehaving: true },
  { ...short, seeds: 100, faults: "brutal", misbehaving: true, devices: 3 }
]

const runAll = (first: number): Summary => {
  const summary = new Summary()
  let seed = first
  for (const { seeds, ...options } of kinds) {
    for (let n = 0; n < seeds; n++) {
      const report = reportOf(run(swarm({ ...options, seed: seed++ })))
      summary.add(report)
      assert.isUndefined(report.violation, `seed ${report.seed} with ${JSON.stringify(options)}`)
    }
  }
  return summary
}

describe("two thousand seeds", { timeout: 180_000 }, () => {
  it("break no rule, and see every kind of fault act", () => {
    const summary = runAll(1)
    assert.strictEqual(summary.seeds, 2_000)
    const acted = new Set(summary.faults.map(([kind]) => kind))
    for (const kind of Object.keys(Fault.cases)) assert.isTrue(acted.has(kind), `${kind} has never acted`)
    assert.isAbove(summary.frames, 40_000)
    assert.isAbove(summary.states, 12)
  })
})
