/**
 * Transactions: what the holder of a group's lock does under it (decision 12; PROTOCOL D17-D20).
 *
 * Owns begin, buffer and commit, and which transactions take too long or hold too much. Scopes are opaque. How one is lost
 * with its holder is `TransactionLock`'s; what all of them hold together is counted by `TransactionBudget`.
 *
 * @since 0.1.0
 */
import { type BeginTransaction, CloseCode, isEphemeral, Limits } from "@d2m/codec"
import { schedule } from "./Deadlines.ts"
import { closeConnection } from "./Disconnect.ts"
import { offerToOthers, storeForOthers } from "./FanOut.ts"
import { invariant } from "./Invariant.ts"
import { advance } from "./ReflectedStream.ts"
import type { Group, SealedMessage, Session, TransactionLock } from "./State.ts"
import type { PersistId } from "./StoreCommand.ts"
import { largest, lockReleased, lockTaken, messageBuffered } from "./TransactionBudget.ts"
import { tellOthers } from "./TransactionLock.ts"
import { decide, durable, own, send, type Turn } from "./Turn.ts"

/** What a TransactionRejected or TransactionEnded adds to the scope: device id, tag and length. */
const scopeOverhead = 13

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
export const buffer = (turn: Turn, lock: TransactionLock, message: SealedMessage): boolean => {
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
    if (isEphemeral(message.flags)) offerToOthers(turn, group, session, message)
    else after = storeForOthers(turn, group, session.slot, message, false)
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

/** Gives up the largest until the rest have room. Its holder is told what one is told that is too large alone. */
export const totalExceeded = (turn: Turn): void => {
  const { transactionTotal } = turn.environment.options
  while (turn.state.transactionBytes > transactionTotal) {
    const lock = largest(turn.state)
    if (lock === undefined) return
    closeConnection(
      turn,
      lock.holder.connection,
      CloseCode.ProtocolError,
      "the transaction is too large while there are many",
      durable,
      "TotalReached"
    )
  }
}
