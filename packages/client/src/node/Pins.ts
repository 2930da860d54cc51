/**
 * Pins of server keys, as configuration: which hosts must show which public keys (PROTOCOL A2, decision 28).
 * Owns the rules' meaning and the computation of a certificate's pin.
 * Leaves to the dialling that nothing is sent before the pin was checked.
 */
import { Result } from "effect"
import { createHash, X509Certificate } from "node:crypto"
import { isIP } from "node:net"
import { InvalidPinRule } from "../TransportError.ts"
import { normalizeHost } from "../WebSocketUrl.ts"

/**
 * The keys a host may have.
 *
 * `host` is an exact host name (ASCII, without a port; or an IP address, IPv6 in its shortest form) or `*.` and a name,
 * which stands for exactly one more label: `*.example.org` is `a.example.org`, neither `example.org` nor
 * `a.b.example.org`. It is written as the `hostname` of a URL; case, brackets and the root's dot do not count. Each pin
 * is the standard base64 of the SHA-256 of a DER SubjectPublicKeyInfo (44 characters); one of them must be the leaf's.
 * Exact rules go before wildcards; several rules for one host add up.
 *
 * @category models
 * @since 0.1.0
 */
export interface PinRule {
  readonly host: string
  readonly pins: readonly [string, ...Array<string>]
}

const isPin = (pin: string): boolean => {
  const bytes = Buffer.from(pin, "base64")
  return bytes.length === 32 && bytes.toString("base64") === pin
}

const hostPattern = /^(\*\.)?[^*/\s]+$/

/** A rule is compared with what a URL says of a host. An address has no labels: none is written `*.0.0.1`. */
const flawOfHost = (host: string): string | undefined => {
  if (!hostPattern.test(host)) return "a host is a name, or *. and a name"
  const name = normalizeHost(host)
  if (name.split(".").includes("")) return "a label of it is empty"
  const url = `wss://${isIP(name) === 6 ? `[${name}]` : name}`
  if (!URL.canParse(url)) return "no URL has such a host"
  const written = normalizeHost(new URL(url).hostname)
  return written === name ? undefined : `write ${written}: that is how a URL names this host`
}

const flaw = (rule: PinRule): string | undefined => {
  const ofHost = flawOfHost(rule.host)
  if (ofHost !== undefined) return ofHost
  if (rule.pins.length === 0) return "it has no pins"
  const bad = rule.pins.find((pin) => !isPin(pin))
  return bad === undefined ? undefined : `${JSON.stringify(bad)} is not the base64 of a SHA-256`
}

/**
 * The pins that hold for a host: undefined when no rule names it. A rule that could never match fails, whatever the
 * host, so that a slip of the pen is not found out years later.
 *
 * @category combinators
 * @since 0.1.0
 */
export const pinsFor = (
  host: string,
  rules: ReadonlyArray<PinRule>
): Result.Result<ReadonlyArray<string> | undefined, InvalidPinRule> => {
  for (const rule of rules) {
    const detail = flaw(rule)
    if (detail !== undefined) return Result.fail(new InvalidPinRule({ host: rule.host, detail }))
  }
  const name = normalizeHost(host)
  const named = (pattern: string) => rules.filter((rule) => normalizeHost(rule.host) === pattern)
  const exact = named(name)
  const matching = exact.length > 0 ? exact : named(name.replace(/^[^.]+/, "*"))
  return Result.succeed(matching.length === 0 ? undefined : matching.flatMap((rule) => rule.pins))
}

/**
 * The pin of a certificate (PEM, DER or parsed): base64 of the SHA-256 of its DER SubjectPublicKeyInfo.
 *
 * Throws what `node:crypto` throws when the bytes are no certificate.
 *
 * @category combinators
 * @since 0.1.0
 */
export const certificatePin = (certificate: string | Uint8Array | X509Certificate): string => {
  const parsed = certificate instanceof X509Certificate ? certificate : new X509Certificate(certificate)
  return createHash("sha256")
    .update(parsed.publicKey.export({ type: "spki", format: "der" }))
    .digest("base64")
}
