/**
 * Transactions: reflects of one device that become visible all at once, or not at all.
 * Owns the order of precondition, lock, body and commit, and what a lost connection means for them (PROTOCOL C5, decisions
 * 12, 13, 29).
 * Leaves the gate in the outgoing line to `ReflectionLedger`.
 *
 * ```text
 *   precondition ──► Begin ──► held ──► precondition ──► body ──► all acked ──► Commit ──► acked
 *    ▲   ▲             │ rejected   ▲                      │
 *   dry  └─── Ended ◄──┘   all handled that came before    └─ failed: the connection is dropped, the mediator forgets
 * ```
 */
import { type Box, type Crypto, D2d, type DeviceGroupKeys, Limits, millisOf, type Timestamp } from "@d2m/codec"
import { Array as Arr, Context, Deferred, type Duration, Effect, Exit, Formatter, Semaphore } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { SecureRandom } from "effect/crypto"
import { type ConnectionEnd, TransactionAborted } from "./ConnectionEnd.ts"
import type { StateCell } from "./ConnectionState.ts"
import { type Content, type ContentError, encodeOrFail } from "./Envelope.ts"
import type { HandlingOfDevice } from "./Handling.ts"
import type { HoldingOfDevice } from "./Holding.ts"
import type { LiveCell, LiveConnection } from "./LiveConnection.ts"
import type { DeviceStopped } from "./ReflectError.ts"
import type { OutgoingTransaction, Reflection } from "./Reflection.ts"
import {
  PreconditionFailed,
  type TransactionError,
  TransactionInHandler,
  TransactionLost,
  TransactionNested,
  TransactionOver
} from "./TransactionError.ts"

/**
 * The mediator has taken a reflect of a transaction, for as long as the transaction is not committed only provisionally.
 *
 * @category models
 * @since 0.1.0
 */
export interface Provisional {
  /** When the mediator took it, milliseconds since 1970; receivers see the same. */
  readonly timestamp: Timestamp
}

/**
 * The transaction that runs. It exists only in the body of `Device.transaction`.
 *
 * @category services
 * @since 0.1.0
 */
export class Transaction extends Context.Service<
  Transaction,
  {
    /** Reflects one content as a part of the transaction, and waits for the provisional ack. */
    readonly reflect: (content: Content) => Effect.Effect<Provisional, TransactionLost | TransactionOver | ContentError>
    /** Reflects several contents in one go, in their order; they must not change until it ends. */
    readonly reflectAll: (
      contents: NonEmptyReadonlyArray<Content>
    ) => Effect.Effect<NonEmptyReadonlyArray<Provisional>, TransactionLost | TransactionOver | ContentError>
  }
>()("@d2m/client/Transaction") {}

/**
 * What a transaction is about.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransactionOptions<E = never, R = never> {
  /** `D2d.TransactionScopeScope`, an int32, which the other devices are told. */
  readonly scope: number
  /**
   * After which the mediator takes the lock back and closes the connection; whole seconds, rounded up; none, or 0: 60 s. With
   * one that is no duration `transaction` throws a `RangeError`.
   */
  readonly ttl?: Duration.Input | undefined
  /**
   * Must be true before the lock is asked for, and again once it is held.
   *
   * Before the first time all is handled, or set aside, that was in the queue when the device connected; before the second
   * all that came ahead of the lock. So what `onReflected` keeps may be compared with what was seen when an edit began. A body
   * that counts on the same and has nothing to compare gives `Effect.succeed(true)`: without a precondition it runs as soon as
   * the lock is held, whatever waits for the handler. Waiting for the handler under the lock is of the ttl.
   */
  readonly precondition?: Effect.Effect<boolean, E, R> | undefined
}

/**
 * How transactions are run.
 *
 * @internal
 */
export type RunTransaction = <A, E, R, E2 = never, R2 = never>(
  options: TransactionOptions<E2, R2>,
  body: Effect.Effect<A, E, R>
) => Effect.Effect<A, E | E2 | TransactionError, Exclude<R, Transaction> | R2>

