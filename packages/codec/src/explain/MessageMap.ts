/**
 * The byte map of a protobuf message, from its declaration.
 *
 * Goes as far as the bytes allow: what cannot be read is a leaf of its own, and a message that holds it goes on behind
 * it. What the error is, the decoder says.
 *
 * @since 0.1.0
 */
import { Result } from "effect"
import { type Element, messageInfo, type MessageSchema } from "../Protobuf.ts"
import { decodeMessage } from "../ProtobufCodec.ts"
import { emptyOf, tagOf } from "../ProtobufElement.ts"
import { textAt } from "../Utf8.ts"
import { boxFields, boxNote, fieldOf, type Opener } from "./BoxMap.ts"
import type { ByteField, ByteMap, Value } from "./ByteMap.ts"
import * as Cursor from "./Cursor.ts"
import { messages } from "./Declarations.ts"
import { type MessageRow, messageRows, typeOf } from "./Layout.ts"

/**
 * How to explain an input.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExplainOptions {
  /** Opens boxes; see `openWith`. Without it they stay closed. */
  readonly open?: Opener
}

const wireTypeNames = ["varint", "64-bit", "length-delimited", "group", "end of group", "32-bit"]

/** How a wire type is called. */
export const wireTypeName = (wireType: number): string => wireTypeNames[wireType] ?? String(wireType)

/** The fields that a walk knows, by number, and how errors and notes call what is being walked through. */
interface Known {
  readonly name: string
  readonly rows: ReadonlyMap<number, MessageRow>
}

const knownMessages = new WeakMap<object, Known>()

const knownOf = (schema: MessageSchema): Known => {
  let known = knownMessages.get(schema.ast)
  if (known === undefined) {
    const rows = new Map(messageRows(schema).map((row) => [row.number, row]))
    known = { name: messageInfo(schema).name, rows }
    knownMessages.set(schema.ast, known)
  }
  return known
}

const entryRow = (number: number, name: string, element: Element, meaning: string): MessageRow => ({
  name,
  number,
  tag: tagOf(number, element),
  label: "implicit",
  element,
  meaning
})

/** An entry of a map is a message of two fields. */
const entryOf = ({ element, key, meaning, name }: MessageRow, within: Known): Known => ({
  name: `${within.name}.${name}`,
  rows: new Map([
    [1, entryRow(1, "key", key!, "Key of this entry")],
    [2, entryRow(2, "value", element, meaning)]
  ])
})

/** What a number's bytes say, by the declared type. */
const numberOf = (element: Element, raw: bigint | Uint8Array): Value => {
  if (typeof raw !== "bigint") return raw.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  switch (element.type) {
    case "uint64":
      return BigInt.asUintN(64, raw)
    case "bool":
      return BigInt.asUintN(64, raw) !== 0n
    case "enum":
      return Number(BigInt.asIntN(32, raw))
    default:
      return Number(BigInt.asUintN(32, raw))
  }
}

const decorationOf = (element: Element): Partial<ByteField> => {
  if (element.type === "enum") return { values: element.values }
  if (element.type === "uint64" && element.unit !== undefined) return { unit: element.unit }
  return element.type === "bytes" && element.box !== undefined ? { box: element.box } : {}
}

const unread = (bytes: Uint8Array, at: number, end: number, note: string): ByteField =>
  fieldOf(bytes, at, end, {
    role: "unread",
    name: "unread",
    type: "bytes",
    meaning: "Bytes that nothing can be made of",
    note
  })

const tagField = (bytes: Uint8Array, at: number, next: number, tag: number): ByteField =>
  fieldOf(bytes, at, next, {
    role: "tag",
    name: "tag",
    type: "varint",
    value: tag,
    meaning: `Field ${tag >>> 3} follows, written as ${wireTypeName(tag & 7)}`
  })

const lengthField = (bytes: Uint8Array, at: number, next: number, length: number): ByteField =>
  fieldOf(bytes, at, next, {
    role: "length",
    name: "length",
    type: "varint",
    value: length,
    meaning: "Number of bytes that follow in this field"
  })

