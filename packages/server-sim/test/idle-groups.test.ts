/** Groups that nobody is connected to: forgotten, loaded again, and expired in time. */
import { assert, describe, it } from "@effect/vitest"
import { DeviceGroupKey, DeviceSlotExpirationPolicy, makeCrypto, tweetNacl } from "@d2m/codec"
import {
  groupKeyOf,
  makeMemoryStore,
  Mediator,
  MediatorStore,
  type StoreCommand,
  MediatorStoreError
} from "@d2m/server-sim"
import { Effect, Latch, Layer, Logger, Option } from "effect"
import { TestClock } from "effect/testing"
import { ack, bytes, drive, groupId, hello, id, reflect } from "./drive.ts"
import { fragileStore } from "./fragile-store.ts"
import { bareTransport, join, keys, mediatorWith, open, openLink, path, tags } from "./memory-device.ts"

const volatile = { deviceSlotExpirationPolicy: DeviceSlotExpirationPolicy.VOLATILE }
const group = (n: number): Uint8Array => new Uint8Array(32).fill(n)

describe("a group that nobody is connected to", () => {
  const joinIn = (world: ReturnType<typeof drive>, n: number, device: number, expectedDeviceSlotState = 0) => {
    const wire = world.open(group(n))
    wire.send(hello(device, { expectedDeviceSlotState }))
    return wire
  }
  const known = (world: ReturnType<typeof drive>) =>
    [...world.state().groups.keys()].map((key) => Number(`0x${key.slice(0, 2)}`))

  it("is forgotten when more have become idle than stay, and is as it was when somebody connects", () => {
    const world = drive({ idleGroups: 2 })
    const wires = [1, 2, 3].map((n) => [joinIn(world, n, 1), joinIn(world, n, 2)] as const)
    wires[0]![0].send(reflect(1), reflect(2))
    wires[0]![1].send(ack(1))
    assert.deepStrictEqual(known(world), [1, 2, 3])
    for (const pair of wires) for (const wire of pair) wire.gone()
    assert.deepStrictEqual(known(world), [2, 3])
    const back = joinIn(world, 1, 2, 1)
    assert.deepStrictEqual(known(world), [2, 3, 1])
    assert.deepStrictEqual(back.said(), [
      "ServerHello",
      "ServerInfo",
      "Reflected 2",
      "ReflectionQueueDry",
      "RolePromotedToLeader"
    ])
    joinIn(world, 1, 1, 1).send(reflect(3))
    assert.deepStrictEqual(back.said(), ["Reflected 3"])
  })

  it("that became idle last stays longest, however often it did", () => {
    const world = drive({ idleGroups: 2 })
    for (const n of [1, 2]) joinIn(world, n, 1).gone()
    joinIn(world, 1, 1, 1).gone()
    joinIn(world, 3, 1).gone()
    assert.deepStrictEqual(known(world), [1, 3])
  })

  it("stays for its volatile slots until they have expired", () => {
    const world = drive({ idleGroups: 0, volatileGrace: 1_000 })
    const [a, b] = [world.join(1), world.join(2, volatile)]
    a.gone()
    b.gone()
    world.advance(999)
    assert.strictEqual(world.group()?.slots.size, 2)
    world.advance(1)
    assert.isUndefined(world.group())
    assert.include(world.rejoin(2).closed() ?? {}, { code: 4115 })
    assert.isUndefined(world.rejoin(1).closed())
  })

  it("is loaded for the sake of its volatile slots, and not over what is known", () => {
    const world = drive({ volatileGrace: 1_000 })
    const queue = { positions: [], sizes: [] }
    const slot = {
      encryptedDeviceInfo: bytes(1),
      expirationPolicy: DeviceSlotExpirationPolicy.VOLATILE,
      issued: 5,
      queue
    }
    const slots = [{ ...slot, deviceId: id(1), lastDisconnectAt: world.now() - 400 }]
    const stored = { encryptedSharedDeviceData: new Uint8Array(0), slots }
    world.feed({ _tag: "Loaded", groupId, stored })
    world.feed({ _tag: "Loaded", groupId, stored: { ...stored, slots: [] } })
    assert.strictEqual(world.group()?.slots.size, 1)
    world.advance(599)
    assert.strictEqual(world.group()?.slots.size, 1)
    world.advance(1)
    assert.isUndefined(world.group())
    const dropped = world.outputs.flatMap((output) => (output._tag === "Persist" ? output.commands : []))
    assert.deepStrictEqual(dropped, [{ _tag: "DropSlot", deviceId: id(1) }])
  })

  it("is not kept when it was loaded for volatile slots that have gone meanwhile", () => {
    const world = drive({ idleGroups: 0 })
    const slot = {
      deviceId: id(1),
      encryptedDeviceInfo: bytes(1),
      expirationPolicy: DeviceSlotExpirationPolicy.PERSISTENT,
      issued: 0,
      lastDisconnectAt: world.now(),
      queue: { positions: [], sizes: [] }
    }
    for (const slots of [[], [slot]]) {
      world.feed({ _tag: "Loaded", groupId, stored: { encryptedSharedDeviceData: new Uint8Array(0), slots } })
      assert.isUndefined(world.group())
    }
  })

  it("is not loaded any more by a mediator that stops", () => {
    const world = drive()
    const slot = {
      deviceId: id(1),
      encryptedDeviceInfo: bytes(1),
      expirationPolicy: DeviceSlotExpirationPolicy.VOLATILE,
      issued: 0,
      queue: { positions: [], sizes: [] }
    }
    world.feed({ _tag: "Shutdown" })
    world.feed({ _tag: "Loaded", groupId, stored: { encryptedSharedDeviceData: new Uint8Array(0), slots: [slot] } })
    assert.isUndefined(world.group())
    assert.isFalse(world.outputs.some(({ _tag }) => _tag === "Persist"))
  })
})

