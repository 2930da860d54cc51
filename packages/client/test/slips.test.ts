// What applications do that they should not, and what it may cost them.
import { D2d, DeviceGroupKey, DeviceId } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Deferred, Duration, Effect, Fiber, Logger, Option, Result } from "effect"
import { Transaction } from "../src/index.ts"
import { makeDeviceStoreMemory } from "../src/DeviceStore.ts"
import { ReflectionLedger } from "../src/ReflectionLedger.ts"
import { parseWebSocketUrl } from "../src/WebSocketUrl.ts"
import {
  ackOf,
  connect,
  expectState,
  makeWorld,
  me,
  other,
  type Peer,
  reflected,
  settle,
  text
} from "./scripted-peer.ts"

const scope = D2d.TransactionScopeScope.CONTACT_SYNC
const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkScoped(effect, { startImmediately: true })
const grant = (peer: Peer) =>
  Effect.tap(peer.expect("BeginTransaction"), () => peer.send({ _tag: "BeginTransactionAck" }))
const commit = (peer: Peer) =>
  Effect.tap(peer.expect("CommitTransaction"), () => peer.send({ _tag: "CommitTransactionAck" }))

/** The transactions that a fiber knows itself to be within, as `Holding` keeps them. */
const transactionsOfFiber = Context.Reference<ReadonlyArray<object>>("@d2m/client/Holding/Holdings", {
  defaultValue: () => []
})

/** Keeps what is logged. */
const logged = (messages: Array<string>) =>
  Logger.layer([
    Logger.make(({ cause, message }) => {
      messages.push(`${String(message)} ${Cause.pretty(cause)}`)
    })
  ])

describe("reflects that are given up", () => {
  it("keep no memory in line and lobby, though nothing is drawn", () => {
    const ledger = new ReflectionLedger<string, string>({ capacity: 100 })
    const { line, lobby } = (ledger as unknown as { readonly ordinary: Record<"line" | "lobby", { length: number }> })
      .ordinary
    const kept = ledger.reflect("kept", 90)
    for (let n = 0; n < 1_000; n++) ledger.cancel(ledger.reflect(`given up in line ${n}`, 1))
    assert.isAtMost(line.length, 3)
    ledger.reflect("waits for room", 50)
    for (let n = 0; n < 1_000; n++) ledger.cancel(ledger.reflect(`given up in the lobby ${n}`, 50))
    assert.isAtMost(line.length + lobby.length, 5)
    assert.strictEqual(ledger.weight, 90)
    const [drawn, next] = ledger.draw(0, 9)
    assert.strictEqual(drawn?._tag === "Reflect" ? drawn.entry : undefined, kept)
    assert.isUndefined(next)
  })
})

describe("one store for two devices", () => {
  it.effect("is refused, and is free again when the first has gone", () =>
    Effect.gen(function* () {
      const store = yield* makeDeviceStoreMemory()
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* makeWorld({ store })
          yield* makeWorld({ store })
          const refused = yield* Effect.flip(makeWorld({ store, deviceId: other }))
          assert.ok(refused._tag === "DeviceStoreTaken")
          assert.deepInclude(refused, { deviceId: other, takenBy: me, sameGroup: true })
          assert.include(refused.message, "device 0000000000002222 was given the store of device 0000000000001111: ")
          const stranger = yield* Effect.flip(makeWorld({ store, groupKey: DeviceGroupKey.make(new Uint8Array(32)) }))
          assert.deepInclude(stranger, { deviceId: me, takenBy: me, sameGroup: false })
        })
      )
      yield* makeWorld({ store, deviceId: other })
    })
  )
})

