import { ReflectedId, ReflectFlags } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch } from "effect"
import { TestClock } from "effect/testing"
import { makeDeviceStoreMemory, DeviceStoreError } from "../src/DeviceStore.ts"
import {
  Capacities,
  continueAsIs,
  defaultCapacities,
  HandlerError,
  HandlerPolicy,
  type ReflectedMessage
} from "../src/index.ts"
import {
  ackOf,
  connect,
  expectState,
  makeWorld,
  other,
  reflected,
  settle,
  text,
  textOf,
  type World
} from "./scripted-peer.ts"

const acks = (frames: ReadonlyArray<{ readonly _tag: string }>) =>
  frames.flatMap((frame) =>
    frame._tag === "ReflectedAck" && "reflectedId" in frame ? [frame.reflectedId as number] : []
  )
const seen = (world: World) => world.handled.map((batch) => batch.map(({ content }) => textOf(content)))
const textsOf = (batch: ReadonlyArray<ReflectedMessage>) => batch.map(({ content }) => textOf(content))
const failing = (bad: string) => (batch: ReadonlyArray<ReflectedMessage>) =>
  textsOf(batch).includes(bad) ? Effect.fail(new HandlerError({ detail: `no ${bad}` })) : Effect.void

describe("delivery", () => {
  it.effect("opened, in order, in batches; acked after the handler, before anything else nothing", () =>
    Effect.gen(function* () {
      const gate = Latch.makeUnsafe(false)
      const world = yield* makeWorld({ onReflected: () => gate.await })
      const peer = yield* connect(world)
      yield* peer.send(reflected(7, world.group.envelope(text("a"))))
      yield* settle
      yield* peer.send(reflected(8, world.group.envelope(text("b"))), reflected(9, world.group.envelope(text("c"))))
      yield* settle
      assert.deepStrictEqual(acks(yield* peer.drain), [])
      assert.deepStrictEqual(seen(world), [["a"]])
      gate.openUnsafe()
      assert.deepStrictEqual(acks(yield* peer.drain), [7, 8, 9])
      assert.deepStrictEqual(seen(world), [["a"], ["b", "c"]])
      const [first] = world.handled[0]!
      assert.deepInclude<Partial<Record<keyof ReflectedMessage, unknown>>>(first!, {
        sender: other,
        timestamp: 1007n,
        reflectedId: 7,
        ephemeral: false,
        protocolVersion: 0
      })
    })
  )

  it.effect("ephemerals are handed on and never acked", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send(
        reflected(1, world.group.envelope(text("e")), ReflectFlags.ephemeral),
        reflected(2, world.group.envelope(text("a")))
      )
      assert.deepStrictEqual(acks(yield* peer.drain), [2])
      assert.deepStrictEqual(seen(world), [["e", "a"]])
      assert.isTrue(world.handled[0]?.[0]?.ephemeral)
    })
  )

  it.effect("a content that this version does not know is handed on without one", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.seal(new Uint8Array([0xf2, 0x07, 0x00]))))
      assert.deepStrictEqual(acks(yield* peer.drain), [1])
      assert.isUndefined(world.handled[0]?.[0]?.content)
    })
  )

  it.effect("Dry and leader show in the state and as events, once", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send({ _tag: "ReflectionQueueDry" })
      assert.isTrue((yield* expectState(world, "Live")).dry)
      yield* peer.send({ _tag: "RolePromotedToLeader" }, { _tag: "ReflectionQueueDry" })
      const live = yield* expectState(world, "Live")
      assert.isTrue(live.dry && live.leader)
      assert.deepStrictEqual(world.eventTags(), ["Dry", "PromotedToLeader", "StrayFrame"])
      yield* peer.close(1001)
      yield* TestClock.adjust("3 seconds")
      yield* connect(world)
      const fresh = yield* expectState(world, "Live")
      assert.isFalse(fresh.dry || fresh.leader)
    })
  )

  it.effect("a leader before Dry leads, and that it came too early is told", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send({ _tag: "RolePromotedToLeader" })
      assert.isTrue((yield* expectState(world, "Live")).leader)
      assert.deepStrictEqual(world.events, [
        { _tag: "StrayFrame", frame: "RolePromotedToLeader before ReflectionQueueDry" },
        { _tag: "PromotedToLeader" }
      ])
    })
  )
})

