/**
 * That a schedule can be carried out, whether it was read from a file, drawn, or put together by hand.
 *
 * Owns the reading of a file, and what is said of one that is none. What a schedule has in it is `Schedule`'s.
 *
 * @since 0.1.0
 */
import { Effect, Schema } from "effect"
import { checkedBy } from "./IssueText.ts"
import { ownerOf } from "./Names.ts"
import { DeviceSpec, Schedule, strayOf, version } from "./Schedule.ts"
import { WorldFault } from "./WorldFault.ts"

/**
 * A schedule that cannot be read or carried out: no JSON, of a newer version, names that are no names, not one's own or
 * nobody's, numbers outside of their range, keys that mean nothing.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidSchedule extends Schema.TaggedError<InvalidSchedule>("@d2m/simulation/InvalidSchedule")(
  "InvalidSchedule",
  {
    /** What was expected, what was found, and its place in the schedule. */
    detail: Schema.String
  }
) {
  override get message(): string {
    return `invalid schedule: ${this.detail}`
  }
}

const aSchedule = checkedBy(Schedule)
const aFault = checkedBy(WorldFault)
const aDevice = checkedBy(DeviceSpec)

const refused = (detail: string) => new InvalidSchedule({ detail })

/**
 * Checks a schedule that was put together by hand, as one from a file is checked when it is read.
 *
 * @category checking
 * @since 0.1.0
 */
export const checked = (schedule: Schedule): Effect.Effect<Schedule, InvalidSchedule> =>
  Effect.suspend(() => Effect.mapError(Effect.fromResult(aSchedule(schedule)), refused))

/** Why what stands in a file can be no schedule that is read here, if another version has written it. */
const newerVersion = (found: unknown): string | undefined => {
  if (typeof found !== "object" || found === null || !("version" in found)) return undefined
  if (!Number.isSafeInteger(found.version) || Number(found.version) <= version) return undefined
  return `it was written by a newer version: its format is ${String(found.version)}, and this one reads ${version}`
}

/**
 * Reads what stands in a file, with or without a byte order mark. A key that means nothing is an error: a misspelled one would
 * be another run.
 *
 * @category decoding
 * @since 0.1.0
 */
export const readSchedule = (text: string): Effect.Effect<Schedule, InvalidSchedule> =>
  Effect.gen(function* () {
    const found: unknown = yield* Effect.try({
      try: () => JSON.parse(text.replace(/^\uFEFF/, "")),
      catch: (error) => refused(`no JSON: ${error instanceof Error ? error.message : String(error)}`)
    })
    const newer = newerVersion(found)
    if (newer !== undefined) return yield* refused(newer)
    return yield* Effect.mapError(Effect.fromResult(aSchedule(found)), refused)
  })

/** What is wrong with a schedule in which somebody is named whom there is not. */
export const namesNobody = (schedule: Schedule): InvalidSchedule | undefined => {
  const stray = strayOf(schedule)
  if (stray === undefined) return undefined
  const [name, path] = stray
  return new InvalidSchedule({ detail: `there is no device ${JSON.stringify(name)}, at ${path.join(".")}` })
}

/**
 * Checks a fault that strikes in a world with these devices, as those of a schedule are checked.
 *
 * @category checking
 * @since 0.1.0
 */
export const checkedFault = (
  fault: WorldFault,
  devices: ReadonlyArray<string>
): Effect.Effect<WorldFault, InvalidSchedule> =>
  Effect.fromResult(aFault(fault)).pipe(
    Effect.mapError(refused),
    Effect.filterOrFail(
      (sound) => !("device" in sound) || devices.includes(ownerOf(sound.device)),
      (sound) => refused(`there is no device ${"device" in sound ? JSON.stringify(sound.device) : ""}`)
    )
  )

/**
 * Checks a device that is added to a world with these devices, as those of a schedule are checked.
 *
 * @category checking
 * @since 0.1.0
 */
export const checkedDevice = (
  device: DeviceSpec,
  devices: ReadonlyArray<string>
): Effect.Effect<DeviceSpec, InvalidSchedule> =>
  Effect.fromResult(aDevice(device)).pipe(
    Effect.mapError(refused),
    Effect.filterOrFail(
      ({ name }) => !devices.includes(name),
      ({ name }) => refused(`two devices have the name ${name}`)
    )
  )
