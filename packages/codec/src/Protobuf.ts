/**
 * Declares protobuf messages as Effect Schemas.
 *
 * Each field is a Schema that carries, as a key annotation, its number, its wire type and a sentence that says what it
 * means; type, codec, byte map and documentation all come from that one declaration. This module owns the vocabulary;
 * `ProtobufCodec` turns a declaration into an encoder and a decoder.
 *
 * @since 0.1.0
 */
import { Effect, Schema } from "effect"
import { type Box, type BoxInfo, type BoxSchema, boxSchema } from "./Box.ts"
import { constructing } from "./Constructor.ts"
import type { BoxUse } from "./DeviceGroupKey.ts"
import { DeviceId, I32, U32, U64 } from "./Scalars.ts"

/**
 * How one value is written, apart from how often and under which number.
 *
 * @category models
 * @since 0.1.0
 */
export type Element =
  | { readonly type: "uint32" | "fixed64" | "bool" | "string" }
  /** `ms`: milliseconds since 1970. */
  | { readonly type: "uint64"; readonly unit?: "ms" }
  /** `length` is the only length that is accepted, in bytes; `box` says that the bytes are one. */
  | { readonly type: "bytes"; readonly length?: number; readonly box?: BoxInfo }
  | { readonly type: "enum"; readonly values: OpenEnum }
  | { readonly type: "message"; readonly schema: MessageSchema }

/**
 * One field with a number of its own. `implicit` fields have no presence: a default value is not written.
 *
 * @category models
 * @since 0.1.0
 */
export interface NumberedField {
  readonly label: "implicit" | "optional" | "repeated"
  readonly number: number
  readonly element: Element
  readonly meaning: string
}

/**
 * What the wire annotation of a message's property holds.
 *
 * @category models
 * @since 0.1.0
 */
export type Field =
  | NumberedField
  | {
      readonly label: "map"
      readonly number: number
      readonly key: Element & { readonly type: "fixed64" | "string" }
      readonly element: Element
      readonly meaning: string
    }
  | { readonly label: "oneof"; readonly cases: Readonly<Record<string, NumberedField>>; readonly meaning: string }

/**
 * What the wire annotation of a message itself holds: its full protobuf name and what it is for.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageInfo {
  readonly name: string
  readonly meaning: string
}

/**
 * A schema made by {@link message}, or a class that extends one.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageSchema extends Schema.Top {
  readonly fields: Schema.Struct.Fields
}

const fieldKey = "d2m/field"
const messageKey = "d2m/message"
const enumKey: unique symbol = Symbol.for("d2m/enum")

/**
 * Named numbers of an enum that is open on the wire: a number that nobody named survives a round trip.
 *
 * @category models
 * @since 0.1.0
 */
export type OpenEnum<Values extends Readonly<Record<string, number>> = Readonly<Record<string, number>>> = Values & {
  readonly [enumKey]: string
}

/**
 * Declares an enum by its protobuf name and its named numbers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openEnum = <const Values extends Readonly<Record<string, number>>>(
  name: string,
  values: Values
): OpenEnum<Values> => Object.freeze(Object.defineProperty({ ...values }, enumKey, { value: name })) as OpenEnum<Values>

/**
 * The full protobuf name of an enum.
 *
 * @category getters
 * @since 0.1.0
 */
export const enumName = (values: OpenEnum): string => values[enumKey]

/**
 * The name of a number in an enum, or `undefined` for a number that nobody named.
 *
 * @category getters
 * @since 0.1.0
 */
export const nameOf = (values: OpenEnum, value: number): string | undefined =>
  Object.keys(values).find((name) => values[name] === value)

const annotated = <S extends Schema.Top>(schema: S, field: Field): S =>
  schema.pipe(Schema.annotateKey({ [fieldKey]: field })) as unknown as S

/** Proto3 scalars have no presence: constructors fill the default in, encoders leave it out. */
type Implicit<S extends Schema.Top & Schema.WithoutConstructorDefault> = Schema.withConstructorDefault<S>

const implicit = <S extends Schema.Top & Schema.WithoutConstructorDefault>(
  schema: S,
  empty: S["~type.make.in"],
  number: number,
  element: Element,
  meaning: string
): Implicit<S> =>
  annotated(schema.pipe(Schema.withConstructorDefault(Effect.succeed(empty) as never)) as never, {
    label: "implicit",
    number,
    element,
    meaning
  })

