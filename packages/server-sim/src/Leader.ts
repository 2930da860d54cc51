/**
 * Which of a group's connected devices is its leader.
 *
 * Owns the election (decision 8): the first connected device whose Dry was sent, until it disconnects; then the oldest
 * connection whose Dry was sent. So a promotion never comes before a device's own Dry.
 *
 * @since 0.1.0
 */
import { invariant } from "./Invariant.ts"
import type { Group, Session } from "./State.ts"
import { decide, send, type Turn } from "./Turn.ts"

const elect = (turn: Turn, group: Group): void => {
  if (group.leader !== undefined) return
  const heir = group.sessions.find((session) => session.isDry)
  if (heir === undefined) return
  group.leader = heir
  send(turn, heir.connection, { _tag: "RolePromotedToLeader" })
  decide(turn, group, { _tag: "BecameLeader", deviceId: heir.slot.deviceId })
}

/** A session of the group was sent its Dry. */
export const dryWasSent = (turn: Turn, group: Group): void => elect(turn, group)

/** A session has left the group. */
export const sessionHasLeft = (turn: Turn, group: Group, session: Session): void => {
  invariant(!group.sessions.includes(session), "who has left does not lead")
  if (group.leader !== session) return
  group.leader = undefined
  elect(turn, group)
}