describe("duplicates", () => {
  it.effect("a known nonce is acked and not handled again, also by another process on the same store", () =>
    Effect.gen(function* () {
      const store = yield* makeDeviceStoreMemory()
      const box = yield* Effect.scoped(
        Effect.gen(function* () {
          const world = yield* makeWorld({ store })
          const peer = yield* connect(world)
          const box = world.group.envelope(text("a"))
          yield* peer.send(reflected(1, box), reflected(2, box))
          assert.deepStrictEqual(acks(yield* peer.drain), [1, 2])
          assert.deepStrictEqual(seen(world), [["a"]])
          assert.deepInclude(world.events, { _tag: "Duplicate", reflectedId: ReflectedId.make(2), ephemeral: false })
          return box
        })
      )
      const world = yield* makeWorld({ store })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, box), reflected(3, box, ReflectFlags.ephemeral))
      assert.deepStrictEqual(acks(yield* peer.drain), [1])
      assert.deepStrictEqual(seen(world), [])
    })
  )

  it.effect("a message of our own that comes back is a duplicate", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* Effect.forkScoped(world.device.reflect(text("mine")), { startImmediately: true })
      const frame = yield* peer.expect("Reflect")
      yield* peer.send(reflected(1, frame.envelope))
      assert.deepStrictEqual(acks(yield* peer.drain), [1])
      assert.deepStrictEqual(seen(world), [])
    })
  )

  it.effect("the handler goes on over a reconnect; a redelivery joins it and is acked where it was delivered", () =>
    Effect.gen(function* () {
      const gate = Latch.makeUnsafe(false)
      const world = yield* makeWorld({ onReflected: () => gate.await })
      const peer = yield* connect(world)
      const [a, b] = [world.group.envelope(text("a")), world.group.envelope(text("b"))]
      yield* peer.send(reflected(1, a))
      yield* settle
      yield* peer.send(reflected(2, b))
      yield* settle
      yield* peer.close(1006)
      yield* TestClock.adjust("3 seconds")
      const next = yield* connect(world)
      yield* next.send(reflected(1, a), reflected(2, b), reflected(3, world.group.envelope(text("c"))))
      assert.deepStrictEqual(acks(yield* next.drain), [])
      gate.openUnsafe()
      assert.deepStrictEqual(acks(yield* next.drain), [1, 2, 3])
      assert.deepStrictEqual(seen(world).flat(), ["a", "b", "c"])
    })
  )

  it.effect("what was received before a cut is handled though it was not acked", () =>
    Effect.gen(function* () {
      const gate = Latch.makeUnsafe(false)
      const world = yield* makeWorld({ onReflected: () => gate.await })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("a"))), reflected(2, world.group.envelope(text("b")), 1))
      yield* settle
      yield* peer.close(4113)
      yield* expectState(world, "NeedsUser")
      gate.openUnsafe()
      yield* settle
      assert.deepStrictEqual(seen(world).flat(), ["a", "b"])
    })
  )
})

