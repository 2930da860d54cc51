import { DeviceSlotState } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Random } from "effect"
import { Socket } from "effect/socket"
import { TestClock } from "effect/testing"
import { makeDeviceStoreMemory, DeviceStoreError } from "../src/DeviceStore.ts"
import {
  continueAsIs,
  KeepAlive,
  linearBackoff,
  noKeepAlive,
  ReconnectPolicy,
  registerAgain,
  Transaction
} from "../src/index.ts"
import { openFailed, PinMismatch, Unreachable, UpgradeRefused } from "../src/TransportError.ts"
import { ackOf, connect, expectState, greet, makeWorld, serverInfo, settle, text } from "./scripted-peer.ts"

const unreachable = Effect.fail(openFailed(new Unreachable({ code: "ENOTFOUND", address: "m:443", detail: "" })))
const always = (value: number) =>
  Effect.provideService(Random.Random, {
    nextIntUnsafe: () => 0,
    nextDoubleUnsafe: () => value
  })

describe("backoff", () => {
  it.effect("waits n × 2 s up to 60 s and asks after 30 failures in a row; then counts anew", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      world.mediator.answerDials(unreachable)
      yield* settle
      let before = 0
      for (let failures = 1; failures < 30; failures++) {
        const waiting = yield* expectState(world, "Waiting")
        assert.strictEqual(waiting.failures, failures)
        assert.strictEqual(waiting.because._tag, "Unreachable")
        const now = yield* Clock.currentTimeMillis
        const delay = Math.min(failures * 2000, 60_000)
        assert.strictEqual(waiting.nextTryAt, now + delay)
        yield* TestClock.adjust(delay - 1)
        before = world.mediator.dials()
        yield* TestClock.adjust(1)
        yield* settle
        assert.strictEqual(world.mediator.dials(), before + 1)
      }
      const asked = yield* expectState(world, "NeedsUser")
      assert.isTrue(asked.reason._tag === "TooManyFailures" && asked.reason.failures === 30)
      yield* TestClock.adjust("1 day")
      assert.strictEqual(world.mediator.dials(), before + 1)
      assert.isTrue(yield* world.device.resume(continueAsIs))
      assert.strictEqual((yield* expectState(world, "Waiting")).failures, 1)
    }).pipe(always(0.5))
  )

  it.effect("jitter spreads the delay by ±20 %, after the cap", () =>
    Effect.gen(function* () {
      for (const [random, delay] of [
        [0, 1600],
        [0.999999, 2400]
      ] as const) {
        yield* Effect.gen(function* () {
          const world = yield* makeWorld()
          world.mediator.answerDials(unreachable)
          const now = yield* Clock.currentTimeMillis
          assert.strictEqual((yield* expectState(world, "Waiting")).nextTryAt, now + delay)
        }).pipe(always(random))
      }
    })
  )

  it.effect("a policy of one's own says in any duration how long it waits", () =>
    Effect.gen(function* () {
      for (const delay of [7_000, 7_000_000_000n, "90 seconds", { minutes: 2 }, Duration.hours(1)] as const) {
        yield* Effect.gen(function* () {
          const world = yield* makeWorld()
          world.mediator.answerDials(unreachable)
          const now = yield* Clock.currentTimeMillis
          const { nextTryAt } = yield* expectState(world, "Waiting")
          assert.strictEqual(nextTryAt, now + Duration.toMillis(delay))
        }).pipe(Effect.provideService(ReconnectPolicy, { ...linearBackoff(), delay: () => delay }))
      }
    })
  )

  it.effect("a policy whose delay is none ends the device, which says so", () =>
    Effect.forEach(["soon" as never, Number.NaN, -1, { seconds: Number.NaN }], (delay) =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        world.mediator.answerDials(unreachable)
        assert.isTrue((yield* expectState(world, "Stopped")).died)
      }).pipe(Effect.provideService(ReconnectPolicy, { ...linearBackoff(), delay: () => delay }))
    )
  )

  it.effect("a server that asks to be left alone is, for an hour at most; it never shortens the delay", () =>
    Effect.gen(function* () {
      for (const [retryAfter, delay] of [
        [40_000, 40_000],
        [1, 2000],
        [Number.NaN, 2000],
        [7_200_000, 3_600_000]
      ] as const) {
        const world = yield* makeWorld()
        const refused = new UpgradeRefused({ address: "m:443", status: 429, detail: "too many", retryAfter })
        world.mediator.answerDials(Effect.fail(openFailed(refused)))
        const now = yield* Clock.currentTimeMillis
        const waiting = yield* expectState(world, "Waiting")
        assert.strictEqual(waiting.nextTryAt, now + delay)
        assert.deepStrictEqual(waiting.because, refused)
        yield* TestClock.adjust(delay - 1)
        assert.strictEqual(world.mediator.dials(), 1)
        world.mediator.answerDials(Effect.void)
        yield* TestClock.adjust(1)
        yield* connect(world)
        assert.strictEqual(world.mediator.dials(), 2)
      }
    }).pipe(always(0.5), Effect.provideService(KeepAlive, noKeepAlive))
  )

  it.effect("counts anew only after 30 s past ServerInfo", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const failures: Array<number> = []
      for (const held of [1, 29_999, 30_000]) {
        const peer = yield* connect(world)
        yield* TestClock.adjust(held)
        yield* peer.close(1001)
        failures.push((yield* expectState(world, "Waiting")).failures)
        yield* world.device.retryNow
      }
      assert.deepStrictEqual(failures, [1, 2, 1])
    }).pipe(Effect.provideService(KeepAlive, noKeepAlive))
  )

  it.effect(
    "starting over by the device's own will is no failure, and lets those be that a good connection has ended",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const failures: Array<number> = []
        const aborted = Effect.andThen(
          Effect.flatMap(Transaction, ({ reflect }) => reflect(text("in"))),
          Effect.fail("aborted")
        )
        for (const held of [0, 30_000]) {
          for (let n = 0; n < 2; n++) {
            yield* (yield* connect(world)).close(1001)
            yield* settle
            yield* world.device.retryNow
          }
          const peer = yield* connect(world)
          yield* TestClock.adjust(held)
          const run = yield* Effect.forkScoped(Effect.exit(world.device.transaction({ scope: 1 }, aborted)))
          yield* peer.expect("BeginTransaction")
          yield* peer.send({ _tag: "BeginTransactionAck" })
          yield* peer.send(ackOf(yield* peer.expect("Reflect")))
          yield* Fiber.join(run)
          failures.push((yield* expectState(world, "Waiting")).failures)
          yield* world.device.retryNow
        }
        assert.deepStrictEqual(failures, [2, 0])
      }).pipe(Effect.provideService(KeepAlive, noKeepAlive))
  )

  it.effect("retry now ends the waiting; there is nothing to retry while connected", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      assert.isFalse(yield* world.device.retryNow)
      yield* peer.close(1001)
      yield* settle
      assert.deepStrictEqual([yield* world.device.retryNow, yield* world.device.retryNow], [true, false])
      yield* (yield* connect(world)).close(1001)
      yield* expectState(world, "Waiting")
      yield* TestClock.adjust("5 seconds")
      yield* connect(world)
      yield* expectState(world, "Live")
      assert.isFalse(yield* world.device.retryNow, "the waiting has ended by itself")
    })
  )
})

