/**
 * Who has a slot, and who loses it.
 *
 * Owns the rules about ClientHello and ServerInfo, drops, expiry, the slot limit, and the close codes that speak of slots
 * (decisions 5, 7, 14, 17, 25; PROTOCOL D5-D9, D24, D26, D27): whoever is registered stays so until it is dropped or
 * expires, and the mediator tells a device the truth about its slot.
 *
 * @since 0.1.0
 */
import {
  type ClientFrame,
  CloseCode,
  DeviceSlotExpirationPolicy,
  DeviceSlotsExhaustedPolicy,
  DeviceSlotState,
  type ServerFrame
} from "@d2m/codec"
import { sameBytes } from "../Envelopes.ts"
import {
  doubt,
  type Group,
  type Hello,
  isGone,
  isThere,
  lastIndex,
  mayBeOver,
  type Model,
  type Peer,
  type Slot
} from "./Model.ts"
import { growSince, leastBytes, queued, sizesQueued } from "./Queues.ts"

type Frame<F extends { readonly _tag: string }, Tag extends F["_tag"]> = Extract<F, { readonly _tag: Tag }>

/** The mediator was handed a ClientHello. */
export const helloReceived = (model: Model, peer: Peer, frame: Frame<ClientFrame, "ClientHello">): void => {
  const { group } = peer
  if (peer.hello !== undefined) return
  const slot = group.slots.get(frame.deviceId)
  const replaced = group.peers.filter((other) => other !== peer && other.hello?.deviceId === frame.deviceId)
  // Of a ClientHello before this one nobody outside knows yet what it came to.
  const first = replaced.find((other) => other.slot === undefined)?.hello
  const [leastQueued, mostQueued] = first !== undefined ? [0, Infinity] : slot === undefined ? [0, 0] : queued(slot)
  const dropsLeastRecent = frame.deviceSlotsExhaustedPolicy === DeviceSlotsExhaustedPolicy.DROP_LEAST_RECENT
  // A ClientHello that is still being looked into may take the place of this one's slot.
  const isCertain =
    isThere(model, slot) && !pending(group).some(({ victim }) => victim === "Unclear" || victim === slot)
  const mayTakeAPlace = !isCertain && dropsLeastRecent && mayBeFull(model, group, frame.deviceId)
  const doubted = mayTakeAPlace ? group.peers.filter((other) => other !== peer && other.hello !== undefined) : replaced
  const victim = mayTakeAPlace ? leastRecent(model, group, slot) : undefined
  for (const other of doubted) doubt(model, other)
  peer.hello = {
    deviceId: frame.deviceId,
    number: model.received,
    at: model.now,
    index: lastIndex(group),
    expectsExisting: frame.expectedDeviceSlotState === DeviceSlotState.EXISTING,
    dropsLeastRecent,
    isVolatile: frame.deviceSlotExpirationPolicy === DeviceSlotExpirationPolicy.VOLATILE,
    deviceInfo: new Uint8Array(frame.encryptedDeviceInfo),
    slot,
    mayFrom: first?.index ?? lastIndex(group),
    wasCertain: isCertain,
    wasGone: first === undefined && isGone(model, slot),
    leastQueued,
    mostQueued,
    sizes: first !== undefined || slot === undefined ? undefined : sizesQueued(model, slot),
    doubted,
    victim,
    before: group.latest.get(frame.deviceId) ?? 0,
    isDropAsked: false,
    mayHaveMadeRoom: false
  }
  group.latest.set(frame.deviceId, model.received)
}

/** ClientHellos of which nobody outside knows yet what they came to. */
export const pending = (group: Group): ReadonlyArray<Hello> =>
  group.peers.flatMap(({ hello, slot }) => (hello === undefined || slot !== undefined ? [] : [hello]))

/** Whether all places but that of one device may be taken. */
const mayBeFull = (model: Model, group: Group, but: bigint): boolean => {
  const taken = new Set<bigint>()
  for (const slot of group.slots.values()) if (!isGone(model, slot)) taken.add(slot.deviceId)
  for (const { deviceId } of pending(group)) taken.add(deviceId)
  taken.delete(but)
  return taken.size >= model.numbers.maxDeviceSlots
}

const mustBeFull = (model: Model, group: Group, but: Slot | undefined): boolean => {
  let taken = 0
  for (const slot of group.slots.values()) if (slot !== but && isThere(model, slot)) taken++
  return taken >= model.numbers.maxDeviceSlots
}

