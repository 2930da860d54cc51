/**
 * Arbitraries of protobuf messages, derived from their declarations.
 *
 * Owns which shapes a message can have: optionals absent, present and present with their default, every member of a
 * oneof and none, repeated fields and maps with none, one and several entries. Which values a field can have is left to
 * `Value`.
 *
 * @since 0.1.0
 */
import { Arbitrary, Schema } from "effect"
import { ClientUrlInfo } from "../ClientUrlInfo.ts"
import { AugmentedDeviceInfo } from "../frames/Devices.ts"
import * as Common from "../messages/Common.ts"
import * as D2d from "../messages/D2d.ts"
import * as D2dJoin from "../messages/D2dJoin.ts"
import * as Sync from "../messages/Sync.ts"
import { Limits } from "../Limits.ts"
import { type Element, type Field, fieldsOf, type MessageSchema } from "../Protobuf.ts"
import { emptyOf } from "../ProtobufElement.ts"
import { bytes, bytesOfLength, choice, enumNumber, text, u32, u64 } from "./Value.ts"

/**
 * How large the fields of a generated message may become.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageOptions {
  /** Longest `bytes` and `string` in bytes; 65476 unless told otherwise, the largest plaintext of an envelope. */
  readonly maxBytes?: number
}

/** Of strings and bytes in lists and maps: there may be many. */
const maxBytesOfEntry = 300

type Fields = Readonly<Record<string, unknown>>

/** What stands for a field that is not there, until the message is put together. */
const absent: unique symbol = Symbol("absent")

const absence = Arbitrary.Constant(absent)

const elementOf = (of: Element, maxBytes: number): Arbitrary.Arbitrary<unknown> => {
  switch (of.type) {
    case "uint32":
      return u32
    case "uint64":
    case "fixed64":
      return u64
    case "bool":
      return Arbitrary.schema(Schema.Boolean)
    case "enum":
      return enumNumber(of.values)
    case "string":
      return text(maxBytes)
    case "bytes":
      return of.length === undefined ? bytes(maxBytes) : bytesOfLength(of.length)
    case "message":
      return message(of.schema, { maxBytes })
  }
}

/** A default now and then: it is what implicit fields must not write and optional ones must. */
const withDefault = (of: Element, value: Arbitrary.Arbitrary<unknown>): ReadonlyArray<Arbitrary.Arbitrary<unknown>> => {
  if (of.type === "message" || (of.type === "bytes" && of.length !== undefined)) return [value]
  return [Arbitrary.Constant(emptyOf(of)), value, value, value]
}

const fieldOf = (field: Field, maxBytes: number): Arbitrary.Arbitrary<unknown> => {
  switch (field.label) {
    case "implicit":
      return choice(withDefault(field.element, elementOf(field.element, maxBytes)))
    case "optional": {
      const present = withDefault(field.element, elementOf(field.element, maxBytes))
      return choice([absence, ...present])
    }
    case "repeated":
      return Arbitrary.array(elementOf(field.element, Math.min(maxBytes, maxBytesOfEntry)))
    case "map": {
      const entry = Math.min(maxBytes, maxBytesOfEntry)
      const value = choice(withDefault(field.element, elementOf(field.element, entry)))
      const key = choice(withDefault(field.key, elementOf(field.key, entry)))
      return Arbitrary.map(Arbitrary.array(Arbitrary.all([key, value])), (entries) => new Map(entries))
    }
    case "oneof": {
      const members = Object.entries(field.cases).map(([_tag, member]) =>
        Arbitrary.map(choice(withDefault(member.element, elementOf(member.element, maxBytes))), (value) => ({
          _tag,
          value
        }))
      )
      return choice<unknown>([absence, ...members])
    }
  }
}

/** The declared fields of a message as one arbitrary; `tag` is what a frame's value begins with. */
export const messageFields = (
  schema: MessageSchema,
  maxBytes: number,
  tag: string | undefined
): Arbitrary.Arbitrary<Fields> => {
  const fields = fieldsOf(schema)
  return Arbitrary.map(
    Arbitrary.all(fields.map(([, field]) => fieldOf(field, maxBytes))),
    (values: ReadonlyArray<unknown>) => {
      const value: Record<string, unknown> = tag === undefined ? {} : { _tag: tag }
      for (const [position, [name]] of fields.entries()) {
        if (values[position] !== absent) value[name] = values[position]
      }
      return value
    }
  )
}

/**
 * Any value of a declared message, one of your own included.
 *
 * ```ts
 * it.prop("profiles survive", { profile: message(Sync.UserProfile) }, ({ profile }) => …)
 * ```
 *
 * The encoded size has no bound beyond that of its fields; filter where a box has to hold it.
 *
 * @category messages
 * @since 0.1.0
 */
export const message = <S extends MessageSchema>(schema: S, options?: MessageOptions): Arbitrary.Arbitrary<S["Type"]> =>
  messageFields(schema, options?.maxBytes ?? Limits.plainEnvelope, undefined)

const declaredIn = (namespace: object): ReadonlyArray<MessageSchema> =>
  Object.values(namespace).filter((value): value is MessageSchema => Schema.isSchema(value))

/**
 * Every message that the protocol declares and that is not a frame itself, for a property that holds for all of them.
 *
 * @category messages
 * @since 0.1.0
 */
export const messageSchemas: ReadonlyArray<MessageSchema> = [
  ClientUrlInfo,
  AugmentedDeviceInfo,
  ...declaredIn(Common),
  ...declaredIn(D2d),
  ...declaredIn(D2dJoin),
  ...declaredIn(Sync)
]
