/**
 * Compiles a declared message into a decoder.
 *
 * Walks the fields as they come: any order, unknown ones skipped, of repeated singular ones the last wins and messages
 * merge. Byte fields are views of the input. What is thrown in here is caught in `ProtobufCodec`.
 *
 * @since 0.1.0
 */
import { type MessageReader, Violation } from "./MessageReader.ts"
import { type Element, type Field, fieldsOf, messageInfo, type MessageSchema } from "./Protobuf.ts"
import { emptyOf, tagOf } from "./ProtobufElement.ts"

/** A decoded message under construction. */
export type Message = Record<string, unknown>

/** Reads one kind of message. */
export interface MessageDecoder {
  /** A message in which no field has been seen yet. */
  readonly create: () => Message
  /** Reads to the reader's end into a message. */
  readonly read: (reader: MessageReader, into: Message) => Message
}

/**
 * How to read a value. Steps are data that one loop looks at, all of one form: calling a closure for each field would
 * cost more than reading it.
 */
interface ValueStep {
  readonly type: Element["type"]
  /** The only length that bytes may have, or -1. */
  readonly length: number
  /** Of a message. */
  readonly decoder: MessageDecoder | undefined
}

interface MapStep {
  readonly keyTag: number
  readonly key: ValueStep
  readonly noKey: unknown
  readonly valueTag: number
  readonly noValue: () => unknown
}

/** What to do with a field. */
interface FieldStep {
  readonly label: "single" | "repeated" | "oneof" | "map"
  /** The property of the message that holds it. */
  readonly property: string
  /** What it is called: the property, or the member of a oneof. */
  readonly name: string
  readonly value: ValueStep
  readonly map: MapStep | undefined
}

const emptyArray: ReadonlyArray<never> = Object.freeze([])

/** Moves the reader's end to the end of a length-delimited value and says where it was. */
const enter = (reader: MessageReader): number => {
  const length = reader.size()
  const end = reader.pos + length
  const outer = reader.end
  if (end > outer) throw new Violation("Truncated", reader.start, `${length} bytes`, `${outer - reader.pos} bytes`)
  reader.end = end
  return outer
}

const readMessage = (reader: MessageReader, decoder: MessageDecoder, previous: unknown): Message => {
  const { field, within } = reader
  const outer = enter(reader)
  const value = decoder.read(reader, (previous as Message | undefined) ?? decoder.create())
  reader.end = outer
  reader.within = within
  reader.field = field
  return value
}

/** Reads a value; `previous` is the message to be merged with, if any. */
const readValue = (reader: MessageReader, { decoder, length, type }: ValueStep, previous: unknown): unknown => {
  switch (type) {
    case "bytes": {
      const value = reader.view()
      if (length < 0 || value.length === length) return value
      throw new Violation("FieldLength", reader.start, `${length} bytes`, `${value.length} bytes`)
    }
    case "enum":
      return reader.uint32() | 0
    case "uint32":
      return reader.uint32()
    case "uint64":
      return reader.uint64()
    case "fixed64":
      return reader.fixed64()
    case "string":
      return reader.text()
    case "bool":
      return reader.bool()
    case "message":
      return readMessage(reader, decoder!, previous)
  }
}

const readEntry = (reader: MessageReader, { key, keyTag, noKey, noValue, valueTag }: MapStep, step: ValueStep) => {
  let entryKey = noKey
  let value: unknown = undefined
  const outer = enter(reader)
  while (reader.pos < reader.end) {
    reader.start = reader.pos
    const tag = reader.tag()
    if (tag === keyTag) entryKey = readValue(reader, key, undefined)
    else if (tag === valueTag) value = readValue(reader, step, value)
    else reader.skip(tag)
  }
  reader.end = outer
  return [entryKey, value ?? noValue()] as const
}

/** Reads a field that holds, or may hold, more than its last value. */
const readInto = (reader: MessageReader, { label, map, name, property, value }: FieldStep, into: Message): void => {
  const before = into[property]
  switch (label) {
    case "repeated": {
      const item = readValue(reader, value, undefined)
      if (before === emptyArray) into[property] = [item]
      else (before as Array<unknown>).push(item)
      return
    }
    case "oneof": {
      const chosen = before as { readonly _tag: string; readonly value: unknown } | undefined
      into[property] = { _tag: name, value: readValue(reader, value, chosen?._tag === name ? chosen.value : undefined) }
      return
    }
    case "map": {
      const [key, item] = readEntry(reader, map!, value)
      ;(before as Map<unknown, unknown>).set(key, item)
      return
    }
    case "single":
      into[property] = readValue(reader, value, before)
  }
}

