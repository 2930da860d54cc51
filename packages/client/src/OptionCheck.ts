/**
 * What options are checked with, before anything is made of them.
 * Owns the schemas of times, which a file or a computation may have got wrong, and the error for what does not fit.
 * Leaves which option is which to the modules that have options.
 */
import { Duration, Option, Result, Schema, SchemaIssue } from "effect"
import { InvalidDeviceOptions } from "./DeviceOptionsError.ts"

/**
 * A finite number of milliseconds, not less than 0.
 *
 * @internal
 */
export const millis = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/**
 * The same, and not over at once.
 *
 * @internal
 */
export const millisAboveZero = Schema.Finite.check(Schema.isGreaterThan(0))

/** A `Duration` makes 0 of it. */
const holdsNaN = (input: unknown): boolean =>
  Number.isNaN(input) || (typeof input === "object" && input !== null && Object.values(input).some(Number.isNaN))

const durationWhere = (expected: string, isFit: (millis: number) => boolean) =>
  Schema.Unknown.check(
    Schema.makeFilter((input) => {
      const duration = holdsNaN(input) ? Option.none() : Duration.fromInput(input as Duration.Input)
      return Option.isSome(duration) && isFit(Duration.toMillis(duration.value)) ? undefined : `expected ${expected}`
    })
  )

/**
 * A `Duration.Input` of no less than 0, for ever included.
 *
 * @internal
 */
export const duration = durationWhere("a duration of 0 or more", (millis) => millis >= 0)

/**
 * A `Duration.Input` that has an end.
 *
 * @internal
 */
export const finiteDuration = durationWhere(
  "a finite duration of 0 or more",
  (millis) => millis >= 0 && millis < Infinity
)

/**
 * A `Duration.Input` that has an end and is not over at once.
 *
 * @internal
 */
export const durationAboveZero = durationWhere("a finite duration above 0", (millis) => millis > 0 && millis < Infinity)

/**
 * A number of bytes that is reached some day, not less than `minimum`.
 *
 * @internal
 */
export const bytes = (minimum: number) => Schema.Int.check(Schema.isGreaterThanOrEqualTo(minimum))

const formatIssue = SchemaIssue.makeFormatterDefault()

/**
 * Checks what a schema describes; the error names the option.
 *
 * @internal
 */
export const checkWith = (
  schema: Schema.Codec<unknown, unknown>
): ((input: unknown) => Result.Result<unknown, InvalidDeviceOptions>) => {
  const decode = Schema.decodeUnknownResult(schema)
  return (input) =>
    Result.mapError(decode(input), ({ issue }) => new InvalidDeviceOptions({ detail: formatIssue(issue) }))
}
