/**
 * What the tests of byte maps have in common: the rules that any map must keep, and inputs that are almost right.
 */
import { assert } from "@effect/vitest"
import { type ByteField, type ByteMap, leaves } from "../src/explain.ts"
import { hex } from "./frame-vectors.ts"

/** Each byte is in one leaf, leaves come in order, and the parts of a field fill it. */
export const assertTiles = (map: ByteMap): void => {
  let at = 0
  for (const leaf of leaves(map)) {
    if (leaf.offset !== at) assert.fail(`${hex(map.bytes)}: ${leaf.name} at ${leaf.offset}, not at ${at}`)
    at += leaf.length
  }
  if (at !== map.bytes.length) assert.fail(`${hex(map.bytes)}: the leaves end at ${at}`)
  const check = (field: ByteField): void => {
    const own = map.bytes.subarray(field.offset, field.offset + field.length)
    // The same memory: a map copies nothing.
    if (field.bytes.byteOffset !== own.byteOffset || field.bytes.length !== field.length) {
      assert.fail(`${hex(map.bytes)}: ${field.name} has other bytes`)
    }
    if (field.fields.length === 0) return
    const [first] = field.fields
    const last = field.fields.at(-1)!
    if (first!.offset !== field.offset || last.offset + last.length !== field.offset + field.length) {
      assert.fail(`${hex(map.bytes)}: ${field.name} is not filled`)
    }
    for (const part of field.fields) check(part)
  }
  for (const field of map.fields) check(field)
}

/** All fields, those inside others behind them. */
export const everyField = (map: Pick<ByteMap, "fields">): ReadonlyArray<ByteField> =>
  map.fields.flatMap((field) => [field, ...everyField(field)])

export const fieldNamed = (map: Pick<ByteMap, "fields">, name: string): ByteField =>
  everyField(map).find((field) => field.name === name) ?? assert.fail(`no field ${name}`)

/** Random numbers below `limit`, the same ones for the same seed. */
export const numbers = (seed: number): ((limit: number) => number) => {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}

/** Variants of an input: its beginnings, and as many again with bytes changed, put in or taken out. */
export const damaged = (input: Uint8Array, seed: number): ReadonlyArray<Uint8Array> => {
  const below = numbers(seed)
  const beginnings = Array.from({ length: input.length }, (_, length) => input.slice(0, length))
  const others = Array.from({ length: 2 * input.length + 8 }, () => {
    const bytes = [...input]
    for (let times = 1 + below(3); times > 0; times--) {
      const at = below(bytes.length + 1)
      const byte = below(2) === 0 ? below(256) : [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x0b, 0x0c][below(8)]!
      bytes.splice(at, below(2), ...(below(3) === 0 ? [] : [byte]))
    }
    return Uint8Array.from(bytes)
  })
  return [...beginnings, ...others]
}
