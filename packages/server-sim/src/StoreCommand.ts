/**
 * Everything a mediator writes down, as data.
 *
 * Owns what must survive a restart: slots, their queues with id counters, connection times and shared data (PROTOCOL
 * section 0: decisions 9, 11, 12, 14). The transaction lock, its buffer and ephemerals are not written: they end with
 * the process. How commands reach a disk is a `MediatorStore`'s.
 *
 * @since 0.1.0
 */
import type { DeviceId } from "@d2m/codec"
import type { Position } from "./PositionQueue.ts"

/**
 * A device group in the mediator and in the store: lowercase hex of its 32-byte id.
 *
 * @category models
 * @since 0.1.0
 */
export type GroupKey = string

/**
 * Numbers the `Persist`s of a mediator, ascending from 1. A store applies them in this order; 0 stands for "nothing to
 * wait for".
 *
 * @category models
 * @since 0.1.0
 */
export type PersistId = number

/**
 * Creates the slot of a device or, if it is there, renews what its ClientHello said. The slot counts as connected.
 *
 * @category models
 * @since 0.1.0
 */
export interface RegisterSlot {
  readonly _tag: "RegisterSlot"
  readonly deviceId: DeviceId
  /** The raw number of `DeviceSlotExpirationPolicy`. */
  readonly expirationPolicy: number
  readonly encryptedDeviceInfo: Uint8Array
  /** What a new slot starts at: its first message stands at `issued` + 1. Ignored for a slot that is there. */
  readonly issued: Position
}

/**
 * The connection of a device ended; its slot stays.
 *
 * @category models
 * @since 0.1.0
 */
export interface DisconnectSlot {
  readonly _tag: "DisconnectSlot"
  readonly deviceId: DeviceId
  /** Milliseconds since 1970. */
  readonly at: number
}

/**
 * Frees the slot of a device and deletes its queue.
 *
 * @category models
 * @since 0.1.0
 */
export interface DropSlot {
  readonly _tag: "DropSlot"
  readonly deviceId: DeviceId
}

/**
 * Appends one message to the queues of several slots, which also have given out their ids up to its position.
 *
 * @category models
 * @since 0.1.0
 */
export interface Append {
  readonly _tag: "Append"
  readonly flags: number
  /** Milliseconds since 1970. */
  readonly timestamp: bigint
  /** May be a view of a larger buffer: a store that keeps it in memory decides whether to copy. */
  readonly envelope: Uint8Array
  readonly to: ReadonlyArray<{ readonly deviceId: DeviceId; readonly position: Position }>
}

/**
 * A slot has given out its ids up to `issued`: an ephemeral took the last one.
 *
 * @category models
 * @since 0.1.0
 */
export interface IssueId {
  readonly _tag: "IssueId"
  readonly deviceId: DeviceId
  readonly issued: Position
}

/**
 * Removes one message from the queue of a slot.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ack {
  readonly _tag: "Ack"
  readonly deviceId: DeviceId
  readonly position: Position
}

/**
 * Replaces the shared device data of the group.
 *
 * @category models
 * @since 0.1.0
 */
export interface SetSharedData {
  readonly _tag: "SetSharedData"
  readonly encryptedSharedDeviceData: Uint8Array
}

/**
 * One thing to write down about a group.
 *
 * @category models
 * @since 0.1.0
 */
export type StoreCommand = RegisterSlot | DisconnectSlot | DropSlot | Append | IssueId | Ack | SetSharedData

/**
 * One message of a slot's queue, as it was reflected.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredMessage {
  readonly position: Position
  readonly flags: number
  /** Milliseconds since 1970. */
  readonly timestamp: bigint
  readonly envelope: Uint8Array
}

/**
 * What a store knows of one slot.
 *
 * @category models
 * @since 0.1.0
 */
export interface SlotSnapshot {
  readonly deviceId: DeviceId
  readonly expirationPolicy: number
  readonly encryptedDeviceInfo: Uint8Array
  readonly issued: Position
  /** When its connection ended, in ms since 1970; absent when the mediator stopped before it did. */
  readonly lastDisconnectAt?: number
  /** Messages not acked yet: positions ascending, sizes of their envelopes in bytes. */
  readonly queue: { readonly positions: ReadonlyArray<Position>; readonly sizes: ReadonlyArray<number> }
}

/**
 * What a store knows of one group, slots in the order of their registration.
 *
 * @category models
 * @since 0.1.0
 */
export interface GroupSnapshot {
  readonly encryptedSharedDeviceData: Uint8Array
  readonly slots: ReadonlyArray<SlotSnapshot>
}
