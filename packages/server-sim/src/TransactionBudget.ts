/**
 * What all transactions together may buffer (`transactionTotal`): a limit for each alone grows with the number of groups.
 *
 * Owns the sum and who has to go when it is too much: the transaction that holds most. Were it the one that asks for more,
 * somebody who fills the total from groups of his own would leave nobody else a transaction. Like this he loses his own, and
 * none goes for the sake of a larger one.
 *
 * @since 0.1.0
 */
import { cancel, schedule } from "./Deadlines.ts"
import type { Group, State, TransactionLock } from "./State.ts"
import type { Turn } from "./Turn.ts"

/** What a transaction, and a message in it, costs besides its blobs, so that many small ones are bounded too. */
const overhead = 128

/** About the bytes that a transaction holds. */
export const bytesOf = ({ bytes, encryptedScope, messages }: TransactionLock): number =>
  overhead + encryptedScope.length + overhead * messages.length + bytes

const grow = ({ elapsed, environment, state }: Turn, bytes: number): void => {
  const { transactionTotal } = environment.options
  const before = state.transactionBytes
  state.transactionBytes += bytes
  if (before > transactionTotal || state.transactionBytes <= transactionTotal) return
  // Not at once: it may be any group's that has to go, and a step is about one group, unless it is a deadline's.
  schedule(state.deadlines, elapsed, { _tag: "TransactionTotal" })
}

/** A transaction begins. */
export const lockTaken = (turn: Turn, group: Group, lock: TransactionLock): void => {
  group.lock = lock
  grow(turn, bytesOf(lock))
}

/** A message of so many bytes has been buffered. */
export const messageBuffered = (turn: Turn, size: number): void => grow(turn, overhead + size)

/** A transaction is over, however that came about. */
export const lockReleased = (state: State, group: Group, lock: TransactionLock): void => {
  group.lock = undefined
  cancel(state.deadlines, lock.deadline)
  state.transactionBytes -= bytesOf(lock)
}

/** The one that holds most; of several the one whose group has been in memory longest. */
export const largest = (state: State): TransactionLock | undefined => {
  let found: TransactionLock | undefined
  let most = 0
  for (const { lock } of state.groups.values()) {
    if (lock === undefined || bytesOf(lock) <= most) continue
    found = lock
    most = bytesOf(lock)
  }
  return found
}
