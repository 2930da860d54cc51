/**
 * What a connection gets of its slot's stream: queued messages, live messages, ephemerals and ends of transactions, in
 * the order in which they came about.
 *
 * Owns the cursor, pacing and Dry (decisions 8, 9; PROTOCOL D10, D12, D15). A session that has seen everything gets new
 * messages at once; one that is behind, or whose socket is full, gets them from the store in chunks.
 *
 * @since 0.1.0
 */
import { invariant } from "./Invariant.ts"
import { dryWasSent } from "./Leader.ts"
import type { Position } from "./PositionQueue.ts"
import { nextPosition, nextPositions } from "./ReflectionQueue.ts"
import {
  type Connection,
  type DeviceSlot,
  type Group,
  reflectedIdOf,
  type SealedMessage,
  type Session,
  type WaitingEnded,
  type WaitingEphemeral
} from "./State.ts"
import type { PersistId } from "./StoreCommand.ts"
import { decide, own, record, send, type Turn } from "./Turn.ts"

const written = (session: Session, position: Position): void => {
  invariant(position > session.last, "a connection gets ids in ascending order")
  if (session.last === 0) session.first = position
  session.last = position
  session.cursor = position + 1
}

const sendReflected = (
  turn: Turn,
  session: Session,
  position: Position,
  message: SealedMessage,
  after: PersistId
): void => {
  written(session, position)
  send(
    turn,
    session.connection,
    {
      _tag: "Reflected",
      flags: message.flags,
      reflectedId: reflectedIdOf(position),
      timestamp: message.timestamp,
      envelope: message.envelope
    },
    after
  )
}

/** Whether the session has been given everything before `position` and can take more. */
const isNext = (session: Session, position: Position): boolean => session.cursor === position && !session.isPaused

/** A message has just been appended to the slot's queue; hands it over if the session can take it now. */
export const appended = (
  turn: Turn,
  slot: DeviceSlot,
  position: Position,
  message: SealedMessage,
  after: PersistId
): void => {
  slot.appended = after
  const session = slot.session
  if (session !== undefined && isNext(session, position)) sendReflected(turn, session, position, message, after)
}

const hasRoom = (turn: Turn, session: Session, size: number): boolean => {
  const { ephemeralBytes, ephemeralMessages } = turn.environment.options
  return session.inserts.length < ephemeralMessages && session.ephemeralBytes + size <= ephemeralBytes
}

/** Takes an id for an ephemeral and hands it over, now or when its turn comes. */
export const offerEphemeral = (turn: Turn, group: Group, session: Session, message: SealedMessage): void => {
  const { slot } = session
  const size = message.envelope.length
  const isDue = isNext(session, slot.issued + 1)
  if (!isDue && !hasRoom(turn, session, size)) {
    decide(turn, group, { _tag: "EphemeralDropped", deviceId: slot.deviceId })
    return
  }
  const position = ++slot.issued
  const after = record(turn, group, { _tag: "IssueId", deviceId: slot.deviceId, issued: position })
  if (isDue) {
    sendReflected(turn, session, position, message, after)
  } else {
    session.ephemeralBytes += size
    session.inserts.push({
      _tag: "Ephemeral",
      position,
      after,
      flags: message.flags,
      timestamp: message.timestamp,
      envelope: own(message.envelope)
    })
  }
}

const sendEnded = (turn: Turn, session: Session, ended: Omit<WaitingEnded, "_tag" | "position">): void =>
  send(
    turn,
    session.connection,
    {
      _tag: "TransactionEnded",
      deviceId: ended.holder,
      encryptedScope: ended.encryptedScope
    },
    ended.after
  )

/** Tells the session that a transaction has ended, behind the messages that came of it. */
export const offerEnded = (turn: Turn, session: Session, ended: Omit<WaitingEnded, "_tag" | "position">): void => {
  const { inserts, slot } = session
  if (isNext(session, slot.issued + 1)) return sendEnded(turn, session, ended)
  // One wake-up is enough for each holder, and bounds what waits here.
  const earlier = inserts.findIndex((insert) => insert._tag === "Ended" && insert.holder === ended.holder)
  if (earlier >= 0) inserts.splice(earlier, 1)
  inserts.push({ _tag: "Ended", position: slot.issued, ...ended })
}

const sendInsert = (turn: Turn, session: Session, insert: WaitingEphemeral | WaitingEnded): void => {
  if (insert._tag === "Ended") return sendEnded(turn, session, insert)
  session.ephemeralBytes -= insert.envelope.length
  sendReflected(turn, session, insert.position, insert, insert.after)
}

const checkDry = (turn: Turn, session: Session): void => {
  if (session.isDry) return
  const next = nextPosition(session.slot.queue, session.cursor)
  if (next !== undefined && next <= session.dryAfter) return
  session.isDry = true
  send(turn, session.connection, { _tag: "ReflectionQueueDry" })
  decide(turn, session.connection.group, { _tag: "BecameDry", deviceId: session.slot.deviceId })
  dryWasSent(turn, session.connection.group)
}

/** Hands over what stands next in the stream, as much as the session may take now. */
export const advance = (turn: Turn, session: Session): void => {
  const { inserts, slot } = session
  const { deliveryBytes, deliveryMessages } = turn.environment.options
  while (!session.isPaused) {
    const insert = inserts[0]
    const positions = nextPositions(
      slot.queue,
      session.cursor,
      insert === undefined ? Infinity : insert.position + 1,
      deliveryMessages,
      deliveryBytes
    )
    if (positions.length > 0) {
      for (const position of positions) written(session, position)
      session.isPaused = true
      turn.outputs.push({
        _tag: "SendQueued",
        connection: session.connection.id,
        groupKey: session.connection.group.key,
        deviceId: slot.deviceId,
        positions,
        after: slot.appended
      })
    } else if (insert !== undefined) {
      inserts.shift()
      sendInsert(turn, session, insert)
    } else {
      session.cursor = slot.issued + 1
      break
    }
  }
  checkDry(turn, session)
}

/** The socket is full, be it of chat before there is a session: nothing more until `drained`. */
export const congested = (connection: Connection): void => {
  connection.isCongested = true
  if (connection.session !== undefined) connection.session.isPaused = true
}

/** The socket has room. */
export const drained = (turn: Turn, connection: Connection): void => {
  connection.isCongested = false
  const { session } = connection
  if (session === undefined) return
  session.isPaused = false
  advance(turn, session)
}
