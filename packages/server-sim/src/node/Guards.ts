/**
 * What a served mediator puts up with from strangers, as numbers and lists.
 *
 * Owns names, units, defaults and checks. The protocol's own limits (handshake deadline, idle timeout, queues, unwritten
 * bytes) are `MediatorOptions`.
 *
 * @since 0.1.0
 */
import { Limits } from "@d2m/codec"
import { type Duration, Effect, Schema, SchemaIssue } from "effect"
import { isIP } from "node:net"
import { InvalidOptions } from "../MediatorOptions.ts"
import { withMillis } from "../OptionMillis.ts"

const positive = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }))

/** Node measures its timers and `ws` its counts in 31 bits. */
const positive31 = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 0x7fff_ffff }))

const groupId = Schema.String.check(
  Schema.isPattern(/^[0-9a-fA-F]{64}$/, { expected: "a device group id: 64 hexadecimal digits" })
)

const isNetwork = (text: string): boolean => {
  const [address = "", prefix, ...rest] = text.split("/")
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128))
}

const network = Schema.String.check(
  Schema.makeFilter((text) => (isNetwork(text) ? undefined : "Expected an IP address, or one with a prefix length"))
)

/**
 * The guards of a served mediator. Times are in milliseconds, sizes in bytes. An address is an IPv4 address or the /64 of
 * an IPv6 address.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Guards = Schema.Struct({
  /**
   * Connections that are open at the same time, from the TCP handshake on; then HTTP 503. A server has fewer where the process
   * has not so many file descriptors.
   */
  maxConnections: positive,
  /** Of those, connections of one address; then HTTP 429. */
  maxConnectionsPerAddress: positive,
  /** Connections beyond these limits that may wait for their answer; more are hung up on without one. */
  maxRefusals: positive,
  /** The longest from the TCP handshake, or the last answer on the connection, to a complete upgrade; then cut. */
  upgradeDeadline: positive31,
  /** The largest head of a request; then HTTP 431. */
  maxHeaderBytes: positive31,
  /**
   * The largest WebSocket message that is read. It lies above the 65536 of a frame so that an oversized one is answered
   * with 4010; what is even larger ends with 1009. Anybody who connects may have the mediator keep as much, by beginning one.
   */
  maxMessageBytes: Schema.Int.check(Schema.isBetween({ minimum: Limits.frame + 1, maximum: 0x7fff_ffff })),
  /** Fragments of one WebSocket message, and pieces in which the network delivers a fragment; then 1008. */
  maxFragments: positive31,
  /** WebSocket pings that a client may send at once; then 1008. */
  pings: positive,
  /** Pings that it may send in the long run. */
  pingsPerMinute: positive,
  /** Handshakes of one address that may fail in a short time; then HTTP 429. */
  failedHandshakes: positive,
  /** Handshakes of one address that may fail in the long run. */
  failedHandshakesPerMinute: positive,
  /** Addresses of which failed handshakes are remembered; the ones that failed longest ago are forgotten first. */
  failingAddresses: positive,
  /** Unwritten bytes above which a client counts as a slow reader. */
  slowReaderBytes: positive,
  /** How long a client may be a slow reader, and how long the network may take none of its bytes; then it is cut. */
  slowReaderDeadline: positive31,
  /** Hexadecimal ids of the device groups that are served; then HTTP 403. `any`: a new group is born by connecting. */
  allowedGroups: Schema.Union([Schema.Literal("any"), Schema.Array(groupId)]),
  /**
   * Addresses and networks (`10.0.0.0/8`) of proxies whose `X-Forwarded-For` tells the client's address. From anybody else
   * the header means nothing.
   */
  trustedProxies: Schema.Array(network)
})

/**
 * The guards of a served mediator, as it reckons with them.
 *
 * @category models
 * @since 0.1.0
 */
export type Guards = typeof Guards.Type

const spans = ["upgradeDeadline", "slowReaderDeadline"] as const

/**
 * What a served mediator is given as its guards: some of them, and any `Duration.Input` of whole milliseconds as a time.
 *
 * @category models
 * @since 0.1.0
 */
export type GuardsInput = {
  readonly [Name in keyof Guards]?: Name extends (typeof spans)[number] ? Duration.Input : Guards[Name]
}

/**
 * What a mediator that strangers can reach does unless told otherwise.
 *
 * A device is one connection and a reconnect is rare, so that these are generous for people behind one address; a proxy
 * that is not named in `trustedProxies` is one address, too.
 *
 * @category presets
 * @since 0.1.0
 */
export const defaultGuards: Guards = {
  maxConnections: 10_000,
  maxConnectionsPerAddress: 128,
  maxRefusals: 128,
  upgradeDeadline: 10_000,
  maxHeaderBytes: 8 * 1024,
  maxMessageBytes: 128 * 1024,
  maxFragments: 4096,
  pings: 30,
  pingsPerMinute: 60,
  failedHandshakes: 20,
  failedHandshakesPerMinute: 10,
  failingAddresses: 10_000,
  slowReaderBytes: 1024 * 1024,
  slowReaderDeadline: 60_000,
  allowedGroups: "any",
  trustedProxies: []
}

/**
 * For load tests on one machine: counts nobody out. Deadlines and sizes stay.
 *
 * @category presets
 * @since 0.1.0
 */
export const openGuards: Guards = {
  ...defaultGuards,
  maxConnections: 1_000_000,
  maxConnectionsPerAddress: 1_000_000,
  failedHandshakes: 1_000_000
}

const formatIssue = SchemaIssue.makeFormatterDefault()

/**
 * Fills the given guards from {@link defaultGuards} and checks the result.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeGuards = (guards: GuardsInput = {}): Effect.Effect<Guards, InvalidOptions> =>
  Effect.fromResult(withMillis(guards, spans)).pipe(
    Effect.flatMap((given) => Effect.mapError(Guards.makeEffect({ ...defaultGuards, ...given }), formatIssue)),
    Effect.mapError((detail) => new InvalidOptions({ detail }))
  )
