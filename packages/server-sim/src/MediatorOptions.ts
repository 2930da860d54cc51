/**
 * Every number a mediator decides by, with the default the project decided on (PROTOCOL section 0).
 *
 * Owns names, units, defaults and the checks between them. What a number does is told where it is used.
 *
 * @since 0.1.0
 */
import { Limits } from "@d2m/codec"
import { type Duration, Effect, Schema, SchemaIssue } from "effect"
import { withMillis } from "./OptionMillis.ts"

const positive = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }))
const version = Schema.Int.check(Schema.isUint32())

/** The shortest idle timeout that shipped clients survive: they announce 30 s themselves (decision 14). */
const shortestIdleTimeout = 30_000

const fields = Schema.Struct({
  /**
   * `true`: unknown frame types close with 4010, acks of another connection's ids with 4012. `false` (lenient): both
   * are ignored (decisions 6 and 10).
   */
  strict: Schema.Boolean,
  /** Protocol versions served; ServerHello advertises `max` (decision 4). */
  versions: Schema.Struct({ min: version, max: version }),
  /** Device slots of a group (decision 14). */
  maxDeviceSlots: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 0xffff_ffff })),
  /** The largest sealed envelope of a reflect, in bytes: at most 65516 (decision 6). */
  maxEnvelopeBytes: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Limits.envelope })),
  /** The longest a transaction may take, in ms; a TTL of 0 asks for it (decision 14). */
  transactionTtl: positive,
  /** Messages a transaction may buffer before its holder is closed with 4010 (decision 12). */
  transactionMessages: positive,
  /** Envelope bytes a transaction may buffer before its holder is closed with 4010 (decision 12). */
  transactionBytes: positive,
  /**
   * Bytes that all transactions together may buffer, the scopes and 128 for each message included; then the one that holds
   * most is given up, and its holder closed with 4010. However much somebody buffers in groups of his own, whoever holds
   * less does not pay for it.
   */
  transactionTotal: positive,
  /** How long a volatile slot outlives its connection, in ms (decision 14). */
  volatileGrace: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  /** The longest from an open socket to a ClientHello, in ms; then 4013 (decision 14). */
  handshakeDeadline: positive,
  /** The longest without a frame or a WebSocket ping of a client, in ms; then 4013 (decision 14). */
  idleTimeout: positive,
  /** Permits an `idleTimeout` below 30 s, which shipped clients do not survive (decision 14). */
  allowShortIdleTimeout: Schema.Boolean,
  /** Messages a slot's queue may hold before the slot is dropped with 4114 (decision 14). */
  queueMessages: positive,
  /** Envelope bytes a slot's queue may hold before the slot is dropped with 4114 (decision 14). */
  queueBytes: positive,
  /** The reflected-id of a new slot's first message, a u32 (decision 9). */
  firstReflectedId: Schema.Int.check(Schema.isUint32()),
  /** Messages read from a slot's queue and handed to a connection at once. */
  deliveryMessages: positive,
  /** Envelope bytes read from a slot's queue and handed to a connection at once; one message may exceed it. */
  deliveryBytes: positive,
  /** Ephemerals that may wait for their place behind a connection's pending messages; more are thrown away. */
  ephemeralMessages: positive,
  /** Envelope bytes of those ephemerals. */
  ephemeralBytes: positive,
  /** Unwritten bytes of a connection above which nothing more is taken from its queue. */
  outgoingHighWater: positive,
  /** Unwritten bytes of a connection at which its queue flows again. */
  outgoingLowWater: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  /**
   * Bytes of frames that may wait for a connection, with the mediator or in its socket, when its client asks for more: then
   * it is cut off. That takes much in one go, as above twice `outgoingHighWater` a client is not read. What others put there
   * never cuts it off: a commit may put all of a transaction there.
   */
  outgoingLimit: positive,
  /** Bytes of frames that may wait for all connections together; then the one with the most is cut off. */
  outgoingTotal: positive,
  /**
   * Bytes waiting for the store above which nothing more is read from the clients of groups that write, small commands counted
   * with half a KiB each. A sixteenth of it for each group: the others wait behind it. What one read of a socket brings, some
   * 64 KiB, comes on top for each connection.
   */
  storeHighWater: positive,
  /** Proxied bytes that wait for the chat server before the connection is closed with 4009. */
  chatHighWater: positive,
  /** Groups that stay in memory though nobody is connected; what is forgotten is read from the store when somebody is. */
  idleGroups: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  /** How long a stopping mediator waits for its store, in ms, before it closes its connections all the same. */
  shutdownTimeout: positive,
  /** Journal entries that are kept for a reader who comes late; 0 keeps none. */
  journalCapacity: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
})

