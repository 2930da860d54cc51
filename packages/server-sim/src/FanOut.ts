/**
 * The way of a message from the device that has reflected it to the others of its group.
 *
 * Owns which slots a message reaches, and that one without room for it is dropped (decisions 11, 14; PROTOCOL D14, D15, D27).
 * Order and pacing towards a device are `ReflectedStream`'s.
 *
 * @since 0.1.0
 */
import { CloseCode } from "@d2m/codec"
import { appended, offerEphemeral } from "./ReflectedStream.ts"
import { push } from "./ReflectionQueue.ts"
import { freeSlot } from "./SlotLoss.ts"
import type { DeviceSlot, Group, SealedMessage, Session } from "./State.ts"
import type { Append, PersistId } from "./StoreCommand.ts"
import { record, type Turn } from "./Turn.ts"

/**
 * Appends a message to the queue of every other registered slot. A slot that has no room is dropped (decision 14).
 * Returns what the promise has to wait for. Unless `handOver`, the caller sees to it that sessions `advance`.
 */
export const storeForOthers = (
  turn: Turn,
  group: Group,
  sender: DeviceSlot,
  message: SealedMessage,
  handOver: boolean
): PersistId => {
  if (group.slots.size === 1) return group.departed
  const { queueBytes, queueMessages } = turn.environment.options
  const size = message.envelope.length
  const to: Array<Append["to"][number]> = []
  const after = record(turn, group, {
    _tag: "Append",
    flags: message.flags,
    timestamp: message.timestamp,
    envelope: message.envelope,
    to
  })
  for (const slot of group.slots.values()) {
    if (slot === sender) continue
    if (slot.queue.length >= queueMessages || slot.queue.bytes + size > queueBytes) {
      freeSlot(turn, group, slot, "QueueLimit", CloseCode.QueueLimit, "the reflection queue grew too long")
      continue
    }
    const position = ++slot.issued
    push(slot.queue, position, size)
    to.push({ deviceId: slot.deviceId, position })
    if (handOver) appended(turn, slot, position, message, after)
    else slot.appended = after
  }
  return after
}

/** Offers an ephemeral to every other session. */
export const offerToOthers = (turn: Turn, group: Group, sender: Session, message: SealedMessage): void => {
  for (const other of group.sessions) if (other !== sender) offerEphemeral(turn, group, other, message)
}
