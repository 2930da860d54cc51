/**
 * What a mediator knows.
 *
 * Owns the shape of groups, slots, sessions and connections; the rules that change them live in the files named after
 * the protocol's concepts. Stored messages lie in the store. The only envelopes held here are those that are volatile by
 * decision and bounded by options: a transaction's buffer (12) and ephemerals waiting for their place (D15).
 *
 * @since 0.1.0
 */
import type { Box, Crypto, DeviceId, EphemeralKey, GroupId, ReflectedId, Timestamp } from "@d2m/codec"
import { Hex } from "effect/encoding"
import { type Deadline, type Deadlines, makeDeadlines, type Scheduled } from "./Deadlines.ts"
import type { ConnectionId } from "./Input.ts"
import type { MediatorOptions } from "./MediatorOptions.ts"
import type { Position } from "./PositionQueue.ts"
import type { ReflectionQueue } from "./ReflectionQueue.ts"
import type { GroupKey, PersistId } from "./StoreCommand.ts"

/**
 * What `step` needs besides state, input and time; it stays the same over a run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Environment {
  readonly options: MediatorOptions
  readonly crypto: Pick<Crypto["Service"], "verifyResponse">
}

/**
 * A message as it is reflected, sealed, with the timestamp that ack and reflected share (decision 11).
 *
 * @category models
 * @since 0.1.0
 */
export interface SealedMessage {
  readonly flags: number
  readonly timestamp: Timestamp
  readonly envelope: Box<"dgrk">
}

/**
 * An ephemeral that has its id and waits until what stands before it has been sent (PROTOCOL D15).
 *
 * @category models
 * @since 0.1.0
 */
export interface WaitingEphemeral extends SealedMessage {
  readonly _tag: "Ephemeral"
  readonly position: Position
  /** The `Persist` that makes its id durable. */
  readonly after: PersistId
}

/**
 * A TransactionEnded that waits until the messages of its transaction have been sent: whoever it wakes has seen what the
 * holder did. A Begin of who did not wait for it is answered at once, ahead of what still is to be sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface WaitingEnded {
  readonly _tag: "Ended"
  /** The last position that stands before it. */
  readonly position: Position
  readonly holder: DeviceId
  readonly encryptedScope: Box<"dgtsk">
  /** The `Persist` that makes its transaction durable. */
  readonly after: PersistId
}

/**
 * One registered device of a group.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeviceSlot {
  readonly deviceId: DeviceId
  /** The raw number of `DeviceSlotExpirationPolicy`, as last sent. */
  expirationPolicy: number
  encryptedDeviceInfo: Box<"dgdik">
  /** Ids given out so far: the position of the last one. */
  issued: Position
  readonly queue: ReflectionQueue
  /** The last `Persist` that put something into the queue. */
  appended: PersistId
  session: Session | undefined
  /** Milliseconds since 1970; meaningful while there is no session. */
  lastDisconnectAt: number
  /** When a volatile slot goes, if its device does not come back. */
  grace: Scheduled | undefined
}

/**
 * A connection past its ClientHello.
 *
 * @category models
 * @since 0.1.0
 */
export interface Session {
  readonly connection: Connection
  readonly slot: DeviceSlot
  /** Milliseconds since 1970. */
  readonly connectedSince: number
  /** Everything before this position was sent on this connection, or had been acked or thrown away before. */
  cursor: Position
  /** The first and last position written on this connection; `last` is 0 while there is none. */
  first: Position
  last: Position
  /** The last position that was queued when ServerInfo was made: Dry follows it. */
  readonly dryAfter: Position
  isDry: boolean
  /** Nothing more is taken from the queue until a `Drained`. */
  isPaused: boolean
  /** What is in the stream but not in the queue, in the order of the stream. */
  readonly inserts: Array<WaitingEphemeral | WaitingEnded>
  ephemeralBytes: number
}

/**
 * The deadlines of a connection whose client says nothing.
 *
 * @category models
 * @since 0.1.0
 */
export type SilenceDeadline = Extract<Deadline, { readonly _tag: "Handshake" | "Idle" }>

