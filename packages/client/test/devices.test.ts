import { Box, Crypto, D2d, decodeMessage, type DeviceId, encodeMessage, ReflectedId } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Result, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import { makeDeviceStoreMemory } from "../src/DeviceStore.ts"
import { KeepAlive, noKeepAlive } from "../src/index.ts"
import { InterruptAt } from "./interrupt-at.ts"
import {
  connect,
  expectState,
  greet,
  Group,
  identity,
  makeWorld,
  me,
  other,
  serverInfo,
  settle,
  type World
} from "./scripted-peer.ts"

const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkScoped(effect, { startImmediately: true })
const info = (world: World, label: string, nonce = world.group.nonce()) =>
  world.group.crypto.seal(
    world.group.keys.dgdik,
    nonce,
    encodeMessage(D2d.DeviceInfo, D2d.DeviceInfo.make({ label, platform: 1 }))
  )
const devicesInfo = (entries: ReadonlyArray<readonly [DeviceId, Box<"dgdik">]>) =>
  ({
    _tag: "DevicesInfo",
    augmentedDeviceInfo: new Map(
      entries.map(([id, encryptedDeviceInfo], at) => [
        id,
        {
          encryptedDeviceInfo,
          deviceSlotExpirationPolicy: at,
          connectionState:
            at === 0
              ? ({ _tag: "connectedSince", value: 7n } as const)
              : ({ _tag: "lastDisconnectAt", value: 9n } as const)
        }
      ])
    )
  }) as const

/** One listing, answered with these blobs. */
const list = (
  world: World,
  peer: Effect.Success<ReturnType<typeof connect>>,
  entries: ReadonlyArray<readonly [DeviceId, Box<"dgdik">]>
) =>
  Effect.gen(function* () {
    const fiber = yield* fork(world.device.devices)
    yield* peer.expect("GetDevicesInfo")
    yield* peer.send(devicesInfo(entries))
    const listed = yield* Fiber.join(fiber)
    return [...listed.values()].map((entry) =>
      Result.isSuccess(entry.info) ? entry.info.success.label : entry.info.failure
    )
  })

