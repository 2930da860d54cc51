import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { programSchedule, runProgram, type SimulateOptions } from "../src/index.ts"

const options: SimulateOptions = { devices: ["phone", "desktop"], losses: true }

describe("joined", () => {
  it("waits for no twin, which may be gone before it has been there", () => {
    const schedule = {
      ...programSchedule(1, { ...options, faults: "none", duration: 20_000 }),
      faults: [{ at: 1, fault: { _tag: "Twin", device: "phone", lasts: 1 } }]
    } as const
    const twins: Array<boolean> = []
    const { violation } = runProgram(
      schedule,
      (group) =>
        Effect.gen(function* () {
          yield* group.joined
          twins.push(group.world.devices.has("phone'1"))
          assert.deepStrictEqual(group.devices, options.devices)
        }),
      options
    )
    assert.isUndefined(violation)
    assert.deepStrictEqual(twins, [true])
  })

  it("comes about with losses too: each device finds a slot", () => {
    for (const count of [2, 10]) {
      for (let seed = 0; seed < 60; seed++) {
        const { conditions } = programSchedule(seed, { devices: count, losses: true, duration: 1_000 })
        assert.isAtLeast(conditions.mediator.maxDeviceSlots ?? count, count)
        if (count === 10) assert.isDefined(conditions.mediator.maxDeviceSlots)
      }
    }
  })
})
