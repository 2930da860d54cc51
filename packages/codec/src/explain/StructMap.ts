/**
 * The byte map of a packed struct, from its layout.
 *
 * Goes as far as the bytes allow: a field that is cut off, and an envelope whose place is not known, are unread leaves.
 *
 * @since 0.1.0
 */
import { containerHeaderLength } from "../Struct.ts"
import { boxFields, boxNote, fieldOf } from "./BoxMap.ts"
import type { ByteField, Value } from "./ByteMap.ts"
import type { LayoutRow } from "./Layout.ts"
import { type ExplainOptions, plaintextMap } from "./MessageMap.ts"

const valueOf = (type: string, bytes: Uint8Array): Value => {
  if (type === "bytes") return bytes
  const number = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return type === "u64" ? number : Number(number)
}

const fixedField = (row: LayoutRow, bytes: Uint8Array, end: number): ByteField => {
  const { at, length: _, ...field } = row
  return fieldOf(bytes, at, end, { ...field, value: valueOf(row.type, bytes.subarray(at, end)) })
}

/** What is left of a field that the input cuts off. */
const cutField = ({ at, length, meaning, name, type }: LayoutRow, bytes: Uint8Array): ByteField =>
  fieldOf(bytes, at, bytes.length, {
    role: "unread",
    name,
    type,
    meaning,
    note: `The frame ends ${at + length! - bytes.length} bytes too soon`
  })

const unreadFrom = (at: number, bytes: Uint8Array, note: string): ReadonlyArray<ByteField> =>
  at < bytes.length
    ? [
        fieldOf(bytes, at, bytes.length, {
          role: "unread",
          name: "unread",
          type: "bytes",
          meaning: "Bytes that nothing can be made of",
          note
        })
      ]
    : []

const restField = (row: LayoutRow, bytes: Uint8Array, start: number, { open }: ExplainOptions): ByteField => {
  const { at: _, box, length: _length, ...field } = row
  const value = bytes.subarray(start)
  if (box === undefined) return fieldOf(bytes, start, bytes.length, { ...field, value })
  const fields = boxFields(bytes, start, bytes.length, box, open, plaintextMap)
  return fieldOf(bytes, start, bytes.length, { ...field, box, value, ...boxNote(value.length), fields })
}

/** The fields of the whole input, which must have the container header, by the rows of its frame. */
export const structFields = (
  rows: ReadonlyArray<LayoutRow>,
  bytes: Uint8Array,
  options: ExplainOptions
): ReadonlyArray<ByteField> => {
  const fixed = rows.filter((row) => row.length !== undefined)
  const rest = rows.find((row) => row.length === undefined)
  const fields: Array<ByteField> = []
  for (const row of fixed) {
    const end = row.at + row.length!
    if (end > bytes.length) return row.at < bytes.length ? [...fields, cutField(row, bytes)] : fields
    fields.push(fixedField(row, bytes, end))
  }
  const headerEnd = Math.max(...fixed.map((row) => row.at + row.length!))
  if (rest === undefined) {
    if (headerEnd === bytes.length) return fields
    const trailing = fieldOf(bytes, headerEnd, bytes.length, {
      role: "trailing",
      name: "trailing",
      type: "bytes",
      value: bytes.subarray(headerEnd),
      meaning: "Bytes behind the last field: ignored"
    })
    return [...fields, trailing]
  }
  const at = fields.findIndex(({ role }) => role === "header-length")
  if (at === -1) return [...fields, restField(rest, bytes, headerEnd, options)]
  const lengthField = fields[at]!
  const start = containerHeaderLength + Number(lengthField.value)
  if (start < headerEnd || start > bytes.length) {
    const note =
      start < headerEnd
        ? `Must be at least ${headerEnd - containerHeaderLength}`
        : `The frame has only ${bytes.length - containerHeaderLength} bytes behind its container header`
    fields[at] = { ...lengthField, note }
    return [...fields, ...unreadFrom(headerEnd, bytes, `Nobody knows where ${rest.name} begins`)]
  }
  if (start > headerEnd) {
    fields.push(
      fieldOf(bytes, headerEnd, start, {
        role: "surplus",
        name: "surplus",
        type: "bytes",
        value: bytes.subarray(headerEnd, start),
        meaning: "Header bytes that this version does not know: skipped"
      })
    )
  }
  return [...fields, restField(rest, bytes, start, options)]
}