describe("listing", () => {
  it.effect("opens what devices say of themselves", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fiber = yield* fork(world.device.devices)
      yield* peer.expect("GetDevicesInfo")
      yield* peer.send(
        devicesInfo([
          [me, info(world, "mine")],
          [other, info(world, "theirs")]
        ])
      )
      const listed = yield* Fiber.join(fiber)
      assert.deepStrictEqual([...listed.keys()], [me, other])
      const theirs = listed.get(other)!
      assert.strictEqual(Result.getOrThrow(theirs.info).label, "theirs")
      assert.strictEqual(theirs.slotExpiration, 1)
      assert.deepStrictEqual(theirs.connection, { _tag: "lastDisconnectAt", value: 9n })
    })
  )

  it.effect(
    "the same blob again is fine; the same nonce with other bytes is an attack; what does not open is told",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const nonce = world.group.nonce()
        const blob = info(world, "one", nonce)
        assert.deepStrictEqual(yield* list(world, peer, [[other, blob]]), ["one"])
        assert.deepStrictEqual(yield* list(world, peer, [[other, blob]]), ["one"])
        assert.deepStrictEqual(yield* list(world, peer, [[other, info(world, "two", nonce)]]), ["NonceReused"])
        assert.deepInclude((yield* world.device.quarantine.list)[0], {
          reason: "NonceReused",
          reflectedId: ReflectedId.make(0)
        })
        const latest = info(world, "three")
        assert.deepStrictEqual(yield* list(world, peer, [[other, latest]]), ["three"])
        const forged = info(world, "four")
        forged[45]! ^= 1
        assert.deepStrictEqual(
          yield* list(world, peer, [
            [other, forged],
            [me, Box.make("dgdik", new Uint8Array(3))]
          ]),
          ["Undecryptable", "Undecryptable"]
        )
        // What did not open has replaced nothing.
        assert.deepStrictEqual(yield* list(world, peer, [[other, latest]]), ["three"])
        const garbage = world.group.crypto.seal(world.group.keys.dgdik, world.group.nonce(), new Uint8Array([0xff]))
        assert.deepStrictEqual(yield* list(world, peer, [[other, garbage]]), ["Malformed"])
        assert.strictEqual((yield* world.device.quarantine.list).length, 1)
        assert.strictEqual(world.eventTags().filter((tag) => tag === "BlobRejected").length, 4)
      })
  )

  it.effect("a blob that was replaced, or is another device's, is refused and kept aside", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const [old, tablet, fresh] = [info(world, "phone-old"), info(world, "tablet"), info(world, "phone-new")]
      const [third, fourth] = [0x3333n as DeviceId, 0x4444n as DeviceId]
      const honest = [
        [other, old],
        [third, tablet]
      ] as const
      assert.deepStrictEqual(yield* list(world, peer, honest), ["phone-old", "tablet"])
      assert.deepStrictEqual(
        yield* list(world, peer, [
          [other, tablet],
          [third, old]
        ]),
        ["NonceReused", "NonceReused"]
      )
      assert.deepStrictEqual(yield* list(world, peer, honest), ["phone-old", "tablet"])
      assert.deepStrictEqual(yield* list(world, peer, [[other, fresh]]), ["phone-new"])
      assert.deepStrictEqual(yield* list(world, peer, [[other, old]]), ["NonceReused"])
      // An id that was never seen may not come with a box that was, latest or not.
      assert.deepStrictEqual(yield* list(world, peer, [[fourth, old]]), ["NonceReused"])
      assert.deepStrictEqual(yield* list(world, peer, [[fourth, fresh]]), ["NonceReused"])
      assert.deepStrictEqual(yield* list(world, peer, [[other, fresh]]), ["phone-new"])
      assert.deepInclude(world.events, {
        _tag: "BlobRejected",
        blob: "DeviceInfo",
        deviceId: third,
        reason: "NonceReused"
      })
      const kept = yield* world.device.quarantine.list
      assert.deepStrictEqual(
        kept.map(({ envelope }) => envelope),
        [tablet, old, fresh]
      )
      const replayed = yield* Effect.flip(world.device.quarantine.replay(kept[0]!.id))
      assert.deepInclude(replayed, { _tag: "MessageNotReplayable", reason: "NonceReused" })
    })
  )

  it.effect("of the device itself the info of this connection counts, and none of an earlier one", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const live = Effect.gen(function* () {
        const peer = yield* world.mediator.accept
        const { encryptedDeviceInfo, expectedDeviceSlotState: deviceSlotState } = yield* greet(world, peer)
        yield* peer.send(yield* serverInfo({ deviceSlotState }))
        yield* settle
        return { peer, encryptedDeviceInfo }
      })
      const before = yield* live
      yield* before.peer.close(1001)
      yield* TestClock.adjust("3 seconds")
      const { encryptedDeviceInfo, peer } = yield* live
      assert.deepStrictEqual(yield* list(world, peer, [[me, before.encryptedDeviceInfo]]), ["NonceReused"])
      assert.deepStrictEqual(yield* list(world, peer, [[me, encryptedDeviceInfo]]), ["scripted"])
    })
  )

  it.effect("a blob that is refused ends nothing where the quarantine has no room for it", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ store: yield* makeDeviceStoreMemory({ quarantineCapacity: 1 }) })
      const peer = yield* connect(world)
      const nonce = world.group.nonce()
      assert.deepStrictEqual(yield* list(world, peer, [[other, info(world, "one", nonce)]]), ["one"])
      for (const label of ["two", "three"]) {
        assert.deepStrictEqual(yield* list(world, peer, [[other, info(world, label, nonce)]]), ["NonceReused"])
      }
      assert.lengthOf(yield* world.device.quarantine.list, 1)
      assert.deepStrictEqual(
        world.eventTags().filter((tag) => tag === "Quarantined" || tag === "BlobRejected"),
        ["Quarantined", "BlobRejected", "BlobRejected"]
      )
      yield* expectState(world, "Live")
    })
  )

  it.effect("a device that joined knows nonces of blobs which it has yet to see", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const [old, fresh] = [info(world, "old"), info(world, "new")]
      yield* world.store.addNonces(
        [old, fresh].map((box) => world.group.crypto.hashNonce(identity, box.subarray(0, 24)))
      )
      const peer = yield* connect(world)
      assert.deepStrictEqual(yield* list(world, peer, [[other, fresh]]), ["new"])
      assert.deepStrictEqual(yield* list(world, peer, [[other, fresh]]), ["new"])
      assert.deepStrictEqual(yield* list(world, peer, [[other, old]]), ["NonceReused"])
    })
  )

  it.effect("listings are answered in their order; one that is given up leaves its answer to nobody", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const given = yield* fork(world.device.devices)
      const kept = yield* fork(world.device.devices)
      yield* peer.expect("GetDevicesInfo")
      yield* peer.expect("GetDevicesInfo")
      yield* Fiber.interrupt(given)
      yield* peer.send(devicesInfo([]), devicesInfo([[other, info(world, "x")]]))
      assert.strictEqual((yield* Fiber.join(kept)).size, 1)
      yield* peer.send(devicesInfo([]))
      assert.strictEqual((yield* peer.closedWith).code, 4010)
    })
  )

  it.effect("answers are looked at in their order, however slow the store is and whoever gives up", () =>
    Effect.gen(function* () {
      const memory = yield* makeDeviceStoreMemory()
      let latency = 10
      const store: typeof memory = {
        ...memory,
        latestBlob: (source) => Effect.delay(memory.latestBlob(source), (latency = 110 - latency))
      }
      const world = yield* makeWorld({ store })
      const peer = yield* connect(world)
      const [old, fresh] = [info(world, "old"), info(world, "new")]
      const [first, second] = [yield* fork(world.device.devices), yield* fork(world.device.devices)]
      const given = yield* fork(world.device.devices)
      for (let n = 0; n < 3; n++) yield* peer.expect("GetDevicesInfo")
      yield* peer.send(devicesInfo([[other, old]]), devicesInfo([[other, fresh]]), devicesInfo([[other, fresh]]))
      yield* settle
      yield* Fiber.interrupt(given)
      yield* TestClock.adjust("1 second")
      for (const fiber of [first, second]) {
        assert.isTrue(Result.isSuccess((yield* Fiber.join(fiber)).get(other)!.info))
      }
      const third = yield* fork(world.device.devices)
      yield* peer.expect("GetDevicesInfo")
      yield* peer.send(devicesInfo([[other, fresh]]))
      yield* settle
      yield* TestClock.adjust("1 second")
      assert.isTrue(Result.isSuccess((yield* Fiber.join(third)).get(other)!.info))
    })
  )

  it.effect("needs a live connection, and fails with it", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* settle
      assert.deepInclude(yield* Effect.flip(world.device.devices), { _tag: "NotLive", state: "Handshaking" })
      const peer = yield* connect(world)
      const fiber = yield* fork(Effect.flip(world.device.devices))
      yield* peer.expect("GetDevicesInfo")
      yield* peer.close(1011)
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "NotLive")
    })
  )

  it.effect("an answer that does not come within 30 s ends the connection", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* TestClock.adjust("5 seconds")
      const fiber = yield* fork(Effect.flip(world.device.drop(other)))
      // Other frames keep coming: it is the answer that is missing.
      for (let i = 0; i < 29; i++) {
        yield* TestClock.adjust("1 second")
        yield* peer.sendRaw(new Uint8Array([0x7f, 0, 0, 0]))
        yield* settle
      }
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "NotLive")
      const { because } = yield* expectState(world, "Waiting")
      assert.deepInclude(because, { _tag: "DeadlinePassed", waitedFor: "answer", millis: 30_000 })
    })
  )
})

