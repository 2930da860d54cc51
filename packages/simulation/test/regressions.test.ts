import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readSchedule, run, type Witness } from "../src/index.ts"

const folder = new URL("../regressions/", import.meta.url)

describe("schedules that once broke a rule", () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
    it.effect(`${file} breaks none any more, and still has something go wrong`, () =>
      Effect.map(readSchedule(readFileSync(new URL(file, folder), "utf8")), (schedule) => {
        let fired = 0
        const counts: Witness = (event) => {
          if (event._tag === "Fault" && event.phase === "Fired") fired++
        }
        assert.isUndefined(run(schedule, { witnesses: [counts] }).violation)
        if (schedule.faults.length > 0) assert.isAbove(fired, 0, "nothing of it acts any more")
      })
    )
  }
})
