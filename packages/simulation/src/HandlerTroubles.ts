/**
 * What can be the matter with a handler of an application.
 *
 * Owns that it fails, dies, stands still or takes longer while there is a reason for it. Which handler it is, and what is
 * seen of it, is `TroubledHandler`'s and `TroubledChat`'s.
 *
 * @since 0.1.0
 */
import { Effect, Latch } from "effect"
import type { Kernel } from "./Kernel.ts"
import type { Machine } from "./Machine.ts"
import { Reasons } from "./Reasons.ts"

/** What a handler dies of, or fails with, while there is a reason for it: no defect of the application's. */
export const planted = "planted"

/** The troubles of one handler of one device, over all its lives. */
export class HandlerTroubles {
  readonly fails = new Reasons()
  readonly dies = new Reasons()
  readonly stalls = new Reasons()
  /** Each with how many ms longer it takes. */
  readonly slows = new Reasons<number>()
  readonly #kernel: Kernel
  /** Of the present life: whoever waits in an earlier one must never be woken. */
  #moves = Latch.makeUnsafe(true)

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** Whether anything is the matter. */
  get areThere(): boolean {
    return this.dies.size > 0 || this.fails.size > 0 || this.stalls.size > 0 || this.slows.size > 0
  }

  /** Nobody waits any more: the life in which they did is over. */
  renew(): void {
    this.#moves = Latch.makeUnsafe(true)
  }

  /** Lets those go on that were stalled, unless there still is a reason to stall. */
  moves(machine: Machine | undefined): void {
    if (this.stalls.size > 0 || machine === undefined) return
    const moves = this.#moves
    this.#kernel.ready(machine, () => moves.openUnsafe())
  }

  /** Does what a handler does, as one does it with these troubles; `failure` is how it fails. */
  befall<A, E>(effect: Effect.Effect<A, E>, failure: Effect.Effect<A, E>): Effect.Effect<A, E> {
    if (this.stalls.act()) {
      this.#moves.closeUnsafe()
      // Not on a machine that has been killed meanwhile: see `Network`.
      return Effect.andThen(Effect.andThen(this.#moves.await, Effect.yieldNow), effect)
    }
    if (this.dies.act()) return Effect.die(planted)
    if (this.fails.act()) return failure
    if (!this.slows.act()) return effect
    const millis = this.slows.values.reduce((sum, by) => sum + by, 0)
    return Effect.andThen(Effect.sleep(millis), effect)
  }
}
