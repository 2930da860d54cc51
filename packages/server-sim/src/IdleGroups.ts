/**
 * Groups that nobody is connected to: which of them the mediator has in memory.
 *
 * Owns loading and forgetting. Everything about an idle group lies in the store, and it is loaded again when somebody
 * connects. A group with a volatile slot stays until that slot has expired: its deadline finds it here (decision 14).
 *
 * @since 0.1.0
 */
import { Box, type GroupId } from "@d2m/codec"
import { isVolatile, loadSlot } from "./DeviceSlots.ts"
import { invariant } from "./Invariant.ts"
import { type Group, groupKeyOf } from "./State.ts"
import type { GroupSnapshot } from "./StoreCommand.ts"
import { durable, type Turn } from "./Turn.ts"

/** Brings a group into memory, as the store knows it. */
export const loadGroup = (turn: Turn, id: GroupId, stored: GroupSnapshot | undefined): Group => {
  const key = groupKeyOf(id)
  invariant(!turn.state.groups.has(key), "a group is in memory once")
  const group: Group = {
    key,
    id,
    slots: new Map(),
    sessions: [],
    connections: new Map(),
    encryptedSharedDeviceData: Box.make("dgsddk", stored?.encryptedSharedDeviceData ?? new Uint8Array(0)),
    lock: undefined,
    leader: undefined,
    departed: durable,
    registered: durable
  }
  turn.state.groups.set(key, group)
  for (const slot of stored?.slots ?? []) loadSlot(turn, group, slot)
  return group
}

/**
 * A group may have become idle, or empty: one without slots is as good as one that never was. Of the idle groups that can
 * be forgotten, those that became idle last stay.
 */
export const mayRest = (turn: Turn, group: Group): void => {
  const { groups, idle } = turn.state
  if (group.connections.size > 0) return
  if (group.slots.size === 0) {
    groups.delete(group.key)
    idle.delete(group.key)
    return
  }
  for (const slot of group.slots.values()) if (isVolatile(slot)) return
  idle.delete(group.key)
  idle.add(group.key)
  for (const key of idle) {
    if (idle.size <= turn.environment.options.idleGroups) return
    idle.delete(key)
    groups.delete(key)
  }
}
