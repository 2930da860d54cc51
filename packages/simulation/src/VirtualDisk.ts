/**
 * The disk of a simulated device: what it holds outlives the device's crashes.
 *
 * Owns a `DeviceStore` whose writes take time and may fail. A write that was under way when its machine was killed has not
 * happened; one that has returned, has.
 *
 * @since 0.1.0
 */
import {
  type BlobSource,
  defaultQuarantineCapacity,
  DeviceStore,
  type LatestBlob,
  type QuarantineEntry,
  QuarantineFull,
  sentBlobsKept,
  type SlotExpectation,
  DeviceStoreError
} from "@d2m/client"
import { Effect, Option, Stream } from "effect"
import { Reasons } from "./Reasons.ts"

/**
 * A key for a hashed nonce: 53 of its bits. In a run of a million messages two nonces share a key with a chance of one in
 * ten thousand, and a number is found much faster than 32 bytes.
 */
const keyOf = (bytes: Uint8Array): number =>
  (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16)) * 0x2000_0000 +
  ((bytes[3]! | (bytes[4]! << 8) | (bytes[5]! << 16) | ((bytes[6]! & 0x1f) << 24)) >>> 0)

const keyOfSource = (source: BlobSource): string =>
  source._tag === "DeviceInfo" ? `device ${source.deviceId}` : "shared"

const equals = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, at) => byte === b[at])

/** Closes over the values alone: V8 keeps what a stream closes over until a major collection, and of a disk that is its world. */
const valuesOf = <A>(map: ReadonlyMap<number, A>): Stream.Stream<A> =>
  Stream.fromIterableEffect(Effect.sync(() => [...map.values()]))

/**
 * The disk of one device.
 *
 * @category models
 * @since 0.1.0
 */
export class VirtualDisk {
  /** How long a write takes, in ms. */
  latency: number
  /** Why there is no space; while there is a reason, writes fail. */
  readonly full = new Reasons()
  /** Called when a message has been put into quarantine, or was there already. */
  onKept: (entry: QuarantineEntry) => void = () => {}
  #slot: SlotExpectation = "New"
  readonly #nonces = new Map<number, Uint8Array>()
  readonly #blobs = new Map<string, LatestBlob>()
  readonly #sentBlobs = new Map<string, ReadonlyArray<LatestBlob>>()
  readonly #blobNonces = new Set<number>()
  readonly #quarantine = new Map<number, QuarantineEntry>()
  #lastId = 0
  #writing = 0

  constructor(latency: number) {
    this.latency = latency
  }

  /** A disk with the same contents: for a device that comes up twice. */
  copy(): VirtualDisk {
    const other = new VirtualDisk(this.latency)
    other.#slot = this.#slot
    for (const [key, value] of this.#nonces) other.#nonces.set(key, value)
    for (const [key, value] of this.#blobs) other.#blobs.set(key, value)
    for (const [key, value] of this.#sentBlobs) other.#sentBlobs.set(key, value)
    for (const key of this.#blobNonces) other.#blobNonces.add(key)
    for (const [key, value] of this.#quarantine) other.#quarantine.set(key, value)
    other.#lastId = this.#lastId
    return other
  }

  /** Its machine was killed: gives how many writes were under way, which have not happened. */
  abandon(): number {
    const lost = this.#writing
    this.#writing = 0
    return lost
  }

  /** What the device has expected of the mediator since its last write. */
  get slot(): SlotExpectation {
    return this.#slot
  }

  /** Messages in quarantine. */
  get quarantined(): number {
    return this.#quarantine.size
  }

  /** The disk as a store. */
  readonly store: DeviceStore["Service"] = DeviceStore.of({
    slot: Effect.sync(() => this.#slot),
    setSlot: (slot) =>
      this.#write("set the slot", () => {
        this.#slot = slot
      }),
    hasNonces: (hashed) => Effect.sync(() => hashed.map((nonce) => this.#nonces.has(keyOf(nonce)))),
    addNonces: (hashed) =>
      this.#write("record nonces", () => {
        for (const nonce of hashed) this.#nonces.set(keyOf(nonce), nonce)
      }),
    nonces: valuesOf(this.#nonces),
    latestBlob: (source) => Effect.sync(() => Option.fromUndefinedOr(this.#blobs.get(keyOfSource(source)))),
    setLatestBlob: (source, blob) =>
      this.#write("record a blob", () => {
        this.#addBlobNonce(blob.nonce)
        this.#blobs.set(keyOfSource(source), blob)
        this.#sentBlobs.delete(keyOfSource(source))
      }),
    sentBlobs: (source) => Effect.sync(() => this.#sentBlobs.get(keyOfSource(source)) ?? []),
    addSentBlob: (source, blob) =>
      this.#write("record a sent blob", () => {
        this.#addBlobNonce(blob.nonce)
        const sent = [...(this.#sentBlobs.get(keyOfSource(source)) ?? []), blob]
        this.#sentBlobs.set(keyOfSource(source), sent.slice(-sentBlobsKept))
      }),
    hasBlobNonce: (hashed) => Effect.sync(() => this.#blobNonces.has(keyOf(hashed))),
    quarantine: (entry, nonce) =>
      Effect.flatMap(
        this.#write("quarantine a message", () => {
          const id = this.#setAside(entry)
          if (id !== undefined && nonce !== undefined) this.#nonces.set(keyOf(nonce), nonce)
          return id
        }),
        (id) =>
          id === undefined
            ? Effect.fail(new QuarantineFull({ capacity: defaultQuarantineCapacity }))
            : Effect.succeed(id)
      ),
    quarantined: Effect.sync(() => [...this.#quarantine.values()]),
    quarantineEntry: (id) => Effect.sync(() => Option.fromUndefinedOr(this.#quarantine.get(id))),
    release: (id) =>
      this.#write("release a message", () => {
        this.#quarantine.delete(id)
      })
  })

  #write<A>(operation: string, write: () => A): Effect.Effect<A, DeviceStoreError> {
    const attempt = (): Effect.Effect<A, DeviceStoreError> => {
      if (!this.full.act()) return Effect.succeed(write())
      return Effect.fail(new DeviceStoreError({ reason: "Full", operation, detail: "the virtual disk is full" }))
    }
    return Effect.suspend(() => {
      if (this.latency <= 0) return attempt()
      this.#writing++
      return Effect.ensuring(
        Effect.flatMap(Effect.sleep(this.latency), attempt),
        Effect.sync(() => {
          this.#writing--
        })
      )
    })
  }

  #addBlobNonce(nonce: Uint8Array): void {
    this.#nonces.set(keyOf(nonce), nonce)
    this.#blobNonces.add(keyOf(nonce))
  }

  #setAside(entry: Omit<QuarantineEntry, "id">): number | undefined {
    for (const known of this.#quarantine.values()) {
      const isSame = known.reflectedId === entry.reflectedId && known.timestamp === entry.timestamp
      if (!isSame || !equals(known.envelope, entry.envelope)) continue
      this.onKept(known)
      return known.id
    }
    if (this.#quarantine.size >= defaultQuarantineCapacity) return undefined
    const id = ++this.#lastId
    const kept = { ...entry, id, envelope: new Uint8Array(entry.envelope) }
    this.#quarantine.set(id, kept)
    this.onKept(kept)
    return id
  }
}
