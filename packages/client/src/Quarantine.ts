/**
 * The messages that could not be handled, in the application's hands.
 * Owns listing, trying again and letting go (decision 20).
 * Leaves putting messages there to `ReflectedQueue`, and keeping them to `DeviceStore`.
 */
import { Box, type Crypto, type DeviceGroupKeys, Limits } from "@d2m/codec"
import { Effect, Option, Result, Schema } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { DeviceStore, QuarantineEntry, DeviceStoreError } from "./DeviceStore.ts"
import { openReflected, type ReflectedMessage } from "./Envelope.ts"
import type { HandlerError } from "./Handler.ts"

/**
 * A message in quarantine cannot be opened now either, or is none: `NonceReused` keeps a blob, not a message.
 *
 * @category errors
 * @since 0.1.0
 */
export class MessageNotReplayable extends Schema.TaggedError<MessageNotReplayable>("@d2m/client/MessageNotReplayable")(
  "MessageNotReplayable",
  {
    id: Schema.Int,
    reason: Schema.Literals(["NotThere", "Undecryptable", "Malformed", "NonceReused"])
  }
) {
  override get message(): string {
    return `quarantined message ${this.id} cannot be replayed: ${this.reason}`
  }
}

/**
 * What can be done with quarantined messages.
 *
 * @category models
 * @since 0.1.0
 */
export interface Quarantine {
  /** All of them, in the order they came in. */
  readonly list: Effect.Effect<ReadonlyArray<QuarantineEntry>, DeviceStoreError>
  /**
   * Hands one to the handler again, once, while it is at rest; releases it when that succeeds. Not from a handler.
   *
   * The handler has the services of the device, and the caller's span and log annotations.
   */
  readonly replay: (id: number) => Effect.Effect<void, HandlerError | MessageNotReplayable | DeviceStoreError>
  /** Forgets one for good. An unknown id is no error. */
  readonly release: (id: number) => Effect.Effect<void, DeviceStoreError>
}

interface QuarantineOptions {
  readonly crypto: Crypto["Service"]
  readonly keys: Pick<DeviceGroupKeys, "dgrk">
  readonly identity: string
  readonly store: DeviceStore["Service"]
  readonly handler: (batch: NonEmptyReadonlyArray<ReflectedMessage>) => Effect.Effect<void, HandlerError>
  readonly whileAtRest: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

const replay = Effect.fnUntraced(function* ({ crypto, handler, identity, keys, store }: QuarantineOptions, id: number) {
  const found = yield* store.quarantineEntry(id)
  if (Option.isNone(found)) return yield* new MessageNotReplayable({ id, reason: "NotThere" })
  const entry = found.value
  if (entry.reason === "NonceReused") return yield* new MessageNotReplayable({ id, reason: entry.reason })
  // What is not here for its nonce was a reflected message.
  const message = openReflected(crypto, keys.dgrk, { ...entry, envelope: Box.make("dgrk", entry.envelope) })
  if (Result.isFailure(message)) return yield* new MessageNotReplayable({ id, reason: message.failure.reason })
  const nonce = crypto.hashNonce(identity, entry.envelope.subarray(0, Limits.nonce))
  // Who gives up a message that is handled must not get it once more.
  yield* Effect.uninterruptibleMask((restore) =>
    restore(handler([message.success])).pipe(
      Effect.andThen(store.addNonces([nonce])),
      Effect.andThen(store.release(id))
    )
  )
})

/** @internal */
export const makeQuarantine = (options: QuarantineOptions): Quarantine => ({
  list: options.store.quarantined,
  replay: (id) => options.whileAtRest(replay(options, id)),
  release: options.store.release
})
