/**
 * Time and order of a simulation: what can run now, what will run later, and which comes next.
 *
 * Owns the one queue of runnable tasks, from which the seed picks, and the one heap of timers. Time stands still until
 * nothing can run, then jumps to the next timer. Whose task it is, and whether that one is paused or dead, is a
 * `Machine`'s.
 *
 * @since 0.1.0
 */
import type { Prng } from "./Prng.ts"

/**
 * What a kernel needs of the machine that a task is for.
 *
 * @category models
 * @since 0.1.0
 */
export interface TaskHost {
  readonly mode: "Running" | "Paused" | "Dead"
  /** Takes a task whose turn has come while the machine does not run. */
  readonly hold: (run: () => void, priority: number) => void
}

interface Task {
  readonly machine: TaskHost
  run(): void
  readonly priority: number
}

/**
 * Something that happens at a later time, unless it is cancelled.
 *
 * @category models
 * @since 0.1.0
 */
export interface Timer {
  /** Milliseconds of kernel time. */
  readonly at: number
  readonly machine: TaskHost
  readonly run: () => void
  /** Set to `true`, it does not happen any more. */
  cancelled: boolean
  readonly order: number
}

/** A timer that is a task as it is, once its time has come: most tasks of a run are, and each object has its price. */
class TimerTask implements Timer, Task {
  readonly at: number
  readonly machine: TaskHost
  readonly order: number
  readonly priority = 0
  cancelled = false
  readonly #happens: () => void

  constructor(at: number, machine: TaskHost, order: number, happens: () => void) {
    this.at = at
    this.machine = machine
    this.order = order
    this.#happens = happens
  }

  run(): void {
    if (this.cancelled) return
    // From here on a cancel finds nothing in the heap.
    this.cancelled = true
    this.#happens()
  }
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** Cancelled timers leave the heap when they surface, or at once when they are this many and the majority. */
const sweepAt = 256

/**
 * Why a kernel has come to rest.
 *
 * - `Reached` what was waited for is there
 * - `Idle` nothing can run, and no timer is left: a deadlock
 * - `OutOfSteps` it might have gone on for ever
 *
 * @category models
 * @since 0.1.0
 */
export type Rest = "Reached" | "Idle" | "OutOfSteps"

/**
 * The queue of tasks and the heap of timers.
 *
 * @category models
 * @since 0.1.0
 */
export class Kernel {
  /** Milliseconds since 1970, with fractions. */
  now: number
  /** Tasks run so far. */
  steps = 0
  /** Draws the order of tasks; anything else has a source of its own. */
  readonly prng: Prng
  readonly #ready: Array<Task> = []
  /** Tasks in `#ready` whose priority is not 0. */
  #odd = 0
  readonly #heap: Array<TimerTask> = []
  #cancelled = 0
  #order = 0

  constructor(prng: Prng, start: number) {
    this.prng = prng
    this.now = start
  }

  /** Puts in a task that can run now. */
  ready(machine: TaskHost, run: () => void, priority = 0): void {
    if (priority !== 0) this.#odd++
    this.#ready.push({ machine, run, priority })
  }

  /** Sets a timer, `millis` from now. Timers of the same time become runnable together. */
  after(machine: TaskHost, millis: number, run: () => void): Timer {
    const timer = new TimerTask(this.now + Math.max(millis, 0), machine, this.#order++, run)
    this.#push(timer)
    return timer
  }

  /** Cancels a timer; one that has fired, or was cancelled, stays as it is. */
  cancel(timer: Timer): void {
    if (timer.cancelled) return
    timer.cancelled = true
    if (++this.#cancelled > sweepAt && this.#cancelled * 2 > this.#heap.length) this.#sweep()
  }

  /** Whether a machine has something to run, now or later, unless another one wakes it. */
  isBusy(machine: TaskHost): boolean {
    return (
      this.#ready.some((task) => task.machine === machine) ||
      this.#heap.some((timer) => timer.machine === machine && !timer.cancelled)
    )
  }

  /** Runs until `isReached`, which is asked whenever time is about to pass. */
  runUntil(isReached: () => boolean, maxSteps: number): Rest {
    for (;;) {
      while (this.#runOne()) if (this.steps >= maxSteps) return "OutOfSteps"
      if (isReached()) return "Reached"
      if (!this.#advance()) return "Idle"
    }
  }

  /** Runs everything that can run without time passing. */
  drain(): void {
    while (this.#runOne());
  }

  /** Forgets what could run, now or later. */
  end(): void {
    this.#ready.length = this.#heap.length = this.#odd = this.#cancelled = 0
  }

  #runOne(): boolean {
    const ready = this.#ready
    const { length } = ready
    if (length === 0) return false
    const index = length === 1 ? 0 : this.#odd === 0 ? this.prng.below(length) : this.#mostUrgent()
    const task = ready[index]!
    // The order of what remains is no promise: the next pick is by the seed as well.
    const last = ready.pop()!
    if (index !== ready.length) ready[index] = last
    if (task.priority !== 0) this.#odd--
    this.steps++
    if (task.machine.mode === "Running") task.run()
    else task.machine.hold(() => task.run(), task.priority)
    return true
  }

  /** Picks by the seed among the tasks with the lowest priority number. */
  #mostUrgent(): number {
    let best = Infinity
    let candidates = 0
    for (const { priority } of this.#ready) {
      if (priority < best) {
        best = priority
        candidates = 1
      } else if (priority === best) candidates++
    }
    let pick = candidates === 1 ? 0 : this.prng.below(candidates)
    for (let index = 0; ; index++) if (this.#ready[index]!.priority === best && pick-- === 0) return index
  }

  /** Jumps to the earliest timer; `false` when there is none. */
  #advance(): boolean {
    let first = this.#pop()
    while (first !== undefined && first.cancelled) {
      this.#cancelled--
      first = this.#pop()
    }
    if (first === undefined) return false
    this.now = first.at
    for (let timer: TimerTask | undefined = first; timer !== undefined; timer = this.#pop()) {
      this.#fire(timer)
      if (this.#heap.length === 0 || this.#heap[0]!.at > this.now) break
    }
    return true
  }

  #fire(timer: TimerTask): void {
    if (timer.cancelled) this.#cancelled--
    else this.#ready.push(timer)
  }

  #push(timer: TimerTask): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(timer)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(timer, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = timer
  }

  #pop(): TimerTask | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return top
    this.#sink(last, 0)
    return top
  }

  #sink(timer: TimerTask, from: number): void {
    const heap = this.#heap
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, timer)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = timer
  }

  /** A client that sets a deadline for each answer cancels nearly all of them: they must not pile up for their time. */
  #sweep(): void {
    const heap = this.#heap
    let write = 0
    for (const timer of heap) if (!timer.cancelled) heap[write++] = timer
    heap.length = write
    for (let at = (write >> 1) - 1; at >= 0; at--) this.#sink(heap[at]!, at)
    this.#cancelled = 0
  }
}
