/**
 * What there is in a mediator at a moment: connections, groups, queues.
 *
 * Owns the counting, which looks at every slot and every connection. It happens when metrics are read, never in between.
 *
 * @since 0.1.0
 */
import { outgoingLevel, type Peer } from "../Peer.ts"
import type { State } from "../State.ts"

/** A mediator in numbers. */
export interface Census {
  /** Open sockets, those before their ClientHello included. */
  readonly connections: number
  readonly sessions: number
  /** Connections that nothing is read from, as they or the store have enough to do. */
  readonly paused: number
  /** In memory: what the store knows of others is not counted. */
  readonly groups: number
  readonly slots: number
  readonly transactions: number
  /** What they buffer. */
  readonly transactionBytes: number
  /** Messages in the queues of these groups, and in the longest. */
  readonly queueMessages: number
  readonly queueMessagesMax: number
  /** Envelope bytes in them, and in the largest. */
  readonly queueBytes: number
  readonly queueBytesMax: number
  /** Bytes on their way to all connections, and to the slowest. */
  readonly outgoingBytes: number
  readonly outgoingBytesMax: number
}

/** Counts what there is. */
export const takeCensus = (state: State, peers: Iterable<Peer>): Census => {
  let [connections, sessions, paused, slots, transactions] = [0, 0, 0, 0, 0]
  let [queueMessages, queueMessagesMax, queueBytes, queueBytesMax] = [0, 0, 0, 0]
  let [outgoingBytes, outgoingBytesMax] = [0, 0]
  for (const peer of peers) {
    const level = outgoingLevel(peer)
    connections++
    if (peer.isHeldByPeer || peer.isHeldByStore) paused++
    outgoingBytes += level
    outgoingBytesMax = Math.max(outgoingBytesMax, level)
  }
  for (const group of state.groups.values()) {
    sessions += group.sessions.length
    slots += group.slots.size
    if (group.lock !== undefined) transactions++
    for (const { queue } of group.slots.values()) {
      queueMessages += queue.length
      queueMessagesMax = Math.max(queueMessagesMax, queue.length)
      queueBytes += queue.bytes
      queueBytesMax = Math.max(queueBytesMax, queue.bytes)
    }
  }
  return {
    connections,
    sessions,
    paused,
    groups: state.groups.size,
    slots,
    transactions,
    transactionBytes: state.transactionBytes,
    queueMessages,
    queueMessagesMax,
    queueBytes,
    queueBytesMax,
    outgoingBytes,
    outgoingBytesMax
  }
}
