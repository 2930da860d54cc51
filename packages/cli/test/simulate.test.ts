import { assert, describe, it } from "@effect/vitest"
import { type OracleMaker, run, type Schedule, ScheduleJson, swarm } from "@d2m/simulation"
import { Effect, Schema } from "effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { answer } from "../src/simulate/Answers.ts"
import * as Failure from "../src/simulate/Failure.ts"
import { seedJson } from "../src/simulate/Report.ts"
import type { Ran as RanSeed, Reproduction, Setting } from "../src/simulate/Messages.ts"
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

const inFolder = <A, E, R>(body: (folder: string) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "d2m-simulate-"))),
    body,
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
  )

// Each starts a program with threads of its own, on machines that are busy with others.
describe("d2m simulate", { timeout: 180_000 }, () => {
  it.live("prints a line of JSON for each seed, in their order, with the digest of the run, and a summary", () =>
    Effect.gen(function* () {
      const args = ["simulate", "--json", "--seeds", "6", "--seed", "172", "--jobs", "1", ...short]
      const { code, stderr, stdout } = yield* runToEnd(args)
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0)
      const lines = linesOf(stdout)
      // The fourth of them has the real cryptography.
      const expected = [172, 173, 174, 175, 176, 177].map((seed) => run(shortSeed(seed)))
      assert.deepStrictEqual(
        lines.slice(0, -1),
        expected.map(({ digest, schedule }) => ({ seed: schedule.seed, digest, ok: true }))
      )
      const summary = lines.at(-1)!
      assert.deepInclude(summary, { summary: true, ok: true, seeds: 6, failed: [] })
      assert.strictEqual(expected[3]!.schedule.conditions.crypto, "real")
      assert.strictEqual(summary["realCrypto"], 1)
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
        runHere(["simulate", "--json", "--seeds", "8", "--jobs", jobs, ...short])
      )
      const [one, two] = outputs.map(({ out }) => out.split("\n").slice(0, 8))
      assert.lengthOf(one!, 8)
      assert.deepStrictEqual(two, one)
    })
  )

  it.live("says what was simulated in one line", () =>
    Effect.gen(function* () {
      const { failure, out } = yield* runHere(["simulate", "--seed", "7", ...short])
      assert.isUndefined(failure)
      assert.match(
        out,
        /^ok: 1 seed, real cryptography in none, .* simulated in .* \([\d ]+ times real time\), \d+ frames, \d+ states and \d+ state x event pairs covered, faults fired: .*\n$/
      )
    })
  )

  it.live("runs each seed twice with --verify, and finds no difference", () =>
    Effect.gen(function* () {
      const { failure, out } = yield* runHere([
        "simulate",
        "--verify",
        "--json",
        "--seeds",
        "3",
        "--jobs",
        "1",
        ...short
      ])
      assert.isUndefined(failure)
      assert.deepStrictEqual(linesOf(out)[2], { seed: 2, digest: run(shortSeed(2)).digest, ok: true })
    })
  )

  it.live("sums up what is done when Ctrl-C comes, and ends with 130", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const program = yield* start(["simulate", "--json", "--seeds", "1000000", "--jobs", "1", ...short])
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

  it.live("finds a planted bug, leaves a small file that replays it, tells the story, and ends with 1", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const args = [
          "--mutant",
          "two-leaders",
          "--seeds",
          "2",
          "--jobs",
          "1",
          "--failures",
          folder,
          "--hours",
          "0.003"
        ]
        const { code, stderr, stdout } = yield* runToEnd(["simulate", "--json", ...args])
        assert.strictEqual(code, 1)
        const lines = linesOf(stdout)
        assert.deepInclude(lines[0], { seed: 0, ok: false })
        assert.deepInclude(lines[2], { summary: true, ok: false, seeds: 2, failed: [0, 1] })
        assert.include(stderr, "seed 0 broke a rule of mediator: at most one device leads")
        // The second failure is of the same kind: its file is as large as its run.
        const [first, second] = [0, 1].map((seed) =>
          Schema.decodeSync(ScheduleJson)(Fs.readFileSync(Path.join(folder, `d2m-failure-${seed}.json`), "utf8"))
        )
        assert.strictEqual(first!.mutant, "two-leaders")
        assert.isAtMost(first!.operations.length + first!.faults.length, 10)
        assert.strictEqual(first!.devices.length, 2)
        assert.deepStrictEqual(second!.operations, swarm({ seed: 1, duration: 0.003 * 3_600_000 }).operations)

        const path = Path.join(folder, "d2m-failure-0.json")
        const replayed = yield* runToEnd(["replay", path])
        assert.strictEqual(replayed.code, 1)
        const told = replayed.stdout.slice(0, replayed.stdout.indexOf("  digest"))
        assert.include(told, "broken: mediator: at most one device leads")
        assert.include(stderr, `d2m replay ${path}\n\n${told}`)
      })
    )
  )

  it.live("stops at the first seed that fails with --fail-fast, and sums up as far as it got", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const args = ["--mutant", "two-leaders", "--seeds", "5", "--jobs", "1", "--shrink", "0", "--hours", "0.003"]
        const { code, out } = yield* runHere(["simulate", "--json", "--fail-fast", "--failures", folder, ...args])
        assert.strictEqual(code, 1)
        const lines = linesOf(out)
        assert.lengthOf(lines, 2)
        assert.deepInclude(lines.at(-1), { summary: true, ok: false, seeds: 1, failed: [0] })
      })
    )
  )

  it.live("leaves the files of other runs of a seed as they are, and says which is new", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const args = ["--seed", "0", "--shrink", "0", "--hours", "0.003", "--jobs", "1", "--failures", folder]
        const pathOf = (name: string) => Path.join(folder, name)
        const fail = (devices: string) =>
          runHere(["simulate", "--mutant", "two-leaders", "--devices", devices, ...args])
        assert.include((yield* fail("3")).err, `d2m replay ${pathOf("d2m-failure-0.json")}\n`)
        const other = (yield* fail("4")).err
        assert.include(other, `d2m replay ${pathOf("d2m-failure-0-2.json")}\n`)
        // Not shrunk: it is as its seed has drawn it.
        assert.match(other, /\n {2}devices\n {4}phone: .*joins at \+00:00\.\d{3}/)
        assert.include((yield* fail("3")).err, `d2m replay ${pathOf("d2m-failure-0.json")}\n`)
        const devices = ["d2m-failure-0.json", "d2m-failure-0-2.json"].map(
          (name) => Schema.decodeSync(ScheduleJson)(Fs.readFileSync(pathOf(name), "utf8")).devices.length
        )
        assert.deepStrictEqual(devices, [3, 4])
        assert.lengthOf(Fs.readdirSync(folder), 2)
      })
    )
  )

  it.live("sums up what was run when an error ends it, and has told what was found before", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const files = Path.join(folder, "files")
        const onLine = () => {
          Fs.rmSync(files, { recursive: true })
          Fs.writeFileSync(files, "no folder any more")
        }
        const args = ["--mutant", "two-leaders", "--seeds", "5", "--jobs", "1", "--shrink", "0", "--hours", "0.003"]
        const ran = yield* runHere(["simulate", "--json", "--failures", files, ...args], { onLine })
        const { code, err, failure, out } = ran
        assert.include(err, `  replay    cannot write ${files}: EEXIST: file already exists\n`)
        assert.include(err, "\nbroken: mediator: at most one device leads\n")
        assert.strictEqual(code, 1)
        assert.strictEqual(failure?._tag, "UnwritableFailure")
        assert.deepInclude(linesOf(out).at(-1), { summary: true, incomplete: true, seeds: 2, failed: [0, 1] })
      })
    )
  )

  it.live("runs no seed where the file of a failure could not be written", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const file = Path.join(folder, "file")
        Fs.writeFileSync(file, "no folder")
        const simulate = (files: string) =>
          runHere(["simulate", "--seeds", "1", "--hours", "0.003", "--failures", files])
        const told = yield* Effect.forEach([file, Path.join(file, "inside")], simulate)
        assert.deepStrictEqual(
          told.map(({ code, failure, out }) => ({ code, out, told: failure?.message })),
          [
            { code: 1, out: "", told: `cannot write ${file}: ${file} is no folder` },
            { code: 1, out: "", told: `cannot write ${file}/inside: ENOTDIR: not a directory` }
          ]
        )
        const absent = Path.join(folder, "not", "there")
        assert.strictEqual((yield* simulate(absent)).code, 0)
        assert.deepStrictEqual(Fs.readdirSync(folder), ["file"])
      })
    )
  )

  it.live("has written the file of a failure by the time that it prints its line", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const files: Array<number> = []
        const onLine = () => files.push(Fs.readdirSync(folder).length)
        const args = ["--mutant", "two-leaders", "--seeds", "2", "--jobs", "1", "--shrink", "0", "--hours", "0.003"]
        yield* runHere(["simulate", "--json", "--failures", folder, ...args], { onLine })
        assert.deepStrictEqual(files, [1, 2, 2])
      })
    )
  )

  it("ends with 1 when nobody reads any more that a seed has failed", () => {
    const args = "--mutant two-leaders --seeds 5 --jobs 1 --shrink 0 --hours 0.003 --json"
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "d2m-simulate-"))
    try {
      const bin = Path.resolve(import.meta.dirname, "..", "src", "bin.ts")
      const pipe = `${process.execPath} ${bin} simulate ${args} --failures ${folder} | head -n 1; exit \${PIPESTATUS[0]}`
      const { status, stdout } = ChildProcess.spawnSync("bash", ["-c", pipe], { encoding: "utf8" })
      assert.deepInclude(JSON.parse(stdout), { seed: 0, ok: false })
      assert.strictEqual(status, 1)
    } finally {
      Fs.rmSync(folder, { recursive: true })
    }
  })

  it.live("tells and writes a hundred failures, and says how many more there are", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const args = ["--mutant", "two-leaders", "--seeds", "140", "--shrink", "0", "--hours", "0.003"]
        const { err, out } = yield* runHere(["simulate", "--json", "--failures", folder, "--groups", "1", ...args])
        const failed = linesOf(out).at(-1)!["failed"] as ReadonlyArray<number>
        assert.isAbove(failed.length, 101)
        assert.lengthOf(Fs.readdirSync(folder), 100)
        assert.include(err, `${failed.length - 100} more failures that are not told here, and not written`)
      })
    )
  )

  it.live("deals devices out to groups", () =>
    Effect.gen(function* () {
      const args = ["--seed", "3", "--json", "--hours", "0.003", "--devices", "6", "--groups", "3"]
      const { out } = yield* runHere(["simulate", ...args])
      const { digest } = run(swarm({ seed: 3, devices: 6, groups: 3, duration: 0.003 * 3_600_000 }))
      assert.deepStrictEqual(linesOf(out)[0], { seed: 3, digest, ok: true })
    })
  )

  it("says how far a long run is", () => {
    const setting: Setting = { devices: 3, duration: 4 * 3_600_000, faults: "light", misbehaving: false, verify: false }
    const shares: Array<number> = []
    answer(setting, { _tag: "Run", seed: 3 }, (share) => void shares.push(share))
    assert.isNotEmpty(shares)
    assert.deepStrictEqual(
      shares,
      shares.toSorted((a, b) => a - b)
    )
    assert.isTrue(shares.every((share) => share > 0 && share <= 1))
  })

  it("keeps the schedule of a run that is not the same twice", () => {
    const setting: Setting = { devices: 2, duration: 5_000, faults: "none", misbehaving: false, verify: true }
    const { imul } = Math
    const runWith = (isOdd: (calls: number) => boolean) => {
      let calls = 0
      Math.imul = (a, b) => imul(a, b) ^ (isOdd(++calls) ? 1 : 0)
      try {
        return { calls: () => calls, ran: answer(setting, { _tag: "Run", seed: 3 }) as RanSeed }
      } finally {
        Math.imul = imul
      }
    }
    const { calls, ran } = runWith(() => false)
    assert.isUndefined(ran.divergence)
    assert.isUndefined(ran.schedule)
    // Late enough to be in the second run.
    const late = Math.floor(calls() * 0.75)
    const odd = runWith((count) => count > late).ran
    assert.isUndefined(odd.report.violation)
    assert.isDefined(odd.divergence)
    assert.strictEqual(odd.schedule?.seed, 3)
  })

  it("says when time was over before a failure was as small as can be", () => {
    const setting: Setting = { devices: 2, duration: 5_000, faults: "none", misbehaving: false, verify: false }
    // Its user does not come back in time.
    const schedule: Schedule = {
      ...swarm({ ...setting, seed: 1 }),
      faults: [{ at: 1_000, fault: { _tag: "Twin", device: "phone", lasts: 3_000 } }]
    }
    const failing = { ...schedule, conditions: { ...schedule.conditions, userDelay: 3_600_000 } }
    const shrunkIn = (millis: number) => {
      const reproduction = answer(setting, { _tag: "Shrink", schedule: failing, millis }) as Reproduction
      return { reproduction, text: Failure.shrunkText(failing, reproduction) }
    }
    const cut = shrunkIn(0)
    assert.deepInclude(cut.reproduction, { runs: 1, isCutShort: true })
    assert.match(cut.text, /in 1 run; time was over before the end: --shrink SECONDS/)
    const whole = shrunkIn(60_000)
    assert.isFalse(whole.reproduction.isCutShort)
    assert.match(whole.text, / runs$/)
    assert.strictEqual(whole.reproduction.digest, run(whole.reproduction.schedule).digest)
  })

  it("says of a failure that does not come again what came of both runs", () => {
    const setting: Setting = { devices: 2, duration: 2_000, faults: "none", misbehaving: false, verify: false }
    /** An oracle that takes offence in its first runs. */
    const offended = (first: number): OracleMaker => {
      let runs = 0
      return {
        name: "moody",
        make: (report) => {
          const isOffended = ++runs <= first
          return {
            see: ({ _tag }) => {
              if (isOffended && _tag === "Opened") {
                report({ rule: "no connections", device: undefined, found: "one", expected: "none" })
              }
            }
          }
        }
      }
    }
    const ranWith = (first: number, verify = false) =>
      answer({ ...setting, verify }, { _tag: "Run", seed: 3 }, undefined, { oracles: [offended(first)] }) as RanSeed
    const { digest } = run(swarm({ ...setting, seed: 3 }), { oracles: [] })

    const once = ranWith(1)
    assert.deepStrictEqual(once.again, { digest, violation: undefined })
    assert.strictEqual(once.schedule?.seed, 3)
    const text = Failure.text(once)
    assert.include(text, "seed 3 broke a rule of moody: no connections, and did not when it was run again\n")
    assert.include(text, `digests   ${once.report.digest}, and ${digest} when it was run again`)
    assert.deepInclude(JSON.parse(seedJson(once)), { digest: once.report.digest, ok: false, again: { digest } })

    assert.deepStrictEqual(ranWith(1, true).again, { digest, violation: undefined })
    const twice = ranWith(2)
    assert.isUndefined(twice.again)
    assert.notInclude(Failure.text(twice), "again")
    assert.notProperty(JSON.parse(seedJson(twice)), "again")
  })

  for (const [args, complaint] of [
    [["--seeds", "0"], "between 1 and"],
    [["--seed", "-1"], "between 0 and"],
    [["--faults", "many"], "brutal"],
    [["--hours", "0"], "between 0.001"],
    [["--hours", "169"], "and 168"],
    [["--groups", "0"], "between 1 and 64"],
    [["--devices", "65"], "between 1 and 64"],
    [["--groups", "3", "--devices", "2"], "--groups 3: 2 devices make no more groups"]
  ] as const) {
    it.live(`refuses ${args.join(" ")}`, () =>
      Effect.gen(function* () {
        const { err, failure } = yield* runHere(["simulate", ...args])
        assert.isDefined(failure)
        assert.include(err, complaint)
      })
    )
  }

  it.live("says nothing on standard output of usage that is wrong, and ends with 2", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runToEnd(["simulate", "--json", "--seeds", "0"])
      assert.deepStrictEqual([code, stdout], [2, ""])
      assert.include(stderr, "between 1 and")
      assert.include(stderr, "--misbehaving")
      const { code: other, failure } = yield* runHere(["simulate", "--mutant", "nonsense"])
      assert.deepStrictEqual([other, failure?._tag], [2, "UnknownMutant"])
    })
  )
})
