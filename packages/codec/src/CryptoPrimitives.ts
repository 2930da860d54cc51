/**
 * The algorithms that the protocol's cryptography is made of.
 *
 * Owns the contract that a library has to meet to carry `Crypto`, so that a native one can take the place of the
 * portable one, whole or in part. Keys come in as bare bytes; who may hold them, and what the boxes mean, is left to
 * `Crypto`.
 *
 * @since 0.1.0
 */

/**
 * Synchronous algorithms over bare bytes.
 *
 * `Crypto` checks all lengths before it calls. Nothing here keeps, writes to or frees a key, a nonce or another input.
 *
 * @category models
 * @since 0.1.0
 */
export interface CryptoPrimitives {
  /**
   * XSalsa20-Poly1305. Writes the box nonce(24) ‖ tag(16) ‖ ciphertext, `plain.length + 40` bytes, to `target` from
   * `offset` on. `plain` may be any part of `target`; `nonce` and `key` may not.
   */
  readonly secretboxSeal: (
    key: Uint8Array,
    nonce: Uint8Array,
    plain: Uint8Array,
    target: Uint8Array,
    offset: number
  ) => void

  /**
   * Opens a box of at least 40 bytes into fresh memory, or says `undefined` when the tag does not match. The tag is
   * compared in constant time and before anything is decrypted. The box is left as it is.
   */
  readonly secretboxOpen: (key: Uint8Array, box: Uint8Array) => Uint8Array | undefined

  /** The X25519 public key of a 32-byte secret. */
  readonly x25519Public: (secret: Uint8Array) => Uint8Array

  /**
   * The raw X25519 shared point, 32 bytes, not hashed. A low-order public key gives 32 zero bytes: a library that
   * refuses such keys has its refusal turned into zeros here.
   */
  readonly x25519: (secret: Uint8Array, publicKey: Uint8Array) => Uint8Array

  /** HSalsa20 of a 32-byte key over 16 zero bytes: what makes a secretbox key out of a shared point. */
  readonly hsalsa20: (key: Uint8Array) => Uint8Array

  /** 32 bytes of BLAKE2b over the empty message with a 32-byte key and a salt and a personal of 16 bytes each. */
  readonly blake2b: (key: Uint8Array, salt: Uint8Array, personal: Uint8Array) => Uint8Array

  /** HMAC-SHA-256 in two steps, so that a key used often is prepared once. */
  readonly hmacSha256: (key: Uint8Array) => (data: Uint8Array) => Uint8Array

  /** SHA-256. */
  readonly sha256: (data: Uint8Array) => Uint8Array

  /** Whether two byte strings are the same, in a time that tells only whether their lengths are. */
  readonly equals: (a: Uint8Array, b: Uint8Array) => boolean
}
