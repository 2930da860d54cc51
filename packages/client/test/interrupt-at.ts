// Interrupts that come between any two operations of a fiber, where no test could place them by hand.
import { type Fiber, Scheduler } from "effect"

/** Interrupts the first fiber that runs on it at its operation number `at`, if it gets there. */
export class InterruptAt extends Scheduler.MixedScheduler {
  interrupted = false
  private readonly at: number
  private caller: Fiber.Fiber<unknown, unknown> | undefined
  private operations = 0
  constructor(at: number) {
    super()
    this.at = at
  }
  override shouldYield(fiber: Fiber.Fiber<unknown, unknown>) {
    this.caller ??= fiber
    if (fiber !== this.caller || ++this.operations !== this.at) return false
    this.interrupted = true
    queueMicrotask(() => fiber.interruptUnsafe())
    return true
  }
}
