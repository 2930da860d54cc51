import { assert, describe, it } from "@effect/vitest"
import { Box, type ClientFrame, Crypto, Limits, makeCrypto, tweetNacl } from "@d2m/codec"
import { ChatUpstream, Fault, makeMemoryStore, Mediator, MediatorStore } from "@d2m/server-sim"
import { Effect, Exit, Fiber, Layer, Option, Scope, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import { TestClock } from "effect/testing"
import { ack, bytes, commit, ephemeral, hello, id, reflect } from "./drive.ts"
import { fragileStore } from "./fragile-store.ts"
import {
  bareTransport,
  join,
  joinStoppable,
  keys,
  mediatorWith,
  open,
  openLink,
  path,
  stoppable,
  tags
} from "./memory-device.ts"

const noRandom = SecureRandom.make(() => {
  throw new Error("no entropy")
})

const proxy = (...data: ReadonlyArray<number>) => ({ _tag: "Proxy", data: bytes(...data) }) as const

describe("a store that takes its time", () => {
  it.effect("holds back acks and what follows them, and gets what came up meanwhile in one piece", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      yield* a.rest
      yield* b.rest
      store.gate.closeUnsafe()
      store.applies.length = 0
      yield* a.send(reflect(1))
      yield* a.send(reflect(2), ephemeral(3), { _tag: "GetDevicesInfo" })
      yield* b.send(reflect(4))
      assert.deepStrictEqual([yield* a.rest, yield* b.rest], [[], []])
      assert.deepStrictEqual(store.applies, [1])
      yield* store.gate.open
      assert.deepStrictEqual(tags(yield* a.rest), ["ReflectAck", "ReflectAck", "DevicesInfo", "Reflected"])
      assert.deepStrictEqual(tags(yield* b.rest), ["Reflected", "Reflected", "Reflected", "ReflectAck"])
      assert.deepStrictEqual(store.applies, [1, 3])
    }).pipe(Effect.provide(mediatorWith({}, { store: store.layer })))
  })

  it.effect("is asked once about a group that several devices open, and their early frames wait", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      store.gate.closeUnsafe()
      const [a, b] = [yield* open(), yield* open()]
      yield* a.send(proxy(1))
      assert.deepStrictEqual(tags(yield* a.rest), [])
      yield* store.gate.open
      // There is no chat server: the early frame was heard.
      assert.deepStrictEqual(tags(yield* a.rest), ["ServerHello", "Closed 4001"])
      assert.deepStrictEqual(tags(yield* b.rest), ["ServerHello"])
    }).pipe(Effect.provide(mediatorWith({}, { store: store.layer })))
  })

  it.effect("makes the clients of a group wait that it has not loaded yet", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      store.gate.closeUnsafe()
      const a = yield* open({ highWaterUp: 100 })
      yield* a.send(proxy(...new Uint8Array(90)))
      const writing = yield* Effect.forkChild(a.send(proxy(...new Uint8Array(90))), { startImmediately: true })
      assert.isUndefined(writing.pollUnsafe())
      yield* store.gate.open
      yield* Fiber.join(writing)
    }).pipe(Effect.provide(mediatorWith({}, { store: store.layer, chat: ChatUpstream.layerEcho })))
  })

  it.effect("is not asked about a group while something about it is still to be written", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const a = yield* join(1)
      store.applyGate.closeUnsafe()
      yield* a.send({ _tag: "DropDevice", deviceId: id(1) })
      const mediator = yield* Mediator
      assert.isTrue(Option.isNone(yield* mediator.group(keys.groupId)))
      const b = yield* open()
      assert.deepStrictEqual(tags(yield* b.rest), [])
      yield* store.applyGate.open
      // NEW is right: the drop counts.
      assert.strictEqual((yield* b.register(1, 0)).deviceSlotState, 0)
    }).pipe(Effect.provide(mediatorWith({}, { store: store.layer })))
  })

  it.effect("loses nothing when the mediator stops: acks leave before the 1001", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const { a, stop } = yield* joinStoppable(store.layer)
      store.gate.closeUnsafe()
      yield* a.send(reflect(1))
      const stopping = yield* stop
      assert.deepStrictEqual(tags(yield* a.rest), [])
      yield* store.gate.open
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(tags(yield* a.rest), ["ReflectAck", "Closed 1001"])
    })
  })

  it.effect("gets what came up while it wrote, even if nobody waits for it", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const { services, stop } = yield* stoppable(store.layer)
      const devices = yield* Scope.make()
      yield* Effect.provide(Effect.andThen(join(1), join(2)), services).pipe(Scope.provide(devices))
      store.applyGate.closeUnsafe()
      // Two devices leave, one after the other.
      yield* Scope.close(devices, Exit.void)
      const stopping = yield* stop
      assert.isUndefined(stopping.pollUnsafe())
      store.applies.length = 0
      yield* store.applyGate.open
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(store.applies, [1])
    })
  })

  it.effect("is waited for by a mediator that stops until it has written all, call by call", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const { a, stop } = yield* joinStoppable(store.layer)
      store.applyGate.closeUnsafe()
      yield* a.send(reflect(1))
      yield* a.send(reflect(2))
      const stopping = yield* stop
      yield* store.applyGate.release
      assert.deepStrictEqual(tags(yield* a.rest), ["ReflectAck"])
      assert.isUndefined(stopping.pollUnsafe())
      yield* store.applyGate.open
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(tags(yield* a.rest), ["ReflectAck", "Closed 1001"])
    })
  })

  it.effect("does not keep the mediator from stopping for ever", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const { a, stop } = yield* joinStoppable(store.layer)
      store.gate.closeUnsafe()
      yield* a.send(reflect(1))
      const stopping = yield* stop
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(tags(yield* a.rest), ["Closed 1001"])
    })
  })

  const written: ReadonlyArray<readonly [what: string, frame: ClientFrame, acks: number]> = [
    ["messages", reflect(1, { envelope: new Uint8Array(5_000) }), 3],
    [
      "shared data",
      { _tag: "SetSharedDeviceData", encryptedSharedDeviceData: Box.make("dgsddk", new Uint8Array(5_000)) },
      2
    ]
  ]
  for (const [what, frame, acks] of written) {
    it.effect(`makes the clients that write ${what} wait`, () => {
      const store = fragileStore()
      return Effect.gen(function* () {
        const a = yield* join(1, { highWaterUp: 100 })
        yield* join(2)
        store.gate.closeUnsafe()
        yield* a.send(frame)
        yield* a.send(reflect(2, { envelope: new Uint8Array(50) }))
        const writing = yield* Effect.forkChild(a.send(reflect(3, { envelope: new Uint8Array(50) })), {
          startImmediately: true
        })
        assert.isUndefined(writing.pollUnsafe())
        yield* store.gate.open
        yield* Fiber.join(writing)
        assert.strictEqual(tags(yield* a.rest).filter((tag) => tag === "ReflectAck").length, acks)
      }).pipe(
        Effect.ensuring(store.gate.open),
        Effect.provide(mediatorWith({ storeHighWater: 4_000 }, { store: store.layer }))
      )
    })
  }
})

