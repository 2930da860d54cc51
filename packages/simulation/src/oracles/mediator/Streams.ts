/**
 * What each slot gets, in which order, with which ids and how often.
 *
 * Owns the rules about reflect, reflected, reflected-ack and Dry (decisions 8-11; PROTOCOL D10, D12-D16): a promised
 * message reaches every slot that was there, in the mediator's order, until it is acked and never after; ids rise and stay
 * with their message; an ephemeral passes once. What counts as promised is `Promises`'.
 *
 * @since 0.1.0
 */
import type { ClientFrame, ServerFrame } from "@d2m/codec"
import { isEphemeral } from "@d2m/codec"
import { timeText } from "../../Lanes.ts"
import { newYear2026 } from "../../Simulation.ts"
import { nonceOf, printOf } from "../Envelopes.ts"
import { buffered, erred } from "./Closes.ts"
import {
  type Delivery,
  type Group,
  isThere,
  lastIndex,
  type Lock,
  mayBeOver,
  type Message,
  type Model,
  type Peer,
  type Slot
} from "./Model.ts"
import { hadRoom, isFor, queued, takePlace } from "./Queues.ts"

type Frame<F extends { readonly _tag: string }, Tag extends F["_tag"]> = Extract<F, { readonly _tag: Tag }>

const named = ({ device, reflectId }: { readonly device: string; readonly reflectId: number }): string =>
  `reflect ${reflectId} of ${device}`

/** A message in words. */
export const told = (model: Model, message: Message, group: Group): string =>
  named({ device: group.slots.get(message.from)?.device ?? `device ${message.from}`, reflectId: message.reflectId }) +
  `, taken at ${timeText(message.takenAt - newYear2026)}${message.takenAt === Math.floor(model.now) ? " (now)" : ""}`

/** Whether `a` follows `b` among numbers that wrap at 2^32. */
const follows = (a: number, b: number): boolean => {
  const distance = (a - b) >>> 0
  return distance !== 0 && distance < 0x8000_0000
}

/** The mediator was handed a reflect. */
export const reflectReceived = (model: Model, peer: Peer, frame: Frame<ClientFrame, "Reflect">): void => {
  const { group, hello } = peer
  if (hello === undefined) return
  const lock = peer.lock?.state === "Held" ? peer.lock : undefined
  const message: Message = {
    nonce: nonceOf(frame.envelope),
    print: printOf(frame.envelope),
    size: frame.envelope.length,
    flags: frame.flags,
    ephemeral: isEphemeral(frame.flags),
    reflectId: frame.reflectId,
    from: hello.deviceId,
    number: model.received,
    takenAt: Math.floor(model.now),
    index: 0,
    isOwed: false,
    lock
  }
  group.messages.set(message.nonce, message)
  if (!message.ephemeral) peer.reflects.push(message)
  if (lock === undefined) takePlace(model, group, message)
  else buffered(model, peer, lock, message)
}

/** What the mediator had written before it took this message is durable: whatever it says about it waits for the store. */
const settleAcks = (group: Group, before: number): void => {
  const { acks } = group
  while (group.nextSettled < acks.length && acks[group.nextSettled]!.ackedAt < before) group.nextSettled++
  if (group.nextSettled === acks.length) acks.length = group.nextSettled = 0
}

/** The mediator has crashed, or its store has failed: acks that may not have become durable may be forgotten. */
export const doubtAcks = (model: Model, group: Group): void => {
  if (!model.isStoreInstant) for (const delivery of group.acks.slice(group.nextSettled)) forget(delivery)
  group.acks.length = group.nextSettled = 0
}

const forget = (delivery: Delivery): void => {
  const { message, slot } = delivery
  delivery.acked = "Maybe"
  slot.most++
  slot.mostBytes += message.size
  slot.settled = Math.min(slot.settled, message.index - 1)
}

/** Whether an id lies within those that were sent on a connection. */
const isWithin = (id: number, { firstId, lastId }: Peer): boolean =>
  firstId !== undefined && (id - firstId) >>> 0 <= (lastId - firstId) >>> 0

