/**
 * Spans of time as they are written among options, in the milliseconds that the protocol's times are in.
 *
 * Owns what counts as a span of time. How long one may be is said where it is an option.
 *
 * @since 0.1.0
 */
import { Duration, Option } from "effect"

const units = ["weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"] as const

/** `Duration` makes 0 of an object with NaN in it, and of one that says nothing. */
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
 * The milliseconds of a `Duration.Input`, which a number is already, whatever its sign; NaN of what is none, of which
 * `Duration` itself may make 0.
 *
 * @example
 * ```ts
 * import { millisOf } from "@d2m/codec"
 *
 * millisOf("20 seconds") // 20000
 * millisOf({ minute: 5 }) // NaN, as the unit is called "minutes"
 * ```
 *
 * @category times
 * @since 0.1.0
 */
export const millisOf = (input: unknown): number => {
  if (typeof input === "number") return input
  const duration = saysHowLong(input) ? Duration.fromInput(input as Duration.Input) : Option.none()
  return Option.isSome(duration) ? Duration.toMillis(duration.value) : Number.NaN
}
