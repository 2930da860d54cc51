import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readSchedule, run } from "../src/index.ts"

const folder = new URL("../regressions/", import.meta.url)

describe("schedules that once broke a rule", () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
    it.effect(`${file} breaks none any more`, () =>
      Effect.map(readSchedule(readFileSync(new URL(file, folder), "utf8")), (schedule) =>
        assert.isUndefined(run(schedule).violation)
      )
    )
  }
})
