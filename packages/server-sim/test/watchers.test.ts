import { assert, describe, it } from "@effect/vitest"
import {
  GuardEvents,
  layerGuardWatch,
  layerLog,
  layerSpans,
  Mediator,
  MediatorStore,
  MediatorStoreError
} from "@d2m/server-sim"
import { Effect, Exit, Layer, Logger, Metric, References, Scope, Tracer } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { TestClock } from "effect/testing"
import { begin, bytes, commit, id, reflect } from "./drive.ts"
import { join, keys, mediatorWith, open } from "./memory-device.ts"
import { parsePrometheus } from "./prometheus-text.ts"

const hex = Buffer.from(keys.groupId).toString("hex")

/** Log lines as `LEVEL message {annotations}`. */
const logged = () => {
  const lines: Array<{ readonly text: string; readonly annotations: Readonly<Record<string, unknown>> }> = []
  const logger = Logger.map(Logger.formatStructured, ({ annotations, level, message }) => {
    lines.push({ text: `${level} ${String(message)}`, annotations })
  })
  return { lines, layer: Logger.layer([logger]) }
}

const watched = (layer: Layer.Layer<never, never, Mediator>) => Layer.provideMerge(layer, Mediator.layerTest)

/** A life with everything in it that is worth a line. */
const life = Effect.gen(function* () {
  const a = yield* join(1)
  yield* Effect.scoped(join(2))
  yield* a.send(begin(1), reflect(1), commit)
  yield* a.send(begin(2), { _tag: "DropDevice", deviceId: id(2) })
  yield* a.send({ _tag: "Unknown", type: 0xaa, payload: bytes() })
  yield* a.until("Closed")
})

describe("layerLog", () => {
  it.effect("logs who registered, who left and why, and what was lost", () => {
    const { layer, lines } = logged()
    return Effect.gen(function* () {
      yield* life
      assert.deepStrictEqual(
        lines.map(({ text }) => text),
        [
          "INFO device registered",
          "INFO device registered",
          "INFO connection closed",
          "INFO slot freed",
          "INFO transaction discarded",
          "INFO connection closed"
        ]
      )
      const [registered, , left, freed, discarded, closed] = lines.map(({ annotations }) => annotations)
      const group = hex.slice(0, 8)
      const device = "0000000000000001"
      assert.deepStrictEqual(registered, { connection: 1, group, device, slot: "new", queued: 0 })
      assert.deepInclude(left, { connection: 2, group, device: "0000000000000002", by: "peer", code: 1000 })
      assert.notProperty(left, "reason")
      assert.deepStrictEqual(freed, { group, device: "0000000000000002", why: "DroppedByDevice" })
      assert.deepStrictEqual(discarded, { group, device, why: "Disconnected", messages: 0 })
      assert.deepInclude(closed, { device, by: "mediator", code: 4010, reason: "unknown frame type 0xaa" })
    }).pipe(Effect.provide(Layer.provide(watched(layerLog), layer)))
  })

  it.effect("at Debug logs sockets, leaders and transactions too, and at Error only what must not happen", () => {
    const { layer, lines } = logged()
    const at = (level: "Debug" | "Error") =>
      life.pipe(
        Effect.provide(
          Layer.fresh(watched(layerLog)).pipe(Layer.provide([layer, Layer.succeed(References.MinimumLogLevel)(level)]))
        )
      )
    return Effect.gen(function* () {
      yield* at("Error")
      assert.lengthOf(lines, 0)
      yield* at("Debug")
      const texts = lines.map(({ text }) => text)
      for (const text of ["connection opened", "became leader", "transaction begun", "transaction committed"]) {
        assert.include(texts, `DEBUG ${text}`)
      }
    })
  })

  it.effect("does not flood the log with clients that come and go, but at Debug", () => {
    const { layer, lines } = logged()
    const comeAndGo = Effect.gen(function* () {
      for (let n = 0; n < 20; n++) yield* (yield* open()).close(1000)
      const noise = yield* open()
      yield* noise.send({ _tag: "GetDevicesInfo" })
      yield* noise.until("Closed")
    })
    const at = (level: "Debug" | "Info") =>
      comeAndGo.pipe(
        Effect.provide(
          Layer.fresh(watched(layerLog)).pipe(Layer.provide([layer, Layer.succeed(References.MinimumLogLevel)(level)]))
        )
      )
    return Effect.gen(function* () {
      yield* at("Info")
      assert.lengthOf(lines, 0)
      yield* at("Debug")
      assert.lengthOf(
        lines.filter(({ text }) => text === "DEBUG connection closed"),
        21
      )
    })
  })

  it.effect("tells once a second that the store fails those who write, and not each group", () => {
    const { layer, lines } = logged()
    const broken = Layer.effect(
      MediatorStore,
      Effect.map(MediatorStore, (store) => ({
        ...store,
        apply: () => Effect.fail(new MediatorStoreError({ operation: "apply", detail: "disk full" }))
      }))
    ).pipe(Layer.provide(MediatorStore.layerMemory))
    return Effect.gen(function* () {
      for (let n = 0; n < 20; n++) assert.isTrue(Exit.isFailure(yield* Effect.exit((yield* open()).register(1))))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isFailure(yield* Effect.exit((yield* open()).register(1))))
      assert.deepStrictEqual(
        lines.filter(({ text }) => text.startsWith("ERROR")).map(({ annotations, text }) => [text, annotations]),
        [
          ["ERROR the mediator's store failed", {}],
          ["ERROR the mediator's store failed", { "left out": 19 }]
        ]
      )
    }).pipe(Effect.provide(Layer.provide(Layer.provideMerge(layerLog, mediatorWith({}, { store: broken })), layer)))
  })

  it.effect(
    "says of which group the store knows nothing, and does not flood the log when it fails again and again",
    () => {
      const { layer, lines } = logged()
      const broken = Layer.effect(
        MediatorStore,
        Effect.map(MediatorStore, (store) => ({
          ...store,
          load: () => Effect.fail(new MediatorStoreError({ operation: "load", detail: "disk gone" }))
        }))
      ).pipe(Layer.provide(MediatorStore.layerMemory))
      return Effect.gen(function* () {
        for (let n = 0; n < 50; n++) yield* (yield* open()).until("Closed")
        yield* TestClock.adjust("1 second")
        yield* (yield* open()).until("Closed")
        assert.deepStrictEqual(
          lines.map(({ annotations, text }) => [text, annotations]),
          [
            ["ERROR a connection could not be opened", { group: hex.slice(0, 8) }],
            ["ERROR a connection could not be opened", { group: hex.slice(0, 8), "left out": 49 }]
          ]
        )
      }).pipe(Effect.provide(Layer.provide(mediatorWith({}, { store: broken }), layer)))
    }
  )
})