/** Of fields that only one of can count, all but the last. */
const withNotes = (fields: ReadonlyArray<ByteField>, { rows }: Known): ReadonlyArray<ByteField> => {
  const seen = new Map<string, string>()
  return fields
    .toReversed()
    .map((field) => {
      const row = [...rows.values()].find(({ name }) => name === field.name)
      if (row === undefined || row.label === "repeated" || (field.role !== "field" && field.role !== "entry"))
        return field
      const key = field.fields.findLast(({ name, role }) => role === "field" && name === "key")?.value
      const owner =
        row.label === "map" ? `${row.name} ${String(key ?? emptyOf(row.key!))}` : (row.oneof?.name ?? row.name)
      const later = seen.get(owner)
      seen.set(owner, field.name)
      if (later === undefined) return field
      if (row.label === "map") return { ...field, note: "A later entry of the same key replaces it" }
      return row.element.type === "message" && later === field.name
        ? { ...field, note: "A later field of the same number is merged into it" }
        : { ...field, note: later === field.name ? "A later one replaces it" : `A later ${later} replaces it` }
    })
    .toReversed()
}

/** The fields at `bytes[start…end]`, of which there may be none. */
const walk = (
  known: Known,
  bytes: Uint8Array,
  start: number,
  end: number,
  options: ExplainOptions
): ReadonlyArray<ByteField> => {
  const fields: Array<ByteField> = []
  let at = start
  while (at < end) {
    const tag = Cursor.tag(bytes, at, end)
    if (!tag.ok) {
      fields.push(unread(bytes, at, end, tag.why))
      break
    }
    const row = known.rows.get(tag.value >>> 3)
    const field =
      row !== undefined && tag.value === row.tag
        ? knownField(known, row, bytes, at, tag, end, options)
        : unknownField(known, row, bytes, at, tag, end)
    fields.push(field)
    at = field.offset + field.length
  }
  return withNotes(fields, known)
}

const wireTypeOf = ({ tag }: MessageRow): number => tag & 7

type Tag = Cursor.Step<number> & { readonly ok: true }

const knownField = (
  known: Known,
  row: MessageRow,
  bytes: Uint8Array,
  at: number,
  tag: Tag,
  end: number,
  options: ExplainOptions
): ByteField => {
  const { element, meaning, name, oneof } = row
  const isEntry = row.label === "map"
  const type = isEntry ? `map<${typeOf(row.key!)}, ${typeOf(element)}>` : typeOf(element)
  const parts: Array<ByteField> = [tagField(bytes, at, tag.next, tag.value)]
  const made = (next: number, rest: Partial<ByteField> = {}): ByteField =>
    fieldOf(bytes, at, next, {
      role: isEntry ? "entry" : "field",
      name,
      type,
      meaning,
      ...(oneof === undefined ? {} : { oneof: oneof.name }),
      ...rest,
      fields: parts
    })
  const part = (from: number, to: number, rest: Partial<ByteField>): void => {
    parts.push(fieldOf(bytes, from, to, { role: "value", name: "value", type, meaning, ...rest }))
  }
  const broken = (from: number, why: string): ByteField => {
    if (from < end) parts.push(unread(bytes, from, end, why))
    return made(end, { note: why })
  }

  if (wireTypeOf(row) !== 2) {
    const raw = Cursor.span(bytes, tag.next, end, tag.value & 7, row.number)
    if (!raw.ok) return broken(tag.next, raw.why)
    const decoration = { value: numberOf(element, raw.value!), ...decorationOf(element) }
    part(tag.next, raw.next, decoration)
    return made(raw.next, decoration)
  }

  const length = Cursor.length(bytes, tag.next, end)
  if (!length.ok) return broken(tag.next, length.why)
  parts.push(lengthField(bytes, tag.next, length.next, length.value))
  const from = length.next
  const taken = Cursor.take(bytes, from, end, length.value)
  if (!taken.ok) return broken(from, taken.why)
  const to = taken.next
  if (isEntry) {
    parts.push(...walk(entryOf(row, known), bytes, from, to, options))
    return made(to)
  }
  switch (element.type) {
    case "message":
      part(from, to, { fields: walk(knownOf(element.schema), bytes, from, to, options) })
      return made(to)
    case "string": {
      const value = textAt(bytes, from, to)
      const decoration = value === undefined ? { note: "Not UTF-8" } : { value }
      part(from, to, decoration)
      return made(to, decoration)
    }
    default: {
      const wanted = element.type === "bytes" ? element.length : undefined
      const box = element.type === "bytes" ? element.box : undefined
      const decoration = {
        value: taken.value,
        ...decorationOf(element),
        ...(box === undefined ? {} : boxNote(length.value)),
        ...(wanted === undefined || wanted === length.value ? {} : { note: `Must be ${wanted} bytes long` })
      }
      const inside = box === undefined ? [] : boxFields(bytes, from, to, box, options.open, plaintextMap)
      part(from, to, { ...decoration, fields: inside })
      return made(to, decoration)
    }
  }
}