/** A device whose group has another one that is away, and that a message waits for. */
const beforeOneAway = Effect.gen(function* () {
  const a = yield* join(1)
  yield* Effect.scoped(join(2))
  yield* a.send(reflect(1))
  yield* a.rest
  return a
})

describe("a store that does not work", () => {
  const operations = [
    ["apply", "ReflectAck", "fails"],
    ["read", "Reflected", "fails"],
    ["apply", "ReflectAck", "throws"],
    ["read", "Reflected", "throws"]
  ] as const
  for (const [operation, hidden, manner] of operations) {
    it.effect(
      `${manner} at ${operation} and ends the group with 1011 and nothing is promised; then all is as stored`,
      () => {
        const store = fragileStore()
        return Effect.gen(function* () {
          const a = yield* beforeOneAway
          store.fail(operation, manner)
          const b = yield* open()
          if (operation === "apply") yield* a.send(reflect(2), reflect(3))
          else yield* b.register(2, 1)
          for (const device of [a, b]) {
            const heard = tags(yield* device.rest)
            assert.notInclude(heard, hidden)
            assert.strictEqual(heard.at(-1), "Closed 1011")
          }
          store.fail("none")
          const again = yield* open()
          assert.strictEqual((yield* again.register(2, 1)).reflectionQueueLength, 1)
          assert.deepStrictEqual(tags(yield* again.rest), ["Reflected", "ReflectionQueueDry", "RolePromotedToLeader"])
          const mediator = yield* Mediator
          const failed = yield* mediator.journal.pipe(
            Stream.filter((entry) => entry._tag === "GroupFailed"),
            Stream.take(1),
            Stream.runCollect
          )
          assert.match(failed[0]!.detail, /disk full/)
        }).pipe(Effect.provide(mediatorWith({ journalCapacity: 1000 }, { store: store.layer })))
      }
    )
  }

  for (const ends of ["succeeds", "fails"] as const) {
    it.effect(`closes whoever waits for what it reads as well, as soon as that ${ends}`, () => {
      const store = fragileStore()
      return Effect.gen(function* () {
        const a = yield* beforeOneAway
        store.readGate.closeUnsafe()
        const b = yield* open()
        yield* b.register(2, 1)
        store.fail("apply")
        yield* a.send(reflect(2))
        assert.strictEqual(tags(yield* a.rest).at(-1), "Closed 1011")
        store.fail(ends === "fails" ? "read" : "none")
        yield* store.readGate.open
        assert.deepStrictEqual(tags(yield* b.rest), ["Closed 1011"])
      }).pipe(Effect.provide(mediatorWith({}, { store: store.layer })))
    })
  }

  it.effect(
    "is given nothing that came up before it failed: who connects again finds what it has, and need not wait",
    () => {
      const store = fragileStore()
      return Effect.gen(function* () {
        const [a, b] = [yield* join(1), yield* join(2)]
        yield* a.rest
        store.applyGate.closeUnsafe()
        yield* a.send(reflect(1))
        // Is to be written with the next call.
        yield* a.send(reflect(2))
        store.fail("apply")
        yield* store.applyGate.release
        assert.strictEqual(tags(yield* a.rest).at(-1), "Closed 1011")
        assert.strictEqual(tags(yield* b.rest).at(-1), "Closed 1011")
        store.fail("none")
        yield* store.applyGate.open
        const again = yield* open()
        // Waiting for what is not there would be for ever.
        const registered = yield* Effect.forkChild(again.register(2, 1), { startImmediately: true })
        yield* Effect.repeat(Effect.yieldNow, { times: 20 })
        const exit = registered.pollUnsafe()
        assert(exit !== undefined && Exit.isSuccess(exit))
        assert.strictEqual(exit.value.reflectionQueueLength, 0)
      }).pipe(Effect.provide(mediatorWith({}, { store: store.layer })))
    }
  )

  it.effect("closes with 1011 whose close waits for it", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const a = yield* join(1)
      yield* join(2)
      yield* a.rest
      store.applyGate.closeUnsafe()
      // Nobody may commit what nobody has begun: 4010, behind the ack.
      yield* a.send(reflect(1), commit)
      assert.deepStrictEqual(tags(yield* a.rest), [])
      store.fail("apply")
      yield* store.applyGate.open
      assert.deepStrictEqual(tags(yield* a.rest), ["Closed 1011"])
    }).pipe(Effect.provide(mediatorWith({}, { store: store.layer })))
  })

  for (const manner of ["fails", "throws"] as const) {
    it.effect(`${manner} at load and closes with 1011 whom it concerns`, () => {
      const store = fragileStore()
      return Effect.gen(function* () {
        store.fail("load", manner)
        const a = yield* open()
        assert.deepStrictEqual(tags(yield* a.rest), ["Closed 1011"])
        store.fail("none")
        yield* join(1)
      }).pipe(Effect.provide(mediatorWith({}, { store: store.layer })))
    })
  }
})

