/**
 * Time as it passes, whatever the wall clock shows.
 * Owns the one way in which this package measures how long something took: a device whose clock is set meanwhile must
 * neither give up early nor wait for hours.
 * Leaves points in time that somebody else is told to `Clock.currentTimeMillis`.
 */
import { Clock, Effect } from "effect"

/**
 * Whole milliseconds since some point in the past, on the monotonic clock.
 *
 * @internal
 */
export const elapsedMillisUnsafe = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

/** @internal */
export const elapsedMillis: Effect.Effect<number> = Effect.map(Clock.Clock, elapsedMillisUnsafe)
