/**
 * What the `d2m simulate` command and its worker threads say to each other.
 *
 * Owns the messages; all of them are plain data. Asking is `SeedWorkers`', answering `worker`'s.
 *
 * @since 0.1.0
 */
import type { Divergence, FaultLevel, Schedule, SeedReport } from "@d2m/simulation"

/** What all seeds of a command have in common. */
export interface Setting {
  readonly devices: number
  /** Virtual ms of each seed. */
  readonly duration: number
  readonly faults: FaultLevel
  readonly misbehaving: boolean
  /** Whether each seed runs twice, and both runs are compared event by event. */
  readonly verify: boolean
}

/** What a worker is asked: to run a seed, or to shrink a schedule for so many ms. */
export type Ask =
  | { readonly _tag: "Run"; readonly seed: number }
  | { readonly _tag: "Shrink"; readonly schedule: Schedule; readonly millis: number }

/** What became of a seed. */
export interface Ran {
  readonly report: SeedReport
  /** The schedule of a run that broke a rule. */
  readonly schedule: Schedule | undefined
  /** Where the second run differed from the first. */
  readonly divergence: Divergence | undefined
}

/** What became of a schedule. */
export interface Reproduction {
  readonly schedule: Schedule
  /** Runs that shrinking took; none when it was not tried. */
  readonly runs: number
}
