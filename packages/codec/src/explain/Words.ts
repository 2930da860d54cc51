/**
 * What a field says, in words: one line of text, safe to print, whatever the bytes are.
 *
 * @since 0.1.0
 */
import { DateTime, Option } from "effect"
import { nameOf } from "../Protobuf.ts"
import type { ByteField, Value } from "./ByteMap.ts"
import { wireTypeName } from "./MessageMap.ts"

/** Characters that a terminal would act on, or that hide or reorder what is around them. */
const unsafe = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu

const escaped = (character: string): string => `\\u{${character.codePointAt(0)!.toString(16)}}`

/**
 * Text in quotes, on one line, with everything escaped that a terminal would act on.
 *
 * @category getters
 * @since 0.1.0
 */
export const quoted = (text: string): string =>
  `"${text.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\t", "\\t").replace(unsafe, escaped)}"`

const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, "0")}`

const bitsOf = (value: number, bits: Readonly<Record<string, number>>): string => {
  const names = Object.keys(bits).filter((name) => (value & bits[name]!) !== 0)
  const unknown = Object.values(bits).reduce((rest, mask) => rest & ~mask, value)
  const all = unknown === 0 ? names : [...names, `unknown bits ${hex(unknown, 4)}`]
  return all.length === 0 ? hex(value, 4) : `${hex(value, 4)} (${all.join(", ")})`
}

const timeOf = (value: bigint): string => {
  if (value === 0n || value > 8_640_000_000_000_000n) return String(value)
  return Option.match(DateTime.make(Number(value)), {
    onNone: () => String(value),
    onSome: (time) => `${value} (${DateTime.formatIso(time)})`
  })
}

const byteCount = (length: number): string => (length === 1 ? "1 byte" : length === 0 ? "empty" : `${length} bytes`)

const isText = (value: Value): value is string => typeof value === "string"

/**
 * What a field says, on one line; empty for one that only holds others and for what cannot be read.
 *
 * Enums and flags are given with their names, times as dates, texts in quotes, bytes by their number.
 *
 * @category getters
 * @since 0.1.0
 */
export const words = (field: ByteField): string => {
  const { bits, role, unit, value, values } = field
  if (value === undefined) return ""
  if (isText(value)) return quoted(value)
  if (typeof value === "boolean") return String(value)
  if (value instanceof Uint8Array) return byteCount(value.length)
  if (typeof value === "bigint") return unit === "ms" ? timeOf(value) : String(value)
  if (role === "tag") return `field ${value >>> 3}, ${wireTypeName(value & 7)}`
  if (role === "type") return `${hex(value, 2)} (${(values && nameOf(values, value)) ?? "nobody defines it"})`
  if (bits !== undefined) return bitsOf(value, bits)
  return values === undefined ? String(value) : `${value} (${nameOf(values, value) ?? "a number without a name"})`
}
