/**
 * Runs an effect to its end in virtual time, in one synchronous call, under one seed.
 *
 * Owns the run of a single `Machine`; a group of devices is a `World`. An effect that needs a promise, a real timer or a real socket never
 * ends here: that shows as a `Deadlock`.
 *
 * @since 0.1.0
 */
import type { Effect, Exit } from "effect"
import type { SecureRandom } from "effect/crypto"
import { Kernel } from "./Kernel.ts"
import { Machine } from "./Machine.ts"
import * as Prng from "./Prng.ts"

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

/**
 * When simulations begin unless told: 2026-01-01, in ms since 1970.
 *
 * @category constants
 * @since 0.1.0
 */
export const newYear2026 = 1_767_225_600_000

/**
 * Runs an effect to its end under a seed: same seed and options, same run.
 *
 * @category running
 * @since 0.1.0
 */
export const runEffect = <A, E>(
  effect: Effect.Effect<A, E, SecureRandom.SecureRandom>,
  options: SimulationOptions
): SimulationResult<A, E> => {
  const prng = Prng.make(options.seed)
  const start = options.start ?? newYear2026
  const kernel = new Kernel(prng.fork("order"), start)
  const machine = new Machine(kernel, { name: "machine", prng, preempt: options.preempt ?? 0.02 })
  const fiber = machine.fork(effect)
  const rest = kernel.runUntil(() => fiber.pollUnsafe() !== undefined, options.maxSteps ?? 10_000_000)
  const exit = fiber.pollUnsafe()
  return {
    outcome:
      exit !== undefined ? { _tag: "Done", exit } : rest === "Idle" ? { _tag: "Deadlock" } : { _tag: "OutOfSteps" },
    elapsed: kernel.now - start,
    steps: kernel.steps
  }
}