describe("a connection that has left while its group was being loaded", () => {
  it.effect("has ended once, and is not closed again when that fails", () => {
    const store = fragileStore()
    return Effect.gen(function* () {
      const { attach, observe } = yield* Mediator
      const heard: Array<string> = []
      yield* observe((happening) => heard.push(happening._tag))
      store.gate.closeUnsafe()
      store.fail("load")
      attach(path, bareTransport({ close: () => void heard.push("closed again") })).gone()
      yield* store.gate.open
      yield* Effect.yieldNow
      assert.deepStrictEqual(
        heard.filter((what) => what === "Ended" || what === "closed again"),
        ["Ended"]
      )
    }).pipe(Effect.scoped, Effect.provide(mediatorWith({}, { store: store.layer })))
  })
})

describe("a source of randomness that does not work", () => {
  it.effect("closes with 1011 whoever waits for a challenge", () =>
    Effect.gen(function* () {
      const a = yield* open()
      assert.deepStrictEqual(tags(yield* a.rest), ["Closed 1011"])
    }).pipe(Effect.provide(mediatorWith({}, { random: Layer.succeed(SecureRandom.SecureRandom, noRandom) })))
  )
})

describe("a close that a server asks for", () => {
  for (const phase of ["opens", "is open"] as const) {
    it.effect(`has a reason that fits a close frame while the connection ${phase}`, () => {
      const store = fragileStore()
      return Effect.gen(function* () {
        const { attach } = yield* Mediator
        const closed: Array<readonly [number, string]> = []
        if (phase === "opens") store.gate.closeUnsafe()
        const { requestClose } = attach(
          path,
          bareTransport({ close: (code, reason) => void closed.push([code, reason]) })
        )
        requestClose(1001, "\u00e9".repeat(200))
        assert.deepStrictEqual(closed, [[1001, "?".repeat(Limits.closeReason)]])
      }).pipe(Effect.provide(mediatorWith({}, { store: store.layer })))
    })
  }
})