type LockAnswer = "Held" | "Rejected" | "Unwritten"

/** One Begin and what became of it. */
interface Asking {
  readonly outgoing: OutgoingTransaction
  readonly answer: Effect.Effect<LockAnswer, TransactionLost>
  readonly committed: Deferred.Deferred<void>
  connection: LiveConnection | undefined
  /** How many messages had come on the connection before the lock. */
  grantedAfter: number
  commitWritten: boolean
  /** Nobody waits any more: a lock that is granted now is given back at once. */
  abandon: () => void
}

/** A transaction that has the lock. */
interface Held<A, E, R> {
  /** The body, once the device has caught up with what came ahead of the lock. */
  readonly run: Effect.Effect<A, E, R>
  /** Gives the lock back after a body that has failed. */
  readonly abort: Effect.Effect<void>
  readonly commit: Effect.Effect<void, TransactionLost>
}

/** What a transaction does on its way, in the order in which it comes to it. */
interface Steps<A, E, R> {
  readonly sealedScope: Effect.Effect<Box<"dgtsk">, E>
  /** The next connection that is live. */
  readonly connection: Effect.Effect<LiveConnection, E>
  readonly backlogHandled: (connection: LiveConnection) => Effect.Effect<unknown>
  readonly precondition: Effect.Effect<void, E, R>
  readonly ask: (encryptedScope: Box<"dgtsk">) => Asking
  readonly answer: (asking: Asking) => Effect.Effect<LockAnswer, E>
  readonly waitForRelease: (connection: LiveConnection) => Effect.Effect<unknown>
  readonly hold: (asking: Asking, connection: LiveConnection) => Held<A, E, R>
}

