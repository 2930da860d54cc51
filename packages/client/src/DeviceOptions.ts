/**
 * Who a device is and what it insists on, and that all of it can be told to a mediator.
 * Owns the options, and the checks of what their types and those of the references in force leave open: they may come from a
 * file.
 * Leaves the description's length to `DeviceDescription`.
 */
import {
  type DeviceGroupKey,
  type DeviceId,
  DeviceSlotExpirationPolicy,
  DeviceSlotsExhaustedPolicy,
  U32
} from "@d2m/codec"
import { type Duration, type Result, Schema } from "effect"
import type { Capacities, Deadlines } from "./Bounds.ts"
import type { DeviceDescription } from "./DeviceDescription.ts"
import type { InvalidDeviceOptions } from "./DeviceOptionsError.ts"
import type { HandlerPolicy } from "./Handler.ts"
import type { VersionRange } from "./Handshake.ts"
import { checkWith, duration, durationAboveZero, finiteDuration } from "./OptionCheck.ts"
import type { ReconnectPolicy } from "./ReconnectPolicy.ts"

const SlotsExhausted = Schema.Literals([
  DeviceSlotsExhaustedPolicy.REJECT,
  DeviceSlotsExhaustedPolicy.DROP_LEAST_RECENT
])
const SlotExpiration = Schema.Literals([DeviceSlotExpirationPolicy.VOLATILE, DeviceSlotExpirationPolicy.PERSISTENT])

/**
 * Who a device is and what it insists on.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeviceOptions {
  /** The device's own id within its group: random, kept for as long as the device is a member. */
  readonly deviceId: DeviceId
  /** The 32 bytes that the group shares. */
  readonly groupKey: DeviceGroupKey
  /** The user's own identity, not empty: nonces are hashed under it before they are stored (decision 23). */
  readonly identity: string
  /** What the other devices are told about this one, about 65000 bytes at most: `DescriptionTooLarge` tells the limit. */
  readonly description: DeviceDescription
  /** When the device is new and all slots are taken, a `DeviceSlotsExhaustedPolicy`: `REJECT` by default. */
  readonly slotsExhausted?: typeof SlotsExhausted.Type
  /** How long the slot outlives the connection, a `DeviceSlotExpirationPolicy`: `PERSISTENT` by default. */
  readonly slotExpiration?: typeof SlotExpiration.Type
  /** Protocol versions that are spoken, u32s: 0 to 0 by default. */
  readonly versions?: VersionRange
  /** How far the mediator's clock may be off, 0 or more: 20 minutes by default. */
  readonly clockTolerance?: Duration.Input
  /** `d2d.ProtocolVersion` put into envelopes, a u32: 0, unspecified, by default. */
  readonly protocolVersion?: number
  /** The first reflect-id, a u32: 1 by default. */
  readonly firstReflectId?: number
}

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

/** Room for all events is there from the start. */
const CheckedCapacities = Schema.Struct({
  reflects: count,
  reflected: count,
  chat: count,
  events: count.check(Schema.isLessThanOrEqualTo(65_536))
})

/** One that is over at once would end every connection, or be waited for again and again. */
const CheckedDeadlines = Schema.Struct({
  open: durationAboveZero,
  handshake: durationAboveZero,
  answer: durationAboveZero,
  chatVerdict: finiteDuration,
  close: finiteDuration,
  stall: durationAboveZero,
  lock: durationAboveZero
})

const Checked = Schema.Struct({
  identity: Schema.NonEmptyString,
  slotsExhausted: Schema.optional(SlotsExhausted),
  slotExpiration: Schema.optional(SlotExpiration),
  versions: Schema.optional(
    Schema.Struct({ minimum: U32, maximum: U32 }).check(
      Schema.makeFilter(({ maximum, minimum }) => (minimum <= maximum ? undefined : "expected minimum <= maximum"))
    )
  ),
  clockTolerance: Schema.optional(duration),
  protocolVersion: Schema.optional(U32),
  firstReflectId: Schema.optional(U32),
  capacities: CheckedCapacities,
  deadlines: CheckedDeadlines,
  handler: Schema.Struct({ tries: count, giveUp: Schema.Literals(["quarantine", "halt"]) }),
  reconnect: Schema.Struct({ settledAfter: duration })
})

const check = checkWith(Checked)

/**
 * What is in force besides the options: the references that a device is made with.
 *
 * @internal
 */
export interface InForce {
  readonly capacities: Capacities
  readonly deadlines: Deadlines
  readonly handler: HandlerPolicy
  readonly reconnect: ReconnectPolicy
}

/**
 * Fails where an option or a number in force is none that a device can have; group key and device id are what their brands say,
 * and what a function of a policy gives is the policy's own.
 *
 * @internal
 */
export const checkOptions = (options: DeviceOptions, inForce: InForce): Result.Result<unknown, InvalidDeviceOptions> =>
  check({ ...options, ...inForce })
