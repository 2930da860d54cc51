/**
 * What an application does with what other devices and the chat server send.
 * Owns the face of its handlers.
 * Leaves running them to `Handler` and `ChatProxy`.
 */
import type { Effect } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { ChatDuplex, ChatEnd } from "./ChatProxy.ts"
import type { ReflectedMessage } from "./Envelope.ts"
import type { HandlerError } from "./Handler.ts"

/**
 * What an application does with what comes in. A `Scope` that they use ends with each try of a batch, and with each chat
 * session.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeviceHandlers<R = never, R2 = never> {
  /**
   * Handles messages of other devices, in the mediator's order, one batch at a time; they are acked when it succeeds.
   *
   * It goes on over a lost connection and may see a message again whose batch failed or whose nonce could not be recorded.
   * Stopping the device interrupts it, and its batch comes again, ephemerals apart. While it runs at most
   * `Capacities.reflected` messages wait; then the socket is not read, answers of the mediator included: a handler that waits
   * for the device's `reflect`, `transaction` or `devices` costs the connection when many messages come in, and one that waits
   * for a transaction with a precondition, which waits for the handler, is refused (`TransactionInHandler`). Let another fiber
   * wait.
   */
  readonly onReflected: (batch: NonEmptyReadonlyArray<ReflectedMessage>) => Effect.Effect<void, HandlerError, R>
  /**
   * Runs the chat protocol over each connection, from its opening on; chat bytes are ignored without it.
   *
   * It should end soon after `incoming` does: the next connection waits for its word, at most 5 s. Then it is interrupted, and
   * what it still has to clean up may overlap the next chat session; stopping the device waits for it.
   */
  readonly chat?: (io: ChatDuplex) => Effect.Effect<ChatEnd, never, R2>
}
