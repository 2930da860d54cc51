/**
 * `CryptoPrimitives` by libsodium, through `sodium-native` where that is installed and has a build for the platform.
 *
 * Owns the boxes and X25519, which are what a device and a mediator spend their time on. Salted BLAKE2b and HSalsa20,
 * which the native package does not offer, and HMAC, which it does not make faster, are left to the portable ones.
 *
 * @since 0.1.0
 */
import { Result, Schema } from "effect"
import { createRequire } from "node:module"
import type { CryptoPrimitives } from "../CryptoPrimitives.ts"
import { Limits } from "../Limits.ts"
import { nodePrimitives } from "./NodePrimitives.ts"

/** What of `sodium-native` is used; it has no type declarations of its own. */
interface Sodium {
  readonly crypto_secretbox_easy: (box: Uint8Array, plain: Uint8Array, nonce: Uint8Array, key: Uint8Array) => void
  readonly crypto_secretbox_open_easy: (
    plain: Uint8Array,
    box: Uint8Array,
    nonce: Uint8Array,
    key: Uint8Array
  ) => boolean
  readonly crypto_scalarmult_base: (point: Uint8Array, secret: Uint8Array) => void
  readonly crypto_scalarmult: (shared: Uint8Array, secret: Uint8Array, point: Uint8Array) => void
  readonly crypto_hash_sha256: (out: Uint8Array, data: Uint8Array) => void
}

const primitivesOf = (sodium: Sodium): CryptoPrimitives => ({
  ...nodePrimitives,
  secretboxSeal: (key, nonce, plain, target, offset) => {
    // libsodium moves a plaintext that overlaps the ciphertext, and writes the tag last. The nonce comes after both,
    // for until then a part of the plaintext may be in its place.
    const sealed = target.subarray(offset + Limits.nonce, offset + Limits.boxOverhead + plain.length)
    sodium.crypto_secretbox_easy(sealed, plain, nonce, key)
    target.set(nonce, offset)
  },
  secretboxOpen: (key, box) => {
    const plain = new Uint8Array(box.length - Limits.boxOverhead)
    const opened = sodium.crypto_secretbox_open_easy(
      plain,
      box.subarray(Limits.nonce),
      box.subarray(0, Limits.nonce),
      key
    )
    return opened ? plain : undefined
  },
  x25519Public: (secret) => {
    const point = new Uint8Array(Limits.key)
    sodium.crypto_scalarmult_base(point, secret)
    return point
  },
  x25519: (secret, point) => {
    const shared = new Uint8Array(Limits.key)
    try {
      sodium.crypto_scalarmult(shared, secret, point)
      return shared
    } catch {
      // libsodium's word for a point of low order.
      return shared.fill(0)
    }
  },
  sha256: (data) => {
    const digest = new Uint8Array(Limits.key)
    sodium.crypto_hash_sha256(digest, data)
    return digest
  }
})

/**
 * `sodium-native` does not load: it is not installed, or has no build for this platform.
 *
 * @category errors
 * @since 0.1.0
 */
export class SodiumUnavailable extends Schema.TaggedError<SodiumUnavailable>()("SodiumUnavailable", {
  /** What loading it said. */
  reason: Schema.String
}) {
  override get message(): string {
    return `sodium-native does not load: ${this.reason}`
  }
}

/** Loads a package by its name. */
type Load = (name: "sodium-native") => unknown

/**
 * Loads `sodium-native`.
 *
 * @category primitives
 * @since 0.1.0
 */
export const loadSodium = (
  load: Load = createRequire(import.meta.url)
): Result.Result<CryptoPrimitives, SodiumUnavailable> =>
  Result.try({
    try: () => primitivesOf(load("sodium-native") as Sodium),
    catch: (thrown) => new SodiumUnavailable({ reason: thrown instanceof Error ? thrown.message : String(thrown) })
  })