const empty = new Uint8Array(0)

/**
 * A `uint32` field.
 *
 * @category fields
 * @since 0.1.0
 */
export const uint32 = (number: number, meaning: string) => implicit(U32, 0, number, { type: "uint32" }, meaning)

/**
 * A `uint64` field, a `bigint` in the type.
 *
 * @category fields
 * @since 0.1.0
 */
export const uint64 = (number: number, meaning: string) => implicit(U64, 0n, number, { type: "uint64" }, meaning)

/**
 * A `uint64` field that holds a time: milliseconds since 1970, a `bigint` in the type.
 *
 * @category fields
 * @since 0.1.0
 */
export const time = (number: number, meaning: string) =>
  implicit(U64, 0n, number, { type: "uint64", unit: "ms" }, meaning)

/**
 * A `fixed64` field: 8 bytes little endian, a `bigint` in the type.
 *
 * @category fields
 * @since 0.1.0
 */
export const fixed64 = (number: number, meaning: string) => implicit(U64, 0n, number, { type: "fixed64" }, meaning)

/**
 * A `fixed64` field that holds a device id.
 *
 * @category fields
 * @since 0.1.0
 */
export const deviceId = (number: number, meaning: string) =>
  implicit(DeviceId, DeviceId.make(0n), number, { type: "fixed64" }, meaning)

/**
 * A `bool` field.
 *
 * @category fields
 * @since 0.1.0
 */
export const bool = (number: number, meaning: string) =>
  implicit(Schema.Boolean, false, number, { type: "bool" }, meaning)

/**
 * A `string` field: UTF-8, rejected when it is not.
 *
 * @category fields
 * @since 0.1.0
 */
export const string = (number: number, meaning: string) =>
  implicit(Schema.String, "", number, { type: "string" }, meaning)

/**
 * A `bytes` field of any length; decoded as a view of the input.
 *
 * @category fields
 * @since 0.1.0
 */
export const bytes = (number: number, meaning: string) =>
  implicit(Schema.Uint8Array, empty, number, { type: "bytes" }, meaning)

/**
 * A `bytes` field that holds a box, or nothing; decoded as a view of the input.
 *
 * @category fields
 * @since 0.1.0
 */
export const box = <Use extends BoxUse>(number: number, meaning: string, box: BoxInfo<Use>): Implicit<BoxSchema<Use>> =>
  implicit(boxSchema<Use>(), empty as Box<Use>, number, { type: "bytes", box }, meaning)

/**
 * A `bytes` field of exactly `length` bytes; a constructor must be given it.
 *
 * @category fields
 * @since 0.1.0
 */
export const fixedBytes = (length: number, number: number, meaning: string, box?: BoxInfo) =>
  annotated(Schema.Uint8Array.check(Schema.isBetweenLength(length, length, { expected: `${length} bytes` })), {
    label: "implicit",
    number,
    element: { type: "bytes", length, ...(box === undefined ? {} : { box }) },
    meaning
  })

/**
 * An open enum field: any 32-bit number, some of which have names.
 *
 * @category fields
 * @since 0.1.0
 */
export const enumeration = (values: OpenEnum, number: number, meaning: string) =>
  implicit(I32, 0, number, { type: "enum", values }, meaning)

/**
 * A field that holds another message; an absent one is an absent key.
 *
 * @category fields
 * @since 0.1.0
 */
export const embed = <M extends MessageSchema>(schema: M, number: number, meaning: string): Schema.optionalKey<M> =>
  annotated(Schema.optionalKey(schema), { label: "optional", number, element: { type: "message", schema }, meaning })

const numbered = (field: Schema.Top): NumberedField => fieldOf(field) as NumberedField

/**
 * Gives a scalar field presence: absent is an absent key, and a present default is written.
 *
 * @category combinators
 * @since 0.1.0
 */
export const optional = <S extends Schema.Top & Schema.WithoutConstructorDefault>(
  field: Implicit<S>
): Schema.optionalKey<S> => annotated(Schema.optionalKey(field.schema), { ...numbered(field), label: "optional" })

/**
 * A field that may occur any number of times, an array in the type. Strings, bytes and messages only: nothing in D2M
 * packs numbers.
 *
 * @category combinators
 * @since 0.1.0
 */