const newSlot = (peer: Peer, state: "Yes" | "Maybe", mayFrom: number): Slot => ({
  group: peer.group,
  deviceId: peer.hello!.deviceId,
  device: peer.device,
  state,
  mayFrom,
  mustFrom: peer.hello!.index,
  isVolatile: peer.hello!.isVolatile,
  deviceInfo: peer.hello!.deviceInfo,
  session: undefined,
  leftAt: 0,
  isLeftAtSure: false,
  deliveries: new Map(),
  // What came before the ClientHello is in the queue where one before it has registered the slot.
  settled: state === "Maybe" ? mayFrom : peer.hello!.index,
  furthest: undefined,
  most: 0,
  mostBytes: 0,
  overflow: undefined
})

/** Messages that came between ClientHello and ServerInfo are for the new slot too. */
const withMessagesSince = (model: Model, slot: Slot): Slot => {
  growSince(model, slot)
  return slot
}

/** The slot of a device that may have been registered; where it was not, the one before may be there still, and its queue. */
const maybeRegistered = (model: Model, peer: Peer, before: Slot | undefined): Slot => {
  if (before === undefined) return withMessagesSince(model, newSlot(peer, "Maybe", peer.hello!.mayFrom))
  const { mayFrom, most, mostBytes, overflow, settled } = before
  return { ...newSlot(peer, "Maybe", mayFrom), settled, most, mostBytes, overflow }
}

/** The mediator has sent ServerInfo. */
export const serverInfoSent = (model: Model, peer: Peer, frame: Frame<ServerFrame, "ServerInfo">): void => {
  const { group, hello } = peer
  if (hello === undefined || peer.slot !== undefined) {
    return model.report({
      rule: "ServerInfo answers a ClientHello, once",
      device: peer.device,
      found: hello === undefined ? "ServerInfo before ClientHello" : "a second ServerInfo",
      expected: "one ServerInfo after ClientHello"
    })
  }
  const isExisting = frame.deviceSlotState === DeviceSlotState.EXISTING
  checkAccepted(model, peer, isExisting)
  const heir = group.peers.find(
    (other) =>
      other.slot?.session === other && other.hello!.deviceId === hello.deviceId && other.hello!.number > hello.number
  )
  if (heir !== undefined) {
    // Already replaced: it is told nevertheless that it was registered.
    peer.slot = heir.slot
    return
  }
  const known = group.slots.get(hello.deviceId)
  if (!isExisting) makeRoom(model, peer)
  const slot = isExisting && known !== undefined ? known : withMessagesSince(model, newSlot(peer, "Yes", hello.mayFrom))
  slot.state = hello.isDropAsked || hello.mayHaveMadeRoom ? "Maybe" : "Yes"
  if (slot.overflow !== undefined && slot.overflow <= hello.index) slot.overflow = undefined
  if (slot.overflow !== undefined) {
    slot.state = "Maybe"
    doubt(model, peer)
  }
  slot.session = peer
  slot.isVolatile = hello.isVolatile
  // Who came after it may have said something else, and have left before anybody heard of it.
  slot.deviceInfo = group.latest.get(hello.deviceId) === hello.number ? hello.deviceInfo : undefined
  group.slots.set(hello.deviceId, slot)
  peer.slot = slot
  // An ephemeral that came meanwhile is settled in the queue, and is to be sent all the same.
  peer.sent = Math.min(slot.settled, hello.index)
  checkInfo(model, peer, frame, isExisting)
}

const checkAccepted = (model: Model, peer: Peer, isExisting: boolean): void => {
  const hello = peer.hello!
  const { report } = model
  const { device } = peer
  if (isExisting !== hello.expectsExisting) {
    report({
      rule: "a ClientHello is accepted only when it expects the slot as it is",
      device,
      found: `ServerInfo: ${isExisting ? "EXISTING" : "NEW"}`,
      expected: `${hello.expectsExisting ? "EXISTING" : "NEW"}, or a close with 4115`
    })
  } else if (!isExisting && hello.wasCertain) {
    report({
      rule: "a registered slot stays until it is dropped or expires",
      device,
      found: "ServerInfo: NEW",
      expected: "a close with 4115, as the device has a slot"
    })
  } else if (isExisting && hello.wasGone) {
    report({
      rule: "a slot that was dropped or has expired is not there any more",
      device,
      found: "ServerInfo: EXISTING",
      expected: "a close with 4115, as the device has no slot"
    })
  }
}

