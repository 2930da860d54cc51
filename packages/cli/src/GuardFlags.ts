/**
 * What a mediator that strangers can reach puts up with, as options of `d2m serve`.
 *
 * Owns the flags and the list of device groups in a file. What each limit does is told where it is kept: `Guards` and
 * `MediatorOptions` of the server.
 *
 * @since 0.1.0
 */
import { type InvalidOptions, lenientOptions, type MediatorOptions } from "@d2m/server-sim"
import { defaultGuards, type Guards } from "@d2m/server-sim/node"
import { Effect, FileSystem, Option, Runtime, Schema } from "effect"
import { Flag } from "effect/cli"
import { FilePath } from "./FilePath.ts"
import { fileReason } from "./FileReason.ts"

/**
 * A list of device groups that cannot be used.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnusableGroupList extends Schema.TaggedError<UnusableGroupList>()("UnusableGroupList", {
  path: Schema.String,
  reason: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 2
  override get message(): string {
    return `--allow-groups ${this.path}: ${this.reason}`
  }
}

/**
 * Options that contradict each other, or that no option alone can tell are wrong.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnusableOptions extends Schema.TaggedError<UnusableOptions>()("UnusableOptions", {
  detail: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 2
  override get message(): string {
    return this.detail
  }
}

const flagOf: ReadonlyMap<string, string> = new Map([
  ["outgoingLimit", "--outgoing-mib"],
  ["outgoingTotal", "--outgoing-total-mib"],
  ["transactionBytes", "--transaction-mib"],
  ["transactionTotal", "--transaction-total-mib"],
  ["trustedProxies", "--trust-proxy"]
])

/**
 * What the mediator says is wrong with its options, in the words of the command line.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unusable = ({ detail }: InvalidOptions): UnusableOptions =>
  new UnusableOptions({
    detail: detail.replace(/\b[a-z]+[A-Z]\w*/g, (name) => flagOf.get(name) ?? name).replace(/\n +at /g, " at ")
  })

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

/**
 * A whole number of something: from one to two million unless told.
 *
 * @category flags
 * @since 0.1.0
 */
export const count = (name: string, description: string, otherwise: number, minimum = 1, maximum = 2_000_000) =>
  Flag.Int(name).pipe(
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum, maximum }))),
    Flag.withDescription(`${description}; ${otherwise} unless given`),
    Flag.withDefault(otherwise)
  )

const groupIdPattern = /^[0-9a-fA-F]{64}$/

/**
 * The options that guard a mediator.
 *
 * @category flags
 * @since 0.1.0
 */
export const guardFlags = {
  maxConnections: count("max-connections", "Open connections in all", defaultGuards.maxConnections),
  maxConnectionsPerAddress: count(
    "max-connections-per-address",
    "Open connections of one IPv4 address or IPv6 /64",
    defaultGuards.maxConnectionsPerAddress
  ),
  maxRefusals: count(
    "max-refusals",
    "Connections beyond that which may wait for their refusal; more are hung up on",
    defaultGuards.maxRefusals
  ),
  maxFailedHandshakes: count(
    "max-failed-handshakes",
    "Handshakes of one address that may fail in a minute; twice as many at once",
    defaultGuards.failedHandshakesPerMinute
  ),
  trustProxy: Flag.String("trust-proxy").pipe(
    Flag.withDescription("Address or network of a proxy whose X-Forwarded-For is believed; may be repeated"),
    Flag.withMetavar("ADDRESS"),
    Flag.atLeast(0)
  ),
  allowGroup: Flag.String("allow-group").pipe(
    Flag.withSchema(
      Schema.String.check(Schema.isPattern(groupIdPattern, { expected: "a device group id: 64 hexadecimal digits" }))
    ),
    Flag.withDescription("Id of a device group to serve, and no others; may be repeated"),
    Flag.withMetavar("HEX"),
    Flag.atLeast(0)
  ),
  allowGroups: Flag.String("allow-groups").pipe(
    Flag.withSchema(FilePath),
    Flag.withDescription("File with the ids of the device groups to serve, one a line; # begins a comment"),
    Flag.withMetavar("FILE"),
    Flag.optional
  ),
  handshakeDeadline: count(
    "handshake-deadline",
    "Longest from a connection to its upgrade, and from there to the ClientHello, in seconds",
    lenientOptions.handshakeDeadline / 1000
  ),
  idleTimeout: count(
    "idle-timeout",
    "Longest without a frame or ping of a client, in seconds; at least 30",
    lenientOptions.idleTimeout / 1000,
    30
  ),
  maxHeaderKibibytes: count(
    "max-header-kib",
    "Largest head of a request, in KiB",
    defaultGuards.maxHeaderBytes / kibibyte
  ),
  maxMessageKibibytes: count(
    "max-message-kib",
    "Largest WebSocket message that is read, in KiB; more than the 64 of a frame",
    defaultGuards.maxMessageBytes / kibibyte,
    65
  ),
  maxFragments: count("max-fragments", "Fragments of one WebSocket message", defaultGuards.maxFragments),
  maxPings: count(
    "max-pings",
    "WebSocket pings of one client in a minute; half as many at once",
    defaultGuards.pingsPerMinute
  ),
  slowReaderDeadline: count(
    "slow-reader-deadline",
    "How long a client may hardly read what it is sent, in seconds",
    defaultGuards.slowReaderDeadline / 1000
  ),
  slowReaderMebibytes: count(
    "slow-reader-mib",
    "MiB that may wait for a client for longer than that",
    defaultGuards.slowReaderBytes / mebibyte
  ),
  outgoingMebibytes: count(
    "outgoing-mib",
    "MiB that may wait for one client when it asks for more; at least 1 more than --transaction-mib",
    lenientOptions.outgoingLimit / mebibyte
  ),
  outgoingTotalMebibytes: count(
    "outgoing-total-mib",
    "MiB that may wait for all clients together",
    lenientOptions.outgoingTotal / mebibyte
  ),
  transactionMessages: count(
    "transaction-messages",
    "Messages that one transaction may have",
    lenientOptions.transactionMessages
  ),
  transactionMebibytes: count(
    "transaction-mib",
    "MiB that one transaction may have",
    lenientOptions.transactionBytes / mebibyte
  ),
  transactionTotalMebibytes: count(
    "transaction-total-mib",
    "MiB that the transactions of all groups together may have",
    lenientOptions.transactionTotal / mebibyte
  ),
  queueMessages: count("queue-messages", "Messages that may wait for one device", lenientOptions.queueMessages),
  queueMebibytes: count("queue-mib", "MiB that may wait for one device", lenientOptions.queueBytes / mebibyte)
}