describe("a restart on the same store", () => {
  it.effect("keeps slots, queues and ids, and releases the lock", () =>
    Effect.gen(function* () {
      const memory = makeMemoryStore()
      const store = Layer.succeed(MediatorStore, memory)
      const mediator = () => Effect.provide(mediatorWith({}, { store }), { local: true })
      yield* Effect.gen(function* () {
        const a = yield* join(1)
        yield* Effect.scoped(join(2))
        yield* a.send(
          reflect(1),
          reflect(2),
          { _tag: "BeginTransaction", encryptedScope: Box.make("dgtsk", bytes(1)), ttl: 0 },
          reflect(3)
        )
        yield* a.send({ _tag: "SetSharedDeviceData", encryptedSharedDeviceData: Box.make("dgsddk", bytes(5)) })
      }).pipe(Effect.scoped, mediator())
      yield* Effect.gen(function* () {
        const b = yield* open()
        const info = yield* b.register(2, 1)
        assert.deepInclude(info, { reflectionQueueLength: 2, encryptedSharedDeviceData: Box.make("dgsddk", bytes(5)) })
        const messages = (yield* b.rest).flatMap((event) => (event._tag === "Reflected" ? [event.reflectedId] : []))
        assert.deepStrictEqual(messages, [1, 2])
        const { group } = yield* Mediator
        const view = Option.getOrThrow(yield* group(keys.groupId))
        assert.deepStrictEqual(
          view.devices.map(({ deviceId }) => deviceId),
          [id(1), id(2)]
        )
        assert.isUndefined(view.transaction)
      }).pipe(Effect.scoped, mediator())
    })
  )
})

describe("pacing", () => {
  it.effect("hands a long queue to a slow reader bit by bit, and acks flow all the time", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const a = yield* join(1)
      yield* Effect.scoped(join(2))
      for (let n = 1; n <= 100; n++) yield* a.send(reflect(n, { envelope: new Uint8Array(1_000) }))
      yield* a.rest
      const b = yield* open({ faults: [Fault.Slow({ direction: "down", bytesPerSecond: 10_000 })] })
      const sent = Effect.map(
        mediator.journal.pipe(
          Stream.takeUntil((entry) => entry._tag === "Sent" && entry.frame._tag === "DevicesInfo"),
          Stream.runCollect
        ),
        (entries) => entries.filter((entry) => entry._tag === "Sent" && entry.frame._tag === "Reflected").length
      )
      const info = yield* Effect.forkChild(b.register(2, 1), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(info)
      yield* a.send({ _tag: "GetDevicesInfo" }, reflect(101))
      assert.deepStrictEqual(tags(yield* a.rest), ["DevicesInfo", "ReflectAck"])
      assert.isAtMost(yield* sent, 30)
      yield* TestClock.adjust("20 seconds")
      const ids = (yield* b.rest).flatMap((event) => (event._tag === "Reflected" ? [Number(event.reflectedId)] : []))
      assert.deepStrictEqual(
        ids,
        Array.from({ length: 101 }, (_, index) => index + 1)
      )
      yield* b.send(ack(101))
      assert.strictEqual(Option.getOrThrow(yield* mediator.group(keys.groupId)).devices[1]?.queueLength, 100)
    }).pipe(
      Effect.provide(
        mediatorWith({
          deliveryMessages: 5,
          outgoingLowWater: 2_000,
          outgoingHighWater: 20_000,
          idleTimeout: 600_000,
          journalCapacity: 10_000
        })
      )
    )
  )
})

