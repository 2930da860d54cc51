import {
  D2d,
  decodeMessage,
  DeviceSlotState,
  encodeClientFrame,
  encodeServerFrame,
  Limits,
  ReflectFlags
} from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Fiber, Latch, Option, Result, Stream } from "effect"
import { TestClock } from "effect/testing"
import { makeDeviceStoreMemory } from "../src/DeviceStore.ts"
import {
  Capacities,
  type ChatDuplex,
  type ChatEnd,
  connectAnyway,
  continueAsIs,
  DeadlinePassed,
  Deadlines,
  defaultCapacities,
  defaultDeadlines,
  negotiateVersion
} from "../src/index.ts"
import {
  ackOf,
  connect,
  expectState,
  greet,
  makeWorld,
  me,
  reflected,
  serverInfo,
  settle,
  text
} from "./scripted-peer.ts"

describe("version negotiation", () => {
  it("takes the lower of both maxima, and refuses a mediator below the minimum", () => {
    const range = { minimum: 1, maximum: 3 }
    assert.deepStrictEqual(negotiateVersion(range, 2), Result.succeed(2))
    assert.deepStrictEqual(negotiateVersion(range, 9), Result.succeed(3))
    assert.deepStrictEqual(negotiateVersion(range, 1), Result.succeed(1))
    const refused = negotiateVersion(range, 0)
    assert.isTrue(Result.isFailure(refused) && refused.failure.offered === 0)
  })
})

