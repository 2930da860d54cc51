/**
 * A certificate for a mediator that has none: made in memory, signed by itself, trusted by its pin.
 *
 * Owns the key pair's making and its pin. Who serves with it and who pins it is the caller's business.
 *
 * @since 0.1.0
 */
import { Clock, Effect, Redacted, Schema } from "effect"
import { createHash, webcrypto } from "node:crypto"
import { isIP } from "node:net"
// @peculiar/x509 resolves its parts by decorators and refuses to load without this.
import "reflect-metadata"
import * as x509 from "@peculiar/x509"

/**
 * The certificate could not be made.
 *
 * @category errors
 * @since 0.1.0
 */
export class CertificateFailed extends Schema.TaggedError<CertificateFailed>()("CertificateFailed", {
  reason: Schema.String
}) {
  override get message(): string {
    return `no certificate could be made: ${this.reason}`
  }
}

/**
 * A certificate, its key, and the pin that a client recognises it by.
 *
 * @category models
 * @since 0.1.0
 */
export interface SelfSignedCertificate {
  /** The certificate, PEM. */
  readonly cert: string
  /** Its private key, PKCS #8 PEM. */
  readonly key: Redacted.Redacted<string>
  /** Base64 of the SHA-256 of the certificate's DER SubjectPublicKeyInfo (PROTOCOL A2). */
  readonly pin: string
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const
const day = 86_400_000
const loopback = ["localhost", "127.0.0.1", "::1"]

const pem = (label: string, der: ArrayBuffer): string => {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`
}

/**
 * Makes a P-256 certificate for loopback and the given host names and addresses, valid from a day ago for 30 days.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fn("SelfSignedCertificate.make")(function* (hosts: ReadonlyArray<string> = []) {
  const now = yield* Clock.currentTimeMillis
  const names = [...new Set([...loopback, ...hosts])]
  return yield* Effect.tryPromise({
    try: async (): Promise<SelfSignedCertificate> => {
      const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])
      const certificate = await x509.X509CertificateGenerator.createSelfSigned({
        name: "CN=D2M mediator",
        notBefore: new Date(now - day),
        notAfter: new Date(now + 30 * day),
        signingAlgorithm: algorithm,
        keys,
        extensions: [
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }))
          )
        ]
      })
      return {
        cert: certificate.toString("pem"),
        key: Redacted.make(pem("PRIVATE KEY", await webcrypto.subtle.exportKey("pkcs8", keys.privateKey))),
        pin: createHash("sha256").update(Buffer.from(certificate.publicKey.rawData)).digest("base64")
      }
    },
    catch: (cause) => new CertificateFailed({ reason: String(cause) })
  })
})
