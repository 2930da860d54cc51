/**
 * What is measured of the simulation, and how: worlds one after the other, and what a second of CPU time carries of them.
 */
import { chatWorkload, run, type Schedule, swarm, type Workload } from "@d2m/simulation"
import type { Result } from "../Suite.ts"

/** What is run in each round, one schedule after the other. */
export interface Measurement {
  readonly name: string
  readonly schedules: (round: number) => ReadonlyArray<Schedule>
}

/** What a round came to, for each second of CPU time. */
interface Figures {
  readonly seeds: number
  readonly frames: number
  /** Simulated seconds. */
  readonly time: number
}

/** Every device reflects so many messages at once, once in a second. */
const bursts =
  (count: number): Workload =>
  (prng, devices, duration) =>
    devices.flatMap(({ name }) =>
      Array.from({ length: Math.floor(duration / 1000) }, (_, second) => ({
        at: 1000 * second + prng.below(1000),
        device: name,
        operation: { _tag: "Reflect" as const, count, bytes: 100 }
      }))
    )

const calm = (duration: number, devices: number, workload: Workload): ReadonlyArray<Schedule> => [
  swarm({ seed: 1, duration, devices, faults: "none", workload })
]

const seeds = (each: number, options: Omit<Parameters<typeof swarm>[0], "seed">) => (round: number) =>
  Array.from({ length: each }, (_, n) => swarm({ ...options, seed: round * each + n }))

export const measurements: ReadonlyArray<Measurement> = [
  { name: "60 s, 3 devices, swarm faults", schedules: seeds(100, {}) },
  { name: "10 s, 2 devices, swarm faults", schedules: seeds(400, { duration: 10_000, devices: 2 }) },
  {
    name: "chat: 5 devices, a message each in 10 s",
    schedules: () => calm(3_600_000, 5, chatWorkload(10_000))
  },
  { name: "single messages, 3 devices", schedules: () => calm(600_000, 3, bursts(1)) },
  { name: "bursts of 8 messages, 3 devices", schedules: () => calm(240_000, 3, bursts(8)) },
  { name: "bursts of 64 messages, 3 devices", schedules: () => calm(60_000, 3, bursts(64)) }
]

const secondsSince = (before: NodeJS.CpuUsage): number => {
  const { system, user } = process.cpuUsage(before)
  return (system + user) / 1e6
}

const round = (schedules: ReadonlyArray<Schedule>): Figures => {
  let frames = 0
  let time = 0
  const before = process.cpuUsage()
  for (const schedule of schedules) {
    const { elapsed, tally, violation } = run(schedule)
    if (violation !== undefined) throw new Error(`seed ${schedule.seed}: ${violation.rule}`)
    frames += tally.frames
    time += elapsed / 1000
  }
  const seconds = secondsSince(before)
  return { seeds: schedules.length / seconds, frames: frames / seconds, time: time / seconds }
}

const middle = (samples: ReadonlyArray<number>): number =>
  samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN

/**
 * Seconds of CPU time before anything is counted: so long does an engine go on compiling a program of this size. In the
 * first five a seed takes three times as long as later, from the tenth to the thirtieth a fifth longer.
 */
export const warmUp = 30

export const measure = ({ name, schedules }: Measurement, rounds: number): Result => {
  const figures: Array<Figures> = []
  const begin = process.cpuUsage()
  let n = 0
  while (secondsSince(begin) < warmUp) round(schedules(n++))
  for (const last = n + rounds; n < last; n++) figures.push(round(schedules(n)))
  const outcome = {
    name,
    seeds: middle(figures.map(({ seeds }) => seeds)),
    frames: middle(figures.map(({ frames }) => frames)),
    time: middle(figures.map(({ time }) => time))
  }
  const line = [
    `  ${outcome.seeds.toFixed(1)} seeds/s`.padEnd(20),
    `${(outcome.frames / 1000).toFixed(1)} k frames/s`.padStart(18),
    `${outcome.time.toFixed(0)} x real time`.padStart(20)
  ].join("")
  return { outcome, table: `${name}\n${line}` }
}
