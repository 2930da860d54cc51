/**
 * Reflected messages as they come in on one connection, counted in their order.
 * Owns how many have been read, how many of them are settled, and who waits for that.
 * Leaves what settles them to `ReflectedQueue`.
 */
import { Effect, Latch } from "effect"

/** @internal */
export interface Arrivals {
  /** One more has been read. */
  readonly arrive: () => void
  readonly arrived: () => number
  /**
   * Nothing is left to be done with the next one: it is handled, set aside or a duplicate. What a halt or a passed-over
   * connection leaves behind never is: its connection ends, and it comes again.
   */
  readonly settle: () => void
  /** Waits until so many are settled. What an earlier connection has left stands before them, or comes again as one of them. */
  readonly settled: (count: number) => Effect.Effect<void>
}

/** @internal */
export const makeArrivals = (): Arrivals => {
  let arrived = 0
  let done = 0
  let moved: Latch.Latch | undefined
  const settled = (count: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (count <= done) return Effect.void
      moved ??= Latch.makeUnsafe(false)
      return Effect.andThen(moved.await, settled(count))
    })
  return {
    arrive: () => {
      arrived++
    },
    arrived: () => arrived,
    settle: () => {
      done++
      moved?.openUnsafe()
      moved = undefined
    },
    settled
  }
}
