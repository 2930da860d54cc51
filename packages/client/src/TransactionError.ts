/**
 * Why a transaction did not come about.
 * Owns the errors of transactions.
 * Leaves to `Envelope` what no envelope holds, and to `ReflectError` the end of the device.
 */
import { Schema } from "effect"
import { ConnectionEnd } from "./ConnectionEnd.ts"
import type { InvalidContent } from "./Envelope.ts"
import type { DeviceStopped } from "./ReflectError.ts"

/**
 * The connection was lost while the transaction ran.
 *
 * `committed` is `no` when the Commit was not written: nothing of it will ever be visible. It is `unknown` when the Commit
 * was written and its ack did not come: it may have been done. Running it again is the caller's choice.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransactionLost extends Schema.TaggedError<TransactionLost>("@d2m/client/TransactionLost")(
  "TransactionLost",
  { committed: Schema.Literals(["no", "unknown"]), because: ConnectionEnd }
) {
  override get message(): string {
    return `the transaction was lost (committed: ${this.committed}): ${this.because.message}`
  }
}

/**
 * The precondition did not hold, before or after the lock was taken; nothing was reflected.
 *
 * @category errors
 * @since 0.1.0
 */
export class PreconditionFailed extends Schema.TaggedError<PreconditionFailed>("@d2m/client/PreconditionFailed")(
  "PreconditionFailed",
  { lockHeld: Schema.Boolean }
) {
  override get message(): string {
    return `the precondition did not hold ${this.lockHeld ? "once the lock was held" : "before the lock was asked for"}`
  }
}

/**
 * A transaction was started inside the body of another; the protocol has no nesting.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransactionNested extends Schema.TaggedError<TransactionNested>("@d2m/client/TransactionNested")(
  "TransactionNested",
  {}
) {
  override get message(): string {
    return "transactions do not nest"
  }
}

/**
 * A transaction with a precondition was started by a handler of the device that has not ended, and would wait for it: the
 * precondition is asked once all messages are handled that came before the lock. The handler itself is refused at once;
 * what it has started in other fibers waits for its end first, 10 s (`Deadlines.stall`) at most. No lock was asked for.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransactionInHandler extends Schema.TaggedError<TransactionInHandler>("@d2m/client/TransactionInHandler")(
  "TransactionInHandler",
  {}
) {
  override get message(): string {
    return "the precondition would wait for the handler that has started the transaction"
  }
}

/**
 * Something reflected in a transaction whose body had ended.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransactionOver extends Schema.TaggedError<TransactionOver>("@d2m/client/TransactionOver")(
  "TransactionOver",
  {}
) {
  override get message(): string {
    return "the transaction is over"
  }
}

/**
 * Why a transaction did not come about, apart from what its own precondition and body fail with. `InvalidContent`: no message
 * can hold its scope.
 *
 * @category errors
 * @since 0.1.0
 */
export type TransactionError =
  | TransactionLost
  | PreconditionFailed
  | TransactionNested
  | TransactionInHandler
  | InvalidContent
  | DeviceStopped
