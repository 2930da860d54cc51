/**
 * What stands in the queue of each slot, and whether there is room for it.
 *
 * Owns the place of a message in the order of its group, and how full a queue is at least and at most (decision 14; PROTOCOL
 * D27). What a slot must be sent of it is `Streams`'.
 *
 * @since 0.1.0
 */
import { type Delivery, doubt, type Group, type Message, type Model, type Peer, type Slot } from "./Model.ts"

/** Whether a slot is to get a message. */
export const isFor = (message: Message, slot: Slot): boolean => message.from !== slot.deviceId

/** A slot that may have no room for one message more may be dropped by it. */
const grow = (model: Model, slot: Slot, message: Message): void => {
  const { queueBytes, queueMessages } = model.numbers
  if (slot.most >= queueMessages || slot.mostBytes + message.size > queueBytes) {
    if (slot.overflow === undefined && slot.session !== undefined) doubt(model, slot.session)
    slot.overflow = message.index
    slot.state = "Maybe"
  }
  slot.most++
  slot.mostBytes += message.size
}

/** The messages that have come since a device said its ClientHello are for its new slot too. */
export const growSince = (model: Model, slot: Slot): void => {
  const { order } = slot.group
  for (let index = slot.mustFrom + 1; index < order.length; index++) {
    const message = order[index]!
    if (!message.ephemeral && isFor(message, slot)) grow(model, slot, message)
  }
}

/** A message takes its place in the order of the group. */
export const takePlace = (model: Model, group: Group, message: Message): void => {
  message.index = group.order.length
  group.order.push(message)
  if (message.ephemeral) return
  for (const slot of group.slots.values()) if (slot.state !== "No" && isFor(message, slot)) grow(model, slot, message)
}

/** A message had room that may have had none; those behind it may have none all the same. */
export const hadRoom = (peer: Peer, slot: Slot, message: Message): void => {
  const { order } = slot.group
  let next = message.index + 1
  while (next < order.length && (order[next]!.ephemeral || !isFor(order[next]!, slot))) next++
  slot.overflow = next < order.length ? next : undefined
  if (slot.overflow !== undefined) return
  // A drop that was asked for meanwhile is another doubt.
  if (--peer.doubts === 0) slot.state = "Yes"
}

/** Whether a message does not stand in the queue of a slot, or not any more. */
const isDone = (message: Message, slot: Slot, delivery: Delivery | undefined): boolean =>
  message.ephemeral || !isFor(message, slot) || delivery?.acked === "Yes"

/** How many bytes the messages have that stand in the queue of a slot, at least, when there are so many of them. */
export const leastBytes = (sizes: ReadonlyArray<number>, length: number): number => {
  let bytes = 0
  for (let at = 0; at < length && at < sizes.length; at++) bytes += sizes[at]!
  return bytes
}

/**
 * How long each message is that may stand in the queue of a slot, the shortest first; `undefined` where there was room for
 * all of them.
 */
export const sizesQueued = (model: Model, slot: Slot): ReadonlyArray<number> | undefined => {
  if (slot.mostBytes <= model.numbers.queueBytes) return undefined
  const sizes: Array<number> = []
  const { order } = slot.group
  for (let index = slot.settled + 1; index < order.length; index++) {
    const message = order[index]!
    if (!isDone(message, slot, slot.deliveries.get(index))) sizes.push(message.size)
  }
  return sizes.sort((a, b) => a - b)
}

/** How many messages stand in the queue of a slot, at least and at most. */
export const queued = (slot: Slot): readonly [least: number, most: number] => {
  const { order } = slot.group
  let least = 0
  let most = 0
  let isSettled = true
  for (let index = slot.settled + 1; index < order.length; index++) {
    const message = order[index]!
    const delivery = slot.deliveries.get(index)
    if (!isDone(message, slot, delivery)) {
      most++
      isSettled = false
      if (message.isOwed && delivery?.acked !== "Maybe" && index > slot.mustFrom) least++
    } else if (isSettled) slot.settled = index
  }
  return [least, most]
}
