/**
 * What somebody who watches a mediator is told: the life of its connections, and what it decides about groups.
 *
 * Owns the vocabulary. Rare things only: nothing here happens once a frame, and but for addresses nothing here is a
 * secret, so that it is fit for logs and traces. Whole frames are the journal's.
 *
 * @since 0.1.0
 */
import type { DeviceId } from "@d2m/codec"
import type { Decision } from "../Decision.ts"
import type { ConnectionId } from "../Input.ts"
import type { GroupKey } from "../StoreCommand.ts"
import type { EndedBy, Traffic } from "./Meter.ts"

/**
 * A connection as observers see it. It changes while it lives.
 *
 * @category models
 * @since 0.1.0
 */
export interface ObservedConnection {
  readonly id: ConnectionId
  readonly groupKey: GroupKey
  /** Its address, as guards count it; absent in memory. Personal data: for counting, not for telling. */
  readonly origin: string | undefined
  /** Absent before the ClientHello was accepted. */
  readonly deviceId: DeviceId | undefined
  /** So far. */
  readonly traffic: Traffic
}

/**
 * One thing that happened.
 *
 * @category models
 * @since 0.1.0
 */
export type Happening =
  /** A socket was opened. */
  | { readonly _tag: "Opened"; readonly connection: ObservedConnection }
  /** Its ClientHello was accepted; so many messages were queued for the device. */
  | {
      readonly _tag: "Registered"
      readonly connection: ObservedConnection
      readonly isNew: boolean
      readonly queued: number
    }
  /** It is over. The reason is the mediator's text, or its WebSocket's; what a client gives as a reason is not told. */
  | {
      readonly _tag: "Ended"
      readonly connection: ObservedConnection
      readonly by: EndedBy
      readonly code: number
      readonly reason: string
    }
  | { readonly _tag: "Decided"; readonly groupKey: GroupKey; readonly decision: Decision }
  /** The group's connections were closed with 1011: its store failed, or the mediator did. */
  | { readonly _tag: "GroupFailed"; readonly groupKey: GroupKey }

/**
 * Is told what happens, while it happens: it must not wait or talk to the mediator. What it throws is logged, and harms
 * nobody else.
 *
 * @category models
 * @since 0.1.0
 */
export type Observer = (happening: Happening) => void
