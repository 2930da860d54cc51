// The life of a device as spans, read by a tracer in memory.
import { D2d } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, type Scope, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { DeviceObserver, layerMetrics, layerSpans, Transaction } from "../src/index.ts"
import { ackOf, connect, greet, identity, makeWorld, serverInfo, settle, text } from "./scripted-peer.ts"

const scope = D2d.TransactionScopeScope.CONTACT_SYNC
const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkScoped(effect, { startImmediately: true })

interface Ended {
  readonly name: string
  readonly kind: Tracer.SpanKind
  readonly parent: string | undefined
  readonly attributes: Readonly<Record<string, unknown>>
  readonly seconds: number
}

/** Keeps spans as they end. */
const keepingTracer = () => {
  const made: Array<string> = []
  const ended: Array<Ended> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const { end } = span
      made.push(span.name)
      span.end = (endTime, exit) => {
        end.call(span, endTime, exit)
        const parent = Option.getOrUndefined(span.parent)
        ended.push({
          name: span.name,
          kind: span.kind,
          parent: parent?._tag === "Span" ? parent.name : undefined,
          attributes: Object.fromEntries(span.attributes),
          seconds: Number(endTime - span.status.startTime) / 1e9
        })
      }
      return span
    }
  })
  return { made, ended, layer: Layer.succeed(Tracer.Tracer)(tracer) }
}

const traced = <A, E>(program: (ended: ReadonlyArray<Ended>) => Effect.Effect<A, E, Scope.Scope>) => {
  const { ended, layer } = keepingTracer()
  return program(ended).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(layerSpans, layer)))
}

const shape = (ended: ReadonlyArray<Ended>) => ended.map(({ name, parent, seconds }) => [name, parent, seconds])

const device = { "d2m.device": "0000000000001111", "d2m.group": "" }

