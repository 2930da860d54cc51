/**
 * The device slots of a group: who has one, who loses it, for how long an absent device keeps it.
 *
 * Owns least-recent order, dropping and volatile expiry (decisions 5, 14, 17; PROTOCOL D6, D24, D26, D27). Which
 * ClientHello gets a slot is `ClientHello`'s.
 *
 * @since 0.1.0
 */
import { Box, type DeviceId, DeviceSlotExpirationPolicy } from "@d2m/codec"
import { cancel, schedule } from "./Deadlines.ts"
import type { SlotLossReason } from "./Decision.ts"
import { closeConnection } from "./Disconnect.ts"
import { mayRest } from "./IdleGroups.ts"
import { invariant } from "./Invariant.ts"
import { makeQueue } from "./ReflectionQueue.ts"
import { type DeviceSlot, firstPosition, type Group } from "./State.ts"
import type { PersistId, SlotSnapshot } from "./StoreCommand.ts"
import { decide, record, type Turn } from "./Turn.ts"

/** Whether a slot goes away some time after its device. A policy nobody knows keeps it: nothing is lost by that. */
export const isVolatile = (slot: DeviceSlot): boolean => slot.expirationPolicy === DeviceSlotExpirationPolicy.VOLATILE

export const makeSlot = (turn: Turn, deviceId: DeviceId): DeviceSlot => ({
  deviceId,
  expirationPolicy: DeviceSlotExpirationPolicy.PERSISTENT,
  encryptedDeviceInfo: Box.make("dgdik", new Uint8Array(0)),
  issued: firstPosition(turn.environment.options.firstReflectedId) - 1,
  queue: makeQueue(),
  appended: 0,
  session: undefined,
  lastDisconnectAt: turn.now,
  grace: undefined
})

/** A slot from the store. A device that was connected when the mediator stopped has disconnected now. */
export const loadSlot = (turn: Turn, group: Group, snapshot: SlotSnapshot): void => {
  invariant(!group.slots.has(snapshot.deviceId), "a device has one slot")
  const slot: DeviceSlot = {
    deviceId: snapshot.deviceId,
    expirationPolicy: snapshot.expirationPolicy,
    encryptedDeviceInfo: Box.make("dgdik", snapshot.encryptedDeviceInfo),
    issued: snapshot.issued,
    queue: makeQueue(snapshot.queue.positions, snapshot.queue.sizes),
    appended: 0,
    session: undefined,
    lastDisconnectAt: snapshot.lastDisconnectAt ?? turn.now,
    grace: undefined
  }
  invariant((slot.queue.positions.at(-1) ?? 0) <= slot.issued, "a stored message has an id that was given out")
  group.slots.set(slot.deviceId, slot)
  if (snapshot.lastDisconnectAt === undefined) slotIsAbsent(turn, group, slot)
  else startGrace(turn, group, slot)
}

const startGrace = (turn: Turn, group: Group, slot: DeviceSlot): void => {
  if (!isVolatile(slot)) return
  endGrace(turn, slot)
  const { volatileGrace } = turn.environment.options
  // A clock that was set since it left makes the grace neither longer than it is nor shorter than nothing.
  const left = Math.min(Math.max(slot.lastDisconnectAt + volatileGrace - turn.now, 0), volatileGrace)
  slot.grace = schedule(turn.state.deadlines, turn.elapsed + left, {
    _tag: "VolatileGrace",
    groupKey: group.key,
    deviceId: slot.deviceId
  })
}

/** The slot's device is back, or the slot is gone. */
export const endGrace = (turn: Turn, slot: DeviceSlot): void => {
  if (slot.grace !== undefined) cancel(turn.state.deadlines, slot.grace)
  slot.grace = undefined
}

/** The device of a slot that stays has just left. */
export const slotIsAbsent = (turn: Turn, group: Group, slot: DeviceSlot): void => {
  invariant(slot.session === undefined, "an absent device has no session")
  slot.lastDisconnectAt = turn.now
  record(turn, group, { _tag: "DisconnectSlot", deviceId: slot.deviceId, at: turn.now })
  startGrace(turn, group, slot)
}

/** The time of a grace is over, and the device has not come back. */
export const graceIsOver = (turn: Turn, group: Group, deviceId: DeviceId): void => {
  const slot = group.slots.get(deviceId)
  invariant(slot !== undefined && slot.session === undefined, "a grace ends with its slot or its device's absence")
  deleteSlot(turn, group, slot, "VolatileGraceOver")
  mayRest(turn, group)
}

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

/** Whose slot goes first: of the absent devices the one that left first, then the one that has been connected longest. */
export const leastRecent = (group: Group): DeviceSlot | undefined => {
  let found: DeviceSlot | undefined
  for (const slot of group.slots.values()) {
    if (found === undefined || isLessRecent(slot, found)) found = slot
  }
  return found
}

const isLessRecent = (a: DeviceSlot, b: DeviceSlot): boolean => {
  if (a.session === undefined) return b.session !== undefined || a.lastDisconnectAt < b.lastDisconnectAt
  return b.session !== undefined && a.session.connectedSince < b.session.connectedSince
}
