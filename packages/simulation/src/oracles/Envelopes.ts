/**
 * How oracles tell one sealed envelope from another without opening it.
 *
 * Owns two numbers: one for the nonce, which is drawn once and never again, and one for what is in the box.
 *
 * @since 0.1.0
 */

/** 53 bits of the nonce: in a run of a million messages two share them with a chance of one in eighteen thousand. */
export const nonceOf = (envelope: Uint8Array): number =>
  (envelope[0]! | (envelope[1]! << 8) | (envelope[2]! << 16)) * 0x2000_0000 +
  ((envelope[3]! | (envelope[4]! << 8) | (envelope[5]! << 16) | ((envelope[6]! & 0x1f) << 24)) >>> 0)

/** Bytes that are looked at in a long envelope: its tag, its end, and some on the way. */
const samples = 96

/** A number for the bytes of an envelope; every altered length, and nearly every altered byte order, changes it. */
export const printOf = (envelope: Uint8Array): number => {
  const { length } = envelope
  const stride = Math.max(1, Math.floor(length / samples))
  let hash = length
  for (let at = length - 1; at >= 0; at -= stride) hash = Math.imul(hash ^ envelope[at]!, 0x01000193)
  return hash
}

/** Whether two short byte strings are the same. */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}
