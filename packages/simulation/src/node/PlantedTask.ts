/**
 * What a thread does once its bug is planted.
 *
 * @since 0.1.0
 */
import { hunt, type Hunted } from "../Hunt.ts"
import { run, type RunResult } from "../Run.ts"
import type { Schedule } from "../Schedule.ts"

/**
 * A task, as it is handed to a thread.
 *
 * @category models
 * @since 0.1.0
 */
export type PlantedTask =
  | { readonly _tag: "Hunt"; readonly from: number; readonly seeds: number }
  | { readonly _tag: "Run"; readonly schedule: Schedule }

/**
 * What became of a run in another thread.
 *
 * @category models
 * @since 0.1.0
 */
export type PlantedRun = Pick<RunResult, "digest" | "elapsed" | "steps" | "violation">

/** @internal */
export const perform = (task: PlantedTask): Hunted | PlantedRun => {
  if (task._tag === "Hunt") return hunt(task)
  const { digest, elapsed, steps, violation } = run(task.schedule)
  return { digest, elapsed, steps, violation }
}
