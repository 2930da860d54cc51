/**
 * Compiles a declared message into an encoder of canonical proto3: fields by number, defaults left out.
 *
 * Owns that nothing is written which the field cannot hold: an `EncodeError` is thrown instead.
 *
 * @since 0.1.0
 */
import { EncodeError, kindOf, ranges } from "./EncodeError.ts"
import type { MessageWriter } from "./MessageWriter.ts"
import { type Element, type Field, fieldsOf, messageInfo, type MessageSchema } from "./Protobuf.ts"
import { emptyOf, tagOf } from "./ProtobufElement.ts"

type Message = Readonly<Record<string, unknown>>
type WriteElement = (writer: MessageWriter, value: unknown) => void
type WriteField = (writer: MessageWriter, from: Message) => void

/** Writes one kind of message behind what the writer holds. */
export type MessageEncoder = (writer: MessageWriter, value: Message) => void

/** The field that is written, as an error names it. */
interface Place {
  readonly within: string
  readonly field: string
}

const refused = (place: Place, expected: string, value: unknown): EncodeError =>
  new EncodeError({ ...place, expected, found: kindOf(value) })

const isEmpty = (element: Element): ((value: unknown) => boolean) => {
  if (element.type === "bytes") {
    // Bytes of one length cannot be left out.
    return element.length === undefined ? (value) => value instanceof Uint8Array && value.length === 0 : () => false
  }
  const none = emptyOf(element)
  return (value) => value === none
}

const bytesWriter = (length: number | undefined, place: Place): WriteElement => {
  const expected = length === undefined ? "a Uint8Array" : `${length} bytes`
  return (writer, value) => {
    if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) {
      throw refused(place, expected, value)
    }
    writer.view(value)
  }
}

const embeddedWriter = (schema: MessageSchema, place: Place): WriteElement => {
  const encode = messageEncoder(schema)
  const { name } = messageInfo(schema)
  // Messages of a field are about as long as the one before, most of the time.
  let lengthSize = 1
  return (writer, value) => {
    if (typeof value !== "object" || value === null) throw refused(place, `a ${name}`, value)
    const expected = lengthSize
    const start = writer.begin(expected)
    encode(writer, value as Message)
    lengthSize = writer.end(start, expected)
  }
}

/** One comparison: engines cut a bigint to 64 bits for less than comparing it with both ends costs. */
const fitsU64 = (value: bigint): boolean => BigInt.asUintN(64, value) === value

const elementWriter = (element: Element, place: Place): WriteElement => {
  switch (element.type) {
    case "uint32":
      return (writer, value) => {
        if (typeof value !== "number" || value >>> 0 !== value) throw refused(place, ranges.u32, value)
        writer.uint32(value)
      }
    case "enum":
      return (writer, value) => {
        if (typeof value !== "number" || (value | 0) !== value) throw refused(place, ranges.i32, value)
        writer.int32(value)
      }
    case "bool":
      return (writer, value) => {
        if (typeof value !== "boolean") throw refused(place, "a boolean", value)
        writer.bool(value)
      }
    case "uint64":
      return (writer, value) => {
        if (typeof value !== "bigint" || !fitsU64(value)) throw refused(place, ranges.u64, value)
        writer.uint64(value)
      }
    case "fixed64":
      return (writer, value) => {
        if (typeof value !== "bigint" || !fitsU64(value)) throw refused(place, ranges.u64, value)
        writer.fixed64(value)
      }
    case "string":
      return (writer, value) => {
        if (typeof value !== "string") throw refused(place, "a string", value)
        writer.text(value)
      }
    case "bytes":
      return bytesWriter(element.length, place)
    case "message":
      return embeddedWriter(element.schema, place)
  }
}

const implicitWriter = (name: string, number: number, element: Element, place: Place): WriteField => {
  const tag = tagOf(number, element)
  const write = elementWriter(element, place)
  const omit = isEmpty(element)
  return (writer, from) => {
    const value = from[name]
    if (omit(value)) return
    writer.uint32(tag)
    write(writer, value)
  }
}

const optionalWriter = (name: string, number: number, element: Element, place: Place): WriteField => {
  const tag = tagOf(number, element)
  const write = elementWriter(element, place)
  return (writer, from) => {
    const value = from[name]
    if (value === undefined) return
    writer.uint32(tag)
    write(writer, value)
  }
}

/** Writes the value of an entry or of a member of a oneof: it is there even when it is a default. */
const valueWriter = (number: number, element: Element, place: Place): WriteField => {
  const tag = tagOf(number, element)
  const write = elementWriter(element, place)
  return (writer, from) => {
    writer.uint32(tag)
    write(writer, from["value"])
  }
}

