/**
 * When something happens, on two clocks.
 *
 * Owns which of them is for what: points in time that others are told come from the wall clock, and whatever lasts is
 * measured on the monotonic one. A wall clock that is set, by NTP or a machine that slept, must neither close everybody nor
 * keep a lock for as long as it was set back.
 *
 * @since 0.1.0
 */
import type { Clock } from "effect"

/**
 * A point in time, as both clocks show it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Moment {
  /** Milliseconds since 1970, by the wall clock. */
  readonly now: number
  /** Milliseconds since some point in the past, by the monotonic clock. */
  readonly elapsed: number
}

/** Whole milliseconds since 1970, whatever the clock counts in. */
export const nowOf = (clock: Clock.Clock): number => Math.floor(clock.currentTimeMillisUnsafe())

/** Whole milliseconds by the monotonic clock. */
export const elapsedOf = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

/** This moment. */
export const momentOf = (clock: Clock.Clock): Moment => ({ now: nowOf(clock), elapsed: elapsedOf(clock) })
