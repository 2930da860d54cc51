/**
 * Steps through protobuf without knowing the message: tags, lengths, varints, and what an unknown field spans.
 *
 * Reads what the decoder reads and refuses what it refuses, but says how far it got instead of throwing. It is written
 * apart from the decoder on purpose: the two are held against each other in the tests.
 *
 * @since 0.1.0
 */

/** What stands at a place, and where the next thing begins; or why there is nothing. */
export type Step<A> =
  | { readonly ok: true; readonly value: A; readonly next: number }
  | { readonly ok: false; readonly why: string }

const failed = (why: string): Step<never> => ({ ok: false, why })

/** The bits of a varint of at most 10 bytes, of which a reader takes as many as its type has. */
export const varint = (bytes: Uint8Array, at: number, end: number): Step<bigint> => {
  let value = 0n
  for (let count = 0; count < 10; count++) {
    if (at + count >= end) return failed("The input, or the message this is a part of, ends inside a number")
    const byte = bytes[at + count]!
    value |= BigInt(byte & 0x7f) << BigInt(7 * count)
    if (byte < 0x80) return { ok: true, value, next: at + count + 1 }
  }
  return failed("A number of more than 10 bytes")
}

/** A varint that has no more bits than `limit`, in at most 5 bytes: a tag or a length. */
const short = (bytes: Uint8Array, at: number, end: number, limit: bigint, what: string): Step<number> => {
  const step = varint(bytes, at, Math.min(end, at + 5))
  if (!step.ok) return end - at < 5 ? step : failed(`A ${what} of more than 5 bytes`)
  return step.value > limit
    ? failed(`A ${what} that is too large`)
    : { ok: true, value: Number(step.value), next: step.next }
}

/** A tag: the number of a field and its wire type. */
export const tag = (bytes: Uint8Array, at: number, end: number): Step<number> => {
  const step = short(bytes, at, end, 0xffff_ffffn, "tag")
  if (!step.ok) return step
  if (step.value >>> 3 === 0) return failed("A tag of field 0, which does not exist")
  const wireType = step.value & 7
  if (wireType === 4) return failed("The end of a group that did not begin")
  return wireType > 5 ? failed(`A tag of wire type ${wireType}, which does not exist`) : step
}

/** The length of what follows. */
export const length = (bytes: Uint8Array, at: number, end: number): Step<number> =>
  short(bytes, at, end, 0x7fff_ffffn, "length")

/** Groups within groups, as deep as the decoder goes. */
const deepest = 100

/** The end of a group whose tag has been read, end tag included. */
const group = (bytes: Uint8Array, at: number, end: number, number: number): Step<undefined> => {
  const open = [number]
  let next = at
  while (open.length > 0) {
    const step = short(bytes, next, end, 0xffff_ffffn, "tag")
    if (!step.ok) return step
    next = step.next
    const field = step.value >>> 3
    if (field === 0) return failed("A tag of field 0, which does not exist")
    const wireType = step.value & 7
    if (wireType === 4) {
      if (field !== open.pop()) return failed("The end of another group than the one that began")
    } else if (wireType === 3) {
      open.push(field)
      if (open.length > deepest + 1) return failed(`Groups in groups, deeper than ${deepest}`)
    } else {
      const skipped = span(bytes, next, end, wireType, field)
      if (!skipped.ok) return skipped
      if (open.length > deepest) return failed(`Groups in groups, deeper than ${deepest}`)
      next = skipped.next
    }
  }
  return { ok: true, value: undefined, next }
}

/** So many bytes. */
export const take = (bytes: Uint8Array, at: number, end: number, length: number): Step<Uint8Array> =>
  length > end - at
    ? failed(`The input, or the message this is a part of, ends ${length - (end - at)} bytes too soon`)
    : { ok: true, value: bytes.subarray(at, at + length), next: at + length }

/** What a field spans behind its tag, whatever it is. */
export const span = (
  bytes: Uint8Array,
  at: number,
  end: number,
  wireType: number,
  number: number
): Step<bigint | Uint8Array | undefined> => {
  switch (wireType) {
    case 0:
      return varint(bytes, at, end)
    case 1:
      return take(bytes, at, end, 8)
    case 2: {
      const size = length(bytes, at, end)
      return size.ok ? take(bytes, size.next, end, size.value) : size
    }
    case 3:
      return group(bytes, at, end, number)
    case 5:
      return take(bytes, at, end, 4)
    default:
      return failed(`A tag of wire type ${wireType}, which does not exist`)
  }
}
