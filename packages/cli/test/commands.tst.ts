/**
 * Type tests: whoever makes a command part of their own can name what it fails with, from what packages export.
 */
import type { DeviceOptionsError, DeviceStoreError } from "@d2m/client"
import type { MediatorStoreError } from "@d2m/server-sim"
import type { ListenError } from "@d2m/server-sim/node"
import type { AnchorGone, ScheduleNotReplayable } from "@d2m/simulation"
import type { PlantError, SourcesMissing } from "@d2m/simulation/node"
import type { Config, PlatformError, Schema } from "effect"
import type { CliError, Command } from "effect/cli"
import { describe, expectTypeOf, test } from "vitest"
import type {
  CertificateFailed,
  CommandFailed,
  d2m,
  device,
  FailedSeeds,
  inspect,
  keys,
  mutants,
  MutantsAtLarge,
  NotConnected,
  NotSeen,
  Overdue,
  replay,
  RuleBroken,
  ScriptError,
  SeedWorkerFailed,
  serve,
  SessionEnd,
  simulate,
  UnknownMutant,
  Unpromised,
  UnreadableFrames,
  UnreadableSchedule,
  UnusableGroupKey,
  UnusableGroupList,
  UnusableOptions,
  UnwritableFailure,
  UserNeeded
} from "../src/index.ts"

type ErrorOf<C> = C extends Command.Command<infer _Name, infer _Input, infer _Context, infer E, infer _R> ? E : never

type Serve =
  | CertificateFailed
  | Config.ConfigError
  | CliError.InvalidValue
  | ListenError
  | MediatorStoreError
  | UnusableGroupList
  | UnusableOptions
type Device = CliError.InvalidValue | DeviceOptionsError | DeviceStoreError | UnusableGroupKey | SessionEnd
type Inspect = PlatformError.PlatformError | UnreadableFrames | UnusableGroupKey
type NotPlanted = AnchorGone | SourcesMissing
type Simulate = NotPlanted | FailedSeeds | SeedWorkerFailed | UnknownMutant | UnwritableFailure
type Replay =
  | NotPlanted
  | ScheduleNotReplayable
  | NotSeen
  | RuleBroken
  | SeedWorkerFailed
  | UnknownMutant
  | UnreadableSchedule
type Mutants = CliError.InvalidValue | MutantsAtLarge | UnwritableFailure | Schema.SchemaError | PlantError

describe("the errors of a command", () => {
  test("have names that its package exports", () => {
    expectTypeOf<ErrorOf<typeof serve>>().toEqualTypeOf<Serve>()
    expectTypeOf<ErrorOf<typeof device>>().toEqualTypeOf<Device>()
    expectTypeOf<ErrorOf<typeof inspect>>().toEqualTypeOf<Inspect>()
    expectTypeOf<ErrorOf<typeof keys>>().toEqualTypeOf<UnusableGroupKey>()
    expectTypeOf<ErrorOf<typeof simulate>>().toEqualTypeOf<Simulate>()
    expectTypeOf<ErrorOf<typeof replay>>().toEqualTypeOf<Replay>()
    expectTypeOf<ErrorOf<typeof mutants>>().toEqualTypeOf<Mutants>()
    expectTypeOf<ErrorOf<typeof d2m>>().toEqualTypeOf<
      Serve | Device | Inspect | UnusableGroupKey | Simulate | Replay | Mutants
    >()
    expectTypeOf<SessionEnd>().toEqualTypeOf<
      ScriptError | CommandFailed | Unpromised | Overdue | NotConnected | UserNeeded
    >()
  })
})
