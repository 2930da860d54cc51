import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  type MessageHandler,
  type OracleMaker,
  type Program,
  programSchedule,
  runProgram,
  simulate,
  type SimulatedDevice,
  type SimulateOptions
} from "../src/index.ts"
import { item } from "./programs.ts"

const options: SimulateOptions = { devices: ["phone", "desktop"], losses: true }

/** The phone speaks once; tells how the desktop's handler ended each time, and whether a rule was broken. */
const ends = (
  handler: () => MessageHandler,
  afterwards: (desktop: SimulatedDevice) => Effect.Effect<void> = () => Effect.void
) => {
  const outcomes: Array<string> = []
  const onlooker: OracleMaker = {
    name: "onlooker",
    make: () => ({
      see: (event) => {
        if (event._tag === "Handled" && event.device === "desktop") outcomes.push(event.outcome)
      }
    })
  }
  const schedule = programSchedule(1, { ...options, faults: "none", duration: 30_000 })
  const program: Program = (group) =>
    Effect.gen(function* () {
      group.onReflected(handler)
      yield* group.joined
      yield* group.on("phone", (device) => device.reflect(item("hello")))
      yield* afterwards(group.world.devices.get("desktop")!)
      yield* group.settled
    })
  const { violation } = runProgram(schedule, program, { ...options, oracles: [onlooker] })
  return { outcomes, violation }
}

describe("a handler", () => {
  it("that interrupts itself fails, three times at most", () => {
    const { outcomes, violation } = ends(() => () => Effect.interrupt)
    assert.isUndefined(violation)
    assert.deepStrictEqual(outcomes, ["Failed", "Failed", "Failed"])
  })

  it("that is interrupted because the device is switched off has not failed, and is called again", () => {
    let isFirst = true
    const { outcomes, violation } = ends(
      () => () => {
        if (!isFirst) return Effect.void
        isFirst = false
        return Effect.never
      },
      (desktop) =>
        Effect.gen(function* () {
          yield* Effect.sleep("1 second")
          desktop.stop()
          yield* Effect.sleep("1 second")
          desktop.start()
        })
    )
    assert.isUndefined(violation)
    assert.deepStrictEqual(outcomes, ["Interrupted", "Done"])
  })

  it("that waits for a promise is told so, which is what nothing in a world resolves", () => {
    const { violation } = ends(() => () => Effect.promise(() => new Promise(() => {})))
    assert.deepInclude(violation, { oracle: "liveness", rule: "once faults are over, everything comes to rest" })
    assert.match(
      violation!.found,
      /; the handler of desktop has been busy since \+00:\d\d\.\d{3}: perhaps with a promise/
    )
  })

  it.effect("that waits for a promise is told so of what is left of its run as well, which is over soon", () =>
    Effect.gen(function* () {
      const program: Program = (group) =>
        Effect.gen(function* () {
          group.onReflected(() => () => Effect.promise(() => new Promise(() => {})))
          yield* group.joined
          yield* group.on("phone", (device) => device.reflect(item("hello")))
          yield* group.settled
        })
      const failure = yield* Effect.flip(simulate(program, { ...options, duration: 5_000, seeds: 1 }))
      assert.ok(failure._tag === "SimulationFailed")
      assert.isBelow(failure.schedule.duration, 100)
      assert.match(failure.found, /reflect \d+ of phone, taken at \+00:00\.\d{3}; the handler of desktop has been busy/)
    })
  )
})
