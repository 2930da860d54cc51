/**
 * Lets programs take turns at the same workload, round by round, as `Rounds` does with functions: what the machine does
 * meanwhile hits all alike. The first program is what the others are measured against, and a contest may name other pairs.
 */
import { type Measured, type Program, type Running, startProgram } from "./Processes.ts"
import type { Workload } from "./Workload.ts"

/** A workload and who does it. */
export interface Contest {
  readonly name: string
  readonly workload: Workload
  readonly programs: readonly [Program, ...ReadonlyArray<Program>]
  /** Further pairs: how the one does against the other. Both are programs of the contest. */
  readonly pairs?: ReadonlyArray<readonly [one: Program, other: Program]>
}

/** What came of one program: medians over the rounds, times in nanoseconds. */
export interface Standing {
  readonly name: string
  /** For one reflect, with all that follows from it. */
  readonly each: number
  readonly latencies?: { readonly p50: number; readonly p99: number }
  /** Processor time for one reflect. */
  readonly cpu: { readonly server: number; readonly client: number }
  /** How many times as fast as the first one, or with one in flight how many times as long its p50: a median of ratios. */
  readonly ratio: number
}

/** How one program does against another. */
export interface Pairing {
  readonly name: string
  readonly against: string
  /** As that of a {@link Standing}. */
  readonly ratio: number
}

export interface ContestOutcome {
  readonly name: string
  /** Servers had one core and clients another. */
  readonly isBound: boolean
  readonly standings: ReadonlyArray<Standing>
  readonly pairings: ReadonlyArray<Pairing>
}

/** How long to measure. */
export interface Effort {
  readonly rounds: number
  readonly sliceMillis: number
  /** Programs warm up for so long, and for so many reflects: the engine optimises what has run often. */
  readonly warmUpMillis: number
  readonly warmUpTimes: number
}

const median = (samples: ReadonlyArray<number>): number =>
  samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN

/** Runs until the engine has optimised what there is to optimise, and finds how many reflects fill a slice. */
const warmUp = async (running: Running, { sliceMillis, warmUpMillis, warmUpTimes }: Effort): Promise<number> => {
  let times = 64
  let done = 0
  let spent = 0
  for (;;) {
    const { total } = await running.run(times)
    done += times
    spent += total
    if (done >= warmUpTimes && spent >= warmUpMillis * 1e6) {
      return Math.max(16, Math.round((times * sliceMillis * 1e6) / total))
    }
    if (total < (sliceMillis / 2) * 1e6) times *= 2
  }
}

const figure = ({ latencies, total }: Measured, times: number): number => latencies?.p50 ?? total / times

/** A program and what came of its rounds. */
interface Lane {
  readonly running: Running
  readonly times: number
  readonly samples: Array<Measured>
}

const isLatency = ({ samples }: Lane): boolean => samples[0]?.latencies !== undefined

/** Of the same round each, so that both have met the same machine. */
const pairedRatio = (one: Lane, other: Lane): number => {
  const speeds = one.samples.map(
    (sample, round) => figure(other.samples[round]!, other.times) / figure(sample, one.times)
  )
  return median(isLatency(one) ? speeds.map((speed) => 1 / speed) : speeds)
}

/** Measures one contest. */
export const contest = async (
  { name, pairs = [], programs, workload }: Contest,
  effort: Effort
): Promise<ContestOutcome> => {
  const running: Array<Running> = []
  try {
    for (const program of programs) running.push(await startProgram(program, workload))
    const lanes: Array<Lane> = []
    for (const one of running) lanes.push({ running: one, times: await warmUp(one, effort), samples: [] })
    for (let round = 0; round < effort.rounds; round++) {
      for (let turn = 0; turn < lanes.length; turn++) {
        const lane = lanes[(round + turn) % lanes.length]!
        lane.samples.push(await lane.running.run(lane.times))
      }
    }
    const first = lanes[0]!
    const laneOf = (program: Program): Lane => lanes[programs.indexOf(program)]!
    return {
      name,
      isBound: running.every(({ isBound }) => isBound),
      pairings: pairs.map(([one, other]) => ({
        name: one.name,
        against: other.name,
        ratio: pairedRatio(laneOf(one), laneOf(other))
      })),
      standings: lanes.map((lane) => {
        const { running, samples, times } = lane
        const mine = (of: (sample: Measured) => number) => median(samples.map(of))
        return {
          name: running.name,
          each: mine(({ total }) => total / times),
          cpu: { server: mine(({ cpu }) => cpu.server / times), client: mine(({ cpu }) => cpu.client / times) },
          ratio: pairedRatio(lane, first),
          ...(isLatency(lane)
            ? {
                latencies: {
                  p50: mine(({ latencies }) => latencies!.p50),
                  p99: mine(({ latencies }) => latencies!.p99)
                }
              }
            : {})
        }
      })
    }
  } finally {
    for (const one of running) one.stop()
  }
}

const micros = (nanoseconds: number): string => `${(nanoseconds / 1000).toFixed(1)} us`

/** A contest as lines of a table. */
export const contestTable = ({ isBound, name, pairings, standings }: ContestOutcome): string => {
  const lines = standings.map(({ cpu, each, latencies, name, ratio }) =>
    [
      `  ${name.padEnd(28)}`,
      latencies === undefined
        ? `${(1e6 / each).toFixed(1)} k/s`.padStart(12)
        : `p50 ${micros(latencies.p50)}, p99 ${micros(latencies.p99)}`.padStart(32),
      `x ${ratio.toFixed(2)}`.padStart(9),
      `   cpu ${micros(cpu.server)} server, ${micros(cpu.client)} client`
    ].join("")
  )
  const pairs = pairings.map(
    ({ against, name, ratio }) => `  ${`${name} : ${against}`.padEnd(40)}${`x ${ratio.toFixed(2)}`.padStart(9)}`
  )
  return [isBound ? name : `${name} (not bound to cores)`, ...lines, ...pairs].join("\n")
}
