/**
 * How long to wait before the next connection, and when to stop trying.
 * Owns the linear backoff of decision 26 as a pure value and the reference that swaps it.
 * Leaves waiting to the reconnect loop, and whether to reconnect at all to `ReconnectVerdict`.
 */
import { Context, Duration, Result, Schema } from "effect"
import type { ConnectionEnd } from "./ConnectionEnd.ts"
import { checkWith, duration, finiteDuration } from "./OptionCheck.ts"
import { longestRetryAfter } from "./TransportError.ts"

/**
 * A rule for the time between connections. A number is milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReconnectPolicy {
  /**
   * How long to wait after so many failures in a row (1 for the first), or `undefined` to ask the user instead. `random` is
   * uniform in [0, 1). What is no duration of 0 or more is a defect of the device.
   */
  readonly delay: (failures: number, random: number) => Duration.Input | undefined
  /** So long past ServerInfo a connection counts as good, and failures count from 0 again; 0 or more. */
  readonly settledAfter: Duration.Input
}

/**
 * A {@link ReconnectPolicy} whose times are told in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface LinearBackoff extends ReconnectPolicy {
  readonly delay: (failures: number, random: number) => number | undefined
  readonly settledAfter: number
}

const check = checkWith(
  Schema.Struct({
    base: Schema.optional(finiteDuration),
    cap: Schema.optional(duration),
    jitter: Schema.optional(Schema.Number.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
    maximumFailures: Schema.optional(Schema.Number.check(Schema.isGreaterThanOrEqualTo(1))),
    settledAfter: Schema.optional(duration)
  })
)

/**
 * Linear backoff: `failures × base`, at most `cap`, then spread by ±`jitter`.
 *
 * By default n × 2 s up to 60 s with ±20 %, at most 30 failures in a row, good after 30 s (decision 26). A delay is as long
 * as a mediator that refuses the upgrade asks for, if that is longer, an hour at most, whatever the policy. Only the Node
 * transport can read what it asks for.
 *
 * Throws `InvalidDeviceOptions` where an option is no such number or duration.
 *
 * @category constructors
 * @since 0.1.0
 */
export const linearBackoff = (options?: {
  /** Finite. */
  readonly base?: Duration.Input
  readonly cap?: Duration.Input
  /** A share of the delay, 0…1. */
  readonly jitter?: number
  /** 1 or more; `Infinity` never asks the user. */
  readonly maximumFailures?: number
  readonly settledAfter?: Duration.Input
}): LinearBackoff => {
  Result.getOrThrow(check(options ?? {}))
  const base = Duration.toMillis(options?.base ?? "2 seconds")
  const cap = Duration.toMillis(options?.cap ?? "60 seconds")
  const jitter = options?.jitter ?? 0.2
  const maximumFailures = options?.maximumFailures ?? 30
  return {
    delay: (failures, random) =>
      failures >= maximumFailures
        ? undefined
        : Math.round(Math.min(failures * base, cap) * (1 - jitter + 2 * jitter * random)),
    settledAfter: Duration.toMillis(options?.settledAfter ?? "30 seconds")
  }
}

/**
 * The rule in force; {@link linearBackoff} unless another is provided.
 *
 * @category references
 * @since 0.1.0
 */
export const ReconnectPolicy = Context.Reference<ReconnectPolicy>("@d2m/client/ReconnectPolicy", {
  defaultValue: () => linearBackoff()
})

/**
 * Milliseconds for which the mediator wants to be left alone after such an end, an hour at most: they lengthen the delay
 * of a policy and never shorten it.
 *
 * @internal
 */
export const askedToWait = (end: ConnectionEnd): number => {
  const asked = end._tag === "UpgradeRefused" ? (end.retryAfter ?? 0) : 0
  return asked > 0 ? Math.min(asked, longestRetryAfter) : 0
}

/**
 * Failures in a row after one more connection has ended, which lived `held` milliseconds past ServerInfo.
 *
 * `held` is absent for a connection that never saw ServerInfo.
 *
 * @category combinators
 * @since 0.1.0
 */
export const failuresAfter = (policy: ReconnectPolicy, failures: number, held: number | undefined): number =>
  held !== undefined && held >= Duration.toMillis(policy.settledAfter) ? 1 : failures + 1