describe("the user", () => {
  it.effect("is asked after 41xx: nothing is dialled until then", () =>
    Effect.gen(function* () {
      const reasons: Record<number, string> = {
        4110: "UnsupportedVersion",
        4111: "SlotsExhausted",
        4112: "DuplicateDevice",
        4113: "Dropped",
        4114: "QueueLimit",
        4115: "SlotMismatch",
        4142: "Refused"
      }
      for (const [code, reason] of Object.entries(reasons)) {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        yield* peer.close(Number(code))
        assert.strictEqual((yield* expectState(world, "NeedsUser")).reason._tag, reason)
        yield* TestClock.adjust("1 day")
        assert.strictEqual(world.mediator.dials(), 1)
      }
    })
  )

  it.effect("a pin mismatch is no failure to try again", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      world.mediator.answerDials(Effect.fail(openFailed(new PinMismatch({ host: "h", expected: [], found: "x" }))))
      const asked = yield* expectState(world, "NeedsUser")
      assert.isTrue(asked.reason._tag === "NotTrusted" && asked.reason.because._tag === "PinMismatch")
    })
  )

  it.effect("an unknown code reconnects with a warning", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.close(4999)
      yield* expectState(world, "Waiting")
      assert.isTrue(world.events.some((event) => event._tag === "Disconnected" && event.warn))
    })
  )

  it.effect("4115 while the first ServerInfo got lost: Continue goes on as EXISTING", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* world.mediator.accept
      yield* greet(world, peer)
      yield* peer.close(1006)
      yield* TestClock.adjust("3 seconds")
      const second = yield* world.mediator.accept
      assert.strictEqual((yield* greet(world, second)).expectedDeviceSlotState, DeviceSlotState.NEW)
      yield* second.close(4115)
      const asked = yield* expectState(world, "NeedsUser")
      assert.deepStrictEqual(asked.answers, ["Continue", "RegisterAgain"])
      assert.deepInclude(asked.reason, { _tag: "SlotMismatch", registering: true })
      yield* world.device.resume(continueAsIs)
      const third = yield* world.mediator.accept
      assert.strictEqual((yield* greet(world, third)).expectedDeviceSlotState, DeviceSlotState.EXISTING)
    })
  )

  it.effect("4113: RegisterAgain goes on as NEW", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.close(4113)
      assert.deepStrictEqual((yield* expectState(world, "NeedsUser")).answers, ["RegisterAgain"])
      yield* world.device.resume(registerAgain)
      const next = yield* world.mediator.accept
      assert.strictEqual((yield* greet(world, next)).expectedDeviceSlotState, DeviceSlotState.NEW)
      assert.strictEqual(yield* world.store.slot, "Registering")
    })
  )

  it.effect("RegisterAgain counts for one registration, and outlasts a store that fails to remember it", () =>
    Effect.gen(function* () {
      const memory = yield* makeDeviceStoreMemory()
      let works = true
      const broken = Effect.fail(new DeviceStoreError({ reason: "Full", operation: "write", detail: "" }))
      const store: typeof memory = {
        ...memory,
        setSlot: (slot) => Effect.suspend(() => (works ? memory.setSlot(slot) : broken))
      }
      const world = yield* makeWorld({ store })
      const peer = yield* connect(world)
      yield* peer.close(4113)
      yield* expectState(world, "NeedsUser")
      works = false
      yield* world.device.resume(registerAgain)
      assert.strictEqual((yield* expectState(world, "Waiting")).because._tag, "DeviceStoreError")
      works = true
      yield* TestClock.adjust("3 seconds")
      const next = yield* world.mediator.accept
      assert.strictEqual((yield* greet(world, next)).expectedDeviceSlotState, DeviceSlotState.NEW)
      yield* next.send(yield* serverInfo({ deviceSlotState: DeviceSlotState.NEW }))
      yield* expectState(world, "Live")
      yield* next.close(1011)
      yield* expectState(world, "Waiting")
      yield* world.device.retryNow
      const last = yield* world.mediator.accept
      assert.strictEqual((yield* greet(world, last)).expectedDeviceSlotState, DeviceSlotState.EXISTING)
    })
  )

  it.effect("4115 of an existing device is no lost ServerInfo: Continue changes nothing", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.close(4115)
      assert.deepStrictEqual((yield* expectState(world, "NeedsUser")).answers, ["RegisterAgain", "Continue"])
      yield* world.device.resume(continueAsIs)
      const next = yield* world.mediator.accept
      assert.strictEqual((yield* greet(world, next)).expectedDeviceSlotState, DeviceSlotState.EXISTING)
    })
  )

  it.effect("two answers: the first counts; without a question none does", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      assert.isFalse(yield* world.device.resume(registerAgain))
      const peer = yield* connect(world)
      yield* peer.close(4112)
      yield* settle
      const both = yield* Effect.all([world.device.resume(continueAsIs), world.device.resume(registerAgain)], {
        concurrency: 2
      })
      assert.deepStrictEqual(both, [true, false])
      const next = yield* world.mediator.accept
      assert.strictEqual((yield* greet(world, next)).expectedDeviceSlotState, DeviceSlotState.EXISTING)
      yield* next.close(4112)
      yield* settle
      yield* world.device.stop
      assert.isFalse(yield* world.device.resume(continueAsIs))
    })
  )
})

