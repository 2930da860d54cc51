/**
 * What happens to a device that nobody asked for and that a result does not tell.
 * Owns the closed union `DeviceEvent` and where events are published.
 * Leaves the state of the connection to `ConnectionState`.
 */
import { DeviceId, ReflectedId } from "@d2m/codec"
import { Predicate, Schema, Stream } from "effect"
import { ConnectionEnd } from "./ConnectionEnd.ts"
import { Audience } from "./SlidingPubSub.ts"

const reason = Schema.Literals(["Undecryptable", "Malformed", "HandlerFailed", "NonceReused"])

/**
 * Something worth knowing. No event carries contents, keys or nonces.
 *
 * - `Dry` the queue of this connection was delivered; `PromotedToLeader` this device leads the group
 * - `Duplicate` a message whose nonce was seen before: acked, not handled again (decision 23)
 * - `Quarantined` a message that could not be handled is kept aside under `id` (decision 20)
 * - `HandlerFailed` the handler failed on `messages` messages and will be tried again after the `tries`th try
 * - `BlobRejected` a device info, shared data or scope that did not open, or that an attacker altered
 * - `UnknownFrame` a frame type that this version does not know, ignored
 * - `StrayFrame` an ack, Dry or promotion that nothing asked for, ignored
 * - `TransactionEnded` another device's transaction is over; `LockHeld` one is in the way of ours. `scope` is absent when
 *   it could not be read
 * - `EphemeralsDropped` ephemerals that were not written before the connection ended, or not known to be: their write failed or
 *   waited for room
 * - `EphemeralsMissed` ephemerals of other devices that came and that the handler did not get: the device halted, messages are
 *   passed over, or the connection ended while they waited for room. The mediator does not send them again
 * - `PassedOver` the handler stands still: messages are not taken in until it moves, and come again, ephemerals apart
 * - `ChatFailed` the chat handler died of a defect
 * - `Disconnected` a connection ended; `warn` when its close code is none of the protocol's
 *
 * @category models
 * @since 0.1.0
 */
export const DeviceEvent = Schema.TaggedUnion({
  Dry: {},
  PromotedToLeader: {},
  Duplicate: { reflectedId: ReflectedId, ephemeral: Schema.Boolean },
  Quarantined: { id: Schema.Int, reflectedId: ReflectedId, reason, detail: Schema.String },
  HandlerFailed: { messages: Schema.Int, tries: Schema.Int, detail: Schema.String },
  BlobRejected: {
    blob: Schema.Literals(["DeviceInfo", "SharedDeviceData", "TransactionScope"]),
    deviceId: Schema.optionalKey(DeviceId),
    reason
  },
  UnknownFrame: { type: Schema.Int, length: Schema.Int },
  StrayFrame: { frame: Schema.String },
  TransactionEnded: { deviceId: DeviceId, scope: Schema.optionalKey(Schema.Int) },
  LockHeld: { deviceId: DeviceId, scope: Schema.optionalKey(Schema.Int) },
  EphemeralsDropped: { count: Schema.Int },
  EphemeralsMissed: { count: Schema.Int },
  PassedOver: {},
  ChatFailed: {},
  Disconnected: { because: ConnectionEnd, warn: Schema.Boolean }
})

/**
 * Something that happened to a device, worth telling and no error of a call.
 *
 * @category models
 * @since 0.1.0
 */
export type DeviceEvent = typeof DeviceEvent.Type

/**
 * Where events go to. Never waits: a subscriber that falls behind loses the oldest.
 *
 * @internal
 */
export interface EventLog {
  readonly emit: (event: DeviceEvent) => void
  readonly events: Stream.Stream<DeviceEvent>
  readonly end: () => void
}

/** Closes over nothing else: V8 keeps what a stream closes over until a major collection. */
const eventsOf = (log: { readonly audience: Audience<DeviceEvent | undefined>; isOver: boolean }) =>
  Stream.suspend(() => {
    const pubsub = log.audience.get(() => {
      if (log.isOver) log.audience.end(undefined)
    })
    return Stream.takeWhile(Stream.fromPubSub(pubsub), Predicate.isNotUndefined)
  })

/** @internal */
export const makeEventLog = (capacity: number, onEvent: (event: DeviceEvent) => void): EventLog => {
  const audience = new Audience<DeviceEvent | undefined>({ capacity })
  const log = { audience, isOver: false }
  return {
    emit: (event) => {
      onEvent(event)
      audience.publish(event)
    },
    events: eventsOf(log),
    end: () => {
      log.isOver = true
      audience.end(undefined)
    }
  }
}
