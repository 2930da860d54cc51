// What devices count: read as whatever exports Effect's registry reads it.
import { D2d } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Metric, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { HandlerError, layerMetrics, Transaction } from "../src/index.ts"
import { ackOf, connect, makeWorld, other, reflected, settle, text } from "./scripted-peer.ts"

const scope = D2d.TransactionScopeScope.CONTACT_SYNC
const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkScoped(effect, { startImmediately: true })

/** In a registry of its own. */
const measured = <A, E>(program: Effect.Effect<A, E, Scope.Scope>) =>
  program.pipe(Effect.scoped, Effect.provide(layerMetrics), Effect.provideService(Metric.MetricRegistry, new Map()))

type Reading = number | { readonly count: number; readonly sum: number }

const key = (name: string, labels: Readonly<Record<string, string>> = {}) =>
  `${name} ${Object.values(labels).join(" ")}`.trim()

/** What stands at 0 is left out. */
const read = Effect.map(Metric.snapshot, (snapshots) => {
  const readings: Record<string, Reading> = {}
  for (const snapshot of snapshots) {
    const name = key(snapshot.id.replace("d2m_client_", ""), snapshot.attributes)
    if (snapshot.type === "Counter") readings[name] = Number(snapshot.state.count)
    if (snapshot.type === "Gauge") readings[name] = Number(snapshot.state.value)
    if (snapshot.type === "Histogram") readings[name] = { count: snapshot.state.count, sum: snapshot.state.sum }
    if (readings[name] === 0 || (snapshot.type === "Histogram" && snapshot.state.count === 0)) delete readings[name]
  }
  return readings
})

const of = (readings: Readonly<Record<string, Reading>>, ...prefixes: ReadonlyArray<string>) =>
  Object.fromEntries(Object.entries(readings).filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix))))