const valueStep = (element: Element): ValueStep => ({
  type: element.type,
  length: element.type === "bytes" ? (element.length ?? -1) : -1,
  decoder: element.type === "message" ? messageDecoder(element.schema) : undefined
})

const mapStep = (key: Element, element: Element): MapStep => ({
  keyTag: tagOf(1, key),
  key: valueStep(key),
  noKey: emptyOf(key),
  valueTag: tagOf(2, element),
  noValue: element.type === "message" ? messageDecoder(element.schema).create : () => emptyOf(element)
})

/** The steps of a property by the tags that call for them. */
const stepsOf = (property: string, field: Field): ReadonlyArray<readonly [tag: number, step: FieldStep]> => {
  if (field.label === "oneof") {
    return Object.entries(field.cases).map(([name, { element, number }]) => [
      tagOf(number, element),
      { label: "oneof", property, name, value: valueStep(element), map: undefined }
    ])
  }
  const { element, label, number } = field
  const value = valueStep(element)
  switch (label) {
    case "implicit":
    case "optional":
      return [[tagOf(number, element), { label: "single", property, name: property, value, map: undefined }]]
    case "repeated":
      return [[tagOf(number, element), { label, property, name: property, value, map: undefined }]]
    case "map":
      return [[(number << 3) | 2, { label, property, name: property, value, map: mapStep(field.key, element) }]]
  }
}

/** What each property is before its field was seen. */
const emptyMessage = (
  tag: string | undefined,
  fields: ReadonlyArray<readonly [name: string, field: Field]>
): Message => {
  const empty: Message = {}
  if (tag !== undefined) empty["_tag"] = tag
  for (const [name, field] of fields) {
    if (field.label === "implicit") empty[name] = emptyOf(field.element)
    else if (field.label === "repeated") empty[name] = emptyArray
    else if (field.label === "map") empty[name] = undefined
  }
  return empty
}

/** Compiles the decoder of a message, which carries a tag if it is a frame. */
export const compileDecoder = (schema: MessageSchema, tag?: string): MessageDecoder => {
  const { name: within } = messageInfo(schema)
  const fields = fieldsOf(schema)
  // By tag: a known number with another wire type is skipped like one that nobody knows.
  const steps: Array<FieldStep | undefined> = []
  for (const [name, field] of fields) {
    for (const [tag, step] of stepsOf(name, field)) steps[tag] = step
  }
  const empty = emptyMessage(tag, fields)
  const maps = fields.flatMap(([name, field]) => (field.label === "map" ? [name] : []))
  const exact = fields.flatMap(([name, field]) =>
    field.label === "implicit" && field.element.type === "bytes" && field.element.length !== undefined
      ? [{ name, length: field.element.length }]
      : []
  )

  const checkPresence = (reader: MessageReader, into: Message): void => {
    for (const { length, name } of exact) {
      if ((into[name] as Uint8Array).length !== length) {
        reader.field = name
        throw new Violation("FieldLength", reader.pos, `${length} bytes`, "no such field")
      }
    }
  }

  return {
    create: () => {
      // A spread is four times as slow as this where objects of many forms pass by, as they do here.
      const value = Object.assign({}, empty)
      for (let index = 0; index < maps.length; index++) value[maps[index]!] = new Map()
      return value
    },
    read: (reader, into) => {
      reader.within = within
      while (reader.pos < reader.end) {
        reader.field = undefined
        reader.start = reader.pos
        const tag = reader.tag()
        const step = tag < steps.length ? steps[tag] : undefined
        if (step === undefined) {
          reader.skip(tag)
          continue
        }
        reader.field = step.name
        // What was there before matters to messages only, and looking it up is half the price of a field.
        if (step.label === "single" && step.value.decoder === undefined) {
          into[step.property] = readValue(reader, step.value, undefined)
        } else readInto(reader, step, into)
      }
      if (exact.length > 0) checkPresence(reader, into)
      return into
    }
  }
}

const decoders = new WeakMap<object, MessageDecoder>()

/** The decoder of a message without a tag, compiled at the first call and kept. */
export const messageDecoder = (schema: MessageSchema): MessageDecoder => {
  let decoder = decoders.get(schema.ast)
  if (decoder === undefined) {
    decoder = compileDecoder(schema)
    decoders.set(schema.ast, decoder)
  }
  return decoder
}