describe("handshake", () => {
  it.effect(
    "a description that no ClientHello holds is told when the device is made, and padded to fit otherwise",
    () =>
      Effect.gen(function* () {
        const described = (length: number, seed: number) =>
          makeWorld({
            seed,
            versions: { minimum: 0, maximum: 0xffff_ffff },
            description: { platform: 3, platformDetails: "", appVersion: "1", label: "x".repeat(length) }
          })
        const error = yield* Effect.flip(described(65_430, 1))
        assert.ok(error._tag === "DescriptionTooLarge")
        assert.strictEqual(
          error.message,
          `the description of a device has at most ${error.limit} bytes, this one needs ${error.length}`
        )
        const longest = 65_430 - (error.length - error.limit)
        const longer = yield* Effect.flip(described(longest + 1, 1))
        assert.propertyVal(longer, "length", error.limit + 1)
        const lengths = new Set<number>()
        for (const seed of [1, 2, 3]) {
          for (const length of [longest, longest - 100, longest - 300]) {
            const world = yield* described(length, seed)
            const hello = yield* greet(world, yield* world.mediator.accept, 0xffff_ffff)
            lengths.add(encodeClientFrame(hello).length)
          }
        }
        // The slot is new here: to say that it exists takes two bytes.
        assert.strictEqual(Math.max(...lengths), Limits.frame - 2)
      })
  )

  const wrong: ReadonlyArray<readonly [option: string, value: unknown]> = [
    ["identity", ""],
    ["protocolVersion", -1],
    ["protocolVersion", 2 ** 32],
    ["firstReflectId", 1.5],
    ["slotsExhausted", 7],
    ["slotExpiration", -1],
    ["versions", { minimum: 0, maximum: -1 }],
    ["versions", { minimum: 2, maximum: 1 }],
    ["clockTolerance", "soon"],
    ["description", { platform: 3, platformDetails: "", appVersion: 7, label: "" }]
  ]

  for (const [option, value] of wrong) {
    it.effect(`no device is made with ${option} ${JSON.stringify(value)}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(makeWorld({ [option]: value }))
        assert.ok(error._tag === "InvalidDeviceOptions")
        assert.include(error.detail, option === "description" ? "appVersion" : option)
      })
    )
  }

  const bounds = ["reflects", "reflected", "chat", "events"] as const
  for (const [name, value] of [
    ...bounds.flatMap((name) => [0, -1, 1.5, NaN, Infinity, "8"].map((value) => [name, value] as const)),
    ["events", 65_537] as const
  ]) {
    it.effect(`no device is made with room for ${String(value)} ${name}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(makeWorld())
        assert.ok(error._tag === "InvalidDeviceOptions")
        assert.include(error.detail, `["capacities"]["${name}"]`)
      }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, [name]: value }))
    )
  }

  it.effect("a device with room for one of each works", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ chat: () => Effect.never })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("in"))))
      yield* peer.expect("ReflectedAck")
      const reflect = yield* Effect.forkScoped(world.device.reflect(text("out")), { startImmediately: true })
      yield* peer.send(ackOf(yield* peer.expect("Reflect"), 7n))
      assert.strictEqual(yield* Fiber.join(reflect), 7n)
    }).pipe(Effect.provideService(Capacities, { reflects: 1, reflected: 1, chat: 1, events: 1 }))
  )

  it.effect("a new device registers: Registering before ClientHello, Existing after ServerInfo", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* world.mediator.accept
      assert.strictEqual((yield* expectState(world, "Handshaking")).attempt, 1)
      assert.strictEqual(yield* world.store.slot, "New")
      const hello = yield* greet(world, peer)
      assert.strictEqual(yield* world.store.slot, "Registering")
      assert.strictEqual(hello.expectedDeviceSlotState, DeviceSlotState.NEW)
      assert.strictEqual(hello.deviceId, me)
      assert.strictEqual(hello.version, 0)
      assert.strictEqual(hello.deviceSlotsExhaustedPolicy, 0)
      assert.strictEqual(hello.deviceSlotExpirationPolicy, 1)
      const info = Result.getOrThrow(world.group.crypto.open(world.group.keys.dgdik, hello.encryptedDeviceInfo))
      assert.strictEqual(Result.getOrThrow(decodeMessage(D2d.DeviceInfo, info)).label, "scripted")
      yield* peer.send(yield* serverInfo({ deviceSlotState: DeviceSlotState.NEW, reflectionQueueLength: 7 }))
      const live = yield* expectState(world, "Live")
      assert.deepStrictEqual([live.queued, live.maxDeviceSlots, live.dry, live.leader], [7, 8, false, false])
      assert.strictEqual(yield* world.store.slot, "Existing")
      assert.deepStrictEqual(
        world.states.map(({ _tag }) => _tag),
        ["Connecting", "Handshaking", "Live"]
      )
    })
  )

  it.effect("a device registers again whose ClientHello got lost, and has done so though its clock is wrong", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const lost = yield* world.mediator.accept
      yield* greet(world, lost)
      yield* lost.close(1006)
      yield* TestClock.adjust("3 seconds")
      const peer = yield* world.mediator.accept
      const hello = yield* greet(world, peer)
      assert.strictEqual(hello.expectedDeviceSlotState, DeviceSlotState.NEW)
      assert.strictEqual(yield* world.store.slot, "Registering")
      yield* peer.send(yield* serverInfo({ deviceSlotState: DeviceSlotState.NEW, currentTime: BigInt(1e12) }))
      assert.strictEqual((yield* expectState(world, "NeedsUser")).reason._tag, "ClockSkew")
      assert.strictEqual(yield* world.store.slot, "Existing")
    })
  )

  it.effect("an existing device says so", () =>
    Effect.gen(function* () {
      const store = yield* makeDeviceStoreMemory()
      yield* store.setSlot("Existing")
      const world = yield* makeWorld({ store })
      const peer = yield* world.mediator.accept
      const hello = yield* greet(world, peer)
      assert.strictEqual(hello.expectedDeviceSlotState, DeviceSlotState.EXISTING)
    })
  )

  it.effect("ServerInfo that never comes: given up after 10 s, tried again after 2 s", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* world.mediator.accept
      yield* greet(world, peer)
      yield* TestClock.adjust("9999 millis")
      yield* expectState(world, "Handshaking")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* peer.closedWith).code, 1000)
      const waiting = yield* expectState(world, "Waiting")
      assert.strictEqual(waiting.because._tag, "DeadlinePassed")
      yield* TestClock.adjust("3 seconds")
      yield* connect(world)
      yield* expectState(world, "Live")
    })
  )

  it.effect("a ClientHello that cannot be written leaves the last word to what is read, for 1 s", () =>
    Effect.gen(function* () {
      const memory = yield* makeDeviceStoreMemory()
      const lastWord = (io: ChatDuplex) =>
        Stream.runHead(io.incoming).pipe(
          Effect.map((heard): ChatEnd =>
            Option.isSome(heard) ? { _tag: "CloseError", canReconnect: false } : { _tag: "Ended" }
          )
        )
      /** The mediator's end of it breaks while the device looks up its slot. */
      const broken = Effect.gen(function* () {
        const looked = yield* Latch.make(false)
        const store = { ...memory, slot: Effect.andThen(looked.await, memory.slot) }
        const world = yield* makeWorld({ store, chat: lastWord })
        const peer = yield* world.mediator.accept
        yield* peer.send({
          _tag: "ServerHello",
          version: 0,
          esk: new Uint8Array(32).fill(9),
          challenge: new Uint8Array(32)
        })
        yield* settle
        yield* peer.breakWrites
        return { looked, peer, world }
      })

      const told = yield* broken
      yield* told.peer.send({ _tag: "Proxy", data: Uint8Array.of(0xe0) })
      yield* told.peer.close(4000)
      yield* told.looked.open
      assert.strictEqual((yield* expectState(told.world, "NeedsUser")).reason._tag, "ChatRefused")

      const untold = yield* broken
      yield* untold.looked.open
      yield* TestClock.adjust("999 millis")
      yield* expectState(untold.world, "Handshaking")
      yield* TestClock.adjust("1 millis")
      assert.deepInclude((yield* expectState(untold.world, "Waiting")).because, { _tag: "Closed", code: 1006 })
    })
  )

  it.effect(
    "a connection on which chat bytes cannot be written is given up before the handshake is done, after 1 s",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({
          chat: ({ incoming, send }) =>
            Stream.runHead(incoming).pipe(
              Effect.andThen(Effect.ignore(send(Uint8Array.of(1)))),
              Effect.as<ChatEnd>({ _tag: "Ended" })
            )
        })
        const peer = yield* world.mediator.accept
        yield* peer.breakWrites
        yield* peer.send({ _tag: "Proxy", data: Uint8Array.of(0xe0) })
        yield* settle
        yield* TestClock.adjust("999 millis")
        yield* expectState(world, "Handshaking")
        yield* TestClock.adjust("1 millis")
        assert.deepInclude((yield* expectState(world, "Waiting")).because, { _tag: "Closed", code: 1006 })
      })
  )

  it.effect("a ServerHello that never comes counts against the same deadline", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* world.mediator.accept
      yield* TestClock.adjust("10 seconds")
      yield* settle
      assert.isTrue(peer.isClosed())
      assert.strictEqual((yield* expectState(world, "Waiting")).because._tag, "DeadlinePassed")
    })
  )

  it.effect("a WebSocket that never opens is given up after 10 s", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* settle
      world.mediator.answerDials(Effect.never)
      const peer = yield* world.mediator.accept
      yield* peer.close(1011)
      yield* TestClock.adjust("3 seconds")
      yield* expectState(world, "Connecting")
      yield* TestClock.adjust("10 seconds")
      const waiting = yield* expectState(world, "Waiting")
      assert.deepInclude(waiting.because, { _tag: "DeadlinePassed", waitedFor: "open connection" })
    })
  )

  it.effect("other deadlines may be given as any duration, and are told in milliseconds", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* settle
      world.mediator.answerDials(Effect.never)
      const peer = yield* world.mediator.accept
      yield* TestClock.adjust(6_999)
      yield* expectState(world, "Handshaking")
      yield* TestClock.adjust(1)
      const handshake = new DeadlinePassed({ waitedFor: "ServerInfo", millis: 7_000 })
      assert.deepStrictEqual((yield* expectState(world, "Waiting")).because, handshake)
      assert.isTrue(peer.isClosed())
      yield* TestClock.adjust("3 seconds")
      yield* expectState(world, "Connecting")
      yield* TestClock.adjust("90 seconds")
      const open = new DeadlinePassed({ waitedFor: "open connection", millis: 90_000 })
      assert.deepStrictEqual((yield* expectState(world, "Waiting")).because, open)
    }).pipe(
      Effect.provideService(Deadlines, {
        ...defaultDeadlines,
        handshake: "7 seconds",
        open: { minutes: 1, seconds: 30 }
      })
    )
  )

  it.effect("a mediator below our versions: closed with 4110, the user is asked", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ versions: { minimum: 1, maximum: 2 } })
      const peer = yield* world.mediator.accept
      yield* peer.send({
        _tag: "ServerHello",
        version: 0,
        esk: new Uint8Array(32).fill(9),
        challenge: new Uint8Array(32)
      })
      assert.strictEqual((yield* peer.closedWith).code, 4110)
      assert.strictEqual((yield* expectState(world, "NeedsUser")).reason._tag, "UnsupportedVersion")
    })
  )

  it.effect("a mediator above our versions is spoken to in ours", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ versions: { minimum: 0, maximum: 2 } })
      const peer = yield* world.mediator.accept
      assert.strictEqual((yield* greet(world, peer, 7)).version, 2)
    })
  )

  it.effect("a clock that shows parts of milliseconds is as good as another", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1000.5)
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* expectState(world, "Live")
      yield* peer.send(reflected(1, new Uint8Array(41)))
      yield* peer.expect("ReflectedAck")
      yield* peer.close(1001)
      yield* TestClock.adjust("3 seconds")
      yield* connect(world, { currentTime: 3999n })
      yield* expectState(world, "Live")
    })
  )

  it.effect("an ESK of low order is a protocol error", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* world.mediator.accept
      yield* peer.send({ _tag: "ServerHello", version: 0, esk: new Uint8Array(32), challenge: new Uint8Array(32) })
      const message = "expected a usable ephemeral key, the mediator sent a point of low order"
      assert.deepStrictEqual(yield* peer.closedWith, { code: 4010, reason: message })
      assert.strictEqual((yield* expectState(world, "Waiting")).because.message, message)
      assert.deepStrictEqual(yield* peer.drain, [])
    })
  )

  it.effect("anything but ServerInfo after ClientHello is a protocol error", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* world.mediator.accept
      yield* greet(world, peer)
      yield* peer.send({ _tag: "ReflectionQueueDry" }, yield* serverInfo({ deviceSlotState: 0 }))
      assert.strictEqual((yield* peer.closedWith).code, 4010)
      const waiting = yield* expectState(world, "Waiting")
      assert.deepInclude(waiting.because, { _tag: "ProtocolViolation", found: "ReflectionQueueDry" })
      assert.strictEqual(yield* world.store.slot, "Registering")
    })
  )

  it.effect("text, garbage and a client's own frame type are closed with 4010; unknown types are not", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const malformed = ["hello", new Uint8Array([1, 2]), new Uint8Array([0x11, 0, 0, 0])]
      for (const [at, bad] of malformed.entries()) {
        const peer = yield* world.mediator.accept
        yield* peer.sendRaw(bad)
        assert.strictEqual((yield* peer.closedWith).code, 4010)
        yield* TestClock.adjust(2400 * (at + 1))
      }
      const peer = yield* world.mediator.accept
      yield* peer.sendRaw(new Uint8Array([0x7f, 0, 0, 0, 1, 2]))
      yield* greet(world, peer)
      yield* settle
      assert.deepInclude(world.events, { _tag: "UnknownFrame", type: 0x7f, length: 2 })
    })
  )

  it.effect("what was read before garbage counts", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send({ _tag: "ReflectionQueueDry" })
      yield* peer.sendRaw(new Uint8Array(2))
      assert.strictEqual((yield* peer.closedWith).code, 4010)
      assert.include(world.eventTags(), "Dry")
      assert.strictEqual((yield* expectState(world, "Waiting")).because._tag, "DecodeError")
    })
  )

  it.effect("a second ServerHello or ServerInfo ends the session; what came before it counts", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send({ _tag: "ReflectionQueueDry" }, yield* serverInfo())
      assert.strictEqual((yield* peer.closedWith).code, 4010)
      assert.include(world.eventTags(), "Dry")
    })
  )

  it.effect(
    "of what was read, what stands ahead of garbage or a frame that cannot come counts, and nothing behind it",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const dry = encodeServerFrame({ _tag: "ReflectionQueueDry" })
        const bad = [new Uint8Array(2), encodeServerFrame({ _tag: "CommitTransactionAck" })]
        for (const [at, frame] of bad.entries()) {
          const peer = yield* connect(world)
          yield* peer.send(reflected(at, world.group.envelope(text("ahead")), ReflectFlags.ephemeral))
          yield* peer.sendRaw(frame)
          yield* peer.sendRaw(dry)
          assert.strictEqual((yield* peer.closedWith).code, 4010)
          assert.lengthOf(world.handled, at + 1)
          yield* TestClock.adjust(2400 * (at + 1))
        }
        assert.deepStrictEqual(world.eventTags(), ["Disconnected", "Disconnected"])
      })
  )
})

