/**
 * Compiles a declared message into an encoder of canonical proto3: fields by number, defaults left out.
 *
 * @since 0.1.0
 */
import type { Writer } from "protobufjs/minimal.js"
import { type Element, type Field, fieldsOf, type MessageSchema } from "./Protobuf.ts"
import { emptyOf, tagOf } from "./ProtobufElement.ts"

type Message = Readonly<Record<string, unknown>>
type WriteElement = (writer: Writer, value: unknown) => void
type FieldWriter = (writer: Writer, from: Message) => void

/** Writes one kind of message behind what the writer holds. */
export type MessageEncoder = (writer: Writer, value: Message) => void

const wide = new DataView(new ArrayBuffer(8))

/** protobufjs takes a 64-bit number as two halves. */
const halvesOf = (value: bigint) => {
  wide.setBigUint64(0, value, true)
  return { low: wide.getUint32(0, true), high: wide.getUint32(4, true), unsigned: true }
}

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
      return (writer, value) => writer.uint64(halvesOf(value as bigint))
    case "fixed64":
      return (writer, value) => {
        const { high, low } = halvesOf(value as bigint)
        writer.fixed32(low).fixed32(high)
      }
    case "string":
      // protobufjs would write half a surrogate pair as bytes that are not UTF-8.
      return (writer, value) => writer.string((value as string).toWellFormed())
    case "bytes":
      return (writer, value) => writer.bytes(value as Uint8Array)
    case "message": {
      const encode = messageEncoder(element.schema)
      return (writer, value) => {
        writer.fork()
        encode(writer, value as Message)
        writer.ldelim()
      }
    }
  }
}

const writersOf = (name: string, field: Field): ReadonlyArray<readonly [number: number, writer: FieldWriter]> => {
  switch (field.label) {
    case "implicit": {
      const tag = tagOf(field.number, field.element)
      const write = elementWriter(field.element)
      const omit = isEmpty(field.element)
      return [
        [
          field.number,
          (writer, from) => {
            const value = from[name]
            if (omit(value)) return
            writer.uint32(tag)
            write(writer, value)
          }
        ]
      ]
    }
    case "optional": {
      const tag = tagOf(field.number, field.element)
      const write = elementWriter(field.element)
      return [
        [
          field.number,
          (writer, from) => {
            const value = from[name]
            if (value === undefined) return
            writer.uint32(tag)
            write(writer, value)
          }
        ]
      ]
    }
    case "repeated": {
      const tag = tagOf(field.number, field.element)
      const write = elementWriter(field.element)
      return [
        [
          field.number,
          (writer, from) => {
            for (const value of from[name] as ReadonlyArray<unknown>) {
              writer.uint32(tag)
              write(writer, value)
            }
          }
        ]
      ]
    }
    case "oneof":
      return Object.entries(field.cases).map(([_tag, member]) => {
        const tag = tagOf(member.number, member.element)
        const write = elementWriter(member.element)
        return [
          member.number,
          (writer, from) => {
            const chosen = from[name] as { readonly _tag: string; readonly value: unknown } | undefined
            if (chosen === undefined || chosen._tag !== _tag) return
            writer.uint32(tag)
            write(writer, chosen.value)
          }
        ]
      })
    case "map": {
      const keyTag = tagOf(1, field.key)
      const valueTag = tagOf(2, field.element)
      const writeKey = elementWriter(field.key)
      const writeValue = elementWriter(field.element)
      const omitKey = isEmpty(field.key)
      const omitValue = isEmpty(field.element)
      return [
        [
          field.number,
          (writer, from) => {
            for (const [key, value] of from[name] as ReadonlyMap<unknown, unknown>) {
              writer.uint32((field.number << 3) | 2).fork()
              if (!omitKey(key)) {
                writer.uint32(keyTag)
                writeKey(writer, key)
              }
              if (!omitValue(value)) {
                writer.uint32(valueTag)
                writeValue(writer, value)
              }
              writer.ldelim()
            }
          }
        ]
      ]
    }
  }
}

const encoders = new WeakMap<object, MessageEncoder>()

/** The encoder of a declared message, compiled at the first call and kept. */
export const messageEncoder = (schema: MessageSchema): MessageEncoder => {
  const known = encoders.get(schema.ast)
  if (known !== undefined) return known
  const writers = fieldsOf(schema)
    .flatMap(([name, field]) => writersOf(name, field))
    .sort(([a], [b]) => a - b)
    .map(([, writer]) => writer)
  const encoder: MessageEncoder = (writer, value) => {
    for (const write of writers) write(writer, value)
  }
  encoders.set(schema.ast, encoder)
  return encoder
}
