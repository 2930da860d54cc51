/**
 * The connection that is live now, for everything in a device that needs one.
 * Owns the cell that holds it, and the way to end it from outside of its pipelines.
 * Leaves its life to `Connection`.
 */
import { Deferred, Effect, Fiber, Latch, Schema } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { type Arrivals, makeArrivals } from "./Arrivals.ts"
import type { ConnectionEnd } from "./ConnectionEnd.ts"
import type { ConnectionState } from "./ConnectionState.ts"
import type { Link } from "./Link.ts"
import { Requests } from "./Requests.ts"
import type { Session, SessionFrame } from "./Session.ts"
import type { TransportError } from "./TransportError.ts"

const states = [
  "Connecting",
  "Handshaking",
  "Live",
  "Waiting",
  "NeedsUser",
  "Stopped"
] as const satisfies ReadonlyArray<ConnectionState["_tag"]>

/**
 * There is no connection past its handshake, or it ended before the mediator answered.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotLive extends Schema.TaggedError<NotLive>("@d2m/client/NotLive")("NotLive", {
  /** The connection state at that time, by its tag; `Live` when the connection was just about to end. */
  state: Schema.Literals(states)
}) {
  override get message(): string {
    return this.state === "Live"
      ? "the connection ended before the mediator answered"
      : `the device is not connected (${this.state})`
  }
}

/** @internal */
export interface LiveConnection {
  readonly session: Session
  readonly link: Link
  readonly requests: Requests
  /** Open when another device's transaction has ended since it was closed. */
  readonly lockReleased: Latch.Latch
  /** The reflected messages that have come on it. */
  readonly arrivals: Arrivals
  /** Done when all has been read that was in the queue when it began: how many had arrived by then. */
  readonly dry: Deferred.Deferred<number>
  /**
   * Why reflected messages are not taken in any more, if they are not; all but ephemerals come again on the next
   * connection. `Unanswerable`: none of them could be acked.
   */
  passingOver: "FellBehind" | "Unanswerable" | undefined
  /** How it ended, once it has. */
  ended: ConnectionEnd | undefined
  /** Ends the connection; the first reason counts. */
  readonly end: (reason: ConnectionEnd) => void
  /** Fails when the connection has ended. */
  readonly over: Effect.Effect<never, ConnectionEnd>
  /** Writes frames; gives up when the connection ends meanwhile. */
  readonly send: (frames: NonEmptyReadonlyArray<SessionFrame>) => Effect.Effect<void, ConnectionEnd>
  /**
   * Writes a request whose answer `expect` enters, and gives the way to take that back. Both are one step: answers belong to
   * what was written by their order alone. Who gives it up leaves the request on its way, and its answer in its place.
   */
  readonly ask: (frame: SessionFrame, expect: (requests: Requests) => () => void) => Effect.Effect<void, ConnectionEnd>
}

/**
 * Holds the live connection, if there is one.
 *
 * @internal
 */
export interface LiveCell {
  readonly current: () => LiveConnection | undefined
  /** The live connection, as soon as there is one. */
  readonly next: Effect.Effect<LiveConnection>
  /** A connection has become live; it is the current one until its `end`. */
  readonly begin: (link: Link, session: Session) => LiveConnection
}

/** @internal */
export const makeLiveCell = (): LiveCell => {
  let current: LiveConnection | undefined
  const present = Latch.makeUnsafe(false)
  const next: Effect.Effect<LiveConnection> = Effect.suspend(() =>
    current === undefined ? Effect.andThen(present.await, next) : Effect.succeed(current)
  )
  const begin = (link: Link, session: Session): LiveConnection => {
    const over = Deferred.makeUnsafe<never, ConnectionEnd>()
    const live: LiveConnection = {
      session,
      link,
      requests: new Requests(link.listeningTime),
      lockReleased: Latch.makeUnsafe(false),
      arrivals: makeArrivals(),
      dry: Deferred.makeUnsafe<number>(),
      passingOver: undefined,
      ended: undefined,
      end: (reason) => {
        if (live.ended !== undefined) return
        live.ended = reason
        current = undefined
        present.closeUnsafe()
        Deferred.doneUnsafe(over, Effect.fail(reason))
      },
      over: Deferred.await(over),
      send: (frames) =>
        Effect.suspend(() =>
          live.ended === undefined ? unlessOver(session.sendAll(frames)) : Effect.fail(live.ended)
        ),
      ask: (frame, expect) =>
        Effect.suspend(() => {
          const withdraw = expect(live.requests)
          // Nobody can say of a write that waits whether the socket has taken it: only the connection's end cuts it short.
          const write = Effect.onError(live.send([frame]), () => Effect.sync(withdraw))
          return Effect.forkDetach(write, { startImmediately: true, uninterruptible: true })
        }).pipe(Effect.uninterruptible, Effect.flatMap(Fiber.join))
    }
    const unlessOver = (write: Effect.Effect<void, TransportError>): Effect.Effect<void, ConnectionEnd> =>
      Effect.flatMap(Effect.forkChild(write, { startImmediately: true }), (writing) => {
        // Most writes do not wait, and a race would cost more than they do.
        const written = writing.pollUnsafe()
        if (written !== undefined) return written
        return Effect.ensuring(Effect.raceFirst(Fiber.join(writing), live.over), Fiber.interrupt(writing))
      })
    current = live
    present.openUnsafe()
    return live
  }
  return { current: () => current, next, begin }
}
