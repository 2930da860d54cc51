/**
 * What a mediator owes, as far as the wire tells: groups, slots, messages, connections.
 *
 * Owns the shapes that the rules in this folder share, and the one question they all ask: whether a session may be over
 * already though its close has not been seen. The model is three-valued: what a crash or a failing store leaves open is
 * neither owed nor forbidden.
 *
 * @since 0.1.0
 */
import type { Report } from "../../Oracle.ts"
import type { Conditions } from "../../Schedule.ts"

/** The numbers of decisions 12 and 14, unless a schedule says otherwise. */
const decided = {
  strict: true,
  maxDeviceSlots: 8,
  transactionTtl: 60_000,
  transactionMessages: 10_000,
  transactionBytes: 16 * 1024 * 1024,
  volatileGrace: 5 * 60_000,
  queueMessages: 100_000,
  queueBytes: 256 * 1024 * 1024,
  deliveryMessages: 256,
  outgoingHighWater: 1024 * 1024,
  outgoingLowWater: 256 * 1024,
  outgoingLimit: 32 * 1024 * 1024,
  firstReflectedId: 1,
  /** The least that the store takes to write something, in ms. */
  storeLatency: 0
}

/** The longest a client may be silent, and the longest from an open connection to its ClientHello, in ms. */
export const idleTimeout = 60_000
export const handshakeDeadline = 10_000

export type Numbers = typeof decided

export const numbersOf = (conditions: Conditions): Numbers => ({
  ...decided,
  ...conditions.mediator,
  storeLatency: conditions.storeLatency
})

/** A message as the mediator took it. */
export interface Message {
  readonly nonce: number
  readonly print: number
  readonly size: number
  readonly flags: number
  readonly ephemeral: boolean
  readonly reflectId: number
  readonly from: bigint
  /** How many frames the mediator had received by then, this one included. */
  readonly number: number
  /** When the mediator took it, in whole ms. */
  readonly takenAt: number
  /** Its place in the order of the group: 0 until its transaction is committed. */
  index: number
  /** It must reach every slot of its time: it was promised, or has been seen to be durable. */
  isOwed: boolean
  /** The transaction it is a part of. */
  readonly lock: Lock | undefined
}

/** A message on its way to one slot. */
export interface Delivery {
  readonly message: Message
  readonly slot: Slot
  readonly id: number
  /** The connection it was last sent on. */
  connection: number
  /** `Maybe` when the ack may not have become durable, or not have been heard. */
  acked: "No" | "Yes" | "Maybe"
  /** How many frames the mediator had received when the ack came. */
  ackedAt: number
}

/** One registration of one device. */
export interface Slot {
  readonly group: Group
  readonly deviceId: bigint
  readonly device: string
  /** Whether it is there: `Maybe` when a frame to drop it, or to register it, may or may not have become durable. */
  state: "Yes" | "Maybe" | "No"
  /** It may get messages behind this place of the group's order, and must get those behind the other. */
  readonly mayFrom: number
  readonly mustFrom: number
  /** Of its latest registration; the info is absent while there may have been one since that nobody has heard of. */
  isVolatile: boolean
  deviceInfo: Uint8Array | undefined
  session: Peer | undefined
  /** When its last session ended, in ms. */
  leftAt: number
  /** Whether the mediator has lived on since then, so that it counts the grace from the same time. */
  isLeftAtSure: boolean
  /** Messages that were sent at least once, by index. */
  readonly deliveries: Map<number, Delivery>
  /** Everything up to here was acked, or is not for this slot. */
  settled: number
  /** Of the message furthest in the order that was ever sent. */
  furthest: Delivery | undefined
  /** How many messages, and of how many bytes, may be in its queue at most. */
  most: number
  mostBytes: number
  /** The last place of a message for which there may have been no room, so that the slot was dropped. */
  overflow: number | undefined
}

/** The end of a transaction on its way to a connection, behind this place of the group's order or one before it. */
export interface End {
  readonly lock: Lock
  readonly index: number
  /** Whether it is that place for certain. */
  readonly isPlaceSure: boolean
}

