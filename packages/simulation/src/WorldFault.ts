/**
 * What can go wrong in a world, as data.
 *
 * Owns the vocabulary and its JSON form. Making one happen is `Faults`'; which of them happen in a seed, `Swarm`'s.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { count, httpRefusal, millis, retryAfter, skew, u32 } from "./Quantity.ts"

const device = Schema.String
/** How long it lasts, in ms. */
const lasts = millis
const way = Schema.Literals(["up", "down"])
/** From a byte a second to more than any network carries. */
const bytesPerMilli = Schema.Finite.check(Schema.isBetween({ minimum: 0.001, maximum: 1_000_000 }))

/**
 * What a mediator does that a faithful one never does (PROTOCOL D34).
 *
 * - `LoseAcks`, `DuplicateAcks`, `ReorderAcks`: of reflects, to the device; or other frames that it waits for, by
 *   {@link MisbehaviourFrame}
 * - `LoseReflected`, `DuplicateReflected`: a message that the mediator says it has sent
 * - `AlteredReflected`: a message with another last byte, which nobody can open
 * - `ReplayNonces`: an earlier message again, under a new reflected-id
 * - `AlteredBlobs`: device infos and shared data with the same nonce and other bytes
 * - `EndedBeforeRejected`: the end of a transaction overtakes the word that it is in the way
 * - `LeaderBeforeDry`, `SecondDry`
 * - `LongHeaders`: reflected frames with a header of 20 bytes
 * - `UnknownTypes`: frames of types that nobody knows
 * - `WrongSlotState`: ServerInfo contradicts what the device expects
 * - `Garbage`: bytes that are no frame: what it has just sent, cut short, with bits flipped, too long or of another type; or
 *   noise
 * - `StrayAnswers`: answers that nothing asked for
 * - `TextMessages`
 *
 * @category schemas
 * @since 0.1.0
 */
export const Misbehaviour = Schema.Literals([
  "LoseAcks",
  "DuplicateAcks",
  "ReorderAcks",
  "LoseReflected",
  "DuplicateReflected",
  "AlteredReflected",
  "ReplayNonces",
  "AlteredBlobs",
  "EndedBeforeRejected",
  "LeaderBeforeDry",
  "SecondDry",
  "LongHeaders",
  "UnknownTypes",
  "WrongSlotState",
  "Garbage",
  "StrayAnswers",
  "TextMessages"
])

/**
 * What a mediator does that a faithful one never does.
 *
 * @category models
 * @since 0.1.0
 */
export type Misbehaviour = typeof Misbehaviour.Type

/**
 * What `LoseAcks`, `DuplicateAcks` and `ReorderAcks` do their deed to: a frame that a device waits for.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MisbehaviourFrame = Schema.Literals([
  "ReflectAck",
  "BeginTransactionAck",
  "CommitTransactionAck",
  "TransactionRejected",
  "TransactionEnded",
  "DropDeviceAck",
  "DevicesInfo",
  "ReflectionQueueDry",
  "RolePromotedToLeader"
])

/**
 * What `LoseAcks`, `DuplicateAcks` and `ReorderAcks` do their deed to.
 *
 * @category models
 * @since 0.1.0
 */
export type MisbehaviourFrame = typeof MisbehaviourFrame.Type

/**
 * Something that goes wrong.
 *
 * Of the network, for one device: `Stall` nothing moves in a direction, or in both (a half-open connection, a
 * partition); nothing is lost, it moves on afterwards · `Delay` everything takes longer · `Slow` a direction carries no
 * more than so many bytes a ms · `Refuse` dials fail · `RefuseUpgrade` they are answered with a status of HTTP in the place of
 * a WebSocket, and a `Retry-After` of so many ms, or none when it is 0 · `Reset` both ends see 1006 · `Vanish` both ends stay
 * open, and what is sent on the present connection vanishes · `LoseCloseCodes` the device sees 1006 in the place of the
 * mediator's codes · `SlowReader` its host reads one message each `gap` ms and no more
 *
 * Of a device: `Crash` and come back `downFor` ms later, with or without what was on its disk; `isTold`, the mediator hears of
 * it · `Pause` and go on · `ClockJump` its clock shows something else from now on · `Twin` a second machine connects as the
 * same device · `DiskFull` its store fails · `HandlerFails`, `HandlerStalls`, `HandlerSlow` what the application does with messages; the
 * last takes `by` ms longer for each batch · `ChatHandlerFails`, `ChatHandlerStalls`, `ChatHandlerSlow` the same for what it does
 * with messages of the chat server, one by one; one that fails `Ends` before its connection does · `Garble` what it reflects is sealed as it should be the next `count` times, and
 * no message inside: nobody can read it
 *
 * Of the mediator: `MediatorCrash`; of what it was writing, the first `kept` writes reach the disk, the others do not ·
 * `MediatorRestart` in an orderly way, with 1001 · `StoreFails` its store fails, with 1011 · `StoreSlow` its store takes
 * so many ms · `ChatFails` the chat server cannot be reached, ends, or fails; or it says with a
 * close-error whether one may come back, and ends `lasts` ms later · `Misbehave` the next `count` times there is
 * an occasion; `frame` is what acks stand for where they are not those of reflects
 *
 * @category schemas
 * @since 0.1.0
 */
