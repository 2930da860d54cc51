/**
 * One run of a world as data: who takes part, what they do, what goes wrong, and the seed for everything else.
 *
 * Owns the versioned JSON form, in which a failure is kept and replayed. A schedule is made by `Swarm` from a seed, by
 * hand, or by `Shrink` from another one.
 *
 * @since 0.1.0
 */
import { MediatorOptions, strictOptions } from "@d2m/server-sim"
import { Effect, Option, Schema, SchemaIssue } from "effect"
import { Fault } from "./Fault.ts"
import { Operation } from "./Operation.ts"
import { millis, skew } from "./Quantity.ts"
import { mediatorName, ownerOf } from "./WorldEvent.ts"

/** Milliseconds from the start of the run. */
const at = millis
const chance = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

/** Names tell participants apart wherever something is told or judged. */
const deviceName = Schema.String.check(
  Schema.makeFilter((name) => {
    if (name === "") return "a device needs a name"
    if (name === mediatorName) return `"${mediatorName}" is the name of the mediator`
    return ownerOf(name) === name ? undefined : `a name with ' in it is that of a twin: ${name}`
  })
)

/**
 * One device of a schedule.
 *
 * `name` is its own, is not that of the mediator, and has no `'` in it, which twins have; `group` numbers its device group;
 * `joinsAt` is when it is switched on; `skew` what its clock shows too much, in ms.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DeviceSpec = Schema.Struct({
  name: deviceName,
  group: Schema.Int.check(Schema.isUint32()),
  joinsAt: at,
  expiration: Schema.Literals(["Volatile", "Persistent"]),
  exhausted: Schema.Literals(["Reject", "DropLeastRecent"]),
  skew,
  /** Whether it talks to a chat server. */
  chats: Schema.Boolean
})

/**
 * One device of a schedule.
 *
 * @category models
 * @since 0.1.0
 */
export type DeviceSpec = typeof DeviceSpec.Type

const option = MediatorOptions.fields

const mediatorConditions = Schema.Struct({
  strict: Schema.optionalKey(option.strict),
  maxDeviceSlots: Schema.optionalKey(option.maxDeviceSlots),
  transactionTtl: Schema.optionalKey(option.transactionTtl),
  transactionMessages: Schema.optionalKey(option.transactionMessages),
  volatileGrace: Schema.optionalKey(option.volatileGrace),
  queueMessages: Schema.optionalKey(option.queueMessages),
  queueBytes: Schema.optionalKey(option.queueBytes),
  firstReflectedId: Schema.optionalKey(option.firstReflectedId),
  deliveryMessages: Schema.optionalKey(option.deliveryMessages),
  outgoingHighWater: Schema.optionalKey(option.outgoingHighWater),
  outgoingLowWater: Schema.optionalKey(option.outgoingLowWater)
}).check(
  Schema.makeFilter((mediator) => {
    const { outgoingHighWater, outgoingLowWater } = { ...strictOptions, ...mediator }
    return outgoingLowWater > outgoingHighWater ? "outgoingLowWater must not exceed outgoingHighWater" : undefined
  })
)

/**
 * The conditions under which a world runs.
 *
 * `preempt` is the chance of a preemption before each step of a fiber, 0.5 at most; `latency` what the network is like where nothing is
 * wrong, in ms; `crypto` whether boxes are real; `storeLatency` and `diskLatency` how long a write of the mediator's and of a
 * device's store takes, in ms; `userDelay` how long users take to answer, in ms; `mediator` what differs from
 * `strictOptions`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Conditions = Schema.Struct({
  // With more, fibers do nothing but give way.
  preempt: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 0.5 })),
  latency: Schema.Struct({ base: millis, spread: millis, tailChance: chance, tail: millis }),
  crypto: Schema.Literals(["bulk", "real"]),
  storeLatency: millis,
  diskLatency: millis,
  userDelay: millis,
  mediator: mediatorConditions
})

/**
 * The conditions under which a world runs.
 *
 * @category models
 * @since 0.1.0
 */
export type Conditions = typeof Conditions.Type

/**
 * An operation and its time.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ScheduledOperation = Schema.Struct({ at, device: Schema.String, operation: Operation })

/**
 * An operation and its time.
 *
 * @category models
 * @since 0.1.0
 */
