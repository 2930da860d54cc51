/**
 * What a thread does when it is asked to run a seed, to shrink a schedule, or to tell a run.
 *
 * @since 0.1.0
 */
import { compareTraces, reportOf, run, type Schedule, shrink, Story, swarm, traceLine } from "@d2m/simulation"
import type { Ask, Ran, Reproduction, Setting, Told } from "./Messages.ts"

const traced = (schedule: Schedule) => {
  const lines: Array<string> = []
  const result = run(schedule, { witnesses: [(event) => lines.push(traceLine(event))] })
  return { lines, result }
}

const runSeed = ({ verify, ...setting }: Setting, seed: number): Ran => {
  const schedule = swarm({ ...setting, seed })
  const first = verify ? traced(schedule) : { lines: [], result: run(schedule) }
  const report = reportOf(first.result)
  const divergence = verify ? compareTraces(first.lines, traced(schedule).lines) : undefined
  return {
    report,
    schedule: report.violation === undefined && divergence === undefined ? undefined : schedule,
    divergence
  }
}

const shrinkFor = (schedule: Schedule, millis: number): Reproduction => {
  const end = performance.now() + millis
  const shrunk = shrink(schedule, { isOver: () => performance.now() >= end })
  return { schedule: shrunk?.schedule ?? schedule, runs: shrunk?.runs ?? 1 }
}

/** Runs a schedule and tells what happened. */
export const tell = (schedule: Schedule, isTraced: boolean): Told => {
  const story = new Story()
  const trace: Array<string> = []
  const result = run(schedule, {
    witnesses: [
      story.see,
      ...(isTraced ? [(event: Parameters<typeof traceLine>[0]) => trace.push(traceLine(event))] : [])
    ]
  })
  return { report: reportOf(result), entries: story.entries, trace }
}

/** Does what it is asked. */
export const answer = (setting: Setting, ask: Ask): Ran | Reproduction | Told => {
  switch (ask._tag) {
    case "Run":
      return runSeed(setting, ask.seed)
    case "Shrink":
      return shrinkFor(ask.schedule, ask.millis)
    case "Tell":
      return tell(ask.schedule, ask.isTraced)
  }
}
