/**
 * What a session knows of its device: the latest state and how much has come in.
 *
 * Owns the telling of everything that happens without being asked for, and the waiting for it.
 *
 * @since 0.1.0
 */
import type { ConnectionState, DeviceObserver, ReflectedMessage, UserReason } from "@d2m/client"
import { Effect, Latch } from "effect"
import { eventLine, receivedLine, stateLine } from "./Observation.ts"
import type { SessionLine } from "./SessionLine.ts"

/**
 * A device under observation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Watch {
  /** The handler of what other devices reflect: tells it and counts it. */
  readonly onReflected: (batch: ReadonlyArray<ReflectedMessage>) => Effect.Effect<void>
  /** Tells states and events when they happen: none is late when a condition holds, and none is missing at the end. */
  readonly observer: DeviceObserver
  /** Tells no further ones. */
  readonly end: Effect.Effect<void>
  readonly state: () => ConnectionState | undefined
  /** What the device asks its user now. */
  readonly question: () => UserReason | undefined
  /** Waits until a question is no longer asked. */
  readonly untilAnswered: (question: UserReason) => Effect.Effect<void>
  /** Whether there has been a connection past its handshake. */
  readonly wasLive: () => boolean
  /** How many messages have come, ephemerals included. */
  readonly received: () => number
  /** Waits until a condition holds; it is looked at whenever something has changed. */
  readonly until: (condition: () => boolean) => Effect.Effect<void>
  /** Something that a condition may depend on has changed. */
  readonly poke: () => void
}

/** Counts of pending reflects change with every reflect; that alone is no news. */
const isNews = (before: ConnectionState | undefined, next: ConnectionState): boolean =>
  before?._tag !== next._tag ||
  (before._tag === "Waiting" &&
    next._tag === "Waiting" &&
    (before.failures !== next.failures || before.nextTryAt !== next.nextTryAt))

/**
 * A watch that has seen nothing yet; what it sees from then on is told as lines.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (tell: (line: SessionLine) => void): Effect.Effect<Watch> =>
  Effect.clockWith((clock) =>
    Effect.sync(() => {
      const changed = Latch.makeUnsafe(false)
      let state: ConnectionState | undefined
      let isOver = false
      let wasLive = false
      let received = 0
      const poke = () => changed.openUnsafe()
      const observer: DeviceObserver = {
        onState: (next) => {
          if (isOver) return
          const news = isNews(state, next)
          state = next
          if (next._tag === "Live") wasLive = true
          if (news) tell(stateLine(next, clock.currentTimeMillisUnsafe()))
          poke()
        },
        onEvent: (event) => {
          if (!isOver) tell(eventLine(event, clock.currentTimeMillisUnsafe()))
        }
      }
      // An observer must not call the device, which whoever has waited is about to do.
      const inItsTurn = Effect.andThen(changed.await, Effect.yieldNow)
      const until: Watch["until"] = (condition) =>
        Effect.suspend(() => {
          if (condition()) return Effect.void
          changed.closeUnsafe()
          return Effect.andThen(inItsTurn, until(condition))
        })
      const question = () => (state?._tag === "NeedsUser" ? state.reason : undefined)
      return {
        onReflected: (batch) =>
          Effect.sync(() => {
            for (const message of batch) tell(receivedLine(message))
            received += batch.length
            poke()
          }),
        observer,
        end: Effect.sync(() => {
          isOver = true
        }),
        state: () => state,
        question,
        untilAnswered: (answered) => until(() => question() !== answered),
        wasLive: () => wasLive,
        received: () => received,
        until,
        poke
      }
    })
  )
