/**
 * One connection after the other, for as long as the device lives.
 * Owns the waiting, the question to the user and the answer to it (decisions 24, 25, 26).
 * Leaves the verdict to `ReconnectVerdict`, the waiting time to `ReconnectPolicy`, and each connection to `Connection`.
 */
import type { Crypto } from "@d2m/codec"
import { Clock, Deferred, Duration, Effect, Latch, Random, type Scope } from "effect"
import type { SecureRandom } from "effect/crypto"
import type { Socket } from "effect/socket"
import type { ChatEnd, ChatProxy } from "./ChatProxy.ts"
import { type ConnectionParts, runConnection } from "./Connection.ts"
import type { ConnectionEnd } from "./ConnectionEnd.ts"
import { DeviceStore, type SlotExpectation, type DeviceStoreError } from "./DeviceStore.ts"
import { elapsedMillis, elapsedMillisUnsafe } from "./Elapsed.ts"
import { delayMillis } from "./OptionCheck.ts"
import { askedToWait, failuresAfter, ReconnectPolicy } from "./ReconnectPolicy.ts"
import { reconnectVerdict } from "./ReconnectVerdict.ts"
import { answersTo, type Resume, type UserReason } from "./UserQuestion.ts"

interface Ended {
  readonly end: ConnectionEnd
  readonly chat: ChatEnd | undefined
  /** Milliseconds past ServerInfo. */
  readonly held: number | undefined
}

/** @internal */
export interface ReconnectLoop {
  readonly run: Effect.Effect<never, never, Socket.Socket | Crypto | SecureRandom.SecureRandom | DeviceStore>
  /** Answers the question of a `NeedsUser`; `false` when there is none, or somebody else was first. */
  readonly resume: (answer: Resume) => Effect.Effect<boolean>
  /** Ends the waiting between two connections; `false` when there is none. */
  readonly retryNow: Effect.Effect<boolean>
}

/**
 * How far the mediator's clock may be off, in milliseconds, and for how long the user put up with any.
 *
 * @internal
 */
export interface ClockTolerance {
  readonly get: Effect.Effect<number>
  readonly grant: (during: Duration.Duration) => Effect.Effect<void>
}

/** @internal */
export const makeClockTolerance = (tolerance: number): ClockTolerance => {
  let anyUntil = -Infinity
  return {
    get: Effect.map(elapsedMillis, (now) => (now < anyUntil ? Infinity : tolerance)),
    grant: (during) =>
      Effect.map(elapsedMillis, (now) => {
        anyUntil = now + Duration.toMillis(during)
      })
  }
}

/** What the turns of a loop need, which it brings along: what a generator closes over stays for longer than the device. */
interface Turns {
  readonly options: LoopOptions
  readonly wait: (failures: number, delay: number, because: ConnectionEnd) => Effect.Effect<void>
  readonly askUser: (reason: UserReason) => Effect.Effect<Resume>
}

interface Decided {
  readonly answer: Resume
  readonly reason: UserReason
}

/** @internal */
export interface LoopOptions {
  readonly parts: ConnectionParts
  readonly chat: Effect.Effect<ChatProxy, never, Scope.Scope>
  readonly clockTolerance: ClockTolerance
}

/** The connection is closed before the chat handler is asked about it, which may then still clean up behind the next one. */
const connectOnce = Effect.fnUntraced(function* (options: LoopOptions, failures: number, policy: ReconnectPolicy) {
  const { state } = options.parts
  const chat = yield* options.chat
  const clock = yield* Clock.Clock
  let liveSince: number | undefined
  const end = yield* runConnection(options.parts, chat, failures + 1, () => {
    liveSince = elapsedMillisUnsafe(clock)
  }).pipe(Effect.scoped, Effect.flip)
  const held = liveSince === undefined ? undefined : elapsedMillisUnsafe(clock) - liveSince
  if (chat.isRunning()) {
    state.setUnsafe({ _tag: "Waiting", failures: failuresAfter(policy, failures, held), because: end })
  }
  return { end, held, chat: yield* chat.verdict } satisfies Ended
})

