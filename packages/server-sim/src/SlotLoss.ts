/**
 * How a device loses its slot.
 *
 * Owns what goes with a slot that is dropped or has expired: its queue, its connection, and its group when it was the last
 * (decisions 14, 17; PROTOCOL D24, D26, D27). Why a slot has to go is said by whoever frees it.
 *
 * @since 0.1.0
 */
import type { DeviceId } from "@d2m/codec"
import type { SlotLossReason } from "./Decision.ts"
import { endGrace } from "./DeviceSlots.ts"
import { closeConnection } from "./Disconnect.ts"
import { mayRest } from "./IdleGroups.ts"
import { invariant } from "./Invariant.ts"
import type { DeviceSlot, Group } from "./State.ts"
import type { PersistId } from "./StoreCommand.ts"
import { decide, record, type Turn } from "./Turn.ts"

/** Takes a slot and its queue away. Its session, if there is one, is left to the caller to close. */
export const deleteSlot = (turn: Turn, group: Group, slot: DeviceSlot, why: SlotLossReason): PersistId => {
  invariant(group.slots.get(slot.deviceId) === slot, "a slot is freed once")
  group.slots.delete(slot.deviceId)
  endGrace(turn, slot)
  decide(turn, group, { _tag: "SlotFreed", deviceId: slot.deviceId, why })
  group.departed = record(turn, group, { _tag: "DropSlot", deviceId: slot.deviceId })
  return group.departed
}

/** Frees a slot, deletes its queue and closes its connection, if there is one, with the given code. */
export const freeSlot = (
  turn: Turn,
  group: Group,
  slot: DeviceSlot,
  why: SlotLossReason,
  code: number,
  reason: string
): PersistId => {
  const after = deleteSlot(turn, group, slot, why)
  const { session } = slot
  if (session !== undefined) closeConnection(turn, session.connection, code, reason, after, "Dropped")
  mayRest(turn, group)
  return after
}

/** The time of a grace is over, and the device has not come back. */
export const graceIsOver = (turn: Turn, group: Group, deviceId: DeviceId): void => {
  const slot = group.slots.get(deviceId)
  invariant(slot !== undefined && slot.session === undefined, "a grace ends with its slot or its device's absence")
  deleteSlot(turn, group, slot, "VolatileGraceOver")
  mayRest(turn, group)
}
