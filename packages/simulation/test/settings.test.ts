import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import {
  calm,
  lanesText,
  plainDevice,
  type Program,
  run,
  type Schedule,
  settingsText,
  simulate,
  Story
} from "../src/index.ts"

const quiet: Schedule = {
  version: 1,
  seed: 1,
  duration: 1_000,
  conditions: calm,
  devices: [plainDevice("phone"), plainDevice("desktop")],
  operations: [],
  faults: []
}

describe("what is told of a failure", () => {
  it.effect("says whose clock is wrong, as nothing else is left", () =>
    Effect.gen(function* () {
      /** Wrong where clocks are: it takes the time of another device for its own. */
      const program: Program = (group) =>
        Effect.gen(function* () {
          yield* group.joined
          const times = yield* Effect.forEach(group.devices, (name) => group.on(name, () => Clock.currentTimeMillis))
          yield* group.settled
          if (Math.abs(times[0]! - times[1]!) > 60_000) return yield* Effect.fail("too late")
        })
      const failure = yield* Effect.flip(simulate(program, { devices: ["phone", "desktop"], duration: 2_000 }))
      assert.ok(failure._tag === "SimulationFailed")
      assert.match(
        failure.message,
        /\n {2}faults {4}none needed\n {2}devices\n {4}(phone|desktop): clock \d+(\.\d+)? s (ahead|behind)\n\n/
      )
      assert.match(failure.story, /== Started, clock/)
    })
  )

  it("says everything that is out of the ordinary from the start, and nothing else", () => {
    assert.deepStrictEqual(settingsText(quiet), [])
    const odd = plainDevice("tablet", {
      skew: -2_500,
      joinsAt: 61_000,
      group: 1,
      expiration: "Volatile",
      exhausted: "DropLeastRecent",
      chats: true
    })
    const conditions = { ...calm, storeLatency: 7, mediator: { maxDeviceSlots: 2 } }
    assert.deepStrictEqual(settingsText({ conditions, devices: [...quiet.devices, odd] }), [
      "  devices",
      "    tablet: clock 2.5 s behind, joins at +01:01.000, group 1, Volatile, DropLeastRecent, chats",
      "  conditions",
      "    storeLatency 7",
      '    mediator {"maxDeviceSlots":2}'
    ])
  })

  it("says in the lane of a device what its clock shows when it starts", () => {
    const story = new Story()
    const devices = [plainDevice("phone", { skew: 413_000 }), plainDevice("desktop")]
    run({ ...quiet, devices }, { witnesses: [story.see] })
    const page = lanesText(story.entries, undefined, { width: 200 })
    assert.strictEqual(page.match(/== Started, clock 413 s ahead ==/g)?.length, 1)
    assert.strictEqual(page.match(/== Started ==/g)?.length, 2)
  })
})