describe("an observer that throws", () => {
  it.effect("costs nobody anything but a line in the log, once a second", () => {
    const { layer, lines } = logged()
    return Effect.gen(function* () {
      const mediator = yield* Mediator
      const told: Array<string> = []
      yield* mediator.observe(() => {
        throw new Error("the exporter is broken")
      })
      yield* mediator.observe(({ _tag }) => void told.push(_tag))
      const [a, b] = [yield* join(1), yield* join(2)]
      yield* a.send(begin(1), reflect(1), commit)
      yield* b.until("Reflected")
      yield* a.close(1000)
      yield* b.close(1000)
      assert.deepStrictEqual(
        told.filter((tag) => tag !== "Decided"),
        ["Opened", "Registered", "Opened", "Registered", "Ended", "Ended"]
      )
      yield* TestClock.adjust("1 second")
      yield* Effect.scoped(open())
      const [first, second] = lines
      assert.lengthOf(lines, 2)
      assert.strictEqual(first?.text, "ERROR an observer of the mediator failed")
      assert.deepStrictEqual(second?.annotations, { "left out": told.length - 3 })
    }).pipe(Effect.scoped, Effect.provide(Layer.provide(Mediator.layerTest, layer)))
  })
})

interface Ended {
  readonly name: string
  readonly parent: string | undefined
  readonly attributes: Readonly<Record<string, unknown>>
  readonly seconds: number
}

/** A tracer that keeps the spans that ended. */
const keepingTracer = () => {
  const ended: Array<Ended> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const { end } = span
      span.end = (endTime, exit) => {
        end.call(span, endTime, exit)
        ended.push({
          name: span.name,
          parent: span.parent._tag === "Some" ? span.parent.value.spanId : undefined,
          attributes: Object.fromEntries(span.attributes),
          seconds: Number(endTime - span.startTime) / 1e9
        })
      }
      return span
    }
  })
  return { ended, layer: Layer.succeed(Tracer.Tracer)(tracer) }
}

