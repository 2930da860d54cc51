/**
 * How connections end.
 *
 * Owns what follows for session, slot, transaction and leader, in this order, whoever ended the connection. From here on
 * the core does not know the connection any more; its socket may take longer.
 *
 * @since 0.1.0
 */
import type { TransactionLossReason } from "./Decision.ts"
import { slotIsAbsent } from "./DeviceSlots.ts"
import { mayRest } from "./IdleGroups.ts"
import { invariant } from "./Invariant.ts"
import { sessionHasLeft } from "./Leader.ts"
import type { Connection, Group, Session } from "./State.ts"
import type { PersistId } from "./StoreCommand.ts"
import { holderHasLeft } from "./TransactionLock.ts"
import { closeReason, durable, type Turn } from "./Turn.ts"

/** Takes a session out of its group. The slot, if it still is one, is left without a session. */
export const endSession = (turn: Turn, group: Group, session: Session, why: TransactionLossReason): void => {
  const { slot } = session
  invariant(slot.session === session, "a slot knows its session")
  const index = group.sessions.indexOf(session)
  invariant(index >= 0, "a session belongs to its group")
  group.sessions.splice(index, 1)
  slot.session = undefined
  session.connection.session = undefined
  holderHasLeft(turn, group, session, why)
  sessionHasLeft(turn, group, session)
}

/** Forgets a connection whose socket has ended or is about to. */
export const forgetConnection = (
  turn: Turn,
  connection: Connection,
  why: TransactionLossReason = "Disconnected"
): void => {
  const { group, session } = connection
  const wasKnown = turn.state.connections.delete(connection.id)
  const wasInGroup = group.connections.delete(connection.id)
  invariant(wasKnown && wasInGroup, "a connection ends once")
  if (session !== undefined) {
    endSession(turn, group, session, why)
    if (group.slots.get(session.slot.deviceId) === session.slot) slotIsAbsent(turn, group, session.slot)
  }
  mayRest(turn, group)
}

/** Closes a connection, once the `Persist` named by `after` is durable. */
export const closeConnection = (
  turn: Turn,
  connection: Connection,
  code: number,
  reason: string,
  after: PersistId = durable,
  why: TransactionLossReason = "Disconnected"
): void => {
  turn.outputs.push({ _tag: "Close", connection: connection.id, code, reason: closeReason(reason), after })
  forgetConnection(turn, connection, why)
}
