/**
 * Reads the wire format of protobuf, and remembers which message and field it is in.
 *
 * Owns every check of what is read: nothing beyond the end of the message that is being read is looked at, no memory is
 * taken by a length that was read, nesting is bounded. A broken rule is thrown as a `Violation`, which is caught where
 * decoding began and becomes a `DecodeError`; nothing thrown leaves the codec.
 *
 * @since 0.1.0
 */
import { DecodeError, type DecodeErrorKind } from "./DecodeError.ts"
import { textAt } from "./Utf8.ts"

/** A rule that was broken, and where. Not an Error: a stack would cost more than all of the decoding. */
export class Violation {
  readonly kind: DecodeErrorKind
  readonly offset: number
  readonly expected: string
  readonly found: string
  constructor(kind: DecodeErrorKind, offset: number, expected: string, found: string) {
    this.kind = kind
    this.offset = offset
    this.expected = expected
    this.found = found
  }
}

/** Groups in groups that are skipped. */
const mostNested = 100

// One scratch view: a 64-bit number comes as two halves.
const wide = new DataView(new ArrayBuffer(8))

const bigintOf = (low: number, high: number): bigint => {
  wide.setInt32(0, low, true)
  wide.setInt32(4, high, true)
  return wide.getBigUint64(0, true)
}

/** Reads from one input, of which `pos` is the next byte and `end` the end of the message that is being read. */
export class MessageReader {
  readonly bytes: Uint8Array
  pos: number
  end: number
  within: string
  field: string | undefined = undefined
  /** The number of the field that is being skipped, or 0. */
  private skipped = 0
  /** Where the field that is being read began. */
  start = 0

  constructor(bytes: Uint8Array, offset: number, within: string) {
    this.bytes = bytes
    this.pos = offset
    this.end = bytes.length
    this.within = within
  }

  /** The number and the wire type of a field, as one number. */
  tag(): number {
    const { pos } = this
    if (pos < this.end) {
      const byte = this.bytes[pos]!
      if (byte < 0x80) {
        this.pos = pos + 1
        return byte
      }
    }
    return this.longPrefix(0x0f, "a tag of at most 32 bits")
  }

  /** The length of what follows. */
  size(): number {
    const { pos } = this
    if (pos < this.end) {
      const byte = this.bytes[pos]!
      if (byte < 0x80) {
        this.pos = pos + 1
        return byte
      }
    }
    return this.longPrefix(0x07, "a length below 2 GiB")
  }

  /** A varint of 32 bits; bits above them are dropped, as protobuf has it. */
  uint32(): number {
    const { pos } = this
    if (pos < this.end) {
      const byte = this.bytes[pos]!
      if (byte < 0x80) {
        this.pos = pos + 1
        return byte
      }
    }
    let low = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte()
      if (shift < 32) low |= (byte & 0x7f) << shift
      if (byte < 0x80) return low >>> 0
    }
    throw this.overlong()
  }

  /** A varint of 64 bits; bits above them are dropped, as protobuf has it. */
  uint64(): bigint {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte()
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) return bigintOf(low, high)
    }
    throw this.overlong()
  }

  /** A varint of which any of 64 bits is set; bits above them are dropped, as protobuf has it. */
  bool(): boolean {
    let bits = 0
    for (let count = 0; count < 9; count++) {
      const byte = this.byte()
      bits |= byte & 0x7f
      if (byte < 0x80) return bits !== 0
    }
    const last = this.byte()
    if (last < 0x80) return (bits | (last & 1)) !== 0
    throw this.overlong()
  }

  /** 8 bytes, little endian. */
  fixed64(): bigint {
    const { bytes } = this
    const at = this.take(8)
    return bigintOf(
      bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24),
      bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24)
    )
  }

  /** Bytes behind their length, as a view; `subarray` makes the same one at twice the price. */
  view(): Uint8Array {
    const length = this.size()
    const { bytes } = this
    return new Uint8Array(bytes.buffer, bytes.byteOffset + this.take(length), length)
  }

  /** Text behind its length. */
  text(): string {
    const length = this.size()
    const start = this.take(length)
    const text = textAt(this.bytes, start, start + length)
    if (text === undefined) throw new Violation("Malformed", this.start, "UTF-8", "other bytes")
    return text
  }

  /** Skips what belongs to a tag. */
  skip(tag: number): void {
    this.skipped = tag >>> 3
    this.skipValue(tag, 0)
    this.skipped = 0
  }

  private skipValue(tag: number, depth: number): void {
    const number = tag >>> 3
    if (number === 0) throw new Violation("Malformed", this.start, "a field number above 0", "0")
    if (depth > mostNested) {
      throw new Violation("Malformed", this.start, `at most ${mostNested} groups in each other`, "more")
    }
    switch (tag & 7) {
      case 0:
        return this.skipVarint()
      case 1:
        return void this.take(8)
      case 2:
        return void this.take(this.size())
      case 3:
        return this.skipGroup(number, depth)
      case 5:
        return void this.take(4)
      default:
        throw new Violation("Malformed", this.start, "a wire type that begins a field", String(tag & 7))
    }
  }

  /** Describes whatever was thrown while reading. */
  failure(thrown: unknown): DecodeError {
    if (!(thrown instanceof Violation)) throw thrown
    const { expected, found, kind, offset } = thrown
    const field = this.field ?? (this.skipped === 0 ? undefined : `#${this.skipped}`)
    return DecodeError.new({
      kind,
      within: this.within,
      ...(field === undefined ? {} : { field }),
      offset,
      expected,
      found
    })
  }

  /** Moves on over so many bytes and says where they begin. */
  private take(length: number): number {
    const { pos } = this
    if (length > this.end - pos) {
      throw new Violation("Truncated", this.start, this.rest(), `the end at byte ${this.end}`)
    }
    this.pos = pos + length
    return pos
  }

  /** The next byte. */
  private byte(): number {
    const { pos } = this
    if (pos >= this.end) {
      throw new Violation("Truncated", this.start, "the rest of a varint", `the end at byte ${this.end}`)
    }
    this.pos = pos + 1
    return this.bytes[pos]!
  }

  /** A varint of at most 5 bytes, the last of which has only the given bits. */
  private longPrefix(lastBits: number, expected: string): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    const byte = this.byte()
    if (byte > lastBits) throw new Violation("Malformed", this.start, expected, "more")
    return (value | (byte << 28)) >>> 0
  }

  private skipVarint(): void {
    for (let count = 0; count < 10; count++) {
      if (this.byte() < 0x80) return
    }
    throw this.overlong()
  }

  private skipGroup(number: number, depth: number): void {
    for (;;) {
      const tag = this.tag()
      if ((tag & 7) !== 4) this.skipValue(tag, depth + 1)
      else if (tag >>> 3 === number) return
      else throw new Violation("Malformed", this.start, `the end of group ${number}`, `the end of group ${tag >>> 3}`)
    }
  }

  private rest(): string {
    return this.field === undefined && this.skipped === 0 ? "the rest of a field" : "the rest of the field"
  }

  private overlong(): Violation {
    return new Violation("Malformed", this.start, "a varint of at most 10 bytes", "a longer one")
  }
}
