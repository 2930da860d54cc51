import { assert, describe, it } from "@effect/vitest"
import { run, swarm } from "@d2m/simulation"
import { Effect } from "effect"
import { run as runHere } from "./commands.ts"
import { runToEnd, start } from "./programs.ts"

const linesOf = (stdout: string): ReadonlyArray<Record<string, unknown>> =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

/** Ten virtual seconds a seed: these tests are of the command. */
const short = ["--hours", "0.003", "--devices", "2", "--faults", "light"]
const shortSeed = (seed: number) => swarm({ seed, devices: 2, duration: 0.003 * 3_600_000, faults: "light" })

// Each starts a program with threads of its own, on machines that are busy with others.
describe("d2m simulate", { timeout: 60_000 }, () => {
  it.live("prints a line of JSON for each seed, in their order, with the digest of the run, and a summary", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runToEnd(["simulate", "--json", "--seeds", "6", "--seed", "40", ...short])
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0)
      const lines = linesOf(stdout)
      const expected = [40, 41, 42, 43, 44, 45].map((seed) => run(shortSeed(seed)))
      assert.deepStrictEqual(
        lines.slice(0, -1),
        expected.map(({ digest, schedule }) => ({ seed: schedule.seed, digest, ok: true }))
      )
      const summary = lines.at(-1)!
      assert.deepInclude(summary, { summary: true, ok: true, seeds: 6, failed: [] })
      assert.strictEqual(
        summary["frames"],
        expected.reduce((sum, { tally }) => sum + tally.frames, 0)
      )
      assert.approximately(
        Number(summary["simulatedSeconds"]),
        expected.reduce((sum, { elapsed }) => sum + elapsed, 0) / 1000,
        0.001
      )
      assert.isAbove(Number(summary["states"]), 3)
      assert.isAbove(Number(summary["pairs"]), 10)
    })
  )

  it.live("prints the same, but for the real time, on one thread and on two", () =>
    Effect.gen(function* () {
      const outputs = yield* Effect.forEach(["1", "2"], (jobs) =>
        runToEnd(["simulate", "--json", "--seeds", "8", "--jobs", jobs, ...short])
      )
      const [one, two] = outputs.map(({ stdout }) => stdout.split("\n").slice(0, 8))
      assert.lengthOf(one!, 8)
      assert.deepStrictEqual(two, one)
    })
  )

  it.live("says what was simulated in one line", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* runToEnd(["simulate", "--seed", "7", ...short])
      assert.strictEqual(code, 0)
      assert.match(
        stdout,
        /^ok: 1 seed, .* simulated in .* \([\d ]+ times real time\), \d+ frames, \d+ states and \d+ state x event pairs covered, faults fired: .*\n$/
      )
    })
  )

  it.live("runs each seed twice with --verify, and finds no difference", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* runToEnd(["simulate", "--verify", "--json", "--seeds", "3", ...short])
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(linesOf(stdout)[2], { seed: 2, digest: run(shortSeed(2)).digest, ok: true })
    })
  )

  it.live("sums up what is done when Ctrl-C comes, and ends with 130", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const program = yield* start(["simulate", "--json", "--seeds", "1000000", ...short])
        yield* program.lines(5)
        yield* program.signal("SIGINT")
        const { code, stderr, stdout } = yield* program.ended
        assert.strictEqual(code, 130)
        assert.strictEqual(stderr, "")
        const lines = linesOf(stdout)
        const summary = lines.at(-1)!
        assert.deepInclude(summary, { summary: true, ok: false, interrupted: true, failed: [] })
        assert.strictEqual(summary["seeds"], lines.length - 1)
      })
    )
  )

  for (const [args, complaint] of [
    [["--seeds", "0"], "between 1 and"],
    [["--seed", "-1"], "between 0 and"],
    [["--faults", "many"], "brutal"],
    [["--hours", "0"], "between 0.001"],
    [["--devices", "65"], "between 1 and 64"]
  ] as const) {
    it.live(`refuses ${args.join(" ")}`, () =>
      Effect.gen(function* () {
        const { err, failure } = yield* runHere(["simulate", ...args])
        assert.isDefined(failure)
        assert.include(err, complaint)
      })
    )
  }
})
