/**
 * Key and certificate of a served mediator.
 *
 * Owns reading and checking them, so that a bad pair is found before anything listens.
 *
 * @since 0.1.0
 */
import { Effect, Redacted } from "effect"
import { readFileSync } from "node:fs"
import { createSecureContext, type SecureContextOptions } from "node:tls"
import { ListenError } from "./ListenAddress.ts"

/**
 * A private key and a certificate chain, in PEM: as text, or as files that hold it.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerTlsOptions =
  | { readonly key: Redacted.Redacted<string>; readonly cert: string }
  | { readonly keyFile: string; readonly certFile: string }

/** A pair that Node accepts. */
export interface TlsPair {
  readonly key: string
  readonly cert: string
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Whether Node takes this for what it is to be; it takes nothing at all for nothing to say, and then no handshake succeeds. */
const check = (what: string, pem: string, options: SecureContextOptions): void => {
  if (pem.trim() === "") throw new Error(`there is no ${what}`)
  try {
    createSecureContext(options)
  } catch (cause) {
    throw new Error(`the ${what} is unusable: ${messageOf(cause)}`, { cause })
  }
}

const checkPair = (tls: ServerTlsOptions, pair: TlsPair): void => {
  const [key, cert] = "key" in tls ? ["", ""] : [` in ${tls.keyFile}`, ` in ${tls.certFile}`]
  check(`certificate${cert}`, pair.cert, { cert: pair.cert })
  check(`private key${key}`, pair.key, { key: pair.key })
  try {
    createSecureContext({ ...pair })
  } catch (cause) {
    const detail = `the private key${key} and the certificate${cert} do not belong together: ${messageOf(cause)}`
    throw new Error(detail, { cause })
  }
}

/** Reads the pair and checks that its halves belong together. */
export const readTls = (
  tls: ServerTlsOptions,
  address: { readonly host: string; readonly port: number }
): Effect.Effect<TlsPair, ListenError> =>
  Effect.gen(function* () {
    const pair = yield* Effect.try({
      try: (): TlsPair =>
        "key" in tls
          ? { key: Redacted.value(tls.key), cert: tls.cert }
          : { key: readFileSync(tls.keyFile, "utf8"), cert: readFileSync(tls.certFile, "utf8") },
      catch: (cause) => new ListenError({ ...address, reason: "TlsUnreadable", detail: messageOf(cause) })
    })
    yield* Effect.try({
      try: () => checkPair(tls, pair),
      catch: (cause) => new ListenError({ ...address, reason: "TlsInvalid", detail: messageOf(cause) })
    })
    return pair
  })