describe("a handler", () => {
  it.effect("that fails with no detail has failed", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ onReflected: () => Effect.fail("database is down" as never) })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("a"))))
      yield* settle
      const failure = world.events.find((event) => event._tag === "HandlerFailed")
      assert.deepInclude(failure, { tries: 1, detail: "the handler failed without a detail" })
      assert.deepStrictEqual(yield* peer.drain, [])
    })
  )

  it.effect("that dies is logged with its reason", () => {
    const messages: Array<string> = []
    return Effect.gen(function* () {
      const world = yield* makeWorld({ onReflected: () => Effect.die(new Error("real reason")) })
      const peer = yield* connect(world)
      yield* peer.send(reflected(1, world.group.envelope(text("a"))))
      yield* settle
      assert.lengthOf(messages, 1)
      assert.match(messages[0]!, /a handler of reflected messages died[^]*real reason/)
    }).pipe(Effect.provide(logged(messages)))
  })

  it.effect("that has ended when the device is stopped is recorded and acked", () =>
    Effect.gen(function* () {
      const memory = yield* makeDeviceStoreMemory()
      const isRecording = yield* Deferred.make<void>()
      const mayRecord = yield* Deferred.make<void>()
      let record = memory.addNonces
      const world = yield* makeWorld({ store: { ...memory, addNonces: (nonces) => record(nonces) } })
      const peer = yield* connect(world)
      record = (nonces) =>
        Deferred.succeed(isRecording, undefined).pipe(
          Effect.andThen(Deferred.await(mayRecord)),
          Effect.andThen(memory.addNonces(nonces))
        )
      const box = world.group.envelope(text("a"))
      yield* peer.send(reflected(1, box))
      yield* Deferred.await(isRecording)
      const stopping = yield* fork(world.device.stop)
      yield* settle
      yield* Deferred.succeed(mayRecord, undefined)
      yield* Fiber.join(stopping)
      const nonce = world.group.crypto.hashNonce("ECHOECHO", box.subarray(0, 24))
      assert.deepStrictEqual(yield* memory.hasNonces([nonce]), [true])
    })
  )
})

describe("a transaction", () => {
  it.effect("within its own precondition is refused", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send({ _tag: "ReflectionQueueDry" })
      const inner = world.device.transaction({ scope }, Effect.succeed(true))
      const outer = world.device.transaction({ scope, precondition: inner }, Effect.void)
      assert.strictEqual((yield* Effect.flip(outer))._tag, "TransactionNested")
    })
  )

  it.effect("that is over is forgotten by what it has started, though each starts the next one", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const within: Array<number> = []
      const last = yield* Deferred.make<void>()
      /** Each is started by a fiber of the one before, which hands on whatever that one left on it. */
      const chain = (left: number): Effect.Effect<void> =>
        Effect.gen(function* () {
          const isOver = yield* Deferred.make<void>()
          const body = Effect.gen(function* () {
            within.push((yield* transactionsOfFiber).length)
            const next = left === 0 ? Deferred.succeed(last, undefined) : chain(left - 1)
            yield* Effect.forkDetach(Effect.andThen(Deferred.await(isOver), next))
          })
          yield* Effect.orDie(world.device.transaction({ scope }, body))
          yield* Deferred.succeed(isOver, undefined)
        })
      yield* fork(chain(20))
      for (let n = 0; n <= 20; n++) {
        yield* grant(peer)
        yield* commit(peer)
      }
      yield* Deferred.await(last)
      assert.deepStrictEqual(
        within,
        Array.from({ length: 21 }, () => 1)
      )
    })
  )

  it.effect("refuses what its body reflects with the device, which would wait for its end, and goes on", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const isOver = yield* Deferred.make<void>()
      const { reflect, reflectAll, reflectEphemeral, transaction } = world.device
      const body = Effect.gen(function* () {
        const started = yield* Effect.forkChild(Effect.flip(reflectAll([text("started")])))
        const later = yield* Effect.forkDetach(Effect.andThen(Deferred.await(isOver), reflect(text("later"))))
        yield* reflectEphemeral(text("typing"))
        return { refused: [yield* Effect.flip(reflect(text("own"))), yield* Fiber.join(started)], later }
      })
      const running = yield* fork(transaction({ scope }, body))
      yield* grant(peer)
      yield* commit(peer)
      const { later, refused } = yield* Fiber.join(running)
      assert.deepStrictEqual(
        refused.map(({ _tag }) => _tag),
        ["ReflectNested", "ReflectNested"]
      )
      yield* Deferred.succeed(isOver, undefined)
      assert.strictEqual(world.group.textIn(yield* peer.expect("Reflect")), "typing")
      yield* peer.send(ackOf(yield* peer.expect("Reflect"), 7n))
      assert.strictEqual(yield* Fiber.join(later), 7n)
    })
  )

  it.effect("of one device may wait for what another device of the program reflects", () =>
    Effect.gen(function* () {
      const [one, another] = [yield* makeWorld(), yield* makeWorld()]
      const [peer, elsewhere] = [yield* connect(one), yield* connect(another)]
      const isOver = yield* Deferred.make<void>()
      const busy = yield* fork(another.device.transaction({ scope }, Deferred.await(isOver)))
      yield* grant(elsewhere)
      const running = yield* fork(one.device.transaction({ scope }, another.device.reflect(text("a"))))
      yield* grant(peer)
      yield* Deferred.succeed(isOver, undefined)
      yield* commit(elsewhere)
      yield* Fiber.join(busy)
      yield* elsewhere.send(ackOf(yield* elsewhere.expect("Reflect"), 7n))
      yield* commit(peer)
      assert.strictEqual(yield* Fiber.join(running), 7n)
    })
  )

  it.effect("may be begun by what another one has started, once that is over", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const isOver = yield* Deferred.make<void>()
      const later = Effect.andThen(Deferred.await(isOver), world.device.transaction({ scope }, Effect.succeed("later")))
      const outer = yield* fork(world.device.transaction({ scope }, Effect.forkDetach(later)))
      yield* grant(peer)
      yield* commit(peer)
      const started = yield* Fiber.join(outer)
      yield* Deferred.succeed(isOver, undefined)
      yield* grant(peer)
      yield* commit(peer)
      assert.strictEqual(yield* Fiber.join(started), "later")
    })
  )

  it.effect("that fails over a content that is too large keeps the connection: nothing was reflected", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const large = Effect.flatMap(Transaction, (transaction) => transaction.reflect(text("x".repeat(70_000))))
      const failed = yield* fork(Effect.flip(world.device.transaction({ scope }, large)))
      yield* grant(peer)
      yield* commit(peer)
      assert.strictEqual((yield* Fiber.join(failed))._tag, "EnvelopeTooLarge")
      yield* expectState(world, "Live")
    })
  )

  for (const [ttl, seconds] of [
    [Duration.seconds(-5), 0],
    [Duration.seconds(2 ** 32 + 1), 0xffff_ffff],
    [Duration.infinity, 0xffff_ffff]
  ] as const) {
    it.effect(`that may take ${Duration.format(ttl)} says ${seconds} s`, () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        yield* fork(world.device.transaction({ scope, ttl }, Effect.never))
        assert.strictEqual((yield* peer.expect("BeginTransaction")).ttl, seconds)
      })
    )
  }
})

