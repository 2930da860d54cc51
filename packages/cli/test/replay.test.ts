import { assert, describe, it } from "@effect/vitest"
import { calm, plainDevice, run, type Schedule, ScheduleJson, swarm } from "@d2m/simulation"
import { Effect, Schema } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { run as runHere } from "./commands.ts"
import { runToEnd, start } from "./programs.ts"

/** A second machine takes the phone's place, and its user is not there to take it back: it never comes to rest. */
const forsaken: Schedule = {
  version: 1,
  seed: 5,
  duration: 10_000,
  conditions: { ...calm, userDelay: 3_600_000 },
  devices: [plainDevice("phone"), plainDevice("desktop")],
  operations: [{ at: 2_000, device: "desktop", operation: { _tag: "Reflect", count: 2, bytes: 10 } }],
  faults: [{ at: 1_000, fault: { _tag: "Twin", device: "phone", lasts: 3_000 } }],
  violates: { oracle: "liveness", rule: "once faults are over, everything comes to rest" }
}

const withFile = <A, E, R>(text: string, body: (path: string) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "d2m-replay-"))
      Fs.writeFileSync(Path.join(folder, "schedule.json"), text)
      return folder
    }),
    (folder) => body(Path.join(folder, "schedule.json")),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
  )

const withSchedule = <A, E, R>(schedule: Schedule, body: (path: string) => Effect.Effect<A, E, R>) =>
  withFile(Schema.encodeSync(ScheduleJson)(schedule), body)

