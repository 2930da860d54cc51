/**
 * The one truth about a device's connection, readable and subscribable.
 * Owns the closed union `ConnectionState` and the cell that publishes it.
 * Leaves every transition to the reconnect loop and the connection.
 */
import { Effect, Latch, Schema, Stream } from "effect"
import { ConnectionEnd } from "./ConnectionEnd.ts"
import { Audience } from "./SlidingPubSub.ts"
import { ResumeChoice, UserReason } from "./UserQuestion.ts"

const pendingReflects = Schema.Int

/**
 * What is true of the connection now.
 *
 * - `Connecting` dials for the `attempt`th time since a connection last settled, 1 for the first
 * - `Handshaking` the WebSocket is open, ServerInfo has not come yet
 * - `Live` since ServerInfo at `since`; `dry` once the queue was delivered, `leader` once promoted; `queued` is how long
 *   the queue was at that time, `maxDeviceSlots` the mediator's limit
 * - `Waiting` after `failures` failures in a row, until `nextTryAt`; absent while the chat handler is asked for its verdict
 * - `NeedsUser` for `reason`, until one `resume`s; `answers` can help
 * - `Stopped` for good, because it was told to or, where it `died`, by a defect or a foreign interruption that its observer
 *   or the log was told; what was not acked is given to who `stop`s it and to the callers
 *
 * Times are milliseconds since 1970 on the device's clock. `pendingReflects` counts the reflects outside transactions
 * that the mediator has not acked.
 *
 * @category models
 * @since 0.1.0
 */
export const ConnectionState = Schema.TaggedUnion({
  Connecting: { attempt: Schema.Int, pendingReflects },
  Handshaking: { attempt: Schema.Int, pendingReflects },
  Live: {
    since: Schema.Number,
    dry: Schema.Boolean,
    leader: Schema.Boolean,
    queued: Schema.Int,
    maxDeviceSlots: Schema.Int,
    pendingReflects
  },
  Waiting: {
    failures: Schema.Int,
    nextTryAt: Schema.optionalKey(Schema.Number),
    because: ConnectionEnd,
    pendingReflects
  },
  NeedsUser: { reason: UserReason, answers: Schema.Array(ResumeChoice), pendingReflects },
  Stopped: { died: Schema.Boolean, pendingReflects }
})

/**
 * Where a device stands with its mediator; times are in ms since 1970.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionState = typeof ConnectionState.Type

type WithoutPending<S> = S extends { readonly _tag: "Stopped" } ? S : Omit<S, "pendingReflects">

/**
 * A state without the count of pending reflects, which the cell adds.
 *
 * @internal
 */
export type Phase = WithoutPending<ConnectionState>

/**
 * How a state is read.
 *
 * `changes` begins with the present state and ends after `Stopped`. A subscriber that falls behind loses the oldest
 * states, never the latest.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionStateView {
  readonly get: Effect.Effect<ConnectionState>
  readonly changes: Stream.Stream<ConnectionState>
}

/**
 * Where the state is kept.
 *
 * @internal
 */
export interface StateCell {
  readonly get: Effect.Effect<ConnectionState>
  readonly changes: () => Stream.Stream<ConnectionState>
  readonly phase: () => Phase
  readonly setUnsafe: (phase: Phase) => void
  /** Publishes a changed count of pending reflects, once for however many changed. */
  readonly refreshUnsafe: () => void
  /** Waits while the state is `Live`. */
  readonly notLive: Effect.Effect<void>
}

/**
 * The state for those who may not change it.
 *
 * @internal
 */
export class StateView implements ConnectionStateView {
  readonly get: Effect.Effect<ConnectionState>
  readonly #cell: StateCell

  constructor(cell: StateCell) {
    this.#cell = cell
    this.get = cell.get
  }

  /** Made when asked for: V8 keeps what a stream closes over, here all of a device, until a major collection. */
  get changes(): Stream.Stream<ConnectionState> {
    return this.#cell.changes()
  }
}

const isSameAttempt = (phase: Phase, next: Phase): boolean =>
  phase._tag === "Connecting" && next._tag === "Connecting" && phase.attempt === next.attempt

/** @internal */
export const makeStateCell = (options: {
  readonly capacity: number
  readonly pending: () => number
  readonly onState: (state: ConnectionState) => void
}): StateCell => {
  let phase: Phase = { _tag: "Connecting", attempt: 1 }
  let published = 0
  const notLive = Latch.makeUnsafe(true)
  const current = (): ConnectionState =>
    phase._tag === "Stopped" ? phase : { ...phase, pendingReflects: options.pending() }
  const audience = new Audience<ConnectionState>({ capacity: options.capacity, replay: 1 })
  const publish = () => {
    published = options.pending()
    const state = current()
    options.onState(state)
    audience.publish(state)
  }
  publish()
  const refreshUnsafe = () => {
    if (phase._tag !== "Stopped" && published !== options.pending()) publish()
  }
  return {
    get: Effect.sync(current),
    changes: () =>
      // A subscriber begins with what was published last.
      Stream.suspend(() => {
        refreshUnsafe()
        return Stream.fromPubSub(audience.get(() => audience.publish(current())))
      }).pipe(Stream.takeUntil((state) => state._tag === "Stopped")),
    phase: () => phase,
    setUnsafe: (next) => {
      if (phase._tag === "Stopped" || isSameAttempt(phase, next)) return
      phase = next
      publish()
      if (next._tag === "Live") notLive.closeUnsafe()
      else notLive.openUnsafe()
    },
    refreshUnsafe,
    notLive: notLive.await
  }
}
