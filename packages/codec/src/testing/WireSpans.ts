/**
 * Where the protobuf fields of some bytes lie, without knowing what they mean.
 *
 * Owns the guess that a length-delimited field which reads as fields to its end is a message. Its users want places
 * worth breaking, not meanings: the byte map of a frame is another thing.
 *
 * @since 0.1.0
 */

/**
 * One field on the wire: its tag at `at`, for a length-delimited field the length at `lengthAt`, and its value from
 * `valueAt` to `end`. `parent` is the position of the enclosing field in the list, or -1.
 *
 * @category models
 * @since 0.1.0
 */
export interface WireSpan {
  readonly at: number
  /** Behind the tag: where the value begins, or the length of a length-delimited one. */
  readonly lengthAt: number
  readonly valueAt: number
  readonly end: number
  readonly number: number
  readonly wireType: 0 | 1 | 2 | 5
  readonly parent: number
}

/** A varint of up to 5 bytes is read; a longer one is none that these bytes are cut up by. */
const longestVarint = 5

interface Cursor {
  at: number
}

const varint = (bytes: Uint8Array, cursor: Cursor, end: number): number => {
  let value = 0
  for (let count = 0; count < longestVarint && cursor.at < end; count++) {
    const byte = bytes[cursor.at++]!
    value += (byte & 0x7f) * 2 ** (7 * count)
    if (byte < 0x80) return value
  }
  return -1
}

const skipVarint = (bytes: Uint8Array, cursor: Cursor, end: number): boolean => {
  for (let count = 0; count < 10 && cursor.at < end; count++) {
    if (bytes[cursor.at++]! < 0x80) return true
  }
  return false
}

const deepest = 16

/** Adds the fields between two places to `spans`; takes all of them back when the bytes are not fields to their end. */
const collect = (
  bytes: Uint8Array,
  start: number,
  end: number,
  parent: number,
  depth: number,
  spans: Array<WireSpan>
): boolean => {
  const before = spans.length
  const cursor: Cursor = { at: start }
  while (cursor.at < end) {
    const { at } = cursor
    const tag = varint(bytes, cursor, end)
    const wireType = tag % 8
    const number = Math.floor(tag / 8)
    const lengthAt = cursor.at
    let valueAt = lengthAt
    let next = -1
    if (number > 0) {
      if (wireType === 0) next = skipVarint(bytes, cursor, end) ? cursor.at : -1
      else if (wireType === 1) next = lengthAt + 8
      else if (wireType === 5) next = lengthAt + 4
      else if (wireType === 2) {
        const length = varint(bytes, cursor, end)
        valueAt = cursor.at
        next = length < 0 ? -1 : valueAt + length
      }
    }
    if (next < 0 || next > end) {
      spans.length = before
      return false
    }
    const position = spans.push({ at, lengthAt, valueAt, end: next, number, wireType: wireType as 0, parent }) - 1
    if (wireType === 2 && depth < deepest && next > valueAt) {
      collect(bytes, valueAt, next, position, depth + 1, spans)
    }
    cursor.at = next
  }
  return true
}

/**
 * The fields from `start` on, each before those inside it; none when the bytes are not fields to their end.
 *
 * @category getters
 * @since 0.1.0
 */
export const wireSpans = (bytes: Uint8Array, start: number): ReadonlyArray<WireSpan> => {
  const spans: Array<WireSpan> = []
  collect(bytes, start, bytes.length, -1, 0, spans)
  return spans
}