/** The mediator was handed a reflected-ack. */
export const ackReceived = (model: Model, peer: Peer, frame: Frame<ClientFrame, "ReflectedAck">): void => {
  const delivery = peer.deliveries.get(frame.reflectedId)
  if (delivery === undefined && !isWithin(frame.reflectedId, peer)) {
    // A lenient mediator lets it pass if it ever gave out the id.
    if (model.numbers.strict) erred(model, peer, "4012")
    peer.hasAckedUnknown = true
  }
  if (delivery === undefined || delivery.message.ephemeral || delivery.acked === "Yes") return
  if (mayBeOver(model, peer)) {
    delivery.acked = "Maybe"
    return
  }
  const { slot } = delivery
  delivery.acked = "Yes"
  delivery.ackedAt = model.received
  slot.most--
  slot.mostBytes -= delivery.message.size
  if (!model.isStoreInstant) slot.group.acks.push(delivery)
}

/** A message is told of with a time. */
export const checkTime = (model: Model, peer: Peer, message: Message, timestamp: bigint): void => {
  if (Number(timestamp) === message.takenAt) return
  model.report({
    rule: "ack and reflected tell the same time: when the mediator took the message",
    device: peer.device,
    found: String(timestamp),
    expected: String(message.takenAt)
  })
}

/** A message was promised, or is durable for one slot and so for all. */
export const becomesOwed = (model: Model, group: Group, message: Message): void => {
  if (message.isOwed) return
  message.isOwed = true
  if (wasStored(model, group, message)) settleAcks(group, message.number)
}

/** Whether a message had to be stored for somebody: where nobody else has a slot, no store is needed to promise. */
export const wasStored = (model: Model, group: Group, message: Message): boolean => {
  for (const slot of group.slots.values()) {
    if (isFor(message, slot) && message.index > slot.mustFrom && isThere(model, slot)) return true
  }
  return false
}

/** The first message before `end` that a slot must have got by now on this connection and has not. */
export const missing = (peer: Peer, slot: Slot, from: number, end: number): Message | undefined => {
  const { order } = slot.group
  for (let index = Math.max(from, slot.mustFrom) + 1; index < end; index++) {
    const message = order[index]!
    if (!message.isOwed || message.ephemeral || !isFor(message, slot)) continue
    const delivery = slot.deliveries.get(index)
    if (delivery === undefined || (delivery.acked === "No" && delivery.connection !== peer.connection)) return message
  }
  return undefined
}

const isLost = ({ outgrownBy, state }: Lock): boolean => state === "Over" || outgrownBy !== undefined

/** Why a message must not be sent to a connection at all, if so. */
const mustNotGet = (
  model: Model,
  peer: Peer,
  message: Message
): readonly [rule: string, expected: string] | undefined => {
  const slot = peer.slot!
  const { lock } = message
  if (message.index === 0 && lock !== undefined) {
    return isLost(lock)
      ? ["what a transaction reflected is never delivered when it was lost", "nothing of it"]
      : ["nothing is delivered before its transaction commits", "nothing of it before CommitTransaction"]
  }
  if (!isFor(message, slot)) return ["a device does not get its own messages", "nothing of its own"]
  if (message.index <= slot.mayFrom) {
    return ["a slot gets only what came after it was registered", `messages behind place ${slot.mayFrom}`]
  }
  const earlier = slot.deliveries.get(message.index)
  if (message.ephemeral && earlier !== undefined) return ["an ephemeral is never delivered again", "nothing"]
  if (message.ephemeral && message.number < peer.hello!.number) {
    return ["an ephemeral reaches only who was connected", "nothing from before this connection"]
  }
  // What stands in line for a session that is over may have been read before the next one acked it.
  if (earlier?.acked === "Yes" && !mayBeOver(model, peer)) {
    return ["what was acked does not come again", "nothing, as it was acked"]
  }
  if (message.index > peer.sent) return undefined
  return [
    "every slot sees messages in the mediator's order, each once on a connection",
    `place ${peer.sent + 1} or later, not ${message.index}`
  ]
}

const checkId = (model: Model, peer: Peer, message: Message, id: number): void => {
  const slot = peer.slot!
  const earlier = slot.deliveries.get(message.index)
  if (earlier !== undefined) {
    if (earlier.id === id) return
    return model.report({
      rule: "a message has the same reflected-id each time it comes",
      device: peer.device,
      found: String(id),
      expected: String(earlier.id)
    })
  }
  const { furthest } = slot
  const before = furthest?.id ?? (model.numbers.firstReflectedId - 1) >>> 0
  const placeBefore = furthest?.message.index ?? slot.mayFrom
  // Each message takes one id at most, so they do not run ahead of the order either.
  if (follows(id, before) && (id - before) >>> 0 <= message.index - placeBefore) return
  model.report({
    rule: "reflected-ids of a slot rise by one with each message and wrap to 0",
    device: peer.device,
    found: String(id),
    expected: `an id behind ${before}, and at most ${message.index - placeBefore} further`
  })
}