describe("d2m replay", { timeout: 180_000 }, () => {
  it.live("shows the broken rule again, and ends with 1", () =>
    withSchedule(forsaken, (path) =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* runToEnd(["replay", path])
        assert.strictEqual(code, 1)
        assert.include(stdout, "liveness: once faults are over, everything comes to rest")
        assert.include(stdout, "phone is NeedsUser, not Live and dry")
        assert.include(stdout, run(forsaken).digest)
        assert.strictEqual(
          stderr,
          "d2m: a rule of liveness is broken: once faults are over, everything comes to rest\n"
        )
      })
    )
  )

  it.effect("ends well when nothing is broken any more, and says what the file expected", () =>
    withSchedule({ ...forsaken, faults: [] }, (path) =>
      Effect.gen(function* () {
        const { failure, out } = yield* runHere(["replay", path])
        assert.isUndefined(failure)
        assert.include(out, "\nok: no rule is broken")
        assert.include(out, "not seen: liveness: once faults are over, everything comes to rest\n")
      })
    )
  )

  it.effect("ends well with --expect when the rule is broken that the file names, and not otherwise", () =>
    Effect.gen(function* () {
      const replayed = (schedule: Schedule) => withSchedule(schedule, (path) => runHere(["replay", "--expect", path]))
      assert.isUndefined((yield* replayed(forsaken)).failure)
      const rule = forsaken.violates!.rule
      const mended = yield* replayed({ ...forsaken, faults: [] })
      assert.strictEqual(mended.failure?._tag, "NotSeen")
      assert.strictEqual(mended.failure?.message, `liveness: ${rule}: not seen, no rule is broken`)
      const other = yield* replayed({ ...forsaken, violates: { oracle: "mediator", rule: "one leads" } })
      assert.strictEqual(other.failure?.message, `mediator: one leads: not seen, but liveness: ${rule}`)
      const { violates: _, ...unnamed } = forsaken
      assert.include((yield* replayed(unnamed)).failure?.message, "names no rule")
    })
  )

  it.effect("knows how it ends before it says a word, for nobody may read them", () =>
    Effect.gen(function* () {
      for (const [schedule, args, code] of [
        [forsaken, [], 1],
        [forsaken, ["--expect"], 0],
        [{ ...forsaken, faults: [] }, [], 0],
        [{ ...forsaken, faults: [] }, ["--expect"], 1]
      ] as const) {
        const codes = new Set<number>()
        const onLine = (unread: number) => codes.add(unread)
        yield* withSchedule(schedule, (path) => runHere(["replay", "--trace", ...args, path], { onLine }))
        assert.deepStrictEqual([...codes], [code])
      }
    })
  )

  it.effect("refuses the file of a program or an oracle that it does not have", () =>
    Effect.gen(function* () {
      const files: ReadonlyArray<readonly [Partial<Schedule>, string]> = [
        [{ violates: { oracle: "program", rule: "the program succeeds" } }, "it.replay(name, file, program)"],
        [{ program: true }, "it.replay(name, file, program)"],
        [{ violates: { oracle: "silence", rule: "nobody speaks" } }, "silence"]
      ]
      for (const [change, advice] of files) {
        const { code, failure, out } = yield* withSchedule({ ...forsaken, ...change }, (path) =>
          runHere(["replay", path])
        )
        assert.deepStrictEqual([code, failure?._tag, out], [1, "ScheduleNotReplayable", ""])
        assert.include(failure?.message, advice)
      }
    })
  )

  it.effect("says which rule the file names when another one is broken", () =>
    withSchedule({ ...forsaken, violates: { oracle: "mediator", rule: "one leads" } }, (path) =>
      Effect.gen(function* () {
        const { code, out } = yield* runHere(["replay", path])
        assert.strictEqual(code, 1)
        assert.include(out, "\n  the file says mediator: one leads\n")
        const { out: same } = yield* withSchedule(forsaken, (other) => runHere(["replay", other]))
        assert.notInclude(same, "the file says")
      })
    )
  )

  it.effect("tells everything with --full, and only the last rows with --last", () =>
    withSchedule({ ...forsaken, faults: [] }, (path) =>
      Effect.gen(function* () {
        const told = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
          const { out } = yield* runHere(["replay", ...args, path])
          return out.trimEnd().split("\n")
        })
        const noise = (lines: ReadonlyArray<string>) =>
          lines.map((line) => JSON.parse(line)).filter(({ isNoise }) => isNoise === true).length
        assert.strictEqual(noise(yield* told("--json")), 0)
        assert.isAbove(noise(yield* told("--json", "--full")), 0)
        const [usual, full, last] = [yield* told(), yield* told("--full"), yield* told("--last", "2")]
        assert.isAbove(full.length, usual.length)
        assert.isBelow(last.length, usual.length)
        assert.deepStrictEqual(last.slice(-4), usual.slice(-4))
      })
    )
  )

  it.effect("says of a failure that did not come again that it did not", () =>
    withSchedule({ ...forsaken, faults: [], violates: { ...forsaken.violates!, digests: ["aa", "bb"] } }, (path) =>
      Effect.gen(function* () {
        const { out } = yield* runHere(["replay", path])
        assert.include(out, "which came out otherwise when it was run again: aa, bb")
      })
    )
  )

  it.effect("prints digest and violation as JSON", () =>
    withSchedule(forsaken, (path) =>
      Effect.gen(function* () {
        const { failure, out } = yield* runHere(["replay", "--json", path])
        assert.strictEqual(failure?._tag, "RuleBroken")
        const lines = out
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line))
        const { violation, ...rest } = lines.at(-1)
        for (const entry of lines.slice(0, -1)) assert.containsAllKeys(entry, ["at", "kind", "text", "isNoise"])
        assert.isTrue(lines.some(({ lane, text }) => lane === "faults" && text === "! Twin phone"))
        assert.deepStrictEqual(rest, { seed: 5, digest: run(forsaken).digest, ok: false })
        assert.deepInclude(violation, { oracle: "liveness", rule: forsaken.violates!.rule })
        assert.isAbove(violation.at, 300_000)
      })
    )
  )

  it.effect("prints every event with --trace, the same each time", () =>
    withSchedule(swarm({ seed: 3, duration: 3_000, faults: "none" }), (path) =>
      Effect.gen(function* () {
        const first = yield* runHere(["replay", "--trace", path])
        const second = yield* runHere(["replay", "--trace", path])
        assert.strictEqual(second.out, first.out)
        const lines = first.out.trimEnd().split("\n")
        assert.strictEqual(lines[0], "0.0000 world Phase: Safety")
        assert.isAbove(lines.length, 50)
        assert.isTrue(
          lines.some((line) => /^\d+\.\d{4} phone DeviceSent #\d+: ClientHello as New \(\d+ B, /.test(line))
        )
      })
    )
  )

  it.live("ends at once at SIGTERM, in the middle of a long run", () =>
    withSchedule(swarm({ seed: 3, duration: 100 * 3_600_000, faults: "brutal" }), (path) =>
      Effect.scoped(
        Effect.gen(function* () {
          const pipe = `${path}.pipe`
          execFileSync("mkfifo", [pipe])
          const program = yield* start(["replay", pipe])
          // Who has read the file is past starting, when a signal is nobody's but Node's; then it takes a moment to run.
          yield* Effect.promise(() => Fs.promises.writeFile(pipe, Fs.readFileSync(path)))
          yield* Effect.sleep("2 seconds")
          const before = performance.now()
          yield* program.signal("SIGTERM")
          const { code, stderr } = yield* program.ended
          assert.deepStrictEqual([code, stderr], [130, ""])
          assert.isBelow(performance.now() - before, 10_000)
        })
      )
    )
  )

  it.effect("says in one line what is wrong with a file", () =>
    Effect.gen(function* () {
      const missing = yield* runHere(["replay", "/no/such.json"])
      assert.strictEqual(missing.failure?.message, "cannot replay /no/such.json: ENOENT: no such file or directory")
      for (const text of [
        "",
        "{}",
        "[1,2",
        JSON.stringify({ ...forsaken, version: 2 }),
        JSON.stringify({ ...forsaken, sed: 6 })
      ]) {
        const { failure } = yield* withFile(text, (path) => runHere(["replay", path]))
        assert.strictEqual(failure?._tag, "UnreadableSchedule", text)
        assert.notInclude(failure?.message, "\n")
      }
      const newer = JSON.stringify({ ...forsaken, version: 2 })
      const { failure } = yield* withFile(newer, (path) => runHere(["replay", path]))
      assert.include(failure?.message, "it was written by a newer version: its format is 2, and this one reads 1")
    })
  )
})
