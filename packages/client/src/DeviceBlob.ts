/**
 * The boxes that a mediator keeps and serves again and again: device infos and shared device data.
 * Owns their padding and the rule for their nonces, of which each source has a latest one (PROTOCOL B4, decision 23): only
 * the latest may come again, and what this device has sent and the mediator has not served yet.
 * Leaves the messages inside to `Devices` and the handshake.
 */
import {
  Box,
  type BoxKey,
  type BoxUse,
  type ClientFrame,
  type Crypto,
  decodeMessage,
  type DecodeError,
  encodeClientFrame,
  Limits,
  padEncoded,
  ReflectedId,
  Timestamp
} from "@d2m/codec"
import { Clock, Effect, Option, Result } from "effect"
import type { SecureRandom } from "effect/crypto"
import type { EventLog } from "./DeviceEvent.ts"
import type { BlobSource, DeviceStore, LatestBlob, DeviceStoreError } from "./DeviceStore.ts"

/**
 * Why a blob's contents cannot be told. `NonceReused` means that somebody altered it, or that the mediator serves one that
 * was replaced or is another source's: a box does not say whose it is.
 *
 * @category models
 * @since 0.1.0
 */
export type BlobRejection = "Undecryptable" | "Malformed" | "NonceReused"

type Message = Parameters<typeof decodeMessage>[0]

/**
 * How long the plaintext of a blob may be, padding included, for the frame around it to be no larger than a container.
 *
 * @internal
 */
export const plainRoom = <Use extends BoxUse>(use: Use, frameAround: (box: Box<Use>) => ClientFrame): number => {
  const around = encodeClientFrame(frameAround(Box.make(use, new Uint8Array(1)))).length - 1
  // The length of a box of one byte is one byte long, that of the longest one three.
  return Limits.frame - around - 2 - Limits.boxOverhead
}

/** What stands in quarantine in the place of what only a message has. */
const noMessage = { reflectedId: ReflectedId.make(0), flags: 0, timestamp: Timestamp.make(0n) }

interface BlobParts {
  readonly crypto: Crypto["Service"]
  readonly random: SecureRandom.SecureRandom["Service"]
  readonly store: DeviceStore["Service"]
  readonly identity: string
  readonly events: EventLog
}

/** @internal */
export interface DeviceBlobs {
  /**
   * Seals a message of our own, padded up to `room` bytes at most, with a fresh nonce, and records it. The mediator has the
   * info of a device that is connected; shared data may get lost, and then it serves what it had before.
   */
  readonly seal: <Use extends BoxUse>(
    source: BlobSource,
    key: BoxKey<Use>,
    content: Uint8Array,
    room: number
  ) => Effect.Effect<Box<Use>, DeviceStoreError>
  /** Opens a blob that the mediator served, and records it when it is new. */
  readonly open: <S extends Message, Use extends BoxUse>(
    source: BlobSource,
    key: BoxKey<Use>,
    schema: S,
    box: Box<NoInfer<Use>>
  ) => Effect.Effect<Result.Result<S["Type"], BlobRejection>, DeviceStoreError>
}

const equals = (a: Uint8Array, b: Uint8Array): boolean => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return a.length === b.length
}

const describe = ({ crypto, identity }: BlobParts, box: Uint8Array): LatestBlob => ({
  nonce: crypto.hashNonce(identity, box.subarray(0, Limits.nonce)),
  hash: crypto.sha256(box)
})

/** What a blob is by what is on record. */
const recognise = Effect.fnUntraced(function* (
  { store }: BlobParts,
  source: BlobSource,
  blob: LatestBlob
): Effect.fn.Return<"Latest" | "New" | "Reused", DeviceStoreError> {
  const latest = Option.getOrUndefined(yield* store.latestBlob(source))
  if (latest !== undefined && equals(latest.nonce, blob.nonce)) {
    return equals(latest.hash, blob.hash) ? "Latest" : "Reused"
  }
  const sent = (yield* store.sentBlobs(source)).find(({ nonce }) => equals(nonce, blob.nonce))
  if (sent !== undefined) return equals(sent.hash, blob.hash) ? "New" : "Reused"
  if (yield* store.hasBlobNonce(blob.nonce)) return "Reused"
  // A join brings nonces of blobs that the device has yet to see: the first of a source may have a known one.
  if (latest === undefined) return "New"
  const [isKnown] = yield* store.hasNonces([blob.nonce])
  return isKnown === true ? "Reused" : "New"
})

const seal = <Use extends BoxUse>(
  parts: BlobParts,
  source: BlobSource,
  key: BoxKey<Use>,
  content: Uint8Array,
  room: number
): Effect.Effect<Box<Use>, DeviceStoreError> =>
  Effect.flatMap(parts.random.randomBytes(Limits.nonce + 1), (entropy) => {
    const plain = padEncoded(content, entropy[Limits.nonce]!, room)
    const box = parts.crypto.seal(key, entropy.subarray(0, Limits.nonce), plain)
    const record = source._tag === "DeviceInfo" ? parts.store.setLatestBlob : parts.store.addSentBlob
    return Effect.as(record(source, describe(parts, box)), box)
  })

const reject = ({ events }: BlobParts, source: BlobSource, reason: BlobRejection) =>
  Effect.sync(() => {
    const deviceId = source._tag === "DeviceInfo" ? { deviceId: source.deviceId } : {}
    events.emit({ _tag: "BlobRejected", blob: source._tag, ...deviceId, reason })
    return Result.fail(reason)
  })

const setAside = Effect.fnUntraced(
  function* ({ events, store }: BlobParts, box: Uint8Array, source: BlobSource) {
    const detail = `${source._tag}: a nonce that was used before`
    const entry = { ...noMessage, envelope: box, reason: "NonceReused", detail } as const
    const id = yield* store.quarantine({ ...entry, quarantinedAt: yield* Clock.currentTimeMillis })
    events.emit({ _tag: "Quarantined", id, reflectedId: noMessage.reflectedId, reason: "NonceReused", detail })
  },
  // The blob stays with the mediator: a quarantine without room loses nothing.
  Effect.catchTag("QuarantineFull", () => Effect.void)
)

const open = Effect.fnUntraced(function* <S extends Message, Use extends BoxUse>(
  parts: BlobParts,
  source: BlobSource,
  key: BoxKey<Use>,
  schema: S,
  box: Box<NoInfer<Use>>
): Effect.fn.Return<Result.Result<S["Type"], BlobRejection>, DeviceStoreError> {
  if (box.length < Limits.boxOverhead) return yield* reject(parts, source, "Undecryptable")
  const blob = describe(parts, box)
  const recognised = yield* recognise(parts, source, blob)
  if (recognised === "Reused") {
    yield* setAside(parts, box, source)
    return yield* reject(parts, source, "NonceReused")
  }
  const plain = parts.crypto.open(key, box)
  if (Result.isFailure(plain)) return yield* reject(parts, source, "Undecryptable")
  if (recognised === "New") yield* parts.store.setLatestBlob(source, blob)
  const message: Result.Result<S["Type"], DecodeError> = decodeMessage(schema, plain.success)
  return Result.isFailure(message) ? yield* reject(parts, source, "Malformed") : Result.succeed(message.success)
})

/** @internal */
export const makeDeviceBlobs = (parts: BlobParts): DeviceBlobs => ({
  seal: (source, key, content, room) => seal(parts, source, key, content, room),
  open: (source, key, schema, box) => open(parts, source, key, schema, box)
})
