/**
 * What a mediator decided where the wire does not show it, or not why.
 *
 * Owns the vocabulary; decisions are made where the protocol's concepts live and read in the journal.
 *
 * @since 0.1.0
 */
import type { DeviceId } from "@d2m/codec"

/**
 * Why a transaction ended without a commit.
 *
 * @category models
 * @since 0.1.0
 */
export type TransactionLossReason = "Disconnected" | "Replaced" | "Dropped" | "TtlReached" | "TotalReached"

/**
 * Why a slot was freed.
 *
 * @category models
 * @since 0.1.0
 */
export type SlotLossReason = "DroppedByDevice" | "LeastRecent" | "VolatileGraceOver" | "QueueLimit"

/**
 * A decision of the mediator about one device of a group. Rare ones only: nothing here happens once a frame.
 *
 * @category models
 * @since 0.1.0
 */
export type Decision =
  /** A ClientHello was accepted. */
  | { readonly _tag: "Registered"; readonly deviceId: DeviceId; readonly isNew: boolean; readonly queued: number }
  /** A newer connection of the device took over. */
  | { readonly _tag: "Replaced"; readonly deviceId: DeviceId }
  | { readonly _tag: "SlotFreed"; readonly deviceId: DeviceId; readonly why: SlotLossReason }
  /** Everything that was queued when the device connected has been handed to its connection. */
  | { readonly _tag: "BecameDry"; readonly deviceId: DeviceId }
  | { readonly _tag: "BecameLeader"; readonly deviceId: DeviceId }
  /** The lock was taken, for `ttl` ms at most. */
  | { readonly _tag: "TransactionBegun"; readonly deviceId: DeviceId; readonly ttl: number }
  | { readonly _tag: "TransactionRejected"; readonly deviceId: DeviceId; readonly holder: DeviceId }
  /** The buffer, of so many messages, was stored for all. */
  | { readonly _tag: "TransactionCommitted"; readonly deviceId: DeviceId; readonly messages: number }
  /** The buffer, of so many messages, was thrown away. */
  | {
      readonly _tag: "TransactionDiscarded"
      readonly deviceId: DeviceId
      readonly messages: number
      readonly why: TransactionLossReason
    }
  /** An ephemeral found no room to wait for its place in this device's stream. */
  | { readonly _tag: "EphemeralDropped"; readonly deviceId: DeviceId }
  /** A lenient mediator overlooked an ack of an id that another connection of the device had got. */
  | { readonly _tag: "EarlierAckIgnored"; readonly deviceId: DeviceId; readonly reflectedId: number }
  /** A lenient mediator overlooked a frame of unknown type. */
  | { readonly _tag: "UnknownFrameIgnored"; readonly type: number }
