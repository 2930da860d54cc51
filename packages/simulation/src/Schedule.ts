/**
 * One run of a world as data: who takes part, what they do, what goes wrong, and the seed for everything else.
 *
 * Owns the versioned JSON form, in which a failure is kept and replayed. A schedule is made by `Swarm` from a seed, by
 * hand, or by `Shrink` from another one; that it can be carried out is seen to by `CheckedSchedule`.
 *
 * @since 0.1.0
 */
import { MediatorOptions, strictOptions } from "@d2m/server-sim"
import { Schema } from "effect"
import { deviceName, ownerOf, takenTwice } from "./Names.ts"
import { Operation } from "./Operation.ts"
import { count, millis, mostDevices, seedNumber, skew } from "./Quantity.ts"
import { hasFrame, WorldFault } from "./WorldFault.ts"

/** Milliseconds from the start of the run. */
const at = millis
const chance = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

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
  transactionBytes: Schema.optionalKey(option.transactionBytes),
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

const clientConditions = Schema.Struct({
  reflects: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 0xffff_ffff }))),
  reflected: Schema.optionalKey(count),
  chat: Schema.optionalKey(count)
})

/**
 * The conditions under which a world runs.
 *
 * `preempt` is the chance of a preemption before each step of a fiber of a device or program, 0.5 at most; `latency` what the
 * network is like where nothing is wrong, in ms; `crypto` whether boxes are real; `storeLatency` and `diskLatency` how long a
 * write of the mediator's and of a device's store takes, in ms; `userDelay` how long users take to answer, in ms; `mediator`
 * what differs from `strictOptions`; `client` what differs from the client's capacities: bytes of `reflects`, messages of
 * `reflected` and of `chat`.
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
  mediator: mediatorConditions,
  client: Schema.optionalKey(clientConditions)
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
export const ScheduledFault = Schema.Struct({ at, fault: WorldFault })

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
export const version = 1

/** The first name that nobody has, with its place. */
export const strayOf = (schedule: Parameters<typeof named>[0] & { readonly devices: ReadonlyArray<DeviceSpec> }) => {
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
  seed: seedNumber,
  duration: millis,
  conditions: Conditions,
  devices: Schema.Array(DeviceSpec).check(
    Schema.makeFilter((devices) => (devices.length === 0 ? "a world needs at least one device" : undefined)),
    Schema.isMaxLength(mostDevices),
    Schema.makeFilter((devices) => {
      const twice = takenTwice(devices.map(({ name }) => name))
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
    const aimless = schedule.faults.findIndex(
      ({ fault }) => fault._tag === "Misbehave" && fault.frame !== undefined && !hasFrame(fault.how)
    )
    if (aimless >= 0)
      return { path: ["faults", aimless, "fault", "frame"], issue: "only what is done to acks has a frame" }
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
