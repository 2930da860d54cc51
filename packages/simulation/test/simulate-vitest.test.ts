import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { stripVTControlCharacters } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { programSchedule, replay, run, ScheduleJson, standardOracles, swarm } from "../src/index.ts"
import { it as simulated } from "../src/vitest.ts"
import { counter, silence, violationOf, world } from "./programs.ts"

describe("a schedule that d2m simulate has left", { timeout: 60_000 }, () => {
  const left = swarm({ seed: 3, devices: 2, duration: 10_000 })

  simulated.replay("is a test without a program", left)

  it.effect("runs as it did there", () =>
    Effect.gen(function* () {
      const { digest } = yield* replay(left)
      assert.strictEqual(digest, run(left).digest)
    })
  )

  it.effect("shows what an oracle objects to, one's own included", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(replay(left, undefined, { oracles: [silence] }))
      assert.deepInclude(failure, { _tag: "SimulationFailed", oracle: "silence", rule: "nobody speaks" })
      const { violation } = run(left, { oracles: [...standardOracles, silence] })
      assert.strictEqual(violation?.rule, "nobody speaks")
    })
  )

  it.effect("is refused when a bug was planted in its run", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(replay({ ...left, mutant: "dry-twice" }))
      assert.strictEqual(failure._tag, "ScheduleNotReplayable")
      assert.include(failure.message, "dry-twice")
    })
  )
})

