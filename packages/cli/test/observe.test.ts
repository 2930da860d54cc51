import { assert, describe, it } from "@effect/vitest"
import { DeviceStore, makeDevice, Transaction } from "@d2m/client"
import { layerNodeWebSocket } from "@d2m/client/node"
import {
  Crypto,
  D2d,
  decodeClientFrame,
  decodeServerFrame,
  DeviceGroupKey,
  DeviceId,
  mediatorUrl,
  Sync
} from "@d2m/codec"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { Effect, Exit, Layer, Queue, Redacted, Result, Scope, Stream } from "effect"
import { parsePrometheus } from "../../server-sim/test/prometheus-text.ts"
import { collector, type Received } from "./collector.ts"
import { relayTo } from "./relay.ts"
import { serve, serveWith } from "./served.ts"
import { readable } from "./traces-of-secrets.ts"

const groupKey = DeviceGroupKey.make(Uint8Array.from({ length: 32 }, (_, index) => (index * 37 + 11) & 0xff))
const label = "a label that nobody may read"
const nickname = "a nickname that nobody may read"

const rename = (identity: string) => ({
  _tag: "contactSync" as const,
  value: D2d.ContactSync.make({
    action: {
      _tag: "update",
      value: D2d.ContactSyncUpdate.make({ contact: Sync.Contact.make({ identity, nickname }) })
    }
  })
})

const device = (id: bigint, address: string, onReflected: (count: number) => void) =>
  Effect.gen(function* () {
    const { groupId } = (yield* Crypto).deriveKeys(groupKey)
    const url = mediatorUrl(address, { deviceGroupId: groupId, serverGroup: "7a" })
    const device = yield* makeDevice({
      deviceId: DeviceId.make(id),
      groupKey,
      identity: "ECHOECHO",
      description: { platform: D2d.DeviceInfoPlatform.DESKTOP, platformDetails: "", appVersion: "", label },
      onReflected: (batch) => Effect.sync(() => onReflected(batch.length))
    }).pipe(Effect.provide([layerNodeWebSocket({ url }), DeviceStore.layerMemory]))
    yield* Stream.runHead(Stream.filter(device.state.changes, ({ _tag }) => _tag === "Live"))
    return device
  })

/** Two devices talk: single messages, and a transaction. Ends when everything has arrived; the leader stays to the end. */
const conversation = (address: string, leader: Scope.Scope) =>
  Effect.gen(function* () {
    const arrived = yield* Queue.unbounded<number>()
    const phone = yield* Scope.provide(
      device(0x0102030405060708n, address, () => {}),
      leader
    )
    yield* device(0x1112131415161718n, address, (count) => Queue.offerUnsafe(arrived, count))
    yield* Effect.forEach(
      Array.from({ length: 20 }, () => rename("ECHOECHO")),
      (content) => phone.reflect(content),
      { concurrency: 4 }
    )
    yield* phone.transaction(
      { scope: D2d.TransactionScopeScope.CONTACT_SYNC },
      Effect.flatMap(Transaction, (transaction) => transaction.reflectAll([rename("ABCDEFGH"), rename("ECHOECHO")]))
    )
    for (let left = 22; left > 0;) left -= yield* Queue.take(arrived)
  })

const json = (received: ReadonlyArray<Received>, path: string) =>
  received.filter((request) => request.path === path).map(({ body }) => JSON.parse(body.toString()))

interface OtlpSpan {
  readonly name: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: Readonly<Record<string, unknown>> }>
}

const spansOf = (received: ReadonlyArray<Received>): ReadonlyArray<OtlpSpan> =>
  json(received, "/v1/traces").flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }: { scopeSpans: ReadonlyArray<{ spans: ReadonlyArray<OtlpSpan> }> }) =>
      scopeSpans.flatMap(({ spans }) => spans)
    )
  )

const attribute = ({ attributes }: OtlpSpan, key: string): unknown =>
  Object.values(attributes.find((entry) => entry.key === key)?.value ?? {})[0]

const labelOf = (tag: string): string => tag.replace(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase()

const countByType = (tags: ReadonlyArray<string>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const tag of tags) counts.set(labelOf(tag), (counts.get(labelOf(tag)) ?? 0) + 1)
  return counts
}

const quick = {
  OTEL_METRIC_EXPORT_INTERVAL: "100",
  OTEL_BSP_SCHEDULE_DELAY: "100",
  OTEL_BLRP_SCHEDULE_DELAY: "100"
}

