import { assert, describe, it } from "@effect/vitest"
import { Box, encodeClientFrame, encodeServerFrame } from "@d2m/codec"
import {
  type Happening,
  makeMemoryStore,
  Mediator,
  type MediatorOptions,
  MediatorStore,
  MediatorStoreError
} from "@d2m/server-sim"
import { Effect, Exit, Latch, Layer, Metric, Scope } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { TestClock } from "effect/testing"
import { ack, begin, bytes, commit, ephemeral, id, reflect } from "./drive.ts"
import { fragileStore } from "./fragile-store.ts"
import { join, keys, mediatorWith, open } from "./memory-device.ts"
import { parsePrometheus } from "./prometheus-text.ts"

const scrape = Effect.map(PrometheusMetrics.format(), parsePrometheus)

/** Reports the mediator's metrics in a registry of its own. */
const measured = <A, E>(
  program: Effect.Effect<A, E, Mediator | Scope.Scope>,
  store = MediatorStore.layerMemory,
  options: Partial<MediatorOptions> = {}
) =>
  Effect.gen(function* () {
    yield* (yield* Mediator).reportMetrics
    return yield* program
  }).pipe(
    Effect.provide(mediatorWith({ strict: false, ...options }, { store })),
    Effect.provideService(Metric.MetricRegistry, new Map())
  )

/** A memory store that waits, and fails when told. */
const slowStore = () => {
  const memory = makeMemoryStore()
  const gate = Latch.makeUnsafe(true)
  let isBroken = false
  const layer = Layer.succeed(MediatorStore, {
    ...memory,
    apply: (persists) =>
      Effect.andThen(
        gate.await,
        Effect.suspend(() =>
          isBroken ? new MediatorStoreError({ operation: "apply", detail: "disk full" }) : memory.apply(persists)
        )
      )
  })
  return { gate, layer, break: () => void (isBroken = true) }
}

/** How many whole thousands something adds to a metric. */
const thousandsIn =
  (name: string) =>
  <A, E, R>(act: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const before = (yield* scrape).value(name)
      yield* act
      return Math.floor(((yield* scrape).value(name) - before) / 1000)
    })