describe("what cannot be handled", () => {
  it.effect(
    "undecryptable and malformed messages go to quarantine, are acked and told; only opened boxes leave a nonce",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const forged = world.group.envelope(text("x"))
        forged[50]! ^= 1
        const malformed = world.group.seal(new Uint8Array([0x12, 0xff]))
        yield* peer.send(
          reflected(1, forged),
          reflected(2, world.group.envelope(text("ok"))),
          reflected(3, new Uint8Array(5)),
          reflected(4, malformed),
          reflected(5, new Uint8Array(0), ReflectFlags.ephemeral)
        )
        assert.deepStrictEqual(acks(yield* peer.drain), [1, 2, 3, 4])
        assert.deepStrictEqual(seen(world), [["ok"]])
        const entries = yield* world.device.quarantine.list
        assert.deepStrictEqual(
          entries.map(({ reason, reflectedId, flags, timestamp }) => [reflectedId, reason, flags, timestamp]),
          [
            [1, "Undecryptable", 0, 1001n],
            [3, "Undecryptable", 0, 1003n],
            [4, "Malformed", 0, 1004n],
            [5, "Undecryptable", 1, 1005n]
          ]
        )
        assert.deepStrictEqual(entries[0]?.envelope, forged)
        const hash = (box: Uint8Array) => world.group.crypto.hashNonce("ECHOECHO", box.subarray(0, 24))
        assert.deepStrictEqual(yield* world.store.hasNonces([hash(forged), hash(malformed)]), [false, true])
        assert.strictEqual(world.eventTags().filter((tag) => tag === "Quarantined").length, 4)
      })
  )

  it.effect("a redelivered undecryptable message fills the quarantine once", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      for (let round = 0; round < 3; round++) {
        const peer = yield* connect(world)
        yield* peer.send(reflected(1, new Uint8Array(60)))
        assert.deepStrictEqual(acks(yield* peer.drain), [1])
        yield* peer.close(1001)
        yield* settle
        yield* world.device.retryNow
      }
      assert.strictEqual((yield* world.device.quarantine.list).length, 1)
    })
  )

  it.effect("a handler that fails: 3 tries with backoff, one bad message harms no other, then quarantine and ack", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ onReflected: failing("bad") })
      const peer = yield* connect(world)
      yield* peer.send(...["a", "bad", "c"].map((value, i) => reflected(i + 1, world.group.envelope(text(value)))))
      yield* settle
      assert.deepStrictEqual(seen(world), [["a", "bad", "c"]])
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(seen(world).length, 1)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(seen(world).slice(1), [["a"], ["bad"]])
      assert.deepStrictEqual(acks(yield* peer.drain), [])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(seen(world).slice(3), [["bad"], ["c"]])
      assert.deepStrictEqual(acks(yield* peer.drain), [1, 2, 3])
      const [entry] = yield* world.device.quarantine.list
      assert.deepInclude(entry, {
        reflectedId: ReflectedId.make(2),
        reason: "HandlerFailed",
        detail: "no bad",
        quarantinedAt: 3000
      })
      yield* peer.send(reflected(2, entry!.envelope))
      assert.deepStrictEqual(acks(yield* peer.drain), [2])
      assert.strictEqual(seen(world).length, 5, "never again after its quarantine")
    })
  )

  it.effect("a store that fails behind a quarantine: the message comes again, and not to the handler", () =>
    Effect.gen(function* () {
      const store = yield* makeDeviceStoreMemory()
      let isFull = false
      const addNonces: typeof store.addNonces = (hashed) =>
        isFull
          ? Effect.fail(new DeviceStoreError({ reason: "Full", operation: "keep nonces", detail: "no space" }))
          : store.addNonces(hashed)
      const world = yield* makeWorld({ onReflected: failing("bad"), store: { ...store, addNonces } })
      const frames = ["bad", "good"].map((value, i) => reflected(i + 1, world.group.envelope(text(value))))
      const peer = yield* connect(world)
      isFull = true
      yield* peer.send(...frames)
      yield* settle
      assert.deepStrictEqual(acks(yield* peer.drain), [])
      isFull = false
      yield* expectState(world, "Waiting")
      yield* TestClock.adjust("3 seconds")
      const next = yield* connect(world)
      yield* next.send(...frames)
      assert.deepStrictEqual(acks(yield* next.drain), [1, 2])
      assert.deepStrictEqual(seen(world), [["bad", "good"], ["bad"], ["good"], ["good"]])
      assert.strictEqual((yield* world.device.quarantine.list).length, 1)
    }).pipe(Effect.provideService(HandlerPolicy, { tries: 2, delay: () => 0, giveUp: "quarantine" }))
  )

  it.effect("a handler that throws, that dies and that interrupts itself is one that fails", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({
        onReflected: ([first]) => {
          const value = textOf(first.content)
          if (value === "throw") throw new Error("secret")
          return value === "die" ? Effect.die("secret") : Effect.interrupt
        }
      })
      const peer = yield* connect(world)
      for (const [at, value] of ["throw", "die", "interrupt"].entries()) {
        yield* peer.send(reflected(at, world.group.envelope(text(value))))
        yield* TestClock.adjust("3 seconds")
        assert.deepStrictEqual(acks(yield* peer.drain), [at])
      }
      const details = (yield* world.device.quarantine.list).map(({ detail }) => detail)
      assert.deepStrictEqual(details, [
        "the handler died of a defect",
        "the handler died of a defect",
        "the handler was interrupted"
      ])
      yield* expectState(world, "Live")
    })
  )

  it.effect("a policy says in any duration how long to wait for the next try", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ onReflected: failing("bad") })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("bad"))))
      for (const [tries, seconds] of [
        [1, 4],
        [2, 8]
      ] as const) {
        yield* settle
        yield* TestClock.adjust(seconds * 1_000 - 1)
        yield* settle
        assert.strictEqual(seen(world).length, tries)
        yield* TestClock.adjust(1)
        yield* settle
        assert.strictEqual(seen(world).length, tries + 1)
      }
    }).pipe(
      Effect.provideService(HandlerPolicy, {
        tries: 3,
        delay: (tries) => `${tries * 4} seconds`,
        giveUp: "quarantine"
      })
    )
  )

  it.effect("a policy whose delay is none ends the device, which says so", () =>
    Effect.forEach(["soon" as never, Number.NaN, -1], (delay) =>
      Effect.gen(function* () {
        const world = yield* makeWorld({ onReflected: failing("bad") })
        const peer = yield* connect(world)
        yield* peer.send(reflected(1, world.group.envelope(text("bad"))))
        assert.isTrue((yield* expectState(world, "Stopped")).died)
        assert.deepStrictEqual(acks(yield* peer.drain), [])
      }).pipe(Effect.provideService(HandlerPolicy, { tries: 3, delay: () => delay, giveUp: "quarantine" }))
    )
  )

  it.effect("policy halt: stops before the message, un-acked, and goes on with it when told to", () =>
    Effect.gen(function* () {
      let bad = "bad"
      const world = yield* makeWorld({ onReflected: (batch) => failing(bad)(batch) })
      const peer = yield* connect(world)
      const boxes = ["a", "bad", "c"].map((value) => world.group.envelope(text(value)))
      yield* peer.send(...boxes.map((box, i) => reflected(i + 1, box)))
      yield* settle
      yield* peer.send(reflected(4, world.group.envelope(text("d"))))
      assert.deepStrictEqual(acks(yield* peer.drain), [1])
      assert.strictEqual((yield* peer.closedWith).code, 1000)
      const asked = yield* expectState(world, "NeedsUser")
      assert.isTrue(asked.reason._tag === "Halted" && asked.reason.because._tag === "HandlerHalted")
      assert.deepStrictEqual(yield* world.device.quarantine.list, [])
      assert.deepStrictEqual(seen(world), [["a", "bad", "c"], ["a"], ["bad"]])

      bad = "nothing"
      assert.isTrue(yield* world.device.resume(continueAsIs))
      const next = yield* connect(world)
      yield* next.send(...boxes.slice(1).map((box, i) => reflected(i + 2, box)))
      assert.deepStrictEqual(acks(yield* next.drain), [2, 3])
    }).pipe(Effect.provideService(HandlerPolicy, { tries: 1, delay: () => 0, giveUp: "halt" }))
  )

  it.effect("nothing overtakes the message that halted, not even what waited for room behind it", () =>
    Effect.gen(function* () {
      const gate = Latch.makeUnsafe(false)
      const world = yield* makeWorld({
        onReflected: () => Effect.andThen(gate.await, Effect.fail(new HandlerError({ detail: "no" })))
      })
      const peer = yield* connect(world)
      for (let i = 1; i <= 8; i++) {
        yield* peer.send(reflected(i, world.group.envelope(text(String(i)))))
        yield* settle
      }
      gate.openUnsafe()
      yield* expectState(world, "NeedsUser")
      assert.deepStrictEqual(seen(world), [["1"]])
    }).pipe(
      Effect.provideService(HandlerPolicy, { tries: 1, delay: () => 0, giveUp: "halt" }),
      Effect.provideService(Capacities, { ...defaultCapacities, reflected: 2 })
    )
  )

  it.effect("a full quarantine halts; after a release it goes on, and nothing was lost or acked", () =>
    Effect.gen(function* () {
      const store = yield* makeDeviceStoreMemory({ quarantineCapacity: 1 })
      const world = yield* makeWorld({ store })
      const peer = yield* connect(world)
      const good = world.group.envelope(text("good"))
      yield* peer.send(reflected(1, new Uint8Array(50)), reflected(2, new Uint8Array(51)), reflected(3, good))
      assert.deepStrictEqual(acks(yield* peer.drain), [1])
      const asked = yield* expectState(world, "NeedsUser")
      assert.isTrue(asked.reason._tag === "Halted" && asked.reason.because._tag === "QuarantineFull")
      const [entry] = yield* world.device.quarantine.list
      yield* world.device.quarantine.release(entry!.id)
      yield* world.device.resume(continueAsIs)
      const next = yield* connect(world)
      yield* next.send(reflected(2, new Uint8Array(51)), reflected(3, good))
      assert.deepStrictEqual(acks(yield* next.drain), [2, 3])
      assert.include(seen(world).flat(), "good")
    })
  )

  it.effect("a halt while there is no connection ends the next one before it is live", () =>
    Effect.gen(function* () {
      const gate = Latch.makeUnsafe(false)
      const world = yield* makeWorld({
        onReflected: () => Effect.andThen(gate.await, Effect.fail(new HandlerError({ detail: "no" })))
      })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("a"))))
      yield* settle
      yield* peer.send(reflected(2, world.group.envelope(text("b"))))
      yield* settle
      yield* peer.close(1001)
      yield* settle
      gate.openUnsafe()
      yield* settle
      yield* TestClock.adjust("3 seconds")
      yield* expectState(world, "NeedsUser")
      assert.strictEqual(world.mediator.dials(), 1)
      assert.deepStrictEqual(seen(world), [["a"]])
      assert.isTrue(yield* world.device.resume(continueAsIs))
      yield* connect(world)
      yield* expectState(world, "Live")
    }).pipe(Effect.provideService(HandlerPolicy, { tries: 1, delay: () => 0, giveUp: "halt" }))
  )

  it.effect("replay hands a message to the handler again and releases it when that succeeds", () =>
    Effect.gen(function* () {
      let bad = "bad"
      const world = yield* makeWorld({ onReflected: (batch) => failing(bad)(batch) })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("bad"))), reflected(2, new Uint8Array(41)))
      yield* settle
      const [handlerFailed, undecryptable] = yield* Effect.map(world.device.quarantine.list, (list) =>
        [...list].sort((a, b) => a.reflectedId - b.reflectedId)
      )
      assert.strictEqual((yield* Effect.flip(world.device.quarantine.replay(handlerFailed!.id)))._tag, "HandlerError")
      bad = ""
      yield* world.device.quarantine.replay(handlerFailed!.id)
      assert.deepStrictEqual(seen(world).at(-1), ["bad"])
      const refused = yield* Effect.flip(world.device.quarantine.replay(undecryptable!.id))
      assert.deepInclude(refused, { _tag: "MessageNotReplayable", reason: "Undecryptable" })
      assert.deepInclude(yield* Effect.flip(world.device.quarantine.replay(99)), { reason: "NotThere" })
      assert.strictEqual((yield* world.device.quarantine.list).length, 1)
    }).pipe(Effect.provideService(HandlerPolicy, { tries: 1, delay: () => 0, giveUp: "quarantine" }))
  )

  it.effect("replay waits until the handler is at rest", () =>
    Effect.gen(function* () {
      const gate = Latch.makeUnsafe(true)
      let running = 0
      const world = yield* makeWorld({
        onReflected: (batch) =>
          Effect.acquireUseRelease(
            Effect.sync(() => assert.strictEqual(++running, 1, "one batch at a time")),
            () => (textsOf(batch).includes("bad") && gate.isOpen() ? failing("bad")(batch) : gate.await),
            () => Effect.sync(() => running--)
          )
      })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("bad"))))
      yield* settle
      const [entry] = yield* world.device.quarantine.list
      gate.closeUnsafe()
      yield* peer.send(reflected(2, world.group.envelope(text("slow"))))
      yield* settle
      const replaying = yield* Effect.forkScoped(world.device.quarantine.replay(entry!.id))
      yield* settle
      assert.deepStrictEqual(seen(world), [["bad"], ["slow"]])
      yield* peer.send(reflected(3, world.group.envelope(text("next"))))
      yield* settle
      gate.openUnsafe()
      assert.isTrue(Exit.isFailure(yield* Fiber.await(replaying)))
      yield* settle
      assert.deepStrictEqual(seen(world).flat().toSorted(), ["bad", "bad", "next", "slow"])
    }).pipe(Effect.provideService(HandlerPolicy, { tries: 1, delay: () => 0, giveUp: "quarantine" }))
  )

  it.effect("replay reads the one message, however many there are", () =>
    Effect.gen(function* () {
      const memory = yield* makeDeviceStoreMemory()
      const world = yield* makeWorld({
        store: { ...memory, quarantined: Effect.die("all of them are read") },
        onReflected: (batch) => failing("bad")(batch)
      })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("bad"))))
      yield* settle
      const { id } = world.events.find((event) => event._tag === "Quarantined")!
      assert.strictEqual((yield* Effect.flip(world.device.quarantine.replay(id)))._tag, "HandlerError")
    }).pipe(Effect.provideService(HandlerPolicy, { tries: 1, delay: () => 0, giveUp: "quarantine" }))
  )
})

