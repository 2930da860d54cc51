/**
 * What the mediator must not forget to do later: a priority queue of points in time.
 *
 * Owns their order. A deadline is never cancelled: whoever it concerns looks at its own state when the deadline fires,
 * and sets a new one if it was too early. So a frame that postpones an idle timeout costs nothing here.
 *
 * @since 0.1.0
 */
import type { DeviceId } from "@d2m/codec"
import type { ConnectionId } from "./Input.ts"
import type { GroupKey } from "./StoreCommand.ts"

/**
 * Whom a deadline concerns.
 *
 * @category models
 * @since 0.1.0
 */
export type Deadline =
  | { readonly _tag: "Handshake"; readonly connection: ConnectionId }
  | { readonly _tag: "Idle"; readonly connection: ConnectionId }
  | { readonly _tag: "TransactionTtl"; readonly groupKey: GroupKey; readonly transaction: number }
  /** Due as soon as it is set: transactions together hold too much. */
  | { readonly _tag: "TransactionTotal" }
  | { readonly _tag: "VolatileGrace"; readonly groupKey: GroupKey; readonly deviceId: DeviceId }

interface Entry {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly sequence: number
  readonly deadline: Deadline
}

/**
 * The deadlines of a mediator: a binary heap, updated in place.
 *
 * @category models
 * @since 0.1.0
 */
export interface Deadlines {
  readonly heap: Array<Entry>
  sequence: number
}

/**
 * No deadlines.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeDeadlines = (): Deadlines => ({ heap: [], sequence: 0 })

/** Deadlines of the same time fire in the order they were set. */
const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence)

/**
 * Sets a deadline at `at` ms since 1970.
 *
 * @category mutations
 * @since 0.1.0
 */
export const schedule = (deadlines: Deadlines, at: number, deadline: Deadline): void => {
  const { heap } = deadlines
  const entry: Entry = { at, sequence: deadlines.sequence++, deadline }
  let index = heap.length
  heap.push(entry)
  while (index > 0) {
    const parent = (index - 1) >>> 1
    if (!before(entry, heap[parent]!)) break
    heap[index] = heap[parent]!
    index = parent
  }
  heap[index] = entry
}

/**
 * The time of the earliest deadline, `Infinity` if there is none.
 *
 * @category getters
 * @since 0.1.0
 */
export const nextAt = (deadlines: Deadlines): number => deadlines.heap[0]?.at ?? Infinity

/**
 * Takes the earliest deadline if it is due.
 *
 * @category mutations
 * @since 0.1.0
 */
export const popDue = (deadlines: Deadlines, now: number): Deadline | undefined => {
  const { heap } = deadlines
  const first = heap[0]
  if (first === undefined || first.at > now) return undefined
  const last = heap.pop()!
  if (heap.length === 0) return first.deadline
  let index = 0
  for (;;) {
    let child = 2 * index + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
    if (!before(heap[child]!, last)) break
    heap[index] = heap[child]!
    index = child
  }
  heap[index] = last
  return first.deadline
}
