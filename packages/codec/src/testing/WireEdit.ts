/**
 * Replaces a piece of some bytes, with or without telling the messages around it that their length has changed.
 *
 * @since 0.1.0
 */
import type { WireSpan } from "./WireSpans.ts"

/** A varint as bytes, of as few as it takes; a negative number is written in 64 bits. */
export const varintOf = (value: bigint): ReadonlyArray<number> => {
  const bytes: Array<number> = []
  let rest = BigInt.asUintN(64, value)
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return [...bytes, Number(rest)]
}

/** Writes a length as a varint, and says where it ends. */
const putLength = (target: Uint8Array, at: number, length: number): number => {
  let rest = length
  let next = at
  for (; rest > 0x7f; rest >>>= 7) target[next++] = (rest & 0x7f) | 0x80
  target[next++] = rest
  return next
}

const widthOf = (length: number): number => (length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x20_0000 ? 3 : 4)

/** Copies part of `from` to `target`, and says where the copy ends. */
const put = (target: Uint8Array, at: number, from: Uint8Array, start: number, end: number): number => {
  // A copy of a few bytes is not worth a view of them.
  if (end - start < 24) for (let index = start; index < end; index++) target[at + index - start] = from[index]!
  else target.set(from.subarray(start, end), at)
  return at + end - start
}

/** Bytes with their fields. */
export interface Fielded {
  readonly bytes: Uint8Array
  readonly spans: ReadonlyArray<WireSpan>
}

/**
 * Writes `bytes` to `target` with `inserted` in place of those between two places, and says how many were written.
 *
 * `parent` is the innermost field around the piece: its length and those of the fields around it are made to fit. With
 * -1 they are left as they were, wrong. The target has room for what is written.
 */
export const replace = (
  target: Uint8Array,
  { bytes, spans }: Fielded,
  start: number,
  end: number,
  inserted: ArrayLike<number>,
  parent: number
): number => {
  const around: Array<WireSpan> = []
  const lengths: Array<number> = []
  let growth = inserted.length - (end - start)
  for (let position = parent; position >= 0;) {
    const span = spans[position]!
    const length = span.end - span.valueAt + growth
    around.push(span)
    lengths.push(length)
    growth += widthOf(length) - (span.valueAt - span.lengthAt)
    position = span.parent
  }
  let from = 0
  let at = 0
  for (let index = around.length - 1; index >= 0; index--) {
    const span = around[index]!
    at = put(target, at, bytes, from, span.lengthAt)
    at = putLength(target, at, lengths[index]!)
    from = span.valueAt
  }
  at = put(target, at, bytes, from, start)
  target.set(inserted, at)
  return put(target, at + inserted.length, bytes, end, bytes.length)
}
