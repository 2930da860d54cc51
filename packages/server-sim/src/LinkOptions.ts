/**
 * What the network between a device and an in-memory mediator is like.
 *
 * Owns the options of a link, what holds where nothing is said, and how latencies are drawn. Carrying messages under them is
 * `LinkConnection`'s.
 *
 * @since 0.1.0
 */
import { Duration, type Random } from "effect"
import type { Fault } from "./Fault.ts"

/**
 * How long a message takes: always the same, or evenly spread between two durations. Messages never overtake each other.
 *
 * @category models
 * @since 0.1.0
 */
export type LinkLatency = Duration.Input | { readonly min: Duration.Input; readonly max: Duration.Input }

/**
 * What the network between a device and the mediator is like.
 *
 * @category models
 * @since 0.1.0
 */
export interface LinkOptions {
  /** Of both directions; none if absent. Opening takes one way up and one down. */
  readonly latency?: LinkLatency
  /** To the mediator; goes before `latency`. */
  readonly latencyUp?: LinkLatency
  /** To the device; goes before `latency`. */
  readonly latencyDown?: LinkLatency
  /** Bytes on the way to the mediator above which writing waits: 1 MiB if absent. */
  readonly highWaterUp?: number
  /**
   * Faults that are in force on each connection from its dial on. They count frames over all of them, so that a `count` of 1
   * is once and for all. With one that cannot happen, dialing fails.
   */
  readonly faults?: ReadonlyArray<Fault>
}

/** Draws latencies in ms; `undefined` where there is none. */
export const latencySampler = (latency: LinkLatency | undefined, random: Random.Random): (() => number) | undefined => {
  if (latency === undefined) return undefined
  if (typeof latency === "object" && "min" in latency && "max" in latency) {
    const min = Duration.toMillis(latency.min)
    const max = Duration.toMillis(latency.max)
    return () => Math.round(min + random.nextDoubleUnsafe() * (max - min))
  }
  const millis = Duration.toMillis(latency)
  return millis === 0 ? undefined : () => millis
}

/** Bytes under way to the mediator above which no more are taken, unless told. */
export const defaultHighWaterUp = 1024 * 1024
