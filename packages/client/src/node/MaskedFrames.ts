/**
 * Messages of a WebSocket client as bytes: whole, binary, masked (RFC 6455, 5.2 and 5.3).
 * Owns the framing of all that is written in one tick, as one piece: one write, one allocation, and no native masking.
 * Leaves text, control frames and the closing handshake to `ws`, which writes each frame at once on the same socket.
 */
import { randomFillSync } from "node:crypto"

/** FIN, and the opcode of a binary message. */
const wholeBinary = 0x82
const masked = 0x80

const headerLength = (length: number): number => (length < 126 ? 6 : length < 0x1_0000 ? 8 : 14)

const masks = Buffer.alloc(4096)
let nextMask = masks.length

/** The mask of the next message, its first byte lowest: what a server sees must not be foreseeable. */
const drawMask = (): number => {
  if (nextMask === masks.length) {
    randomFillSync(masks)
    nextMask = 0
  }
  nextMask += 4
  return masks.readInt32LE(nextMask - 4)
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/**
 * Eight at a time: so long a function is compiled for itself, and takes a third of the time of a short loop that becomes a part
 * of its callers.
 */
const maskWords = (words: Int32Array, from: number, end: number, mask: number): void => {
  let at = from
  for (const last = end - 7; at < last; at += 8) {
    words[at]! ^= mask
    words[at + 1]! ^= mask
    words[at + 2]! ^= mask
    words[at + 3]! ^= mask
    words[at + 4]! ^= mask
    words[at + 5]! ^= mask
    words[at + 6]! ^= mask
    words[at + 7]! ^= mask
  }
  for (; at < end; at++) words[at]! ^= mask
}

/** Masks what lies between `at` and `end`, of what begins at `from`. */
const maskBytes = (bytes: Uint8Array, from: number, at: number, end: number, mask: number): void => {
  for (; at < end; at++) bytes[at]! ^= mask >>> (8 * ((at - from) & 3))
}

/** Masks what lies between `from` and `end`, four bytes at a time where `words`, the same memory, has whole ones. */
const applyMask = (bytes: Uint8Array, words: Int32Array, from: number, end: number, mask: number): void => {
  const firstWord = isLittleEndian ? Math.min((from + 3) & ~3, end) : end
  const endOfWords = Math.max(firstWord, end & ~3)
  maskBytes(bytes, from, from, firstWord, mask)
  const turn = 8 * ((firstWord - from) & 3)
  maskWords(words, firstWord >>> 2, endOfWords >>> 2, turn === 0 ? mask : (mask >>> turn) | (mask << (32 - turn)))
  maskBytes(bytes, from, endOfWords, end, mask)
}

/**
 * How long messages are as frames, one behind the other.
 *
 * @internal
 */
export const maskedLength = (messages: ReadonlyArray<Uint8Array>): number => {
  let total = 0
  for (const { length } of messages) total += headerLength(length) + length
  return total
}

/**
 * Frames binary messages into bytes of their `maskedLength`, which begin with a word of their memory. The messages are left as
 * they are.
 *
 * @internal
 */
export const putMasked = (messages: ReadonlyArray<Uint8Array>, bytes: Buffer): void => {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2)
  let at = 0
  for (const message of messages) {
    const { length } = message
    bytes[at++] = wholeBinary
    if (length < 126) {
      bytes[at++] = masked | length
    } else if (length < 0x1_0000) {
      bytes[at++] = masked | 126
      bytes[at++] = length >>> 8
      bytes[at++] = length & 0xff
    } else {
      bytes[at++] = masked | 127
      at = bytes.writeBigUInt64BE(BigInt(length), at)
    }
    const mask = drawMask()
    at = bytes.writeInt32LE(mask, at)
    bytes.set(message, at)
    applyMask(bytes, words, at, at + length, mask)
    at += length
  }
}
