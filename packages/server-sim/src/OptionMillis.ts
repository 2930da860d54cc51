/**
 * Spans of time among options, as the milliseconds that everything here reckons in.
 *
 * Owns the error for what is no span of time. How long one may be is said where it is an option.
 */
import { millisOf } from "@d2m/codec"
import { type Duration, Formatter, Result } from "effect"

/**
 * The milliseconds of an option, or what is wrong with it. A number is milliseconds already, whichever it is.
 *
 * @internal
 */
export const optionMillis = (name: string, input: Duration.Input): Result.Result<number, string> => {
  const millis = millisOf(input)
  return Number.isNaN(millis) && typeof input !== "number"
    ? Result.fail(`${name} must be a duration, and is ${Formatter.format(input)}`)
    : Result.succeed(millis)
}

/**
 * The same for a patience, which may be none and may have no end.
 *
 * @internal
 */
export const patienceOf = (name: string, input: Duration.Input): Result.Result<number, string> =>
  Result.flatMap(optionMillis(name, input), (millis) =>
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
    const taken = optionMillis(name, input)
    if (Result.isFailure(taken)) return Result.fail(taken.failure)
    millis[name] = taken.success
  }
  return Result.succeed({ ...options, ...millis })
}
