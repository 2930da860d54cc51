/**
 * `CryptoPrimitives` with what Node brings: X25519, SHA-256 and comparison by OpenSSL.
 *
 * Everything else is left to tweetnacl, boxes included: OpenSSL has no XSalsa20. X25519 is what a handshake costs, and
 * here it costs a sixth.
 *
 * @since 0.1.0
 */
import { createPrivateKey, createPublicKey, diffieHellman, hash, type KeyObject, timingSafeEqual } from "node:crypto"
import type { CryptoPrimitives } from "../CryptoPrimitives.ts"
import { Limits } from "../Limits.ts"
import { tweetNacl } from "../TweetNacl.ts"

// DER of an X25519 key up to its 32 bytes: OpenSSL takes no bare ones.
const privatePrefix = Buffer.from("302e020100300506032b656e04220420", "hex")
const publicPrefix = Buffer.from("302a300506032b656e032100", "hex")

const der = (prefix: Uint8Array, key: Uint8Array): Buffer => Buffer.concat([prefix, key])

const privateKey = (secret: Uint8Array): KeyObject => {
  const key = der(privatePrefix, secret)
  const imported = createPrivateKey({ key, format: "der", type: "pkcs8" })
  key.fill(0)
  return imported
}

const publicKey = (point: Uint8Array): KeyObject =>
  createPublicKey({ key: der(publicPrefix, point), format: "der", type: "spki" })

/**
 * tweetnacl with Node's own X25519, SHA-256 and comparison in constant time.
 *
 * @category primitives
 * @since 0.1.0
 */
export const nodePrimitives: CryptoPrimitives = {
  ...tweetNacl,
  x25519Public: (secret) =>
    new Uint8Array(
      createPublicKey(privateKey(secret)).export({ format: "der", type: "spki" }).subarray(publicPrefix.length)
    ),
  x25519: (secret, point) => {
    const keys = { privateKey: privateKey(secret), publicKey: publicKey(point) }
    try {
      return new Uint8Array(diffieHellman(keys))
    } catch {
      // OpenSSL's word for a point of low order; nothing else can be wrong with two keys that it took.
      return new Uint8Array(Limits.key)
    }
  },
  sha256: (data) => new Uint8Array(hash("sha256", data, "buffer")),
  equals: (a, b) => a.length === b.length && timingSafeEqual(a, b)
}
