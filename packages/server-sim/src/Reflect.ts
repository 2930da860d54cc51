/**
 * Messages between the devices of a group: reflect in, reflected out, acks both ways.
 *
 * Owns the promise behind a reflect-ack and which reflected-acks are believed (decisions 10, 11; PROTOCOL D13, D14, D16).
 * Which slots a message reaches is `FanOut`'s.
 *
 * @since 0.1.0
 */
import { CloseCode, isEphemeral, type Reflect, type ReflectedAck, type Timestamp } from "@d2m/codec"
import { closeConnection } from "./Disconnect.ts"
import { offerToOthers, storeForOthers } from "./FanOut.ts"
import type { Position } from "./PositionQueue.ts"
import { remove } from "./ReflectionQueue.ts"
import { type DeviceSlot, firstPosition, type Group, positionOf, type SealedMessage, type Session } from "./State.ts"
import { buffer } from "./Transaction.ts"
import { decide, longEnvelope, own, record, send, type Turn } from "./Turn.ts"

/** A long envelope on its own if others get it at once, so that what is written to all of them is the same bytes. */
const sharedBy = <Envelope extends Uint8Array>({ sessions }: Group, envelope: Envelope): Envelope =>
  envelope.length >= longEnvelope && sessions.length > 1 ? own(envelope) : envelope

export const reflect = (turn: Turn, group: Group, session: Session, frame: Reflect): void => {
  const { connection } = session
  const { maxEnvelopeBytes } = turn.environment.options
  if (frame.envelope.length > maxEnvelopeBytes) {
    return closeConnection(
      turn,
      connection,
      CloseCode.ProtocolError,
      `an envelope is at most ${maxEnvelopeBytes} bytes long, found ${frame.envelope.length}`
    )
  }
  const timestamp = BigInt(turn.now) as Timestamp
  const message: SealedMessage = { flags: frame.flags, timestamp, envelope: sharedBy(group, frame.envelope) }
  const ephemeral = isEphemeral(frame.flags)
  const lock = group.lock
  if (lock !== undefined && lock.holder === session) {
    if (!buffer(turn, lock, message) || ephemeral) return
    // Provisional: what the sender may rely on is the CommitTransactionAck.
    return send(turn, connection, { _tag: "ReflectAck", reflectId: frame.reflectId, timestamp })
  }
  if (ephemeral) return offerToOthers(turn, group, session, message)
  const after = storeForOthers(turn, group, session.slot, message, true)
  send(turn, connection, { _tag: "ReflectAck", reflectId: frame.reflectId, timestamp }, after)
}

const wasWritten = (session: Session, position: Position): boolean =>
  session.last !== 0 && position >= session.first && position <= session.last

/** Whether the slot ever gave out this id, to whichever connection. */
const wasIssued = (turn: Turn, slot: DeviceSlot, reflectedId: number): boolean =>
  positionOf(reflectedId, slot.issued) >= firstPosition(turn.environment.options.firstReflectedId)

export const reflectedAck = (turn: Turn, group: Group, session: Session, frame: ReflectedAck): void => {
  const { slot } = session
  const position = positionOf(frame.reflectedId, session.last)
  if (wasWritten(session, position)) {
    // A repeated ack, and one of an ephemeral, finds nothing to remove.
    if (remove(slot.queue, position)) record(turn, group, { _tag: "Ack", deviceId: slot.deviceId, position })
    return
  }
  if (!turn.environment.options.strict && wasIssued(turn, slot, frame.reflectedId)) {
    return decide(turn, group, {
      _tag: "EarlierAckIgnored",
      deviceId: slot.deviceId,
      reflectedId: frame.reflectedId
    })
  }
  closeConnection(
    turn,
    session.connection,
    CloseCode.UnknownAck,
    `reflected-id ${frame.reflectedId} was not sent on this connection`
  )
}