describe("a mediator's metrics", () => {
  it.effect("count frames by type, in both directions, and their bytes", () =>
    measured(
      Effect.gen(function* () {
        const [a, b] = [yield* join(1), yield* join(2)]
        yield* a.until("RolePromotedToLeader")
        const before = yield* scrape
        const frames = [reflect(1, { envelope: new Uint8Array(500) }), reflect(2), ephemeral(3)] as const
        yield* a.send(...frames, { _tag: "Unknown", type: 0x7f, payload: bytes(1, 2) })
        const got = [...(yield* a.rest), ...(yield* b.rest)]
        yield* b.send(ack(1))
        const after = yield* scrape
        const grown = (name: string, labels?: Readonly<Record<string, string>>) =>
          after.value(name, labels) - before.value(name, labels)
        assert.strictEqual(grown("d2m_frames_received_total", { type: "reflect" }), 3)
        assert.strictEqual(grown("d2m_frames_received_total", { type: "reflected_ack" }), 1)
        assert.strictEqual(grown("d2m_frames_received_total", { type: "unknown" }), 1)
        assert.strictEqual(grown("d2m_frames_received_total", { type: "client_hello" }), 0)
        assert.strictEqual(after.value("d2m_frames_received_total", { type: "client_hello" }), 2)
        assert.strictEqual(grown("d2m_frames_sent_total", { type: "reflect_ack" }), 2)
        assert.strictEqual(grown("d2m_frames_sent_total", { type: "reflected" }), 3)
        const sizes = (frames: ReadonlyArray<Uint8Array>) => frames.reduce((sum, frame) => sum + frame.length, 0)
        assert.strictEqual(grown("d2m_received_bytes_total"), sizes([...frames, ack(1)].map(encodeClientFrame)) + 4 + 2)
        assert.strictEqual(
          grown("d2m_sent_bytes_total"),
          sizes(got.map((event) => encodeServerFrame(event as Parameters<typeof encodeServerFrame>[0])))
        )
        assert.strictEqual(after.value("d2m_ack_seconds_count"), 2)
      })
    )
  )

  it.effect("tell what there is at the moment: connections, groups, queues", () =>
    measured(
      Effect.gen(function* () {
        const a = yield* join(1)
        yield* Effect.scoped(join(2))
        yield* Effect.scoped(join(3))
        yield* open()
        yield* a.send(reflect(1, { envelope: new Uint8Array(300) }), reflect(2, { envelope: new Uint8Array(40) }))
        // One of the absent two comes back and acks one message.
        const back = yield* open()
        yield* back.register(2, 1)
        yield* back.send(ack(1))
        yield* a.send(begin(1), reflect(3, { envelope: new Uint8Array(700) }))
        yield* a.rest
        const now = yield* scrape
        const gauges = Object.fromEntries(
          [
            "connections",
            "sessions",
            "groups",
            "slots",
            "transactions",
            "transaction_bytes",
            "queue_messages",
            "queue_messages_max",
            "queue_bytes",
            "queue_bytes_max",
            "store_backlog_bytes",
            "connections_paused"
          ].map((name) => [name, now.value(`d2m_${name}`)])
        )
        assert.deepStrictEqual(gauges, {
          connections: 3,
          sessions: 2,
          groups: 1,
          slots: 3,
          transactions: 1,
          // The envelope, the scope, and 128 for the message and the transaction.
          transaction_bytes: 700 + 1 + 2 * 128,
          queue_messages: 3,
          queue_messages_max: 2,
          queue_bytes: 380,
          queue_bytes_max: 340,
          store_backlog_bytes: 0,
          connections_paused: 0
        })
        assert.strictEqual(now.value("d2m_connections_opened_total"), 5)
        assert.strictEqual(now.value("d2m_registrations_total", { slot: "new" }), 3)
        assert.strictEqual(now.value("d2m_registrations_total", { slot: "known" }), 1)
      })
    )
  )

  it.effect("tell what waits for clients with all its bytes, whatever frames it is in", () => {
    const { gate, layer } = slowStore()
    return measured(
      Effect.gen(function* () {
        const [a, b] = [yield* join(1), yield* join(2)]
        const blob = (size: number) => new Uint8Array(size)
        yield* a.send({ _tag: "SetSharedDeviceData", encryptedSharedDeviceData: Box.make("dgsddk", blob(10_000)) })
        yield* a.send({ _tag: "BeginTransaction", encryptedScope: Box.make("dgtsk", blob(20_000)), ttl: 0 })
        yield* a.rest
        yield* b.rest
        gate.closeUnsafe()
        const c = yield* open()
        const grown = thousandsIn("d2m_outgoing_bytes")
        const registers = c.register(3, 0, { encryptedDeviceInfo: Box.make("dgdik", blob(5_000)) })
        // ServerInfo has the shared data.
        assert.strictEqual(yield* grown(Effect.forkChild(registers, { startImmediately: true })), 10)
        // A message for two. What follows waits behind it.
        assert.strictEqual(yield* grown(b.send(reflect(1, { envelope: blob(40_000) }))), 80)
        // TransactionRejected has the holder's scope, and DevicesInfo the infos.
        assert.strictEqual(yield* grown(b.send(begin(1))), 20)
        assert.strictEqual(yield* grown(b.send({ _tag: "GetDevicesInfo" })), 5)
        // TransactionEnded has it too, for both others.
        assert.strictEqual(yield* grown(a.send(commit)), 40)
        gate.openUnsafe()
        yield* b.until("TransactionEnded")
        yield* c.until("TransactionEnded")
        assert.strictEqual((yield* scrape).value("d2m_outgoing_bytes"), 0)
      }).pipe(Effect.ensuring(gate.open)),
      layer
    )
  })

  it.effect("tell what waits for the store with all its bytes, whatever is written", () => {
    const { gate, layer } = slowStore()
    return measured(
      Effect.gen(function* () {
        const [a, c] = [yield* join(1), yield* open()]
        const blob = (size: number) => new Uint8Array(size)
        const grown = thousandsIn("d2m_store_backlog_bytes")
        gate.closeUnsafe()
        const data = {
          _tag: "SetSharedDeviceData",
          encryptedSharedDeviceData: Box.make("dgsddk", blob(20_000))
        } as const
        assert.strictEqual(yield* grown(a.send(data)), 20)
        const registers = c.register(3, 0, { encryptedDeviceInfo: Box.make("dgdik", blob(30_000)) })
        assert.strictEqual(yield* grown(Effect.forkChild(registers, { startImmediately: true })), 30)
        assert.strictEqual(yield* grown(a.send(reflect(1, { envelope: blob(40_000) }))), 40)
        gate.openUnsafe()
        yield* a.until("ReflectAck")
        assert.strictEqual((yield* scrape).value("d2m_store_backlog_bytes"), 0)
      }).pipe(Effect.ensuring(gate.open)),
      layer
    )
  })

  it.effect("tell of the groups in memory alone, and say so: after a restart, queues show once somebody connects", () =>
    Effect.gen(function* () {
      const memory = makeMemoryStore()
      const store = Layer.succeed(MediatorStore, memory)
      yield* measured(
        Effect.gen(function* () {
          const a = yield* join(1)
          yield* Effect.scoped(join(2))
          yield* a.send(reflect(1), reflect(2))
          assert.strictEqual((yield* scrape).value("d2m_queue_messages"), 2)
        }),
        store
      )
      yield* measured(
        Effect.gen(function* () {
          const { families, value } = yield* scrape
          const told = ["groups", "slots", ...["messages", "bytes"].flatMap((of) => [`queue_${of}`, `queue_${of}_max`])]
          for (const name of told) {
            assert.strictEqual(value(`d2m_${name}`), 0)
            assert.match(families.get(`d2m_${name}`)?.help ?? "", /groups in memory/)
          }
          yield* join(1, {}, 1)
          assert.strictEqual((yield* scrape).value("d2m_queue_messages"), 2)
        }),
        store
      )
    })
  )

  it.effect("count how connections, transactions and slots end", () =>
    measured(
      Effect.gen(function* () {
        const [a, b] = [yield* join(1), yield* join(2)]
        yield* a.send(begin(1), reflect(1), commit)
        yield* a.send(begin(2))
        yield* b.send(begin(3))
        yield* a.close(4321)
        yield* a.rest
        yield* b.send(begin(4, 1))
        yield* b.rest
        yield* TestClock.adjust("1 second")
        yield* (yield* join(3)).send({ _tag: "DropDevice", deviceId: id(1) })
        const c = yield* open()
        yield* c.send(reflect(1))
        yield* c.until("Closed")
        yield* Effect.scoped(open())
        const now = yield* scrape
        assert.strictEqual(now.value("d2m_transactions_begun_total"), 3)
        assert.strictEqual(now.value("d2m_transactions_committed_total"), 1)
        assert.strictEqual(now.value("d2m_transactions_rejected_total"), 1)
        assert.strictEqual(now.value("d2m_transactions_discarded_total", { reason: "disconnected" }), 1)
        assert.strictEqual(now.value("d2m_transactions_discarded_total", { reason: "ttl_reached" }), 1)
        assert.strictEqual(now.value("d2m_slots_freed_total", { reason: "dropped_by_device" }), 1)
        const closed = (by: string, code: string) => now.value("d2m_connections_closed_total", { by, code })
        assert.strictEqual(closed("peer", "other"), 1)
        assert.strictEqual(closed("peer", "1000"), 1)
        assert.strictEqual(closed("mediator", "4011"), 1)
        assert.strictEqual(closed("mediator", "4010"), 1)
        assert.strictEqual(closed("mediator", "other"), 0)
      })
    )
  )

  it.effect("count what has no type of its own", () =>
    measured(
      Effect.gen(function* () {
        for (const message of ["text", bytes()]) {
          const a = yield* open()
          const writer = yield* a.link.socket.writer
          yield* writer.write(message)
          yield* a.until("Closed")
        }
        const now = yield* scrape
        const received = (type: string) => now.value("d2m_frames_received_total", { type })
        assert.deepStrictEqual([received("text"), received("unknown"), received("proxy")], [1, 1, 0])
      })
    )
  )

  it.effect("count what the devices of a group take from each other", () => {
    const store = fragileStore()
    return measured(
      Effect.gen(function* () {
        const a = yield* join(1)
        yield* Effect.scoped(join(2))
        yield* a.send(reflect(1))
        // Device 2 is not given its queue, and what else is for it has to wait.
        store.readGate.closeUnsafe()
        yield* (yield* open()).register(2, 1)
        yield* a.send(ephemeral(1), ephemeral(2), ephemeral(3))
        yield* (yield* open()).register(1, 1)
        yield* (yield* open()).register(3, 0, { deviceSlotsExhaustedPolicy: 1 })
        const now = yield* scrape
        assert.strictEqual(now.value("d2m_ephemerals_dropped_total"), 2)
        assert.strictEqual(now.value("d2m_connections_replaced_total"), 1)
        assert.strictEqual(now.value("d2m_slots_freed_total", { reason: "least_recent" }), 1)
        assert.strictEqual(now.value("d2m_slots_freed_total", { reason: "queue_limit" }), 0)
      }).pipe(Effect.ensuring(store.readGate.open)),
      store.layer,
      { ephemeralMessages: 1, maxDeviceSlots: 2 }
    )
  })

  it.effect("tell of whom nothing is read as the store lags behind, and what waits for the slowest", () => {
    const { gate, layer } = slowStore()
    return measured(
      Effect.gen(function* () {
        const [a, b] = [yield* join(1), yield* join(2)]
        yield* a.rest
        gate.closeUnsafe()
        yield* a.send(reflect(1, { envelope: new Uint8Array(5_000) }))
        yield* b.rest
        const now = yield* scrape
        assert.strictEqual(now.value("d2m_connections_paused"), 1)
        const [most, all] = [now.value("d2m_outgoing_bytes_max"), now.value("d2m_outgoing_bytes")]
        assert.isAtLeast(most, 5_000)
        // The sender waits for its ack.
        assert.isBelow(most, all)
      }).pipe(Effect.ensuring(gate.open)),
      layer,
      { storeHighWater: 4_000 }
    )
  })

  it.effect("measure how long acks and the store take, also when one waits for the other", () => {
    const { gate, layer } = slowStore()
    return measured(
      Effect.gen(function* () {
        const a = yield* join(1)
        yield* join(2)
        yield* a.until("RolePromotedToLeader")
        const before = yield* scrape
        gate.closeUnsafe()
        yield* a.send(reflect(1))
        yield* TestClock.adjust("3 seconds")
        yield* a.send(reflect(2), reflect(3))
        yield* TestClock.adjust("1 second")
        const meanwhile = yield* scrape
        assert.isAbove(meanwhile.value("d2m_store_backlog_bytes"), 0)
        assert.strictEqual(meanwhile.value("d2m_ack_seconds_count"), 0)
        gate.openUnsafe()
        assert.lengthOf(yield* a.rest, 3)
        const now = yield* scrape
        // 4 s for the first, 1 s for the two behind it.
        assert.strictEqual(now.value("d2m_ack_seconds_sum"), 6)
        assert.strictEqual(now.value("d2m_ack_seconds_bucket", { le: "0.5" }), 0)
        assert.strictEqual(now.value("d2m_ack_seconds_bucket", { le: "1" }), 2)
        assert.strictEqual(now.value("d2m_ack_seconds_bucket", { le: "5" }), 3)
        const applies = (quantity: "sum" | "count") =>
          now.value(`d2m_store_seconds_${quantity}`, { operation: "apply" }) -
          before.value(`d2m_store_seconds_${quantity}`, { operation: "apply" })
        assert.deepStrictEqual([applies("sum"), applies("count")], [4, 2])
        assert.strictEqual(now.value("d2m_store_seconds_count", { operation: "load" }), 1)
      }),
      layer
    )
  })

  it.effect("count what fails", () => {
    const store = slowStore()
    return measured(
      Effect.gen(function* () {
        const a = yield* join(1)
        yield* join(2)
        store.break()
        yield* a.send(reflect(1))
        yield* a.until("Closed")
        const now = yield* scrape
        assert.strictEqual(now.value("d2m_store_failures_total", { operation: "apply" }), 1)
        assert.strictEqual(now.value("d2m_groups_failed_total"), 1)
        assert.strictEqual(now.value("d2m_connections_closed_total", { by: "mediator", code: "1011" }), 2)
        // What was never acked took no time.
        assert.strictEqual(now.value("d2m_ack_seconds_count"), 0)
      }),
      store.layer
    )
  })

  it.effect("have names, types and help as Prometheus wants them, and as many series at rest as under load", () =>
    measured(
      Effect.gen(function* () {
        const rest = yield* scrape
        const a = yield* join(1)
        yield* join(2)
        for (let type = 0xa0; type < 0xc0; type++) yield* a.send({ _tag: "Unknown", type, payload: bytes() })
        for (let code = 4400; code < 4420; code++) yield* (yield* open()).close(code)
        const busy = yield* scrape
        for (const [name, { help, type }] of busy.families) {
          assert.match(name, /^d2m_[a-z_]+$/)
          assert.strictEqual(
            type,
            name.endsWith("_total") ? "counter" : name.endsWith("_seconds") ? "histogram" : "gauge"
          )
          assert.isAbove(help.length, 10)
        }
        const keys = ({ families }: typeof busy) => [...families.values()].flatMap(({ samples }) => [...samples.keys()])
        assert.deepStrictEqual(keys(busy), keys(rest))
      })
    )
  )

  it.effect("end with their scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Scope.provide((yield* Mediator).reportMetrics, scope)
      assert.isNotEmpty(yield* Metric.snapshot)
      yield* Scope.close(scope, Exit.void)
      assert.isEmpty(yield* Metric.snapshot)
    }).pipe(Effect.provide(Mediator.layerTest), Effect.provideService(Metric.MetricRegistry, new Map()))
  )
})