describe("a simulation as a test of vitest", { timeout: 180_000 }, () => {
  interface Report {
    readonly testResults: ReadonlyArray<{
      readonly assertionResults: ReadonlyArray<{
        readonly status: string
        readonly title: string
        readonly failureMessages: ReadonlyArray<string>
      }>
    }>
  }

  const fixtures = Path.join(import.meta.dirname, "fixtures")
  const vitest = Path.join(import.meta.dirname, "../node_modules/vitest/vitest.mjs")

  /** Runs a failing simulation in a vitest of its own. */
  const runFixture = (folder: string, env: Readonly<Record<string, string>> = {}, name = "counter") =>
    Effect.callback<{ readonly tests: Report["testResults"][number]["assertionResults"]; readonly output: string }>(
      (resume) => {
        const report = Path.join(folder, "report.json")
        const options = { env: { ...process.env, FAILURES: folder, REPORT: report, ...env } }
        execFile(
          process.execPath,
          [vitest, "run", "--allowOnly", "--root", fixtures, name],
          options,
          (_, stdout, stderr) => {
            if (!Fs.existsSync(report)) return resume(Effect.die(new Error(`${stdout}${stderr}`)))
            const { testResults }: Report = JSON.parse(Fs.readFileSync(report, "utf8"))
            resume(
              Effect.succeed({
                tests: testResults[0]!.assertionResults,
                output: stripVTControlCharacters(`${stdout}${stderr}`)
              })
            )
          }
        )
      }
    )

  const inFolder = <A, E, R>(body: (folder: string) => Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "d2m-vitest-"))),
      body,
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
    )

  it.live("that fails once and not again leaves its seed's schedule with both digests, and says so", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const { tests } = yield* runFixture(folder, {}, "fickle")
        const [failed] = tests
        assert.strictEqual(failed?.status, "failed")
        const [message] = failed!.failureMessages
        assert.include(
          message,
          "seed 0 broke a rule of program: the program succeeds, and did not when it was run again"
        )
        assert.notInclude(message, "it.replay(")
        const path = Path.join(folder, "d2m-failure-fails-once-0.json")
        assert.include(message, path)
        const { violates, ...schedule } = Schema.decodeSync(ScheduleJson)(Fs.readFileSync(path, "utf8"))
        for (const digest of violates!.digests!) assert.include(message, digest)
        assert.deepStrictEqual(schedule, programSchedule(0, { duration: 5_000 }))
      })
    )
  )

  it.live("is told all the same when its file cannot be written, and why it cannot", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const file = Path.join(folder, "file")
        Fs.writeFileSync(file, "no folder")
        const { tests } = yield* runFixture(folder, { FAILURES: Path.join(file, "below") })
        const [message] = tests[0]!.failureMessages
        assert.match(message!, /^SimulationFailed: seed \d+ broke a rule of program: the program succeeds\n/)
        assert.include(message, "broken: program: the program succeeds")
        assert.match(message!, /\nsee it again with {2}D2M_SEED=\d+ vitest run /)
        assert.match(
          message!,
          /\ncannot write d2m-failure-a-counter-counts-each-message-once-\d+\.json: ENOTDIR: .*below/
        )
      })
    )
  )

  it.live("says which file it is that cannot be replayed, and why", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const [nowhere, newer] = ["nowhere.json", "newer.json"].map((name) => Path.join(folder, name))
        Fs.writeFileSync(newer!, JSON.stringify({ ...world(), version: 2 }))
        const { tests } = yield* runFixture(folder, {}, "unread")
        const messages = tests.map(({ failureMessages }) => failureMessages[0])
        assert.include(messages[0], `cannot replay this schedule: ${nowhere}: ENOENT: `)
        assert.include(messages[1], `cannot replay this schedule: ${newer}: it was written by a newer version`)
      })
    )
  )

  it.live("may be skipped, be still to do, or be known to fail; and has no bound with a timeout of 0", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const { output, tests } = yield* runFixture(folder, {}, "modes")
        const statuses = Object.fromEntries(tests.map(({ status, title }) => [title, status]))
        assert.deepStrictEqual(statuses, {
          "a known failure": "passed",
          "a known failure that is mended": "failed",
          "a known failure with options that are none": "failed",
          "a known failure again": "passed",
          skipped: "skipped",
          "skipped again": "skipped",
          "to be written": "todo",
          "to be made right": "todo",
          "without a bound": "passed",
          "in less than no time": "failed",
          "in time that there is not": "failed",
          "in a minute": "passed",
          "a failure": "failed",
          "a failure that shows nothing": "passed"
        })
        assert.match(
          output,
          /WARN.*a failure that shows nothing: no rule is broken, and none of its faults has acted \(DiskFull\)/
        )
        assert.include(output, "invalid options: expected a value greater than or equal to 1, found 0, at seeds")
        const messageOf = (name: string) => tests.find(({ title }) => title === name)!.failureMessages[0]!
        assert.strictEqual(
          messageOf("in less than no time"),
          "InvalidSimulateOptions: invalid options: expected a duration of 0 or more, found -1, at timeout"
        )
        assert.strictEqual(
          messageOf("in time that there is not"),
          'InvalidSimulateOptions: invalid options: expected a duration of 0 or more, found "soon", at timeout'
        )
        // In the dress of one that is simulated, without frames of the library, and without a word on how to see it again.
        assert.match(messageOf("a failure"), /^SimulationFailed: seed 0 broke a rule of program: /)
        assert.notMatch(messageOf("a failure"), /\n +at |it again with/)
        assert.deepStrictEqual(
          Fs.readdirSync(folder).filter((name) => name.startsWith("d2m-failure")),
          []
        )
      })
    )
  )

  it.live("may be the only one of its file", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const { tests } = yield* runFixture(folder, {}, "only")
        assert.deepStrictEqual(
          tests.map(({ status }) => status),
          ["skipped", "passed"]
        )
      })
    )
  )

  it.live("ends within its timeout, whatever its program does, and says where it was", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const { tests } = yield* runFixture(folder, {}, "time")
        const [endless, many, after] = tests
        assert.match(endless!.failureMessages[0]!, /out of time in seed 0, after 0 seeds .*\n.* after \d{3,} steps/)
        assert.include(many!.failureMessages[0], "timed out in 2000ms")
        assert.deepStrictEqual(after!.failureMessages, [])
      })
    )
  )

  it.live("leaves a file, and says how to see it again; and D2M_SEED runs that seed alone", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const { output, tests } = yield* runFixture(folder)
        const [failed] = tests
        assert.strictEqual(failed?.status, "failed")
        const [message] = failed!.failureMessages
        const seed = Number(/seed (\d+) broke/.exec(message!)![1])
        const path = Path.join(folder, `d2m-failure-a-counter-counts-each-message-once-${seed}.json`)
        assert.include(message, "broken: program: the program succeeds")
        assert.include(message, `D2M_SEED=${seed} vitest run counter.simulation.ts -t 'counts each message once'`)
        assert.include(message, path)
        // What vitest shows of an assertion, with what differs and where.
        assert.match(
          output,
          /Caused by: AssertionError: expected \d+ to equal 10\n(?:.*\n)+.*- 10\n(?:.*\n)+.*programs\.ts:/
        )
        const schedule = Schema.decodeSync(ScheduleJson)(Fs.readFileSync(path, "utf8"))
        assert.strictEqual(violationOf(counter, schedule)?.rule, "the program succeeds")

        const alone = yield* runFixture(folder, { D2M_SEED: String(seed) })
        assert.strictEqual(alone.tests[0]!.failureMessages[0], message)
        const clean = yield* runFixture(folder, { D2M_SEEDS: String(seed) })
        assert.strictEqual(clean.tests[0]!.status, "passed")
      })
    )
  )
})