/** Whoever makes the slots too many takes the place of the least recent, if it may. */
const makeRoom = (model: Model, peer: Peer): void => {
  const { group } = peer
  const hello = peer.hello!
  const others = [...group.slots.values()].filter((slot) => slot.deviceId !== hello.deviceId)
  const isFull = mustBeFull(model, group, hello.slot)
  if (isFull && !hello.dropsLeastRecent) {
    return model.report({
      rule: "there are no more slots than the limit",
      device: peer.device,
      found: "ServerInfo for a slot too many",
      expected: `a close with 4111, as all ${model.numbers.maxDeviceSlots} are taken`
    })
  }
  const { victim } = hello
  if (victim === undefined) return
  for (const slot of others) {
    if (victim === "Unclear") slot.state = slot.state === "Yes" ? "Maybe" : slot.state
    else if (slot === victim) slot.state = "No"
  }
  // Whoever lost its slot is closed at this time; who stays, stays.
  model.later(() => {
    for (const other of hello.doubted) {
      if (other.isOver || other.hello?.deviceId === hello.deviceId) continue
      if (other.slot !== undefined && (other.slot === victim || !model.isStoreInstant)) continue
      other.doubts--
      if (other.slot?.state === "Maybe") other.slot.state = "Yes"
    }
  })
}

/**
 * The slot that goes when another one takes its place: of the absent ones the one that left first, then the one connected
 * longest; none when there is a place left.
 */
const leastRecent = (model: Model, group: Group, but: Slot | undefined): Hello["victim"] => {
  const slots = [...group.slots.values()].filter((slot) => slot !== but && !isGone(model, slot))
  if (pending(group).some(({ deviceId }) => deviceId !== but?.deviceId)) return "Unclear"
  if (slots.length < model.numbers.maxDeviceSlots) return undefined
  if (!slots.every((slot) => isThere(model, slot))) return "Unclear"
  // One whose session may be over, because a newer connection replaced it and has left, may count as absent.
  if (slots.some(({ session }) => session !== undefined && mayBeOver(model, session))) return "Unclear"
  const absent = slots.filter((slot) => slot.session === undefined)
  if (absent.some((slot) => !slot.isLeftAtSure)) return "Unclear"
  const since = (slot: Slot) => Math.floor(slot.session === undefined ? slot.leftAt : slot.session.hello!.at)
  const [first, second] = (absent.length > 0 ? absent : slots).sort((a, b) => since(a) - since(b))
  return second === undefined || since(first!) < since(second) ? first : "Unclear"
}

/** Whether the slot of a connection may go to a newcomer. */
export const mayMakeRoom = (peer: Peer): boolean =>
  peer.group.peers.some(
    ({ hello }) => hello?.doubted.includes(peer) === true && (hello.victim === "Unclear" || hello.victim === peer.slot)
  )

const checkInfo = (model: Model, peer: Peer, frame: Frame<ServerFrame, "ServerInfo">, isExisting: boolean): void => {
  const { group } = peer
  const hello = peer.hello!
  const { maxDeviceSlots, queueBytes, queueMessages } = model.numbers
  const length = frame.reflectionQueueLength
  const least = isExisting ? hello.leastQueued : 0
  const most = isExisting ? hello.mostQueued : 0
  const say = (rule: string, found: string, expected: string) =>
    model.report({ rule, device: peer.device, found, expected })
  if (length < least || length > most) {
    say(
      "ServerInfo tells how many messages are queued: what was promised and not acked",
      String(length),
      least === most ? String(least) : `${least} to ${most}`
    )
  }
  if (length > queueMessages) {
    say("a queue never holds more than its limit", String(length), `at most ${queueMessages}`)
  }
  const bytes = isExisting && hello.sizes !== undefined ? leastBytes(hello.sizes, length) : 0
  if (bytes > queueBytes) {
    say(
      "a queue never holds more bytes than its limit",
      `${length} messages of at least ${bytes} bytes`,
      `at most ${queueBytes}`
    )
  }
  if (frame.maxDeviceSlots !== maxDeviceSlots) {
    say("ServerInfo tells how many slots there are", String(frame.maxDeviceSlots), String(maxDeviceSlots))
  }
  if (Number(frame.currentTime) !== Math.floor(hello.at)) {
    say("ServerInfo tells the mediator's time", String(frame.currentTime), String(Math.floor(hello.at)))
  }
  const { sharedData } = group
  if (
    sharedData !== undefined &&
    group.sharedAt < hello.number &&
    !sameBytes(sharedData, frame.encryptedSharedDeviceData)
  ) {
    say(
      "ServerInfo brings the shared data as it was last set",
      `${frame.encryptedSharedDeviceData.length} other bytes`,
      `the ${sharedData.length} bytes that were set`
    )
  }
}