export const repeated = <S extends Schema.Top>(
  field: Schema.Top & { readonly schema: S }
): Implicit<Schema.$Array<S>> =>
  annotated(Schema.Array(field.schema).pipe(Schema.withConstructorDefault(Effect.sync(() => []) as never)) as never, {
    ...numbered(field),
    label: "repeated"
  })

const mapOf = <K extends Schema.Top, S extends Schema.Top>(
  keySchema: K,
  key: Element & { readonly type: "fixed64" | "string" },
  field: Schema.Top & { readonly schema: S }
): Implicit<Schema.$ReadonlyMap<K, S>> => {
  const { element, meaning, number } = numbered(field)
  return annotated(
    Schema.ReadonlyMap(keySchema, field.schema).pipe(
      Schema.withConstructorDefault(Effect.sync(() => new Map()) as never)
    ) as never,
    { label: "map", number, key, element, meaning }
  )
}

/**
 * A `map<fixed64, …>` field with device ids as keys: a `ReadonlyMap` in the order of the wire; of equal keys the last
 * wins.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mapByDeviceId = <S extends Schema.Top>(field: Schema.Top & { readonly schema: S }) =>
  mapOf(DeviceId, { type: "fixed64" }, field)

/**
 * A `map<string, …>` field: a `ReadonlyMap`, in the order of the wire; of equal keys the last wins.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mapByString = <S extends Schema.Top>(field: Schema.Top & { readonly schema: S }) =>
  mapOf(Schema.String, { type: "string" }, field)

type OneofCases<Cases extends Readonly<Record<string, Schema.Top & { readonly schema: Schema.Top }>>> = {
  readonly [K in keyof Cases & string]: Schema.TaggedStruct<K, { readonly value: Cases[K]["schema"] }>
}

/**
 * A oneof: at most one of its members, as `{ _tag: member, value }`; none is an absent key.
 *
 * On the wire each member is a field of the message; of several the last wins.
 *
 * @category combinators
 * @since 0.1.0
 */
export const oneof = <const Cases extends Readonly<Record<string, Schema.Top & { readonly schema: Schema.Top }>>>(
  meaning: string,
  cases: Cases
): Schema.optionalKey<Schema.TaggedUnion<OneofCases<Cases>>> => {
  const structs: Record<string, { readonly value: Schema.Top }> = {}
  const numbers: Record<string, NumberedField> = {}
  for (const [name, field] of Object.entries(cases)) {
    structs[name] = { value: field.schema }
    numbers[name] = numbered(field)
  }
  return annotated(Schema.optionalKey(Schema.TaggedUnion(structs)) as never, {
    label: "oneof",
    cases: numbers,
    meaning
  })
}

/**
 * Declares a message by its full protobuf name, what it is for, and its fields.
 *
 * Wrap it in a class, so that one name is the schema and the type:
 *
 * ```ts
 * class Timespan extends Schema.Opaque<Timespan>()(Protobuf.message("common.Timespan", "A span of time", {
 *   from: Protobuf.uint64(1, "Start, in milliseconds since 1970"),
 *   to: Protobuf.uint64(2, "End, in milliseconds since 1970")
 * })) {}
 * ```
 *
 * Its `make` fills in what has a default, and throws an `EncodeError` at a value that a field cannot hold.
 *
 * @category constructors
 * @since 0.1.0
 */
export const message = <const Fields extends Schema.Struct.Fields>(
  name: string,
  meaning: string,
  fields: Fields
): Schema.Struct<Fields> =>
  constructing(name, Schema.Struct(fields).annotate({ [messageKey]: { name, meaning }, identifier: name }))

/**
 * Reads the wire annotation of a message's property.
 *
 * @category getters
 * @since 0.1.0
 */
export const fieldOf = (schema: Schema.Top): Field | undefined =>
  schema.ast.context?.annotations?.[fieldKey] as Field | undefined

/**
 * Reads the name and the meaning of a message.
 *
 * @category getters
 * @since 0.1.0
 */
export const messageInfo = (schema: MessageSchema): MessageInfo =>
  Schema.resolveAnnotations(schema)?.[messageKey] as MessageInfo

/**
 * The wire fields of a message by property name, in the order of their declaration.
 *
 * @category getters
 * @since 0.1.0
 */
export const fieldsOf = (schema: MessageSchema): ReadonlyArray<readonly [name: string, field: Field]> =>
  Object.entries(schema.fields).flatMap(([name, property]) => {
    const field = fieldOf(property as Schema.Top)
    return field === undefined ? [] : [[name, field] as const]
  })
