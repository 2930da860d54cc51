// Ephemerals are never acked and so never delivered again: those that the handler does not get are told (decisions 20, 21).
import { ReflectFlags } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Latch } from "effect"
import { TestClock } from "effect/testing"
import { makeDeviceStoreMemory, DeviceStoreError } from "../src/DeviceStore.ts"
import { Capacities, defaultCapacities, HandlerError, HandlerPolicy, Transaction } from "../src/index.ts"
import { ackOf, connect, expectState, makeWorld, reflected, settle, text, textOf, type World } from "./scripted-peer.ts"

const ephemeral = (id: number, world: World) =>
  reflected(id, world.group.envelope(text(String(id))), ReflectFlags.ephemeral)
const message = (id: number, world: World) => reflected(id, world.group.envelope(text(String(id))))
const seen = (world: World) => world.handled.flat().map(({ content }) => textOf(content))
const missed = (world: World) =>
  world.events.flatMap((event) => (event._tag === "EphemeralsMissed" ? [event.count] : []))

describe("ephemerals that the handler does not get are told", () => {
  it.effect("at a halt: in its batch, in the queue, and where they waited for room", () =>
    Effect.gen(function* () {
      const gate = Latch.makeUnsafe(false)
      const world = yield* makeWorld({
        onReflected: () => Effect.andThen(gate.await, Effect.fail(new HandlerError({ detail: "no" })))
      })
      const peer = yield* connect(world)
      // The batch that halts; then a queue of four, and three in front of it.
      yield* peer.send(ephemeral(1, world), message(2, world), ephemeral(3, world))
      yield* settle
      yield* peer.send(message(4, world), ephemeral(5, world), ephemeral(6, world))
      yield* settle
      yield* peer.send(message(7, world), ephemeral(8, world), message(9, world), ephemeral(10, world))
      yield* settle
      gate.openUnsafe()
      yield* expectState(world, "NeedsUser")
      assert.strictEqual(
        missed(world).reduce((sum, count) => sum + count, 0),
        6
      )
      assert.isFalse(seen(world).some((value) => Number(value) > 3))
    }).pipe(
      Effect.provideService(HandlerPolicy, { tries: 1, delay: () => 0, giveUp: "halt" }),
      Effect.provideService(Capacities, { ...defaultCapacities, reflected: 4 })
    )
  )

  it.effect("at a full quarantine", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ store: yield* makeDeviceStoreMemory({ quarantineCapacity: 0 }) })
      const peer = yield* connect(world)
      yield* peer.send(
        ephemeral(1, world),
        reflected(2, new Uint8Array(50)),
        ephemeral(3, world),
        reflected(4, new Uint8Array(51), ReflectFlags.ephemeral)
      )
      yield* settle
      assert.strictEqual((yield* expectState(world, "NeedsUser")).reason._tag, "Halted")
      // The handler had what opened, also behind the message that there was no room for.
      assert.deepStrictEqual(seen(world), ["1", "3"])
      assert.deepStrictEqual(missed(world), [1])
    })
  )

  it.effect("at a store that fails before the handler has them", () =>
    Effect.gen(function* () {
      const memory = yield* makeDeviceStoreMemory()
      const broken = Effect.fail(
        new DeviceStoreError({ reason: "DiskFailed", operation: "look up nonces", detail: "" })
      )
      let works = true
      const hasNonces: typeof memory.hasNonces = (nonces) =>
        Effect.suspend(() => (works ? memory.hasNonces(nonces) : broken))
      const world = yield* makeWorld({ store: { ...memory, hasNonces } })
      const peer = yield* connect(world)
      works = false
      yield* peer.send(ephemeral(1, world), message(2, world))
      yield* settle
      assert.deepStrictEqual(missed(world), [1])
      assert.deepStrictEqual(seen(world), [])
    })
  )

  it.effect("at the end of a connection on which they wait for room", () =>
    Effect.gen(function* () {
      const gate = Latch.makeUnsafe(false)
      const aborts = Latch.makeUnsafe(false)
      const world: World = yield* makeWorld({ onReflected: () => gate.await })
      const peer = yield* connect(world)
      const body = Effect.andThen(
        Effect.flatMap(Transaction, ({ reflect }) => reflect(text("in"))),
        Effect.andThen(aborts.await, Effect.fail("aborted"))
      )
      yield* Effect.forkScoped(Effect.exit(world.device.transaction({ scope: 1 }, body)))
      yield* peer.expect("BeginTransaction")
      yield* peer.send({ _tag: "BeginTransactionAck" })
      yield* peer.send(ackOf(yield* peer.expect("Reflect")))
      yield* settle
      yield* peer.send(message(1, world))
      yield* settle
      yield* peer.send(message(2, world), ephemeral(3, world), ephemeral(4, world), message(5, world))
      yield* settle
      aborts.openUnsafe()
      assert.strictEqual((yield* expectState(world, "Waiting")).because._tag, "TransactionAborted")
      assert.deepStrictEqual(missed(world), [1])
      gate.openUnsafe()
      yield* settle
      assert.deepStrictEqual(seen(world), ["1", "2", "3"])
    }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, reflected: 2 }))
  )

  it.effect("while messages are passed over", () =>
    Effect.gen(function* () {
      const gate = Latch.makeUnsafe(false)
      const world: World = yield* makeWorld({ onReflected: () => gate.await })
      const peer = yield* connect(world)
      yield* peer.send(message(1, world))
      yield* settle
      yield* Effect.forkScoped(world.device.devices, { startImmediately: true })
      yield* peer.send(message(2, world), ephemeral(3, world), ephemeral(4, world), ephemeral(5, world))
      yield* settle
      yield* TestClock.adjust("10 seconds")
      yield* settle
      assert.include(world.eventTags(), "PassedOver")
      assert.deepStrictEqual(missed(world), [2])
      yield* peer.send(ephemeral(6, world), message(7, world))
      yield* settle
      assert.deepStrictEqual(missed(world), [2, 1])
      gate.openUnsafe()
      yield* settle
      assert.deepStrictEqual(seen(world), ["1", "2", "3"])
    }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, reflected: 2 }))
  )
})