const crypto = Layer.mergeAll(Crypto.layer, NodeCrypto.layerSecureRandom)

describe("d2m serve, seen by its operator", { timeout: 60_000 }, () => {
  it.live("tells a busy run in metrics, logs and traces, and no secret of it", () =>
    Effect.gen(function* () {
      const otel = yield* collector
      const server = yield* serveWith(
        {
          ...quick,
          OTEL_EXPORTER_OTLP_ENDPOINT: otel.url,
          OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
          OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20t0ken"
        },
        "--admin",
        "0",
        "--log-format",
        "json",
        "--log-level",
        "debug"
      )
      const line = JSON.parse(yield* server.line)
      const admin = (path: string) =>
        Effect.promise(async () => {
          const response = await fetch(line.admin + path)
          return { status: response.status, type: response.headers.get("content-type"), body: await response.text() }
        })
      assert.deepInclude(yield* admin("healthz"), { status: 200, body: "Alive\n" })
      assert.deepInclude(yield* admin("readyz"), { status: 200, body: "Ready\n" })
      assert.strictEqual((yield* admin("elsewhere")).status, 404)

      const relay = yield* relayTo(line.address)
      const [leader, follower] = [yield* Scope.make(), yield* Scope.make()]
      yield* Scope.provide(conversation(relay.address, leader), follower)
      const busy = yield* admin("metrics")
      assert.strictEqual(busy.type, "text/plain; version=0.0.4; charset=utf-8")
      assert.strictEqual(parsePrometheus(busy.body).value("d2m_sessions"), 2)
      const haveEnded = (count: number) =>
        otel.until((received) => spansOf(received).filter(({ name }) => name === "d2m.connection").length === count)
      yield* Scope.close(follower, Exit.void)
      yield* haveEnded(1)
      yield* Scope.close(leader, Exit.void)
      yield* haveEnded(2)

      // The metrics say what the relay saw.
      const { value } = parsePrometheus((yield* admin("metrics")).body)
      const up = countByType(relay.up.map((frame) => Result.getOrThrow(decodeClientFrame(frame))._tag))
      const down = countByType(relay.down.map((frame) => Result.getOrThrow(decodeServerFrame(frame))._tag))
      assert.deepInclude(Object.fromEntries(up), { client_hello: 2, reflect: 22, begin_transaction: 1 })
      for (const [type, count] of up) assert.strictEqual(value("d2m_frames_received_total", { type }), count, type)
      for (const [type, count] of down) assert.strictEqual(value("d2m_frames_sent_total", { type }), count, type)
      const bytes = (frames: ReadonlyArray<Uint8Array>) => frames.reduce((sum, frame) => sum + frame.length, 0)
      assert.strictEqual(value("d2m_received_bytes_total"), bytes(relay.up))
      assert.strictEqual(value("d2m_sent_bytes_total"), bytes(relay.down))
      assert.strictEqual(value("d2m_ack_seconds_count"), 22)
      assert.strictEqual(value("d2m_transactions_committed_total"), 1)
      assert.strictEqual(value("d2m_connections"), 0)
      assert.strictEqual(value("d2m_connections_closed_total", { by: "peer", code: "1000" }), 2)

      // A connection is a span with its handshake and its session in it; a scrape is none.
      const spans = spansOf(otel.received)
      assert.deepStrictEqual(spans.map(({ name }) => name).toSorted(), [
        "d2m.connection",
        "d2m.connection",
        "d2m.handshake",
        "d2m.handshake",
        "d2m.session",
        "d2m.session"
      ])
      const connections = spans.filter(({ name }) => name === "d2m.connection")
      for (const { parentSpanId } of spans.filter(({ name }) => name !== "d2m.connection")) {
        assert.isTrue(connections.some(({ spanId }) => spanId === parentSpanId))
      }
      const sum = (key: string) => connections.reduce((sum, span) => sum + Number(attribute(span, key)), 0)
      assert.strictEqual(sum("d2m.frames.in"), relay.up.length)
      assert.strictEqual(sum("d2m.bytes.out"), bytes(relay.down))
      assert.deepStrictEqual(connections.map((span) => String(attribute(span, "d2m.device"))).toSorted(), [
        "0102030405060708",
        "1112131415161718"
      ])

      yield* otel.until((received) =>
        json(received, "/v1/metrics").some((body) =>
          JSON.stringify(body).includes('"name":"d2m_connections_closed_total"')
        )
      )
      server.child.kill("SIGINT")
      const { stderr } = yield* server.ended
      const lines = stderr
        .trim()
        .split("\n")
        .map((text) => JSON.parse(text))
      const messages = lines.map(({ message }) => message)
      for (const message of ["connection opened", "device registered", "transaction committed", "connection closed"]) {
        assert.include(messages, message)
      }
      const closed = lines.find(({ message }) => message === "connection closed")
      const { groupId, ...keys } = (yield* Crypto).deriveKeys(groupKey)
      assert.strictEqual(closed.annotations.group, Buffer.from(groupId).toString("hex").slice(0, 8))
      assert.deepInclude(closed.annotations, { by: "peer", code: 1000 })
      const exported = json(otel.received, "/v1/logs")
      assert.include(JSON.stringify(exported), "device registered")
      assert.isTrue(otel.received.every(({ authorization }) => authorization === "Bearer t0ken"))

      const everything = [stderr, busy.body, ...otel.received.map(({ body }) => body.toString())].join("\n")
      const derived = Object.values(keys).map((key) => (Redacted.isRedacted(key) ? Redacted.value(key) : key))
      const secrets = [
        Redacted.isRedacted(groupKey) ? Redacted.value(groupKey) : groupKey,
        groupId,
        ...derived,
        ...relay.up,
        ...relay.down
      ].filter((secret): secret is Uint8Array => secret instanceof Uint8Array)
      assert.isAbove(secrets.length, relay.up.length + relay.down.length + 3)
      assert.deepStrictEqual(readable(everything, secrets), [])
      for (const text of [label, nickname, "t0ken"]) assert.notInclude(everything, text)
      // The search finds what is there.
      assert.isNotEmpty(readable(`${everything}${Buffer.from(relay.up[0]!).toString("base64")}`, secrets))
    }).pipe(Effect.scoped, Effect.provide(crypto))
  )

  it.live("sends protobuf unless told, to the URL it was given, and what happens at the very end", () =>
    Effect.gen(function* () {
      const otel = yield* collector
      const server = yield* serveWith({ ...quick, OTEL_METRICS_EXPORTER: "none" }, "--otlp", otel.url)
      const { address } = JSON.parse(yield* server.line)
      yield* device(1n, address, () => {})
      server.child.kill("SIGTERM")
      yield* server.ended
      assert.isTrue(otel.received.every(({ contentType }) => contentType === "application/x-protobuf"))
      const text = (path: string) =>
        Buffer.concat(otel.received.filter((request) => request.path === path).map(({ body }) => body)).toString(
          "latin1"
        )
      assert.include(text("/v1/traces"), "d2m.connection")
      assert.include(text("/v1/traces"), "d2m-mediator")
      assert.include(text("/v1/logs"), "connection closed")
      assert.isFalse(otel.received.some(({ path }) => path === "/v1/metrics"))
    }).pipe(Effect.scoped, Effect.provide(crypto))
  )

  const warnings = (stderr: string): ReadonlyArray<string> =>
    stderr.split("\n").filter((line) => line.includes("level=WARN"))

  it.live("warns once that no collector answers, for metrics, logs and traces", () =>
    Effect.gen(function* () {
      const { url } = yield* Effect.scoped(collector)
      const server = yield* serveWith(quick, "--otlp", url)
      const { address } = JSON.parse(yield* server.line)
      yield* server.logs("level=WARN", `collector=${url} why=ECONNREFUSED`)
      yield* Effect.scoped(device(1n, address, () => {}))
      yield* server.logs("connection closed")
      server.child.kill("SIGINT")
      const { stderr } = yield* server.ended
      assert.lengthOf(warnings(stderr), 1)
    }).pipe(Effect.scoped, Effect.provide(crypto))
  )

  it.live("warns that a collector does not answer in time, and holds no request any longer than that", () =>
    Effect.gen(function* () {
      const otel = yield* collector
      otel.answerWith(undefined)
      const only = { OTEL_LOGS_EXPORTER: "none", OTEL_TRACES_EXPORTER: "none", OTEL_EXPORTER_OTLP_TIMEOUT: "50" }
      const server = yield* serveWith({ ...quick, ...only }, "--otlp", otel.url)
      yield* server.logs("level=WARN", `collector=${otel.url} why=timeout`)
      otel.answerWith(200)
      yield* server.logs("level=INFO", "telemetry reaches its collector again", `collector=${otel.url}`)
      server.child.kill("SIGINT")
      // So little time may be over once more behind that, where the machine is busy.
      const [until] = (yield* server.ended).stderr.split("telemetry reaches its collector again")
      assert.lengthOf(warnings(until!), 1)
    }).pipe(Effect.scoped)
  )

  it.live("refuses a time for its collector that is none", () =>
    Effect.gen(function* () {
      const environment = { OTEL_EXPORTER_OTLP_TIMEOUT: "soon" }
      const { code, stderr } = yield* (yield* serveWith(environment, "--otlp", "http://localhost:4318")).ended
      assert.strictEqual(code, 1)
      assert.strictEqual(stderr, 'd2m: Expected a finite number at ["OTEL_EXPORTER_OTLP_TIMEOUT"]\n')
    }).pipe(Effect.scoped)
  )

  const anonymous = "a URL without user name and password, which OTEL_EXPORTER_OTLP_HEADERS can carry"
  for (const [how, environment, args, expected, complaint] of [
    ["an option", {}, ["--otlp", "http://user:pa55word@localhost:4318"], 2, anonymous],
    ["an option that is no URL", {}, ["--otlp", "user:pa55word@localhost:4318"], 2, "the http or https URL"],
    ["the environment", { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://user:pa55word@localhost:4318" }, [], 1, anonymous]
  ] as const) {
    it.live(`refuses a collector's URL with a password in it by ${how}, and keeps it`, () =>
      Effect.gen(function* () {
        const { code, stderr } = yield* (yield* serveWith(environment, ...args)).ended
        assert.strictEqual(code, expected)
        assert.include(stderr, complaint)
        assert.notInclude(stderr, "pa55word")
      }).pipe(Effect.scoped)
    )
  }

  it.live("warns once that a collector fails, says when it works again, and warns anew", () =>
    Effect.gen(function* () {
      const otel = yield* collector
      otel.answerWith(503)
      const only = { OTEL_LOGS_EXPORTER: "none", OTEL_TRACES_EXPORTER: "none" }
      const server = yield* serveWith({ ...quick, ...only }, "--otlp", otel.url)
      // The second is another try of the first.
      yield* otel.until((received) => received.length >= 2)
      otel.answerWith(200)
      yield* server.logs("level=INFO", "telemetry reaches its collector again", `collector=${otel.url}/v1/metrics`)
      otel.answerWith(400)
      yield* server.logs("level=WARN", `collector=${otel.url}/v1/metrics`, 'why="status 400"')
      server.child.kill("SIGINT")
      const { stderr } = yield* server.ended
      assert.lengthOf(warnings(stderr), 2)
      assert.include(warnings(stderr)[0], 'why="status 503"')
    }).pipe(Effect.scoped)
  )

  it.live("has no admin server unless asked, and logs a line of text for each event", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const line = JSON.parse(yield* server.line)
      assert.notProperty(line, "admin")
      yield* Effect.scoped(device(1n, line.address, () => {}))
      yield* server.logs("connection closed")
      server.child.kill("SIGINT")
      const { code, stderr, stdout } = yield* server.ended
      assert.strictEqual(code, 130)
      assert.lengthOf(stdout.trim().split("\n"), 1)
      const lines = stderr.trim().split("\n")
      assert.lengthOf(lines, 2)
      assert.match(lines[0]!, /level=INFO .*message="device registered" .*group=[0-9a-f]{8} device=0000000000000001/i)
      assert.match(lines[1]!, /message="connection closed" .*by=peer code=1000/)
    }).pipe(Effect.scoped, Effect.provide(crypto))
  )

  for (const [args, expected, complaint] of [
    [["--admin", "nowhere"], 2, "HOST:PORT, or a port"],
    [["--admin", "[::1]:70000"], 2, "HOST:PORT, or a port"],
    [["--admin", "192.0.2.1:0"], 1, "cannot listen on 192.0.2.1:0: HostUnavailable"],
    [["--otlp", "collector:4318"], 2, "the http or https URL of a collector"],
    [["--log-format", "xml"], 2, "log-format"]
  ] as const) {
    it.live(`refuses ${args.join(" ")} with ${expected}`, () =>
      Effect.gen(function* () {
        const { code, stderr } = yield* (yield* serve(...args)).ended
        assert.strictEqual(code, expected)
        assert.include(stderr, complaint)
      }).pipe(Effect.scoped)
    )
  }
})