describe("races", () => {
  it.effect("a write that fails leaves the last word to the reader", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.breakWrites
      const fiber = yield* Effect.forkScoped(world.device.reflect(text("a")), { startImmediately: true })
      yield* settle
      yield* expectState(world, "Live")
      yield* peer.close(4113)
      assert.strictEqual((yield* expectState(world, "NeedsUser")).reason._tag, "Dropped")
      yield* world.device.resume(registerAgain)
      const next = yield* connect(world)
      yield* next.send(ackOf(yield* next.expect("Reflect")))
      yield* Fiber.join(fiber)
    })
  )

  it.effect("a write that fails while the reader learns nothing ends the connection after a second", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.breakWrites
      yield* Effect.forkScoped(world.device.reflect(text("a")), { startImmediately: true })
      yield* TestClock.adjust("999 millis")
      yield* expectState(world, "Live")
      yield* TestClock.adjust("1 millis")
      assert.deepInclude((yield* expectState(world, "Waiting")).because, { _tag: "Closed", by: "network" })
    })
  )

  it.effect("a store that fails is tried again with backoff", () =>
    Effect.gen(function* () {
      const memory = yield* makeDeviceStoreMemory()
      let works = false
      const broken = Effect.fail(new DeviceStoreError({ reason: "Full", operation: "read", detail: "" }))
      const store = { ...memory, slot: Effect.suspend(() => (works ? memory.slot : broken)) }
      const world = yield* makeWorld({ store })
      const peer = yield* world.mediator.accept
      yield* Effect.forkScoped(greet(world, peer))
      assert.strictEqual((yield* expectState(world, "Waiting")).because._tag, "DeviceStoreError")
      works = true
      yield* TestClock.adjust("3 seconds")
      yield* connect(world)
      yield* expectState(world, "Live")
    })
  )

  it.effect(
    "a store that fails while a reflect is sealed: nothing is written, and it goes out when the store works",
    () =>
      Effect.gen(function* () {
        const memory = yield* makeDeviceStoreMemory()
        let works = false
        const full = Effect.fail(new DeviceStoreError({ reason: "Full", operation: "keep nonces", detail: "" }))
        const store = {
          ...memory,
          addNonces: (nonces: ReadonlyArray<Uint8Array>) => (works ? memory.addNonces(nonces) : full)
        }
        const world = yield* makeWorld({ store })
        const peer = yield* connect(world)
        const reflecting = yield* Effect.forkScoped(world.device.reflect(text("a")))
        assert.strictEqual((yield* expectState(world, "Waiting")).because._tag, "DeviceStoreError")
        assert.deepStrictEqual(yield* peer.drain, [])
        works = true
        yield* TestClock.adjust("3 seconds")
        const next = yield* connect(world)
        yield* next.send(ackOf(yield* next.expect("Reflect"), 7n))
        assert.strictEqual(yield* Fiber.join(reflecting), 7n)
      })
  )

  it.effect("a store that fails while a message is recorded: not acked, delivered again, handled", () =>
    Effect.gen(function* () {
      const memory = yield* makeDeviceStoreMemory()
      let works = true
      const broken = Effect.fail(new DeviceStoreError({ reason: "Full", operation: "write", detail: "" }))
      const store = {
        ...memory,
        addNonces: (nonces: ReadonlyArray<Uint8Array>) =>
          Effect.suspend(() => (works ? memory.addNonces(nonces) : broken))
      }
      const world = yield* makeWorld({ store })
      const peer = yield* connect(world)
      works = false
      const message = {
        _tag: "Reflected",
        flags: 0,
        reflectedId: 1,
        timestamp: 1n,
        envelope: world.group.envelope(text("a"))
      } as never
      yield* peer.send(message)
      assert.deepStrictEqual(yield* peer.drain, [])
      assert.strictEqual((yield* expectState(world, "Waiting")).because._tag, "DeviceStoreError")
      works = true
      yield* TestClock.adjust("3 seconds")
      const next = yield* connect(world)
      yield* next.send(message)
      assert.strictEqual<number>((yield* next.expect("ReflectedAck")).reflectedId, 1)
    })
  )

  it.effect("a socket that gives no typed errors is understood, too", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      world.mediator.answerDials(
        Effect.fail(new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause: "no" }) }))
      )
      assert.strictEqual((yield* expectState(world, "Waiting")).because._tag, "Unreachable")
    })
  )
})
