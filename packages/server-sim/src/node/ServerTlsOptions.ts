/**
 * Key and certificate of a served mediator.
 *
 * Owns reading and checking them, so that a bad pair is found before anything listens, and looking for a renewed one.
 *
 * @since 0.1.0
 */
import { Effect, Redacted, Result } from "effect"
import { readFileSync } from "node:fs"
import { createSecureContext, type SecureContextOptions } from "node:tls"
import { ListenError } from "./ListenAddress.ts"

/**
 * A private key and a certificate chain, in PEM: as text, or as files that hold it. Files are read again each minute: new
 * connections get what is renewed, and those that are open stay. What cannot be read then, or does not belong together, is
 * not served, and the log says so. Devices pin the key: to a new one only those come that have its pin as well.
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

const renewalInterval = "1 minute"

/** Reads the pair again and again, and serves what has changed since `first`. */
export const serveRenewed = (
  tls: ServerTlsOptions,
  address: { readonly host: string; readonly port: number },
  first: TlsPair,
  serve: (pair: TlsPair) => void
): Effect.Effect<void> => {
  if ("key" in tls) return Effect.void
  let served = first
  /** Why the pair could not be read, the last time. */
  let failed: string | undefined
  let isTold = false
  const renewed = (pair: TlsPair): Effect.Effect<void> => {
    failed = undefined
    isTold = false
    if (pair.cert === served.cert && pair.key === served.key) return Effect.void
    serve(pair)
    served = pair
    return Effect.logInfo("a renewed certificate is served")
  }
  // One half of a pair is written before the other: that is told when it stays so.
  const unusable = ({ detail }: ListenError): Effect.Effect<void> => {
    const isNews = failed === detail && !isTold
    isTold = failed === detail
    failed = detail
    return isNews
      ? Effect.annotateLogs(Effect.logWarning("the certificate cannot be renewed"), { why: detail })
      : Effect.void
  }
  const look = Effect.flatMap(
    Effect.result(readTls(tls, address)),
    Result.match({ onFailure: unusable, onSuccess: renewed })
  )
  return Effect.forever(Effect.andThen(Effect.sleep(renewalInterval), look))
}
