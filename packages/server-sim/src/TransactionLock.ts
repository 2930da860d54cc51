/**
 * The lock of a group when it becomes free (decision 12; PROTOCOL D19-D21).
 *
 * Owns who is told of it, and that a transaction is lost with the session of its holder, however that ends. What is done under
 * the lock is `Transaction`'s. That a Rejected is on the wire before its Ended follows from the order of outputs.
 *
 * @since 0.1.0
 */
import type { TransactionLossReason } from "./Decision.ts"
import { invariant } from "./Invariant.ts"
import { offerEnded } from "./ReflectedStream.ts"
import type { Group, Session, TransactionLock } from "./State.ts"
import type { PersistId } from "./StoreCommand.ts"
import { lockReleased } from "./TransactionBudget.ts"
import { decide, durable, type Turn } from "./Turn.ts"

/** The others learn that a transaction has ended, once what came of it is durable. */
export const tellOthers = (turn: Turn, group: Group, lock: TransactionLock, after: PersistId): void => {
  const { encryptedScope, holder } = lock
  for (const other of group.sessions) {
    if (other !== holder) offerEnded(turn, other, { holder: holder.slot.deviceId, encryptedScope, after })
  }
}

/** The session is leaving: if it holds the lock, its transaction is lost. */
export const holderHasLeft = (turn: Turn, group: Group, session: Session, why: TransactionLossReason): void => {
  const { lock } = group
  if (lock?.holder !== session) return
  invariant(!group.sessions.includes(session), "the holder of a lost transaction has left")
  lockReleased(turn.state, group, lock)
  tellOthers(turn, group, lock, durable)
  decide(turn, group, {
    _tag: "TransactionDiscarded",
    deviceId: session.slot.deviceId,
    messages: lock.messages.length,
    why
  })
}
