/**
 * Arbitraries of the values that fields hold: numbers, bytes and text, with the edges where codecs break.
 *
 * Owns which values are edges: the ends of a range, and both sides of every length at which a varint grows by a byte.
 *
 * @since 0.1.0
 */
import { Arbitrary, Schema } from "effect"
import { type OpenEnum } from "../Protobuf.ts"
import { I32, U16, U32, U64 } from "../Scalars.ts"

const index = (length: number): Arbitrary.Arbitrary<number> =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: length - 1 })))

/**
 * One of several arbitraries. A failing value shrinks towards the first of them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const choice = <A>(options: ReadonlyArray<Arbitrary.Arbitrary<A>>): Arbitrary.Arbitrary<A> =>
  options.length === 1 ? options[0]! : Arbitrary.flatMap(index(options.length), (chosen) => options[chosen]!)

/**
 * One of several values. A failing value shrinks towards the first of them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const element = <A>(values: ReadonlyArray<A>): Arbitrary.Arbitrary<A> =>
  Arbitrary.map(index(values.length), (chosen) => values[chosen]!)

/** Both sides of each power of two at which a varint takes one byte more. */
const varintEdges = (bits: number): ReadonlyArray<bigint> => {
  const edges = [0n, 1n]
  for (let width = 7n; width < BigInt(bits); width += 7n) edges.push((1n << width) - 1n, 1n << width)
  return [...edges, (1n << BigInt(bits - 1)) - 1n, 1n << BigInt(bits - 1), (1n << BigInt(bits)) - 1n]
}

const edgesOf32 = element(varintEdges(32).map(Number))

/**
 * Any u16, its ends more often than others.
 *
 * @category numbers
 * @since 0.1.0
 */
export const u16: Arbitrary.Arbitrary<number> = Arbitrary.schema(U16)

/**
 * Any u32, its ends and the borders of varints more often than others.
 *
 * @category numbers
 * @since 0.1.0
 */
export const u32: Arbitrary.Arbitrary<number> = choice([Arbitrary.schema(U32), edgesOf32])

/**
 * Any u64, its ends and the borders of varints more often than others.
 *
 * @category numbers
 * @since 0.1.0
 */
export const u64: Arbitrary.Arbitrary<bigint> = choice([Arbitrary.schema(U64), element(varintEdges(64))])

/**
 * Any number an open enum field can hold: the named ones, the ends of the signed 32-bit range, and others nobody named.
 *
 * @category numbers
 * @since 0.1.0
 */
export const enumNumber = (values: OpenEnum): Arbitrary.Arbitrary<number> => {
  const named = element(Object.values(values))
  return choice([named, named, element([-1, 99, 0x7fff_ffff, -0x8000_0000]), Arbitrary.schema(I32)])
}

/** Where the length prefix grows, and where the text decoder takes another path. */
const edgeLengths = [0, 1, 63, 64, 127, 128, 16_383, 16_384]

/** Bytes that follow from their length and a number, so that long ones are made fast and shrink fast. */
const patterned = (length: number, start: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) bytes[at] = start + at * 31
  return bytes
}

/**
 * Bytes of at most `maximum`: mostly few and arbitrary, at times of a length that is an edge, `maximum` itself included.
 *
 * @category bytes
 * @since 0.1.0
 */
export const bytes = (maximum: number): Arbitrary.Arbitrary<Uint8Array> => {
  const short = Arbitrary.schema(Schema.Uint8Array.check(Schema.isMaxLength(maximum)))
  const lengths = element([...edgeLengths.filter((length) => length < maximum), maximum])
  const long = Arbitrary.map(Arbitrary.all([lengths, index(0x100)]), ([length, start]) => patterned(length, start))
  return choice([short, short, short, short, short, short, short, long])
}

/**
 * Exactly `length` arbitrary bytes.
 *
 * @category bytes
 * @since 0.1.0
 */
export const bytesOfLength = (length: number): Arbitrary.Arbitrary<Uint8Array> =>
  Arbitrary.schema(Schema.Uint8Array.check(Schema.isBetweenLength(length, length)))

const firstSurrogate = 0xd800
const surrogates = 0x800

const codePoint = (minimum: number, maximum: number): Arbitrary.Arbitrary<string> =>
  Arbitrary.map(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum }))), (code) =>
    String.fromCodePoint(code)
  )

/** Each a character that some decoder treats as something else. */
const oddCharacters = [
  "\0",
  "\u007f",
  "\u0080",
  "\u07ff",
  "\u0800",
  "\ufeff",
  "\ufffd",
  "\uffff",
  "\u{10ffff}",
  "e\u0301"
]

const character = choice([
  // From "a" on, so that a failing text shrinks to one that can be read.
  Arbitrary.map(index(95), (offset) => String.fromCharCode(32 + ((offset + 65) % 95))),
  element(oddCharacters),
  Arbitrary.map(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0x80, maximum: 0xf7ff }))), (code) =>
    String.fromCharCode(code < firstSurrogate ? code : code + surrogates)
  ),
  codePoint(0x1_0000, 0x10_ffff)
])

const utf8Length = (character: string): number => {
  let length = 0
  for (const part of character) {
    const code = part.codePointAt(0)!
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4
  }
  return length
}

/** A character of four bytes, or a letter and its accent. */
const longestCharacter = 4

/**
 * Text without half surrogate pairs, which UTF-8 cannot hold: characters of one to four bytes, the odd ones among them,
 * at times enough of them that the length prefix grows. Never more than `maximum` bytes of UTF-8.
 *
 * @category text
 * @since 0.1.0
 */
export const text = (maximum: number): Arbitrary.Arbitrary<string> => {
  const short = Arbitrary.map(
    Arbitrary.array(character, { maxLength: Math.floor(maximum / longestCharacter) }),
    (characters) => characters.join("")
  )
  const lengths = element([...edgeLengths.filter((length) => length < maximum), maximum])
  const long = Arbitrary.map(Arbitrary.all([character, lengths]), ([repeated, length]) =>
    repeated.repeat(Math.floor(length / utf8Length(repeated)))
  )
  return choice([short, short, short, short, short, short, short, long])
}
