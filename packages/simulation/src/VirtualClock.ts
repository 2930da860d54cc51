/**
 * A clock that stands still until everything has come to rest, then jumps to the next deadline.
 *
 * Owns the timers of a simulation. Timers that are due at the same time become runnable together, and the scheduler
 * decides their order.
 *
 * @since 0.1.0
 */
import { type Clock, Duration, Effect, type Scheduler } from "effect"

interface Timer {
  readonly at: number
  readonly order: number
  cancelled: boolean
  readonly fire: () => void
}

const isBefore = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/**
 * A clock that jumps from deadline to deadline.
 *
 * @category models
 * @since 0.1.0
 */
export class VirtualClock implements Clock.Clock {
  /** Milliseconds since 1970. */
  now: number
  #order = 0
  // A binary heap by time; cancelled timers stay until they surface.
  readonly #heap: Array<Timer> = []
  readonly #dispatcher: Scheduler.SchedulerDispatcher

  constructor(dispatcher: Scheduler.SchedulerDispatcher, start: number) {
    this.#dispatcher = dispatcher
    this.now = start
  }

  currentTimeMillisUnsafe(): number {
    return this.now
  }
  currentTimeNanosUnsafe(): bigint {
    return BigInt(Math.round(this.now)) * 1_000_000n
  }
  monotonicTimeNanosUnsafe(): bigint {
    return this.currentTimeNanosUnsafe()
  }
  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const millis = Duration.toMillis(duration)
    if (!(millis > 0)) return Effect.yieldNow
    if (millis === Infinity) return Effect.never
    return Effect.callback<void>((resume) => {
      const timer: Timer = {
        at: this.now + millis,
        order: this.#order++,
        cancelled: false,
        fire: () => resume(Effect.void)
      }
      this.#push(timer)
      return Effect.sync(() => {
        timer.cancelled = true
      })
    })
  }

  /** Jumps to the earliest deadline; `false` when nothing waits for time to pass. */
  advance(): boolean {
    let first = this.#pop()
    while (first !== undefined && first.cancelled) first = this.#pop()
    if (first === undefined) return false
    this.now = Math.max(this.now, first.at)
    for (let timer: Timer | undefined = first; timer !== undefined; timer = this.#pop()) {
      const due = timer
      if (!due.cancelled) {
        this.#dispatcher.scheduleTask(() => {
          if (!due.cancelled) due.fire()
        }, 0)
      }
      if (this.#heap.length === 0 || this.#heap[0]!.at > this.now) break
    }
    return true
  }

  #push(timer: Timer): void {
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

  #pop(): Timer | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return top
  }
}
