/**
 * Writes the wire format of protobuf.
 *
 * Owns the memory that messages are written in. Many share one piece, each behind the other, because a piece of memory
 * for each would cost more than all of the writing; what is handed out is a view of it, and no byte is used twice.
 *
 * @since 0.1.0
 */
import { mostBytes, putText } from "./Utf8.ts"

const wide = new DataView(new ArrayBuffer(8))

const pieceSize = 16_384
/** Longer messages get memory of their own, so that keeping one keeps no others. */
const sharedSize = 2048
/** With less room than this a piece is done. */
const leastRoom = 256
/** Room for what stands behind a long field, and the most that a message keeps without needing it. */
const spareRoom = 256

/** Bytes that a length takes. */
const lengthSize = (length: number): number =>
  length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x20_0000 ? 3 : length < 0x1000_0000 ? 4 : 5

/** Writes one message at a time; each method appends. */
export class MessageWriter {
  private bytes = new Uint8Array(pieceSize)
  /** Where the message begins. */
  private from = 0
  private pos = 0
  /** The piece that a long message has outgrown. */
  private outgrown: { readonly bytes: Uint8Array<ArrayBuffer>; readonly from: number } | undefined

  /** A tag, a length, or an unsigned number of 32 bits. */
  uint32(value: number): void {
    this.reserve(5)
    if (value < 0x80) this.bytes[this.pos++] = value
    else this.pos = putVarint(this.bytes, this.pos, value, 0)
  }

  /** A number of 32 bits with a sign: a negative one takes 10 bytes. */
  int32(value: number): void {
    this.reserve(10)
    this.pos = putVarint(this.bytes, this.pos, value, value < 0 ? -1 : 0)
  }

  uint64(value: bigint): void {
    this.reserve(10)
    wide.setBigUint64(0, value, true)
    this.pos = putVarint(this.bytes, this.pos, wide.getInt32(0, true), wide.getInt32(4, true))
  }

  /** 8 bytes, little endian. */
  fixed64(value: bigint): void {
    this.reserve(8)
    wide.setBigUint64(0, value, true)
    for (let index = 0; index < 8; index++) this.bytes[this.pos++] = wide.getUint8(index)
  }

  /** 4 bytes, little endian, and no tag. */
  header(value: number): void {
    this.reserve(4)
    for (let shift = 0; shift < 32; shift += 8) this.bytes[this.pos++] = value >>> shift
  }

  bool(value: boolean): void {
    this.reserve(1)
    this.bytes[this.pos++] = value ? 1 : 0
  }

  /** Bytes behind their length. */
  view(value: Uint8Array): void {
    this.uint32(value.length)
    this.reserve(value.length)
    this.bytes.set(value, this.pos)
    this.pos += value.length
  }

  /** Text behind its length. */
  text(value: string): void {
    const expected = lengthSize(value.length)
    const start = this.begin(expected)
    this.reserve(mostBytes(value.length))
    this.pos = putText(this.bytes, this.pos, value)
    this.end(start, expected)
  }

  /** Begins what has its length ahead of it, which is expected to take so many bytes, and says where, for `end`. */
  begin(expected: number): number {
    this.reserve(expected)
    this.pos += expected
    return this.pos - this.from
  }

  /**
   * Puts the length ahead of all that was written since `begin`, and says how many bytes it takes: other than expected, and
   * what follows moves.
   */
  end(begun: number, expected: number): number {
    const length = this.pos - this.from - begun
    const size = lengthSize(length)
    if (size !== expected) this.move(begun, size - expected)
    putVarint(this.bytes, this.from + begun - expected, length, 0)
    return size
  }

  /** The message; the writer is ready for the next one. */
  finish(): Uint8Array {
    const { bytes, from, pos } = this
    const length = pos - from
    giveBack(this)
    if (this.outgrown !== undefined) {
      this.goBack(this.outgrown)
      return bytes.length - length <= spareRoom ? new Uint8Array(bytes.buffer, 0, length) : bytes.slice(0, length)
    }
    if (length > sharedSize) {
      const written = bytes.slice(from, pos)
      // What was written may be secret, and others have a view of this piece.
      bytes.fill(0, from, pos)
      this.pos = from
      return written
    }
    this.from = this.pos = pos
    if (bytes.length - pos < leastRoom) this.renew()
    return new Uint8Array(bytes.buffer, from, length)
  }

  /** What was written since `begin` makes room for a length that takes so many more bytes, or fewer. */
  private move(begun: number, by: number): void {
    this.reserve(by)
    const start = this.from + begun
    this.bytes.copyWithin(start + by, start, this.pos)
    this.pos += by
    if (by < 0) this.bytes.fill(0, this.pos, this.pos - by)
  }

  private reserve(length: number): void {
    const needed = this.pos + length
    if (needed > this.bytes.length || (length > sharedSize && this.outgrown === undefined)) this.grow(length)
  }

  /** Takes the message to a piece in which it has room, or to memory of its own. */
  private grow(length: number): void {
    const { bytes, from, pos } = this
    const written = bytes.subarray(from, pos)
    const needed = written.length + length
    if (length <= sharedSize && needed * 2 <= pieceSize) {
      this.bytes = new Uint8Array(pieceSize)
    } else {
      // Behind the first long field there is little as a rule; a list goes on.
      const isFirst = this.outgrown === undefined && length > sharedSize
      this.outgrown ??= { bytes, from }
      this.bytes = new Uint8Array(isFirst ? needed + spareRoom : needed * 2)
    }
    this.bytes.set(written)
    written.fill(0)
    this.from = 0
    this.pos = written.length
  }

  /** To the piece that the message had outgrown. */
  private goBack({ bytes, from }: NonNullable<typeof this.outgrown>): void {
    this.bytes = bytes
    this.pos = this.from = from
    this.outgrown = undefined
  }

  private renew(): void {
    this.bytes = new Uint8Array(pieceSize)
    this.from = this.pos = 0
  }
}

/** The two halves of a number as a varint; says where it ends. */
const putVarint = (bytes: Uint8Array, at: number, low: number, high: number): number => {
  let rest = low >>> 0
  let upper = high >>> 0
  while (upper !== 0) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest = ((rest >>> 7) | (upper << 25)) >>> 0
    upper >>>= 7
  }
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at] = rest
  return at + 1
}

let spare: MessageWriter | undefined

/** A writer for one message. Whoever takes it has it alone, even if a getter in the message comes to write another. */
export const messageWriter = (): MessageWriter => {
  const writer = spare ?? new MessageWriter()
  spare = undefined
  return writer
}

const giveBack = (writer: MessageWriter): void => {
  spare = writer
}
