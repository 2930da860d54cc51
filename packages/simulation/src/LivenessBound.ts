/**
 * How long a world may take to come to rest.
 *
 * Owns the number, by what has been decided and by what a schedule asks for. What is owed is for oracles to say.
 *
 * @since 0.1.0
 */
import { longest, mostFailures } from "./oracles/device/BackoffNumbers.ts"
import { numbersOf } from "./oracles/mediator/Model.ts"
import type { Schedule } from "./Schedule.ts"

/**
 * The longest that anything may be owed once faults are over, in ms of virtual time: one backoff (72 s), one lost lock (65 s)
 * and the deadlines between them, twice. What the transactions of a schedule take comes on top: {@link owedWithin}.
 *
 * @category constants
 * @since 0.1.0
 */
export const livenessBound = 5 * 60_000

/** What a message of a transaction takes besides its pause, on a bad way, in ms. */
const messageAllowance = 1_000

/** The longest backoff: it comes behind a transaction that outlives its ttl, for that ends the connection. */
const longestBackoff = longest(mostFailures)

/**
 * How long anything may be owed once the faults of a schedule are over, in ms: {@link livenessBound}, and as long as its
 * transactions hold the lock, for they wait for each other, and those of a busy schedule may all be left at its end. One that
 * outlives its ttl costs its device a backoff, too.
 *
 * @category getters
 * @since 0.1.0
 */
export const owedWithin = ({ conditions, operations }: Schedule): number => {
  const { transactionTtl } = numbersOf(conditions)
  const backoffs = new Map<string, number>()
  let held = 0
  for (const { device, operation } of operations) {
    if (operation._tag !== "Transaction") continue
    const { count, pause, ttl } = operation
    held += count * pause
    if (count * (pause + messageAllowance) < (ttl === 0 ? transactionTtl : Math.min(ttl * 1_000, transactionTtl)))
      continue
    backoffs.set(device, (backoffs.get(device) ?? 0) + longestBackoff)
  }
  return livenessBound + held + Math.max(0, ...backoffs.values())
}
