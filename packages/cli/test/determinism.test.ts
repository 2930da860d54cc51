import { assert, describe, it } from "@effect/vitest"
import { compareTraces, run, type Schedule, ScheduleJson, swarm, traced } from "@d2m/simulation"
import { Effect, Schema } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { runToEnd } from "./programs.ts"

/** Nothing of this may matter to a run. */
const surroundings = { TZ: "Asia/Kathmandu", LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8" }

const brutal = (seed: number): Schedule =>
  swarm({ seed, devices: 3, duration: 0.005 * 3_600_000, faults: "brutal", misbehaving: true })
const flags = ["--hours", "0.005", "--faults", "brutal", "--misbehaving"]
const seeds = 8

describe("a seed in another process", { timeout: 180_000 }, () => {
  for (const nodeFlags of [[], ["--no-opt", "--no-maglev", "--no-sparkplug"]]) {
    it.live(`is the same run, ${nodeFlags.length === 0 ? "compiled" : "interpreted"}`, () =>
      Effect.gen(function* () {
        const args = ["simulate", "--json", "--jobs", "1", "--shrink", "0", "--seeds", String(seeds), ...flags]
        const { stdout } = yield* runToEnd([...args, "--failures", Os.tmpdir()], { nodeFlags, env: surroundings })
        const digests = stdout
          .split("\n")
          .slice(0, seeds)
          .map((line) => JSON.parse(line).digest)
        for (const [seed, digest] of digests.entries()) {
          assert.strictEqual(digest, run(brutal(seed)).digest, `seed ${seed}`)
        }
      })
    )
  }

  it.live("is the same event by event", () =>
    Effect.acquireUseRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "d2m-trace-"))),
      (folder) =>
        Effect.gen(function* () {
          const schedule = brutal(4)
          const file = Path.join(folder, "schedule.json")
          Fs.writeFileSync(file, Schema.encodeSync(ScheduleJson)(schedule))
          const { stdout } = yield* runToEnd(["replay", "--trace", file], { env: surroundings })
          const expected = traced(schedule).trace
          assert.isAbove(expected.length, 100)
          assert.isUndefined(compareTraces(expected, stdout.split("\n").slice(0, expected.length)))
        }),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
    )
  )
})
