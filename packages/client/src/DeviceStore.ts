/**
 * What a device must remember beyond one connection: slot expectation, nonces, latest blobs, quarantine.
 * Owns the face and the in-memory store; every byte that goes in or comes out is a copy.
 * Leaves the durable store to `@d2m/client/node`, when to read and write to the device, and whose it is to `StoreClaim`.
 */
import type { DeviceId, ReflectedId, Timestamp } from "@d2m/codec"
import { Context, Effect, Layer, Option, Schema, Stream } from "effect"
import { NonceSet } from "./NonceSet.ts"

/**
 * What the device expects the mediator to know about it (decision 25): `New` never said hello, `Registering` said hello
 * as NEW and has not seen a ServerInfo, `Existing` has.
 *
 * @category models
 * @since 0.1.0
 */
export type SlotExpectation = "New" | "Registering" | "Existing"

/**
 * Which blob that the mediator may serve again and again a nonce belongs to (decision 23): the device info of one
 * device (DGDIK), or the shared device data (DGSDDK).
 *
 * @category models
 * @since 0.1.0
 */
export type BlobSource =
  | { readonly _tag: "DeviceInfo"; readonly deviceId: DeviceId }
  | { readonly _tag: "SharedDeviceData" }

/**
 * A blob of a source, the latest that was seen or one that was sent: its hashed nonce (32 bytes) and its SHA-256 (32 bytes).
 *
 * @category models
 * @since 0.1.0
 */
export interface LatestBlob {
  readonly nonce: Uint8Array
  readonly hash: Uint8Array
}

/**
 * Why a message is in quarantine (decision 20).
 *
 * @category models
 * @since 0.1.0
 */
export type QuarantineReason = "Undecryptable" | "Malformed" | "HandlerFailed" | "NonceReused"

/**
 * A reflected message that could not be handled, kept as it came.
 *
 * `envelope` is the ciphertext; `timestamp` is the mediator's, u64 milliseconds; `quarantinedAt` is this device's clock
 * in milliseconds; `id` is unique within the store and never used twice.
 *
 * @category models
 * @since 0.1.0
 */
export interface QuarantineEntry {
  readonly id: number
  readonly reflectedId: ReflectedId
  readonly flags: number
  readonly timestamp: Timestamp
  readonly envelope: Uint8Array
  readonly reason: QuarantineReason
  readonly detail: string
  readonly quarantinedAt: number
}

/**
 * The store could not do what was asked; nothing of the failed operation was kept.
 *
 * `Unwritable` no such place or no permission · `Full` no space left · `DiskFailed` the disk's own error, or a quota or limit
 * other than its size · `Corrupt` damaged · `Foreign` another program's file · `InUse` another store has it open ·
 * `NewerVersion` written by a newer release · `Unsupported` the platform has no such store · `Closed` used after its end ·
 * `Failed` anything else.
 *
 * @category errors
 * @since 0.1.0
 */
export class DeviceStoreError extends Schema.TaggedError<DeviceStoreError>("@d2m/client/DeviceStoreError")(
  "DeviceStoreError",
  {
    reason: Schema.Literals([
      "Unwritable",
      "Full",
      "DiskFailed",
      "Corrupt",
      "Foreign",
      "InUse",
      "NewerVersion",
      "Unsupported",
      "Closed",
      "Failed"
    ]),
    operation: Schema.String,
    detail: Schema.String
  }
) {
  override get message(): string {
    return `the device store failed to ${this.operation} (${this.reason}): ${this.detail}`
  }
}

/**
 * The quarantine holds as many messages as it may; none was dropped to make room.
 *
 * @category errors
 * @since 0.1.0
 */
export class QuarantineFull extends Schema.TaggedError<QuarantineFull>("@d2m/client/QuarantineFull")("QuarantineFull", {
  capacity: Schema.Int
}) {
  override get message(): string {
    return `the quarantine already holds ${this.capacity} messages: release some`
  }
}

/**
 * How many messages a quarantine holds unless told otherwise.
 *
 * @category models
 * @since 0.1.0
 */
export const defaultQuarantineCapacity = 1000

