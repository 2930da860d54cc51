/**
 * What every store of the mediator does, told once: each test builds its store by the layer it is given.
 */
import { assert, describe, it } from "@effect/vitest"
import { type DeviceId, DeviceSlotExpirationPolicy } from "@d2m/codec"
import {
  type Append,
  type GroupSnapshot,
  MediatorStore,
  type Persist,
  type Position,
  type RegisterSlot,
  type StoreCommand,
  type StoredMessage,
  type MediatorStoreError
} from "@d2m/server-sim"
import { Effect, type Layer, Option } from "effect"
import { bytes, id } from "./drive.ts"

export const groupKey = "07".repeat(32)
export const otherKey = "08".repeat(32)

export const register = (device: DeviceId, overrides: Partial<RegisterSlot> = {}): RegisterSlot => ({
  _tag: "RegisterSlot",
  deviceId: device,
  expirationPolicy: DeviceSlotExpirationPolicy.PERSISTENT,
  encryptedDeviceInfo: bytes(Number(device & 0xffn)),
  issued: 0,
  ...overrides
})

export const append = (
  envelope: Uint8Array,
  to: ReadonlyArray<readonly [DeviceId, Position]>,
  overrides: Partial<Append> = {}
): Append => ({
  _tag: "Append",
  flags: 0,
  timestamp: 1_700_000_000_000n,
  envelope,
  to: to.map(([deviceId, position]) => ({ deviceId, position })),
  ...overrides
})

export const ack = (deviceId: DeviceId, position: Position): StoreCommand => ({ _tag: "Ack", deviceId, position })

let lastId = 0
export const persist = (key: string, ...commands: ReadonlyArray<StoreCommand>): Persist => ({
  _tag: "Persist",
  id: ++lastId,
  groupKey: key,
  commands
})

export const write = (...commands: ReadonlyArray<StoreCommand>) =>
  Effect.flatMap(MediatorStore, (store) => store.apply([persist(groupKey, ...commands)]))

export const load = (key: string): Effect.Effect<GroupSnapshot | undefined, MediatorStoreError, MediatorStore> =>
  Effect.flatMap(MediatorStore, (store) => Effect.map(store.load(key), Option.getOrUndefined))

export const read = (deviceId: DeviceId, ...positions: ReadonlyArray<Position>) =>
  Effect.flatMap(MediatorStore, (store) => store.read(groupKey, deviceId, positions))

/** Messages as they can be compared, whatever buffer they lie in. */
export const plain = (messages: ReadonlyArray<StoredMessage>) =>
  messages.map(({ envelope, ...rest }) => ({ ...rest, envelope: [...envelope] }))

const a = id(1)
const b = id(2)
const largest = 0xffff_ffff_ffff_ffffn as DeviceId

const slotOf = (snapshot: GroupSnapshot | undefined, deviceId: DeviceId) =>
  snapshot?.slots.find((slot) => slot.deviceId === deviceId)

