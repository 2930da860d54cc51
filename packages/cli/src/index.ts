/**
 * The `d2m` command as a value: run it, or make it part of a command of your own; and what it fails with.
 *
 * @since 0.1.0
 */
import { Command } from "effect/cli"
import { device } from "./Device.ts"
import { inspect } from "./Inspect.ts"
import { keys } from "./Keys.ts"
import { mutants } from "./Mutants.ts"
import { replay } from "./Replay.ts"
import { serve } from "./Serve.ts"
import { simulate } from "./Simulate.ts"

/**
 * The `d2m` command with all its subcommands.
 *
 * @category commands
 * @since 0.1.0
 */
export const d2m = Command.make("d2m").pipe(
  Command.withDescription("Tools for the Device-to-Mediator protocol"),
  Command.withSubcommands([serve, device, inspect, keys, simulate, replay, mutants])
)

export {
  CommandFailed,
  NotConnected,
  Overdue,
  ScriptError,
  type SessionEnd,
  Unpromised,
  UserNeeded
} from "./device/SessionEnd.ts"
export { SessionLine } from "./device/SessionLine.ts"
export { UnusableGroupKey } from "./GroupKey.ts"
export { UnusableGroupList, UnusableOptions } from "./GuardFlags.ts"
export { UnreadableFrames } from "./Inspect.ts"
export { MutantsAtLarge } from "./Mutants.ts"
export { NotSeen, RuleBroken, UnreadableSchedule } from "./Replay.ts"
export { CertificateFailed } from "./SelfSignedCertificate.ts"
export { FailedSeeds } from "./Simulate.ts"
export { UnwritableFailure } from "./simulate/Failure.ts"
export { UnknownMutant } from "./simulate/Planted.ts"
export { SeedWorkerFailed } from "./simulate/SeedWorkers.ts"
export { device, inspect, keys, mutants, replay, serve, simulate }
