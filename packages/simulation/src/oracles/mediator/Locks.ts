/**
 * The lock of a group and what is done under it.
 *
 * Owns the rules about transactions (decision 12; PROTOCOL D17-D21): at most one holder, a rejection names it, the others
 * are told of every end, and only after their rejection; one that holds more than it may is lost with its connection, and
 * never committed.
 *
 * @since 0.1.0
 */
import type { ClientFrame, ServerFrame } from "@d2m/codec"
import { sameBytes } from "../Envelopes.ts"
import {
  doubt,
  type End,
  isThere,
  lastIndex,
  type Lock,
  lockMayBeOver,
  mayBeOver,
  type Model,
  type Peer
} from "./Model.ts"
import { checkPromise } from "./Promises.ts"
import { takePlace } from "./Queues.ts"
import { becomesOwed, missing, told } from "./Streams.ts"

type Frame<F extends { readonly _tag: string }, Tag extends F["_tag"]> = Extract<F, { readonly _tag: Tag }>

/** Transactions that are over, kept for answers that are still on their way. */
const remembered = 64

/** The mediator was handed a BeginTransaction. */
export const beginReceived = (model: Model, peer: Peer, frame: Frame<ClientFrame, "BeginTransaction">): void => {
  const { group, hello } = peer
  if (hello === undefined) return
  const { transactionTtl } = model.numbers
  const ttl = frame.ttl === 0 ? transactionTtl : Math.min(frame.ttl * 1000, transactionTtl)
  const lock: Lock = {
    peer,
    deviceId: hello.deviceId,
    scope: new Uint8Array(frame.encryptedScope),
    number: model.received,
    endsAt: Math.floor(model.now) + ttl,
    state: "Asked",
    overAt: 0,
    committedAt: 0,
    isLate: false,
    messages: [],
    bytes: 0,
    outgrownBy: undefined,
    told: new Set()
  }
  peer.lock = lock
  group.locks.push(lock)
  if (group.locks.length > 2 * remembered) {
    const kept = group.locks.filter(({ state }, at) => state !== "Over" || at >= group.locks.length - remembered)
    group.locks.splice(0, group.locks.length, ...kept)
  }
}

/** The mediator has sent a BeginTransactionAck. */
export const beginAckSent = (model: Model, peer: Peer): void => {
  const { group, lock } = peer
  if (lock?.state !== "Asked") {
    return model.report({
      rule: "a lock is granted to who asked for it",
      device: peer.device,
      found: "BeginTransactionAck",
      expected: "nothing, as nothing was asked"
    })
  }
  lock.state = "Held"
  const isRival = (other: Lock) => other !== lock && other.state === "Held" && !lockMayBeOver(model, other)
  const rivals = group.locks.filter(isRival)
  if (rivals.length === 0) return
  model.later(() => {
    const rival = lockMayBeOver(model, lock) ? undefined : rivals.find(isRival)
    if (rival === undefined) return
    model.report({
      rule: "at most one device holds the lock",
      device: peer.device,
      found: `granted while ${rival.peer.device} holds it`,
      expected: "TransactionRejected"
    })
  })
}

/** The mediator has sent a TransactionRejected. */
export const rejectedSent = (model: Model, peer: Peer, frame: Frame<ServerFrame, "TransactionRejected">): void => {
  const { group, lock } = peer
  if (lock?.state !== "Asked") {
    return model.report({
      rule: "a rejection answers who asked for the lock",
      device: peer.device,
      found: "TransactionRejected",
      expected: "nothing, as nothing was asked"
    })
  }
  group.locks.splice(group.locks.indexOf(lock), 1)
  peer.lock = undefined
  const holder = group.locks.find(
    (other) =>
      other.deviceId === frame.deviceId &&
      sameBytes(other.scope, frame.encryptedScope) &&
      (other.overAt === 0 || other.overAt >= lock.number)
  )
  if (holder === undefined) {
    return model.report({
      rule: "a rejection names who holds the lock, with its scope",
      device: peer.device,
      found: `device ${frame.deviceId} and ${frame.encryptedScope.length} bytes of scope`,
      expected: "a holder at the time of the request"
    })
  }
  if (holder.told.has(peer.connection)) {
    model.report({
      rule: "a rejection is told before the end it waits for",
      device: peer.device,
      found: `TransactionEnded and then TransactionRejected, both of ${holder.peer.device}`,
      expected: "TransactionRejected first"
    })
  }
}

/** The mediator was handed a CommitTransaction. */
export const commitReceived = (model: Model, peer: Peer): void => {
  const { group, lock } = peer
  if (lock?.state !== "Held") return
  // Should the mediator not have heard it any more, nothing of it is owed; but it may have.
  // Nor is anything of one that holds too much, whose connection has been closed for it.
  if (lock.outgrownBy === undefined) for (const message of lock.messages) takePlace(model, group, message)
  else peer.hasErred = true
  lock.committedAt = Math.floor(model.now)
  lock.isLate = lock.committedAt >= lock.endsAt
  if (lock.isLate) doubt(model, peer)
  lock.state = "Committing"
  peer.lock = undefined
  peer.commits.push(lock)
  tellEnd(model, lock)
}

