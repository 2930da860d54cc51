/**
 * A connection past its handshake, and the only thing that sends more than a ClientHello and chat bytes.
 * Owns which frames may travel in which direction from here on.
 * Leaves making one to `Handshake`; there is no other way to get one.
 */
import type { ClientFrame, ServerInfo } from "@d2m/codec"
import { Array as Arr, Effect } from "effect"
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import { type ConnectionEnd, ProtocolViolation } from "./ConnectionEnd.ts"
import { type Link, type MediatorFrame, sessionWriter } from "./Link.ts"
import type { TransportError } from "./TransportError.ts"

/**
 * The frames that a device may send once the handshake is over.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionFrame = Exclude<ClientFrame, { readonly _tag: "ClientHello" | "Unknown" }>

/**
 * The frames that a mediator may send once the handshake is over, apart from chat bytes.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionServerFrame = Exclude<MediatorFrame, { readonly _tag: "ServerHello" | "ServerInfo" }>

const SessionTypeId: unique symbol = Symbol.for("@d2m/client/Session")

/**
 * A connection past its handshake.
 *
 * @category models
 * @since 0.1.0
 */
export interface Session {
  readonly [SessionTypeId]: typeof SessionTypeId
  /** What the mediator said about itself and the device's slot. */
  readonly info: ServerInfo
  /** Writes one frame, with the socket's backpressure. Fails once the connection has ended. */
  readonly send: (frame: SessionFrame) => Effect.Effect<void, TransportError>
  /** Writes frames in one go. */
  readonly sendAll: (frames: NonEmptyReadonlyArray<SessionFrame>) => Effect.Effect<void, TransportError>
  /** Writes frames that were encoded where they were sealed; for `Reflection`. */
  readonly sendEncoded: (frames: NonEmptyReadonlyArray<Uint8Array>) => Effect.Effect<void, TransportError>
  /** What the mediator has sent, an array a read; fails with the end of the connection. */
  readonly receive: Effect.Effect<NonEmptyReadonlyArray<SessionServerFrame>, ConnectionEnd>
}

const isPlaced = (frame: MediatorFrame): frame is SessionServerFrame =>
  frame._tag !== "ServerHello" && frame._tag !== "ServerInfo"

/**
 * For `Handshake` alone.
 *
 * @internal
 */
export const makeSession = (link: Link, info: ServerInfo): Session => {
  const { send, sendEncoded } = link[sessionWriter]
  let misplaced: MediatorFrame | undefined
  const check = (
    frames: NonEmptyReadonlyArray<MediatorFrame>
  ): Effect.Effect<NonEmptyReadonlyArray<SessionServerFrame>, ConnectionEnd> => {
    const placed = frames.every(isPlaced) ? frames : Arr.takeWhile(frames, isPlaced)
    misplaced = frames[placed.length]
    return isReadonlyArrayNonEmpty(placed) ? Effect.succeed(placed) : receive
  }
  const checked = Effect.flatMap(link.frames, check)
  const receive: Session["receive"] = Effect.suspend(() =>
    misplaced === undefined
      ? checked
      : Effect.fail(new ProtocolViolation({ expected: "a frame of a session", found: misplaced._tag }))
  )
  return {
    [SessionTypeId]: SessionTypeId,
    info,
    send: (frame) => send([frame]),
    sendAll: send,
    sendEncoded,
    receive
  }
}
