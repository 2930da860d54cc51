/**
 * How the application's handler is run on reflected messages.
 * Owns the tries, the search for the message that fails, and the policy that swaps them (decision 20).
 * Leaves quarantine and acks to `ReflectedQueue`.
 */
import { Cause, Context, type Duration, Effect, Exit, Result, Schema } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { ReflectedMessage } from "./Envelope.ts"
import { delayMillis } from "./OptionCheck.ts"

/**
 * What a handler fails with when it could not handle a batch. `detail` is kept in the quarantine: no secrets.
 *
 * @category errors
 * @since 0.1.0
 */
export class HandlerError extends Schema.TaggedError<HandlerError>("@d2m/client/HandlerError")("HandlerError", {
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * What to do when the handler fails or dies.
 *
 * @category models
 * @since 0.1.0
 */
export interface HandlerPolicy {
  /** How often a message is tried before it counts as one that cannot be handled: a whole number, at least 1. */
  readonly tries: number
  /**
   * How long to wait after so many tries; a number is milliseconds. What is no duration of 0 or more is a defect of the
   * device.
   */
  readonly delay: (tries: number) => Duration.Input
  /**
   * What becomes of a message that cannot be handled: `quarantine` keeps it aside and goes on, `halt` stops the device
   * before it, un-acked.
   */
  readonly giveUp: "quarantine" | "halt"
}

/**
 * The policy in force: 3 tries with 1 s and 2 s between them, then quarantine.
 *
 * @category references
 * @since 0.1.0
 */
export const HandlerPolicy = Context.Reference<HandlerPolicy>("@d2m/client/HandlerPolicy", {
  defaultValue: () => ({ tries: 3, delay: (tries) => tries * 1000, giveUp: "quarantine" })
})

/**
 * What became of one message: `undefined` when it was handled, else why not.
 *
 * @internal
 */
export type HandlerOutcome = string | undefined

/**
 * What became of a batch: `undefined` when all of it was handled, else one outcome a message.
 *
 * @internal
 */
export type HandlerOutcomes = ReadonlyArray<HandlerOutcome> | undefined

/** Whatever it failed with: the types of an application may have let something else pass. */
const detailOf = (cause: Cause.Cause<HandlerError>): string =>
  Result.match(Cause.findError(cause), {
    onSuccess: (error) => (typeof error?.detail === "string" ? error.detail : "the handler failed without a detail"),
    onFailure: () => (Cause.hasInterruptsOnly(cause) ? "the handler was interrupted" : "the handler died of a defect")
  })

const handled = Effect.succeed<HandlerOutcome>(undefined)
const allHandled = Effect.succeed<HandlerOutcomes>(undefined)

interface Handling<R> {
  readonly handler: (batch: NonEmptyReadonlyArray<ReflectedMessage>) => Effect.Effect<void, HandlerError, R>
  readonly policy: HandlerPolicy
  /** The handler has come to an end, in whatever way. */
  readonly onEnd: () => void
  readonly onFailure: (messages: number, tries: number, detail: string) => void
  readonly onDefect: (cause: Cause.Cause<unknown>) => Effect.Effect<void>
}

const attempt = <R>(
  { handler, onDefect, onEnd }: Handling<R>,
  batch: NonEmptyReadonlyArray<ReflectedMessage>
): Effect.Effect<HandlerOutcome, never, R> =>
  Effect.flatMap(Effect.exit(Effect.suspend(() => handler(batch))), (exit) => {
    onEnd()
    if (Exit.isSuccess(exit)) return handled
    const detail = detailOf(exit.cause)
    return Cause.hasDies(exit.cause) ? Effect.as(onDefect(exit.cause), detail) : Effect.succeed(detail)
  })

/** A message that was tried once, with all of its batch. */
const retry = Effect.fnUntraced(function* <R>(
  handling: Handling<R>,
  message: ReflectedMessage,
  detail: HandlerOutcome
): Effect.fn.Return<HandlerOutcome, never, R> {
  const { onFailure, policy } = handling
  let last = detail
  for (let tries = 2; ; tries++) {
    last = yield* attempt(handling, [message])
    if (last === undefined || tries >= policy.tries) return last
    onFailure(1, tries, last)
    yield* Effect.sleep(delayMillis("HandlerPolicy", policy.delay(tries)))
  }
})

const oneByOne = Effect.fnUntraced(function* <R>(
  handling: Handling<R>,
  batch: NonEmptyReadonlyArray<ReflectedMessage>,
  detail: string
): Effect.fn.Return<HandlerOutcomes, never, R> {
  const { onFailure, policy } = handling
  if (batch.length === 1 && policy.tries <= 1) return [detail]
  onFailure(batch.length, 1, detail)
  yield* Effect.sleep(delayMillis("HandlerPolicy", policy.delay(1)))
  const outcomes: Array<HandlerOutcome> = []
  for (const message of batch) {
    const outcome = yield* retry(handling, message, detail)
    outcomes.push(outcome)
    if (outcome !== undefined && policy.giveUp === "halt") break
  }
  return outcomes
})

/**
 * Runs a handler on a batch: first on all of it; when that fails, on one message after the other, so that one bad message
 * harms no other. Outcomes are in the order of the batch; with `halt` they end with the first bad one.
 *
 * @internal
 */
export const makeHandler =
  <R>(handling: Handling<R>) =>
  (batch: NonEmptyReadonlyArray<ReflectedMessage>): Effect.Effect<HandlerOutcomes, never, R> =>
    Effect.flatMap(attempt(handling, batch), (detail) =>
      detail === undefined ? allHandled : oneByOne(handling, batch, detail)
    )
