// Many contents at once: how much of them is held in envelopes, and that they stay together in their order.
import { Crypto, D2d } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { TestClock } from "effect/testing"
import { makeStateCell } from "../src/ConnectionState.ts"
import { makeEventLog } from "../src/DeviceEvent.ts"
import { makeHolding } from "../src/Holding.ts"
import {
  Capacities,
  type Content,
  defaultCapacities,
  KeepAlive,
  makeDeviceStoreMemory,
  noKeepAlive,
  Transaction
} from "../src/index.ts"
import { makeLiveCell } from "../src/LiveConnection.ts"
import { makeLedger, makeReflection } from "../src/Reflection.ts"
import { ackOf, connect, countingRandom, expectState, groupKey, identity, makeWorld, me } from "./scripted-peer.ts"
import { type Peer, text, type World } from "./scripted-peer.ts"

const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkScoped(effect, { startImmediately: true })

const capacity = 2_000
const bounded = Effect.provideService(Capacities, { ...defaultCapacities, reflects: capacity })

/** Of 400 bytes each, so that four of them fit. */
const contentsOf = (count: number) =>
  Array.from({ length: count }, (_, n) => text(String(n).padEnd(400))) as unknown as NonEmptyReadonlyArray<Content>

/** Bytes in all that can be reached from here, apart from what the caller has itself. */
const bytesWithin = (root: unknown, contents: ReadonlyArray<Content>): number => {
  const seen = new Set<unknown>(contents)
  const waiting = [root]
  let bytes = 0
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value !== "object" || value === null || seen.has(value)) continue
    seen.add(value)
    if (value instanceof Uint8Array) bytes += value.length
    else waiting.push(...(value instanceof Map ? value.values() : Object.values(value)))
  }
  return bytes
}

const makeParts = Effect.gen(function* () {
  const crypto = yield* Crypto
  const ledger = makeLedger({ capacity })
  const reflection = makeReflection({
    crypto,
    random: countingRandom(),
    store: yield* makeDeviceStoreMemory(),
    keys: crypto.deriveKeys(groupKey),
    identity,
    from: { deviceId: me, protocolVersion: 0 },
    ledger,
    capacity,
    state: makeStateCell({ capacity: 1, pending: () => ledger.pending, onState: () => {} }),
    events: makeEventLog(1, () => {}),
    live: makeLiveCell(),
    holding: makeHolding(),
    meter: undefined
  })
  return { ledger, reflection }
}).pipe(Effect.provide(Crypto.layer))

/** Acks whatever is reflected until nothing comes any more, and tells which. */
const serve = (world: World, peer: Peer) =>
  Effect.gen(function* () {
    const order: Array<string> = []
    for (;;) {
      const frames = yield* peer.drain
      if (frames.length === 0) return order
      for (const frame of frames) {
        if (frame._tag !== "Reflect") continue
        order.push(world.group.textIn(frame).trim())
        yield* peer.send(ackOf(frame))
      }
    }
  })