export type ScheduledOperation = typeof ScheduledOperation.Type

/**
 * A fault and its time.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ScheduledFault = Schema.Struct({ at, fault: Fault })

/**
 * A fault and its time.
 *
 * @category models
 * @since 0.1.0
 */
export type ScheduledFault = typeof ScheduledFault.Type

/**
 * What a run is expected to be found guilty of. `digests` are there when the run did not come out the same when it was run
 * again: those of the first run, which broke the rule, and of the second.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Expectation = Schema.Struct({
  oracle: Schema.String,
  rule: Schema.String,
  digests: Schema.optionalKey(Schema.Tuple([Schema.String, Schema.String]))
})

/**
 * What a run is expected to be found guilty of.
 *
 * @category models
 * @since 0.1.0
 */
export type Expectation = typeof Expectation.Type

/** Names that operations and faults have for devices, with the place where each stands; a fault may be one of a twin. */
const named = ({
  faults,
  operations
}: {
  readonly operations: ReadonlyArray<ScheduledOperation>
  readonly faults: ReadonlyArray<ScheduledFault>
}): ReadonlyArray<readonly [name: string, path: ReadonlyArray<string | number>]> => [
  ...operations.flatMap(({ device, operation }, at) => [
    [device, ["operations", at, "device"]] as const,
    ...(operation._tag === "Drop" ? [[operation.target, ["operations", at, "operation", "target"]] as const] : [])
  ]),
  ...faults.flatMap(({ fault }, at) =>
    "device" in fault ? [[ownerOf(fault.device), ["faults", at, "fault", "device"]] as const] : []
  )
]

/** Of the JSON form. */
const version = 1

/** The first name that nobody has, with its place. */
const strayOf = (schedule: Parameters<typeof named>[0] & { readonly devices: ReadonlyArray<DeviceSpec> }) => {
  const names = new Set(schedule.devices.map(({ name }) => name))
  return named(schedule).find(([name]) => !names.has(name))
}

/**
 * One run. `duration` is the length of its safety phase, in ms: operations and faults lie within. `program` says whether
 * it is a world for a program, which is no data and not in it, and takes the place of operations; `mutant` names the bug
 * that was planted, `violates` what the run shows.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Schedule = Schema.Struct({
  version: Schema.Literal(version),
  seed: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  duration: millis,
  conditions: Conditions,
  devices: Schema.Array(DeviceSpec).check(
    Schema.makeFilter((devices) => {
      if (devices.length === 0) return "a world needs at least one device"
      const names = devices.map(({ name }) => name)
      const twice = names.find((name, index) => names.indexOf(name) < index)
      return twice === undefined ? undefined : `two devices have the name ${twice}`
    })
  ),
  operations: Schema.Array(ScheduledOperation),
  faults: Schema.Array(ScheduledFault),
  program: Schema.optionalKey(Schema.Boolean),
  mutant: Schema.optionalKey(Schema.String),
  violates: Schema.optionalKey(Expectation)
}).check(
  Schema.makeFilter((schedule) => {
    const stray = strayOf(schedule)
    if (stray !== undefined) return { path: stray[1], issue: `there is no device ${JSON.stringify(stray[0])}` }
    for (const entries of ["operations", "faults"] as const) {
      const late = schedule[entries].findIndex(({ at }) => at > schedule.duration)
      if (late >= 0) return { path: [entries, late, "at"], issue: `the run is over after ${schedule.duration} ms` }
    }
    return undefined
  })
)

/**
 * One run.
 *
 * @category models
 * @since 0.1.0
 */
export type Schedule = typeof Schedule.Type

/**
 * A schedule as it stands in a file.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ScheduleJson = Schema.fromJsonString(Schedule)

/**
 * Reads what stands in a file. A key that means nothing is an error: a misspelled one would be another run.
 *
 * @category decoding
 * @since 0.1.0
 */
export const readSchedule: (text: string) => Effect.Effect<Schedule, Schema.SchemaError> = Schema.decodeEffect(
  ScheduleJson,
  { onExcessProperty: "error" }
)

const Versioned = Schema.fromJsonString(Schema.Struct({ version: Schema.Int }))

/**
 * Why the text of a file can be no schedule that is read here, if another version has written it; nothing otherwise.
 *
 * @category decoding
 * @since 0.1.0
 */
