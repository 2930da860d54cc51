/**
 * Which fibers are within a transaction of a device.
 * Owns the mark that a transaction leaves on the fiber that runs it, and on those which that one starts: what waits there for
 * the end of the transaction would wait for itself.
 * Leaves what is refused to them to `Transaction` and `Reflection`.
 */
import { Context, Effect, type Fiber } from "effect"

/** A transaction, from the wait for its turn on. */
interface Holding {
  readonly device: object
  isOver: boolean
}

const Holdings = Context.Reference<ReadonlyArray<Holding>>("@d2m/client/Holding/Holdings", {
  defaultValue: () => []
})

/**
 * The transactions of one device.
 *
 * @internal
 */
export interface HoldingOfDevice {
  /** Runs a transaction. */
  readonly hold: <A, E, R>(transaction: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly isRunning: () => boolean
  /** Whether a fiber is within one of them. Another device of the same program may well be the one to wait for. */
  readonly isWithin: (fiber: Fiber.Fiber<unknown, unknown>) => boolean
}

/** @internal */
export const makeHolding = (): HoldingOfDevice => {
  const device = {}
  let running = 0
  const isOurs = (holding: Holding): boolean => holding.device === device && !holding.isOver
  return {
    hold: (transaction) =>
      Effect.acquireUseRelease(
        Effect.sync((): Holding => {
          running++
          return { device, isOver: false }
        }),
        (holding) =>
          Effect.flatMap(Holdings, (others) => {
            // One that starts the next within it, and so on, would leave a longer list each time.
            const holdings = [...others.filter(({ isOver }) => !isOver), holding]
            return Effect.provideService(transaction, Holdings, holdings)
          }),
        (holding) =>
          Effect.sync(() => {
            holding.isOver = true
            running--
          })
      ),
    isRunning: () => running > 0,
    isWithin: (fiber) => running > 0 && fiber.getRef(Holdings).some(isOurs)
  }
}
