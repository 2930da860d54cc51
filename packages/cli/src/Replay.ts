/**
 * `d2m replay`: one run of a world again, from the file that `d2m simulate` has left.
 *
 * Owns the options, the reading of the file, and the exit code: 1 when a rule is broken, as it was when the file was
 * written.
 *
 * @since 0.1.0
 */
import { reportOf, run, type RunResult, type Schedule, ScheduleJson, traceLine } from "@d2m/simulation"
import { Console, Effect, FileSystem, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { seedJson } from "./simulate/Report.ts"

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

const flags = {
  path: Argument.String("file").pipe(Argument.withDescription("The schedule, a JSON file")),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print one JSON object: digest, and what was broken"),
    Flag.withDefault(false)
  ),
  trace: Flag.Boolean("trace").pipe(
    Flag.withDescription("Print every event, a line each, as two runs are compared by"),
    Flag.withDefault(false)
  )
}

const decode = Schema.decodeUnknownEffect(ScheduleJson)

const read = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    fs.readFileString(path),
    (error) => new UnreadableSchedule({ path, reason: error.reason._tag })
  )
  return yield* Effect.mapError(
    decode(text),
    ({ message }) => new UnreadableSchedule({ path, reason: message.replace(/\s+/g, " ") })
  )
})

/** How what was found compares to what the file says. */
const verdict = ({ violates }: Schedule, { digest, violation }: RunResult): string => {
  const expected = violates === undefined ? undefined : `${violates.oracle}: ${violates.rule}`
  if (violation === undefined) {
    return expected === undefined ? `ok, digest ${digest}` : `ok, digest ${digest}: no longer breaks ${expected}`
  }
  const found = `${violation.oracle}: ${violation.rule}`
  const remark = expected === undefined || expected === found ? "" : `\n  the file says ${expected}`
  return `broke ${found}\n  found     ${violation.found}\n  expected  ${violation.expected}${remark}\n  digest    ${digest}`
}

/**
 * The command `d2m replay`.
 *
 * @category commands
 * @since 0.1.0
 */
export const replay = Command.make(
  "replay",
  flags,
  Effect.fnUntraced(function* ({ json, path, trace }) {
    const schedule = yield* read(path)
    const lines: Array<string> = []
    const result = run(schedule, { witnesses: trace ? [(event) => lines.push(traceLine(event))] : [] })
    const { violation } = result
    if (lines.length > 0) yield* Console.log(lines.join("\n"))
    yield* Console.log(
      json
        ? seedJson({ report: reportOf(result), schedule: undefined, divergence: undefined })
        : verdict(schedule, result)
    )
    if (violation !== undefined) return yield* new RuleBroken({ oracle: violation.oracle, rule: violation.rule })
  })
).pipe(
  Command.withDescription("Run a schedule again; exits with 1 when a rule is broken"),
  Command.withExamples([
    { command: "d2m replay d2m-failure-79.json", description: "What went wrong, again" },
    { command: "d2m replay --trace d2m-failure-79.json", description: "With every event" }
  ])
)
