/**
 * The way from an address to a byte stream one may talk on: TCP, TLS, and the pin, before a single byte of HTTP.
 * Owns trust in the server's certificate and the errors of getting there.
 * Leaves the WebSocket upgrade, and the socket once it is handed over, to the connection.
 */
import { Effect, Redacted } from "effect"
import { constants } from "node:crypto"
import * as Net from "node:net"
import * as Tls from "node:tls"
import {
  CertificateRejected,
  type OpenError,
  PinMismatch,
  platformError,
  TlsFailed,
  Unreachable
} from "../TransportError.ts"
import type { WebSocketUrl } from "../WebSocketUrl.ts"
import { certificatePin } from "./Pins.ts"

/**
 * TLS as an application may set it. What decides about trust is not here.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsOptions {
  /** Certificate authorities (PEM or DER) to trust instead of the system's; a self-signed certificate is its own. */
  readonly ca?: string | Uint8Array | ReadonlyArray<string | Uint8Array>
  /** The client's own certificate chain, PEM, for servers that ask for one. */
  readonly cert?: string | Uint8Array
  /** The key of `cert`, PEM. */
  readonly key?: Redacted.Redacted<string | Uint8Array>
  readonly passphrase?: Redacted.Redacted
  readonly minVersion?: "TLSv1.2" | "TLSv1.3"
}

/** @internal */
export interface Target {
  readonly url: WebSocketUrl
  readonly tls: TlsOptions
  /** The leaf's key must be one of these; undefined: not pinned, then `verifyChain` is true. */
  readonly pins: ReadonlyArray<string> | undefined
  /** Whether chain, dates and host name are verified. */
  readonly verifyChain: boolean
}

type Bytes = string | Buffer
const nodeBytes = (value: string | Uint8Array): Bytes =>
  typeof value === "string" ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)

// Named one by one: an option that weakens trust or resumes a session must not slip in from an untyped caller.
const secureOptions = ({ tls, url, verifyChain }: Target): Tls.ConnectionOptions => {
  const { ca } = tls
  return {
    host: url.host,
    port: url.port,
    ...(Net.isIP(url.host) === 0 ? { servername: url.host } : {}),
    rejectUnauthorized: verifyChain,
    minVersion: tls.minVersion ?? "TLSv1.2",
    ALPNProtocols: ["http/1.1"],
    // A second handshake could show another key, behind the check. `disableRenegotiation` keeps only servers from it.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(ca === undefined
      ? {}
      : { ca: typeof ca === "string" || ca instanceof Uint8Array ? nodeBytes(ca) : ca.map(nodeBytes) }),
    ...(tls.cert === undefined ? {} : { cert: nodeBytes(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: nodeBytes(Redacted.value(tls.key)) }),
    ...(tls.passphrase === undefined ? {} : { passphrase: Redacted.value(tls.passphrase) })
  }
}

/**
 * What an error of the socket means before the connection is open.
 *
 * @internal
 */
export const dialError = (error: unknown, target: Target, socket: Net.Socket | undefined): OpenError => {
  const { code, detail } = platformError(error)
  const { address, host } = target.url
  if (socket instanceof Tls.TLSSocket && target.verifyChain && socket.authorizationError) {
    return new CertificateRejected({ code: String(socket.authorizationError), host, detail })
  }
  return code.startsWith("ERR_SSL") || code.startsWith("ERR_TLS") || code === "EPROTO"
    ? new TlsFailed({ code, address, detail })
    : new Unreachable({ code, address, detail })
}

const distrust = (socket: Tls.TLSSocket, { pins, url, verifyChain }: Target): OpenError | undefined => {
  const { host } = url
  if (verifyChain && !socket.authorized) {
    const code = String(socket.authorizationError)
    return new CertificateRejected({ code, host, detail: "it was not verified" })
  }
  if (pins === undefined) return undefined
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) {
    return new CertificateRejected({ code: "NO_CERTIFICATE", host, detail: "the server showed none" })
  }
  try {
    const found = certificatePin(certificate)
    return pins.includes(found) ? undefined : new PinMismatch({ host, expected: pins, found })
  } catch (cause) {
    return new CertificateRejected({ code: "UNREADABLE_KEY", host, detail: platformError(cause).detail })
  }
}

/**
 * Opens the byte stream. The socket it succeeds with has been given to `onSocket` from the start, is trusted, and has an
 * error listener; interrupting destroys it.
 *
 * @internal
 */
export const dial = (
  target: Target,
  on: { readonly socket: (socket: Net.Socket) => void; readonly phase: (phase: "tls" | "upgrade") => void }
): Effect.Effect<Net.Socket, OpenError> =>
  Effect.callback((resume) => {
    const { url } = target
    const fail = (error: OpenError) => {
      socket.destroy()
      resume(Effect.fail(error))
    }
    const done = () => {
      socket.off("error", onError)
      socket.off("close", onClose)
      on.phase("upgrade")
      resume(Effect.succeed(socket))
    }
    const onError = (error: Error) => fail(dialError(error, target, socket))
    const onClose = () =>
      fail(new Unreachable({ code: "ECONNRESET", address: url.address, detail: "the server hung up" }))

    let socket: Net.Socket
    if (url.secure) {
      let secure: Tls.TLSSocket
      try {
        secure = Tls.connect(secureOptions(target))
      } catch (cause) {
        const { code, detail } = platformError(cause)
        return resume(Effect.fail(new TlsFailed({ code, address: url.address, detail })))
      }
      secure.once("connect", () => on.phase("tls"))
      secure.once("secureConnect", () => {
        const error = distrust(secure, target)
        if (error === undefined) done()
        else fail(error)
      })
      socket = secure
    } else {
      socket = Net.connect({ host: url.host, port: url.port })
      socket.once("connect", done)
    }
    on.socket(socket)
    // Kept for the socket's whole life: an error after a failure or a hang-up has nobody else to hear it.
    socket.on("error", () => undefined)
    socket.on("error", onError)
    socket.on("close", onClose)
    return Effect.sync(() => socket.destroy())
  })