export const storeSuite = (name: string, layer: Layer.Layer<MediatorStore, MediatorStoreError>): void => {
  const test = (title: string, run: Effect.Effect<void, MediatorStoreError, MediatorStore>) =>
    it.live(title, () => Effect.provide(run, layer))

  describe(`the store ${name}`, () => {
    test(
      "knows nothing of a group that nobody wrote about",
      Effect.gen(function* () {
        assert.isUndefined(yield* load(groupKey))
        assert.deepStrictEqual(yield* read(a, 1), [])
      })
    )

    test(
      "gives back slots as they were registered, in that order, whatever their ids",
      Effect.gen(function* () {
        const info = new Uint8Array(65_000).fill(3)
        yield* write(register(largest, { encryptedDeviceInfo: info, expirationPolicy: -7, issued: 2 ** 40 }))
        yield* write(register(a, { encryptedDeviceInfo: new Uint8Array(0) }))
        const snapshot = yield* load(groupKey)
        assert.deepStrictEqual(snapshot?.slots, [
          {
            deviceId: largest,
            expirationPolicy: -7,
            encryptedDeviceInfo: info,
            issued: 2 ** 40,
            queue: { positions: [], sizes: [] }
          },
          {
            deviceId: a,
            expirationPolicy: DeviceSlotExpirationPolicy.PERSISTENT,
            encryptedDeviceInfo: new Uint8Array(0),
            issued: 0,
            queue: { positions: [], sizes: [] }
          }
        ])
      })
    )

    test(
      "renews a slot without touching its ids and its queue",
      Effect.gen(function* () {
        yield* write(register(a), append(bytes(1), [[a, 1]]), { _tag: "DisconnectSlot", deviceId: a, at: 5_000 })
        assert.strictEqual(slotOf(yield* load(groupKey), a)?.lastDisconnectAt, 5_000)
        yield* write(register(a, { issued: 99, encryptedDeviceInfo: bytes(8), expirationPolicy: 0 }))
        assert.deepStrictEqual(slotOf(yield* load(groupKey), a), {
          deviceId: a,
          expirationPolicy: 0,
          encryptedDeviceInfo: bytes(8),
          issued: 1,
          queue: { positions: [1], sizes: [1] }
        })
      })
    )

    test(
      "gives back messages bit by bit, in the order asked for, and leaves out those that are not there",
      Effect.gen(function* () {
        const envelope = Uint8Array.from({ length: 65_516 }, (_, index) => index * 7)
        const extremes = { flags: 0xffff, timestamp: 0xffff_ffff_ffff_ffffn }
        yield* write(register(a), register(b))
        yield* write(
          append(envelope, [
            [a, 1],
            [b, 2 ** 33]
          ])
        )
        yield* write(append(new Uint8Array(0), [[a, 5]], extremes))
        const first = { position: 1, flags: 0, timestamp: 1_700_000_000_000n, envelope: [...envelope] }
        const second = { position: 5, ...extremes, envelope: [] }
        assert.deepStrictEqual(plain(yield* read(a, 5, 4, 1)), [second, first])
        assert.deepStrictEqual(plain(yield* read(b, 2 ** 33)), [{ ...first, position: 2 ** 33 }])
        const snapshot = yield* load(groupKey)
        assert.deepStrictEqual(slotOf(snapshot, a)?.queue, { positions: [1, 5], sizes: [65_516, 0] })
        assert.strictEqual(slotOf(snapshot, a)?.issued, 5)
        assert.strictEqual(slotOf(snapshot, b)?.issued, 2 ** 33)
      })
    )

    test(
      "keeps what it was given, whatever becomes of the buffer",
      Effect.gen(function* () {
        const buffer = new Uint8Array(100).fill(1)
        yield* write(register(a), append(buffer.subarray(10, 20), [[a, 1]]))
        buffer.fill(2)
        assert.deepStrictEqual((yield* read(a, 1))[0]?.envelope.slice(), new Uint8Array(10).fill(1))
      })
    )

    test(
      "removes what was acked, in whatever order, and nothing between",
      Effect.gen(function* () {
        const positions = [1, 2, 3, 4, 5, 6, 7, 8, 9]
        yield* write(register(a), ...positions.map((position) => append(bytes(position), [[a, position]])))
        yield* write(ack(a, 5), ack(a, 4), ack(a, 6), ack(a, 1), ack(a, 2), ack(a, 8))
        assert.deepStrictEqual(slotOf(yield* load(groupKey), a)?.queue.positions, [3, 7, 9])
        assert.deepStrictEqual(
          (yield* read(a, ...positions)).map(({ position }) => position),
          [3, 7, 9]
        )
      })
    )

    test(
      "lays nothing of a dropped slot to the one that follows it at once",
      Effect.gen(function* () {
        yield* write(register(a), append(bytes(1), [[a, 1]]), append(bytes(2), [[a, 2]]))
        yield* write(
          append(bytes(3), [[a, 3]]),
          ack(a, 1),
          { _tag: "DropSlot", deviceId: a },
          register(a),
          append(bytes(4), [[a, 1]])
        )
        const slot = slotOf(yield* load(groupKey), a)
        assert.deepStrictEqual([slot?.issued, slot?.queue.positions], [1, [1]])
        assert.deepStrictEqual(
          (yield* read(a, 1, 2, 3)).map(({ envelope }) => [...envelope]),
          [[4]]
        )
        yield* write(append(bytes(5), [[a, 2]]), { _tag: "DropSlot", deviceId: a }, register(a))
        assert.strictEqual(slotOf(yield* load(groupKey), a)?.issued, 0)
      })
    )

    test(
      "an ack removes the message from one queue only, and a second ack nothing",
      Effect.gen(function* () {
        yield* write(register(a), register(b))
        yield* write(
          append(bytes(1), [
            [a, 1],
            [b, 1]
          ]),
          append(bytes(2), [[a, 2]])
        )
        yield* write(ack(a, 1), ack(a, 1))
        const snapshot = yield* load(groupKey)
        assert.deepStrictEqual(slotOf(snapshot, a)?.queue, { positions: [2], sizes: [1] })
        assert.deepStrictEqual(slotOf(snapshot, b)?.queue, { positions: [1], sizes: [1] })
        assert.deepStrictEqual(
          (yield* read(a, 1, 2)).map(({ position }) => position),
          [2]
        )
        assert.deepStrictEqual(
          (yield* read(b, 1)).map(({ envelope }) => [...envelope]),
          [[1]]
        )
        yield* write(ack(b, 1))
        assert.deepStrictEqual(yield* read(b, 1), [])
      })
    )

    test(
      "ids go on where they stopped, with an empty queue and after ids that no message took",
      Effect.gen(function* () {
        yield* write(register(a), append(bytes(1), [[a, 1]]), ack(a, 1))
        yield* write({ _tag: "IssueId", deviceId: a, issued: 2 }, { _tag: "IssueId", deviceId: a, issued: 3 })
        const slot = slotOf(yield* load(groupKey), a)
        assert.strictEqual(slot?.issued, 3)
        assert.deepStrictEqual(slot?.queue.positions, [])
      })
    )

    test(
      "a dropped slot takes its queue along, and a later one of the same device starts anew, behind the others",
      Effect.gen(function* () {
        yield* write(register(a), register(b))
        yield* write(
          append(bytes(1), [
            [a, 1],
            [b, 1]
          ])
        )
        yield* write({ _tag: "DropSlot", deviceId: a })
        assert.deepStrictEqual(yield* read(a, 1), [])
        yield* write(register(a, { issued: 40 }))
        const snapshot = yield* load(groupKey)
        assert.deepStrictEqual(
          snapshot?.slots.map(({ deviceId, issued, queue }) => [deviceId, issued, queue.positions]),
          [
            [b, 1, [1]],
            [a, 40, []]
          ]
        )
        assert.deepStrictEqual(yield* read(a, 1), [])
      })
    )

    test(
      "shared data outlives the slots; a group of which nothing is left is none",
      Effect.gen(function* () {
        yield* write(register(a), { _tag: "SetSharedData", encryptedSharedDeviceData: bytes(4, 5) })
        yield* write({ _tag: "DropSlot", deviceId: a })
        assert.deepStrictEqual(yield* load(groupKey), { encryptedSharedDeviceData: bytes(4, 5), slots: [] })
        yield* write({ _tag: "SetSharedData", encryptedSharedDeviceData: new Uint8Array(0) })
        assert.isUndefined(yield* load(groupKey))
        yield* write(register(b))
        assert.strictEqual((yield* load(groupKey))?.slots.length, 1)
      })
    )

    test(
      "groups do not know each other",
      Effect.gen(function* () {
        const store = yield* MediatorStore
        yield* store.apply([
          persist(groupKey, register(a)),
          persist(otherKey, register(a)),
          persist(groupKey, append(bytes(1), [[a, 1]])),
          persist(otherKey, append(bytes(2), [[a, 1]]))
        ])
        assert.deepStrictEqual(
          (yield* store.read(otherKey, a, [1])).map(({ envelope }) => [...envelope]),
          [[2]]
        )
        yield* store.apply([persist(otherKey, { _tag: "DropSlot", deviceId: a })])
        assert.isUndefined(yield* load(otherKey))
        assert.deepStrictEqual(
          (yield* read(a, 1)).map(({ envelope }) => [...envelope]),
          [[1]]
        )
      })
    )

    test(
      "names the groups with volatile slots",
      Effect.gen(function* () {
        const store = yield* MediatorStore
        const expirationPolicy = DeviceSlotExpirationPolicy.VOLATILE
        yield* store.apply([
          persist(otherKey, register(a), register(b, { expirationPolicy }), register(largest, { expirationPolicy })),
          persist(groupKey, register(a))
        ])
        assert.deepStrictEqual(yield* store.volatileGroups, [otherKey])
        yield* store.apply([persist(otherKey, register(b), { _tag: "DropSlot", deviceId: largest })])
        assert.deepStrictEqual(yield* store.volatileGroups, [])
      })
    )
  })
}