describe("requests", () => {
  it.effect("whose connection ends do not say that it is Live", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const asked = yield* fork(Effect.flip(world.device.drop(DeviceId.make(9n))))
      yield* peer.expect("DropDevice")
      yield* peer.close(1006)
      assert.strictEqual((yield* Fiber.join(asked)).message, "the connection ended before the mediator answered")
    })
  )

  for (const version of [-1, 2 ** 32 + 3, 1.5, Number.NaN]) {
    it.effect(`do not share ${version}, which no field holds`, () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const refused = yield* Effect.flip(world.device.setSharedData({ version }))
        assert.strictEqual(refused._tag, "InvalidContent")
        assert.include(refused.message, "d2d.SharedDeviceData.version: expected")
        assert.isTrue(Option.isNone(yield* world.device.sharedData))
        assert.deepStrictEqual(yield* peer.drain, [])
      })
    )
  }
})

describe("an address that is none", () => {
  for (const [url, told] of [
    ["wss://user:hunter2@host:99999/abc", "wss://host:99999/abc"],
    ["user:hunter2@host", "host"],
    ["wss://host:99999/abc?key=hunter2#hunter2", "wss://host:99999/abc"]
  ] as const) {
    it(`is told as ${told}`, () => {
      const parsed = parseWebSocketUrl(url, false)
      const failure = Result.isFailure(parsed) ? parsed.failure : undefined
      assert.deepInclude(failure, { _tag: "InvalidUrl", url: told })
    })
  }

  for (const url of ["wss://:hunter2@host/abc", "wss://host/abc?key=hunter2#part"]) {
    it(`is refused without what it may hold of secrets: ${url.includes("#") ? "in its query" : "in its user"}`, () => {
      const parsed = parseWebSocketUrl(url, false)
      const failure = Result.isFailure(parsed) ? parsed.failure : undefined
      assert.deepInclude(failure, { _tag: "InvalidUrl", url: "wss://host/abc" })
    })
  }

  for (const host of ["evillocalhost", "127.0.0.1.example.org", "localhost.example.org"]) {
    it(`is not this machine: ${host}`, () => {
      const parsed = parseWebSocketUrl(`ws://${host}/abc`, false)
      assert.deepInclude(Result.isFailure(parsed) ? parsed.failure : undefined, { _tag: "PlaintextRefused", host })
    })
  }
})
