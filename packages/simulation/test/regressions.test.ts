import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { run, ScheduleJson } from "../src/index.ts"

const folder = new URL("../regressions/", import.meta.url)

describe("schedules that once broke a rule", () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
    it(`${file} breaks none any more`, () => {
      const schedule = Schema.decodeSync(ScheduleJson)(readFileSync(new URL(file, folder), "utf8"))
      assert.isUndefined(run(schedule).violation)
    })
  }
})
