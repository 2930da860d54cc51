import { assert, describe, it } from "@effect/vitest"
import { Mediator, MediatorStore, MediatorStoreError } from "@d2m/server-sim"
import {
  AdminAddress,
  layerAdmin,
  layerWebSocketServer,
  ListenAddress,
  ListenError,
  Readiness
} from "@d2m/server-sim/node"
import { Effect, Exit, Fiber, Latch, Layer, Metric, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import { parsePrometheus } from "./prometheus-text.ts"
import { rawTcp } from "./raw-socket.ts"

/** A store that does as the test wants when it is asked about a group. */
const storeWith = (load: Effect.Effect<Option.Option<never>, MediatorStoreError>) =>
  Layer.effect(
    MediatorStore,
    Effect.map(MediatorStore, (store) => ({ ...store, load: () => load }))
  ).pipe(Layer.provide(MediatorStore.layerMemory))

const readiness = (load: Effect.Effect<Option.Option<never>, MediatorStoreError>) =>
  Readiness.layer.pipe(Layer.provide(storeWith(load)))

describe("Readiness", () => {
  it.effect("follows the mediator's life", () =>
    Effect.gen(function* () {
      const { startsListening, status, stopsListening } = yield* Readiness
      assert.strictEqual(yield* status, "Starting")
      yield* startsListening
      assert.strictEqual(yield* status, "Ready")
      yield* stopsListening
      assert.strictEqual(yield* status, "ShuttingDown")
    }).pipe(Effect.provide(readiness(Effect.succeedNone)))
  )

  it.effect("is lost while the store fails", () => {
    let isBroken = true
    const load = Effect.suspend(() =>
      isBroken ? new MediatorStoreError({ operation: "load", detail: "disk gone" }) : Effect.succeedNone
    )
    return Effect.gen(function* () {
      const { startsListening, status } = yield* Readiness
      yield* startsListening
      assert.strictEqual(yield* status, "StoreUnavailable")
      isBroken = false
      assert.strictEqual(yield* status, "Ready")
    }).pipe(Effect.provide(readiness(load)))
  })

  it.effect("is not lost for a group that the store cannot read: all the others are served", () => {
    const damaged = "da".repeat(32)
    const store = Layer.effect(
      MediatorStore,
      Effect.map(MediatorStore, (store) => ({
        ...store,
        load: (groupKey) =>
          groupKey === damaged
            ? new MediatorStoreError({ operation: "load", reason: "Corrupt", detail: "malformed" })
            : store.load(groupKey)
      }))
    ).pipe(Layer.provide(MediatorStore.layerMemory))
    return Effect.gen(function* () {
      const { startsListening, status } = yield* Readiness
      const { load } = yield* MediatorStore
      yield* startsListening
      yield* Effect.flip(load(damaged))
      assert.strictEqual(yield* status, "Ready")
    }).pipe(Effect.provide(Layer.provide(Readiness.layer, store)))
  })

  it.effect("is lost while the store cannot write, and found again by writing", () => {
    let isFull = false
    let writes = 0
    const store = Layer.effect(
      MediatorStore,
      Effect.map(MediatorStore, (store) => ({
        ...store,
        apply: (persists) =>
          Effect.suspend(() => {
            writes++
            return isFull
              ? new MediatorStoreError({ operation: "apply", reason: "Full", detail: "no space" })
              : store.apply(persists)
          })
      }))
    ).pipe(Layer.provide(MediatorStore.layerMemory))
    return Effect.gen(function* () {
      const { startsListening, status } = yield* Readiness
      const { apply, load } = yield* MediatorStore
      yield* startsListening
      assert.strictEqual(yield* status, "Ready")
      assert.strictEqual(writes, 0)
      isFull = true
      assert.strictEqual(yield* status, "Ready")
      yield* Effect.flip(apply([]))
      for (const _ of [1, 2]) assert.strictEqual(yield* status, "StoreUnavailable")
      assert.strictEqual(writes, 3)
      isFull = false
      // A small one may still fit on a full disk.
      yield* apply([])
      assert.strictEqual(yield* status, "Ready")
      assert.strictEqual(writes, 6)
      assert.strictEqual(yield* status, "Ready")
      assert.strictEqual(writes, 6)
      assert.isTrue(Option.isNone(yield* load("readiness")))
    }).pipe(Effect.provide(Layer.provide(Readiness.layer, store)))
  })

  it.effect("never asks a store to write twice at once", () => {
    const gate = Latch.makeUnsafe(true)
    const applies: Array<number> = []
    let atOnce = 0
    const store = Layer.effect(
      MediatorStore,
      Effect.map(MediatorStore, (store) => ({
        ...store,
        apply: () =>
          Effect.gen(function* () {
            applies.push(++atOnce)
            yield* gate.await
            atOnce--
            return yield* new MediatorStoreError({ operation: "apply", detail: "disk gone" })
          })
      }))
    ).pipe(Layer.provide(MediatorStore.layerMemory))
    return Effect.gen(function* () {
      const { startsListening, status } = yield* Readiness
      const { apply } = yield* MediatorStore
      yield* startsListening
      yield* Effect.flip(apply([]))
      gate.closeUnsafe()
      const asking = yield* Effect.forkChild(status, { startImmediately: true })
      const writing = yield* Effect.forkChild(Effect.flip(apply([])), { startImmediately: true })
      assert.strictEqual(applies.length, 2)
      yield* gate.open
      assert.strictEqual(yield* Fiber.join(asking), "StoreUnavailable")
      yield* Fiber.join(writing)
      gate.closeUnsafe()
      const again = yield* Effect.forkChild(Effect.flip(apply([])), { startImmediately: true })
      const waiting = yield* Effect.forkChild(status, { startImmediately: true })
      assert.strictEqual(applies.length, 4)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Fiber.join(waiting), "StoreUnavailable")
      yield* gate.open
      yield* Fiber.join(again)
      assert.deepStrictEqual(applies, [1, 1, 1, 1])
    }).pipe(Effect.provide(Layer.provide(Readiness.layer, store)))
  })

  it.effect("is looked for by writes that have a pipelined store to themselves", () => {
    const gate = Latch.makeUnsafe(false)
    let isFull = true
    let atOnce = 0
    let most = 0
    const store = Layer.effect(
      MediatorStore,
      Effect.map(MediatorStore, (store) => ({
        ...store,
        isPipelined: true,
        apply: () =>
          Effect.gen(function* () {
            most = Math.max(most, ++atOnce)
            yield* gate.await
            atOnce--
            if (isFull) return yield* new MediatorStoreError({ operation: "apply", reason: "Full", detail: "no space" })
          })
      }))
    ).pipe(Layer.provide(MediatorStore.layerMemory))
    return Effect.gen(function* () {
      const { startsListening, status } = yield* Readiness
      const service = yield* MediatorStore
      const started = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })
      yield* startsListening
      assert.isTrue(service.isPipelined)
      const both = [yield* started(Effect.exit(service.apply([]))), yield* started(Effect.exit(service.apply([])))]
      assert.strictEqual(most, 2)
      yield* gate.open
      for (const fiber of both) yield* Fiber.join(fiber)

      gate.closeUnsafe()
      isFull = false
      most = 0
      assert.isFalse(service.isPipelined)
      const asking = yield* started(status)
      const writing = yield* started(service.apply([]))
      yield* gate.open
      assert.strictEqual(yield* Fiber.join(asking), "Ready")
      yield* Fiber.join(writing)
      assert.strictEqual(most, 1)
      assert.isTrue(service.isPipelined)
    }).pipe(Effect.provide(Layer.provide(Readiness.layer, store)))
  })

  it.effect("does not wait for a store that hangs", () =>
    Effect.gen(function* () {
      const { startsListening, status } = yield* Readiness
      yield* startsListening
      const asking = yield* Effect.forkChild(status, { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Fiber.join(asking), "StoreUnavailable")
    }).pipe(Effect.provide(readiness(Effect.never)))
  )
})