describe("layerSpans", () => {
  it.effect("makes a span of a connection, with its handshake and its session", () => {
    const { ended, layer } = keepingTracer()
    return Effect.gen(function* () {
      const a = yield* open()
      yield* TestClock.adjust("2 seconds")
      yield* a.register(1)
      yield* TestClock.adjust("5 seconds")
      yield* a.close(1000)
      yield* Effect.scoped(open())
      assert.deepStrictEqual(
        ended.map(({ name, parent, seconds }) => [name, parent !== undefined, seconds]),
        [
          ["d2m.handshake", true, 2],
          ["d2m.session", true, 5],
          ["d2m.connection", false, 7],
          ["d2m.handshake", true, 0],
          ["d2m.connection", false, 0]
        ]
      )
      assert.strictEqual(ended[0]!.parent, ended[1]!.parent)
      assert.deepStrictEqual(ended[1]!.attributes, { "d2m.slot": "new", "d2m.queued": 0 })
      assert.deepInclude(ended[2]!.attributes, {
        "d2m.group": hex.slice(0, 8),
        "d2m.device": "0000000000000001",
        "d2m.close.code": 1000,
        "d2m.close.by": "peer",
        "d2m.frames.in": 1,
        "d2m.frames.out": 4
      })
      assert.notProperty(ended[4]!.attributes, "d2m.device")
    }).pipe(Effect.provide(Layer.provide(watched(layerSpans), layer)))
  })

  it.effect("ends the spans of connections that it does not see the end of", () => {
    const { ended, layer } = keepingTracer()
    return Effect.gen(function* () {
      const mediator = yield* Layer.build(Mediator.layerTest)
      const scope = yield* Scope.make()
      yield* Layer.buildWithScope(Layer.provide(layerSpans, [Layer.succeedContext(mediator), layer]), scope)
      yield* Effect.provideContext(Effect.andThen(join(1), open()), mediator)
      yield* TestClock.adjust("3 seconds")
      const [handshake] = ended.splice(0)
      assert.strictEqual(handshake?.name, "d2m.handshake")
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(
        ended.map(({ name, parent, seconds }) => [name, parent !== undefined, seconds]),
        [
          ["d2m.session", true, 3],
          ["d2m.connection", false, 3],
          ["d2m.handshake", true, 3],
          ["d2m.connection", false, 3]
        ]
      )
      assert.deepInclude(ended[1]?.attributes, { "d2m.device": "0000000000000001", "d2m.frames.in": 1 })
      assert.notProperty(ended[1]?.attributes, "d2m.close.code")
    }).pipe(Effect.scoped)
  })

  it.effect("observes nobody without a tracer", () => {
    let observers = 0
    const counting = Layer.effect(
      Mediator,
      Effect.map(Mediator, (mediator) =>
        Mediator.of({ ...mediator, observe: (observer) => (observers++, mediator.observe(observer)) })
      )
    ).pipe(Layer.provide(Mediator.layerTest))
    return Effect.gen(function* () {
      yield* Layer.build(Layer.provide(layerSpans, counting))
      assert.strictEqual(observers, 0)
      yield* Layer.build(Layer.provide(layerSpans, [counting, keepingTracer().layer]))
      assert.strictEqual(observers, 1)
    })
  })
})

describe("layerGuardWatch", () => {
  it.effect("makes one line of a flood, and counts it by reason, without addresses", () => {
    const { layer, lines } = logged()
    return Effect.gen(function* () {
      const report = yield* GuardEvents
      for (let n = 0; n < 5_000; n++) {
        report({ _tag: "Refused", reason: "TooManyFromAddress", address: `192.0.2.${n & 255}` })
      }
      report({ _tag: "HandshakeFailed", code: 4010, address: "192.0.2.1" })
      report({ _tag: "Cut", reason: "PingFlood", address: "192.0.2.1" })
      yield* TestClock.adjust("9 seconds")
      assert.lengthOf(lines, 0)
      yield* TestClock.adjust("1 second")
      // Quiet intervals have no line.
      yield* TestClock.adjust("1 minute")
      report({ _tag: "Refused", reason: "BadRequest", address: "192.0.2.1" })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(
        lines.map(({ annotations, text }) => [text, annotations]),
        [
          [
            "WARN guards at work",
            { "Refused:TooManyFromAddress": 5_000, "HandshakeFailed:4010": 1, "Cut:PingFlood": 1 }
          ],
          ["WARN guards at work", { "Refused:BadRequest": 1 }]
        ]
      )
      const text = yield* PrometheusMetrics.format()
      const { value } = parsePrometheus(text)
      assert.strictEqual(value("d2m_connections_refused_total", { reason: "too_many_from_address" }), 5_000)
      assert.strictEqual(value("d2m_connections_refused_total", { reason: "tls_failed" }), 0)
      assert.strictEqual(value("d2m_handshakes_failed_total", { code: "4010" }), 1)
      assert.strictEqual(value("d2m_handshakes_failed_total", { code: "other" }), 0)
      assert.strictEqual(value("d2m_connections_cut_total", { reason: "ping_flood" }), 1)
      assert.notInclude(text, "192.0.2")
    }).pipe(
      Effect.provide(Layer.provide(layerGuardWatch(), layer)),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  })

  it.effect("tells what it has not told yet when it ends", () => {
    const { layer, lines } = logged()
    return Effect.gen(function* () {
      yield* Effect.map(GuardEvents, (report) => report({ _tag: "Refused", reason: "TooSlow", address: "" })).pipe(
        Effect.provide(Layer.provide(layerGuardWatch({ interval: "1 hour" }), layer))
      )
      assert.deepStrictEqual(
        lines.map(({ annotations }) => annotations),
        [{ "Refused:TooSlow": 1 }]
      )
    })
  })
})
