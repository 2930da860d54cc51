/**
 * `CryptoPrimitives` in plain JavaScript, for every platform.
 *
 * Owns the way onto tweetnacl (boxes, X25519) and @noble/hashes (BLAKE2b, HMAC, SHA-256). It calls tweetnacl below its
 * high-level functions, which copy a message twice and check what `Crypto` has checked already.
 *
 * @since 0.1.0
 */
import { blake2b } from "@noble/hashes/blake2.js"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import nacl from "tweetnacl"
import type { CryptoPrimitives } from "./CryptoPrimitives.ts"
import { Limits } from "./Limits.ts"

interface Lowlevel {
  readonly crypto_core_hsalsa20: (out: Uint8Array, input: Uint8Array, key: Uint8Array, constant: Uint8Array) => void
  readonly crypto_stream: (out: Uint8Array, at: number, length: number, nonce: Uint8Array, key: Uint8Array) => void
  readonly crypto_stream_xor: (
    out: Uint8Array,
    outAt: number,
    input: Uint8Array,
    inputAt: number,
    length: number,
    nonce: Uint8Array,
    key: Uint8Array
  ) => void
  readonly crypto_onetimeauth: (
    out: Uint8Array,
    outAt: number,
    input: Uint8Array,
    inputAt: number,
    length: number,
    key: Uint8Array
  ) => void
  readonly crypto_onetimeauth_verify: (
    tag: Uint8Array,
    tagAt: number,
    input: Uint8Array,
    inputAt: number,
    length: number,
    key: Uint8Array
  ) => number
}

// Part of tweetnacl 1's interface, but not of its type declarations.
const { lowlevel } = nacl as unknown as { readonly lowlevel: Lowlevel }

/** XSalsa20-Poly1305 takes the first 32 bytes of the keystream as the one-time key of the tag. */
const oneTimeKey = 32
const tagAt = Limits.nonce
const ciphertextAt = Limits.boxOverhead
const streamAt = ciphertextAt - oneTimeKey

const secretboxSeal: CryptoPrimitives["secretboxSeal"] = (key, nonce, plain, target, offset) => {
  const stream = offset + streamAt
  const ciphertext = offset + ciphertextAt
  target.set(plain, ciphertext)
  // The 32 bytes before the ciphertext are box header that is written last: until then they hold the one-time key,
  // which makes the message and its key one run of the keystream without a buffer beside the target.
  target.fill(0, stream, ciphertext)
  lowlevel.crypto_stream_xor(target, stream, target, stream, oneTimeKey + plain.length, nonce, key)
  const macKey = target.subarray(stream, ciphertext)
  lowlevel.crypto_onetimeauth(target, offset + tagAt, target, ciphertext, plain.length, macKey)
  target.set(nonce, offset)
}

const secretboxOpen: CryptoPrimitives["secretboxOpen"] = (key, box) => {
  const length = box.length - ciphertextAt
  const opened = new Uint8Array(oneTimeKey + length)
  lowlevel.crypto_stream(opened, 0, oneTimeKey, box, key)
  if (lowlevel.crypto_onetimeauth_verify(box, tagAt, box, ciphertextAt, length, opened) !== 0) return undefined
  lowlevel.crypto_stream_xor(opened, 0, box, streamAt, oneTimeKey + length, box, key)
  // What precedes the plaintext would give the one-time key away to whoever reads the buffer behind the view.
  opened.fill(0, 0, oneTimeKey)
  return opened.subarray(oneTimeKey)
}

const expand32ByteK = Uint8Array.from("expand 32-byte k", (character) => character.charCodeAt(0))
const zeros16 = new Uint8Array(16)
const empty = new Uint8Array(0)

/**
 * The portable primitives.
 *
 * @category primitives
 * @since 0.1.0
 */
export const tweetNacl: CryptoPrimitives = {
  secretboxSeal,
  secretboxOpen,
  x25519Public: (secret) => nacl.scalarMult.base(secret),
  x25519: (secret, publicKey) => nacl.scalarMult(secret, publicKey),
  hsalsa20: (key) => {
    const out = new Uint8Array(Limits.key)
    lowlevel.crypto_core_hsalsa20(out, zeros16, key, expand32ByteK)
    return out
  },
  blake2b: (key, salt, personal) => blake2b(empty, { dkLen: Limits.key, key, salt, personalization: personal }),
  hmacSha256: (key) => {
    const keyed = hmac.create(sha256, key)
    const scratch = keyed.clone()
    return (data) => keyed._cloneInto(scratch).update(data).digest()
  },
  sha256: (data) => sha256(data),
  equals: (a, b) => a.length === b.length && (a.length === 0 || nacl.verify(a, b))
}
