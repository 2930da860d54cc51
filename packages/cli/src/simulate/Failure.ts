/**
 * What is left of a seed that failed: a file to replay, and the words about it.
 *
 * @since 0.1.0
 */
import { againText, divergenceText, type Schedule, ScheduleJson } from "@d2m/simulation"
import { Effect, FileSystem, Path, Schema } from "effect"
import type { Ran, Reproduction } from "./Messages.ts"

/**
 * The file of a failure could not be written.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnwritableFailure extends Schema.TaggedError<UnwritableFailure>()("UnwritableFailure", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `cannot write ${this.path}: ${this.reason}`
  }
}

const encode = Schema.encodeSync(ScheduleJson)

/** Writes a schedule where it can be replayed from, and says where that is. */
export const write = Effect.fnUntraced(function* (folder: string, seed: number, schedule: Schedule) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const path = paths.join(folder, `d2m-failure-${seed}.json`)
  // Indented: people look into it, and change it.
  const text = `${JSON.stringify(JSON.parse(encode(schedule)), undefined, 2)}\n`
  yield* fs.makeDirectory(folder, { recursive: true }).pipe(
    Effect.andThen(fs.writeFileString(path, text)),
    Effect.mapError((error) => new UnwritableFailure({ path, reason: error.reason._tag }))
  )
  return path
})

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

const sizeOf = ({ devices, faults, operations }: Schedule): string =>
  [counted(operations.length, "operation"), counted(faults.length, "fault"), counted(devices.length, "device")].join(
    ", "
  )

/** How a schedule was shrunk. */
export const shrunkText = (before: Schedule, { isCutShort = false, runs, schedule }: Reproduction): string => {
  const end = isCutShort ? "; time was over before the end: --shrink SECONDS gives it more" : ""
  return `  shrunk    from ${sizeOf(before)} to ${sizeOf(schedule)} in ${counted(runs, "run")}${end}`
}

/** Of two runs that were to be the same. */
export const digestsText = (first: string, again: string): string =>
  `  digests   ${first}, and ${again} when it was run again`

/** What went wrong in a seed, in lines. */
export const text = ({ again, divergence, report }: Ran): string => {
  const { digest, seed, violation } = report
  const lines: Array<string> = []
  if (violation !== undefined) {
    const otherwise = again === undefined ? "" : againText(violation, again.violation ?? {})
    lines.push(
      `seed ${seed} broke a rule of ${violation.oracle}: ${violation.rule}${otherwise}`,
      `  found     ${violation.found}`,
      `  expected  ${violation.expected}`
    )
    if (again !== undefined) lines.push(digestsText(digest, again.digest))
  }
  if (divergence !== undefined) lines.push(`seed ${seed} did not run the same twice: ${divergenceText(divergence)}`)
  return lines.join("\n")
}

/** How to see it again. */
export const replayText = (path: string): string => `  replay    d2m replay ${path}`

/** Where a run stands that was not the same twice: it takes two to see that again. */
export const divergedText = (path: string, seed: number): string =>
  `  again     d2m simulate --verify --seed ${seed}, with the same options\n  trace     d2m replay --trace ${path}`

/** What is said of failures that there are too many of. */
export const unwrittenText = (count: number): string =>
  `${counted(count, "more failure")} that ${count === 1 ? "is" : "are"} not told here, and not written`
