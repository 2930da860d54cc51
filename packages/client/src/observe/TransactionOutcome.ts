/**
 * What became of a transaction, in one word.
 * Owns the words and which exit is which.
 * Leaves their times to `Metrics`, and their spans to `DeviceSpans`.
 */
import { Cause, Exit, Result } from "effect"
import { DeviceStopped } from "../ReflectError.ts"
import { PreconditionFailed, TransactionInHandler, TransactionLost, TransactionNested } from "../TransactionError.ts"

/**
 * `Failed` body, precondition or scope failed or died · `InDoubt` the Commit was written and its ack did not come.
 *
 * @internal
 */
export type TransactionOutcome =
  | "Committed"
  | "Failed"
  | "Interrupted"
  | "PreconditionFailed"
  | "Nested"
  | "InHandler"
  | "Lost"
  | "InDoubt"
  | "Stopped"

/** @internal */
export const transactionOutcomes: { readonly [Outcome in TransactionOutcome]: true } = {
  Committed: true,
  Failed: true,
  Interrupted: true,
  PreconditionFailed: true,
  Nested: true,
  InHandler: true,
  Lost: true,
  InDoubt: true,
  Stopped: true
}

/** @internal */
export const transactionOutcome = (exit: Exit.Exit<unknown, unknown>): TransactionOutcome => {
  if (Exit.isSuccess(exit)) return "Committed"
  const error = Result.getOrUndefined(Cause.findError(exit.cause))
  if (error instanceof TransactionLost) return error.committed === "no" ? "Lost" : "InDoubt"
  if (error instanceof PreconditionFailed) return "PreconditionFailed"
  if (error instanceof TransactionNested) return "Nested"
  if (error instanceof TransactionInHandler) return "InHandler"
  if (error instanceof DeviceStopped) return "Stopped"
  return Cause.hasInterruptsOnly(exit.cause) ? "Interrupted" : "Failed"
}
