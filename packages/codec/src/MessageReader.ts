/**
 * A protobufjs reader that remembers which message and field it is in.
 *
 * Owns the translation of whatever reading throws into a `DecodeError`; nothing thrown leaves the codec. Reads 64-bit
 * numbers itself: protobufjs gives objects of a library, or inexact numbers where that library is missing.
 *
 * @since 0.1.0
 */
import protobufjs from "protobufjs/minimal.js"
import { DecodeError, type DecodeErrorKind } from "./DecodeError.ts"

/** A rule that was broken, and where. */
interface Breach {
  readonly kind: DecodeErrorKind
  readonly offset: number
  readonly expected: string
  readonly found: string
}

/** What a rule that protobufjs does not know throws; caught where decoding began. */
export class Violation implements Breach {
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

// One scratch view: a 64-bit number comes as two halves.
const wide = new DataView(new ArrayBuffer(8))

const bigintOf = (low: number, high: number): bigint => {
  wide.setInt32(0, low, true)
  wide.setInt32(4, high, true)
  return wide.getBigUint64(0, true)
}

/** A protobufjs reader that remembers where it is, for the error message. */
export class MessageReader extends protobufjs.Reader {
  within: string
  field: string | undefined = undefined
  /** Where the field that is being read began. */
  start = 0

  constructor(bytes: Uint8Array, offset: number, within: string) {
    super(bytes)
    this.pos = offset
    this.within = within
  }

  /** The next byte, within the message that is being read. */
  private byte(): number {
    if (this.pos >= this.len) throw new Violation("Truncated", this.start, "the rest of a varint", this.end())
    return this.buf[this.pos++]!
  }

  private overlong(): Violation {
    return new Violation("Malformed", this.start, "a varint of at most 10 bytes", "a longer one")
  }

  /** A varint of 64 bits; bits above them are dropped, as protobuf has it. */
  varint64(): bigint {
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

  /** 8 bytes, little endian. */
  wideFixed(): bigint {
    const low = this.fixed32()
    return bigintOf(low, this.fixed32())
  }

  /** Skips so many bytes, or a varint, which protobufjs would let be of any length. */
  override skip(length?: number): this {
    if (length !== undefined) {
      super.skip(length)
      return this
    }
    for (let count = 0; count < 10; count++) {
      if (this.byte() < 0x80) return this
    }
    throw this.overlong()
  }

  /** Describes whatever was thrown while reading. */
  failure(thrown: unknown): DecodeError {
    const { expected, found, kind, offset } = thrown instanceof Violation ? thrown : this.breach(thrown)
    return new DecodeError({
      kind,
      within: this.within,
      ...(this.field === undefined ? {} : { field: this.field }),
      offset,
      expected,
      found
    })
  }

  private end(): string {
    return `the end at byte ${this.len}`
  }

  private breach(thrown: unknown): Breach {
    const offset = this.start
    // protobufjs throws a RangeError at the end of what may be read, and its TextDecoder a TypeError.
    if (thrown instanceof RangeError) {
      const expected = this.field === undefined ? "the rest of a field" : "the rest of the field"
      return { kind: "Truncated", offset, expected, found: this.end() }
    }
    if (thrown instanceof TypeError) return { kind: "Malformed", offset, expected: "UTF-8", found: "other bytes" }
    const expected = this.field === undefined ? "a protobuf field" : "a well-formed value"
    return { kind: "Malformed", offset, expected, found: "bytes that are not protobuf" }
  }
}
