/**
 * Runs Effect programs in virtual time under a seed.
 *
 * @since 0.1.0
 */
export * as Prng from "./Prng.ts"
export * from "./SeededScheduler.ts"
export * as Simulation from "./Simulation.ts"
export * from "./VirtualClock.ts"