export const otherVersionText = (text: string): string | undefined => {
  const read = Schema.decodeOption(Versioned)(text)
  if (Option.isNone(read) || read.value.version <= version) return undefined
  return `it was written by a newer version: its format is ${read.value.version}, and this one reads ${version}`
}

/**
 * A schedule that cannot be carried out, or options that none can be drawn with: names that are no names, not one's own or
 * nobody's, numbers outside of their range.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidSchedule extends Schema.TaggedError<InvalidSchedule>("@d2m/simulation/InvalidSchedule")(
  "InvalidSchedule",
  {
    /** What is wrong, with its place in the schedule. */
    detail: Schema.String
  }
) {
  override get message(): string {
    return `invalid schedule: ${this.detail}`
  }
}

/** What is wrong with a schedule in which somebody is named whom there is not. */
export const namesNobody = (schedule: Schedule): InvalidSchedule | undefined => {
  const stray = strayOf(schedule)
  if (stray === undefined) return undefined
  const [name, path] = stray
  return new InvalidSchedule({ detail: `there is no device ${JSON.stringify(name)}, at ${path.join(".")}` })
}

const formatIssue = SchemaIssue.makeFormatterDefault()

/**
 * Checks a schedule that was put together by hand, as one from a file is checked when it is read.
 *
 * @category checking
 * @since 0.1.0
 */
export const checked = (schedule: Schedule): Effect.Effect<Schedule, InvalidSchedule> =>
  Effect.mapError(Schedule.makeEffect(schedule), (issue) => new InvalidSchedule({ detail: formatIssue(issue) }))

/**
 * Checks a fault that strikes in a world with these devices, as those of a schedule are checked.
 *
 * @category checking
 * @since 0.1.0
 */
export const checkedFault = (fault: Fault, devices: ReadonlyArray<string>): Effect.Effect<Fault, InvalidSchedule> =>
  Effect.mapError(Fault.makeEffect(fault), (issue) => new InvalidSchedule({ detail: formatIssue(issue) })).pipe(
    Effect.filterOrFail(
      (sound) => !("device" in sound) || devices.includes(ownerOf(sound.device)),
      (sound) =>
        new InvalidSchedule({ detail: `there is no device ${"device" in sound ? JSON.stringify(sound.device) : ""}` })
    )
  )

/**
 * Checks a device that is added to a world with these devices, as those of a schedule are checked.
 *
 * @category checking
 * @since 0.1.0
 */
export const checkedDevice = (
  device: DeviceSpec,
  devices: ReadonlyArray<string>
): Effect.Effect<DeviceSpec, InvalidSchedule> =>
  Effect.mapError(DeviceSpec.makeEffect(device), (issue) => new InvalidSchedule({ detail: formatIssue(issue) })).pipe(
    Effect.filterOrFail(
      ({ name }) => !devices.includes(name),
      ({ name }) => new InvalidSchedule({ detail: `two devices have the name ${name}` })
    )
  )

/**
 * A device out of the ordinary in nothing but what is given: there from the start, in group 0, its clock right.
 *
 * @category constructors
 * @since 0.1.0
 */
export const plainDevice = (name: string, change: Partial<DeviceSpec> = {}): DeviceSpec => ({
  name,
  group: 0,
  joinsAt: 0,
  expiration: "Persistent",
  exhausted: "Reject",
  skew: 0,
  chats: false,
  ...change
})

/**
 * How many devices the largest of the device groups has.
 *
 * @category getters
 * @since 0.1.0
 */
export const largestGroup = (devices: ReadonlyArray<Pick<DeviceSpec, "group">>): number => {
  const sizes = new Map<number, number>()
  for (const { group } of devices) sizes.set(group, (sizes.get(group) ?? 0) + 1)
  return Math.max(0, ...sizes.values())
}

/**
 * Conditions in which nothing is out of the ordinary.
 *
 * @category constants
 * @since 0.1.0
 */
export const calm: Conditions = {
  preempt: 0,
  latency: { base: 5, spread: 20, tailChance: 0, tail: 0 },
  crypto: "bulk",
  storeLatency: 0,
  diskLatency: 0,
  userDelay: 2_000,
  mediator: {}
}
