/**
 * Compiles a declared message into an encoder of canonical proto3: fields by number, defaults left out.
 *
 * @since 0.1.0
 */
import type { MessageWriter } from "./MessageWriter.ts"
import { type Element, type Field, fieldsOf, type MessageSchema } from "./Protobuf.ts"
import { emptyOf, tagOf } from "./ProtobufElement.ts"

type Message = Readonly<Record<string, unknown>>
type WriteElement = (writer: MessageWriter, value: unknown) => void
type WriteField = (writer: MessageWriter, from: Message) => void

/** Writes one kind of message behind what the writer holds. */
export type MessageEncoder = (writer: MessageWriter, value: Message) => void

const isEmpty = (element: Element): ((value: unknown) => boolean) => {
  if (element.type === "bytes") return (value) => (value as Uint8Array).length === 0
  const none = emptyOf(element)
  return (value) => value === none
}

const elementWriter = (element: Element): WriteElement => {
  switch (element.type) {
    case "uint32":
      return (writer, value) => writer.uint32(value as number)
    case "enum":
      return (writer, value) => writer.int32(value as number)
    case "bool":
      return (writer, value) => writer.bool(value as boolean)
    case "uint64":
      return (writer, value) => writer.uint64(value as bigint)
    case "fixed64":
      return (writer, value) => writer.fixed64(value as bigint)
    case "string":
      return (writer, value) => writer.text(value as string)
    case "bytes":
      return (writer, value) => writer.view(value as Uint8Array)
    case "message": {
      const encode = messageEncoder(element.schema)
      return (writer, value) => {
        const start = writer.begin()
        encode(writer, value as Message)
        writer.end(start)
      }
    }
  }
}

const implicitWriter = (name: string, number: number, element: Element): WriteField => {
  const tag = tagOf(number, element)
  const write = elementWriter(element)
  const omit = isEmpty(element)
  return (writer, from) => {
    const value = from[name]
    if (omit(value)) return
    writer.uint32(tag)
    write(writer, value)
  }
}

const optionalWriter = (name: string, number: number, element: Element): WriteField => {
  const tag = tagOf(number, element)
  const write = elementWriter(element)
  return (writer, from) => {
    const value = from[name]
    if (value === undefined) return
    writer.uint32(tag)
    write(writer, value)
  }
}

const repeatedWriter = (name: string, number: number, element: Element): WriteField => {
  const tag = tagOf(number, element)
  const write = elementWriter(element)
  return (writer, from) => {
    for (const value of from[name] as ReadonlyArray<unknown>) {
      writer.uint32(tag)
      write(writer, value)
    }
  }
}

const mapWriter = (name: string, number: number, key: Element, element: Element): WriteField => {
  const tag = (number << 3) | 2
  const writeKey = implicitWriter("key", 1, key)
  const writeValue =
    element.type === "message" ? optionalWriter("value", 2, element) : implicitWriter("value", 2, element)
  return (writer, from) => {
    for (const [key, value] of from[name] as ReadonlyMap<unknown, unknown>) {
      writer.uint32(tag)
      const start = writer.begin()
      const entry = { key, value }
      writeKey(writer, entry)
      writeValue(writer, entry)
      writer.end(start)
    }
  }
}
/** What is written under one number; of a oneof, which member it is. */
type Part =
  | { readonly number: number; readonly write: WriteField }
  | { readonly number: number; readonly oneof: string; readonly member: string; readonly element: Element }

const partsOf = (name: string, field: Field): ReadonlyArray<Part> => {
  if (field.label === "oneof") {
    return Object.entries(field.cases).map(([member, { element, number }]) => ({
      number,
      oneof: name,
      member,
      element
    }))
  }
  const { element, number } = field
  switch (field.label) {
    case "implicit":
      return [{ number, write: implicitWriter(name, number, element) }]
    case "optional":
      return [{ number, write: optionalWriter(name, number, element) }]
    case "repeated":
      return [{ number, write: repeatedWriter(name, number, element) }]
    case "map":
      return [{ number, write: mapWriter(name, number, field.key, element) }]
  }
}

/** Whichever of some members of a oneof was chosen: one look instead of one for each member. */
const chosenWriter = (name: string, members: ReadonlyMap<string, WriteField>): WriteField => {
  return (writer, from) => {
    const chosen = from[name] as { readonly _tag: string } | undefined
    if (chosen !== undefined) members.get(chosen._tag)?.(writer, chosen)
  }
}

const compiled = (schema: MessageSchema): MessageEncoder => {
  const parts = fieldsOf(schema)
    .flatMap(([name, field]) => partsOf(name, field))
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
      writers.push(chosenWriter(part.oneof, open.members))
    }
    open.members.set(part.member, optionalWriter("value", part.number, part.element))
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
