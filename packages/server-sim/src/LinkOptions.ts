/**
 * What the network between a device and an in-memory mediator is like.
 *
 * Owns the options of a link, what holds where nothing is said, and how latencies are drawn. Carrying messages under them is
 * `LinkConnection`'s.
 *
 * @since 0.1.0
 */
import { millisOf } from "@d2m/codec"
import { type Duration, Formatter, type Random } from "effect"
import type { Fault } from "./Fault.ts"

/**
 * How long a message takes: always the same, or evenly spread between two durations. Messages never overtake each other.
 * With one that is no finite duration of 0 or more, dialing fails.
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

const isRange = (latency: LinkLatency): latency is Extract<LinkLatency, { readonly min: Duration.Input }> =>
  typeof latency === "object" && "min" in latency && "max" in latency

/** What is wrong with the latencies of a link, if anything is. */
export const wrongLatency = ({ latency, latencyDown, latencyUp }: LinkOptions): string | undefined => {
  const given = [latency, latencyUp, latencyDown].filter((latency) => latency !== undefined)
  for (const input of given.flatMap((latency) => (isRange(latency) ? [latency.min, latency.max] : [latency]))) {
    const millis = millisOf(input)
    if (!(millis >= 0 && millis < Infinity)) {
      return `a latency must be a finite duration of 0 or more, and is ${Formatter.format(input)}`
    }
  }
  return undefined
}

/** Draws latencies in ms; `undefined` where there is none. */
export const latencySampler = (latency: LinkLatency | undefined, random: Random.Random): (() => number) | undefined => {
  if (latency === undefined) return undefined
  if (isRange(latency)) {
    const min = millisOf(latency.min)
    const max = millisOf(latency.max)
    return () => Math.round(min + random.nextDoubleUnsafe() * (max - min))
  }
  const millis = millisOf(latency)
  return millis === 0 ? undefined : () => millis
}

/** Bytes under way to the mediator above which no more are taken, unless told. */
export const defaultHighWaterUp = 1024 * 1024