export const WorldFault = Schema.TaggedUnion({
  Stall: { device, ways: Schema.Array(way), lasts },
  Delay: { device, way, by: millis, lasts },
  Slow: { device, way, bytesPerMilli, lasts },
  Refuse: { device, lasts },
  RefuseUpgrade: { device, status: httpRefusal, retryAfter, lasts },
  Reset: { device },
  Vanish: { device },
  LoseCloseCodes: { device, lasts },
  SlowReader: { device, gap: millis, lasts },
  Crash: { device, downFor: millis, withoutStorage: Schema.Boolean, isTold: Schema.Boolean },
  Pause: { device, lasts },
  ClockJump: { device, by: skew },
  Twin: { device, lasts },
  DiskFull: { device, lasts },
  HandlerFails: { device, how: Schema.Literals(["Fails", "Dies"]), lasts },
  HandlerStalls: { device, lasts },
  HandlerSlow: { device, by: millis, lasts },
  ChatHandlerFails: { device, how: Schema.Literals(["Ends", "Dies"]), lasts },
  ChatHandlerStalls: { device, lasts },
  ChatHandlerSlow: { device, by: millis, lasts },
  Garble: { device, count },
  MediatorCrash: { downFor: millis, kept: u32, isTold: Schema.Boolean },
  MediatorRestart: { downFor: millis },
  StoreFails: { lasts },
  StoreSlow: { by: millis, lasts },
  ChatFails: {
    how: Schema.Literals(["Unreachable", "Ended", "Failed", "CanReconnect", "CannotReconnect"]),
    lasts
  },
  Misbehave: { device, how: Misbehaviour, count, frame: Schema.optionalKey(MisbehaviourFrame) }
})

/**
 * Something that goes wrong.
 *
 * @category models
 * @since 0.1.0
 */
export type WorldFault = typeof WorldFault.Type

/**
 * The deeds that a `Misbehave` may have a `frame` for; to others it means nothing, and a schedule that has one is refused.
 *
 * @category constants
 * @since 0.1.0
 */
export const ackDeeds = ["LoseAcks", "DuplicateAcks", "ReorderAcks"] as const satisfies ReadonlyArray<Misbehaviour>

/**
 * Whether a deed may have a `frame`.
 *
 * @category predicates
 * @since 0.1.0
 */
export const hasFrame = (how: Misbehaviour): boolean => ackDeeds.some((deed) => deed === how)

/**
 * What sets a fault apart from others of its kind, where that makes another fault of it: the direction, the manner,
 * whether storage is lost. A summary counts them one by one.
 *
 * @category getters
 * @since 0.1.0
 */
export const detailOf = (fault: WorldFault): string | undefined => {
  switch (fault._tag) {
    case "Stall":
      return fault.ways.length > 1 ? "both" : fault.ways[0]
    case "Delay":
    case "Slow":
      return fault.way
    case "Crash":
      return fault.withoutStorage ? "withoutStorage" : "withStorage"
    case "ClockJump":
      return fault.by < 0 ? "back" : "ahead"
    case "RefuseUpgrade":
      return fault.retryAfter > 0 ? "withRetryAfter" : "withoutRetryAfter"
    case "MediatorCrash":
      return fault.isTold ? "told" : "untold"
    case "HandlerFails":
    case "ChatHandlerFails":
    case "ChatFails":
      return fault.how
    case "Misbehave":
      return fault.frame === undefined || fault.frame === "ReflectAck" ? fault.how : `${fault.how}:${fault.frame}`
    default:
      return undefined
  }
}
