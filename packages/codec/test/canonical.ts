/**
 * What canonical proto3 is, read from the protocol's own table: nothing here knows the codec.
 *
 * Canonical are: fields by ascending number, each at most once unless repeated, no unknown ones, at most one member of
 * a oneof, no default where presence is implicit (entries of maps included), varints of as few bytes as they take,
 * numbers in their range, text in UTF-8.
 */
import { messages } from "./protocol-table.ts"

interface Field {
  readonly label: "implicit" | "optional" | "repeated"
  readonly name: string
  readonly type: string
  readonly oneof: string | undefined
}

const line = /^(\d+) (\w+) (?:(optional|repeated) )?(map<.*>|\S+)(?: in (\w+))?$/

const fieldsOf = (message: string): ReadonlyMap<number, Field> => {
  const described = messages[message]
  if (described === undefined) throw new RangeError(`the protocol has no message ${message}`)
  return new Map(
    described.map((text) => {
      const [, number, name, label, type, oneof] = line.exec(text)!
      const field: Field = { label: (label ?? "implicit") as Field["label"], name: name!, type: type!, oneof }
      return [Number(number), field]
    })
  )
}

const varints = new Set(["uint32", "uint64", "bool"])

const wireTypeOf = (type: string): number => {
  if (type === "fixed64") return 1
  if (type === "string" || type === "bytes" || type.startsWith("map<") || type in messages) return 2
  // What is left are enums.
  return 0
}

class NotCanonical extends Error {}

const fail = (where: string, what: string): never => {
  throw new NotCanonical(`${where}: ${what}`)
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Throws what is not canonical about the bytes of a message. */
export const checkCanonical = (message: string, bytes: Uint8Array): void => check(message, bytes, fieldsOf(message))

const entryFields = (type: string): ReadonlyMap<number, Field> => {
  const [key, value] = type.slice("map<".length, -1).split(/,\s*/)
  return new Map([
    [1, { label: "implicit", name: "key", type: key!, oneof: undefined }],
    [2, { label: "implicit", name: "value", type: value!, oneof: undefined }]
  ])
}

const check = (message: string, bytes: Uint8Array, fields: ReadonlyMap<number, Field>): void => {
  let at = 0
  const varint = (where: string): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? fail(where, "ends inside a varint")
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) {
        if (byte === 0 && shift > 0n) fail(where, "a varint is longer than it need be")
        if (value >= 1n << 64n) fail(where, "a varint has more than 64 bits")
        return value
      }
    }
  }

  let last = 0
  const chosen = new Set<string>()
  while (at < bytes.length) {
    const tag = Number(varint(message))
    const number = tag >>> 3
    const field = fields.get(number) ?? fail(message, `has a field ${number} that nobody declared`)
    const where = `${message}.${field.name}`
    const isMap = field.type.startsWith("map<")
    if ((tag & 7) !== wireTypeOf(field.type)) fail(where, `has wire type ${tag & 7}`)
    if (number < last) fail(where, `comes behind field ${last}`)
    if (number === last && field.label !== "repeated" && !isMap) fail(where, "is there twice")
    last = number
    if (field.oneof !== undefined) {
      if (chosen.has(field.oneof)) fail(where, `is another member of ${field.oneof}`)
      chosen.add(field.oneof)
    }
    const noDefault = field.label === "implicit" && field.oneof === undefined
    switch (tag & 7) {
      case 0: {
        const value = varint(where)
        if (noDefault && value === 0n) fail(where, "is a default")
        if (field.type === "uint32" && value >= 1n << 32n) fail(where, "is no u32")
        if (field.type === "bool" && value > 1n) fail(where, "is no bool")
        const signed = BigInt.asIntN(64, value)
        if (!varints.has(field.type) && BigInt.asIntN(32, signed) !== signed) fail(where, "is no i32")
        break
      }
      case 1: {
        const value = bytes.subarray(at, (at += 8))
        if (value.length < 8) fail(where, "is cut")
        if (noDefault && value.every((byte) => byte === 0)) fail(where, "is a default")
        break
      }
      default: {
        const length = Number(varint(where))
        const value = bytes.subarray(at, (at += length))
        if (value.length !== length) fail(where, "is cut")
        if (isMap) check(`${where} entry`, value, entryFields(field.type))
        else if (field.type in messages) check(field.type, value, fieldsOf(field.type))
        else {
          if (noDefault && length === 0) fail(where, "is a default")
          if (field.type === "string") utf8.decode(value)
        }
      }
    }
  }
}
