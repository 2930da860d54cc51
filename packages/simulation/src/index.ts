/**
 * A world of devices and a mediator in virtual time, under one seed: same seed, same run.
 *
 * @since 0.1.0
 */
export * from "./BulkCrypto.ts"
export * from "./Divergence.ts"
export * from "./Fault.ts"
export { lastingOf, strike, strikeFor } from "./Faults.ts"
export { Kernel, type Rest, type Timer } from "./Kernel.ts"
export { Machine, type MachineOptions } from "./Machine.ts"
export { type Latency, type Network, type Route, type Undo, type Way } from "./Network.ts"
export * from "./Operation.ts"
export * from "./Oracle.ts"
export * as Prng from "./Prng.ts"
export * from "./Run.ts"
export * from "./Schedule.ts"
export { messageIdOf, messageOf, type MessageHandler, type SimulatedDevice } from "./SimulatedDevice.ts"
export { type SimulatedMediator } from "./SimulatedMediator.ts"
export * as Simulation from "./Simulation.ts"
export * from "./Summary.ts"
export * from "./Swarm.ts"
export { Tally } from "./Tally.ts"
export { traceLine } from "./Trace.ts"
export * from "./VirtualDisk.ts"
export * from "./VirtualStore.ts"
export { wordsOf } from "./Wording.ts"
export * from "./World.ts"
export * from "./WorldEvent.ts"
