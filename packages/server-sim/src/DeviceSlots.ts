/**
 * The device slots of a group: what a slot starts with, and for how long an absent device keeps it.
 *
 * Owns least-recent order and the grace of volatile slots (decisions 5, 14; PROTOCOL D6, D26). Which ClientHello gets a slot
 * is `ClientHello`'s, and how one is lost `SlotLoss`'.
 *
 * @since 0.1.0
 */
import { Box, type DeviceId, DeviceSlotExpirationPolicy } from "@d2m/codec"
import { cancel, schedule } from "./Deadlines.ts"
import { invariant } from "./Invariant.ts"
import { makeQueue } from "./ReflectionQueue.ts"
import { type DeviceSlot, firstPosition, type Group } from "./State.ts"
import type { SlotSnapshot } from "./StoreCommand.ts"
import { record, type Turn } from "./Turn.ts"

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
