/**
 * `d2m replay`: one run of a world again, from the file that `d2m simulate` has left, told as a story.
 *
 * Owns the options, the reading of the file, and the exit code: 1 when a rule is broken, as it was when the file was
 * written, so that a failure that is mended ends well; with --expect the other way round. The story is the simulation's.
 *
 * @since 0.1.0
 */
import {
  type Expectation,
  lanesText,
  ScheduleNotReplayable,
  readSchedule,
  type Schedule,
  type SeedReport,
  violationText,
  whyNotReplayable
} from "@d2m/simulation"
import { Console, Effect, FileSystem, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { FilePath } from "./FilePath.ts"
import { fileReason } from "./FileReason.ts"
import { UnreadCode } from "./OutputReader.ts"
import type { Setting } from "./simulate/Messages.ts"
import { page } from "./simulate/Page.ts"
import { sourcesOf } from "./simulate/Planted.ts"
import { seedJson } from "./simulate/Report.ts"
import * as SeedWorkers from "./simulate/SeedWorkers.ts"

/**
 * A file that holds no schedule.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnreadableSchedule extends Schema.TaggedError<UnreadableSchedule>()("UnreadableSchedule", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `cannot replay ${this.path}: ${this.reason}`
  }
}

/**
 * The run broke a rule; which has been printed.
 *
 * @category errors
 * @since 0.1.0
 */
export class RuleBroken extends Schema.TaggedError<RuleBroken>()("RuleBroken", {
  oracle: Schema.String,
  rule: Schema.String
}) {
  override get message(): string {
    return `a rule of ${this.oracle} is broken: ${this.rule}`
  }
}

/**
 * The run did not break the rule that the file names.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotSeen extends Schema.TaggedError<NotSeen>()("NotSeen", {
  /** The rule that the file names, if it names one. */
  expected: Schema.optionalKey(Schema.String),
  /** The rule that was broken instead, if one was. */
  found: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    if (this.expected === undefined) return "the file names no rule that its run breaks"
    return `${this.expected}: not seen, ${this.found === undefined ? "no rule is broken" : `but ${this.found}`}`
  }
}

const flags = {
  path: Argument.String("file").pipe(
    Argument.withSchema(FilePath),
    Argument.withDescription("The schedule, a JSON file")
  ),
  full: Flag.Boolean("full").pipe(
    Flag.withDescription("Tell everything: handshakes, and what keeps connections alive"),
    Flag.withDefault(false)
  ),
  last: Flag.Int("last").pipe(
    Flag.withSchema(Schema.Int.check(Schema.isGreaterThan(0))),
    Flag.withDescription("Tell only the last so many rows"),
    Flag.withMetavar("ROWS"),
    Flag.optional
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription(
      "Print a JSON object for each thing that is told, and one for the run, each on a line of its own"
    ),
    Flag.withDefault(false)
  ),
  expect: Flag.Boolean("expect").pipe(
    Flag.withDescription("End well if the rule is broken that the file names, and with 1 if it is not"),
    Flag.withDefault(false)
  ),
  trace: Flag.Boolean("trace").pipe(
    Flag.withDescription("Print every event instead, a line each, as two runs are compared by"),
    Flag.withDefault(false)
  )
}

const read = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    fs.readFileString(path),
    (error) => new UnreadableSchedule({ path, reason: fileReason(error) })
  )
  return yield* Effect.mapError(
    readSchedule(text),
    ({ detail }) => new UnreadableSchedule({ path, reason: detail.replace(/\s+/g, " ") })
  )
})

const nameOf = (broken: Expectation | undefined): string | undefined =>
  broken === undefined ? undefined : `${broken.oracle}: ${broken.rule}`

/** How what was found compares to what the file says. */
const verdict = ({ violates }: Schedule, { digest, violation }: SeedReport): string => {
  const expected = nameOf(violates)
  const digests = violates?.digests
  const otherwise =
    digests === undefined ? "" : `\n  which came out otherwise when it was run again: ${digests.join(", ")}`
  if (violation === undefined) {
    const said = expected === undefined ? "ok" : `not seen: ${expected}${otherwise}\nok`
    return `${said}: no rule is broken, digest ${digest}`
  }
  const isOther = expected !== undefined && expected !== nameOf(violation)
  return `  digest    ${digest}${isOther ? `\n  the file says ${expected}${otherwise}` : ""}`
}

/** Runs the schedule, with its planted bug if it has one, in a thread of its own: this one hears a Ctrl-C. */
const tellRun = Effect.fnUntraced(function* (schedule: Schedule, isTraced: boolean) {
  const sources = yield* sourcesOf(schedule.mutant)
  const { devices, duration } = schedule
  const setting: Setting = { devices: devices.length, duration, faults: "none", misbehaving: false, verify: false }
  const workers = yield* SeedWorkers.make({ setting, sources }, 1)
  return yield* workers.tell(schedule, isTraced)
}, Effect.scoped)

/**
 * The command `d2m replay`.
 *
 * @category commands
 * @since 0.1.0
 */
export const replay = Command.make(
  "replay",
  flags,
  Effect.fnUntraced(function* ({ expect, full, json, last, path, trace }) {
    const schedule = yield* read(path)
    const detail = whyNotReplayable(schedule)
    if (detail !== undefined) return yield* new ScheduleNotReplayable({ detail: `${path}: ${detail}` })
    const told = yield* tellRun(schedule, trace)
    const { report } = told
    const { violation } = report
    const [expected, found] = [nameOf(schedule.violates), nameOf(violation)]
    const isWrong = expect ? expected === undefined || expected !== found : violation !== undefined
    if (isWrong) (yield* UnreadCode).code = 1
    if (trace) yield* Console.log(told.trace.join("\n"))
    if (json) {
      const entries = full ? told.entries : told.entries.filter(({ isNoise }) => !isNoise)
      const result = seedJson({ report, schedule: undefined, divergence: undefined, again: undefined })
      yield* Console.log([...(trace ? [] : entries.map((entry) => JSON.stringify(entry))), result].join("\n"))
    } else {
      const options = { ...(yield* page), full, ...(Option.isSome(last) ? { last: last.value } : {}) }
      if (!trace) yield* Console.log(lanesText(told.entries, violation, options))
      else if (violation !== undefined) yield* Console.log(violationText(violation))
      yield* Console.log(verdict(schedule, report))
    }
    if (expect) {
      if (!isWrong) return
      return yield* new NotSeen({
        ...(expected === undefined ? {} : { expected }),
        ...(found === undefined ? {} : { found })
      })
    }
    if (violation !== undefined) return yield* new RuleBroken({ oracle: violation.oracle, rule: violation.rule })
  })
).pipe(
  Command.withDescription(
    "Run a schedule again; exits with 1 when a rule is broken, and with 0 when it is not any more"
  ),
  Command.withExamples([
    { command: "d2m replay d2m-failure-79.json", description: "What went wrong, again" },
    { command: "d2m replay --expect d2m-failure-79.json", description: "Whether it still does" },
    { command: "d2m replay --trace d2m-failure-79.json", description: "With every event" }
  ])
)