/**
 * How many blobs of a source that were sent and not served yet a store remembers. So many changes would have to be lost with a
 * connection for the mediator to serve one that was forgotten, which would look like a replay.
 *
 * @category models
 * @since 0.1.0
 */
export const sentBlobsKept = 256

/**
 * The memory of one device of one group. What a write promises is kept when the write returns, as durably as the store
 * keeps anything.
 *
 * @category services
 * @since 0.1.0
 */
export class DeviceStore extends Context.Service<
  DeviceStore,
  {
    /** The slot expectation; `New` in a fresh store. */
    readonly slot: Effect.Effect<SlotExpectation, DeviceStoreError>
    readonly setSlot: (slot: SlotExpectation) => Effect.Effect<void, DeviceStoreError>
    /** For each hashed nonce, in order, whether it is recorded. */
    readonly hasNonces: (hashed: ReadonlyArray<Uint8Array>) => Effect.Effect<ReadonlyArray<boolean>, DeviceStoreError>
    /** Records hashed nonces, all or none; recording one again changes nothing. */
    readonly addNonces: (hashed: ReadonlyArray<Uint8Array>) => Effect.Effect<void, DeviceStoreError>
    /** Every recorded hashed nonce, in no particular order: field 11 of a join's `EssentialData`. */
    readonly nonces: Stream.Stream<Uint8Array, DeviceStoreError>
    readonly latestBlob: (source: BlobSource) => Effect.Effect<Option.Option<LatestBlob>, DeviceStoreError>
    /**
     * Makes a blob the latest of its source, and forgets what was sent of that source before. Its nonce is recorded with it,
     * for `hasNonces` and for `hasBlobNonce`: all or nothing, or a blob that was cut short would look like a replay.
     */
    readonly setLatestBlob: (source: BlobSource, blob: LatestBlob) => Effect.Effect<void, DeviceStoreError>
    /** The last {@link sentBlobsKept} blobs that this device has sent since the latest of a source, in their order. */
    readonly sentBlobs: (source: BlobSource) => Effect.Effect<ReadonlyArray<LatestBlob>, DeviceStoreError>
    /** Records a blob as sent, its nonce as `setLatestBlob` does, and leaves the latest of its source in place. */
    readonly addSentBlob: (source: BlobSource, blob: LatestBlob) => Effect.Effect<void, DeviceStoreError>
    /** Whether a hashed nonce was recorded with a blob, of whatever source; those that a join brought along were not. */
    readonly hasBlobNonce: (hashed: Uint8Array) => Effect.Effect<boolean, DeviceStoreError>
    /**
     * Keeps a message aside, records its hashed nonce if one is given, and gives its id: both or neither, so that a message
     * in quarantine never comes to the handler by a redelivery. The same message (reflected id, timestamp and envelope)
     * quarantined again is one entry, the first: a redelivery neither fills the quarantine nor fails on a full one.
     */
    readonly quarantine: (
      entry: Omit<QuarantineEntry, "id">,
      nonce?: Uint8Array
    ) => Effect.Effect<number, DeviceStoreError | QuarantineFull>
    /** Everything in quarantine, in the order it came in. */
    readonly quarantined: Effect.Effect<ReadonlyArray<QuarantineEntry>, DeviceStoreError>
    /** One entry of the quarantine; none for an unknown id. */
    readonly quarantineEntry: (id: number) => Effect.Effect<Option.Option<QuarantineEntry>, DeviceStoreError>
    /** Removes an entry; an unknown id is no error. */
    readonly release: (id: number) => Effect.Effect<void, DeviceStoreError>
  }
>()("@d2m/client/DeviceStore") {
  /**
   * A store that lasts as long as the layer, with the default quarantine capacity; another one each time it is provided,
   * also within one graph of layers, because a store belongs to one device.
   */
  static readonly layerMemory: Layer.Layer<DeviceStore> = Layer.fresh(
    Layer.effect(
      this,
      Effect.suspend(() => makeDeviceStoreMemory())
    )
  )
}

// Not `slice`: on a Node Buffer that shares memory instead of copying.
const copy = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)