describe("a device's metrics", () => {
  it.effect("count connections by their ends and close codes, and how long each step took", () =>
    measured(
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const first = yield* world.mediator.accept
        yield* TestClock.adjust("250 millis")
        yield* first.close(4013)
        yield* settle
        assert.deepInclude(yield* read, { "devices waiting": 1, "connections_closed_total 4013": 1 })
        yield* TestClock.adjust("3 seconds")
        const second = yield* connect(world)
        yield* second.close(4999)
        yield* TestClock.adjust("10 seconds")
        const third = yield* connect(world)
        assert.deepInclude(yield* read, { "devices live": 1 })
        yield* third.close(4113)
        yield* settle
        const readings = yield* read
        assert.deepStrictEqual(of(readings, "connections", "sessions", "user_needed", "devices"), {
          "devices needs_user": 1,
          connections_dialled_total: 3,
          connections_opened_total: 3,
          sessions_begun_total: 2,
          "connections_ended_total closed": 3,
          "connections_closed_total 4013": 1,
          "connections_closed_total other": 1,
          "connections_closed_total 4113": 1,
          "user_needed_total dropped": 1
        })
        assert.deepInclude(readings["open_seconds"], { count: 3 })
        assert.deepInclude(readings["handshake_seconds"], { count: 2 })
        const waited = readings["reconnect_wait_seconds"] as { readonly count: number; readonly sum: number }
        assert.strictEqual(waited.count, 2)
        assert.isAtLeast(waited.sum, 1.6 + 3.2)
        assert.isAtMost(waited.sum, 2.4 + 4.8)
        yield* world.device.stop
        assert.deepInclude(yield* read, { "devices stopped": 1, "connections_ended_total closed": 3 })
      })
    )
  )

  it.effect("count reflects by kind, the time to their acks, and what waits", () =>
    measured(
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const early = yield* fork(world.device.reflect(text("early")))
        assert.deepInclude(yield* read, { pending_reflects: 1, "devices connecting": 1 })
        assert.isAbove((yield* read)["pending_bytes"] as number, 64)
        const peer = yield* connect(world)
        const lost = yield* peer.expect("Reflect")
        yield* peer.close(1001)
        yield* TestClock.adjust("3 seconds")
        const next = yield* connect(world)
        const again = yield* next.expect("Reflect")
        assert.notStrictEqual(again.reflectId, lost.reflectId)
        yield* world.device.reflectEphemeral(text("typing"))
        yield* TestClock.adjust("500 millis")
        yield* next.send(ackOf(again))
        yield* Fiber.join(early)
        const readings = yield* read
        assert.deepStrictEqual(of(readings, "reflects", "ack", "pending"), {
          "reflects_written_total reflect": 2,
          "reflects_written_total ephemeral": 1,
          "reflects_acked_total reflect": 1,
          ack_seconds: { count: 1, sum: 0.5 }
        })
      })
    )
  )

  it.effect("count what is reflected to it, handled, failed and put aside", () =>
    measured(
      Effect.gen(function* () {
        let failing = true
        const world = yield* makeWorld({
          onReflected: () => (failing ? Effect.fail(new HandlerError({ detail: "a secret detail" })) : Effect.void)
        })
        const peer = yield* connect(world)
        yield* peer.send(
          reflected(1, world.group.envelope(text("a"))),
          reflected(2, world.group.envelope(text("b")), 1),
          reflected(3, new Uint8Array(60))
        )
        yield* settle
        assert.deepInclude(yield* read, { unhandled_messages: 3, handler_failures_total: 1 })
        yield* TestClock.adjust("1 seconds")
        failing = false
        yield* TestClock.adjust("5 seconds")
        const readings = yield* read
        assert.deepStrictEqual(of(readings, "reflected", "unhandled", "handler", "messages"), {
          "reflected_received_total message": 2,
          "reflected_received_total ephemeral": 1,
          reflected_acked_total: 2,
          handler_failures_total: 2,
          "messages_quarantined_total undecryptable": 1
        })
        assert.deepInclude(readings, { "events_total handler_failed": 2, "events_total quarantined": 1 })
      })
    )
  )

  it.effect("count transactions by what became of them, with the wait for the lock", () =>
    measured(
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const body = Effect.flatMap(Transaction, ({ reflect }) => reflect(text("a")))
        const { transaction } = world.device
        const run = yield* fork(transaction({ scope }, body))
        yield* peer.expect("BeginTransaction")
        yield* TestClock.adjust("2 seconds")
        yield* peer.send({ _tag: "BeginTransactionAck" })
        const frame = yield* peer.expect("Reflect")
        yield* TestClock.adjust("1 seconds")
        yield* peer.send(ackOf(frame))
        yield* peer.expect("CommitTransaction")
        yield* peer.send({ _tag: "CommitTransactionAck" })
        yield* Fiber.join(run)

        yield* peer.send({ _tag: "ReflectionQueueDry" })
        yield* Effect.exit(transaction({ scope, precondition: Effect.succeed(false) }, body))
        const given = yield* fork(Effect.exit(transaction({ scope }, transaction({ scope }, body))))
        yield* peer.expect("BeginTransaction")
        yield* peer.send({ _tag: "BeginTransactionAck" })
        yield* peer.expect("CommitTransaction")
        yield* peer.send({ _tag: "CommitTransactionAck" })
        yield* Fiber.join(given)
        const waits = yield* fork(transaction({ scope }, body))
        yield* Fiber.interrupt(waits)
        yield* peer.expect("BeginTransaction")
        yield* peer.send({ _tag: "BeginTransactionAck" })
        yield* peer.expect("CommitTransaction")
        yield* peer.send({ _tag: "CommitTransactionAck" })
        const lost = yield* fork(Effect.exit(transaction({ scope }, Effect.never)))
        yield* peer.expect("BeginTransaction")
        yield* peer.send({ _tag: "BeginTransactionAck" })
        yield* settle
        yield* peer.close(1001)
        yield* Fiber.join(lost)
        yield* world.device.stop
        yield* Effect.exit(transaction({ scope }, body))

        const readings = yield* read
        assert.deepStrictEqual(readings["transaction_seconds committed"], { count: 1, sum: 3 })
        const counts = Object.entries(of(readings, "transaction")).map(([name, reading]) => [
          name.replace("transaction_seconds ", ""),
          (reading as { readonly count: number }).count
        ])
        assert.deepStrictEqual(Object.fromEntries(counts), {
          committed: 1,
          precondition_failed: 1,
          // The one within, and the one around it that fails with the same.
          nested: 2,
          interrupted: 1,
          lost: 1,
          stopped: 1
        })
        assert.deepStrictEqual(readings["lock_wait_seconds"], { count: 3, sum: 2 })
        assert.deepInclude(readings, { "reflects_acked_total transactional": 1 })
      })
    )
  )

  it.effect("are of all devices together, and of those that are there", () =>
    measured(
      Effect.gen(function* () {
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* Effect.flatMap(makeWorld(), connect)
            yield* makeWorld({ deviceId: other })
            assert.deepInclude(yield* read, { "devices live": 1, "devices connecting": 1 })
          })
        )
        const readings = yield* read
        assert.deepStrictEqual(of(readings, "devices", "connections_ended"), { "connections_ended_total stopped": 2 })
      })
    )
  )

  it.effect("begin at 0, have labels of the protocol alone, and end with the layer", () =>
    Effect.gen(function* () {
      const registry: Metric.MetricRegistry = new Map()
      const ids = yield* Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const [first] = yield* Effect.map(Metric.snapshot, (all) =>
          all.filter(({ id }) => id.endsWith("sessions_begun_total"))
        )
        assert.deepInclude(first?.state, { count: 1 })
        yield* peer.close(4321, "a secret reason")
        yield* settle
        const snapshots = yield* Metric.snapshot
        for (const { attributes, id } of snapshots) {
          assert.match(id, /^d2m_client_[a-z_]+$/)
          for (const value of Object.values(attributes ?? {})) assert.match(value, /^([a-z_]+|\d{4})$/)
        }
        return snapshots.map(({ id }) => id)
      }).pipe(Effect.scoped, Effect.provide(layerMetrics), Effect.provideService(Metric.MetricRegistry, registry))
      assert.includeMembers(ids, ["d2m_client_devices", "d2m_client_connections_ended_total"])
      assert.strictEqual(registry.size, 0)
    })
  )

  it.effect("are nothing at all without the layer", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* connect(world)
      assert.deepStrictEqual(yield* Metric.snapshot, [])
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )
})
