/**
 * Whoever judges a run.
 *
 * Owns the face of oracles and what a verdict says. An oracle looks only at `WorldEvent`s and keeps a model of its own: it
 * never asks the mediator or a client what they believe.
 *
 * @since 0.1.0
 */
import { strictOptions } from "@d2m/server-sim"
import type { Schedule } from "./Schedule.ts"
import type { Witness } from "./WorldEvent.ts"

/**
 * What a run did that it must not do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Violation {
  /** The oracle's name. */
  readonly oracle: string
  /** The rule that was broken: short, the same each time. */
  readonly rule: string
  /** Kernel time, in ms since 1970. */
  readonly at: number
  /** Whom it is about; absent for the whole world. */
  readonly device: string | undefined
  /** What was seen. */
  readonly found: string
  /** What would have been right. */
  readonly expected: string
  /** What a program has failed with. */
  readonly cause?: unknown
}

/**
 * What an oracle has to say about a run, without what everybody knows.
 *
 * @category models
 * @since 0.1.0
 */
export type Report = (violation: Omit<Violation, "oracle" | "at" | "cause">) => void

/**
 * One judge of one run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Oracle {
  readonly see: Witness
  /**
   * What is still owed: asked again and again once faults are over. Nothing may be owed for longer than {@link owedWithin}.
   */
  readonly owes?: () => string | undefined
}

/**
 * Makes the judge of one run.
 *
 * `schedule` is what the run was told to do, for oracles that must know of options and misbehaviour.
 *
 * @category models
 * @since 0.1.0
 */
export interface OracleMaker {
  readonly name: string
  readonly make: (report: Report, schedule: Schedule) => Oracle
}

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

/** The longest backoff, in ms: it comes behind a transaction that outlives its ttl, for that ends the connection. */
const longestBackoff = 72_000

/**
 * How long anything may be owed once the faults of a schedule are over, in ms: {@link livenessBound}, and as long as its
 * transactions hold the lock, for they wait for each other, and those of a busy schedule may all be left at its end. One that
 * outlives its ttl costs its device a backoff, too.
 *
 * @category getters
 * @since 0.1.0
 */
export const owedWithin = ({ conditions, operations }: Schedule): number => {
  const longestTtl = conditions.mediator.transactionTtl ?? strictOptions.transactionTtl
  const backoffs = new Map<string, number>()
  let held = 0
  for (const { device, operation } of operations) {
    if (operation._tag !== "Transaction") continue
    const { count, pause, ttl } = operation
    held += count * pause
    if (count * (pause + messageAllowance) < (ttl === 0 ? longestTtl : Math.min(ttl * 1_000, longestTtl))) continue
    backoffs.set(device, (backoffs.get(device) ?? 0) + longestBackoff)
  }
  return livenessBound + held + Math.max(0, ...backoffs.values())
}