const unknownField = (
  { name }: Known,
  row: MessageRow | undefined,
  bytes: Uint8Array,
  at: number,
  tag: Tag,
  end: number
): ByteField => {
  const wireType = tag.value & 7
  const number = tag.value >>> 3
  const parts: Array<ByteField> = [tagField(bytes, at, tag.next, tag.value)]
  const made = (next: number, rest: Partial<ByteField> = {}): ByteField =>
    fieldOf(bytes, at, next, {
      role: "unknown",
      name: row === undefined ? `field ${number}` : row.name,
      type: wireTypeName(wireType),
      meaning:
        row === undefined
          ? `Not a field of ${name}: skipped`
          : `Field ${number} of ${name}, but not written as ${wireTypeName(wireTypeOf(row))}: skipped`,
      ...rest,
      fields: parts
    })
  const span = Cursor.span(bytes, tag.next, end, wireType, number)
  if (!span.ok) {
    if (tag.next < end) parts.push(unread(bytes, tag.next, end, span.why))
    return made(end, { note: span.why })
  }
  let from = tag.next
  const length = wireType === 2 ? Cursor.length(bytes, from, end) : undefined
  if (length?.ok === true) {
    parts.push(lengthField(bytes, from, length.next, length.value))
    from = length.next
  }
  const value = typeof span.value === "bigint" ? BigInt.asUintN(64, span.value) : bytes.subarray(from, span.next)
  parts.push(
    fieldOf(bytes, from, span.next, {
      role: "value",
      name: "value",
      type: wireTypeName(wireType),
      value,
      meaning: wireType === 3 ? "The fields of the group, and the tag that ends it" : "The value, which nobody keeps"
    })
  )
  return made(span.next, { value })
}

/** The fields of a message that runs from `start` to the end of `bytes`. */
export const messageFields = (
  schema: MessageSchema,
  bytes: Uint8Array,
  start: number,
  options: ExplainOptions
): ReadonlyArray<ByteField> => walk(knownOf(schema), bytes, start, bytes.length, options)

/**
 * Explains a protobuf message: what each byte of `bytes` is.
 *
 * @category explaining
 * @since 0.1.0
 */
export const explainMessage = (schema: MessageSchema, bytes: Uint8Array, options: ExplainOptions = {}): ByteMap => {
  const { meaning, name } = messageInfo(schema)
  const decoded = decodeMessage(schema, bytes)
  return {
    name,
    meaning,
    bytes,
    fields: messageFields(schema, bytes, 0, options),
    ...(Result.isFailure(decoded) ? { error: decoded.failure } : {})
  }
}

/** The plaintext of a box: a message, or bytes that are none. */
export const plaintextMap = ({ holds }: { readonly holds: string }, bytes: Uint8Array): ByteMap => {
  const schema = messages.get(holds)
  if (schema !== undefined) return explainMessage(schema, bytes)
  const meaning = `The ${holds}`
  const payload = fieldOf(bytes, 0, bytes.length, {
    role: "payload",
    name: holds,
    type: "bytes",
    value: bytes,
    meaning
  })
  return { name: holds, meaning, bytes, fields: [payload] }
}
