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
import { emptyOf, tagOf, wireTypes } from "./ProtobufElement.ts"

/** A decoded message under construction. */
export type Message = Record<string, unknown>

type ReadElement = (reader: MessageReader, previous: unknown) => unknown

interface FieldReader {
  readonly name: string
  readonly wireType: number
  readonly read: (reader: MessageReader, into: Message) => void
}

/** Reads one kind of message. */
export interface MessageDecoder {
  /** A message in which no field has been seen yet. */
  readonly create: (tag?: string) => Message
  /** Reads to the reader's end into a message. */
  readonly read: (reader: MessageReader, into: Message) => Message
}

const emptyArray: ReadonlyArray<never> = Object.freeze([])

/** Runs `body` with the reader's end moved to the end of a length-delimited value. */
const delimited = <A>(reader: MessageReader, body: (end: number) => A): A => {
  const length = reader.size()
  const end = reader.pos + length
  const outerEnd = reader.len
  if (end > outerEnd) {
    throw new Violation("Truncated", reader.start, `${length} bytes`, `${outerEnd - reader.pos} bytes`)
  }
  reader.len = end
  const value = body(end)
  reader.len = outerEnd
  return value
}

/** Skips an unknown field, or a known one of another wire type, which protobuf treats alike. */
const skip = (reader: MessageReader, tag: number): void => {
  reader.skipType(tag & 7, 0, tag >>> 3)
}

const elementReader = (element: Element): ReadElement => {
  switch (element.type) {
    case "uint32":
      return (reader) => reader.uint32()
    case "enum":
      return (reader) => reader.int32()
    case "bool":
      return (reader) => reader.bool()
    case "uint64":
      return (reader) => reader.varint64()
    case "fixed64":
      return (reader) => reader.wideFixed()
    case "string":
      return (reader) => reader.stringVerify()
    case "bytes": {
      const { length } = element
      if (length === undefined) return (reader) => reader.bytes()
      return (reader) => {
        const value = reader.bytes()
        if (value.length !== length) {
          throw new Violation("FieldLength", reader.start, `${length} bytes`, `${value.length} bytes`)
        }
        return value
      }
    }
    case "message": {
      const decoder = messageDecoder(element.schema)
      return (reader, previous) => {
        const { field, within } = reader
        const value = delimited(reader, () =>
          decoder.read(reader, (previous as Message | undefined) ?? decoder.create())
        )
        reader.within = within
        reader.field = field
        return value
      }
    }
  }
}

const readersOf = (name: string, field: Field): ReadonlyArray<readonly [number: number, reader: FieldReader]> => {
  switch (field.label) {
    case "implicit":
    case "optional": {
      const read = elementReader(field.element)
      return [
        [
          field.number,
          {
            name,
            wireType: wireTypes[field.element.type],
            read: (reader, into) => {
              into[name] = read(reader, into[name])
            }
          }
        ]
      ]
    }
    case "repeated": {
      const read = elementReader(field.element)
      return [
        [
          field.number,
          {
            name,
            wireType: wireTypes[field.element.type],
            read: (reader, into) => {
              const value = read(reader, undefined)
              if (into[name] === emptyArray) into[name] = [value]
              else (into[name] as Array<unknown>).push(value)
            }
          }
        ]
      ]
    }
    case "oneof":
      return Object.entries(field.cases).map(([_tag, member]) => {
        const read = elementReader(member.element)
        return [
          member.number,
          {
            name: _tag,
            wireType: wireTypes[member.element.type],
            read: (reader, into) => {
              const before = into[name] as { readonly _tag: string; readonly value: unknown } | undefined
              into[name] = { _tag, value: read(reader, before?._tag === _tag ? before.value : undefined) }
            }
          }
        ]
      })
    case "map": {
      const readKey = elementReader(field.key)
      const readValue = elementReader(field.element)
      const noKey = emptyOf(field.key)
      const { element } = field
      const noValue =
        element.type === "message" ? () => messageDecoder(element.schema).create() : () => emptyOf(element)
      const keyTag = tagOf(1, field.key)
      const valueTag = tagOf(2, element)
      return [
        [
          field.number,
          {
            name,
            wireType: 2,
            read: (reader, into) => {
              let key: unknown = noKey
              let value: unknown = undefined
              delimited(reader, (end) => {
                while (reader.pos < end) {
                  reader.start = reader.pos
                  const tag = reader.tag()
                  if (tag === keyTag) key = readKey(reader, undefined)
                  else if (tag === valueTag) value = readValue(reader, value)
                  else skip(reader, tag)
                }
              })
              const entries = into[name] as Map<unknown, unknown>
              entries.set(key, value ?? noValue())
            }
          }
        ]
      ]
    }
  }
}

const decoders = new WeakMap<object, MessageDecoder>()

/** The decoder of a declared message, compiled at the first call and kept. */
export const messageDecoder = (schema: MessageSchema): MessageDecoder => {
  const known = decoders.get(schema.ast)
  if (known !== undefined) return known
  const { name: within } = messageInfo(schema)
  const readers: Array<FieldReader | undefined> = []
  const empties: Message = {}
  const maps: Array<string> = []
  const exact: Array<readonly [name: string, length: number]> = []
  for (const [name, field] of fieldsOf(schema)) {
    for (const [number, reader] of readersOf(name, field)) readers[number] = reader
    if (field.label === "implicit") {
      empties[name] = emptyOf(field.element)
      if (field.element.type === "bytes" && field.element.length !== undefined) {
        exact.push([name, field.element.length])
      }
    } else if (field.label === "repeated") empties[name] = emptyArray
    else if (field.label === "map") {
      empties[name] = undefined
      maps.push(name)
    }
  }

  const decoder: MessageDecoder = {
    create: (tag) => {
      const value: Message = tag === undefined ? { ...empties } : { _tag: tag, ...empties }
      for (const name of maps) value[name] = new Map()
      return value
    },
    read: (reader, into) => {
      reader.within = within
      while (reader.pos < reader.len) {
        reader.field = undefined
        reader.start = reader.pos
        const tag = reader.tag()
        const known = readers[tag >>> 3]
        if (known !== undefined && known.wireType === (tag & 7)) {
          reader.field = known.name
          known.read(reader, into)
        } else skip(reader, tag)
      }
      for (const [name, length] of exact) {
        if ((into[name] as Uint8Array).length !== length) {
          reader.field = name
          throw new Violation("FieldLength", reader.pos, `${length} bytes`, "no such field")
        }
      }
      return into
    }
  }
  decoders.set(schema.ast, decoder)
  return decoder
}
