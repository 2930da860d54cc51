/**
 * What every device store promises, written once and run over each.
 */
import { DeviceId, ReflectedId, Timestamp } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Option, Stream } from "effect"
import {
  type BlobSource,
  DeviceStore,
  type QuarantineEntry,
  sentBlobsKept,
  type DeviceStoreError
} from "../src/DeviceStore.ts"

export const bytes = (length: number, seed: number) => Uint8Array.from({ length }, (_, n) => (n * 31 + seed * 17) & 255)

export const entry = (n: number): Omit<QuarantineEntry, "id"> => ({
  reflectedId: ReflectedId.make(n),
  flags: n & 1,
  timestamp: Timestamp.make(1_700_000_000_000n + BigInt(n)),
  envelope: bytes(40 + n, n),
  reason: "HandlerFailed",
  detail: `attempt ${n}`,
  quarantinedAt: 1_700_000_000_500 + n
})

const sorted = (list: ReadonlyArray<Uint8Array>) => list.map((one) => Buffer.from(one).toString("hex")).toSorted()

export const deviceStoreSuite = (
  name: string,
  layer: (options: { readonly quarantineCapacity?: number }) => Layer.Layer<DeviceStore, DeviceStoreError>
) => {
  const test = (
    what: string,
    run: (store: DeviceStore["Service"]) => Effect.Effect<void, unknown>,
    options: { readonly quarantineCapacity?: number } = {}
  ) =>
    it.effect(what, () => Effect.suspend(() => Effect.flatMap(DeviceStore, run).pipe(Effect.provide(layer(options)))))

  describe(name, () => {
    test("the slot is New until told otherwise", (store) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* store.slot, "New")
        for (const slot of ["Registering", "Existing", "New", "Existing"] as const) {
          yield* store.setSlot(slot)
          assert.strictEqual(yield* store.slot, slot)
        }
      }))

    test("knows the nonces it was given, in the order of the question, and no others", (store) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* store.hasNonces([]), [])
        yield* store.addNonces([])
        yield* store.addNonces([bytes(32, 1), bytes(32, 2)])
        assert.deepStrictEqual(yield* store.hasNonces([bytes(32, 2), bytes(32, 3), bytes(32, 1)]), [true, false, true])
      }))

    test("a nonce added again, also within one call, is one nonce", (store) =>
      Effect.gen(function* () {
        yield* store.addNonces([bytes(32, 1), bytes(32, 1), bytes(32, 2)])
        yield* store.addNonces([bytes(32, 2)])
        assert.deepStrictEqual(sorted(yield* Stream.runCollect(store.nonces)), sorted([bytes(32, 1), bytes(32, 2)]))
      }))

    test("lists every nonce once, however many", (store) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* Stream.runCollect(store.nonces), [])
        for (const count of [511, 1, 1, 1000]) {
          const before = (yield* Stream.runCollect(store.nonces)).length
          yield* store.addNonces(
            Array.from({ length: count }, (_, n) => {
              const nonce = new Uint8Array(32)
              new DataView(nonce.buffer).setUint32(12, before + n)
              return nonce
            })
          )
          const all = sorted(yield* Stream.runCollect(store.nonces))
          assert.lengthOf(all, before + count)
          assert.strictEqual(new Set(all).size, before + count)
        }
      }))

    test("keeps the latest blob of each source", (store) =>
      Effect.gen(function* () {
        const sources: ReadonlyArray<BlobSource> = [
          { _tag: "SharedDeviceData" },
          { _tag: "DeviceInfo", deviceId: DeviceId.make(0n) },
          { _tag: "DeviceInfo", deviceId: DeviceId.make(2n ** 64n - 1n) },
          { _tag: "DeviceInfo", deviceId: DeviceId.make(2n ** 63n) }
        ]
        for (const source of sources) assert.deepStrictEqual(yield* store.latestBlob(source), Option.none())
        for (const [n, source] of sources.entries()) {
          yield* store.setLatestBlob(source, { nonce: bytes(32, 100), hash: bytes(32, 100) })
          yield* store.setLatestBlob(source, { nonce: bytes(32, n), hash: bytes(32, n + 50) })
        }
        for (const [n, source] of sources.entries()) {
          const latest = Option.getOrThrow(yield* store.latestBlob(source))
          assert.deepStrictEqual(latest, { nonce: bytes(32, n), hash: bytes(32, n + 50) })
        }
      }))

    test("keeps what was sent of a source until the next latest, and the nonces of blobs for good", (store) =>
      Effect.gen(function* () {
        const [shared, info] = [
          { _tag: "SharedDeviceData" },
          { _tag: "DeviceInfo", deviceId: DeviceId.make(7n) }
        ] as const
        const blob = (n: number) => ({ nonce: bytes(32, n), hash: bytes(32, n + 50) })
        assert.deepStrictEqual(yield* store.sentBlobs(shared), [])
        yield* store.setLatestBlob(shared, blob(1))
        for (const n of [4, 2, 3]) yield* store.addSentBlob(shared, blob(n))
        yield* store.setLatestBlob(info, blob(5))
        assert.deepStrictEqual(yield* store.latestBlob(shared), Option.some(blob(1)))
        assert.deepStrictEqual(yield* store.sentBlobs(shared), [blob(4), blob(2), blob(3)])
        assert.deepStrictEqual(yield* store.sentBlobs(info), [])
        yield* store.setLatestBlob(shared, blob(2))
        assert.deepStrictEqual(yield* store.latestBlob(shared), Option.some(blob(2)))
        assert.deepStrictEqual(yield* store.sentBlobs(shared), [])
        yield* store.addNonces([bytes(32, 6)])
        for (const n of [1, 2, 3, 4, 5, 6]) {
          assert.deepStrictEqual(yield* store.hasNonces([bytes(32, n)]), [true])
          assert.strictEqual(yield* store.hasBlobNonce(bytes(32, n)), n !== 6)
        }
      }))

    test("keeps the last 256 blobs that were sent of a source, and the nonces of all", (store) =>
      Effect.gen(function* () {
        const [shared, info] = [
          { _tag: "SharedDeviceData" },
          { _tag: "DeviceInfo", deviceId: DeviceId.make(7n) }
        ] as const
        const blob = (n: number) => {
          const nonce = new Uint8Array(32)
          new DataView(nonce.buffer).setUint32(0, n)
          return { nonce, hash: bytes(32, n) }
        }
        yield* store.addSentBlob(info, blob(5000))
        for (let n = 0; n < sentBlobsKept + 3; n++) {
          yield* store.addSentBlob(shared, blob(n))
          if (n === 100) yield* store.addSentBlob(info, blob(5001))
        }
        const sent = yield* store.sentBlobs(shared)
        assert.deepStrictEqual(
          sent,
          Array.from({ length: sentBlobsKept }, (_, n) => blob(n + 3))
        )
        assert.deepStrictEqual(yield* store.sentBlobs(info), [blob(5000), blob(5001)])
        assert.isTrue(yield* store.hasBlobNonce(blob(0).nonce))
        assert.deepStrictEqual(yield* store.hasNonces([blob(0).nonce]), [true])
      }))

    test("keeps quarantined messages as they came, in order, until released", (store) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* store.quarantined, [])
        const extreme: Omit<QuarantineEntry, "id"> = {
          reflectedId: ReflectedId.make(0xffff_ffff),
          flags: 0xffff,
          timestamp: Timestamp.make(2n ** 64n - 1n),
          envelope: new Uint8Array(),
          reason: "Undecryptable",
          detail: "Zürich \u0000 ' \" 🙂",
          quarantinedAt: 0
        }
        const entries = [entry(3), entry(1), extreme]
        const ids: Array<number> = []
        for (const one of entries) ids.push(yield* store.quarantine(one))
        assert.strictEqual(new Set(ids).size, 3)
        assert.deepStrictEqual(
          yield* store.quarantined,
          Array.from(entries, (one, n) => ({ ...one, id: ids[n]! }))
        )
        for (const [n, one] of entries.entries()) {
          assert.deepStrictEqual(yield* store.quarantineEntry(ids[n]!), Option.some({ ...one, id: ids[n]! }))
        }
        for (const id of [4711, -1, 0.5]) assert.deepStrictEqual(yield* store.quarantineEntry(id), Option.none())
        yield* store.release(ids[0]!)
        assert.deepStrictEqual(yield* store.quarantineEntry(ids[0]!), Option.none())
        yield* store.release(ids[0]!)
        yield* store.release(4711)
        assert.deepStrictEqual(
          (yield* store.quarantined).map(({ id }) => id),
          ids.slice(1)
        )
      }))

    test("a message and its nonce are kept together, the message again as well", (store) =>
      Effect.gen(function* () {
        const first = yield* store.quarantine(entry(1), bytes(32, 1))
        assert.deepStrictEqual(yield* store.hasNonces([bytes(32, 1), bytes(32, 2)]), [true, false])
        assert.strictEqual(yield* store.quarantine(entry(1), bytes(32, 2)), first)
        assert.deepStrictEqual(yield* store.hasNonces([bytes(32, 2)]), [true])
        yield* store.release(first)
        assert.deepStrictEqual(yield* store.hasNonces([bytes(32, 1)]), [true], "released, it is still not new")
      }))

    test("an id is never used twice", (store) =>
      Effect.gen(function* () {
        const first = yield* store.quarantine(entry(1))
        yield* store.release(first)
        assert.notStrictEqual(yield* store.quarantine(entry(2)), first)
      }))

    test("the same message is one entry; with other bytes, time or id it is another", (store) =>
      Effect.gen(function* () {
        const first = yield* store.quarantine(entry(1))
        assert.strictEqual(yield* store.quarantine({ ...entry(1), reason: "Malformed", quarantinedAt: 1 }), first)
        yield* store.quarantine({ ...entry(1), envelope: bytes(41, 9) })
        yield* store.quarantine({ ...entry(1), timestamp: Timestamp.make(5n) })
        yield* store.quarantine({ ...entry(1), reflectedId: ReflectedId.make(5) })
        const all = yield* store.quarantined
        assert.lengthOf(all, 4)
        assert.strictEqual(all[0]!.reason, "HandlerFailed")
      }))

    test(
      "a full quarantine refuses, and loses nothing",
      (store) =>
        Effect.gen(function* () {
          const first = yield* store.quarantine(entry(1))
          yield* store.quarantine(entry(2))
          const error = yield* Effect.flip(store.quarantine(entry(3), bytes(32, 3)))
          assert.deepStrictEqual(yield* store.hasNonces([bytes(32, 3)]), [false], "neither of the two is kept")
          assert.deepInclude(error, { _tag: "QuarantineFull", capacity: 2 })
          assert.strictEqual(error.message, "the quarantine already holds 2 messages: release some")
          assert.strictEqual(yield* store.quarantine(entry(1)), first)
          assert.lengthOf(yield* store.quarantined, 2)
          yield* store.release(first)
          yield* store.quarantine(entry(3))
          assert.deepStrictEqual(
            (yield* store.quarantined).map(({ reflectedId }) => reflectedId),
            [2, 3]
          )
        }),
      { quarantineCapacity: 2 }
    )

    test("holds 1000 messages unless told otherwise", (store) =>
      Effect.gen(function* () {
        for (let n = 0; n < 1000; n++) yield* store.quarantine({ ...entry(n), envelope: bytes(1, n) })
        assert.deepInclude(yield* Effect.flip(store.quarantine(entry(1000))), {
          _tag: "QuarantineFull",
          capacity: 1000
        })
      }))

    test("what goes in and comes out is a copy", (store) =>
      Effect.gen(function* () {
        const buffer = Buffer.from(bytes(64, 1))
        const view = buffer.subarray(8, 40)
        const before = Uint8Array.from(view)
        yield* store.addNonces([view])
        yield* store.setLatestBlob({ _tag: "SharedDeviceData" }, { nonce: view, hash: view })
        yield* store.addSentBlob({ _tag: "SharedDeviceData" }, { nonce: view, hash: view })
        yield* store.quarantine({ ...entry(1), envelope: view })
        buffer.fill(0)
        for (let n = 0; n < 2; n++) {
          const [nonce] = yield* Stream.runCollect(store.nonces)
          const blob = Option.getOrThrow(yield* store.latestBlob({ _tag: "SharedDeviceData" }))
          const [sent] = yield* store.sentBlobs({ _tag: "SharedDeviceData" })
          const [quarantined] = yield* store.quarantined
          const { envelope } = Option.getOrThrow(yield* store.quarantineEntry(quarantined!.id))
          for (const out of [nonce!, blob.nonce, blob.hash, sent!.nonce, sent!.hash, quarantined!.envelope, envelope]) {
            assert.deepStrictEqual(out, before)
            out.fill(255)
          }
        }
        assert.deepStrictEqual(yield* store.hasNonces([before]), [true])
      }))
  })
}
