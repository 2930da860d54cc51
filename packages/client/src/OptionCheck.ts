/**
 * What options are checked with, before anything is made of them.
 * Owns the schemas of times, which a file or a computation may have got wrong, and the error for what does not fit.
 * Leaves which option is which to the modules that have options.
 */
import { millisOf } from "@d2m/codec"
import { type Duration, Formatter, Result, Schema, SchemaIssue } from "effect"
import { InvalidDeviceOptions } from "./DeviceOptionsError.ts"

/**
 * The milliseconds of a delay that a policy has given. Throws where it is no duration of 0 or more: a device that took it for 0
 * would try again and again without a pause.
 *
 * @internal
 */
export const delayMillis = (policy: string, delay: Duration.Input): number => {
  const millis = millisOf(delay)
  if (millis >= 0) return millis
  throw new RangeError(`a ${policy} must give a duration of 0 or more, and has given ${Formatter.format(delay)}`)
}

const durationWhere = (expected: string, isFit: (millis: number) => boolean) =>
  Schema.Unknown.check(Schema.makeFilter((input) => (isFit(millisOf(input)) ? undefined : `expected ${expected}`)))

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
