/**
 * A scheduler that picks the next runnable fiber by the seed, and may preempt a running one before any step.
 *
 * Owns all runnable tasks of a simulation. Everything that forks, yields or wakes goes through it, so that one seed is
 * one interleaving.
 *
 * @since 0.1.0
 */
import type { Fiber, Scheduler } from "effect"
import type { Prng } from "./Prng.ts"

interface Task {
  readonly run: () => void
  readonly priority: number
}

/** Steps after which a fiber that never yields is made to, as the default scheduler does. */
const longestTurn = 2048

/**
 * Options of a {@link SeededScheduler}.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeededSchedulerOptions {
  /** Chance of a preemption before each step of a fiber, 0…1. */
  readonly preempt: number
}

/**
 * A scheduler that picks the next runnable fiber by the seed.
 *
 * @category models
 * @since 0.1.0
 */
export class SeededScheduler implements Scheduler.Scheduler {
  readonly executionMode = "sync" as const
  /** Tasks run so far. */
  steps = 0
  readonly #tasks: Array<Task> = []
  readonly #prng: Prng
  readonly #preempt: number

  constructor(prng: Prng, options: SeededSchedulerOptions) {
    this.#prng = prng
    this.#preempt = options.preempt
  }

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    return fiber.currentOpCount >= longestTurn || (this.#preempt > 0 && this.#prng.real() < this.#preempt)
  }

  // One for all: a fiber would make its own, and a queue keep its creator's.
  readonly dispatcher: Scheduler.SchedulerDispatcher = {
    scheduleTask: (run, priority) => {
      this.#tasks.push({ run, priority })
    },
    flush: () => {
      while (this.runOne());
    }
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    return this.dispatcher
  }

  /** Runs one task of the lowest priority number; `false` when there is none. */
  runOne(): boolean {
    const tasks = this.#tasks
    if (tasks.length === 0) return false
    let best = Infinity
    let candidates = 0
    for (const { priority } of tasks) {
      if (priority < best) {
        best = priority
        candidates = 1
      } else if (priority === best) candidates++
    }
    let pick = candidates === 1 ? 0 : this.#prng.below(candidates)
    let index = 0
    for (; ; index++) {
      if (tasks[index]!.priority === best && pick-- === 0) break
    }
    const task = tasks[index]!
    // The order of what remains is no promise: the next pick is by the seed as well.
    tasks[index] = tasks[tasks.length - 1]!
    tasks.pop()
    this.steps++
    task.run()
    return true
  }
}
