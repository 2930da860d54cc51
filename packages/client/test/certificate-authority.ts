/**
 * A certificate authority made on the spot, for tests of chains: a root, an intermediate, and leaves it signs.
 */
// @peculiar/x509 resolves its parts by decorators and refuses to load without this.
import "reflect-metadata"
import * as x509 from "@peculiar/x509"
import { Effect } from "effect"
import { createHash, webcrypto } from "node:crypto"
import { isIP } from "node:net"
import type { Certificate } from "./transport-support.ts"

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }

/** When a certificate is valid. */
export interface Dates {
  readonly from: string
  readonly to: string
}

const always: Dates = { from: "2020-01-01", to: "2120-01-01" }

export const past: Dates = { from: "2020-01-01", to: "2020-02-01" }

const pem = (der: ArrayBuffer): string =>
  `-----BEGIN PRIVATE KEY-----\n${Buffer.from(der)
    .toString("base64")
    .match(/.{1,64}/g)!
    .join("\n")}\n-----END PRIVATE KEY-----\n`

/** A key pair, as Web Crypto has it and as a server reads it. */
export interface KeyPair {
  readonly pair: webcrypto.CryptoKeyPair
  readonly key: string
  /** From the key's own export, not from a certificate. */
  readonly pin: string
}

export const keyPair: Effect.Effect<KeyPair> = Effect.promise(async () => {
  const pair = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])
  const spki = Buffer.from(await webcrypto.subtle.exportKey("spki", pair.publicKey))
  return {
    pair,
    key: pem(await webcrypto.subtle.exportKey("pkcs8", pair.privateKey)),
    pin: createHash("sha256").update(spki).digest("base64")
  }
})

const issue = (
  subject: string,
  keys: KeyPair,
  issuer: { readonly name: string; readonly keys: KeyPair },
  dates: Dates,
  extensions: Array<x509.Extension>
) =>
  Effect.promise(async () => {
    const made = await x509.X509CertificateGenerator.create({
      subject: `CN=${subject}`,
      issuer: `CN=${issuer.name}`,
      notBefore: new Date(dates.from),
      notAfter: new Date(dates.to),
      signingAlgorithm: algorithm,
      publicKey: keys.pair.publicKey,
      signingKey: issuer.keys.pair.privateKey,
      extensions
    })
    return made.toString("pem")
  })

const isAuthority = () => new x509.BasicConstraintsExtension(true, undefined, true)

/** An authority with one intermediate, and the leaves it signs: the served chain is leaf and intermediate. */
export const authority = (options: { readonly name?: string; readonly intermediateDates?: Dates } = {}) =>
  Effect.gen(function* () {
    const { intermediateDates = always, name = "authority" } = options
    const root = { name: `${name} root`, keys: yield* keyPair }
    const intermediate = { name: `${name} intermediate`, keys: yield* keyPair }
    const ca = yield* issue(root.name, root.keys, root, always, [isAuthority()])
    const middle = yield* issue(intermediate.name, intermediate.keys, root, intermediateDates, [isAuthority()])
    const leaf = (names: ReadonlyArray<string>, options: { readonly keys?: KeyPair; readonly dates?: Dates } = {}) =>
      Effect.gen(function* () {
        const keys = options.keys ?? (yield* keyPair)
        const own = yield* issue("leaf", keys, intermediate, options.dates ?? always, [
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }))
          )
        ])
        const certificate: Certificate = { cert: `${own}\n${middle}`, key: keys.key, pin: keys.pin }
        return certificate
      })
    return { ca, leaf, pins: { root: root.keys.pin, intermediate: intermediate.keys.pin } }
  })
