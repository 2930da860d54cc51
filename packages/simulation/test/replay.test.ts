import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Program, replay, simulate, type SimulateOptions } from "../src/index.ts"
import { item, silence } from "./programs.ts"

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
})
