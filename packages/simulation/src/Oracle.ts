/**
 * Whoever judges a run.
 *
 * Owns the face of oracles and what a verdict says. An oracle looks only at `WorldEvent`s and keeps a model of its own: it
 * never asks the mediator or a client what they believe.
 *
 * @since 0.1.0
 */
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
   * What is still owed: asked again and again once faults are over. Nothing may be owed for longer than `owedWithin`.
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