describe("dropping", () => {
  it.effect("waits for the ack with that id", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const [a, b] = [yield* fork(world.device.drop(other)), yield* fork(world.device.drop(77n as DeviceId))]
      assert.strictEqual((yield* peer.expect("DropDevice")).deviceId, other)
      yield* peer.expect("DropDevice")
      yield* peer.send({ _tag: "DropDeviceAck", deviceId: 77n as DeviceId })
      yield* Fiber.join(b)
      assert.isUndefined(a.pollUnsafe())
      yield* peer.send({ _tag: "DropDeviceAck", deviceId: other })
      yield* Fiber.join(a)
    })
  )

  it.effect("itself: done with the ack, or with 4113 alone; then the user is asked", () =>
    Effect.gen(function* () {
      for (const withAck of [true, false]) {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const fiber = yield* fork(world.device.drop(me))
        yield* peer.expect("DropDevice")
        if (withAck) yield* peer.send({ _tag: "DropDeviceAck", deviceId: me })
        yield* peer.close(4113)
        yield* Fiber.join(fiber)
        assert.strictEqual((yield* expectState(world, "NeedsUser")).reason._tag, "Dropped")
      }
    })
  )

  it.effect("another device is not dropped by that close, nor the device itself by another one", () =>
    Effect.gen(function* () {
      for (const [device, code] of [
        [other, 4113],
        [me, 1011]
      ] as const) {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const fiber = yield* fork(Effect.flip(world.device.drop(device)))
        yield* peer.expect("DropDevice")
        yield* peer.close(code)
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "NotLive")
      }
    })
  )
})

