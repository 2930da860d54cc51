/**
 * Who leads a group.
 *
 * Owns the rules about RolePromotedToLeader (decision 8; PROTOCOL D11): one leader at most, never before its own Dry, the
 * oldest connection first, and none of a group that could have one is without.
 *
 * @since 0.1.0
 */
import { type Group, mayBeOver, type Model, type Peer } from "./Model.ts"

/** The mediator has promoted a device. */
export const leaderSent = (model: Model, peer: Peer): void => {
  const { device, group } = peer
  const say = (rule: string, found: string, expected: string) => model.report({ rule, device, found, expected })
  if (!peer.isDry) say("nobody leads before its own Dry", "RolePromotedToLeader before Dry", "Dry first")
  if (peer.isLeader) say("a device is promoted once on a connection", "a second RolePromotedToLeader", "one")
  if (!peer.isDry) return
  peer.isLeader = true
  const isRival = (other: Peer) => other !== peer && other.isLeader && !mayBeOver(model, other)
  // A Dry that waits for the store counts from when it was decided. That was after the ClientHello; and when the
  // promotion comes later than the Dry before it, before that.
  const wasDry = (other: Peer) =>
    model.now > peer.dryAt ? other.dryAt <= peer.dryAt : other.dryNumber < peer.hello!.number
  const isOlder = (other: Peer) =>
    other !== peer &&
    other.isDry &&
    other.hello!.number < peer.hello!.number &&
    wasDry(other) &&
    !mayBeOver(model, other)
  const doubtful = group.peers.filter((other) => isRival(other) || isOlder(other))
  if (doubtful.length === 0) return
  const older = doubtful.find(isOlder)
  model.later(() => {
    if (mayBeOver(model, peer)) return
    const rival = doubtful.find(isRival)
    if (rival !== undefined) {
      return say("at most one device leads", `promoted while ${rival.device} leads`, "no second leader")
    }
    if (older !== undefined && !mayBeOver(model, older)) {
      say("the oldest connection leads next", `promoted though ${older.device} has been dry for longer`, older.device)
    }
  })
}

/** Whether a group is without a leader that could have one. */
export const leaderOwed = (model: Model, group: Group): string | undefined => {
  const able = group.peers.find((peer) => peer.isDry && !mayBeOver(model, peer))
  if (able === undefined || group.peers.some((peer) => peer.isLeader)) return undefined
  return `nobody leads though ${able.device} could`
}
