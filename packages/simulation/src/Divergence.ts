/**
 * Where two runs that should be the same begin to differ.
 *
 * Owns the comparison, event by event, of two runs of one schedule, in one process or by their traces. That a run depends
 * on nothing but its schedule is the promise on which replay and shrinking stand; this is how it is tested.
 *
 * @since 0.1.0
 */
import { run, type RunOptions, type RunResult } from "./Run.ts"
import type { Schedule } from "./Schedule.ts"
import { traceLine } from "./Trace.ts"
import type { WorldEvent } from "./WorldEvent.ts"

/**
 * The first event in which two runs differ.
 *
 * @category models
 * @since 0.1.0
 */
export interface Divergence {
  /** Its place in the runs, 0 for the first event. */
  readonly index: number
  /** The last lines that both have, oldest first. */
  readonly before: ReadonlyArray<string>
  /** What the one run has, or nothing when it has ended. */
  readonly first: string | undefined
  /** What the other has. */
  readonly second: string | undefined
}

/** How many lines before the first difference are told. */
const told = 5

/**
 * Compares two traces; nothing when they are the same.
 *
 * @category comparing
 * @since 0.1.0
 */
export const compareTraces = (first: ReadonlyArray<string>, second: ReadonlyArray<string>): Divergence | undefined => {
  const length = Math.max(first.length, second.length)
  for (let index = 0; index < length; index++) {
    if (first[index] === second[index]) continue
    return {
      index,
      before: first.slice(Math.max(0, index - told), index),
      first: first[index],
      second: second[index]
    }
  }
  return undefined
}

/**
 * What came of a run, and its trace, a line for each event.
 *
 * @category models
 * @since 0.1.0
 */
export interface TracedRun {
  readonly result: RunResult
  readonly trace: ReadonlyArray<string>
}

/**
 * Carries out a schedule and traces it.
 *
 * @category running
 * @since 0.1.0
 */
export const traced = (schedule: Schedule, options: RunOptions = {}): TracedRun => {
  const trace: Array<string> = []
  const witnesses = [...(options.witnesses ?? []), (event: WorldEvent) => trace.push(traceLine(event))]
  return { result: run(schedule, { ...options, witnesses }), trace }
}

/**
 * Carries out a schedule twice and compares the runs; nothing when they are the same.
 *
 * @category comparing
 * @since 0.1.0
 */
export const verify = (schedule: Schedule, options: RunOptions = {}): Divergence | undefined =>
  compareTraces(traced(schedule, options).trace, traced(schedule, options).trace)

/**
 * A divergence for people: which event, what each run has, and what led there.
 *
 * @category rendering
 * @since 0.1.0
 */
export const divergenceText = ({ before, first, index, second }: Divergence): string =>
  [
    `the runs differ in event ${index}:`,
    ...before.map((line) => `    ${line}`),
    `  1 ${first ?? "(has ended)"}`,
    `  2 ${second ?? "(has ended)"}`
  ].join("\n")