/** Carries an answer out: what the user decided about the slot is remembered before the next ClientHello. */
const apply = (
  clockTolerance: ClockTolerance,
  { answer, reason }: Decided
): Effect.Effect<void, DeviceStoreError, DeviceStore> => {
  switch (answer._tag) {
    case "Continue":
      return reason._tag === "SlotMismatch" && reason.registering
        ? Effect.flatMap(DeviceStore, (store) => store.setSlot("Existing"))
        : Effect.void
    case "ConnectAnyway":
      return clockTolerance.grant(answer.during)
    case "RegisterAgain":
      return Effect.flatMap(DeviceStore, (store) => store.setSlot("New"))
  }
}

const loop = Effect.fnUntraced(function* ({ askUser, options, wait }: Turns) {
  const { events } = options.parts
  const policy = yield* ReconnectPolicy
  const store = yield* DeviceStore
  let failures = 0
  let decided: Decided | undefined

  const applied = Effect.suspend(() =>
    decided === undefined
      ? Effect.void
      : Effect.map(apply(options.clockTolerance, decided), () => {
          decided = undefined
        })
  )
  const nextEnd = applied.pipe(
    Effect.andThen(Effect.suspend(() => connectOnce(options, failures, policy))),
    Effect.catch((end) => Effect.succeed<Ended>({ end, chat: undefined, held: undefined }))
  )

  for (;;) {
    const { chat, end, held } = yield* nextEnd
    // A store that fails says so by itself, with the next connection.
    const slot = yield* Effect.orElseSucceed(store.slot, (): SlotExpectation => "Existing")
    const verdict = reconnectVerdict(end, { slot, chat })
    events.emit({ _tag: "Disconnected", because: end, warn: verdict._tag === "Reconnect" && verdict.warn })
    if (verdict._tag === "Reconnect") {
      const failed = failuresAfter(policy, failures, held)
      // Starting over by one's own will is no failure, but takes as long as the first one.
      failures = verdict.counts ? failed : Math.min(failures, failed - 1)
      const backoff = policy.delay(Math.max(failures, 1), yield* Random.next)
      if (backoff !== undefined) {
        const planned = delayMillis("ReconnectPolicy", backoff)
        const delay = Math.max(planned, askedToWait(end))
        yield* wait(failures, delay, end)
        continue
      }
    }
    const reason: UserReason =
      verdict._tag === "AskUser" ? verdict.reason : { _tag: "TooManyFailures", failures, last: end }
    decided = { reason, answer: yield* askUser(reason) }
    failures = 0
  }
}, Effect.scoped)

/** @internal */
export const makeReconnectLoop = (options: LoopOptions): ReconnectLoop => {
  const { state } = options.parts
  let question: Deferred.Deferred<Resume> | undefined
  let impatient: Latch.Latch | undefined

  const wait = (failures: number, delay: number, because: ConnectionEnd) =>
    Effect.clockWith((clock) => {
      const latch = Latch.makeUnsafe(false)
      impatient = latch
      const nextTryAt = clock.currentTimeMillisUnsafe() + delay
      state.setUnsafe({ _tag: "Waiting", failures, nextTryAt, because })
      return Effect.raceFirst(Effect.sleep(delay), latch.await)
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          impatient = undefined
        })
      )
    )

  const askUser = (reason: UserReason) =>
    Effect.suspend(() => {
      const answer = Deferred.makeUnsafe<Resume>()
      question = answer
      state.setUnsafe({ _tag: "NeedsUser", reason, answers: answersTo(reason) })
      return Deferred.await(answer)
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          question = undefined
        })
      )
    )

  return {
    run: loop({ options, wait, askUser }),
    resume: (answer) =>
      Effect.sync(() => {
        return question !== undefined && Deferred.doneUnsafe(question, Effect.succeed(answer))
      }),
    retryNow: Effect.sync(() => impatient?.openUnsafe() ?? false)
  }
}
