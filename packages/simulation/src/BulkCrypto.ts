/**
 * Cryptography for simulations: as large, as unique and as easily refused as the real one, for next to nothing.
 *
 * Owns stand-ins for the primitives; lengths, key handling and errors are the codec's own, because `makeCrypto` is built on
 * them. A box that was altered, or belongs to another key, does not open; a low-order point is one; two shared points agree.
 * It hides nothing: for simulations only.
 *
 * @since 0.1.0
 */
import { Crypto, type CryptoPrimitives, Limits, makeCrypto } from "@d2m/codec"
import { Layer } from "effect"
import { plainCopy } from "./PlainMemory.ts"

const wordAt = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

const multiplier = 0x9e3779b1

/** Mixes bytes into a word: FNV over words, then over what is left. */
const digest = (seed: number, bytes: Uint8Array, from: number, to: number): number => {
  let hash = seed ^ (to - from)
  let at = from
  for (; at + 4 <= to; at += 4) hash = Math.imul(hash ^ wordAt(bytes, at), multiplier) ^ (hash >>> 15)
  for (; at < to; at++) hash = Math.imul(hash ^ bytes[at]!, multiplier)
  return (hash ^ (hash >>> 13)) | 0
}

/** Stretches a word to as many bytes as asked for, none of which is all zero. */
const stretch = (hash: number, length: number): Uint8Array => {
  const out = new Uint8Array(length)
  let word = hash
  for (let at = 0; at < length; at++) {
    if ((at & 3) === 0) word = Math.imul(word ^ (at + 1), multiplier) ^ (word >>> 11)
    out[at] = (word >>> (8 * (at & 3))) | (at === 0 ? 1 : 0)
  }
  return out
}

const tagAt = Limits.nonce
const plainAt = Limits.boxOverhead

/** One hash of 32 bits, stretched to the size of a tag: an altered box opens once in four thousand million times. */
const writeTag = (target: Uint8Array, offset: number, hash: number): void => {
  let word = hash
  for (let i = 0; i < 16; i++) {
    if ((i & 3) === 0) word = Math.imul(word ^ (i + 1), multiplier) ^ (word >>> 11)
    target[offset + tagAt + i] = word >>> (8 * (i & 3))
  }
}

const tagMatches = (box: Uint8Array, hash: number): boolean => {
  let word = hash
  for (let i = 0; i < 16; i++) {
    if ((i & 3) === 0) word = Math.imul(word ^ (i + 1), multiplier) ^ (word >>> 11)
    if (box[tagAt + i] !== ((word >>> (8 * (i & 3))) & 0xff)) return false
  }
  return true
}

const boxHash = (key: Uint8Array, box: Uint8Array, offset: number, length: number): number =>
  digest(
    digest(digest(0x2545f491, key, 0, key.length), box, offset, offset + tagAt),
    box,
    offset + plainAt,
    offset + plainAt + length
  )

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

const hash32 = (label: number, ...parts: ReadonlyArray<Uint8Array>): Uint8Array =>
  stretch(
    parts.reduce((hash, part) => digest(hash, part, 0, part.length), label),
    Limits.key
  )

const publicOf = (secret: Uint8Array): Uint8Array => hash32(1, secret)

/**
 * The stand-ins.
 *
 * @category primitives
 * @since 0.1.0
 */
export const bulkPrimitives: CryptoPrimitives = {
  secretboxSeal: (key, nonce, plain, target, offset) => {
    target.set(plain, offset + plainAt)
    target.set(nonce, offset)
    writeTag(target, offset, boxHash(key, target, offset, plain.length))
  },
  secretboxOpen: (key, box) => {
    const length = box.length - plainAt
    return tagMatches(box, boxHash(key, box, 0, length)) ? plainCopy(box.subarray(plainAt)) : undefined
  },
  x25519Public: publicOf,
  x25519: (secret, publicKey) => {
    if (isZero(publicKey)) return new Uint8Array(Limits.key)
    // The same for both sides: each byte is made of the two public keys, whoever's they are.
    const own = publicOf(secret)
    const sum = own.map((byte, at) => byte + publicKey[at]!)
    return hash32(2, sum)
  },
  hsalsa20: (key) => hash32(3, key),
  blake2b: (key, salt, personal) => hash32(4, key, salt, personal),
  hmacSha256: (key) => {
    const seed = digest(5, key, 0, key.length)
    // A nonce is unique by itself: it stays in sight, so that no two hashes meet.
    return (data) => {
      const out = new Uint8Array(32)
      out.set(data.subarray(0, 28))
      const hash = digest(seed, data, 0, data.length)
      for (let i = 0; i < 4; i++) out[28 + i] = hash >>> (8 * i)
      return out
    }
  },
  sha256: (data) => hash32(6, data),
  equals: (a, b) => {
    if (a.length !== b.length) return false
    for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
    return true
  }
}

/**
 * The stand-ins as the `Crypto` that client and mediator use.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerBulkCrypto: Layer.Layer<Crypto> = Layer.sync(Crypto, () => makeCrypto(bulkPrimitives))