/** The mediator has sent a message to a device. */
export const reflectedSent = (model: Model, peer: Peer, frame: Frame<ServerFrame, "Reflected">): void => {
  const { group, slot } = peer
  // That ServerInfo comes first is judged with registration.
  if (slot === undefined) return
  const message = group.messages.get(nonceOf(frame.envelope))
  if (message === undefined || message.print !== printOf(frame.envelope) || message.flags !== frame.flags) {
    return model.report({
      rule: "what is delivered is what was reflected",
      device: peer.device,
      found: `reflected ${frame.reflectedId} with flags ${frame.flags} and ${frame.envelope.length} bytes`,
      expected:
        message === undefined
          ? "a message that another device of the group reflected"
          : `flags ${message.flags} and the same ${message.size} bytes`
    })
  }
  const wrong = mustNotGet(model, peer, message)
  if (wrong !== undefined) {
    const [rule, expected] = wrong
    return model.report({ rule, device: peer.device, found: told(model, message, group), expected })
  }
  checkTime(model, peer, message, frame.timestamp)
  checkId(model, peer, message, frame.reflectedId)
  // What stands in line for a session that is over is read from a slot that may be gone.
  const left = mayBeOver(model, peer) ? undefined : missing(peer, slot, peer.sent, message.index)
  if (left !== undefined) {
    model.report({
      rule: "nothing that was promised is left out",
      device: peer.device,
      found: `${told(model, message, group)}, and before it not ${told(model, left, group)}`,
      expected: "both, in their order"
    })
  }
  deliver(peer, slot, message, frame.reflectedId)
  if (slot.overflow !== undefined && message.index >= slot.overflow) hadRoom(peer, slot, message)
  if (!message.ephemeral) {
    if (message.lock === undefined) becomesOwed(model, group, message)
    else for (const other of message.lock.messages) becomesOwed(model, group, other)
  }
}

const deliver = (peer: Peer, slot: Slot, message: Message, id: number): void => {
  const earlier = slot.deliveries.get(message.index)
  const delivery: Delivery = earlier ?? {
    message,
    slot,
    id,
    connection: peer.connection,
    acked: "No",
    ackedAt: 0
  }
  delivery.connection = peer.connection
  // It is in the queue again: an ack that may not have been heard was not.
  if (delivery.acked !== "Yes") delivery.acked = "No"
  slot.deliveries.set(message.index, delivery)
  peer.deliveries.set(id, delivery)
  peer.firstId ??= id
  peer.lastId = id
  peer.sent = message.index
  if (slot.furthest === undefined || slot.furthest.message.index < message.index) slot.furthest = delivery
}

/** The mediator has sent Dry. */
export const drySent = (model: Model, peer: Peer): void => {
  const { hello, slot } = peer
  if (peer.isDry || hello === undefined || slot === undefined) {
    return model.report({
      rule: "Dry is sent once on a connection, after ServerInfo",
      device: peer.device,
      found: peer.isDry ? "a second Dry" : "Dry before ServerInfo",
      expected: "one Dry"
    })
  }
  peer.isDry = true
  peer.dryAt = model.now
  peer.dryNumber = model.received
  const left = missing(peer, slot, Math.max(peer.sent, slot.settled), hello.index + 1)
  if (left === undefined || mayBeOver(model, peer)) return
  model.report({
    rule: "Dry is sent when all that was queued at ServerInfo has been",
    device: peer.device,
    found: `Dry before ${told(model, left, slot.group)}`,
    expected: "the message first"
  })
}

/** What a slot with a session has not acked though it must get it. */
export const owedTo = (model: Model, peer: Peer): string | undefined => {
  const { slot } = peer
  if (!isThere(model, slot) || mayBeOver(model, peer)) return undefined
  queued(slot)
  const { order } = slot.group
  for (let index = Math.max(slot.settled, slot.mustFrom) + 1; index <= lastIndex(slot.group); index++) {
    const message = order[index]!
    if (!message.isOwed || message.ephemeral || !isFor(message, slot)) continue
    const delivery = slot.deliveries.get(index)
    if (delivery === undefined || delivery.acked === "No") {
      return `${peer.device} has not acked ${told(model, message, slot.group)}`
    }
  }
  return undefined
}
