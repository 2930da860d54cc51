/**
 * What of the simulation needs Node: programs with a bug planted.
 *
 * @since 0.1.0
 */
export { plantedSources, SourcesMissing } from "./node/Plant.ts"
export { huntPlanted, type PlantError, runPlanted, ThreadFailed } from "./node/Planted.ts"
export type { PlantedRun } from "./node/PlantedTask.ts"
