/**
 * Where the fields of a frame lie, as rows in the order of the wire.
 *
 * Owns the reading of the declarations into rows, for byte maps and for documents. Offsets are those of the frame, its
 * container header included.
 *
 * @since 0.1.0
 */
import type { Schema } from "effect"
import type { BoxInfo } from "../Box.ts"
import { containerFields } from "../Container.ts"
import {
  type Element,
  enumName,
  type Field,
  fieldsOf,
  messageInfo,
  type MessageSchema,
  type OpenEnum
} from "../Protobuf.ts"
import { tagOf } from "../ProtobufElement.ts"
import { containerHeaderLength, structFieldOf, structFieldSizes } from "../Struct.ts"
import type { Role } from "./ByteMap.ts"
import { type FrameDeclaration, frameTypes } from "./Declarations.ts"

/**
 * One field of a frame at its place.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayoutRow {
  readonly role: Role
  readonly name: string
  /** `u8`, `u16`, `u32`, `u64`, or `bytes`. */
  readonly type: string
  /** From the start of the frame. */
  readonly at: number
  /** In bytes; a field without one runs to the end of the frame. */
  readonly length?: number
  readonly meaning: string
  /** Names of a number. */
  readonly values?: OpenEnum
  /** Names of a number's bits, as masks. */
  readonly bits?: Readonly<Record<string, number>>
  readonly unit?: "ms"
  readonly box?: BoxInfo
}

/** The rows of the container header, which every frame begins with. */
export const containerRows: ReadonlyArray<LayoutRow> = containerFields.map(({ at, length, meaning, name }) => ({
  role: name,
  name,
  type: length === 1 ? "u8" : "bytes",
  at,
  length,
  meaning,
  ...(name === "type" ? { values: frameTypes } : {})
}))

const structRows = ({ body, schema }: FrameDeclaration): ReadonlyArray<LayoutRow> => {
  if (body._tag !== "Struct") return []
  const fillers = body.fillers.map(({ at, length, meaning, name }): LayoutRow => ({
    role: name,
    name,
    type: length === 1 ? "u8" : "bytes",
    at: at + containerHeaderLength,
    length,
    meaning
  }))
  const fields = Object.entries(schema.fields).flatMap(([name, property]): ReadonlyArray<LayoutRow> => {
    const field = structFieldOf(property as Schema.Top)
    if (field === undefined) return []
    const { at, type, ...rest } = field
    const place = { role: "field", name, at: at + containerHeaderLength, ...rest } as const
    return [type === "rest" ? { ...place, type: "bytes" } : { ...place, type, length: structFieldSizes[type] }]
  })
  return [...fillers, ...fields].toSorted((a, b) => a.at - b.at)
}

/**
 * The fields of a frame by offset, its container header first. Of a frame whose payload is a protobuf message these are
 * the container header alone: what follows has no fixed places.
 *
 * @category getters
 * @since 0.1.0
 */
export const layoutOf = (frame: FrameDeclaration): ReadonlyArray<LayoutRow> => [...containerRows, ...structRows(frame)]

/**
 * The name of an element's type as protobuf writes it.
 *
 * @category getters
 * @since 0.1.0
 */
export const typeOf = (element: Element): string => {
  switch (element.type) {
    case "enum":
      return enumName(element.values)
    case "message":
      return messageInfo(element.schema).name
    default:
      return element.type
  }
}

/**
 * One numbered field of a message.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageRow {
  readonly name: string
  readonly number: number
  /** Number and wire type in one number, which stands as a varint before each value. */
  readonly tag: number
  readonly label: Exclude<Field["label"], "oneof">
  /** Of a map, the type of its values. */
  readonly element: Element
  /** Of a map, the type of its keys. */
  readonly key?: Element
  readonly meaning: string
  /** The oneof the field is a member of, and what that says. */
  readonly oneof?: { readonly name: string; readonly meaning: string }
}

/** An entry of a map is written like a message. */
const mapWireType = 2

const tagOfField = (field: Exclude<Field, { readonly label: "oneof" }>): number =>
  field.label === "map" ? (field.number << 3) | mapWireType : tagOf(field.number, field.element)

/**
 * The fields of a message by number, members of oneofs among them.
 *
 * @category getters
 * @since 0.1.0
 */
export const messageRows = (schema: MessageSchema): ReadonlyArray<MessageRow> =>
  fieldsOf(schema)
    .flatMap(([name, field]): ReadonlyArray<MessageRow> => {
      if (field.label !== "oneof") return [{ name, tag: tagOfField(field), ...field }]
      const oneof = { name, meaning: field.meaning }
      return Object.entries(field.cases).map(([member, of]) => ({ name: member, tag: tagOfField(of), ...of, oneof }))
    })
    .toSorted((a, b) => a.number - b.number)
