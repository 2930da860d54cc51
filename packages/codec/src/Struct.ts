/**
 * Declares packed little-endian structs as Effect Schemas.
 *
 * Each field carries its offset, its type and a sentence that says what it means; bytes that no field holds (reserved
 * ones, a header length) are declared beside them. This module owns the vocabulary; `StructCodec` compiles it. All
 * offsets are relative to the payload, that is 4 bytes behind the start of the frame.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { type BoxInfo, type BoxSchema, boxSchema } from "./Box.ts"
import type { BoxUse } from "./DeviceGroupKey.ts"
import { Timestamp, U16 } from "./Scalars.ts"

/**
 * What the wire annotation of a struct's property holds. `rest` runs from the end of the header to the end of the frame.
 *
 * @category models
 * @since 0.1.0
 */
export interface StructField {
  readonly at: number
  readonly type: "u16" | "u32" | "u64" | "rest"
  readonly meaning: string
  /** Names of the bits of a number, as masks. */
  readonly bits?: Readonly<Record<string, number>>
  /** `ms`: milliseconds since 1970. */
  readonly unit?: "ms"
  /** What the bytes of a `rest` are when they are a box. */
  readonly box?: BoxInfo
}

/**
 * How many bytes a field takes; a `rest` takes what is left.
 *
 * @category constants
 * @since 0.1.0
 */
export const structFieldSizes = { u16: 2, u32: 4, u64: 8, rest: 0 } satisfies Record<StructField["type"], number>

/**
 * Bytes of a struct that no property holds: written as `value`, ignored when read, unless they are the header length.
 *
 * @category models
 * @since 0.1.0
 */
export interface StructFiller {
  readonly name: "header-length" | "reserved"
  readonly at: number
  readonly length: number
  readonly value: number
  readonly meaning: string
}

/**
 * Bytes before the payload of every frame: the type and three reserved bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const containerHeaderLength = 4

const fieldKey = "d2m/struct-field"

const placed = <S extends Schema.Top>(schema: S, field: StructField): S =>
  schema.pipe(Schema.annotateKey({ [fieldKey]: field })) as unknown as S

/**
 * A 16-bit number at an offset of the payload, some bits of which may have names.
 *
 * @category fields
 * @since 0.1.0
 */
export const u16 = (at: number, meaning: string, bits?: Readonly<Record<string, number>>) =>
  placed(U16, { at, type: "u16", meaning, ...(bits === undefined ? {} : { bits }) })

/**
 * A 32-bit number of the given schema at an offset of the payload.
 *
 * @category fields
 * @since 0.1.0
 */
export const u32 = <S extends Schema.Top & { readonly Type: number }>(schema: S, at: number, meaning: string) =>
  placed(schema, { at, type: "u32", meaning })

/**
 * A time at an offset of the payload: 64 bits, milliseconds since 1970.
 *
 * @category fields
 * @since 0.1.0
 */
export const time = (at: number, meaning: string) => placed(Timestamp, { at, type: "u64", meaning, unit: "ms" })

/**
 * All bytes behind the header, as a view of the frame.
 *
 * @category fields
 * @since 0.1.0
 */
export const rest = (headerLength: number, meaning: string) =>
  placed(Schema.Uint8Array, { at: headerLength, type: "rest", meaning })

/**
 * All bytes behind the header, which are a box, as a view of the frame.
 *
 * @category fields
 * @since 0.1.0
 */
export const box = <Use extends BoxUse>(headerLength: number, meaning: string, box: BoxInfo<Use>): BoxSchema<Use> =>
  placed(boxSchema<Use>(), { at: headerLength, type: "rest", meaning, box })

/**
 * The byte that says how many bytes stand before the envelope, itself included: a reader skips what it does not know.
 *
 * @category fields
 * @since 0.1.0
 */
export const headerLength = (value: number): StructFiller => ({
  name: "header-length",
  at: 0,
  length: 1,
  value,
  meaning: "Number of bytes before the envelope, this one included; a longer header is skipped, a shorter one refused"
})

/**
 * Bytes kept for later: written as zero, ignored when read.
 *
 * @category fields
 * @since 0.1.0
 */
export const reserved = (at: number, length: number): StructFiller => ({
  name: "reserved",
  at,
  length,
  value: 0,
  meaning: "Reserved: sent as zero, ignored when received"
})

/**
 * Reads the wire annotation of a struct's property.
 *
 * @category getters
 * @since 0.1.0
 */
export const structFieldOf = (schema: Schema.Top): StructField | undefined =>
  schema.ast.context?.annotations?.[fieldKey] as StructField | undefined
