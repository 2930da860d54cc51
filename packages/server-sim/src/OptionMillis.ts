/**
 * Spans of time among options, as the milliseconds that everything here reckons in.
 *
 * Owns what counts as a span of time, and the error for what does not. How long one may be is said where it is an option.
 */
import { Duration, Formatter, Option, Result } from "effect"

const units = ["weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"] as const

/** `Duration` makes 0 of NaN, and of an object that says nothing. */
const saysHowLong = (input: unknown): boolean => {
  if (typeof input !== "object" || input === null || Duration.isDuration(input)) return true
  const parts: ReadonlyArray<unknown> = Array.isArray(input)
    ? input
    : units.map((unit) => (input as Duration.DurationObject)[unit]).filter((part) => part !== undefined)
  return (
    parts.length > 0 &&
    parts.every((part) => typeof part === "number") &&
    !Number.isNaN(parts.reduce((sum, part) => sum + part))
  )
}

/**
 * The milliseconds of an option, or what is wrong with it. A number is milliseconds already, whichever it is.
 *
 * @internal
 */
export const millisOf = (name: string, input: Duration.Input): Result.Result<number, string> => {
  if (typeof input === "number") return Result.succeed(input)
  const duration = saysHowLong(input) ? Duration.fromInput(input) : Option.none()
  return Option.isSome(duration)
    ? Result.succeed(Duration.toMillis(duration.value))
    : Result.fail(`${name} must be a duration, and is ${Formatter.format(input)}`)
}

/**
 * The same for a patience, which may be none and may have no end.
 *
 * @internal
 */
export const patienceOf = (name: string, input: Duration.Input): Result.Result<number, string> =>
  Result.flatMap(millisOf(name, input), (millis) =>
    millis >= 0 ? Result.succeed(millis) : Result.fail(`${name} must not be below 0, and is ${millis}`)
  )

/**
 * Options with the spans of time among them in milliseconds; what is absent stays so.
 *
 * @internal
 */
export const withMillis = <Span extends string, Options extends { readonly [Name in Span]?: Duration.Input }>(
  options: Options,
  spans: ReadonlyArray<Span>
): Result.Result<Omit<Options, Span> & { readonly [Name in Span]?: number }, string> => {
  const millis: { [Name in Span]?: number } = {}
  for (const name of spans) {
    const input = options[name]
    if (input === undefined) continue
    const taken = millisOf(name, input)
    if (Result.isFailure(taken)) return Result.fail(taken.failure)
    millis[name] = taken.success
  }
  return Result.succeed({ ...options, ...millis })
}