describe("a request that is given up", () => {
  const requests = {
    devices: { ask: ({ device }: World) => Effect.asVoid(device.devices), answer: devicesInfo([]) },
    drop: {
      ask: ({ device }: World) => device.drop(other),
      answer: { _tag: "DropDeviceAck", deviceId: other } as const
    }
  }

  for (const [name, { answer, ask }] of Object.entries(requests)) {
    it.effect(`${name}, at whatever step: the next one gets its own answer, and the connection stays`, () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const written = new Set<number>()
        for (let at = 1, wasInterrupted = true; wasInterrupted; at++) {
          const scheduler = new InterruptAt(at)
          const given = yield* fork(Effect.provideService(ask(world), Scheduler.Scheduler, scheduler))
          const asked = (yield* peer.drain).length
          written.add(asked)
          wasInterrupted = scheduler.interrupted
          yield* Fiber.interrupt(given)
          const kept = yield* fork(ask(world))
          const askedAgain = (yield* peer.drain).length
          assert.strictEqual(askedAgain, 1)
          yield* peer.send(...Array.from({ length: asked + askedAgain }, () => answer))
          yield* settle
          assert.isDefined(kept.pollUnsafe(), `interrupted at operation ${at}`)
        }
        assert.deepStrictEqual(written, new Set([0, 1]))
        yield* TestClock.adjust("31 seconds")
        yield* expectState(world, "Live")
      }).pipe(Effect.provideService(KeepAlive, noKeepAlive))
    )

    it.effect(
      `${name}, while the socket takes nothing: it goes out once there is room, and its answer is nobody's`,
      () =>
        Effect.gen(function* () {
          const world = yield* makeWorld()
          const peer = yield* connect(world)
          peer.flow.closeUnsafe()
          const given = yield* fork(ask(world))
          yield* settle
          yield* Fiber.interrupt(given)
          const kept = yield* fork(ask(world))
          yield* settle
          peer.flow.openUnsafe()
          assert.strictEqual((yield* peer.drain).length, 2)
          yield* peer.send(answer)
          yield* settle
          assert.isUndefined(kept.pollUnsafe())
          yield* peer.send(answer)
          yield* Fiber.join(kept)
          yield* TestClock.adjust("31 seconds")
          yield* expectState(world, "Live")
        }).pipe(Effect.provideService(KeepAlive, noKeepAlive))
    )
  }

  it.effect("while the socket takes nothing: the end of the connection takes it back", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      peer.flow.closeUnsafe()
      const given = yield* fork(world.device.devices)
      yield* settle
      yield* Fiber.interrupt(given)
      yield* peer.close(1011)
      yield* expectState(world, "Waiting")
      yield* world.device.retryNow
      const next = yield* connect(world)
      assert.deepStrictEqual(yield* list(world, next, [[other, info(world, "x")]]), ["x"])
    })
  )

  it.effect("or cannot be written at all: no answer is waited for", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* connect(world)
      assert.isTrue(Exit.hasDies(yield* Effect.exit(world.device.drop("not an id" as never))))
      yield* TestClock.adjust("31 seconds")
      yield* expectState(world, "Live")
    }).pipe(Effect.provideService(KeepAlive, noKeepAlive))
  )
})

