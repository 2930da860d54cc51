/**
 * What must be true of the whole state between two steps.
 *
 * Owns the list. Too slow for every frame of a served mediator: tests and simulations check it after each step.
 *
 * @since 0.1.0
 */
import { isVolatile } from "./DeviceSlots.ts"
import { invariant } from "./Invariant.ts"
import { nextPosition } from "./ReflectionQueue.ts"
import type { DeviceSlot, Group, Session, State } from "./State.ts"
import { bytesOf } from "./TransactionBudget.ts"

const checkSlot = (slot: DeviceSlot): void => {
  const { positions, values } = slot.queue
  let length = 0
  let bytes = 0
  let last = 0
  for (let index = slot.queue.head; index < positions.length; index++) {
    invariant(positions[index]! > last, "positions in a queue ascend")
    last = positions[index]!
    const size = values[index]
    if (size === undefined) continue
    length++
    bytes += size
  }
  invariant(last <= slot.issued, "a queued message has an id that was given out")
  invariant(length === slot.queue.length && bytes === slot.queue.bytes, "a queue's sums are right")
}

const checkSession = (group: Group, session: Session): void => {
  const { connection, cursor, inserts, slot } = session
  invariant(group.connections.get(connection.id) === connection, "a session's connection is open")
  invariant(connection.session === session && slot.session === session, "a session has one connection and one slot")
  invariant(group.slots.get(slot.deviceId) === slot, "a session's slot is registered")
  invariant(cursor <= slot.issued + 1, "nothing is sent before it has an id")
  invariant(session.last < cursor && session.first <= session.last, "the ids written lie before the cursor")
  let previous = cursor - 1
  let bytes = 0
  for (const insert of inserts) {
    const isBehind = insert._tag === "Ended" ? insert.position >= previous : insert.position > previous
    invariant(isBehind && insert.position <= slot.issued, "what is inserted into a stream has its place in it")
    previous = insert.position
    if (insert._tag === "Ephemeral") bytes += insert.envelope.length
  }
  invariant(bytes === session.ephemeralBytes, "waiting ephemerals are counted")
  const next = nextPosition(slot.queue, cursor)
  invariant(session.isPaused || (next === undefined && inserts.length === 0), "a session that can take more has all")
  invariant(session.isDry || (next !== undefined && next <= session.dryAfter), "Dry is not withheld")
}

const checkGroup = (group: Group): void => {
  for (const slot of group.slots.values()) checkSlot(slot)
  for (const session of group.sessions) checkSession(group, session)
  const { leader, lock } = group
  const hasDry = group.sessions.some((session) => session.isDry)
  invariant((leader !== undefined) === hasDry, "a group has a leader as soon as a session is dry")
  invariant(
    leader === undefined || (leader.isDry && group.sessions.includes(leader)),
    "the leader is dry and connected"
  )
  invariant(lock === undefined || group.sessions.includes(lock.holder), "the holder of the lock is connected")
  const bytes = lock?.messages.reduce((sum, message) => sum + message.envelope.length, 0)
  invariant(bytes === lock?.bytes, "a transaction's buffer is counted")
}

/** Whatever clients begin and end in a loop: what is over leaves nothing to be done later. */
const checkDeadlines = (state: State): void => {
  const { heap } = state.deadlines
  for (const [index, { at, deadline, index: noted }] of heap.entries()) {
    invariant(noted === index && at >= heap[Math.max(0, (index - 1) >> 1)]!.at, "deadlines are ordered")
    if (deadline._tag !== "TransactionTtl" && deadline._tag !== "VolatileGrace") continue
    const group = state.groups.get(deadline.groupKey)
    const scheduled =
      deadline._tag === "TransactionTtl" ? group?.lock?.deadline : group?.slots.get(deadline.deviceId)?.grace
    invariant(scheduled === heap[index], "a deadline goes with what it is for")
  }
}

/**
 * Throws an {@link InvariantViolation} unless the state is consistent in itself.
 *
 * @category assertions
 * @since 0.1.0
 */
export const checkState = (state: State): void => {
  let connections = 0
  let transactionBytes = 0
  for (const [key, group] of state.groups) {
    invariant(group.key === key, "a group lies under its key")
    invariant(group.slots.size > 0 || group.connections.size > 0, "an empty group is forgotten")
    connections += group.connections.size
    for (const [id, connection] of group.connections) {
      invariant(state.connections.get(id) === connection, "a group's connection is the mediator's")
      const { session } = connection
      invariant(session === undefined || group.sessions.includes(session), "a session is in its group")
    }
    checkGroup(group)
    if (group.lock !== undefined) transactionBytes += bytesOf(group.lock)
    const isAwaited = group.connections.size > 0 || Array.from(group.slots.values()).some(isVolatile)
    invariant(isAwaited !== state.idle.has(key), "a group can be forgotten when nobody and no deadline comes for it")
  }
  for (const key of state.idle) invariant(state.groups.has(key), "an idle group is in memory")
  invariant(connections === state.connections.size, "every connection is in a group")
  invariant(transactionBytes === state.transactionBytes, "what transactions hold together is counted")
  checkDeadlines(state)
}
