/**
 * One run of a world as data: who takes part, what they do, what goes wrong, and the seed for everything else.
 *
 * Owns the versioned JSON form, in which a failure is kept and replayed. A schedule is made by `Swarm` from a seed, by
 * hand, or by `Shrink` from another one.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { Fault } from "./Fault.ts"
import { Operation } from "./Operation.ts"

const millis = Schema.Number.check(Schema.isGreaterThanOrEqualTo(0))
/** Milliseconds from the start of the run. */
const at = millis

/**
 * One device of a schedule.
 *
 * `group` numbers its device group; `joinsAt` is when it is switched on; `skew` what its clock shows too much, in ms.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DeviceSpec = Schema.Struct({
  name: Schema.String,
  group: Schema.Int,
  joinsAt: at,
  expiration: Schema.Literals(["Volatile", "Persistent"]),
  exhausted: Schema.Literals(["Reject", "DropLeastRecent"]),
  skew: Schema.Number,
  /** Whether it talks to a chat server, and closes with a close-error now and then. */
  chats: Schema.Boolean
})

/**
 * @category models
 * @since 0.1.0
 */
export type DeviceSpec = typeof DeviceSpec.Type

/**
 * The conditions under which a world runs.
 *
 * `preempt` is the chance of a preemption before each step of a fiber; `latency` what the network is like where nothing is
 * wrong, in ms; `crypto` whether boxes are real; `storeLatency` and `diskLatency` how long a write of the mediator's and of a
 * device's store takes, in ms; `userDelay` how long users take to answer, in ms; `mediator` what differs from
 * `strictOptions`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Conditions = Schema.Struct({
  preempt: Schema.Number.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
  latency: Schema.Struct({ base: millis, spread: millis, tailChance: Schema.Number, tail: millis }),
  crypto: Schema.Literals(["bulk", "real"]),
  storeLatency: millis,
  diskLatency: millis,
  userDelay: millis,
  mediator: Schema.Struct({
    strict: Schema.optionalKey(Schema.Boolean),
    maxDeviceSlots: Schema.optionalKey(Schema.Int),
    transactionTtl: Schema.optionalKey(Schema.Int),
    transactionMessages: Schema.optionalKey(Schema.Int),
    volatileGrace: Schema.optionalKey(Schema.Int),
    queueMessages: Schema.optionalKey(Schema.Int),
    queueBytes: Schema.optionalKey(Schema.Int),
    firstReflectedId: Schema.optionalKey(Schema.Int),
    deliveryMessages: Schema.optionalKey(Schema.Int),
    outgoingHighWater: Schema.optionalKey(Schema.Int),
    outgoingLowWater: Schema.optionalKey(Schema.Int)
  })
})

/**
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
 * @category models
 * @since 0.1.0
 */
export type ScheduledFault = typeof ScheduledFault.Type

/**
 * What a run is expected to be found guilty of.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Expectation = Schema.Struct({ oracle: Schema.String, rule: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export type Expectation = typeof Expectation.Type

/**
 * One run. `duration` is the length of its safety phase, in ms: operations and faults lie within. `mutant` names the bug
 * that was planted, `violates` what the run shows.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Schedule = Schema.Struct({
  version: Schema.Literal(1),
  seed: Schema.Int,
  duration: millis,
  conditions: Conditions,
  devices: Schema.Array(DeviceSpec),
  operations: Schema.Array(ScheduledOperation),
  faults: Schema.Array(ScheduledFault),
  mutant: Schema.optionalKey(Schema.String),
  violates: Schema.optionalKey(Expectation)
})

/**
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
