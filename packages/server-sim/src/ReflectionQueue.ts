/**
 * One device slot's queue of messages that the device has not acked: where each stands and how large it is.
 *
 * Owns the sum that the queue limits look at, and what may be sent next. The messages themselves lie in the store under the
 * same positions.
 *
 * @since 0.1.0
 */
import { invariant } from "./Invariant.ts"
import { append, lowerBound, makePositionQueue, type Position, type PositionQueue, take } from "./PositionQueue.ts"

/**
 * The queue: of each message the length of its envelope. Updated in place by the functions of this module.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReflectionQueue extends PositionQueue<number> {
  /** The sum of the lengths. */
  bytes: number
}

/**
 * A queue of messages that were stored before, positions ascending.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeQueue = (
  positions: ReadonlyArray<Position> = [],
  sizes: ReadonlyArray<number> = []
): ReflectionQueue => ({
  ...makePositionQueue(positions, sizes),
  bytes: sizes.reduce((sum, size) => sum + size, 0)
})

/**
 * Appends a message of `size` envelope bytes.
 *
 * @category mutations
 * @since 0.1.0
 */
export const push = (queue: ReflectionQueue, position: Position, size: number): void => {
  append(queue, position, size)
  queue.bytes += size
}

/**
 * Removes the message at `position`; `false` if there is none (any more).
 *
 * @category mutations
 * @since 0.1.0
 */
export const remove = (queue: ReflectionQueue, position: Position): boolean => {
  const size = take(queue, position)
  if (size === undefined) return false
  queue.bytes -= size
  invariant(queue.length >= 0 && queue.bytes >= 0, "a reflection queue never owes messages")
  return true
}

/**
 * The first position at or after `from` that holds a message.
 *
 * @category getters
 * @since 0.1.0
 */
export const nextPosition = (queue: ReflectionQueue, from: Position): Position | undefined => {
  const { positions, values } = queue
  for (let index = lowerBound(queue, from); index < positions.length; index++) {
    if (values[index] !== undefined) return positions[index]!
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
  const { positions, values } = queue
  const found: Array<Position> = []
  let sum = 0
  for (let index = lowerBound(queue, from); index < positions.length && found.length < messages; index++) {
    const position = positions[index]!
    if (position >= before) break
    const size = values[index]
    if (size === undefined) continue
    sum += size
    if (found.length > 0 && sum > bytes) break
    found.push(position)
  }
  return found
}
