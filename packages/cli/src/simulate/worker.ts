/**
 * A thread that runs one seed after the other, and shrinks what has failed.
 *
 * @since 0.1.0
 */
import { compareTraces, reportOf, run, type Schedule, shrink, swarm, traceLine } from "@d2m/simulation"
import { parentPort, workerData } from "node:worker_threads"
import type { Ask, Ran, Reproduction, Setting } from "./Messages.ts"

const { verify, ...setting } = workerData as Setting

const traced = (schedule: Schedule) => {
  const lines: Array<string> = []
  const result = run(schedule, { witnesses: [(event) => lines.push(traceLine(event))] })
  return { lines, result }
}

const runSeed = (seed: number): Ran => {
  const schedule = swarm({ ...setting, seed })
  const first = verify ? traced(schedule) : { lines: [], result: run(schedule) }
  const report = reportOf(first.result)
  return {
    report,
    schedule: report.violation === undefined ? undefined : schedule,
    divergence: verify ? compareTraces(first.lines, traced(schedule).lines) : undefined
  }
}

const shrinkFor = (schedule: Schedule, millis: number): Reproduction => {
  const end = performance.now() + millis
  const shrunk = shrink(schedule, { isOver: () => performance.now() >= end })
  return { schedule: shrunk?.schedule ?? schedule, runs: shrunk?.runs ?? 1 }
}

parentPort?.on("message", (ask: Ask) => {
  parentPort?.postMessage(ask._tag === "Run" ? runSeed(ask.seed) : shrinkFor(ask.schedule, ask.millis))
})
