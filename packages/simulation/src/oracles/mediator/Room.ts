/**
 * That what waits for a client is bounded, however slowly it reads (principle 7).
 *
 * Owns: how many messages of a queue are under way to a connection that has no room, how many bytes at all, and that nothing
 * is read from a client for which too much waits. What waits is measured by the network.
 *
 * @since 0.1.0
 */
import { isEphemeral, type ServerFrame } from "@d2m/codec"
import type { Model, Peer } from "./Model.ts"

/** The mediator has sent a frame behind so many bytes that its client has not taken. */
export const checkRoom = (model: Model, peer: Peer, frame: ServerFrame | undefined, buffered: number): void => {
  const { deliveryMessages, outgoingHighWater, outgoingLimit, outgoingLowWater } = model.numbers
  const { device } = peer
  if (buffered > outgoingLimit) {
    model.report({
      rule: "what waits for a client is bounded",
      device,
      found: `${buffered} bytes`,
      expected: `at most ${outgoingLimit}`
    })
  }
  if (buffered <= outgoingLowWater) peer.full = undefined
  else if (buffered > outgoingHighWater) peer.full ??= { at: model.now, messages: 0 }
  const { full } = peer
  // What one frame has set free may come at once, however much it is; and a chunk may have been on its way already.
  if (full === undefined || full.at === model.now || frame?._tag !== "Reflected" || isEphemeral(frame.flags)) return
  if (++full.messages <= deliveryMessages) return
  model.report({
    rule: "a queue flows only while its client takes what was sent",
    device,
    found: `${full.messages} messages since ${outgoingHighWater} bytes waited`,
    expected: `at most ${deliveryMessages} before less than ${outgoingLowWater} do`
  })
}

/** So many bytes wait for a client now. */
export const waits = (model: Model, peer: Peer, bytes: number): void => {
  const { outgoingHighWater, outgoingLowWater } = model.numbers
  peer.waiting = bytes
  if (bytes > 2 * outgoingHighWater) {
    peer.isUnread = true
  } else if (peer.isUnread && bytes <= outgoingLowWater) {
    peer.isUnread = false
    peer.readAt = model.now
  }
}
