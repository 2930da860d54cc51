/**
 * What the commands that simulate and their worker threads say to each other.
 *
 * Owns the messages; all of them are plain data. Asking is `SeedWorkers`', answering `Answers`'.
 *
 * @since 0.1.0
 */
import type { Divergence, FaultLevel, Schedule, SeedReport, StoryEntry } from "@d2m/simulation"

/** What all seeds of a command have in common. */
export interface Setting {
  readonly devices: number
  /** What each seed draws when it is absent. */
  readonly groups?: number
  /** Virtual ms of each seed. */
  readonly duration: number
  readonly faults: FaultLevel
  readonly misbehaving: boolean
  /** Whether each seed runs twice, and both runs are compared event by event. */
  readonly verify: boolean
}

/** What a thread is given to begin with: the sources of a planted bug, by their URLs, or none. */
export interface ThreadData {
  readonly setting: Setting
  readonly sources: ReadonlyMap<string, string>
}

/**
 * What a thread is asked: to run a seed, to shrink a schedule for so many ms, or to tell the run of one, event by event
 * if it is to be traced.
 */
export type Ask =
  | { readonly _tag: "Run"; readonly seed: number }
  | { readonly _tag: "Shrink"; readonly schedule: Schedule; readonly millis: number }
  | { readonly _tag: "Tell"; readonly schedule: Schedule; readonly isTraced: boolean }

/** What a thread says: how far the seed is that it runs, 0…1, now and then, and in the end the answer. */
export type Said<Answer> =
  | { readonly _tag: "Lived"; readonly share: number }
  | { readonly _tag: "Answered"; readonly answer: Answer }

/** What became of a seed. */
export interface Ran {
  readonly report: SeedReport
  /** The schedule of a run that broke a rule, or was not the same twice. */
  readonly schedule: Schedule | undefined
  /** Where the second run differed from the first. */
  readonly divergence: Divergence | undefined
  /** What came of the second run, if the first broke a rule and it was not the same. */
  readonly again: Pick<SeedReport, "digest" | "violation"> | undefined
}

/** What became of a schedule that was to be shrunk. */
export interface Reproduction {
  readonly schedule: Schedule
  /** Of its run, when it was shrunk. */
  readonly digest?: string
  /** Whether time was over before it was as small as can be. */
  readonly isCutShort?: boolean
  /** Runs that shrinking took; none when it was not tried. */
  readonly runs: number
}

/** A run, told. */
export interface Told {
  readonly report: SeedReport
  readonly entries: ReadonlyArray<StoryEntry>
  /** Its trace, empty unless asked for. */
  readonly trace: ReadonlyArray<string>
}
