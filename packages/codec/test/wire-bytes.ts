/**
 * Protobuf written by hand, with nothing of the codec: what the tests compare against.
 */

type Part = Uint8Array | ReadonlyArray<number>

export const concat = (...parts: ReadonlyArray<Part>): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))

/** A varint; a negative number is written in 64 bits. */
export const varint = (value: bigint | number): ReadonlyArray<number> => {
  const bytes: Array<number> = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return bytes
}

/** `length` bytes of varint for a number that needs fewer. */
export const overlong = (value: number, length: number): ReadonlyArray<number> =>
  Array.from({ length }, (_, index) => {
    const bits = index < 5 ? Math.floor(value / 2 ** (7 * index)) & 0x7f : 0
    return index === length - 1 ? bits : bits | 0x80
  })

export const tag = (number: number, wireType: number): ReadonlyArray<number> => varint(number * 8 + wireType)

export const int = (number: number, value: bigint | number): Uint8Array => concat(tag(number, 0), varint(value))

export const fixed64 = (number: number, value: bigint): Uint8Array => {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value, true)
  return concat(tag(number, 1), bytes)
}

export const fixed32 = (number: number, value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return concat(tag(number, 5), bytes)
}

/** A length-delimited field: text, or the parts of bytes or of a message. */
export const delimited = (number: number, ...parts: ReadonlyArray<Part | string>): Uint8Array => {
  const content = concat(...parts.map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : part)))
  return concat(tag(number, 2), varint(content.length), content)
}

export const group = (number: number, ...parts: ReadonlyArray<Part>): Uint8Array =>
  concat(tag(number, 3), ...parts, tag(number, 4))