describe("an observer of a mediator", () => {
  it.effect("is told the life of each connection with its traffic, until it stops listening", () =>
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const told: Array<Happening> = []
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* mediator.observe((happening) => told.push(happening))
          const a = yield* join(1)
          yield* a.send(reflect(1, { envelope: new Uint8Array(100) }))
          yield* a.until("ReflectAck")
          yield* mediator.close({ groupId: keys.groupId, deviceId: id(1) }, 4113, "dropped")
          yield* a.until("Closed")
        })
      )
      const count = told.length
      yield* join(2)
      assert.lengthOf(told, count)
      assert.deepStrictEqual(
        told.map(({ _tag, ...rest }) =>
          _tag === "Decided" ? (rest as { decision: { _tag: string } }).decision._tag : _tag
        ),
        ["Opened", "Registered", "BecameDry", "BecameLeader", "Ended"]
      )
      const ended = told.at(-1)
      assert(ended?._tag === "Ended")
      assert.deepInclude(ended, { by: "Mediator", code: 4113, reason: "dropped" })
      assert.strictEqual(ended.connection.deviceId, id(1))
      // ServerHello, ServerInfo, ReflectionQueueDry, RolePromotedToLeader, ReflectAck.
      assert.deepInclude(ended.connection.traffic, { framesIn: 2, framesOut: 5 })
      assert.isAbove(ended.connection.traffic.bytesIn, 100)
    }).pipe(Effect.provide(Mediator.layerTest))
  )
})
