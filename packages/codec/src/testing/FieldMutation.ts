/**
 * Changes of protobuf fields: their order, number, wire type, length and value.
 *
 * Owns what a decoder has to be suspicious of. Half of the changes leave the lengths around them right, so that the
 * decoder gets as deep as the change.
 *
 * @since 0.1.0
 */
import type { Draw } from "./ByteMutation.ts"
import { type Fielded, replace, varintOf } from "./WireEdit.ts"
import type { WireSpan } from "./WireSpans.ts"

/** `length` bytes of varint for a number that needs fewer. */
const overlong = (value: number, length: number): ReadonlyArray<number> =>
  Array.from({ length }, (_, index) => ((value >>> (7 * index)) & 0x7f) | (index < length - 1 ? 0x80 : 0))

const edgeVarints: ReadonlyArray<ReadonlyArray<number>> = [
  ...[0n, 1n, 0x7fn, 0x80n, 0x3fffn, 0x4000n, 1n << 28n, (1n << 31n) - 1n, 1n << 31n, (1n << 32n) - 1n].map(varintOf),
  ...[1n << 32n, (1n << 35n) + 5n, (1n << 53n) + 1n, 1n << 63n, -1n, -3n].map(varintOf),
  ...[2, 5, 9, 10, 11].map((length) => overlong(5, length)),
  // Bits beyond the 64th, and a varint that does not end.
  [...Array.from({ length: 9 }, () => 0xff), 0x7f],
  Array.from({ length: 12 }, () => 0xff)
]

const hugeLengths = [0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0000n, 1n << 63n, -1n].map(varintOf)

const edgeNumbers = [0, 1, 2, 3, 4, 7, 13, 15, 16, 99, 2047, 2048, 19_000, 2 ** 28, 2 ** 29 - 1]

const tagOf = (number: number, wireType: number): ReadonlyArray<number> =>
  varintOf(BigInt(number) * 8n + BigInt(wireType))

/** Not UTF-8: a lone continuation, an overlong form, half a surrogate pair, more than U+10FFFF, a cut character. */
const notText = [[0x80], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff], [0xe2, 0x82]]

const group = (number: number, depth: number): ReadonlyArray<number> => {
  const start = tagOf(number, 3)
  const end = tagOf(number, 4)
  return [...Array.from({ length: depth }, () => start).flat(), ...Array.from({ length: depth }, () => end).flat()]
}

/** Fields that nobody declared, and things that are no fields. */
const strangers: ReadonlyArray<ReadonlyArray<number>> = [
  [...tagOf(99, 0), 0],
  [...tagOf(99, 0), ...overlong(1, 10)],
  [...tagOf(99, 0), ...overlong(1, 11)],
  [...tagOf(99, 1), 1, 2, 3, 4, 5, 6, 7, 8],
  [...tagOf(99, 2), 0],
  [...tagOf(99, 2), 3, 0xff, 0xff, 0xff],
  [...tagOf(99, 5), 1, 2, 3, 4],
  group(99, 1),
  group(1, 1),
  group(99, 99),
  group(99, 101),
  // Deeper than any stack.
  Array.from({ length: 30_000 }, () => 0x0b),
  tagOf(99, 3),
  tagOf(99, 4),
  [...tagOf(99, 3), ...tagOf(98, 4)],
  tagOf(99, 6),
  tagOf(99, 7),
  tagOf(0, 0),
  [...overlong(8, 5), 1],
  [...overlong(8, 6), 1]
]

const pick = <A>(values: ReadonlyArray<A>, draw: Draw): A => values[draw(values.length)]!

/** What may stand in for the length of a field. */
const lengthFor = (span: WireSpan, total: number, draw: Draw): ReadonlyArray<number> => {
  const length = span.end - span.valueAt
  switch (draw(8)) {
    case 0:
      return varintOf(BigInt(Math.max(0, length - 1)))
    case 1:
      return varintOf(BigInt(length + 1))
    case 2:
      return [0]
    case 3:
      return varintOf(BigInt(total - span.valueAt + draw(3)))
    case 4:
      return overlong(length, 2 + draw(9))
    case 5:
      // The right length, were it cut to 32 bits.
      return varintOf(0x1_0000_0000n + BigInt(length))
    default:
      return pick(hugeLengths, draw)
  }
}

/**
 * Writes `fielded` to `target` with one field changed, and says how many bytes were written. `fielded` has a field;
 * `target` has room for twice as much; `other` is where fields may be taken from.
 */
export const mutateField = (target: Uint8Array, fielded: Fielded, other: Fielded, draw: Draw): number => {
  const { bytes, spans } = fielded
  const position = draw(spans.length)
  const span = spans[position]!
  const honest = draw(4) > 0
  const around = honest ? span.parent : -1
  const inside = honest ? position : -1
  switch (draw(12)) {
    case 0:
      return replace(target, fielded, span.at, span.end, [], around)
    case 1: {
      const again = pick(spans, draw)
      return replace(target, fielded, span.at, span.at, bytes.subarray(again.at, again.end), around)
    }
    case 2:
      return replace(target, fielded, span.at, span.lengthAt, tagOf(span.number, draw(8)), around)
    case 3:
      return replace(target, fielded, span.at, span.lengthAt, tagOf(pick(edgeNumbers, draw), span.wireType), around)
    case 4:
      return replace(target, fielded, span.at, span.at, pick(strangers, draw), around)
    case 5:
      return replace(target, fielded, span.end, span.end, pick(strangers, draw), around)
    case 6: {
      if (other.spans.length === 0) return replace(target, fielded, span.at, span.end, [], around)
      const foreign = pick(other.spans, draw)
      return replace(target, fielded, span.at, span.at, other.bytes.subarray(foreign.at, foreign.end), around)
    }
    case 7: {
      const order = pick(spans, draw)
      if (order.at >= span.at) return replace(target, fielded, span.at, span.end, [], around)
      // Of two fields of one message, the later comes first.
      const moved = order.parent === span.parent && honest ? span.parent : -1
      const between = bytes.subarray(order.at, span.at)
      const swapped = new Uint8Array(span.end - order.at)
      swapped.set(bytes.subarray(span.at, span.end))
      swapped.set(between, span.end - span.at)
      return replace(target, fielded, order.at, span.end, swapped, moved)
    }
    default:
      return mutateValue(target, fielded, span, around, inside, draw)
  }
}

const mutateValue = (
  target: Uint8Array,
  fielded: Fielded,
  span: WireSpan,
  around: number,
  inside: number,
  draw: Draw
): number => {
  switch (span.wireType) {
    case 0:
      return replace(target, fielded, span.valueAt, span.end, pick(edgeVarints, draw), around)
    case 1:
    case 5: {
      const missing = draw(3) === 0 ? 1 : 0
      const value = Array.from({ length: span.end - span.valueAt - missing }, () =>
        pick([0, 1, 0x7f, 0x80, 0xff], draw)
      )
      return replace(target, fielded, span.valueAt, span.end, value, around)
    }
    case 2: {
      const length = span.end - span.valueAt
      const at = span.valueAt + draw(length + 1)
      switch (draw(5)) {
        case 0:
          return replace(target, fielded, at, span.end, [], inside)
        case 1:
          return replace(target, fielded, at, at, pick(notText, draw), inside)
        case 2:
          return replace(
            target,
            fielded,
            at,
            at,
            Array.from({ length: 1 + draw(160) }, () => draw(0x100)),
            inside
          )
        default:
          return replace(
            target,
            fielded,
            span.lengthAt,
            span.valueAt,
            lengthFor(span, fielded.bytes.length, draw),
            around
          )
      }
    }
  }
}
