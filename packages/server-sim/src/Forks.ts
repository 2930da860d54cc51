/**
 * Runs effects from synchronous code.
 *
 * Owns the fibers it starts. An effect that does not wait is done when `start` returns, so that
 * a store in memory costs no fiber switch.
 *
 * @since 0.1.0
 */
import { type Context, Effect, type Exit, Fiber, type Scope } from "effect"

/** Starts effects and tells how they ended. */
export interface Forks {
  /**
   * Starts an effect. `onExit` is called once, before `start` returns if the effect does not wait, and not at all after a
   * cancel or the end of the scope.
   */
  readonly start: <A, E>(effect: Effect.Effect<A, E>, onExit: (exit: Exit.Exit<A, E>) => void) => Cancel
}

/** Interrupts the effect, if it is still under way. */
export type Cancel = () => void

const nothing: Cancel = () => {}

const forksIn = (context: Context.Context<never>, running: Set<Fiber.Fiber<unknown, unknown>>): Forks => {
  const runFork = Effect.runForkWith(context)
  return {
    start: (effect, onExit) => {
      const fiber = runFork(effect)
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) {
        onExit(exit)
        return nothing
      }
      running.add(fiber)
      fiber.addObserver((exit) => {
        if (running.delete(fiber)) onExit(exit)
      })
      return () => {
        if (running.delete(fiber)) fiber.interruptUnsafe()
      }
    }
  }
}

/** Forks that run with the services of the effect that makes them: clock, scheduler, loggers. */
export const makeForks: Effect.Effect<Forks, never, Scope.Scope> = Effect.gen(function* () {
  const running = new Set<Fiber.Fiber<unknown, unknown>>()
  yield* Effect.addFinalizer(() => {
    const fibers = [...running]
    running.clear()
    return Fiber.interruptAll(fibers)
  })
  return forksIn(yield* Effect.context<never>(), running)
})

/** Forks that outlive their maker, for what ends by itself: messages that are under way. */
export const makeDetachedForks: Effect.Effect<Forks> = Effect.map(Effect.context<never>(), (context) =>
  forksIn(context, new Set())
)
