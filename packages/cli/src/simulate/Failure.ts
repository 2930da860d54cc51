/**
 * What is left of a seed that failed: a file to replay, and the words about it.
 *
 * @since 0.1.0
 */
import { againText, divergenceText, type Schedule, ScheduleJson, settingsText } from "@d2m/simulation"
import { Effect, FileSystem, Path, type PlatformError, Result, Schema } from "effect"
import { fileReason } from "../FileReason.ts"
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

/** Says of what could not be written at a path that it could not. */
export const unwritable = (path: string) =>
  Effect.mapError((error: PlatformError.PlatformError) => new UnwritableFailure({ path, reason: fileReason(error) }))

/**
 * Fails where files of failures could not be written: better now than after hours. Nothing is made before there is a failure,
 * so of a folder that is not there its nearest parent is looked at.
 */
export const checkFolder = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  let nearest = paths.resolve(folder)
  while (!(yield* Effect.orElseSucceed(fs.exists(nearest), () => true))) nearest = paths.dirname(nearest)
  const { type } = yield* fs.stat(nearest).pipe(unwritable(folder))
  if (type !== "Directory") return yield* new UnwritableFailure({ path: folder, reason: `${nearest} is no folder` })
  yield* fs.access(nearest, { writable: true }).pipe(unwritable(folder))
})

const encode = Schema.encodeSync(ScheduleJson)

/**
 * Writes a schedule where it can be replayed from, and says where that is. A file of another run of the seed, with other
 * options, stays as it is: then the next free number is added to the name.
 */
export const write = Effect.fnUntraced(function* (folder: string, seed: number, schedule: Schedule) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  // Indented: people look into it, and change it.
  const text = `${JSON.stringify(JSON.parse(encode(schedule)), undefined, 2)}\n`
  const pathOf = (copy: number) => paths.join(folder, `d2m-failure-${seed}${copy === 1 ? "" : `-${copy}`}.json`)
  yield* fs.makeDirectory(folder, { recursive: true }).pipe(unwritable(folder))
  for (let copy = 1; ; copy++) {
    const path = pathOf(copy)
    const isWritten = yield* fs.writeFileString(path, text, { flag: "wx" }).pipe(
      Effect.as(true),
      Effect.catchIf(
        ({ reason }) => reason._tag === "AlreadyExists",
        () => Effect.map(fs.readFileString(path), (there) => there === text)
      ),
      unwritable(path)
    )
    if (isWritten) return path
  }
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

/** What is out of the ordinary in a world beside its faults, which its story tells. */
export const leftText = (schedule: Schedule): string =>
  settingsText(schedule)
    .map((line) => `${line}\n`)
    .join("")

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

/** The path of a file that may not have come to be. */
type Written = Result.Result<string, UnwritableFailure>

/** How to see it again. */
export const replayText = (written: Written): string =>
  Result.isSuccess(written) ? `  replay    d2m replay ${written.success}` : `  replay    ${written.failure.message}`

/** Where a run stands that was not the same twice: it takes two to see that again. */
export const divergedText = (written: Written, seed: number): string =>
  [
    `  again     d2m simulate --verify --seed ${seed}, with the same options`,
    `  trace     ${Result.isSuccess(written) ? `d2m replay --trace ${written.success}` : written.failure.message}`
  ].join("\n")

/** What is said of failures that there are too many of. */
export const unwrittenText = (count: number): string =>
  `${counted(count, "more failure")} that ${count === 1 ? "is" : "are"} not told here, and not written`
