/**
 * Everything that can happen to a mediator.
 *
 * Owns the words in which a shell tells its core what came in. Entropy comes in here too: the core has none.
 *
 * @since 0.1.0
 */
import type { EphemeralKey, GroupId } from "@d2m/codec"
import type { GroupKey, GroupSnapshot } from "./StoreCommand.ts"

/**
 * Names a connection within one run of a mediator. The shell picks it and never picks the same twice.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionId = number

/**
 * A socket is open.
 *
 * @category models
 * @since 0.1.0
 */
export interface Opened {
  readonly _tag: "Opened"
  readonly connection: ConnectionId
  /** 32 bytes, from the URL path. */
  readonly groupId: GroupId
  /** What the store knows of the group. Looked at only if the state does not know it (see `knowsGroup`). */
  readonly stored?: GroupSnapshot
  /** The key pair of this connection, made from fresh random bytes. */
  readonly esk: EphemeralKey
  /** 32 fresh random bytes. */
  readonly challenge: Uint8Array
}

/**
 * A WebSocket message came in. The bytes may be reused once what `step` put out has been dealt with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Received {
  readonly _tag: "Received"
  readonly connection: ConnectionId
  /** A string for a text message. */
  readonly message: Uint8Array | string
}

/**
 * A WebSocket ping came in: a sign of life (decision 14).
 *
 * @category models
 * @since 0.1.0
 */
export interface Pinged {
  readonly _tag: "Pinged"
  readonly connection: ConnectionId
}

/**
 * The socket has ended, whoever ended it and why.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gone {
  readonly _tag: "Gone"
  readonly connection: ConnectionId
}

/**
 * So much waits to be written to the socket that nothing more should be taken from the queue for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Congested {
  readonly _tag: "Congested"
  readonly connection: ConnectionId
}

/**
 * Nothing is read from the socket from now on: the store or the socket's other direction is behind. Silence does not count
 * against the client meanwhile.
 *
 * @category models
 * @since 0.1.0
 */
export interface Held {
  readonly _tag: "Held"
  readonly connection: ConnectionId
}

/**
 * The socket is read again after a `Held`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Released {
  readonly _tag: "Released"
  readonly connection: ConnectionId
}

/**
 * There is room again after a `Congested` or a `SendQueued`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Drained {
  readonly _tag: "Drained"
  readonly connection: ConnectionId
}

/**
 * A `Persist` of this group, or reading it, failed, or its part of the state broke an invariant. Closes the group's
 * connections with 1011 and forgets what the state knows of it: the store knows better.
 *
 * @category models
 * @since 0.1.0
 */
export interface GroupFailed {
  readonly _tag: "GroupFailed"
  readonly groupKey: GroupKey
}

/**
 * The chat server sent one chat message.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChatReceived {
  readonly _tag: "ChatReceived"
  readonly connection: ConnectionId
  readonly data: Uint8Array
}

/**
 * The connection to the chat server is over.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChatGone {
  readonly _tag: "ChatGone"
  readonly connection: ConnectionId
  readonly how: "Ended" | "Unreachable" | "Failed"
}

/**
 * Close a connection: an operator's or a test's wish.
 *
 * @category models
 * @since 0.1.0
 */
export interface CloseRequested {
  readonly _tag: "CloseRequested"
  readonly connection: ConnectionId
  readonly code: number
  readonly reason: string
}

/**
 * What the store knows of a group with volatile slots, which are to expire in time though nobody connects. Of no interest
 * if the state knows the group by now.
 *
 * @category models
 * @since 0.1.0
 */
export interface Loaded {
  readonly _tag: "Loaded"
  readonly groupId: GroupId
  readonly stored: GroupSnapshot
}

/**
 * The mediator stops: every connection is closed with 1001, and so is any that opens later.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shutdown {
  readonly _tag: "Shutdown"
}

/**
 * The time of the last `WakeAt` has come.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tick {
  readonly _tag: "Tick"
}

/**
 * Everything that can happen to a mediator.
 *
 * @category models
 * @since 0.1.0
 */
export type Input =
  | Opened
  | Received
  | Pinged
  | Gone
  | Held
  | Released
  | Congested
  | Drained
  | GroupFailed
  | ChatReceived
  | ChatGone
  | CloseRequested
  | Loaded
  | Shutdown
  | Tick
