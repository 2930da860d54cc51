/**
 * The address of a mediator as the transports dial it.
 * Owns what may be dialled at all: the schemes, and plaintext only to this machine unless told otherwise (decision 28).
 * Leaves the path, which names the device group, to `@d2m/codec`, and pins to the platform that can check them.
 */
import { Result } from "effect"
import { InvalidUrl, PlaintextRefused } from "./TransportError.ts"

/**
 * A checked address: `host` is lower case, without brackets and without the root's dot; `address` is for messages.
 *
 * @internal
 */
export interface WebSocketUrl {
  readonly href: string
  readonly secure: boolean
  readonly host: string
  readonly port: number
  readonly address: string
}

/**
 * A host name as pins and rules compare it.
 *
 * @internal
 */
export const normalizeHost = (host: string): string =>
  host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "")

const isLoopback = (host: string): boolean =>
  host === "localhost" || host.endsWith(".localhost") || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host)

/** What is no URL may still hold a password, or a key behind its path. */
const withoutSecrets = (url: string): string => url.replace(/[?#].*$/s, "").replace(/^([^/@]*\/\/)?[^/]*@/, "$1")

/**
 * Checks an address before anything is dialled.
 *
 * @internal
 */
export const parseWebSocketUrl = (
  url: string,
  allowPlaintext: boolean
): Result.Result<WebSocketUrl, InvalidUrl | PlaintextRefused> => {
  if (!URL.canParse(url)) return Result.fail(new InvalidUrl({ url: withoutSecrets(url), detail: "it is not a URL" }))
  const parsed = new URL(url)
  const bare = `${parsed.protocol}//${parsed.host}${parsed.pathname}`
  const refuse = (detail: string) => Result.fail(new InvalidUrl({ url: bare, detail }))
  if (parsed.protocol !== "ws:" && parsed.protocol !== "wss:") {
    return Result.fail(new InvalidUrl({ url: withoutSecrets(url), detail: "its scheme is neither ws: nor wss:" }))
  }
  if (parsed.username !== "" || parsed.password !== "") return refuse("it carries a user name or password")
  if (parsed.hash !== "") return refuse("it carries a fragment")
  const secure = parsed.protocol === "wss:"
  const host = normalizeHost(parsed.hostname)
  if (!secure && !allowPlaintext && !isLoopback(host)) {
    return Result.fail(new PlaintextRefused({ host, detail: "it is not this machine; use wss: or allowPlaintext" }))
  }
  const port = parsed.port === "" ? (secure ? 443 : 80) : Number(parsed.port)
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`
  return Result.succeed({ href: parsed.href, secure, host, port, address })
}
