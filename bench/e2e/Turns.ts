/**
 * Lets programs take turns at the same workload, round by round, as `Rounds` does with functions: what the machine does
 * meanwhile hits all alike. The first program is what the others are measured against.
 */
import { type Measured, type Program, type Running, startProgram } from "./Processes.ts"
import type { Workload } from "./Workload.ts"

/** A workload and who does it. */
export interface Contest {
  readonly name: string
  readonly workload: Workload
  readonly programs: readonly [Program, ...ReadonlyArray<Program>]
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

export interface ContestOutcome {
  readonly name: string
  readonly standings: ReadonlyArray<Standing>
}

/** How long to measure. */
export interface Effort {
  readonly rounds: number
  readonly sliceMillis: number
  readonly warmUpMillis: number
}

const median = (samples: ReadonlyArray<number>): number =>
  samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN

/** Runs until the engine has optimised what there is to optimise, and finds how many reflects fill a slice. */
const warmUp = async (running: Running, { sliceMillis, warmUpMillis }: Effort): Promise<number> => {
  let times = 64
  let spent = 0
  for (;;) {
    const { total } = await running.run(times)
    spent += total
    if (spent >= warmUpMillis * 1e6) return Math.max(16, Math.round((times * sliceMillis * 1e6) / total))
    if (total < (sliceMillis / 2) * 1e6) times *= 2
  }
}

const figure = ({ latencies, total }: Measured, times: number): number => latencies?.p50 ?? total / times

/** Measures one contest. */
export const contest = async ({ name, programs, workload }: Contest, effort: Effort): Promise<ContestOutcome> => {
  const running: Array<Running> = []
  try {
    for (const program of programs) running.push(await startProgram(program, workload))
    const lanes: Array<{ readonly running: Running; readonly times: number; readonly samples: Array<Measured> }> = []
    for (const one of running) lanes.push({ running: one, times: await warmUp(one, effort), samples: [] })
    for (let round = 0; round < effort.rounds; round++) {
      for (let turn = 0; turn < lanes.length; turn++) {
        const lane = lanes[(round + turn) % lanes.length]!
        lane.samples.push(await lane.running.run(lane.times))
      }
    }
    const first = lanes[0]!
    return {
      name,
      standings: lanes.map(({ running, samples, times }) => {
        const mine = (of: (sample: Measured) => number) => median(samples.map(of))
        const ratios = samples.map(
          (sample, round) => figure(first.samples[round]!, first.times) / figure(sample, times)
        )
        const isLatency = samples[0]?.latencies !== undefined
        return {
          name: running.name,
          each: mine(({ total }) => total / times),
          cpu: { server: mine(({ cpu }) => cpu.server / times), client: mine(({ cpu }) => cpu.client / times) },
          ratio: median(isLatency ? ratios.map((ratio) => 1 / ratio) : ratios),
          ...(isLatency
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
export const contestTable = ({ name, standings }: ContestOutcome): string => {
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
  return [name, ...lines].join("\n")
}