const repeatedWriter = (name: string, number: number, element: Element, place: Place): WriteField => {
  const tag = tagOf(number, element)
  const write = elementWriter(element, place)
  return (writer, from) => {
    const values = from[name]
    if (!Array.isArray(values)) throw refused(place, "an array", values)
    for (const value of values as ReadonlyArray<unknown>) {
      writer.uint32(tag)
      write(writer, value)
    }
  }
}

const mapWriter = (name: string, number: number, key: Element, element: Element, place: Place): WriteField => {
  const tag = (number << 3) | 2
  const writeKey = implicitWriter("key", 1, key, place)
  const writeValue =
    element.type === "message" ? valueWriter(2, element, place) : implicitWriter("value", 2, element, place)
  return (writer, from) => {
    const entries = from[name]
    if (!(entries instanceof Map)) throw refused(place, "a Map", entries)
    for (const [key, value] of entries as ReadonlyMap<unknown, unknown>) {
      writer.uint32(tag)
      const start = writer.begin(1)
      const entry = { key, value }
      writeKey(writer, entry)
      writeValue(writer, entry)
      writer.end(start, 1)
    }
  }
}

/** What is written under one number; of a oneof, which member it is. */
type Part =
  | { readonly number: number; readonly write: WriteField }
  | { readonly number: number; readonly oneof: string; readonly member: string; readonly element: Element }

const partsOf = (within: string, name: string, field: Field): ReadonlyArray<Part> => {
  if (field.label === "oneof") {
    return Object.entries(field.cases).map(([member, { element, number }]) => ({
      number,
      oneof: name,
      member,
      element
    }))
  }
  const { element, number } = field
  const place = { within, field: name }
  switch (field.label) {
    case "implicit":
      return [{ number, write: implicitWriter(name, number, element, place) }]
    case "optional":
      return [{ number, write: optionalWriter(name, number, element, place) }]
    case "repeated":
      return [{ number, write: repeatedWriter(name, number, element, place) }]
    case "map":
      return [{ number, write: mapWriter(name, number, field.key, element, place) }]
  }
}

/** What to say of a chosen member that a oneof does not have. */
const noMember = (
  place: Place,
  all: ReadonlyArray<string>,
  chosen: { readonly _tag?: unknown } | null
): EncodeError => {
  const tag = chosen?._tag
  const found = typeof tag === "string" ? JSON.stringify(tag) : kindOf(chosen)
  return new EncodeError({ ...place, expected: `one of ${all.join(", ")}`, found })
}

/** Whichever of some members of a oneof was chosen: one look instead of one for each member. */
const chosenWriter = (
  place: Place,
  members: ReadonlyMap<unknown, WriteField>,
  all: ReadonlyArray<string>
): WriteField => {
  const { field } = place
  return (writer, from) => {
    const chosen = from[field] as Message | null | undefined
    if (chosen === undefined) return
    const tag = chosen?.["_tag"]
    const write = members.get(tag)
    if (write !== undefined) write(writer, chosen as Message)
    else if (!all.includes(tag as string)) throw noMember(place, all, chosen)
  }
}

const compiled = (schema: MessageSchema): MessageEncoder => {
  const { name: within } = messageInfo(schema)
  const parts = fieldsOf(schema)
    .flatMap(([name, field]) => partsOf(within, name, field))
    .sort((a, b) => a.number - b.number)
  const writers: Array<WriteField> = []
  // Members with no other field's number between them are written by one writer.
  let open: { readonly oneof: string; readonly members: Map<string, WriteField> } | undefined
  for (const part of parts) {
    if ("write" in part) {
      open = undefined
      writers.push(part.write)
      continue
    }
    if (open?.oneof !== part.oneof) {
      open = { oneof: part.oneof, members: new Map() }
      const all = parts.flatMap((other) => ("oneof" in other && other.oneof === part.oneof ? [other.member] : []))
      writers.push(chosenWriter({ within, field: part.oneof }, open.members, all))
    }
    open.members.set(part.member, valueWriter(part.number, part.element, { within, field: part.member }))
  }
  return (writer, value) => {
    for (let index = 0; index < writers.length; index++) writers[index]!(writer, value)
  }
}

const encoders = new WeakMap<object, MessageEncoder>()

/** The encoder of a declared message, compiled at the first call and kept. */
export const messageEncoder = (schema: MessageSchema): MessageEncoder => {
  let encoder = encoders.get(schema.ast)
  if (encoder === undefined) {
    encoder = compiled(schema)
    encoders.set(schema.ast, encoder)
  }
  return encoder
}