const ask = (address: AdminAddress["Service"], path: string, method = "GET") =>
  Effect.promise(async () => {
    const response = await fetch(address.url + path, { method })
    return { status: response.status, body: await response.text() }
  })

const admin = layerAdmin({ host: "127.0.0.1", port: 0 })

describe("the admin server", () => {
  it.live("answers over HTTP from before the mediator listens until after", () => {
    const closing = Latch.makeUnsafe(false)
    // Holds up the shutdown between the end of the listening and the end of the server.
    const lingering = Layer.effectDiscard(Effect.addFinalizer(() => closing.await))
    return Effect.gen(function* () {
      const outer = yield* Layer.build(
        Layer.provideMerge(admin, Readiness.layer).pipe(Layer.provideMerge(MediatorStore.layerMemory))
      )
      const address = yield* Effect.provideContext(AdminAddress, outer)
      assert.deepStrictEqual(yield* ask(address, "healthz"), { status: 200, body: "Alive\n" })
      assert.deepStrictEqual(yield* ask(address, "readyz"), { status: 503, body: "Starting\n" })

      const scope = yield* Scope.make()
      const served = Readiness.layerListening.pipe(
        Layer.provide(lingering),
        Layer.provideMerge(layerWebSocketServer({ host: "127.0.0.1", port: 0 })),
        Layer.provideMerge(Mediator.layerMetrics),
        Layer.provide(Mediator.layerTest)
      )
      const inner = yield* Layer.buildWithScope(served, scope).pipe(Effect.provideContext(outer))
      const { port } = yield* Effect.provideContext(ListenAddress, inner)
      assert.notStrictEqual(port, address.port)
      assert.deepStrictEqual(yield* ask(address, "readyz"), { status: 200, body: "Ready\n" })
      const { body } = yield* ask(address, "metrics")
      assert.strictEqual(parsePrometheus(body).value("d2m_connections"), 0)
      assert.strictEqual((yield* ask(address, "")).status, 404)
      assert.strictEqual((yield* ask(address, "metrics", "POST")).status, 404)
      // Strangers find none of it where devices connect.
      const atMediator = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/metrics`))
      assert.isAtLeast(atMediator.status, 400)

      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      assert.deepStrictEqual(yield* ask(address, "readyz"), { status: 503, body: "ShuttingDown\n" })
      assert.strictEqual((yield* ask(address, "healthz")).status, 200)
      yield* closing.open
      yield* Fiber.join(stopping)
    }).pipe(Effect.scoped, Effect.provideService(Metric.MetricRegistry, new Map()))
  })

  it.live("has 16 connections at most, and takes the place of the quietest for who comes next", () =>
    Effect.gen(function* () {
      const services = yield* Layer.build(Layer.provide(admin, readiness(Effect.succeedNone)))
      const { port } = yield* Effect.provideContext(AdminAddress, services)
      const asking = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
      const asker = yield* rawTcp(port)
      const silent = yield* rawTcp(port)
      const halting = yield* rawTcp(port)
      halting.write("GET /healthz HTTP/1.1\r\n")
      for (let n = 3; n < 16; n++) yield* rawTcp(port)
      asker.write(asking)
      yield* asker.got("Alive")
      for (const quietest of [silent, halting]) {
        const operator = yield* rawTcp(port)
        operator.write(asking)
        yield* operator.got("Alive")
        assert.strictEqual(yield* quietest.closed, "")
      }
      asker.write(asking)
      yield* asker.got(/Alive[^]*Alive/)
    }).pipe(Effect.scoped)
  )

  it.live("says why it cannot listen", () =>
    Effect.gen(function* () {
      const services = yield* Layer.build(Layer.provide(admin, readiness(Effect.succeedNone)))
      const { port } = yield* Effect.provideContext(AdminAddress, services)
      const second = Layer.provide(layerAdmin({ host: "127.0.0.1", port }), readiness(Effect.succeedNone))
      const error = yield* Effect.flip(Layer.build(second))
      assert.instanceOf(error, ListenError)
      assert.deepInclude(error, { reason: "PortInUse", host: "127.0.0.1", port })
    }).pipe(Effect.scoped)
  )

  it.live("says why where no server can listen", () =>
    Effect.gen(function* () {
      for (const port of [65_536, 99_999, -1, 1.5, Number.NaN]) {
        const layer = Layer.provide(layerAdmin({ host: "127.0.0.1", port }), readiness(Effect.succeedNone))
        const error = yield* Effect.flip(Layer.build(layer))
        assert.deepInclude(error, { _tag: "ListenError", reason: "PortOutOfRange", port })
      }
    }).pipe(Effect.scoped)
  )
})
