import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  type FaultLevel,
  InvalidSchedule,
  type Program,
  programSchedule,
  replay,
  simulate,
  type SimulateOptions
} from "../src/index.ts"

describe("a simulation", () => {
  const wrong: ReadonlyArray<SimulateOptions> = [
    { duration: Infinity },
    { duration: -1 },
    { faults: "bogus" as FaultLevel },
    { seeds: 0 },
    { seeds: -1 },
    { seeds: Number.NaN },
    { seeds: 1.5 },
    { seed: -3 },
    { seed: Number.NaN },
    { devices: 0 },
    { devices: 2.5 },
    { devices: [] },
    { maxSteps: 0 },
    { maxSteps: Number.NaN },
    { seed: Number.MAX_SAFE_INTEGER, seeds: 2 },
    { shrinkRuns: -1 },
    { story: "long" as "full" },
    { conditions: { preempt: 1 } },
    { conditions: { preempt: 0.6 } }
  ]

  for (const options of wrong) {
    const name = Object.keys(options)[0]!
    it.effect(`does not begin with ${name} ${JSON.stringify(Object.values(options)[0])}`, () =>
      Effect.gen(function* () {
        const begun: Array<number> = []
        const program: Program = ({ seed }) => Effect.sync(() => begun.push(seed))
        const error = yield* Effect.flip(simulate(program, { seeds: 1, ...options }))
        assert.strictEqual(error._tag, "InvalidSchedule")
        assert.include(error.message, Object.keys(options.conditions ?? options)[0]!)
        assert.deepStrictEqual(begun, [])
      })
    )
  }

  it("is drawn within the same bounds when its schedule is drawn alone", () => {
    for (const options of wrong) {
      const { conditions, maxSteps, seeds, shrinkRuns, story, seed = 0, ...drawn } = options
      if ([conditions, maxSteps, seeds, shrinkRuns, story].some((other) => other !== undefined)) continue
      assert.throws(() => programSchedule(seed, drawn), InvalidSchedule, Object.keys(options)[0])
    }
  })

  it.effect("is not replayed with options that are none", () =>
    Effect.gen(function* () {
      const schedule = programSchedule(0, { duration: 1_000, faults: "none" })
      const error = yield* Effect.flip(replay(schedule, () => Effect.void, { maxSteps: 0 }))
      assert.strictEqual(error._tag, "InvalidSchedule")
    })
  )

  it.effect("begins at the bounds", () =>
    Effect.gen(function* () {
      const options: SimulateOptions = { seeds: 1, seed: 0, devices: ["phone"], duration: 0, faults: "none" }
      const summary = yield* simulate(() => Effect.void, { ...options, conditions: { preempt: 0.5 } })
      assert.strictEqual(summary.seeds, 1)
      const last = { ...options, seed: Number.MAX_SAFE_INTEGER, maxSteps: 1_000_000 }
      assert.strictEqual((yield* simulate(() => Effect.void, last)).seeds, 1)
    })
  )
})