/** The mediator has sent a CommitTransactionAck. */
export const commitAckSent = (model: Model, peer: Peer): void => {
  const lock = peer.commits.shift()
  if (lock === undefined) {
    return model.report({
      rule: "a commit is acked when it was asked for",
      device: peer.device,
      found: "CommitTransactionAck",
      expected: "nothing, as nothing was committed"
    })
  }
  if (lock.isLate) {
    model.report({
      rule: "a transaction ends with its TTL",
      device: peer.device,
      found: "a commit that came too late, acked",
      expected: "a close with 4011"
    })
  }
  lock.state = "Over"
  if (lock.outgrownBy !== undefined) {
    return model.report({
      rule: "a transaction that is too large is never committed",
      device: peer.device,
      found: `CommitTransactionAck for ${lock.messages.length} messages of ${lock.bytes} bytes`,
      expected: "a close with 4010"
    })
  }
  checkPromise(model, peer, lock.messages, lock.committedAt)
  for (const message of lock.messages) if (!message.ephemeral) becomesOwed(model, peer.group, message)
}

/** A transaction is over: all others that are connected are to be told. */
const tellEnd = (model: Model, lock: Lock): void => {
  const { deviceId, peer } = lock
  const { group } = peer
  lock.overAt = model.received
  if (lock.state !== "Committing") lock.state = "Over"
  // A loss is seen when the connection closes, which may have waited for the store; and a commit that came too late was none.
  const isPlaceSure = lock.state === "Committing" && !mayBeOver(model, peer)
  const end: End = { lock, index: lastIndex(group), isPlaceSure }
  // It may have been over since the first doubt: who came with that or later had nothing to be told.
  const since = peer.doubtedBy ?? Infinity
  for (const other of group.peers) {
    if (other === peer || other.slot === undefined || other.hello!.number >= since || lock.told.has(other.connection))
      continue
    // One wake-up for a holder is enough.
    if (!mayBeOver(model, other)) other.ends.set(deviceId, end)
  }
}

/** The session of a connection is over for certain, and so is its transaction. */
export const holderOver = (model: Model, peer: Peer): void => {
  const { lock } = peer
  peer.lock = undefined
  if (lock === undefined) return
  // Whoever was never granted the lock had none to end.
  if (lock.state === "Held") tellEnd(model, lock)
  lock.state = "Over"
  lock.overAt = model.received
}

/** The mediator has sent a TransactionEnded. */
export const endedSent = (model: Model, peer: Peer, frame: Frame<ServerFrame, "TransactionEnded">): void => {
  const { group } = peer
  const lock = group.locks.find(
    (other) => other.deviceId === frame.deviceId && other.peer !== peer && sameBytes(other.scope, frame.encryptedScope)
  )
  if (lock === undefined || (lock.overAt === 0 && !lockMayBeOver(model, lock))) {
    return model.report({
      rule: "the end of a transaction is told when it is over, with its scope",
      device: peer.device,
      found: `TransactionEnded of device ${frame.deviceId}`,
      expected: lock === undefined ? "a transaction of that device" : "nothing, as it goes on"
    })
  }
  lock.told.add(peer.connection)
  const end = peer.ends.get(frame.deviceId)
  if (end?.lock === lock) checkMessagesFirst(model, peer, end)
  // A lock that was given back because nobody wanted it any more may have been granted unseen. Its end takes the place
  // of an earlier one that has not been told.
  if (end !== undefined && end.lock.number <= lock.number) peer.ends.delete(frame.deviceId)
}

/** The end of a transaction is told: what stands before it in the stream must have been sent. */
const checkMessagesFirst = (model: Model, peer: Peer, { index, isPlaceSure, lock }: End): void => {
  const { slot } = peer
  if (slot === undefined || !isPlaceSure || mayBeOver(model, peer)) return
  const left = missing(peer, slot, peer.sent, index + 1)
  if (left === undefined) return
  model.report({
    rule: "the end of a transaction keeps its place among the messages",
    device: peer.device,
    found: `TransactionEnded of ${lock.peer.device} before ${told(model, left, peer.group)}`,
    expected: "the message first"
  })
}

/** Whether a later end of the same holder, which nobody could see coming, may have taken the place of one. */
const mayBeReplaced = (model: Model, { lock }: End): boolean =>
  lock.peer.group.locks.some(
    (other) => other.deviceId === lock.deviceId && other.number > lock.number && lockMayBeOver(model, other)
  )

/** A message goes out: whose end stands before it in the stream must have been told. */
export const checkEnds = (model: Model, peer: Peer): void => {
  for (const end of peer.ends.values()) {
    const { index, lock } = end
    if (index >= peer.sent || mayBeReplaced(model, end)) continue
    model.report({
      rule: "the end of a transaction keeps its place among the messages",
      device: peer.device,
      found: `a message behind the end of the transaction of ${lock.peer.device}`,
      expected: "TransactionEnded first"
    })
  }
}

/** Who has not been told of an end. */
export const endOwedTo = (model: Model, peer: Peer): string | undefined => {
  if (peer.ends.size === 0 || !isThere(model, peer.slot) || mayBeOver(model, peer)) return undefined
  const of = Array.from(peer.ends.values(), ({ lock }) => lock.peer.device).join(" and ")
  return `${peer.device} was not told of the end of the transaction of ${of}`
}