describe("many contents", () => {
  it.effect("are held in envelopes up to the capacity, and one more for each caller", () =>
    Effect.gen(function* () {
      const { ledger, reflection } = yield* makeParts
      const contents = contentsOf(1_000)
      yield* fork(Effect.exit(reflection.reflectAll(contents)))
      assert.strictEqual(ledger.pending, 1_000)
      assert.isAtLeast(bytesWithin(ledger, contents), 4 * 400)
      assert.isAtMost(bytesWithin(ledger, contents), capacity)
      const others = contentsOf(100)
      yield* fork(Effect.exit(reflection.reflectAll(others)))
      assert.isAtMost(bytesWithin(ledger, [...contents, ...others]), capacity + 500)
      const fibers = yield* Effect.forEach(others, (other) => fork(Effect.exit(reflection.reflectAll([other]))))
      yield* Effect.forEach(fibers, Fiber.interrupt)
      assert.strictEqual(ledger.pending, 1_100)
    })
  )

  it.effect("go out next to each other and in their order, over a lost connection too", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const many = yield* fork(world.device.reflectAll(contentsOf(20)))
      const one = yield* fork(world.device.reflect(text("behind")))
      const first = yield* connect(world)
      assert.lengthOf(yield* first.drain, 4)
      yield* first.close(1001)
      yield* TestClock.adjust("3 seconds")
      const order = yield* serve(world, yield* connect(world))
      assert.deepStrictEqual(order, [...Array.from({ length: 20 }, (_, n) => String(n)), "behind"])
      assert.lengthOf(yield* Fiber.join(many), 20)
      yield* Fiber.join(one)
    }).pipe(bounded)
  )

  it.effect("are none of them sent where no envelope holds the last one", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const refused = yield* Effect.flip(world.device.reflectAll([...contentsOf(20), text("x".repeat(65_476))]))
      assert.strictEqual(refused._tag, "EnvelopeTooLarge")
      assert.deepStrictEqual(yield* peer.drain, [])
    }).pipe(bounded)
  )

  it.effect("that are altered while they wait for room fail for their caller alone", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const contents = contentsOf(20)
      const many = yield* fork(Effect.flip(world.device.reflectAll(contents)))
      const one = yield* fork(world.device.reflect(text("behind")))
      const altered = contents[10] as { value: D2d.OutgoingMessage }
      altered.value = D2d.OutgoingMessage.make({ messageId: 1n, body: new Uint8Array(65_536) })
      const order = yield* serve(world, yield* connect(world))
      const sent = Array.from({ length: 10 }, (_, n) => String(n))
      // What was drawn together with it has been sent, and nothing behind that.
      assert.deepStrictEqual(
        order.filter((body) => body !== "11"),
        [...sent, "behind"]
      )
      assert.strictEqual((yield* Fiber.join(many))._tag, "EnvelopeTooLarge")
      yield* Fiber.join(one)
      assert.strictEqual((yield* world.device.state.get).pendingReflects, 0)
      // What was never written has no ack that could be late.
      yield* TestClock.adjust("30 seconds")
      yield* expectState(world, "Live")
    }).pipe(bounded, Effect.provideService(KeepAlive, noKeepAlive))
  )

  it.effect("of which the last one is altered, and no other is drawn with it, hold nothing up", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const contents = contentsOf(5)
      const many = yield* fork(Effect.flip(world.device.reflectAll(contents)))
      const altered = contents[4] as { value: D2d.OutgoingMessage }
      altered.value = D2d.OutgoingMessage.make({ messageId: 1n, body: new Uint8Array(65_536) })
      const peer = yield* connect(world)
      assert.lengthOf(yield* serve(world, peer), 4)
      assert.strictEqual((yield* Fiber.join(many))._tag, "EnvelopeTooLarge")
      yield* fork(world.device.reflect(text("next")))
      assert.deepStrictEqual(yield* serve(world, peer), ["next"])
    }).pipe(bounded)
  )

  it.effect("that are given up make way at once for what waits behind them, though no ack comes", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* fork(world.device.reflectAll(contentsOf(2)))
      const large = yield* fork(world.device.reflect(text("x".repeat(1_200))))
      yield* fork(world.device.reflect(text("behind")))
      assert.lengthOf(yield* peer.drain, 2)
      yield* Fiber.interrupt(large)
      assert.strictEqual(world.group.textIn(yield* peer.expect("Reflect")), "behind")
    }).pipe(bounded)
  )

  it.effect("go out in a transaction as well", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const body = Effect.flatMap(Transaction, ({ reflectAll }) => reflectAll(contentsOf(20)))
      const run = yield* fork(world.device.transaction({ scope: D2d.TransactionScopeScope.CONTACT_SYNC }, body))
      yield* peer.expect("BeginTransaction")
      yield* peer.send({ _tag: "BeginTransactionAck" })
      assert.lengthOf(yield* serve(world, peer), 20)
      yield* peer.send({ _tag: "CommitTransactionAck" })
      assert.lengthOf(yield* Fiber.join(run), 20)
    }).pipe(bounded)
  )
})
