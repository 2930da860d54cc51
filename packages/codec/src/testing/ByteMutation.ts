/**
 * Changes of bytes that know nothing of what the bytes mean.
 *
 * @since 0.1.0
 */

/**
 * Decides everything a mutation leaves open: a whole number from 0 up to, and without, `below`. One that always says 0
 * changes nothing.
 *
 * @category models
 * @since 0.1.0
 */
export type Draw = (below: number) => number

/** Bytes that are a border of something: of a varint, of UTF-8, of a sign. */
const edges = [0x00, 0x01, 0x07, 0x08, 0x7f, 0x80, 0xc0, 0xed, 0xf5, 0xff]

/** The longest run that is inserted, removed or repeated. */
const longestRun = 32

/**
 * Changes the first `length` bytes of `target` in place, and says how many they are then. `target` has room for 32
 * more; `other` is what they may be crossed with.
 */
export const mutateBytes = (target: Uint8Array, length: number, other: Uint8Array, draw: Draw): number => {
  const kind = draw(10)
  if (length === 0) {
    target[0] = draw(0x100)
    return 1
  }
  const at = draw(length)
  const run = Math.min(1 + draw(longestRun), length - at)
  switch (kind) {
    case 0:
      return at
    case 1:
      target[at]! ^= 1 << draw(8)
      return length
    case 2:
      target[at] = edges[draw(edges.length)]!
      return length
    case 3:
      target[at] = draw(0x100)
      return length
    case 4:
      target[at]! += draw(2) === 0 ? 1 : 0xff
      return length
    case 5:
      target.copyWithin(at, at + run, length)
      return length - run
    case 6:
      target.copyWithin(at + run, at, length)
      return length + run
    case 7: {
      const count = 1 + draw(longestRun)
      for (let index = 0; index < count; index++) target[length + index] = draw(0x100)
      return length + count
    }
    case 8: {
      const value = edges[draw(edges.length)]!
      target.fill(value, at, at + run)
      return length
    }
    default: {
      // The front of one and the back of another.
      const rest = other.length === 0 ? 0 : 1 + draw(Math.min(other.length, target.length - at))
      target.set(other.subarray(other.length - rest), at)
      return at + rest
    }
  }
}
