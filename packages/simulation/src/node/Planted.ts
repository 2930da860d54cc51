/**
 * Runs and hunts in a program with a bug planted, each in a thread of its own.
 *
 * Owns the threads: one for each task, ended with it, or when nobody waits any more. The program of the caller is never
 * changed.
 *
 * @since 0.1.0
 */
import { Worker } from "node:worker_threads"
import { Effect, Schema } from "effect"
import type { Hunted } from "../Hunt.ts"
import type { AnchorGone, Mutant } from "../mutants/Mutant.ts"
import type { Schedule } from "../Schedule.ts"
import { plantedSources, type SourcesMissing } from "./Plant.ts"
import type { PlantedRun, PlantedTask } from "./PlantedTask.ts"
import type { ThreadData } from "./PlantedThread.ts"

/**
 * The thread of a planted program came to an end without a result.
 *
 * @category errors
 * @since 0.1.0
 */
export class ThreadFailed extends Schema.TaggedError<ThreadFailed>("@d2m/simulation/ThreadFailed")("ThreadFailed", {
  /** Absent for the program as it is. */
  mutant: Schema.optionalKey(Schema.String),
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.mutant === undefined ? "the program as it is" : `mutant ${this.mutant}`}: ${this.detail}`
  }
}

/**
 * Why nothing could be found out about a mutant.
 *
 * @category errors
 * @since 0.1.0
 */
export type PlantError = AnchorGone | SourcesMissing | ThreadFailed

// Of the same kind as this file: a source, or what was built of one.
const threadUrl = new URL(import.meta.url.endsWith(".ts") ? "PlantedThread.ts" : "PlantedThread.js", import.meta.url)

const inThread = (mutant: Mutant | undefined, data: ThreadData): Effect.Effect<unknown, ThreadFailed> =>
  Effect.callback((resume) => {
    const fail = (detail: string) =>
      resume(Effect.fail(new ThreadFailed(mutant === undefined ? { detail } : { mutant: mutant.name, detail })))
    const worker = new Worker(threadUrl, { workerData: data, execArgv: [] })
    worker.once("message", (result: unknown) => resume(Effect.succeed(result)))
    worker.once("error", (error: unknown) => fail(error instanceof Error ? error.message : String(error)))
    worker.once("exit", (code) => fail(`its thread has ended with ${code}`))
    return Effect.promise(() => worker.terminate())
  })

const perform = (mutant: Mutant | undefined, task: PlantedTask): Effect.Effect<unknown, PlantError> =>
  Effect.flatMap(mutant === undefined ? Effect.succeed(new Map<string, string>()) : plantedSources(mutant), (sources) =>
    inThread(mutant, { sources, task })
  )

/**
 * Hunts in the program with the mutant planted, or without one in the program as it is: tries seeds from `from` (0 unless
 * given) on, at most `seeds` of them (2000 unless given).
 *
 * @category running
 * @since 0.1.0
 */
export const huntPlanted = (
  mutant: Mutant | undefined,
  options: { readonly from?: number; readonly seeds?: number } = {}
): Effect.Effect<Hunted, PlantError> => {
  const { from = 0, seeds = 2_000 } = options
  return Effect.map(perform(mutant, { _tag: "Hunt", from, seeds }), (result) => {
    const hunted = result as Hunted
    if (hunted._tag !== "Killed" || mutant === undefined) return hunted
    const { oracle, rule } = hunted.violation
    return { ...hunted, schedule: { ...hunted.schedule, mutant: mutant.name, violates: { oracle, rule } } }
  })
}

/**
 * Carries out a schedule in the program with the mutant planted, or without one in the program as it is.
 *
 * @category running
 * @since 0.1.0
 */
export const runPlanted = (mutant: Mutant | undefined, schedule: Schedule): Effect.Effect<PlantedRun, PlantError> =>
  Effect.map(perform(mutant, { _tag: "Run", schedule }), (result) => result as PlantedRun)
