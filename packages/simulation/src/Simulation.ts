/**
 * Runs an effect to its end in virtual time, in one synchronous call, under one seed.
 *
 * Owns scheduler, clock and randomness of the run. An effect that needs a promise, a real timer or a real socket never
 * ends here: that shows as a `Deadlock`.
 *
 * @since 0.1.0
 */
import { Clock, Effect, type Exit, Layer, Random } from "effect"
import { SecureRandom } from "effect/crypto"
import * as Prng from "./Prng.ts"
import { SeededScheduler } from "./SeededScheduler.ts"
import { VirtualClock } from "./VirtualClock.ts"

/**
 * How an effect is run.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulationOptions {
  readonly seed: number
  /** Chance of a preemption before each step of a fiber, 0…1; 0.02 unless given. */
  readonly preempt?: number
  /** Steps after which the run is given up; 10 million unless given. */
  readonly maxSteps?: number
  /** Virtual time of the start, in ms since 1970; 2026-01-01 unless given. */
  readonly start?: number
}

/**
 * How a run ended.
 *
 * - `Done` with the effect's own exit
 * - `Deadlock` nothing can run and nothing waits for time to pass
 * - `OutOfSteps` it might have gone on for ever
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome<A, E> =
  | { readonly _tag: "Done"; readonly exit: Exit.Exit<A, E> }
  | { readonly _tag: "Deadlock" }
  | { readonly _tag: "OutOfSteps" }

/**
 * How a run ended, and what it took.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulationResult<A, E> {
  readonly outcome: Outcome<A, E>
  /** Virtual milliseconds from start to end. */
  readonly elapsed: number
  readonly steps: number
}

const newYear2026 = 1_767_225_600_000

/**
 * Runs an effect to its end under a seed: same seed and options, same run.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <A, E>(
  effect: Effect.Effect<A, E, SecureRandom.SecureRandom>,
  options: SimulationOptions
): SimulationResult<A, E> => {
  const prng = Prng.make(options.seed)
  const scheduler = new SeededScheduler(prng.fork("scheduler"), { preempt: options.preempt ?? 0.02 })
  const start = options.start ?? newYear2026
  const clock = new VirtualClock(scheduler.dispatcher, start)
  const maxSteps = options.maxSteps ?? 10_000_000
  const secrets = prng.fork("secrets")
  const fiber = Effect.runFork(
    effect.pipe(
      Random.withSeed(options.seed),
      Effect.provideService(Clock.Clock, clock),
      Effect.provide(Layer.sync(SecureRandom.SecureRandom, () => SecureRandom.make((size) => secrets.bytes(size))))
    ),
    { scheduler }
  )
  const end = (outcome: Outcome<A, E>): SimulationResult<A, E> => ({
    outcome,
    elapsed: clock.now - start,
    steps: scheduler.steps
  })
  for (;;) {
    while (scheduler.runOne()) {
      if (scheduler.steps >= maxSteps) return end({ _tag: "OutOfSteps" })
    }
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return end({ _tag: "Done", exit })
    if (!clock.advance()) return end({ _tag: "Deadlock" })
  }
}