/** The mediator was handed a DropDevice. */
export const dropReceived = (model: Model, peer: Peer, frame: Frame<ClientFrame, "DropDevice">): void => {
  if (peer.hello === undefined) return
  const { deviceId } = frame
  const slot = peer.group.slots.get(deviceId)
  peer.drops.push({ deviceId, slot })
  for (const { hello, slot } of peer.group.peers) {
    if (hello?.deviceId === deviceId && slot === undefined) hello.isDropAsked = true
  }
  if (slot === undefined || slot.state === "No") return
  slot.state = "Maybe"
  for (const other of peer.group.peers) if (other.hello?.deviceId === deviceId) doubt(model, other)
}

/** The mediator has sent a DropDeviceAck. */
export const dropAckSent = (model: Model, peer: Peer, frame: Frame<ServerFrame, "DropDeviceAck">): void => {
  const asked = peer.drops.shift()
  if (asked?.deviceId !== frame.deviceId) {
    return model.report({
      rule: "a drop is acked when it was asked for, in order",
      device: peer.device,
      found: `DropDeviceAck for ${frame.deviceId}`,
      expected: asked === undefined ? "none" : `one for ${asked.deviceId}`
    })
  }
  const { deviceId, slot } = asked
  if (slot !== undefined && slot.state === "Maybe") slot.state = "No"
  const registered = peer.group.slots.get(deviceId)
  if (registered !== slot && registered?.session?.hello?.isDropAsked === true) registered.state = "No"
}

/** A close waits for what the store writes; the chat, or the time of the transaction, behind it may have ended long before. */
const mayHaveLeftAt = (model: Model, { chats, hello, lock }: Peer): number =>
  model.isStoreInstant
    ? model.now
    : Math.min(model.now, chats ? Math.max(hello?.at ?? 0, model.chatFailsSince) : Infinity, lock?.endsAt ?? Infinity)

/** The session of a connection is over for certain. */
export const sessionOver = (model: Model, peer: Peer, hasMediatorCrashed: boolean): void => {
  const { hello, slot } = peer
  if (slot !== undefined) {
    if (slot.session !== peer) return
    slot.session = undefined
    slot.leftAt = Math.min(peer.doubtedAt ?? model.now, mayHaveLeftAt(model, peer))
    slot.isLeftAtSure = !hasMediatorCrashed && peer.doubtedAt === undefined && model.isStoreInstant
    return
  }
  // Nobody knows whether it was registered: it never saw the answer.
  const before = hello === undefined ? undefined : peer.group.slots.get(hello.deviceId)
  if (before !== undefined) {
    before.isLeftAtSure = false
    before.deviceInfo = undefined
  }
  // Nor whether somebody lost a slot to it.
  if (hello?.victim !== undefined) {
    for (const other of peer.group.slots.values()) {
      if (other.state === "Yes" && (hello.victim === "Unclear" || hello.victim === other)) other.state = "Maybe"
    }
    if (hello.victim === "Unclear") {
      for (const other of hello.doubted) {
        // One that was refused meanwhile has none any more.
        if (other.slot === undefined && other.hello !== undefined) other.hello.mayHaveMadeRoom = true
      }
    }
  }
  if (hello !== undefined && !hello.expectsExisting && !hello.wasCertain) {
    const known = peer.group.slots.get(hello.deviceId)
    if (known?.session !== undefined) return
    const maybe = maybeRegistered(model, peer, known?.state === "No" ? undefined : known)
    maybe.leftAt = hello.at
    peer.group.slots.set(hello.deviceId, maybe)
  }
}

/** A connection was refused before it was registered: what its ClientHello would have ended goes on. */
export const refused = (model: Model, peer: Peer, code: number): void => {
  const { group, hello } = peer
  if (hello === undefined) return
  if (group.latest.get(hello.deviceId) === hello.number) group.latest.set(hello.deviceId, hello.before)
  for (const other of hello.doubted) if (--other.doubts === 0) other.doubtedAt = other.doubtedBy = undefined
  const say = (rule: string, found: string, expected: string) =>
    model.report({ rule, device: peer.device, found, expected })
  if (code === CloseCode.SlotStateMismatch) {
    const isRight = hello.expectsExisting ? !hello.wasCertain : !hello.wasGone
    if (!isRight) {
      say(
        "4115 is for a slot that is not as expected",
        hello.expectsExisting ? "no slot" : "a slot",
        hello.expectsExisting ? "the slot, which is there" : "none, as it is gone"
      )
    }
  }
  if (code === CloseCode.SlotsExhausted && (hello.dropsLeastRecent || !mayBeFull(model, group, hello.deviceId))) {
    say(
      "4111 is for a device that is new when all slots are taken",
      "4111",
      hello.dropsLeastRecent ? "the least recent slot dropped" : "a slot, as there is one left"
    )
  }
}
