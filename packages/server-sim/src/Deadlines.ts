/**
 * What the mediator must not forget to do later: a priority queue of points in time.
 *
 * Owns their order. What ends before its time is cancelled, or what a client begins and ends in a loop would pile up here.
 * What is only postponed stays: whoever it concerns looks at its own state when the deadline fires, and sets a new one if
 * it was too early. So a frame that postpones an idle timeout costs nothing here.
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
  | { readonly _tag: "TransactionTtl"; readonly groupKey: GroupKey }
  /** Due as soon as it is set: transactions together hold too much. */
  | { readonly _tag: "TransactionTotal" }
  | { readonly _tag: "VolatileGrace"; readonly groupKey: GroupKey; readonly deviceId: DeviceId }

/**
 * A deadline that was set.
 *
 * @category models
 * @since 0.1.0
 */
export interface Scheduled {
  /** Milliseconds by the monotonic clock. */
  readonly at: number
  readonly sequence: number
  readonly deadline: Deadline
  /** Where it stands in the heap; -1 when it is not there any more. */
  index: number
}

/**
 * The deadlines of a mediator: a binary heap, updated in place.
 *
 * @category models
 * @since 0.1.0
 */
export interface Deadlines {
  readonly heap: Array<Scheduled>
  sequence: number
}

/**
 * No deadlines.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeDeadlines = (): Deadlines => ({ heap: [], sequence: 0 })

type Heap = Array<Scheduled>

/** Deadlines of the same time fire in the order they were set. */
const before = (a: Scheduled, b: Scheduled): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence)

const put = (heap: Heap, index: number, entry: Scheduled): void => {
  heap[index] = entry
  entry.index = index
}

/** Puts an entry where it belongs, at `index` or above it. */
const rise = (heap: Heap, index: number, entry: Scheduled): void => {
  while (index > 0) {
    const parent = (index - 1) >>> 1
    if (!before(entry, heap[parent]!)) break
    put(heap, index, heap[parent]!)
    index = parent
  }
  put(heap, index, entry)
}

/** Puts an entry where it belongs, at `index` or below it. */
const sink = (heap: Heap, index: number, entry: Scheduled): void => {
  for (;;) {
    let child = 2 * index + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
    if (!before(heap[child]!, entry)) break
    put(heap, index, heap[child]!)
    index = child
  }
  put(heap, index, entry)
}

/**
 * Sets a deadline at `at` ms by the monotonic clock.
 *
 * @category mutations
 * @since 0.1.0
 */
export const schedule = (deadlines: Deadlines, at: number, deadline: Deadline): Scheduled => {
  const entry: Scheduled = { at, sequence: deadlines.sequence++, deadline, index: -1 }
  rise(deadlines.heap, deadlines.heap.length, entry)
  return entry
}

/**
 * Takes a deadline back, unless it has fired.
 *
 * @category mutations
 * @since 0.1.0
 */
export const cancel = ({ heap }: Deadlines, entry: Scheduled): void => {
  const { index } = entry
  if (index < 0) return
  entry.index = -1
  const last = heap.pop()!
  if (last === entry) return
  if (before(last, entry)) rise(heap, index, last)
  else sink(heap, index, last)
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
export const popDue = (deadlines: Deadlines, elapsed: number): Deadline | undefined => {
  const first = deadlines.heap[0]
  if (first === undefined || first.at > elapsed) return undefined
  cancel(deadlines, first)
  return first.deadline
}
