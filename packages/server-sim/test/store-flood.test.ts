/** A served mediator whose store is behind, and many who write: what is on its way stays bounded, and nothing gets lost. */
import { assert, describe, it } from "@effect/vitest"
import { Crypto, DeviceGroupKey, encodeClientFrame, mediatorUrl } from "@d2m/codec"
import { makeMemoryStore, Mediator, MediatorStore } from "@d2m/server-sim"
import { ListenAddress } from "@d2m/server-sim/node"
import { Effect, Latch, Layer, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { hello, reflect } from "./drive.ts"
import { parsePrometheus } from "./prometheus-text.ts"
import { loopback, served } from "./served-mediator.ts"
import { dial, type WireClient } from "./wire-client.ts"

const storeHighWater = 256 * 1024

/** What one read of a socket brings at most, with what is left of the message before. */
const oneRead = 64 * 1024 + 8 * 1024

const value = (name: string) => Effect.map(PrometheusMetrics.format(), (text) => parsePrometheus(text).value(name))

/** A store in memory that writes when it is told, and counts the messages that it has written, group by group. */
const slowStore = () => {
  const memory = makeMemoryStore()
  const gate = Latch.makeUnsafe(true)
  const written = new Map<string, number>()
  const layer = Layer.succeed(MediatorStore, {
    ...memory,
    apply: (persists) =>
      gate.await.pipe(
        Effect.andThen(memory.apply(persists)),
        Effect.tap(() =>
          Effect.sync(() => {
            for (const { commands, groupKey } of persists) {
              const appends = commands.filter(({ _tag }) => _tag === "Append").length
              written.set(groupKey, (written.get(groupKey) ?? 0) + appends)
            }
          })
        )
      )
  })
  return { layer, gate, written }
}

/** A device of the group with this number. */
const join = Effect.fnUntraced(function* (group: number, device: number, expectedDeviceSlotState = 0) {
  const crypto = yield* Crypto
  const keys = crypto.deriveKeys(DeviceGroupKey.make(new Uint8Array(32).fill(group)))
  const { url } = yield* ListenAddress
  const client = yield* dial(mediatorUrl(url, { deviceGroupId: keys.groupId, serverGroup: "7a" }))
  const serverHello = yield* client.until("ServerHello")
  const response = yield* Effect.fromResult(crypto.answerChallenge(keys, serverHello, new Uint8Array(24)))
  client.send(hello(device, { response, expectedDeviceSlotState }))
  const { reflectionQueueLength } = yield* client.until("ServerInfo")
  return { client, queued: reflectionQueueLength, groupKey: Buffer.from(keys.groupId).toString("hex") }
})

const roundTrip = ({ send, until }: WireClient) =>
  Effect.andThen(
    Effect.sync(() => send({ _tag: "GetDevicesInfo" })),
    until("DevicesInfo")
  )

describe("a flood while the store writes nothing", { timeout: 60_000 }, () => {
  const groups = Array.from({ length: 24 }, (_, index) => index + 1)
  const envelope = new Uint8Array(8_000)
  /** More than the buffers of a socket hold: the rest stays with the client. */
  const messages = (group: number) => (group === 1 ? 2_000 : 100)
  const sent =
    groups.reduce((sum, group) => sum + messages(group), 0) * encodeClientFrame(reflect(1, { envelope })).length
  const limit = storeHighWater + groups.length * oneRead

  it.live("keeps what is on its way within bounds, holds up the sockets, and loses nothing that it acks", () => {
    const { gate, layer, written } = slowStore()
    return Effect.gen(function* () {
      yield* (yield* Mediator).reportMetrics
      const writers = yield* Effect.forEach(groups, (group) =>
        Effect.andThen(Effect.scoped(join(group, 2)), join(group, 1))
      )
      const idle = (yield* join(99, 1)).client
      const before = yield* value("d2m_received_bytes_total")
      gate.closeUnsafe()
      for (const [index, { client }] of writers.entries()) {
        for (let n = 1; n <= messages(groups[index]!); n++) client.send(reflect(n, { envelope }))
      }

      const received = Effect.map(value("d2m_received_bytes_total"), (bytes) => bytes - before)
      const isHeld = Effect.gen(function* () {
        yield* roundTrip(idle)
        return (yield* value("d2m_connections_paused")) === groups.length || (yield* received) > limit
      })
      yield* Effect.repeat(isHeld, { until: (held) => held })
      // Whoever waits for nothing that is written is answered all the same, and meanwhile no more is read.
      for (let n = 0; n < 20; n++) yield* roundTrip(idle)
      assert.isBelow(yield* received, limit)
      assert.isAbove(sent, 4 * limit)
      assert.isBelow(yield* value("d2m_store_backlog_bytes"), limit)
      assert.isAbove(yield* value("d2m_store_backlog_bytes"), storeHighWater / 2)
      assert.isAbove(writers[0]!.client.ws.bufferedAmount, 0)

      const readsAcks = ({ client, groupKey }: (typeof writers)[number], count: number) =>
        Effect.gen(function* () {
          for (let n = 1; n <= count; n++) {
            assert.strictEqual((yield* client.until("ReflectAck")).reflectId, n)
            assert.isAtLeast(written.get(groupKey) ?? 0, n)
          }
        })
      const most = { backlog: 0 }
      const watching = Effect.forever(
        Effect.flatMap(Effect.andThen(roundTrip(idle), value("d2m_store_backlog_bytes")), (backlog) =>
          Effect.sync(() => (most.backlog = Math.max(most.backlog, backlog)))
        )
      )
      gate.openUnsafe()
      yield* Effect.forEach(writers, (writer, index) => readsAcks(writer, messages(groups[index]!)), {
        concurrency: "unbounded",
        discard: true
      }).pipe(Effect.raceFirst(watching))
      assert.isBelow(most.backlog, limit)
      assert.strictEqual(yield* value("d2m_connections_paused"), 0)
      for (const group of groups) assert.strictEqual((yield* join(group, 2, 1)).queued, messages(group))
    }).pipe(
      Effect.ensuring(gate.open),
      Effect.scoped,
      Effect.provide(
        served(
          { storeHighWater, idleTimeout: 3_600_000 },
          { ...loopback, guards: { maxConnectionsPerAddress: 1_000, failedHandshakes: 1_000 } },
          undefined,
          layer
        )
      ),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  })
})
