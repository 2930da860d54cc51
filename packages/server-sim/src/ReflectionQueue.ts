/**
 * One device slot's queue of messages that the device has not acked: where each stands and how large it is.
 *
 * Owns order, membership and the sums that the queue limits look at. The messages themselves lie in the store under the
 * same positions.
 *
 * @since 0.1.0
 */
import { invariant } from "./Invariant.ts"

/**
 * The place of a message in the stream of one slot: the number of ids the slot has given out so far, this one included.
 *
 * Rises by one with every id and never wraps. On the wire it is the reflected-id, its lowest 32 bits (decision 9).
 *
 * @category models
 * @since 0.1.0
 */
export type Position = number

/**
 * The queue. Updated in place by the functions of this module.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReflectionQueue {
  /** Ascending. Entries before `head`, and those whose size is -1, are gone. */
  positions: Array<Position>
  sizes: Array<number>
  head: number
  /** Messages in the queue. */
  length: number
  /** The sum of their envelopes' lengths. */
  bytes: number
}

const gone = -1

/**
 * A queue of messages that were stored before, positions ascending.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeQueue = (
  positions: ReadonlyArray<Position> = [],
  sizes: ReadonlyArray<number> = []
): ReflectionQueue => {
  invariant(positions.length === sizes.length, "every queued message has a size")
  return {
    positions: positions.slice(),
    sizes: sizes.slice(),
    head: 0,
    length: positions.length,
    bytes: sizes.reduce((sum, size) => sum + size, 0)
  }
}

/**
 * Appends a message of `size` envelope bytes.
 *
 * @category mutations
 * @since 0.1.0
 */
export const push = (queue: ReflectionQueue, position: Position, size: number): void => {
  const { positions } = queue
  invariant(
    positions.length === 0 || positions[positions.length - 1]! < position,
    "positions in a reflection queue ascend"
  )
  positions.push(position)
  queue.sizes.push(size)
  queue.length++
  queue.bytes += size
}

/** The index of the first entry at or after `position`, gone ones included. */
const lowerBound = (queue: ReflectionQueue, position: Position): number => {
  const { positions } = queue
  let low = queue.head
  let high = positions.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (positions[middle]! < position) low = middle + 1
    else high = middle
  }
  return low
}

const trim = (queue: ReflectionQueue): void => {
  const { positions, sizes } = queue
  while (queue.head < positions.length && sizes[queue.head] === gone) queue.head++
  const holes = positions.length - queue.length
  if (queue.length === 0) {
    positions.length = sizes.length = queue.head = 0
  } else if (holes > 1024 && holes > queue.length) {
    // Amortized: at least as many entries have gone as are moved.
    let write = 0
    for (let read = queue.head; read < positions.length; read++) {
      if (sizes[read] === gone) continue
      positions[write] = positions[read]!
      sizes[write++] = sizes[read]!
    }
    positions.length = sizes.length = write
    queue.head = 0
  }
}

/**
 * Removes the message at `position`; `false` if there is none (any more).
 *
 * @category mutations
 * @since 0.1.0
 */
export const remove = (queue: ReflectionQueue, position: Position): boolean => {
  const { head, positions, sizes } = queue
  const index = positions[head] === position ? head : lowerBound(queue, position)
  if (positions[index] !== position || sizes[index] === gone) return false
  queue.length--
  queue.bytes -= sizes[index]!
  sizes[index] = gone
  invariant(queue.length >= 0 && queue.bytes >= 0, "a reflection queue never owes messages")
  trim(queue)
  return true
}

/**
 * The first position at or after `from` that holds a message.
 *
 * @category getters
 * @since 0.1.0
 */
export const nextPosition = (queue: ReflectionQueue, from: Position): Position | undefined => {
  const { positions, sizes } = queue
  for (let index = lowerBound(queue, from); index < positions.length; index++) {
    if (sizes[index] !== gone) return positions[index]!
  }
  return undefined
}

/**
 * The positions of the next messages from `from` on and before `before`, as many as fit: at most `messages`, and at most
 * `bytes` unless the first one alone is larger.
 *
 * @category getters
 * @since 0.1.0
 */
export const nextPositions = (
  queue: ReflectionQueue,
  from: Position,
  before: Position,
  messages: number,
  bytes: number
): ReadonlyArray<Position> => {
  const { positions, sizes } = queue
  const found: Array<Position> = []
  let sum = 0
  for (let index = lowerBound(queue, from); index < positions.length && found.length < messages; index++) {
    const position = positions[index]!
    if (position >= before) break
    const size = sizes[index]!
    if (size === gone) continue
    sum += size
    if (found.length > 0 && sum > bytes) break
    found.push(position)
  }
  return found
}