describe("shared data", () => {
  it.effect("is set in a box, and known at once", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      assert.deepStrictEqual(
        yield* Effect.map(Effect.flip(world.device.setSharedData({ version: 1 })), ({ _tag }) => _tag),
        "NotLive"
      )
      // What can never be sent is told at once, not when there is a connection.
      const { _tag } = yield* Effect.flip(world.device.setSharedData({ version: -1 }))
      assert.strictEqual(_tag, "InvalidContent")
      assert.isTrue(Option.isNone(yield* world.device.sharedData))
      const peer = yield* connect(world)
      assert.isTrue(Option.isNone(yield* world.device.sharedData))
      yield* world.device.setSharedData({ version: 5 })
      const { encryptedSharedDeviceData: box } = yield* peer.expect("SetSharedDeviceData")
      const plain = Result.getOrThrow(world.group.crypto.open(world.group.keys.dgsddk, box))
      assert.strictEqual(Result.getOrThrow(decodeMessage(D2d.SharedDeviceData, plain)).version, 5)
      assert.deepStrictEqual(Option.getOrUndefined(yield* world.device.sharedData), { version: 5 })
      yield* peer.close(1001)
      yield* TestClock.adjust("3 seconds")
      yield* connect(world, { sharedDeviceData: box })
      assert.deepStrictEqual(Option.getOrUndefined(yield* world.device.sharedData), { version: 5 })
      assert.notInclude(world.eventTags(), "BlobRejected")
    })
  )

  it.effect("is none again where the mediator has none any more", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* world.device.setSharedData({ version: 5 })
      yield* peer.close(1001)
      yield* TestClock.adjust("3 seconds")
      yield* connect(world)
      assert.isTrue(Option.isNone(yield* world.device.sharedData))
      assert.notInclude(world.eventTags(), "BlobRejected")
    })
  )

  it.effect("is padded: its length tells nothing", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const lengths = new Set<number>()
      for (let n = 0; n < 8; n++) {
        yield* world.device.setSharedData({ version: 5 })
        lengths.add((yield* peer.expect("SetSharedDeviceData")).encryptedSharedDeviceData.length)
      }
      assert.isAbove(lengths.size, 1)
    })
  )

  it.effect("what of it the mediator lost is no attack, and what it has replaced is", () =>
    Effect.gen(function* () {
      const store = yield* makeDeviceStoreMemory()
      /** The next connection of a device that starts anew on the same store, and its version of what the mediator serves. */
      const served = (box: Box<"dgsddk">, ...sets: ReadonlyArray<number>) =>
        Effect.gen(function* () {
          const world = yield* makeWorld({ store, seed: ++seed })
          const peer = yield* connect(world, { sharedDeviceData: box })
          const shared = Option.getOrUndefined(yield* world.device.sharedData)
          const boxes: Array<Box<"dgsddk">> = []
          for (const version of sets) {
            yield* world.device.setSharedData({ version })
            boxes.push((yield* peer.expect("SetSharedDeviceData")).encryptedSharedDeviceData)
          }
          const refused = world.events.flatMap((event) => (event._tag === "BlobRejected" ? [event.reason] : []))
          return { version: shared?.version, boxes, refused }
        }).pipe(Effect.scoped)
      let seed = 0
      const { crypto, keys } = new Group(yield* Crypto)
      const foreign = (version: number) =>
        crypto.seal(keys.dgsddk, new Uint8Array(24).fill(version), new Uint8Array([0x10, version]))

      const { boxes } = yield* served(foreign(9), 1, 2, 3)
      assert.deepInclude(yield* served(foreign(9)), { version: 9, refused: [] })
      assert.deepInclude(yield* served(boxes[1]!), { version: 2, refused: [] })
      for (const replaced of [foreign(9), boxes[0]!]) {
        assert.deepInclude(yield* served(replaced), { version: undefined, refused: ["NonceReused"] })
      }
      const { boxes: sent } = yield* served(boxes[1]!, 4)
      // One that was sent may be served bit by bit as it was, and not with other contents.
      const forged = crypto.seal(keys.dgsddk, sent[0]!.subarray(0, 24), new Uint8Array([0x10, 5]))
      assert.deepInclude(yield* served(forged), { version: undefined, refused: ["NonceReused"] })
      assert.deepInclude(yield* served(boxes[1]!), { version: 2, refused: [] })
      assert.deepInclude(yield* served(foreign(10)), { version: 10, refused: [] })
      assert.deepInclude(yield* served(boxes[1]!), { version: undefined, refused: ["NonceReused"] })
    }).pipe(Effect.provide(Crypto.layer))
  )

  it.effect("comes with ServerInfo; what does not open is told and is none", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const box = world.group.crypto.seal(world.group.keys.dgsddk, world.group.nonce(), new Uint8Array([0x10, 9]))
      const peer = yield* connect(world, { sharedDeviceData: box })
      assert.deepStrictEqual(Option.getOrUndefined(yield* world.device.sharedData), { version: 9 })
      yield* peer.close(1001)
      yield* TestClock.adjust("3 seconds")
      yield* connect(world, { sharedDeviceData: Box.make("dgsddk", new Uint8Array(60)) })
      assert.isTrue(Option.isNone(yield* world.device.sharedData))
      assert.deepInclude(world.events, { _tag: "BlobRejected", blob: "SharedDeviceData", reason: "Undecryptable" })
      yield* expectState(world, "Live")
    })
  )
})
