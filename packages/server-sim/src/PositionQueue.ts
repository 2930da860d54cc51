/**
 * Values of one slot by their positions, ascending, of which any may be taken out.
 *
 * Owns order and membership, for the core's queue of sizes and for the messages of a store in memory.
 *
 * Arrays, and no `Map`: a `Map` that messages go through is moved to a new table again and again, and an old table points to
 * the next. Once one of them has got into the old generation, every message is kept until the next full collection.
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

/** The values. Updated in place by the functions of this module. */
export interface PositionQueue<A> {
  /** Ascending. Entries before `head`, and those without a value, are gone. */
  positions: Array<Position>
  values: Array<A | undefined>
  head: number
  /** Values that are there. */
  length: number
}

/** A queue of these values, positions ascending. */
export const makePositionQueue = <A>(
  positions: ReadonlyArray<Position> = [],
  values: ReadonlyArray<A> = []
): PositionQueue<A> => {
  invariant(positions.length === values.length, "every position has a value")
  return { positions: positions.slice(), values: values.slice(), head: 0, length: positions.length }
}

/** Appends a value behind all others. */
export const append = <A>(queue: PositionQueue<A>, position: Position, value: A): void => {
  const { positions } = queue
  invariant(
    positions.length === 0 || positions[positions.length - 1]! < position,
    "positions in a reflection queue ascend"
  )
  positions.push(position)
  queue.values.push(value)
  queue.length++
}

/** The index of the first entry at or after `position`, gone ones included. */
export const lowerBound = <A>(queue: PositionQueue<A>, position: Position): number => {
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

const indexOf = <A>(queue: PositionQueue<A>, position: Position): number =>
  queue.positions[queue.head] === position ? queue.head : lowerBound(queue, position)

/** The value at `position`; `undefined` if there is none (any more). */
export const find = <A>(queue: PositionQueue<A>, position: Position): A | undefined => {
  const index = indexOf(queue, position)
  return queue.positions[index] === position ? queue.values[index] : undefined
}

/** An empty queue keeps room for so many. */
const keptRoom = 16

const trim = <A>(queue: PositionQueue<A>): void => {
  const { positions, values } = queue
  while (queue.head < positions.length && values[queue.head] === undefined) queue.head++
  const holes = positions.length - queue.length
  if (queue.length === 0) {
    // A message that comes and goes would take memory anew for each array.
    if (positions.length > keptRoom) positions.length = values.length = queue.head = 0
  } else if (holes > 1024 && holes > queue.length) {
    // Amortized: at least as many entries have gone as are moved.
    let write = 0
    for (let read = queue.head; read < positions.length; read++) {
      if (values[read] === undefined) continue
      positions[write] = positions[read]!
      values[write++] = values[read]!
    }
    positions.length = values.length = write
    queue.head = 0
  }
}

/** Takes the value at `position` out; `undefined` if there is none (any more). */
export const take = <A>(queue: PositionQueue<A>, position: Position): A | undefined => {
  const index = indexOf(queue, position)
  const value = queue.positions[index] === position ? queue.values[index] : undefined
  if (value === undefined) return undefined
  queue.length--
  queue.values[index] = undefined
  trim(queue)
  return value
}

/** Calls `each` for everything that is there, in order. */
export const forEach = <A>(queue: PositionQueue<A>, each: (position: Position, value: A) => void): void => {
  const { positions, values } = queue
  for (let index = queue.head; index < positions.length; index++) {
    const value = values[index]
    if (value !== undefined) each(positions[index]!, value)
  }
}