describe("clock and slot", () => {
  it.each([NaN, -1, "soon", { minute: 5 }])("nobody puts up with the clock skew for %o", (during) => {
    assert.throws(() => connectAnyway(during as Duration.Input), /expected a duration of 0 or more/)
  })

  it.effect(
    "a clock 20 minutes off is fine, a millisecond more needs the user, who can put up with it for a while",
    () =>
      Effect.gen(function* () {
        const minutes20 = 20 * 60_000
        yield* TestClock.setTime(1e12)
        const world = yield* makeWorld()
        const peer = yield* connect(world, { currentTime: BigInt(1e12 + minutes20) })
        yield* expectState(world, "Live")
        yield* peer.close(1001)
        yield* TestClock.adjust("3 seconds")
        const skewed = yield* connect(world, { currentTime: BigInt(1e12 + 3000 - minutes20 - 1) })
        assert.isTrue(skewed.isClosed())
        const asked = yield* expectState(world, "NeedsUser")
        assert.deepStrictEqual(asked.reason, { _tag: "ClockSkew", skew: -minutes20 - 1, limit: minutes20 })
        assert.deepStrictEqual(asked.answers, ["ConnectAnyway", "Continue"])
        assert.strictEqual(yield* world.store.slot, "Existing")

        assert.isTrue(yield* world.device.resume(connectAnyway("20 seconds")))
        const again = yield* connect(world, { currentTime: 0n })
        yield* expectState(world, "Live")
        yield* TestClock.adjust("20 seconds")
        yield* again.close(1001)
        yield* TestClock.adjust("5 seconds")
        yield* connect(world, { currentTime: 0n })
        assert.strictEqual((yield* expectState(world, "NeedsUser")).reason._tag, "ClockSkew")
      })
  )

  it.effect("a ServerInfo that contradicts the expected slot state is closed with 4115 and needs the user", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world, { deviceSlotState: DeviceSlotState.EXISTING })
      assert.strictEqual((yield* peer.closedWith).code, 4115)
      const asked = yield* expectState(world, "NeedsUser")
      assert.deepInclude(asked.reason, { _tag: "SlotMismatch", registering: true })
      assert.strictEqual(yield* world.store.slot, "Registering")
      yield* world.device.resume(continueAsIs)
      yield* connect(world)
      yield* expectState(world, "Live")
    })
  )

  it.effect("a slot state that no version knows contradicts too", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world, { deviceSlotState: 5 })
      assert.strictEqual((yield* peer.closedWith).code, 4115)
    })
  )
})