describe("a replay that is given up", () => {
  const quarantineAtOnce = Effect.provideService(HandlerPolicy, {
    tries: 1,
    delay: () => 0,
    giveUp: "quarantine"
  })

  it.effect("after its handler has succeeded is no reason to hand the message over again", () =>
    Effect.gen(function* () {
      const memory = yield* makeDeviceStoreMemory()
      const record = Latch.makeUnsafe(true)
      const store: typeof memory = {
        ...memory,
        addNonces: (nonces) => Effect.andThen(record.await, memory.addNonces(nonces))
      }
      let bad = "a"
      const world = yield* makeWorld({ store, onReflected: (batch) => failing(bad)(batch) })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("a"))))
      yield* peer.expect("ReflectedAck")
      bad = ""
      record.closeUnsafe()
      const { id } = (yield* world.device.quarantine.list)[0]!
      const replay = yield* Effect.forkScoped(world.device.quarantine.replay(id), { startImmediately: true })
      yield* settle
      replay.interruptUnsafe()
      yield* settle
      record.openUnsafe()
      yield* Fiber.await(replay)
      assert.deepInclude(yield* Effect.flip(world.device.quarantine.replay(id)), { reason: "NotThere" })
      assert.deepStrictEqual(seen(world), [["a"], ["a"]])
    }).pipe(quarantineAtOnce)
  )

  it.effect("interrupts its handler, and keeps the message", () =>
    Effect.gen(function* () {
      let bad = "a"
      const world = yield* makeWorld({
        onReflected: (batch) => (bad === "" ? Effect.never : failing(bad)(batch))
      })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("a"))))
      yield* peer.expect("ReflectedAck")
      bad = ""
      const { id } = (yield* world.device.quarantine.list)[0]!
      const replay = yield* Effect.forkScoped(world.device.quarantine.replay(id), { startImmediately: true })
      yield* settle
      yield* Fiber.interrupt(replay)
      assert.strictEqual((yield* world.device.quarantine.list).length, 1)
    }).pipe(quarantineAtOnce)
  )
})

