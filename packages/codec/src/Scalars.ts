/**
 * The numbers and byte strings that frames are made of, with their ranges.
 *
 * 32-bit numbers are `number`, 64-bit numbers are `bigint`. Ids carry a brand, so that a reflect-id cannot be handed in
 * where a reflected-id is asked for; a brand costs nothing at run time. `make` throws an `EncodeError` at a value that is
 * none.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { constructing } from "./Constructor.ts"
import { ranges } from "./EncodeError.ts"

/**
 * An unsigned 16-bit integer.
 *
 * @category schemas
 * @since 0.1.0
 */
export const U16 = constructing(
  "U16",
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff }, { expected: ranges.u16 }))
)

/**
 * An unsigned 32-bit integer.
 *
 * @category schemas
 * @since 0.1.0
 */
export const U32 = constructing("U32", Schema.Int.check(Schema.isUint32({ expected: ranges.u32 })))

/**
 * A signed 32-bit integer: what an open protobuf enum can hold.
 *
 * @category schemas
 * @since 0.1.0
 */
export const I32 = constructing("I32", Schema.Int.check(Schema.isInt32({ expected: ranges.i32 })))

/**
 * An unsigned 64-bit integer.
 *
 * @category schemas
 * @since 0.1.0
 */
export const U64 = constructing(
  "U64",
  Schema.BigInt.check(
    Schema.isBetweenBigInt({ minimum: 0n, maximum: 0xffff_ffff_ffff_ffffn }, { expected: ranges.u64 })
  )
)

/**
 * Identifies one device of a group: 8 random bytes, a little-endian u64 on the wire.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DeviceId = constructing("DeviceId", U64.pipe(Schema.brand("DeviceId")))

/**
 * Identifies one device of a group: a u64.
 *
 * @category models
 * @since 0.1.0
 */
export type DeviceId = typeof DeviceId.Type

/**
 * A sender's own number for a message it reflects, opaque to the mediator: a u32 that wraps (decision 11).
 *
 * @category schemas
 * @since 0.1.0
 */
export const ReflectId = constructing("ReflectId", U32.pipe(Schema.brand("ReflectId")))

/**
 * A sender's own number for a message it reflects: a u32.
 *
 * @category models
 * @since 0.1.0
 */
export type ReflectId = typeof ReflectId.Type

/**
 * The mediator's number for a message in one device slot's queue: a u32 that rises and wraps (decision 9).
 *
 * @category schemas
 * @since 0.1.0
 */
export const ReflectedId = constructing("ReflectedId", U32.pipe(Schema.brand("ReflectedId")))

/**
 * The mediator's number for a message in one device slot's queue: a u32.
 *
 * @category models
 * @since 0.1.0
 */
export type ReflectedId = typeof ReflectedId.Type

/**
 * The mediator's time of a message: milliseconds since 1970 as a u64.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Timestamp = constructing("Timestamp", U64.pipe(Schema.brand("Timestamp")))

/**
 * The mediator's time of a message: milliseconds since 1970.
 *
 * @category models
 * @since 0.1.0
 */
export type Timestamp = typeof Timestamp.Type
