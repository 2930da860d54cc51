/**
 * The lock of a group and the transaction under it (decision 12; PROTOCOL D17-D21).
 *
 * Owns begin, buffer, commit, TTL and every way in which a transaction is lost; what all of them together may buffer is
 * `TransactionBudget`'s. Scopes are opaque. That a Rejected is on the wire before its Ended follows from the order of outputs.
 *
 * @since 0.1.0
 */
import { type BeginTransaction, CloseCode, isEphemeral, Limits } from "@d2m/codec"
import { schedule } from "./Deadlines.ts"
import type { TransactionLossReason } from "./Decision.ts"
import { closeConnection } from "./Disconnect.ts"
import { invariant } from "./Invariant.ts"
import { storeForOthers } from "./Reflect.ts"
import { advance, offerEnded, offerEphemeral } from "./ReflectedStream.ts"
import type { Group, ReflectedMessage, Session, TransactionLock } from "./State.ts"
import type { PersistId } from "./StoreCommand.ts"
import { lockReleased, lockTaken, messageBuffered } from "./TransactionBudget.ts"
import { decide, durable, own, send, type Turn } from "./Turn.ts"

/** What a TransactionRejected or TransactionEnded adds to the scope: device id, tag and length. */
const scopeOverhead = 13

const tellOthers = (turn: Turn, group: Group, lock: TransactionLock, after: PersistId): void => {
  const { encryptedScope, holder } = lock
  for (const other of group.sessions) {
    if (other !== holder) offerEnded(turn, other, { holder: holder.slot.deviceId, encryptedScope, after })
  }
}

export const begin = (turn: Turn, group: Group, session: Session, frame: BeginTransaction): void => {
  const { connection } = session
  const { deviceId } = session.slot
  if (frame.encryptedScope.length > Limits.payload - scopeOverhead) {
    return closeConnection(turn, connection, CloseCode.ProtocolError, "the scope is too long to be told to others")
  }
  const held = group.lock
  if (held !== undefined) {
    if (held.holder === session) {
      return closeConnection(turn, connection, CloseCode.ProtocolError, "transactions do not nest")
    }
    const holder = held.holder.slot.deviceId
    send(turn, connection, { _tag: "TransactionRejected", deviceId: holder, encryptedScope: held.encryptedScope })
    return decide(turn, group, { _tag: "TransactionRejected", deviceId, holder })
  }
  const longest = turn.environment.options.transactionTtl
  const ttl = frame.ttl === 0 ? longest : Math.min(frame.ttl * 1000, longest)
  lockTaken(turn, group, {
    holder: session,
    deadline: schedule(turn.state.deadlines, turn.elapsed + ttl, { _tag: "TransactionTtl", groupKey: group.key }),
    encryptedScope: own(frame.encryptedScope),
    messages: [],
    bytes: 0
  })
  send(turn, connection, { _tag: "BeginTransactionAck" })
  decide(turn, group, { _tag: "TransactionBegun", deviceId, ttl })
}

/** Keeps a message of the holder until the commit; `false` if the buffer has no room and the holder was closed. */
export const buffer = (turn: Turn, lock: TransactionLock, message: ReflectedMessage): boolean => {
  const { transactionBytes, transactionMessages } = turn.environment.options
  const bytes = lock.bytes + message.envelope.length
  if (lock.messages.length >= transactionMessages || bytes > transactionBytes) {
    closeConnection(turn, lock.holder.connection, CloseCode.ProtocolError, "the transaction is too large")
    return false
  }
  lock.bytes = bytes
  lock.messages.push({ ...message, envelope: own(message.envelope) })
  messageBuffered(turn, message.envelope.length)
  return true
}

export const commit = (turn: Turn, group: Group, session: Session): void => {
  const { lock } = group
  if (lock?.holder !== session) {
    return closeConnection(turn, session.connection, CloseCode.ProtocolError, "commit without a transaction")
  }
  let after: PersistId = durable
  for (const message of lock.messages) {
    if (isEphemeral(message.flags)) {
      for (const other of group.sessions) if (other !== session) offerEphemeral(turn, group, other, message)
    } else {
      after = storeForOthers(turn, group, session.slot, message, false)
    }
  }
  // A large transaction goes out in chunks, like any other backlog.
  for (const other of group.sessions) if (other !== session) advance(turn, other)
  lockReleased(turn.state, group, lock)
  send(turn, session.connection, { _tag: "CommitTransactionAck" }, after)
  tellOthers(turn, group, lock, after)
  decide(turn, group, {
    _tag: "TransactionCommitted",
    deviceId: session.slot.deviceId,
    messages: lock.messages.length
  })
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

/** The time of the group's transaction is over. */
export const ttlReached = (turn: Turn, group: Group): void => {
  const { lock } = group
  invariant(lock !== undefined, "the deadline of a transaction goes with it")
  closeConnection(
    turn,
    lock.holder.connection,
    CloseCode.TransactionTimeout,
    "the transaction took too long",
    durable,
    "TtlReached"
  )
}