const key = groupKeyOf(keys.groupId)

const registered = (n: number, expirationPolicy: DeviceSlotExpirationPolicy): StoreCommand => ({
  _tag: "RegisterSlot",
  deviceId: id(n),
  expirationPolicy,
  encryptedDeviceInfo: bytes(n),
  issued: 0
})

/** A store in memory on which another mediator has left these commands, and which can be held up or made to fail. */
const leftBehind = Effect.fnUntraced(function* (...commands: ReadonlyArray<StoreCommand>) {
  const memory = makeMemoryStore()
  yield* memory.apply([{ _tag: "Persist", id: 1, groupKey: key, commands }])
  let isFull = false
  let refuses: "look-ups" | "loads" | undefined
  let throwing = false
  let lookUps = 0
  let loads = 0
  const gates = { lookUps: Latch.makeUnsafe(true), loads: Latch.makeUnsafe(true) }
  const unless = <A>(isRefused: () => boolean, effect: Effect.Effect<A, MediatorStoreError>) =>
    Effect.suspend(() => {
      if (!isRefused()) return effect
      if (throwing) throw new Error("not yet")
      return Effect.fail(new MediatorStoreError({ operation: "load", detail: "not yet" }))
    })
  const layer = Layer.succeed(MediatorStore, {
    ...memory,
    apply: (persists) =>
      Effect.suspend(() =>
        isFull
          ? Effect.fail(new MediatorStoreError({ operation: "apply", detail: "no space" }))
          : memory.apply(persists)
      ),
    load: (groupKey) => {
      loads++
      return Effect.andThen(
        gates.loads.await,
        unless(() => refuses === "loads" && groupKey === key, memory.load(groupKey))
      )
    },
    volatileGroups: Effect.suspend(() => {
      lookUps++
      return Effect.andThen(
        gates.lookUps.await,
        unless(() => refuses === "look-ups", memory.volatileGroups)
      )
    })
  })
  return {
    slots: Effect.map(memory.load(key), (found) =>
      Option.match(found, { onNone: () => [], onSome: ({ slots }) => slots.map(({ deviceId }) => deviceId) })
    ),
    full: (is: boolean) => {
      isFull = is
    },
    /** What goes wrong from now on; `throws` where the effect is a defect. */
    refuse: (what: typeof refuses, manner: "fails" | "throws" = "fails") => {
      refuses = what
      throwing = manner === "throws"
    },
    apply: memory.apply,
    volatileGroups: memory.volatileGroups,
    gates,
    lookUps: () => lookUps,
    loads: () => loads,
    mediator: mediatorWith({ volatileGrace: 60_000, idleTimeout: 600_000 }, { store: layer })
  }
})

