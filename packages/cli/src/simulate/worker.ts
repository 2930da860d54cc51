/**
 * A thread that runs one seed after the other.
 *
 * @since 0.1.0
 */
import { compareTraces, reportOf, run, type Schedule, swarm, traceLine } from "@d2m/simulation"
import { parentPort, workerData } from "node:worker_threads"
import type { Ask, Ran, Setting } from "./Messages.ts"

const { verify, ...setting } = workerData as Setting

const traced = (schedule: Schedule) => {
  const lines: Array<string> = []
  const result = run(schedule, { witnesses: [(event) => lines.push(traceLine(event))] })
  return { lines, result }
}

const answer = (seed: number): Ran => {
  const schedule = swarm({ ...setting, seed })
  const first = verify ? traced(schedule) : { lines: [], result: run(schedule) }
  const report = reportOf(first.result)
  return {
    report,
    schedule: report.violation === undefined ? undefined : schedule,
    divergence: verify ? compareTraces(first.lines, traced(schedule).lines) : undefined
  }
}

parentPort?.on("message", ({ seed }: Ask) => parentPort?.postMessage(answer(seed)))
