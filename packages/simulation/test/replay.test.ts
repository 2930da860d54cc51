import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Program, replay, simulate, type SimulateOptions, whyShowsNothing } from "../src/index.ts"
import { counter, item, silence, two } from "./programs.ts"

const speaks: Program = (group) =>
  Effect.andThen(
    group.joined,
    group.on("phone", (device) => device.reflect(item("hello")))
  )

const options: SimulateOptions = { seeds: 1, faults: "none", duration: 5_000 }

describe("the file of a program's failure", () => {
  it.effect("is replayed with the oracle that objected, and refused without", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(simulate(speaks, { ...options, oracles: [silence] }))
      assert.ok(failure._tag === "SimulationFailed")
      const again = yield* Effect.flip(replay(failure.schedule, speaks, { oracles: [silence] }))
      assert.deepInclude(again, { _tag: "SimulationFailed", oracle: "silence" })
      const unseen = yield* Effect.flip(replay(failure.schedule, speaks))
      assert.strictEqual(unseen._tag, "ScheduleNotReplayable")
      assert.include(unseen.message, "silence")
    })
  )

  it.effect("is refused without its program, whoever has objected", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(simulate(speaks, { ...options, oracles: [silence] }))
      assert.ok(failure._tag === "SimulationFailed")
      const alone = yield* Effect.flip(replay(failure.schedule, undefined, { oracles: [silence] }))
      assert.strictEqual(alone._tag, "ScheduleNotReplayable")
      assert.include(alone.message, "it.replay(name, file, program)")
      // What stood in the files of earlier versions.
      const { program: _, ...unmarked } = failure.schedule
      for (const oracle of ["program", "arrivals"]) {
        const violates = { oracle, rule: "any" }
        assert.strictEqual((yield* Effect.flip(replay({ ...unmarked, violates })))._tag, "ScheduleNotReplayable")
      }
      for (const oracle of ["liveness", "defects", "handling"])
        yield* replay({ ...unmarked, violates: { oracle, rule: "any" } })
    })
  )

  it.effect("says that it shows nothing any more when no rule is broken and none of its faults acts", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(simulate(counter, two))
      assert.ok(failure._tag === "SimulationFailed")
      const { faults, violates } = failure.schedule
      const idle: Program = (group) => Effect.andThen(group.joined, group.settled)
      const late = faults.map(({ fault }) => ({ at: failure.schedule.duration, fault }))
      const unmoved = yield* replay({ ...failure.schedule, faults: late }, idle, two)
      assert.include(whyShowsNothing(unmoved), `none of its faults has acted (${faults[0]!.fault._tag}`)
      assert.include(whyShowsNothing(unmoved), violates!.rule)
      // One that acts in vain is what a failure that is mended looks like.
      const reset = [{ at: 10_000, fault: { _tag: "Reset", device: "phone" } }] as const
      assert.isUndefined(whyShowsNothing(yield* replay({ ...failure.schedule, faults: reset }, idle, two)))
      assert.isUndefined(whyShowsNothing(yield* replay({ ...failure.schedule, faults: [] }, idle, two)))
      const { violates: _, ...unknown } = failure.schedule
      assert.isUndefined(whyShowsNothing(yield* replay({ ...unknown, faults: late }, idle, two)))
    })
  )
})
