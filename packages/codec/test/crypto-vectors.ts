/**
 * The entries of `vectors.json` that concern keys, boxes, the challenge and URLs, with their hex decoded on demand.
 */
import { readFileSync } from "node:fs"

export interface KeysVector {
  readonly id: string
  readonly dgk: string
  readonly dgpk: string
  readonly dgrk: string
  readonly dgdik: string
  readonly dgsddk: string
  readonly dgtsk: string
  readonly dghek: string
  readonly dgid: string
  readonly deviceGroupIdPrefix4: string
  readonly deviceGroupIdPrefix8: string
}

interface BoxVector {
  readonly id: string
  readonly keys: string
  readonly nonce: string
  readonly plaintext: string
  readonly ciphertext: string
}

interface ChallengeVector {
  readonly id: string
  readonly dgid: string
  readonly eskSecret: string
  readonly challenge: string
  readonly response: string
}

interface Vectors {
  readonly keys: ReadonlyArray<KeysVector>
  readonly kdfGeneric: {
    readonly vectors: ReadonlyArray<{
      readonly key: string
      readonly salt: string
      readonly personal: string
      readonly derived: string
    }>
  }
  readonly urls: ReadonlyArray<{
    readonly id: string
    readonly dgid: string
    readonly serverGroup: string
    readonly clientUrlInfoHex: string
    readonly template: string
    readonly url: string
  }>
  readonly challenge: {
    readonly positive: ReadonlyArray<
      ChallengeVector & {
        readonly keys: string
        readonly dgpkSecret: string
        readonly eskPublic: string
        readonly sharedKeyX25519HSalsa20: string
        readonly nonce: string
      }
    >
    readonly negative: ReadonlyArray<ChallengeVector>
  }
  readonly encrypted: ReadonlyArray<
    BoxVector & { readonly keyName: "dgdik" | "dgsddk" | "dgtsk" | "dgrk"; readonly key: string }
  >
  readonly envelopes: ReadonlyArray<BoxVector>
  readonly sizeLimits: {
    readonly container: number
    readonly payload: number
    readonly reflectedEnvelopeEncrypted: number
    readonly reflectEnvelopeEncrypted: number
    readonly plainEnvelopeActual: number
  }
}

export const vectors: Vectors = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"))

export const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"))

export const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex")

export const keysVector = (id: string): KeysVector => {
  const found = vectors.keys.find((entry) => entry.id === id)
  if (found === undefined) throw new RangeError(`no keys ${id} in vectors.json`)
  return found
}
