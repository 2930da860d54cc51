import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { calm, checked, type Conditions, plainDevice, run, type Schedule, ScheduleJson } from "../src/index.ts"

const spec = plainDevice("phone")

const scheduleOf = (changes: Partial<Schedule>): Schedule => ({
  version: 1,
  seed: 1,
  duration: 1_000,
  conditions: calm,
  devices: [spec],
  operations: [],
  faults: [],
  ...changes
})

const named = (...names: ReadonlyArray<string>) => scheduleOf({ devices: names.map((name) => ({ ...spec, name })) })
const mediated = (mediator: Conditions["mediator"]) => scheduleOf({ conditions: { ...calm, mediator } })

const invalid: ReadonlyArray<readonly [what: string, Schedule, detail: string]> = [
  ["a device without a name", named(""), "needs a name"],
  ["a device with the mediator's name", named("mediator"), "the name of the mediator"],
  ["a device with the name of a twin", named("Ann", "Ann's phone"), "of a twin"],
  ["two devices of one name", named("phone", "desktop", "phone"), "two devices have the name phone"],
  ["a negative number of slots", mediated({ maxDeviceSlots: -3 }), "maxDeviceSlots"],
  ["a queue for nothing", mediated({ queueMessages: 0 }), "queueMessages"],
  ["a low-water mark above the high one", mediated({ outgoingHighWater: 200 }), "outgoingLowWater"],
  [
    "a chance that is none",
    scheduleOf({ conditions: { ...calm, latency: { ...calm.latency, tailChance: 2 } } }),
    "tailChance"
  ]
]

describe("a schedule", () => {
  for (const [what, schedule, detail] of invalid) {
    it.effect(`with ${what} is none, put together by hand or in a file`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(checked(schedule))
        assert.strictEqual(error._tag, "InvalidSchedule")
        assert.include(error.message, detail)
        const text = JSON.stringify(schedule)
        const unread = yield* Effect.flip(Schema.decodeEffect(ScheduleJson)(text))
        assert.include(unread.message, detail)
      })
    )
  }

  it.effect("that can be carried out passes as it is", () =>
    Effect.gen(function* () {
      const schedule = mediated({ outgoingHighWater: 200, outgoingLowWater: 100, maxDeviceSlots: 1 })
      assert.deepStrictEqual(yield* checked(schedule), schedule)
      assert.isUndefined(run(schedule).violation)
    })
  )
})
