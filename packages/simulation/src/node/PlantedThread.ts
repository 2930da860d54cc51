/**
 * The program of a thread in which the packages are loaded with a bug planted.
 *
 * Owns the module hook that puts the planted sources in the place of the real ones: it is set before anything of the
 * packages is loaded, and ends with the thread.
 *
 * @since 0.1.0
 */
import { registerHooks } from "node:module"
import { parentPort, workerData } from "node:worker_threads"
import type { PlantedTask } from "./PlantedTask.ts"

/**
 * What the thread is given. Without `sources` it runs the program as it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface ThreadData {
  readonly sources: ReadonlyMap<string, string>
  readonly task: PlantedTask
}

const { sources, task }: ThreadData = workerData

registerHooks({
  load: (url, context, nextLoad) => {
    const source = sources.get(url)
    return source === undefined ? nextLoad(url, context) : { format: "module-typescript", source, shortCircuit: true }
  }
})

const { perform } = await import("./PlantedTask.ts")
parentPort?.postMessage(perform(task), [])
