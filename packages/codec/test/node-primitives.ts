/**
 * What Node's own crypto offers of the primitives: a second opinion that shares no code with the portable ones.
 */
import { createHash, createHmac, createPrivateKey, createPublicKey, diffieHellman, timingSafeEqual } from "node:crypto"
import { type CryptoPrimitives } from "../src/CryptoPrimitives.ts"
import { tweetNacl } from "../src/TweetNacl.ts"

const pkcs8 = Buffer.from("302e020100300506032b656e04220420", "hex")
const spki = Buffer.from("302a300506032b656e032100", "hex")

const privateKey = (secret: Uint8Array) =>
  createPrivateKey({ key: Buffer.concat([pkcs8, secret]), format: "der", type: "pkcs8" })

const publicKey = (raw: Uint8Array) => createPublicKey({ key: Buffer.concat([spki, raw]), format: "der", type: "spki" })

/** The raw shared point; throws for a point of low order, as OpenSSL does. */
export const nodeX25519 = (secret: Uint8Array, point: Uint8Array): Uint8Array =>
  new Uint8Array(diffieHellman({ privateKey: privateKey(secret), publicKey: publicKey(point) }))

export const nodeX25519Public = (secret: Uint8Array): Uint8Array =>
  new Uint8Array(createPublicKey(privateKey(secret)).export({ format: "der", type: "spki" }).subarray(spki.length))

export const nodePrimitives: CryptoPrimitives = {
  ...tweetNacl,
  x25519Public: nodeX25519Public,
  x25519: (secret, point) => {
    try {
      return nodeX25519(secret, point)
    } catch {
      return new Uint8Array(32)
    }
  },
  hmacSha256: (key) => (data) => new Uint8Array(createHmac("sha256", key).update(data).digest()),
  sha256: (data) => new Uint8Array(createHash("sha256").update(data).digest()),
  equals: (a, b) => a.length === b.length && timingSafeEqual(a, b)
}
