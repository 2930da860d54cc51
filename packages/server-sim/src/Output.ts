/**
 * Everything a mediator wants done.
 *
 * Owns the words in which the core tells its shell. What promises something names the `Persist` that must be durable
 * first; `Send`, `SendQueued` and `Close` of one connection keep their order even when one of them waits.
 *
 * @since 0.1.0
 */
import type { DeviceId, ServerFrame } from "@d2m/codec"
import type { Decision } from "./Decision.ts"
import type { ConnectionId } from "./Input.ts"
import type { Position } from "./PositionQueue.ts"
import type { GroupKey, PersistId, StoreCommand } from "./StoreCommand.ts"

/**
 * Write these down, all or nothing. `Persist`s are applied in the order of their ids.
 *
 * @category models
 * @since 0.1.0
 */
export interface Persist {
  readonly _tag: "Persist"
  readonly id: PersistId
  readonly groupKey: GroupKey
  readonly commands: ReadonlyArray<StoreCommand>
}

/**
 * Send a frame, once the `Persist` named by `after` is durable.
 *
 * @category models
 * @since 0.1.0
 */
export interface Send {
  readonly _tag: "Send"
  readonly connection: ConnectionId
  readonly frame: ServerFrame
  readonly after: PersistId
}

/**
 * Read these messages of the connection's slot from the store and send them, in this order; then answer with a `Drained`
 * as soon as there is room. A message that is not there any more was acked meanwhile: skip it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SendQueued {
  readonly _tag: "SendQueued"
  readonly connection: ConnectionId
  readonly groupKey: GroupKey
  readonly deviceId: DeviceId
  readonly positions: ReadonlyArray<Position>
  readonly after: PersistId
}

/**
 * Close the connection. The core has forgotten it already.
 *
 * @category models
 * @since 0.1.0
 */
export interface Close {
  readonly _tag: "Close"
  readonly connection: ConnectionId
  readonly code: number
  /** At most 123 bytes of UTF-8. */
  readonly reason: string
  readonly after: PersistId
}

/**
 * Put in a `Tick` at this time, in ms by the monotonic clock. Replaces the `WakeAt` before it.
 *
 * @category models
 * @since 0.1.0
 */
export interface WakeAt {
  readonly _tag: "WakeAt"
  readonly at: number
}

/**
 * Pass bytes on to the chat server, over a connection that the first of these opens.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToChat {
  readonly _tag: "ToChat"
  readonly connection: ConnectionId
  /** A view of the received frame. */
  readonly data: Uint8Array
}

/**
 * Nothing to do: a word for the journal.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decided {
  readonly _tag: "Decided"
  readonly groupKey: GroupKey
  readonly decision: Decision
}

/**
 * Everything a mediator wants done.
 *
 * @category models
 * @since 0.1.0
 */
export type Output = Persist | Send | SendQueued | Close | WakeAt | ToChat | Decided
