/**
 * A world of devices and a mediator in virtual time, under one seed: same seed, same run.
 *
 * @since 0.1.0
 */
export { type ChatHandler, messageIdOf, messageOf } from "./Application.ts"
export * from "./BulkCrypto.ts"
export { checked, checkedDevice, checkedFault, InvalidSchedule, readSchedule } from "./CheckedSchedule.ts"
export * from "./Divergence.ts"
export * from "./Failure.ts"
export { lastingOf, strike, strikeFor } from "./Faults.ts"
export * from "./Hunt.ts"
export * from "./HuntingGround.ts"
export { Kernel, type Rest, type TaskHost, type Timer } from "./Kernel.ts"
export * from "./Lanes.ts"
export * from "./LivenessBound.ts"
export { Machine, type MachineOptions } from "./Machine.ts"
export * from "./mutants/index.ts"
export * from "./mutants/Mutant.ts"
export { mediatorName, ownerOf } from "./Names.ts"
export { type Latency, type Network, type Route, type Way } from "./Network.ts"
export * from "./Operation.ts"
export * from "./Oracle.ts"
export { standardOracles } from "./oracles/index.ts"
export * as Prng from "./Prng.ts"
export { type NewcomerSpec, type Program, type ProgramOptions, runProgram, type SimulatedGroup } from "./Program.ts"
export * from "./ProgramSchedule.ts"
export { type Undo } from "./Reasons.ts"
export * from "./Repetition.ts"
export { whyNotReplayable, whyShowsNothing } from "./Replayable.ts"
export { isEndless, judgesOf, programOracle, run, type RunOptions, type RunResult, type Stage } from "./Run.ts"
export {
  calm,
  Conditions,
  DeviceSpec,
  Expectation,
  largestGroup,
  plainDevice,
  Schedule,
  ScheduledFault,
  ScheduledOperation,
  ScheduleJson
} from "./Schedule.ts"
export * from "./Settings.ts"
export { type SimulatedDevice } from "./SimulatedDevice.ts"
export { type SimulatedMediator } from "./SimulatedMediator.ts"
export * from "./Shrink.ts"
export * from "./Simulate.ts"
export { InvalidSimulateOptions } from "./SimulateBounds.ts"
export * as Simulation from "./Simulation.ts"
export * from "./Story.ts"
export * from "./Summary.ts"
export * from "./Swarm.ts"
export { type FaultLevel } from "./SwarmFaults.ts"
export { Tally } from "./Tally.ts"
export { traceLine } from "./Trace.ts"
export { type MessageHandler } from "./TroubledHandler.ts"
export * from "./VirtualDisk.ts"
export * from "./VirtualStore.ts"
export { type Label, wordsOf } from "./Wording.ts"
export { VirtualChat } from "./VirtualChat.ts"
export {
  type FreeDeviceOptions,
  deviceGroupKeyOf,
  type OnDefect,
  type OnLog,
  World,
  type WorldOptions
} from "./World.ts"
export {
  type Answer,
  type BatchPlace,
  type CallPlace,
  type ConnectionPlace,
  type EventKind,
  type FrameSeen,
  type FrameTags,
  type HandedBack,
  type LifePlace,
  type ListedDevice,
  only,
  type Place,
  type ProgramAsk,
  type ProgramCallPlace,
  type Told,
  type UpgradeRefusal,
  type Witness,
  type WorldEvent
} from "./WorldEvent.ts"
export * from "./WorldFault.ts"
