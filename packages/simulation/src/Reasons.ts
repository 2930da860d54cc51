/**
 * Why something goes wrong at present: each fault that makes it so, until the last of them is over.
 *
 * Owns that faults of one kind neither end each other nor take each other's count: each is told when it has acted, and
 * taken back by itself. What goes wrong is up to whoever asks for the reasons.
 *
 * @since 0.1.0
 */

/**
 * Takes back what was done; does nothing the second time.
 *
 * @category models
 * @since 0.1.0
 */
export type Undo = () => void

/** What takes something back, once. */
export const once = (undo: () => void): Undo => {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    undo()
  }
}

/** Adds something to a list; what is returned takes it out again. */
export const listed = <A>(list: Array<A>, value: A): Undo => {
  list.push(value)
  return once(() => list.splice(list.indexOf(value), 1))
}

/** Reasons for one thing to go wrong, each with how badly where that matters. */
export class Reasons<A = void> {
  readonly #reasons: Array<{ readonly acted: () => void; readonly value: A }> = []

  /** How many are in force. */
  get size(): number {
    return this.#reasons.length
  }

  /** What they come with, in the order in which they began. */
  get values(): ReadonlyArray<A> {
    return this.#reasons.map(({ value }) => value)
  }

  /** Adds one; `acted` is called whenever it has made something go wrong. */
  add(acted: () => void, value: A): Undo {
    return listed(this.#reasons, { acted, value })
  }

  /** Something has gone wrong; all of them have made it so, or those with this value. Says whether there was one. */
  act(value?: A): boolean {
    let hasActed = false
    for (const reason of this.#reasons) {
      if (value !== undefined && reason.value !== value) continue
      hasActed = true
      reason.acted()
    }
    return hasActed
  }
}