describe("a device that does not read", () => {
  it.effect("is not sent more than fits, however much the others reflect", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const a = yield* join(1)
      const b = yield* join(2)
      yield* b.link.inject(Fault.Stall({ direction: "down" }))
      for (let n = 1; n <= 50; n++) yield* a.send(reflect(n, { envelope: new Uint8Array(1_000) }))
      yield* a.send({ _tag: "GetDevicesInfo" })
      const entries = yield* mediator.journal.pipe(
        Stream.takeUntil((entry) => entry._tag === "Sent" && entry.frame._tag === "DevicesInfo"),
        Stream.runCollect
      )
      const sent = entries.filter((entry) => entry._tag === "Sent" && entry.frame._tag === "Reflected").length
      assert.isAtMost(sent, 6)
      assert.strictEqual(Option.getOrThrow(yield* mediator.group(keys.groupId)).devices[1]?.queueLength, 50)
    }).pipe(
      Effect.provide(
        mediatorWith({
          deliveryMessages: 2,
          outgoingLowWater: 1_000,
          outgoingHighWater: 3_000,
          journalCapacity: 10_000
        })
      )
    )
  )

  it.effect("is not read any more either, when its own requests fill its socket", () =>
    Effect.gen(function* () {
      const a = yield* join(1, { highWaterUp: 100 })
      const scope = yield* Scope.make()
      yield* Scope.provide(a.link.inject(Fault.Stall({ direction: "down" })), scope)
      const flood = yield* Effect.forkChild(Effect.repeat(a.send({ _tag: "GetDevicesInfo" }), { times: 999 }), {
        startImmediately: true
      })
      yield* Effect.repeat(Effect.yieldNow, { times: 2_000 })
      assert.isUndefined(flood.pollUnsafe())
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(flood)
      assert.strictEqual(tags(yield* a.rest).filter((tag) => tag === "DevicesInfo").length, 1_000)
    }).pipe(Effect.provide(mediatorWith({ outgoingLowWater: 1_000, outgoingHighWater: 3_000 })))
  )
})

describe("a core that fails", () => {
  it.effect("closes with 1011 whom it concerns, acts on nothing more, and starts again from what is stored", () => {
    const real = makeCrypto(tweetNacl)
    let isBroken = false
    const crypto = Layer.succeed(Crypto, {
      ...real,
      verifyResponse: (...args) => {
        if (isBroken) throw new TypeError("a bug")
        return real.verifyResponse(...args)
      }
    })
    return Effect.gen(function* () {
      const a = yield* join(1)
      yield* a.rest
      const { link } = yield* Mediator
      const stranger = yield* openLink(yield* link({ deviceGroupId: new Uint8Array(32).fill(77), serverGroup: "7a" }))
      isBroken = true
      const b = yield* open()
      yield* b.send(hello(2), reflect(1))
      assert.deepStrictEqual(tags(yield* b.rest), ["ServerHello", "Closed 1011"])
      assert.deepStrictEqual(tags(yield* a.rest), ["Closed 1011"])
      assert.deepStrictEqual(tags(yield* stranger.rest), ["ServerHello"])
      isBroken = false
      yield* join(1, {}, 1)
    }).pipe(Effect.provide(mediatorWith({}, { crypto })))
  })

  it.effect("closes with 1011 also those that it did not get to know", () => {
    const memory = makeMemoryStore()
    let isBroken = true
    // A message with an id that was never given out.
    const broken = Option.some({
      encryptedSharedDeviceData: bytes(),
      slots: [
        {
          deviceId: id(1),
          expirationPolicy: 1,
          encryptedDeviceInfo: bytes(1),
          issued: 1,
          queue: { positions: [2], sizes: [1] }
        }
      ]
    })
    const store = Layer.succeed(MediatorStore, {
      ...memory,
      load: (groupKey) => (isBroken ? Effect.succeed(broken) : memory.load(groupKey))
    })
    return Effect.gen(function* () {
      const a = yield* open()
      assert.deepStrictEqual(tags(yield* a.rest), ["Closed 1011"])
      isBroken = false
      yield* join(1)
    }).pipe(Effect.provide(mediatorWith({}, { store })))
  })
})
