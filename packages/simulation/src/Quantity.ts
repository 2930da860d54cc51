/**
 * The numbers of a schedule: finite, and within what a world can have; and the spans of time that people write for them.
 *
 * @since 0.1.0
 */
import { millisOf } from "@d2m/codec"
import { Schema } from "effect"

/** A leap year, in ms. */
const year = 366 * 24 * 3_600_000

/** So long things go wrong at most, in ms, where a schedule is drawn: a week. Oracles remember all that was said in a world. */
export const longestRun = 7 * 24 * 3_600_000

/** A length of time, or a time from the start of the run, in ms: a year at most. */
export const millis = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: year }))

/** A `Duration.Input` of which the ms are fit for what it is for. */
export const spanWhere = (expected: string, isFit: (millis: number) => boolean) =>
  Schema.Unknown.check(Schema.makeFilter((input) => isFit(millisOf(input)), { expected }))

/** How long things go wrong where a schedule is drawn for a program. */
export const runLength = spanWhere("a duration of a week at most", (millis) => millis >= 0 && millis <= longestRun)

/** A length of time within a schedule. */
export const spanOfSchedule = spanWhere("a duration of a year at most", (millis) => millis >= 0 && millis <= year)

/** From one thing to the next. */
export const period = spanWhere("a finite duration above 0", (millis) => millis > 0 && millis < Infinity)

/**
 * For how long a server wants to be left alone, in ms: two minutes at most, so that everything comes to rest in time once
 * faults are over.
 */
export const retryAfter = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 120_000 }))

/** A status of HTTP with which a server refuses what it is asked for. */
export const httpRefusal = Schema.Int.check(Schema.isBetween({ minimum: 400, maximum: 599 }))

/** What a clock shows too much, in ms: a year at most; negative when it is slow. */
export const skew = Schema.Finite.check(Schema.isBetween({ minimum: -year, maximum: year }))

/** How many, one at least. */
export const count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))

/** So many devices may be in a world. */
export const mostDevices = 100_000

/** Of a world: doubles are exact up to there. */
export const seedNumber = Schema.Number.check(
  Schema.makeFilter((seed) => Number.isSafeInteger(seed) && seed >= 0, {
    expected: `a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`
  })
)

/** A number that travels as 32 bits. */
export const u32 = Schema.Int.check(Schema.isUint32())