describe("from inside the handler", () => {
  it.effect("the device can be stopped; the message is not acked", () =>
    Effect.gen(function* () {
      let device: World["device"] | undefined
      const world: World = yield* makeWorld({
        onReflected: () => (device === undefined ? Effect.void : Effect.asVoid(device.stop))
      })
      device = world.device
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("a"))))
      yield* expectState(world, "Stopped")
      assert.strictEqual((yield* peer.closedWith).code, 1000)
      assert.deepStrictEqual(acks(yield* peer.drain), [])
    })
  )

  it.effect("reflecting and listing devices work", () =>
    Effect.gen(function* () {
      let device: World["device"] | undefined
      const world: World = yield* makeWorld({
        onReflected: () =>
          device === undefined
            ? Effect.void
            : Effect.asVoid(Effect.ignore(Effect.andThen(device.reflect(text("reply")), device.devices)))
      })
      device = world.device
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("a"))))
      yield* peer.send(ackOf(yield* peer.expect("Reflect")))
      yield* peer.expect("GetDevicesInfo")
      yield* peer.send({ _tag: "DevicesInfo", augmentedDeviceInfo: new Map() })
      assert.deepStrictEqual(acks(yield* peer.drain), [1])
    })
  )
})

describe("backpressure", () => {
  it.effect("a slow handler stops the reading; nothing counts as dead meanwhile", () =>
    Effect.gen(function* () {
      const gate = Latch.makeUnsafe(false)
      const world = yield* makeWorld({ onReflected: () => gate.await })
      const peer = yield* connect(world)
      for (let i = 1; i <= 20; i++) {
        yield* peer.send(reflected(i, world.group.envelope(text(String(i)))))
        yield* settle
      }
      yield* peer.sendRaw(new Uint8Array([0x7f, 0, 0, 0]))
      for (let i = 0; i < 20; i++) yield* TestClock.adjust("30 seconds")
      yield* expectState(world, "Live")
      assert.notInclude(world.eventTags(), "UnknownFrame", "the frame behind is not read")
      assert.notInclude(world.eventTags(), "PassedOver")
      gate.openUnsafe()
      assert.deepStrictEqual(
        acks(yield* peer.drain),
        Array.from({ length: 20 }, (_, i) => i + 1)
      )
      assert.include(world.eventTags(), "UnknownFrame")
    }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, reflected: 4 }))
  )

  it.effect("a handler that works off a failed batch slowly moves: nothing is passed over", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({
        onReflected: (batch) =>
          batch.length > 1 ? Effect.fail(new HandlerError({ detail: "one at a time" })) : Effect.sleep("8 seconds")
      })
      const peer = yield* connect(world)
      yield* Effect.forkChild(world.device.reflect(text("mine")), { startImmediately: true })
      yield* peer.expect("Reflect")
      const envelopeOf = (id: number) => reflected(id, world.group.envelope(text(String(id))))
      yield* peer.send(envelopeOf(1), envelopeOf(2), envelopeOf(3), envelopeOf(4))
      yield* settle
      for (let id = 5; id <= 12; id++) {
        yield* peer.send(envelopeOf(id))
        yield* settle
      }
      for (let i = 0; i < 45; i++) yield* TestClock.adjust("1 second")
      assert.notInclude(world.eventTags(), "PassedOver")
      assert.isAbove(acks(yield* peer.drain).length, 3)
    }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, reflected: 4 }))
  )

  it.effect("a handler that waits for its own reflect behind a full queue gets its ack; the rest comes again", () =>
    Effect.gen(function* () {
      let device: World["device"] | undefined
      const world: World = yield* makeWorld({
        onReflected: () =>
          device === undefined ? Effect.void : Effect.ignore(Effect.asVoid(device.reflect(text("reply"))))
      })
      device = world.device
      const peer = yield* connect(world)
      const boxes = Array.from({ length: 10 }, (_, i) => world.group.envelope(text(String(i))))
      for (const [i, box] of boxes.entries()) {
        yield* peer.send(reflected(i, box))
        yield* settle
      }
      const reply = yield* peer.expect("Reflect")
      yield* peer.send(ackOf(reply))
      yield* settle
      assert.strictEqual(seen(world).length, 1, "the ack stands behind messages that nobody takes")
      yield* TestClock.adjust("10 seconds")
      yield* settle
      assert.include(world.eventTags(), "PassedOver")
      for (;;) {
        const frame = yield* peer.next
        if (frame._tag === "Reflect") yield* peer.send(ackOf(frame))
        yield* settle
        if (peer.isClosed()) break
      }
      const waiting = yield* expectState(world, "Waiting")
      assert.strictEqual(waiting.because._tag, "FellBehind")
      assert.strictEqual(waiting.failures, 0)
      const order = seen(world).flat()
      assert.deepStrictEqual(
        order,
        order.map((_, i) => String(i)),
        "in order and without a gap"
      )
      assert.isBelow(order.length, 10)
      device = undefined
      yield* TestClock.adjust("3 seconds")
      const next = yield* connect(world)
      for (const [i, box] of boxes.entries()) yield* next.send(reflected(i, box))
      yield* settle
      assert.deepStrictEqual(
        seen(world).flat(),
        boxes.map((_, i) => String(i))
      )
    }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, reflected: 3 }))
  )
})
