/**
 * What a thread does when it is asked to run a seed, to shrink a schedule, or to tell a run.
 *
 * @since 0.1.0
 */
import {
  compareTraces,
  isRepeated,
  reportOf,
  run,
  type RunOptions,
  type Schedule,
  shrink,
  Simulation,
  Story,
  swarm,
  traced,
  traceLine,
  type Witness
} from "@d2m/simulation"
import type { Ask, Ran, Reproduction, Setting, Told } from "./Messages.ts"

/** How often it is told how far a run is, in real ms, and after how many events it is asked whether it is time to. */
const interval = 250
const events = 4_096

/** Tells now and then which share of its virtual time a run has behind it. */
const howFar = (duration: number, tell: (share: number) => void): Witness => {
  let seen = 0
  let toldAt = performance.now()
  return ({ at }) => {
    if (++seen % events !== 0) return
    const now = performance.now()
    if (now - toldAt < interval) return
    toldAt = now
    tell(Math.min(1, (at - Simulation.newYear2026) / duration))
  }
}

const runSeed = (
  { verify, ...setting }: Setting,
  seed: number,
  onLived: (share: number) => void,
  options: RunOptions
): Ran => {
  const schedule = swarm({ ...setting, seed })
  /** Of two runs, each is half of what there is to do. */
  const runs = verify ? 2 : 1
  const witnessOf = (earlier: number) => howFar(setting.duration, (share) => onLived((earlier + share) / runs))
  const runOnce = (witness: Witness) =>
    verify
      ? traced(schedule, { ...options, witnesses: [witness] })
      : { trace: [], result: run(schedule, { ...options, witnesses: [witness] }) }
  const first = runOnce(witnessOf(0))
  const { violation } = first.result
  // A failure is one only if it comes again.
  const second = verify || violation !== undefined ? runOnce(verify ? witnessOf(1) : () => {}) : first
  const divergence = compareTraces(first.trace, second.trace)
  const again =
    violation === undefined || isRepeated(first.result, second.result)
      ? undefined
      : { digest: second.result.digest, violation: second.result.violation }
  return {
    report: reportOf(first.result),
    schedule: violation === undefined && divergence === undefined ? undefined : schedule,
    divergence,
    again
  }
}

const shrinkFor = (schedule: Schedule, millis: number): Reproduction => {
  const end = performance.now() + millis
  const isOver = () => performance.now() >= end
  const shrunk = shrink(schedule, { isOver })
  return shrunk === undefined
    ? { schedule, runs: 1 }
    : {
        schedule: shrunk.schedule,
        digest: shrunk.result.digest,
        isCutShort: !shrunk.isMinimal && isOver(),
        runs: shrunk.runs
      }
}

/** Runs a schedule and tells what happened. */
const tell = (schedule: Schedule, isTraced: boolean): Told => {
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

/** Does what it is asked; while it runs a seed, as the options say if there are any, says how far that is. */
export const answer = (
  setting: Setting,
  ask: Ask,
  onLived: (share: number) => void = () => {},
  options: RunOptions = {}
): Ran | Reproduction | Told => {
  switch (ask._tag) {
    case "Run":
      return runSeed(setting, ask.seed, onLived, options)
    case "Shrink":
      return shrinkFor(ask.schedule, ask.millis)
    case "Tell":
      return tell(ask.schedule, ask.isTraced)
  }
}