/**
 * One open socket.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  readonly id: ConnectionId
  readonly group: Group
  /** When the last frame or ping came in, in ms by the monotonic clock, moved by the time in which nothing was read. */
  lastSeenAt: number
  /** Until when the ClientHello has to come, on the same clock, moved by the same. */
  helloDueAt: number
  /** Since when nothing is read, on the same clock; absent while it is. */
  heldSince: number | undefined
  /** Deadlines that came while nothing was read. */
  readonly missed: Array<SilenceDeadline>
  /** So much waits to be written to it that its session, as soon as there is one, has to wait for a `Drained`. */
  isCongested: boolean
  readonly esk: EphemeralKey
  readonly challenge: Uint8Array
  session: Session | undefined
}

/**
 * The transaction that is under way in a group (decision 12).
 *
 * @category models
 * @since 0.1.0
 */
export interface TransactionLock {
  readonly holder: Session
  /** When its time is over. */
  readonly deadline: Scheduled
  /** Verbatim from BeginTransaction. */
  readonly encryptedScope: Box<"dgtsk">
  readonly messages: Array<SealedMessage>
  bytes: number
}

/**
 * One device group.
 *
 * @category models
 * @since 0.1.0
 */
export interface Group {
  readonly key: GroupKey
  readonly id: GroupId
  /** In the order of registration. */
  readonly slots: Map<DeviceId, DeviceSlot>
  /** In the order of registration: the leader's succession. */
  readonly sessions: Array<Session>
  readonly connections: Map<ConnectionId, Connection>
  encryptedSharedDeviceData: Box<"dgsddk">
  lock: TransactionLock | undefined
  leader: Session | undefined
  /** The last `Persist` that took a slot away; until it is durable, a crash may bring the slot back. */
  departed: PersistId
  /** The last `Persist` that registered a device; until it is durable, a crash may take back the slot or its info. */
  registered: PersistId
}

/**
 * The whole mediator.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly groups: Map<GroupKey, Group>
  /** The groups that can be forgotten: nobody is connected, no slot is volatile. In the order in which they became so. */
  readonly idle: Set<GroupKey>
  readonly connections: Map<ConnectionId, Connection>
  readonly deadlines: Deadlines
  /** The time of the last `WakeAt`, `Infinity` when none is due. */
  wakeAt: number
  lastPersist: PersistId
  /** About what all transactions together hold, in bytes. */
  transactionBytes: number
  isShutDown: boolean
}

/**
 * A mediator that has heard of nobody.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeState = (): State => ({
  groups: new Map(),
  idle: new Set(),
  connections: new Map(),
  deadlines: makeDeadlines(),
  wakeAt: Infinity,
  lastPersist: 0,
  transactionBytes: 0,
  isShutDown: false
})

/**
 * The name of a group in the mediator and its store: lowercase hex of the group id.
 *
 * @category getters
 * @since 0.1.0
 */
export const groupKeyOf = (groupId: GroupId): GroupKey => Hex.encode(groupId)

/**
 * Whether the state has this group; if not, an `Opened` for it has to bring what the store knows.
 *
 * @category getters
 * @since 0.1.0
 */
export const knowsGroup = (state: State, key: GroupKey): boolean => state.groups.has(key)

/**
 * The id that a position has on the wire: its lowest 32 bits (decision 9).
 *
 * @category getters
 * @since 0.1.0
 */
export const reflectedIdOf = (position: Position): ReflectedId => (position >>> 0) as ReflectedId

/**
 * The latest position at or before `last` that has this id on the wire. Zero or less if there never was one.
 *
 * @category getters
 * @since 0.1.0
 */
export const positionOf = (reflectedId: number, last: Position): Position => last - ((last - reflectedId) >>> 0)

/**
 * Where the stream of a new slot begins whose first id on the wire is this one. Position 0 stands for none, so that a
 * stream begins a round later if its first id is 0.
 *
 * @category getters
 * @since 0.1.0
 */
export const firstPosition = (firstReflectedId: number): Position =>
  firstReflectedId === 0 ? 2 ** 32 : firstReflectedId
