/**
 * What may be asked for of a simulation.
 *
 * Owns the check of its options, before a schedule is drawn with them or a world made: a key that means nothing is an error, as
 * it is in a file. What a schedule may have in it is `CheckedSchedule`'s.
 *
 * @since 0.1.0
 */
import { millisOf, U32 } from "@d2m/codec"
import { type Duration, Effect, Result, Schema } from "effect"
import { checkedBy } from "./IssueText.ts"
import { arrivals } from "./oracles/Arrivals.ts"
import { standardOracles } from "./oracles/index.ts"
import { deviceName, takenTwice } from "./Names.ts"
import { count, period, runLength, seedNumber, spanOfSchedule } from "./Quantity.ts"
import { judgesOf } from "./Run.ts"
import { Conditions } from "./Schedule.ts"
import type { FaultLevel } from "./SwarmFaults.ts"

/**
 * Options that no simulation can have: a number outside of its range, a key that means nothing, what no device can be made
 * with; or a program that is none.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidSimulateOptions extends Schema.TaggedError<InvalidSimulateOptions>(
  "@d2m/simulation/InvalidSimulateOptions"
)("InvalidSimulateOptions", {
  /** What was expected, what was found, and which option it is. */
  detail: Schema.String
}) {
  override get message(): string {
    return `invalid options: ${this.detail}`
  }
}

const levels: ReadonlyArray<FaultLevel> = ["none", "light", "swarm", "brutal"]

const isFunction = (value: unknown): value is (...args: ReadonlyArray<never>) => unknown => typeof value === "function"
const aFunction = Schema.declare(isFunction, { expected: "a function" })

const names = Schema.Array(deviceName).check(
  Schema.isMinLength(1),
  Schema.makeFilter((given) => {
    const twice = takenTwice(given)
    return twice === undefined ? undefined : `two devices have the name ${twice}`
  })
)

const condition = Conditions.fields

const SomeConditions = Schema.Struct({
  preempt: Schema.optionalKey(condition.preempt),
  latency: Schema.optionalKey(condition.latency),
  crypto: Schema.optionalKey(condition.crypto),
  storeLatency: Schema.optionalKey(condition.storeLatency),
  diskLatency: Schema.optionalKey(condition.diskLatency),
  userDelay: Schema.optionalKey(condition.userDelay),
  mediator: Schema.optionalKey(condition.mediator),
  client: condition.client
})

const isMaker = (value: unknown): value is { readonly name: string; readonly make: unknown } =>
  typeof value === "object" &&
  value !== null &&
  "name" in value &&
  typeof value.name === "string" &&
  value.name !== "" &&
  "make" in value &&
  isFunction(value.make)

/** Anything else that it has is its own. */
const oracle = Schema.declare(isMaker, { expected: "an oracle: an object with a name and a function make" })

/** The name of what a program waits by for its devices to have joined, and what judges nothing. */
export const membershipName = "membership"

/** A failure is told by its oracle's name, and found again by it. */
const takenNames: ReadonlyArray<string> = [
  ...judgesOf({ oracles: [...standardOracles, arrivals], program: () => Effect.void }),
  membershipName
]

const ownOracles = Schema.Array(oracle).check(
  Schema.makeFilter((given) => {
    const own = given.map(({ name }) => name)
    const twice = takenTwice(own)
    if (twice !== undefined) return `two oracles have the name ${twice}`
    const at = own.findIndex((name) => takenNames.includes(name))
    return at < 0
      ? undefined
      : { path: [at, "name"], issue: `${own[at]} is the name of an oracle that is there already` }
  })
)

const description = Schema.Struct({
  platform: Schema.Number,
  platformDetails: Schema.String,
  appVersion: Schema.String,
  label: Schema.String
})

const versions = Schema.Struct({ minimum: U32, maximum: U32 }).check(
  Schema.makeFilter(({ maximum, minimum }) => (minimum <= maximum ? undefined : "expected minimum <= maximum"))
)

/** The options of devices that are not their world's. */
const DeviceOptions = Schema.Struct({
  identity: Schema.optionalKey(Schema.NonEmptyString),
  description: Schema.optionalKey(description),
  versions: Schema.optionalKey(versions),
  protocolVersion: Schema.optionalKey(U32),
  firstReflectId: Schema.optionalKey(U32)
})

const Options = Schema.Struct({
  seed: Schema.optional(seedNumber),
  seeds: Schema.optional(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  devices: Schema.optional(Schema.Union([count, names])),
  duration: Schema.optional(runLength),
  faults: Schema.optional(Schema.Literals(levels)),
  losses: Schema.optional(Schema.Boolean),
  misbehaving: Schema.optional(Schema.Boolean),
  chats: Schema.optional(Schema.Boolean),
  conditions: Schema.optional(SomeConditions),
  oracles: Schema.optional(ownOracles),
  deviceOptions: Schema.optional(DeviceOptions),
  story: Schema.optional(Schema.Literals(["brief", "full"])),
  label: Schema.optional(aFunction),
  verify: Schema.optional(Schema.Boolean),
  maxSteps: Schema.optional(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  shrinkRuns: Schema.optional(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
  isOver: Schema.optional(aFunction)
}).check(
  Schema.makeFilter(({ seed = 0, seeds = 1 }) =>
    seed <= Number.MAX_SAFE_INTEGER - (seeds - 1)
      ? undefined
      : { path: ["seed"], issue: `the last of ${seeds} seeds is beyond ${Number.MAX_SAFE_INTEGER}` }
  ),
  Schema.makeFilter(({ conditions, devices = 3 }) => {
    const slots = conditions?.mediator?.maxDeviceSlots
    const most = typeof devices === "number" ? devices : devices.length
    return slots === undefined || slots >= most
      ? undefined
      : {
          path: ["conditions", "mediator", "maxDeviceSlots"],
          issue: `expected a slot for each of the ${most} devices, found ${slots}: a device without one never joins`
        }
  })
)

const someOptions = checkedBy(Options)

/** What is wrong with options that no simulation can have. */
export const wrongOptions = (options: unknown): InvalidSimulateOptions | undefined => {
  const sound = someOptions(options)
  return Result.isSuccess(sound) ? undefined : new InvalidSimulateOptions({ detail: sound.failure })
}

const drawnWith = checkedBy(
  Schema.Struct({ duration: Schema.optional(spanOfSchedule), period: Schema.optional(period) })
)

/** The ms of what a schedule is drawn with. Throws an {@link InvalidSimulateOptions} where none can be. */
export const drawnMillis = (option: "duration" | "period", input: Duration.Input): number => {
  const sound = drawnWith({ [option]: input })
  if (Result.isFailure(sound)) throw new InvalidSimulateOptions({ detail: sound.failure })
  return millisOf(input)
}

const aProgram = checkedBy(Schema.declare(isFunction, { expected: "a program: a function of a SimulatedGroup" }))

/** What is wrong with a program that is none: it may have come to nothing where two modules import each other. */
export const wrongProgram = (program: unknown): InvalidSimulateOptions | undefined => {
  const sound = aProgram(program)
  return Result.isSuccess(sound) ? undefined : new InvalidSimulateOptions({ detail: sound.failure })
}
