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

/** What a worker is asked. */
export interface Ask {
  readonly seed: number
}

/** What a worker answers. */
export interface Ran {
  readonly report: SeedReport
  /** The schedule of a run that broke a rule. */
  readonly schedule: Schedule | undefined
  /** Where the second run differed from the first. */
  readonly divergence: Divergence | undefined
}
