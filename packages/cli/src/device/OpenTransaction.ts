/**
 * A transaction that is typed command by command: `begin`, some `reflect`, then `commit` or `abort`.
 *
 * Owns the fiber in which the client's transaction runs meanwhile. When its scope closes first, nothing becomes visible.
 *
 * @since 0.1.0
 */
import {
  type Content,
  type ContentError,
  type Device,
  type Provisional,
  Transaction,
  type TransactionError,
  type TransactionOver
} from "@d2m/client"
import { Deferred, Effect, Fiber, Queue, Schema, type Scope } from "effect"

/**
 * The user gave the transaction up.
 *
 * @category errors
 * @since 0.1.0
 */
export class Abandoned extends Schema.TaggedError<Abandoned>()("Abandoned", {}) {
  override get message(): string {
    return "the transaction was given up"
  }
}

type TakeError = ContentError | TransactionError | TransactionOver | Abandoned

/**
 * A transaction whose lock is held.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenTransaction {
  readonly scope: number
  /** Reflects one content as a part of it. Fails at once when the transaction is over or lost. */
  readonly reflect: (content: Content) => Effect.Effect<Provisional, TakeError>
  /** Makes everything visible. */
  readonly commit: Effect.Effect<void, TakeError>
  /** Undoes everything. Does nothing to a transaction that is lost already. */
  readonly abort: Effect.Effect<void>
}

type Request =
  | { readonly _tag: "Reflect"; readonly content: Content; readonly reply: Deferred.Deferred<Provisional, TakeError> }
  | { readonly _tag: "Commit" }
  | { readonly _tag: "Abort" }

/**
 * Begins a transaction and waits for its lock. The time to live is in milliseconds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const begin = Effect.fnUntraced(function* (
  device: Device["Service"],
  terms: { readonly scope: number; readonly ttl?: number | undefined }
): Effect.fn.Return<OpenTransaction, TakeError, Scope.Scope> {
  const requests = yield* Queue.bounded<Request>(1)
  const held = yield* Deferred.make<void>()
  const body = Effect.gen(function* () {
    const transaction = yield* Transaction
    yield* Deferred.succeed(held, undefined)
    for (;;) {
      const request = yield* Queue.take(requests)
      if (request._tag === "Commit") return
      if (request._tag === "Abort") return yield* new Abandoned()
      yield* Deferred.done(request.reply, yield* Effect.exit(transaction.reflect(request.content)))
    }
  })
  const fiber = yield* Effect.forkScoped(device.transaction(terms, body))
  const over = Fiber.join(fiber)
  /** The transaction may end while something is asked of it, and says why then. */
  const unlessOver = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | TakeError> =>
    Effect.raceFirst(effect, Effect.andThen(over, Effect.never))

  yield* Effect.onError(unlessOver(Deferred.await(held)), () => Fiber.interrupt(fiber))
  return {
    scope: terms.scope,
    reflect: (content) =>
      Effect.gen(function* () {
        const reply = yield* Deferred.make<Provisional, TakeError>()
        return yield* unlessOver(
          Effect.andThen(Queue.offer(requests, { _tag: "Reflect", content, reply }), Deferred.await(reply))
        )
      }),
    commit: Effect.andThen(Queue.offer(requests, { _tag: "Commit" }), over).pipe(Effect.raceFirst(over)),
    abort: Effect.andThen(Queue.offer(requests, { _tag: "Abort" }), Fiber.await(fiber)).pipe(
      Effect.raceFirst(Fiber.await(fiber)),
      Effect.asVoid
    )
  }
})