/** From the wish for the lock to the end of the commit; only `restore` lets it be interrupted. */
const carryOut = Effect.fnUntraced(function* <A, E, R>(
  steps: Steps<A, E, R>,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Effect.fn.Return<A, E | TransactionLost, R> {
  const encryptedScope = yield* steps.sealedScope
  for (;;) {
    const current = yield* restore(steps.connection)
    yield* restore(steps.backlogHandled(current))
    if (current.ended !== undefined) continue
    yield* restore(steps.precondition)
    const asking = steps.ask(encryptedScope)
    const answer = yield* Effect.onError(restore(steps.answer(asking)), () => Effect.sync(asking.abandon))
    const { connection } = asking
    if (answer === "Unwritten" || connection === undefined) continue
    if (answer === "Rejected") {
      yield* restore(steps.waitForRelease(connection))
      continue
    }
    const { abort, commit, run } = steps.hold(asking, connection)
    const exit = yield* Effect.exit(restore(run))
    if (Exit.isFailure(exit)) {
      yield* abort
      return yield* exit
    }
    yield* commit
    return exit.value
  }
})

/** As many as fit the field: the mediator has its own idea of what is too long. */
const secondsOf = (ttl: Duration.Input): number => {
  const millis = millisOf(ttl)
  if (Number.isNaN(millis)) throw new RangeError(`a ttl must be a duration, and is ${Formatter.format(ttl)}`)
  return Math.min(Math.max(Math.ceil(millis / 1000), 0), 0xffff_ffff)
}

const lostBy = (because: ConnectionEnd, committed: "no" | "unknown" = "no") =>
  new TransactionLost({ committed, because })

/** @internal */
export type Transactions = ReturnType<typeof makeTransactions>

/** @internal */
export const makeTransactions = (options: {
  readonly crypto: Crypto["Service"]
  readonly random: SecureRandom.SecureRandom["Service"]
  readonly keys: Pick<DeviceGroupKeys, "dgtsk">
  readonly reflection: Reflection
  readonly live: LiveCell
  readonly state: Pick<StateCell, "notLive">
  /** How long to wait for another device's transaction before asking again, in milliseconds. */
  readonly lockPatience: number
  /** How long to wait for the end of a handler, in milliseconds. */
  readonly handlerPatience: number
  readonly holding: HoldingOfDevice
  readonly handling: Pick<HandlingOfDevice, "within">
  /** Fails when the device stops. */
  readonly stopped: Effect.Effect<never, DeviceStopped>
}) => {
  const { reflection } = options
  const turn = Semaphore.makeUnsafe(1)

  const ask = (begin: OutgoingTransaction["begin"]): Asking => {
    const answer = Deferred.makeUnsafe<LockAnswer, TransactionLost>()
    const reply = (effect: Effect.Effect<LockAnswer, TransactionLost>) => Deferred.doneUnsafe(answer, effect)
    let granted = false
    let abandoned = false
    const asking: Asking = {
      outgoing: {
        begin,
        unbegun: () => reply(Effect.succeed("Unwritten")),
        writing: (frame, connection) => {
          asking.connection = connection
          if (frame === "Commit") {
            asking.commitWritten = true
            connection.requests.expectCommit({
              settle: () => Deferred.doneUnsafe(asking.committed, Effect.void),
              lost: () => {}
            })
            return
          }
          // From here on an Ended may be the one to wait for, even if it overtakes its Rejected.
          connection.lockReleased.closeUnsafe()
          connection.requests.expectLock({
            settle: (frame) => {
              if (frame._tag === "TransactionRejected") {
                reflection.rejected()
                reply(Effect.succeed("Rejected"))
                return
              }
              granted = true
              asking.grantedAfter = connection.arrivals.arrived()
              if (abandoned) reflection.commit(asking.outgoing)
              reply(Effect.succeed("Held"))
            },
            lost: () => reply(Effect.suspend(() => Effect.fail(lostBy(connection.ended!))))
          })
        }
      },
      answer: Deferred.await(answer),
      committed: Deferred.makeUnsafe<void>(),
      connection: undefined,
      grantedAfter: 0,
      commitWritten: false,
      abandon: () => {
        abandoned = true
        withdraw()
        if (granted) reflection.commit(asking.outgoing)
      }
    }
    const withdraw = reflection.begin(asking.outgoing)
    return asking
  }

  const sealScope = (scope: number) =>
    Effect.flatMap(encodeOrFail(D2d.TransactionScope, { scope }), (plain) =>
      Effect.map(options.random.randomBytes(Limits.nonce), (nonce) =>
        options.crypto.seal(options.keys.dgtsk, nonce, plain)
      )
    )

  /** Waits until all is handled that was in the mediator's queue when the connection began, or until it is over. */
  const backlogHandled = (connection: LiveConnection) =>
    Effect.raceFirst(
      Effect.flatMap(Deferred.await(connection.dry), connection.arrivals.settled),
      Effect.exit(connection.over)
    )

  /** Waits for the end of the handler that has started this, without a lock that others wait for. */
  const handlerEnded = Effect.withFiber((fiber) => {
    const ended = options.handling.within(fiber)
    if (ended === undefined) return Effect.void
    const refused = Effect.fail(new TransactionInHandler({}))
    if (ended === "itself") return refused
    return Effect.timeoutOrElse(ended, { duration: options.handlerPatience, orElse: () => refused })
  })

  /** Waits until the lock may be free; the wake-up is never lost, and a lost Ended only costs time. */
  const waitForRelease = (connection: LiveConnection) =>
    Effect.raceFirst(connection.lockReleased.await, Effect.exit(connection.over)).pipe(
      Effect.timeoutOption(options.lockPatience)
    )

  /** Whoever learns that a transaction took the connection with it, or went with it, may look at the state. */
  const stateTold = Effect.suspend(() => (options.live.current() === undefined ? options.state.notLive : Effect.void))

  const transaction: RunTransaction = <A, E, R, E2 = never, R2 = never>(
    given: TransactionOptions<E2, R2>,
    body: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | E2 | TransactionError, Exclude<R, Transaction> | R2> => {
    const ttl = given.ttl === undefined ? 0 : secondsOf(given.ttl)
    const precondition = (lockHeld: boolean) =>
      given.precondition === undefined
        ? Effect.void
        : Effect.flatMap(given.precondition, (holds) =>
            holds ? Effect.void : Effect.fail(new PreconditionFailed({ lockHeld }))
          )

    const hold = (asking: Asking, connection: LiveConnection) => {
      const lost = Effect.mapError(connection.over, (end) => lostBy(end))
      let reflected = false
      let over = false
      type Refused = TransactionLost | TransactionOver | ContentError
      const reflectAll = (contents: NonEmptyReadonlyArray<Content>) =>
        Effect.suspend((): Effect.Effect<NonEmptyReadonlyArray<Timestamp>, Refused> => {
          if (connection.ended !== undefined) return Effect.fail(lostBy(connection.ended))
          if (over) return Effect.fail(new TransactionOver({}))
          const onLine = () => {
            reflected = true
          }
          return reflection.reflectInTransaction(contents, () => lostBy(connection.ended!), onLine)
        }).pipe(Effect.map(Arr.map((timestamp): Provisional => ({ timestamp }))))
      /** The mediator gives the lock at once, ahead of what waits in its queue until it has said Dry. */
      const caughtUp =
        given.precondition === undefined
          ? Effect.void
          : Effect.flatMap(Deferred.await(connection.dry), (dryAfter) =>
              connection.arrivals.settled(Math.max(dryAfter, asking.grantedAfter))
            ).pipe(Effect.raceFirst(lost))
      const service = Transaction.of({
        reflectAll,
        reflect: (content) => Effect.map(reflectAll([content]), ([provisional]) => provisional)
      })
      const run = precondition(true).pipe(
        Effect.andThen(Effect.provideService(body, Transaction, service)),
        Effect.raceFirst(lost),
        Effect.ensuring(
          Effect.sync(() => {
            over = true
          })
        )
      )
      /** There is no abort but to hang up; without a reflect an empty commit does as well. */
      const abort = Effect.sync(() => {
        if (connection.ended !== undefined) return
        if (reflected) connection.end(new TransactionAborted({}))
        else reflection.commit(asking.outgoing)
      })
      const committed = Effect.suspend(() => {
        reflection.commit(asking.outgoing)
        return Effect.raceFirst(Deferred.await(asking.committed), connection.over)
      })
      const commit = Effect.raceFirst(reflection.transactionDrained, lost).pipe(
        Effect.andThen(committed),
        Effect.catch((error) => {
          if (Deferred.isDoneUnsafe(asking.committed)) return Effect.void
          return Effect.fail(
            error._tag === "TransactionLost" ? error : lostBy(error, asking.commitWritten ? "unknown" : "no")
          )
        })
      )
      return { run: Effect.andThen(caughtUp, run), abort, commit }
    }

    type Failed = E | E2 | TransactionError
    type Needed = Exclude<R, Transaction> | R2
    const steps: Steps<A, Failed, Needed> = {
      sealedScope: sealScope(given.scope),
      connection: Effect.raceFirst(options.live.next, options.stopped),
      backlogHandled: given.precondition === undefined ? () => Effect.void : backlogHandled,
      precondition: precondition(false),
      ask: (encryptedScope) => ask({ _tag: "BeginTransaction", encryptedScope, ttl }),
      answer: ({ answer }) => Effect.raceFirst(answer, options.stopped),
      waitForRelease,
      hold
    }

    type Ended = Effect.Effect<A, Failed, Needed>
    const inTurn = options.holding.hold(
      turn.withPermit(
        Effect.uninterruptibleMask((restore) => Effect.tapCause(carryOut(steps, restore), () => restore(stateTold)))
      )
    )
    const run: Ended = given.precondition === undefined ? inTurn : Effect.andThen(handlerEnded, inTurn)
    return Effect.withFiber((fiber): Ended =>
      options.holding.isWithin(fiber) ? Effect.fail(new TransactionNested({})) : run
    )
  }

  return { transaction }
}