/** A BeginTransaction and what became of it. */
export interface Lock {
  readonly peer: Peer
  readonly deviceId: bigint
  readonly scope: Uint8Array
  /** How many frames the mediator had received by then. */
  readonly number: number
  readonly endsAt: number
  state: "Asked" | "Held" | "Committing" | "Over"
  /** How many frames the mediator had received when it was over for certain. */
  overAt: number
  /** When its commit came, in whole ms, and whether its time was over by then. */
  committedAt: number
  isLate: boolean
  readonly messages: Array<Message>
  /** Of the envelopes of its messages. */
  bytes: number
  /** How many frames the mediator had received when a message came for which the buffer has no room: it is lost. */
  outgrownBy: number | undefined
  /** Connections that were told of its end. */
  readonly told: Set<number>
}

/** A ClientHello and how things stood when it came in. */
export interface Hello {
  readonly deviceId: bigint
  readonly number: number
  readonly at: number
  /** The last place in the group's order. */
  readonly index: number
  readonly expectsExisting: boolean
  readonly dropsLeastRecent: boolean
  readonly isVolatile: boolean
  readonly deviceInfo: Uint8Array
  readonly slot: Slot | undefined
  /** The place from which on it may get messages if it is new. */
  readonly mayFrom: number
  readonly wasCertain: boolean
  readonly wasGone: boolean
  readonly leastQueued: number
  readonly mostQueued: number
  /** How long each message is that may have been queued, the shortest first; absent where all of them had room. */
  readonly sizes: ReadonlyArray<number> | undefined
  /** Sessions that end if it is accepted. */
  readonly doubted: ReadonlyArray<Peer>
  /** The slot whose place it takes, if any. */
  readonly victim: Slot | "Unclear" | undefined
  /** The number of the device's ClientHello before this one. */
  readonly before: number
  /** Somebody asked to drop the device while nobody outside knew yet what this had come to. */
  isDropAsked: boolean
  /** Somebody who may have taken the device's place left before anybody outside knew what either had come to. */
  mayHaveMadeRoom: boolean
}

/** What is known of one slot at a moment; `since` when its device came, or left, in whole ms, if that is certain. */
export interface Enrolled {
  readonly device: string
  /** Whether it must be listed, or may be. */
  readonly isCertain: boolean
  readonly isVolatile: boolean
  readonly deviceInfo: Uint8Array | undefined
  readonly state: { readonly isConnected: boolean; readonly since: number } | undefined
  /** Its ClientHellos of which nobody outside knew yet what they had come to, oldest first. */
  readonly pending: ReadonlyArray<Hello>
}

/** The slots of a group at a moment, by device id. */
export type Roster = ReadonlyMap<bigint, Enrolled>

/** One connection as the mediator sees it. */
export interface Peer {
  readonly connection: number
  readonly device: string
  readonly group: Group
  readonly chats: boolean
  /** Whether it has sent what no client may send at that time. */
  hasErred: boolean
  /** Whether it has acked what was not sent on this connection. */
  hasAckedUnknown: boolean
  /** When its ServerHello was sent, which may have waited for the store: since then its ClientHello is waited for. */
  greetedAt: number | undefined
  hello: Hello | undefined
  /** Since its ServerInfo. */
  slot: Slot | undefined
  isOver: boolean
  /** Frames that end its session, though its close has not been seen. */
  doubts: number
  /** When the first of them came. */
  doubtedAt: number | undefined
  /** How many frames the mediator had received by then, that one included. */
  doubtedBy: number | undefined
  heardAt: number
  /** Whether something came when it had been silent for as long as it may: a deadline goes ahead of what is heard with it. */
  wasOverdue: boolean
  /** Reflects that have no ack, oldest at `nextAck`. */
  readonly reflects: Array<Message>
  nextAck: number
  /** Place of the last message that was sent. */
  sent: number
  /** Bytes that its client has not taken. */
  waiting: number
  /** Whether so much waits that the mediator does not read it, and when that was over last. */
  isUnread: boolean
  readAt: number
  /** Since when too much waits for it, and how many messages of its queue were sent since. */
  full: { readonly at: number; messages: number } | undefined
  /** By reflected-id. */
  readonly deliveries: Map<number, Delivery>
  /** The first and last reflected-id that was sent; absent while there is none. */
  firstId: number | undefined
  lastId: number
  isDry: boolean
  /** When its Dry was sent, in ms, and how many frames the mediator had received by then. */
  dryAt: number
  dryNumber: number
  isLeader: boolean
  lock: Lock | undefined
  /** Transactions whose commit has no ack, oldest first. */
  readonly commits: Array<Lock>
  /** What GetDevicesInfo without an answer must be told, oldest first. */
  readonly asks: Array<Roster>
  readonly drops: Array<{ readonly deviceId: bigint; readonly slot: Slot | undefined }>
  /** Ends of transactions that it has not been told of, by holder. */
  readonly ends: Map<bigint, End>
}