/**
 * The options of a mediator. Times are in milliseconds, sizes in bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MediatorOptions = fields.check(
  Schema.makeFilter((options) => {
    if (options.versions.min > options.versions.max) return "versions.min must not exceed versions.max"
    if (options.idleTimeout < shortestIdleTimeout && !options.allowShortIdleTimeout) {
      return `idleTimeout must be at least ${shortestIdleTimeout} ms unless allowShortIdleTimeout is set`
    }
    if (options.outgoingLowWater > options.outgoingHighWater) {
      return "outgoingLowWater must not exceed outgoingHighWater"
    }
    if (options.outgoingLimit < options.outgoingHighWater + options.transactionBytes) {
      return "outgoingLimit must have room for outgoingHighWater and transactionBytes"
    }
    if (options.outgoingLimit < 2 * options.outgoingHighWater) {
      return "outgoingLimit must not be below twice outgoingHighWater, above which a client is not read"
    }
    if (options.transactionTotal < options.transactionBytes) {
      return "transactionTotal must not be below transactionBytes"
    }
    if (options.outgoingTotal < options.outgoingLimit) return "outgoingTotal must not be below outgoingLimit"
    return undefined
  })
)

/**
 * The options of a mediator, as it reckons with them. Times are in milliseconds, sizes in bytes.
 *
 * @category models
 * @since 0.1.0
 */
export type MediatorOptions = typeof MediatorOptions.Type

const spans = ["transactionTtl", "volatileGrace", "handshakeDeadline", "idleTimeout", "shutdownTimeout"] as const

/**
 * What a mediator is given as its options: some of them, and any `Duration.Input` of whole milliseconds as a time.
 *
 * @category models
 * @since 0.1.0
 */
export type MediatorOptionsInput = {
  readonly [Name in keyof MediatorOptions]?: Name extends (typeof spans)[number]
    ? Duration.Input
    : MediatorOptions[Name]
}

/**
 * Options that contradict each other or lie outside their range.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOptions extends Schema.TaggedError<InvalidOptions>()("InvalidOptions", {
  /** What is wrong, with the path of the option. */
  detail: Schema.String
}) {
  override get message(): string {
    return `invalid mediator options: ${this.detail}`
  }
}

/**
 * The strict preset: what clients should be tested against.
 *
 * @category presets
 * @since 0.1.0
 */
export const strictOptions: MediatorOptions = {
  strict: true,
  versions: { min: 0, max: 0 },
  maxDeviceSlots: 8,
  maxEnvelopeBytes: Limits.envelope,
  transactionTtl: 60_000,
  transactionMessages: 10_000,
  transactionBytes: 16 * 1024 * 1024,
  transactionTotal: 512 * 1024 * 1024,
  volatileGrace: 5 * 60_000,
  handshakeDeadline: 10_000,
  idleTimeout: 60_000,
  allowShortIdleTimeout: false,
  queueMessages: 100_000,
  queueBytes: 256 * 1024 * 1024,
  firstReflectedId: 1,
  deliveryMessages: 256,
  deliveryBytes: 256 * 1024,
  ephemeralMessages: 1_000,
  ephemeralBytes: 1024 * 1024,
  outgoingHighWater: 1024 * 1024,
  outgoingLowWater: 256 * 1024,
  outgoingLimit: 32 * 1024 * 1024,
  outgoingTotal: 512 * 1024 * 1024,
  storeHighWater: 64 * 1024 * 1024,
  chatHighWater: 1024 * 1024,
  idleGroups: 1_000,
  shutdownTimeout: 5_000,
  journalCapacity: 0
}

/**
 * The lenient preset: what a served mediator does, so that clients of another mind can live with it.
 *
 * @category presets
 * @since 0.1.0
 */
export const lenientOptions: MediatorOptions = { ...strictOptions, strict: false }

const formatIssue = SchemaIssue.makeFormatterDefault()

/**
 * Fills the given options from a preset (strict unless told) and checks the result.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeOptions = (
  options: MediatorOptionsInput = {},
  preset: MediatorOptions = strictOptions
): Effect.Effect<MediatorOptions, InvalidOptions> =>
  Effect.fromResult(withMillis(options, spans)).pipe(
    Effect.flatMap((given) => Effect.mapError(MediatorOptions.makeEffect({ ...preset, ...given }), formatIssue)),
    Effect.mapError((detail) => new InvalidOptions({ detail }))
  )