/** Fails to register a device on a store that is full. */
const failToJoin = Effect.gen(function* () {
  const refused = yield* open()
  const serverHello = yield* refused.until("ServerHello")
  const response = yield* Effect.fromResult(
    makeCrypto(tweetNacl).answerChallenge(keys, serverHello, new Uint8Array(24))
  )
  yield* refused.send(hello(2, { response }))
  assert.strictEqual((yield* refused.until("Closed")).code, 1011)
})

/** Registers a device of a group in which nobody else is. */
const joinAnother = Effect.gen(function* () {
  const crypto = makeCrypto(tweetNacl)
  const others = crypto.deriveKeys(DeviceGroupKey.make(new Uint8Array(32).fill(10)))
  const mediator = yield* Mediator
  const device = yield* openLink(yield* mediator.link({ deviceGroupId: others.groupId, serverGroup: "7a" }))
  const serverHello = yield* device.until("ServerHello")
  const response = yield* Effect.fromResult(crypto.answerChallenge(others, serverHello, new Uint8Array(24)))
  yield* device.send(hello(1, { response }))
  yield* device.until("ServerInfo")
})

const { PERSISTENT, VOLATILE } = DeviceSlotExpirationPolicy

describe("a mediator that starts on what another has stored", () => {
  it.effect("expires volatile slots in time though nobody connects", () =>
    Effect.gen(function* () {
      const { mediator, slots } = yield* leftBehind(
        registered(1, VOLATILE),
        registered(2, PERSISTENT),
        { _tag: "DisconnectSlot", deviceId: id(1), at: 0 },
        { _tag: "DisconnectSlot", deviceId: id(2), at: 0 }
      )
      yield* TestClock.adjust("20 seconds")
      yield* Effect.gen(function* () {
        yield* Mediator
        yield* TestClock.adjust("39 seconds")
        assert.deepStrictEqual(yield* slots, [id(1), id(2)])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* slots, [id(2)])
      }).pipe(Effect.provide(mediator))
    })
  )

  it.effect("counts devices that were connected when the other was killed as gone since its start", () =>
    Effect.gen(function* () {
      const { mediator, slots } = yield* leftBehind(registered(1, VOLATILE))
      yield* TestClock.adjust("20 seconds")
      yield* Effect.gen(function* () {
        yield* Mediator
        yield* TestClock.adjust("59 seconds")
        assert.deepStrictEqual(yield* slots, [id(1)])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* slots, [])
      }).pipe(Effect.provide(mediator))
    })
  )

  it.effect("expires them as well when its store has failed in between and works again", () =>
    Effect.gen(function* () {
      const { full, lookUps, mediator, slots } = yield* leftBehind(registered(1, VOLATILE))
      yield* Effect.gen(function* () {
        full(true)
        yield* failToJoin
        full(false)
        const before = lookUps()
        yield* joinAnother
        assert.strictEqual(lookUps(), before + 1)
        assert.deepStrictEqual(yield* slots, [id(1)])
        yield* TestClock.adjust("61 seconds")
        assert.deepStrictEqual(yield* slots, [])
        // Nothing is forgotten any more.
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(lookUps(), before + 1)
      }).pipe(Effect.scoped, Effect.provide(mediator))
    })
  )

  it.effect("expires them as well when its store has failed in between and nobody writes any more", () =>
    Effect.gen(function* () {
      const { full, lookUps, mediator, slots } = yield* leftBehind(registered(1, VOLATILE))
      yield* Effect.gen(function* () {
        full(true)
        yield* failToJoin
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(yield* slots, [id(1)])
        assert.isBelow(lookUps(), 15)
        full(false)
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual(yield* slots, [])
      }).pipe(Effect.scoped, Effect.provide(mediator))
    })
  )

  it.effect("expires them as well when a group was forgotten while something about it was being written", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const { group } = yield* Mediator
      const a = yield* open()
      yield* a.register(1, 0, volatile)
      yield* Effect.scoped(join(2))
      yield* a.send(reflect(1))
      store.readGate.closeUnsafe()
      const b = yield* open()
      yield* b.register(2, 1)
      store.applyGate.closeUnsafe()
      yield* a.send(reflect(2))
      store.fail("read")
      yield* store.readGate.open
      for (const device of [a, b]) assert.strictEqual(tags(yield* device.rest).at(-1), "Closed 1011")
      store.fail("none")
      // What is stored now is not what is stored when it is written.
      yield* TestClock.adjust("61 seconds")
      assert.isTrue(Option.isNone(yield* group(keys.groupId)))
      yield* store.applyGate.open
      yield* Effect.yieldNow
      const devices = Effect.map(group(keys.groupId), (found) =>
        Option.getOrThrow(found).devices.map(({ deviceId, queueLength }) => [deviceId, queueLength])
      )
      assert.deepStrictEqual(yield* devices, [
        [id(1), 0],
        [id(2), 2]
      ])
      yield* TestClock.adjust("60 seconds")
      assert.deepStrictEqual(yield* devices, [[id(2), 2]])
    }).pipe(
      Effect.ensuring(store.applyGate.open),
      Effect.provide(mediatorWith({ volatileGrace: 60_000, deliveryMessages: 1 }, { store: store.layer }))
    )
  })

  it.effect("expires them as well when somebody comes and leaves again before the store has answered", () =>
    Effect.gen(function* () {
      const { gates, loads, mediator, slots } = yield* leftBehind(registered(1, VOLATILE))
      gates.lookUps.closeUnsafe()
      gates.loads.closeUnsafe()
      yield* Effect.gen(function* () {
        const { attach, group } = yield* Mediator
        attach(path, bareTransport()).gone()
        assert.strictEqual(loads(), 1)
        yield* gates.lookUps.open
        yield* Effect.yieldNow
        yield* gates.loads.open
        yield* Effect.yieldNow
        assert.strictEqual(Option.getOrThrow(yield* group(keys.groupId)).connections, 0)
        assert.strictEqual(loads(), 1)
        yield* TestClock.adjust("60 seconds")
        assert.deepStrictEqual(yield* slots, [])
      }).pipe(Effect.ensuring(Effect.andThen(gates.lookUps.open, gates.loads.open)), Effect.provide(mediator))
    })
  )

  it.effect("expires those of other groups in time while one cannot be loaded, and tells of that one", () => {
    const logged: Array<string> = []
    return Effect.gen(function* () {
      for (const manner of ["fails", "throws"] as const) {
        const { apply, mediator, refuse, volatileGroups } = yield* leftBehind(registered(1, VOLATILE))
        yield* apply([{ _tag: "Persist", id: 2, groupKey: "0a".repeat(32), commands: [registered(1, VOLATILE)] }])
        refuse("loads", manner)
        yield* Effect.gen(function* () {
          yield* Mediator
          yield* TestClock.adjust("60 seconds")
          assert.deepStrictEqual(yield* volatileGroups, [key])
        }).pipe(Effect.provide(mediator, { local: true }))
        assert.include(logged.join("\n"), "volatile slots of a group will expire late")
        assert.notInclude(logged.join("\n"), "a connection could not be opened")
        logged.length = 0
      }
    }).pipe(Effect.provide(Logger.layer([Logger.map(Logger.formatLogFmt, (line) => void logged.push(line))])))
  })

  for (const what of ["look-ups", "loads"] as const) {
    for (const manner of ["fails", "throws"] as const) {
      it.effect(`expires them as well when its store ${manner} at ${what} at first`, () =>
        Effect.gen(function* () {
          const { lookUps, mediator, refuse, slots } = yield* leftBehind(registered(1, VOLATILE))
          refuse(what, manner)
          yield* Effect.gen(function* () {
            yield* Mediator
            yield* TestClock.adjust("10 seconds")
            // At 0, 1, 3 and 7 s, and later once a minute.
            assert.strictEqual(lookUps(), 4)
            yield* TestClock.adjust("1 hour")
            assert.closeTo(lookUps(), 4 + 60, 4)
            refuse(undefined)
            yield* TestClock.adjust("2 minutes")
            assert.deepStrictEqual(yield* slots, [])
            const before = lookUps()
            yield* TestClock.adjust("1 hour")
            assert.strictEqual(lookUps(), before)
          }).pipe(Effect.provide(mediator))
        })
      )
    }
  }
})
