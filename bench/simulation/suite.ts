/**
 * The benchmark of the simulation: how much of a world one core carries, with the real client, the real mediator, the
 * codec and all oracles. There is nothing bare to set beside it; real time is what the numbers are measured against.
 */
import { fork } from "node:child_process"
import * as Path from "node:path"
import type { Result, Suite } from "../Suite.ts"
import { measurements, warmUp } from "./measurements.ts"

/**
 * Measures in a process of its own. An engine compiles for all that a program has done so far: behind worlds full of faults,
 * calm ones would be measured in code that was made for those.
 */
const measureAlone = (name: string, rounds: number): Promise<Result> =>
  new Promise((resolve, reject) => {
    const child = fork(Path.join(import.meta.dirname, "alone.ts"), [name, String(rounds)])
    child.on("message", (result) => resolve(result as Result))
    child.on("error", reject)
    child.on("exit", (code) => reject(new Error(`the measurement of ${name} ended with ${code}`)))
  })

export const suite: Suite = {
  rounds: 15,
  legend: `medians behind ${warmUp} s of warming up, each row in a process of its own, for each second of CPU time, other threads' garbage collection and compilation included`,
  run: async function* ({ only, rounds }) {
    for (const { name } of measurements) if (name.includes(only)) yield await measureAlone(name, rounds)
  }
}