const sameMessage = (a: Omit<QuarantineEntry, "id">, b: Omit<QuarantineEntry, "id">): boolean =>
  a.reflectedId === b.reflectedId &&
  a.timestamp === b.timestamp &&
  a.envelope.length === b.envelope.length &&
  a.envelope.every((byte, n) => byte === b.envelope[n])

/**
 * One string for each blob source, the key under which stores file it.
 *
 * @internal
 */
export const blobSourceKey = (source: BlobSource): string =>
  source._tag === "DeviceInfo" ? `device-info/${source.deviceId}` : "shared-device-data"

/**
 * A store in memory. `quarantineCapacity` is a number of messages, 1000 by default.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeDeviceStoreMemory = (options?: {
  readonly quarantineCapacity?: number
}): Effect.Effect<DeviceStore["Service"]> =>
  Effect.sync(() => {
    const capacity = options?.quarantineCapacity ?? defaultQuarantineCapacity
    const nonces = new NonceSet()
    const latest = new Map<string, LatestBlob>()
    const sent = new Map<string, Array<LatestBlob>>()
    const blobNonces = new NonceSet()
    const quarantine = new Map<number, QuarantineEntry>()
    let slot: SlotExpectation = "New"
    let lastId = 0
    const copyBlob = (blob: LatestBlob): LatestBlob => ({ nonce: copy(blob.nonce), hash: copy(blob.hash) })
    const addBlobNonce = (nonce: Uint8Array): void => {
      nonces.add(nonce)
      blobNonces.add(nonce)
    }
    const copyEntry = (entry: QuarantineEntry): QuarantineEntry => ({ ...entry, envelope: copy(entry.envelope) })
    const keepAside = (entry: Omit<QuarantineEntry, "id">): number | undefined => {
      for (const known of quarantine.values()) if (sameMessage(known, entry)) return known.id
      if (quarantine.size >= capacity) return undefined
      quarantine.set(++lastId, { ...entry, id: lastId, envelope: copy(entry.envelope) })
      return lastId
    }

    return DeviceStore.of({
      slot: Effect.sync(() => slot),
      setSlot: (next) =>
        Effect.sync(() => {
          slot = next
        }),
      hasNonces: (hashed) => Effect.sync(() => hashed.map((nonce) => nonces.has(nonce))),
      addNonces: (hashed) =>
        Effect.sync(() => {
          for (const nonce of hashed) nonces.add(nonce)
        }),
      nonces: Stream.suspend(() => Stream.fromIterable(nonces.toArray())),
      latestBlob: (source) =>
        Effect.sync(() => Option.map(Option.fromNullishOr(latest.get(blobSourceKey(source))), copyBlob)),
      setLatestBlob: (source, blob) =>
        Effect.sync(() => {
          addBlobNonce(blob.nonce)
          latest.set(blobSourceKey(source), copyBlob(blob))
          sent.delete(blobSourceKey(source))
        }),
      sentBlobs: (source) => Effect.sync(() => (sent.get(blobSourceKey(source)) ?? []).map(copyBlob)),
      addSentBlob: (source, blob) =>
        Effect.sync(() => {
          addBlobNonce(blob.nonce)
          const blobs = sent.get(blobSourceKey(source)) ?? []
          if (blobs.push(copyBlob(blob)) > sentBlobsKept) blobs.shift()
          sent.set(blobSourceKey(source), blobs)
        }),
      hasBlobNonce: (hashed) => Effect.sync(() => blobNonces.has(hashed)),
      quarantine: (entry, nonce) =>
        Effect.suspend(() => {
          const id = keepAside(entry)
          if (id === undefined) return Effect.fail(new QuarantineFull({ capacity }))
          if (nonce !== undefined) nonces.add(nonce)
          return Effect.succeed(id)
        }),
      quarantined: Effect.sync(() => Array.from(quarantine.values(), copyEntry)),
      quarantineEntry: (id) => Effect.sync(() => Option.map(Option.fromUndefinedOr(quarantine.get(id)), copyEntry)),
      release: (id) =>
        Effect.sync(() => {
          quarantine.delete(id)
        })
    })
  })