describe("a device's spans", () => {
  it.effect("are of each connection, with its handshake and its session", () =>
    traced((ended) =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* world.mediator.accept
        yield* TestClock.adjust("2 seconds")
        yield* greet(world, peer)
        yield* peer.send(yield* serverInfo({ reflectionQueueLength: 7, deviceSlotState: 0 }))
        yield* settle
        yield* peer.send({ _tag: "ReflectionQueueDry" })
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(shape(ended), [["d2m.handshake", "d2m.connection", 2]])
        yield* peer.close(4013, "wss://a.secret/address")
        yield* settle
        assert.deepStrictEqual(shape(ended.slice(1)), [
          ["d2m.session", "d2m.connection", 5],
          ["d2m.connection", undefined, 7]
        ])
        assert.deepStrictEqual(ended[1]!.attributes, { "d2m.queued": 7 })
        assert.strictEqual(ended[2]!.kind, "client")
        const { "d2m.group": group, ...attributes } = ended[2]!.attributes
        assert.match(String(group), /^[0-9a-f]{8}$/)
        assert.deepStrictEqual(attributes, {
          "d2m.device": device["d2m.device"],
          "d2m.attempt": 1,
          "d2m.end": "closed",
          "d2m.close.code": 4013,
          "d2m.close.by": "server"
        })
        yield* TestClock.adjust("3 seconds")
        yield* world.mediator.accept
        yield* world.device.stop
        assert.deepInclude(ended.at(-1)!.attributes, { "d2m.attempt": 2, "d2m.end": "stopped" })
        assert.deepStrictEqual(
          ended.slice(3).map(({ name }) => name),
          ["d2m.handshake", "d2m.connection"]
        )
      })
    )
  )

  it.effect("are of a transaction where it was called, with its body, around whatever that does", () =>
    traced((ended) =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const body = Effect.flatMap(Transaction, ({ reflect }) => Effect.withSpan(reflect(text("a")), "app.inner"))
        const run = yield* fork(Effect.withSpan(world.device.transaction({ scope }, body), "app.outer"))
        yield* peer.expect("BeginTransaction")
        yield* TestClock.adjust("2 seconds")
        yield* peer.send({ _tag: "BeginTransactionAck" })
        const frame = yield* peer.expect("Reflect")
        yield* TestClock.adjust("1 seconds")
        yield* peer.send(ackOf(frame))
        yield* peer.expect("CommitTransaction")
        yield* peer.send({ _tag: "CommitTransactionAck" })
        yield* Fiber.join(run)
        assert.deepStrictEqual(shape(ended.filter(({ name }) => name !== "d2m.handshake")), [
          ["app.inner", "d2m.body", 1],
          ["d2m.body", "d2m.transaction", 1],
          ["d2m.transaction", "app.outer", 3],
          ["app.outer", undefined, 3]
        ])
        const outcome = ended.find(({ name }) => name === "d2m.transaction")!.attributes
        assert.deepInclude(outcome, { "d2m.outcome": "committed", "d2m.device": device["d2m.device"] })
        yield* peer.send({ _tag: "ReflectionQueueDry" })
        yield* Effect.exit(world.device.transaction({ scope, precondition: Effect.succeed(false) }, body))
        assert.deepInclude(ended.at(-1)!.attributes, { "d2m.outcome": "precondition_failed" })
      })
    )
  )

  it.effect("say nothing of what is secret", () =>
    traced((ended) =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const run = yield* fork(Effect.exit(world.device.transaction({ scope: 77 }, Effect.fail("a secret failure"))))
        yield* peer.expect("BeginTransaction")
        yield* peer.send({ _tag: "BeginTransactionAck" })
        yield* peer.expect("CommitTransaction")
        yield* peer.send({ _tag: "CommitTransactionAck" })
        yield* Fiber.join(run)
        yield* peer.close(4000, "a secret reason")
        yield* settle
        const told = JSON.stringify(ended)
        const groupId = Array.from(world.group.keys.groupId, (byte) => byte.toString(16).padStart(2, "0")).join("")
        for (const secret of ["secret", "77", identity, groupId]) assert.notInclude(told, secret)
      })
    )
  )

  it.effect("are not made without a tracer that brings them somewhere, nor without the layer", () =>
    Effect.gen(function* () {
      const { layer, made } = keepingTracer()
      yield* Effect.scoped(Effect.flatMap(makeWorld(), connect)).pipe(Effect.provide(layer))
      // Built with Effect's own tracer: nothing is put around a body.
      const around = yield* Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const body = Effect.option(Effect.currentParentSpan)
        const run = yield* fork(world.device.transaction({ scope }, body))
        yield* peer.expect("BeginTransaction")
        yield* peer.send({ _tag: "BeginTransactionAck" })
        yield* peer.expect("CommitTransaction")
        yield* peer.send({ _tag: "CommitTransactionAck" })
        return yield* Fiber.join(run)
      }).pipe(Effect.scoped, Effect.provide(layerSpans))
      assert.isTrue(Option.isNone(around))
      assert.deepStrictEqual(made, [])
    })
  )

  it.effect("go with metrics and an observer, and what the tracer throws does the device no harm", () =>
    Effect.gen(function* () {
      const states: Array<string> = []
      const tracer = Tracer.make({
        span: () => {
          throw new Error("no span today")
        }
      })
      yield* Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const run = yield* fork(world.device.reflect(text("a")))
        yield* peer.send(ackOf(yield* peer.expect("Reflect")))
        yield* Fiber.join(run)
      }).pipe(
        Effect.scoped,
        Effect.provide(Layer.provide(Layer.mergeAll(layerMetrics, layerSpans), Layer.succeed(Tracer.Tracer)(tracer))),
        Effect.provideService(DeviceObserver, { onState: ({ _tag }) => states.push(_tag), onEvent: () => {} })
      )
      assert.includeMembers(states, ["Connecting", "Handshaking", "Live", "Stopped"])
    })
  )
})
