/**
 * The benchmark from end to end: a mediator and its devices in two processes over loopback, beside a bare program over
 * `ws` of the same function. A reflect counts as done when it was acked and every receiver has handled it.
 */
import type { Result, Suite } from "../Suite.ts"
import { coldStart } from "./cold-start.ts"
import { idle, restart } from "./idle.ts"
import { bareCorked, bareOnce, ourMemory, ourSqlite } from "./Programs.ts"
import { contest, type Contest, contestTable } from "./Turns.ts"
import type { Workload } from "./Workload.ts"

const kib = (size: number): string => `${size / 1024} KiB`
const secrecy = (crypto: Workload["crypto"]): string => (crypto === "none" ? "no crypto" : "sodium")
const pipelined = 256
/** What is in flight shares the syncs of a disk. */
const deep = 1024

const programs = [bareCorked, bareOnce, ourMemory, ourSqlite] as const

/** What a disk costs, and what is gained over the program that anybody would write first. */
const pairs = [
  [ourSqlite, ourMemory],
  [ourMemory, bareOnce]
] as const

const contests = (): ReadonlyArray<Contest> => {
  const all: Array<Contest> = []
  for (const size of [1024, 16_384]) {
    for (const crypto of ["none", "sodium"] as const) {
      const what = `${kib(size)}, ${secrecy(crypto)}`
      all.push(
        {
          name: `round trip, one in flight, ${what}`,
          workload: { size, crypto, receivers: 0, inFlight: 1 },
          programs,
          pairs
        },
        {
          name: `reflect and ack, ${pipelined} in flight, ${what}`,
          workload: { size, crypto, receivers: 0, inFlight: pipelined },
          programs,
          pairs
        }
      )
      if (size === 1024) {
        all.push({
          name: `reflect and ack, ${deep} in flight, ${what}`,
          workload: { size, crypto, receivers: 0, inFlight: deep },
          programs,
          pairs
        })
      }
      for (const receivers of [1, 4, 15]) {
        all.push({
          name: `fan-out to ${receivers}, ${pipelined} in flight, ${what}`,
          workload: { size, crypto, receivers, inFlight: pipelined },
          programs,
          pairs
        })
      }
    }
  }
  return all
}

interface Measurement {
  readonly name: string
  readonly measure: (rounds: number) => Promise<Result>
}

/** Round trips are few in a second, and the engine takes its time with what runs seldom. */
const warmUpTimes = ({ workload }: Contest): number => (workload.inFlight === 1 ? 30_000 : 0)

const measurements = (): ReadonlyArray<Measurement> => [
  ...contests().map((one) => ({
    name: one.name,
    measure: async (rounds: number): Promise<Result> => {
      const effort = { rounds, sliceMillis: 200, warmUpMillis: 4000, warmUpTimes: warmUpTimes(one) }
      const outcome = await contest(one, effort)
      return { outcome, table: contestTable(outcome) }
    }
  })),
  ...[1000, 10_000].map((connections) => ({ name: `idle, ${connections} devices`, measure: () => idle(connections) })),
  { name: "restart, 10000 devices", measure: () => restart(2000) },
  { name: "cold start", measure: () => coldStart(9) }
]

export const suite: Suite = {
  rounds: 15,
  legend:
    "medians; x: how many times as fast as the first line (or the one behind the colon), or as long where it is one in flight",
  run: async function* ({ only, rounds }) {
    for (const { measure, name } of measurements()) if (name.includes(only)) yield measure(rounds)
  }
}