/** One device group. */
export interface Group {
  readonly slots: Map<bigint, Slot>
  /** Open connections, oldest first. */
  readonly peers: Array<Peer>
  /** Messages by nonce. */
  readonly messages: Map<number, Message>
  /** Messages by their place in the order; nobody stands at 0. */
  readonly order: Array<Message | undefined>
  /** Acks that may not be durable yet, oldest at `nextSettled`. */
  readonly acks: Array<Delivery>
  nextSettled: number
  readonly locks: Array<Lock>
  /** The number of each device's latest ClientHello that was not refused. */
  readonly latest: Map<bigint, number>
  /** Shared device data as last set; absent while nobody can be sure that it was written. */
  sharedData: Uint8Array | undefined
  /** How many frames the mediator had received by then. */
  sharedAt: number
}

/** Everything, and the means to say what is wrong. */
export interface Model {
  readonly numbers: Numbers
  readonly report: Report
  now: number
  /** Frames that the mediator has received. */
  received: number
  /** Whether whatever the mediator writes is durable at once. */
  isStoreInstant: boolean
  /** Whether the store fails. */
  isStoreFailing: boolean
  /** Since when the chat server has been in trouble, in ms; `Infinity` if it never was. */
  chatFailsSince: number
  isStopping: boolean
  /** When it is asked next whether somebody is silent. */
  silenceAt: number
  readonly groups: Map<number, Group>
  /** Judges when the present instant is over, because the order within it is not all there is to see. */
  readonly later: (judge: () => void) => void
}

export const makeGroup = (): Group => ({
  slots: new Map(),
  peers: [],
  messages: new Map(),
  order: [undefined],
  acks: [],
  nextSettled: 0,
  locks: [],
  latest: new Map(),
  sharedData: new Uint8Array(0),
  sharedAt: 0
})

/** The last place in a group's order. */
export const lastIndex = (group: Group): number => group.order.length - 1

/** Whether a transaction may be over though nothing was seen that ends it for certain. */
export const lockMayBeOver = (model: Model, lock: Lock): boolean =>
  lock.state === "Over" || model.now >= lock.endsAt || lock.outgrownBy !== undefined || mayBeOver(model, lock.peer)

/** Whether a client has been silent for as long as it may. */
export const isOverdue = ({ now }: Model, { greetedAt, heardAt, hello }: Peer): boolean =>
  hello !== undefined
    ? Math.floor(now) >= Math.floor(heardAt) + idleTimeout
    : greetedAt !== undefined && Math.floor(now) >= Math.floor(greetedAt) + handshakeDeadline

/**
 * Whether the session of a connection may be over for the mediator, which closes it once the store has written what
 * stands before: silence, a replacement, a drop, a TTL, a chat that ended, what no client may send.
 */
export const mayBeOver = (model: Model, peer: Peer): boolean =>
  peer.isOver ||
  peer.doubts > 0 ||
  peer.hasErred ||
  peer.hasAckedUnknown ||
  model.isStopping ||
  (peer.chats && model.chatFailsSince < Infinity) ||
  peer.wasOverdue ||
  Math.floor(model.now) >= Math.floor(peer.heardAt) + idleTimeout ||
  (peer.lock !== undefined && (model.now >= peer.lock.endsAt || peer.lock.outgrownBy !== undefined))

/** Whether a slot is there for certain. */
export const isThere = (model: Model, slot: Slot | undefined): slot is Slot =>
  slot !== undefined && slot.state === "Yes" && !mayHaveExpired(model, slot)

const mayHaveExpired = (model: Model, slot: Slot): boolean =>
  slot.isVolatile &&
  slot.session === undefined &&
  Math.floor(model.now) >= Math.floor(slot.leftAt) + model.numbers.volatileGrace

/** Whether a slot is gone for certain. */
export const isGone = (model: Model, slot: Slot | undefined): boolean =>
  slot === undefined ||
  slot.state === "No" ||
  (slot.isVolatile &&
    slot.session === undefined &&
    slot.isLeftAtSure &&
    model.now > slot.leftAt + model.numbers.volatileGrace + 1)

/** Something was received that may end the session of a connection. */
export const doubt = (model: Model, peer: Peer): void => {
  peer.doubts++
  peer.doubtedAt ??= model.now
  peer.doubtedBy ??= model.received
}