/** What the options say. */
export interface GuardSettings {
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly maxRefusals: number
  readonly maxFailedHandshakes: number
  readonly trustProxy: ReadonlyArray<string>
  readonly allowGroup: ReadonlyArray<string>
  readonly allowGroups: Option.Option<string>
  readonly handshakeDeadline: number
  readonly idleTimeout: number
  readonly maxHeaderKibibytes: number
  readonly maxMessageKibibytes: number
  readonly maxFragments: number
  readonly maxPings: number
  readonly slowReaderDeadline: number
  readonly slowReaderMebibytes: number
  readonly outgoingMebibytes: number
  readonly outgoingTotalMebibytes: number
  readonly transactionMessages: number
  readonly transactionMebibytes: number
  readonly transactionTotalMebibytes: number
  readonly queueMessages: number
  readonly queueMebibytes: number
}

const listedGroups = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    fs.readFileString(path),
    (error) => new UnusableGroupList({ path, reason: `it cannot be read: ${fileReason(error)}` })
  )
  const groups: Array<string> = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const id = line.replace(/#.*$/, "").trim()
    if (id === "") continue
    if (!groupIdPattern.test(id)) {
      return yield* new UnusableGroupList({ path, reason: `line ${index + 1} is not 64 hexadecimal digits` })
    }
    groups.push(id)
  }
  return groups
})

/**
 * The guards that the options ask for. A list of groups that is empty lets nobody in.
 *
 * @category reading
 * @since 0.1.0
 */
export const guardsOf = Effect.fnUntraced(function* (settings: GuardSettings) {
  const isOpen = Option.isNone(settings.allowGroups) && settings.allowGroup.length === 0
  const listed = Option.isSome(settings.allowGroups) ? yield* listedGroups(settings.allowGroups.value) : []
  const guards: Partial<Guards> = {
    maxConnections: settings.maxConnections,
    maxConnectionsPerAddress: settings.maxConnectionsPerAddress,
    maxRefusals: settings.maxRefusals,
    failedHandshakes: 2 * settings.maxFailedHandshakes,
    failedHandshakesPerMinute: settings.maxFailedHandshakes,
    trustedProxies: settings.trustProxy,
    allowedGroups: isOpen ? "any" : [...settings.allowGroup, ...listed],
    upgradeDeadline: settings.handshakeDeadline * 1000,
    maxHeaderBytes: settings.maxHeaderKibibytes * kibibyte,
    maxMessageBytes: settings.maxMessageKibibytes * kibibyte,
    maxFragments: settings.maxFragments,
    pings: Math.ceil(settings.maxPings / 2),
    pingsPerMinute: settings.maxPings,
    slowReaderDeadline: settings.slowReaderDeadline * 1000,
    slowReaderBytes: settings.slowReaderMebibytes * mebibyte
  }
  return guards
})

/**
 * The limits of the protocol that the options set.
 *
 * @category reading
 * @since 0.1.0
 */
export const limitsOf = (settings: GuardSettings): Partial<MediatorOptions> => ({
  handshakeDeadline: settings.handshakeDeadline * 1000,
  idleTimeout: settings.idleTimeout * 1000,
  transactionMessages: settings.transactionMessages,
  transactionBytes: settings.transactionMebibytes * mebibyte,
  transactionTotal: settings.transactionTotalMebibytes * mebibyte,
  queueMessages: settings.queueMessages,
  queueBytes: settings.queueMebibytes * mebibyte,
  outgoingLimit: settings.outgoingMebibytes * mebibyte,
  outgoingTotal: settings.outgoingTotalMebibytes * mebibyte
})
