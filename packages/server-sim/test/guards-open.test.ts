import { assert, describe, it } from "@effect/vitest"
import { Box, encodeClientFrame } from "@d2m/codec"
import { type CutReason, type GuardEvent, Mediator } from "@d2m/server-sim"
import type { Guards } from "@d2m/server-sim/node"
import { Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import * as SelfSigned from "../../cli/src/SelfSignedCertificate.ts"
import { bytes, reflect } from "./drive.ts"
import { answers, ends, fill, guarded, join, keysOf, register, rejoin, urlOf } from "./served-mediator.ts"
import { dial, socketOf, type WireClient, wsFrame } from "./wire-client.ts"

const cut = (reason: CutReason): GuardEvent => ({ _tag: "Cut", reason, address: "127.0.0.1" })

const ponged = ({ ws }: WireClient) =>
  Effect.callback<void>((resume) => {
    ws.once("pong", () => resume(Effect.void))
    ws.ping()
  })

const readsAll = Effect.fnUntraced(function* (client: WireClient, count: number) {
  for (let n = 1; n <= count; n++) assert.strictEqual((yield* client.until("Reflected")).reflectedId, n)
  yield* client.until("ReflectionQueueDry")
})

const queueLength = Effect.gen(function* () {
  const view = Option.getOrThrow(yield* (yield* Mediator).group((yield* keysOf).groupId))
  return view.devices[1]?.queueLength
})

/** No deadline of the mediator's own comes in between. */
const patient = { idleTimeout: 3_600_000 }

describe("a slow reader", () => {
  // As much may wait as there is: only that nothing moves is told.
  const guards: Partial<Guards> = { slowReaderDeadline: 30_000, slowReaderBytes: 64 * 1024 * 1024 }
  const count = 1_000

  it.effect("that does not read at all is cut; others do not notice, and nothing is lost", () =>
    guarded({ guards, mediator: patient }, ({ rest }) =>
      Effect.gen(function* () {
        const a = yield* join(1)
        yield* fill(a, count)
        const b = yield* rejoin()
        const ended = yield* ends
        b.ws.pause()
        let events: ReadonlyArray<GuardEvent> = []
        let seconds = 0
        for (; events.length === 0; seconds++) {
          assert.strictEqual(yield* queueLength, count)
          yield* answers(a)
          yield* TestClock.adjust(1_000)
          events = yield* rest
        }
        assert.deepStrictEqual(events, [cut("Stalled")])
        assert.deepInclude(yield* ended, { by: "Mediator", code: 1006 })
        assert.isAtLeast(seconds, 30)
        b.ws.resume()
        while ((yield* b.next)._tag !== "Closed");
        a.send(reflect(count))
        yield* a.until("ReflectAck")
        const again = yield* rejoin()
        yield* readsAll(again, count + 1)
      })
    )
  )

  it.effect("over TLS is cut just so", () =>
    Effect.gen(function* () {
      const { cert, key } = yield* TestClock.withLive(SelfSigned.make())
      yield* guarded(
        { guards, mediator: patient },
        ({ rest }) =>
          Effect.gen(function* () {
            const a = yield* dial(yield* urlOf, { ca: cert })
            yield* register(a, 1)
            const two = yield* dial(yield* urlOf, { ca: cert })
            yield* register(two, 2)
            socketOf(two).pause()
            const envelope = new Uint8Array(32 * 1024)
            for (let n = 0; n < count; n++) a.send(reflect(n, { envelope }))
            for (let n = 0; n < count; n++) yield* a.until("ReflectAck")
            let events: ReadonlyArray<GuardEvent> = []
            for (; events.length === 0; events = yield* rest) {
              yield* answers(a)
              yield* TestClock.adjust(1_000)
            }
            assert.deepStrictEqual(events, [cut("Stalled")])
            yield* readsAll(yield* rejoin({ ca: cert }), count)
          }),
        { tls: { key, cert } }
      )
    })
  )

  it.effect("that reads a little now and then is cut when too much waits for too long", () =>
    guarded({ guards: { slowReaderDeadline: 8_000, slowReaderBytes: 1 }, mediator: patient }, ({ rest }) =>
      Effect.gen(function* () {
        const a = yield* join(1)
        yield* fill(a, count)
        const b = yield* rejoin()
        const ended = yield* ends
        let events: ReadonlyArray<GuardEvent> = []
        let read = 0
        // More in every deadline than all buffers on the way hold: some of it always moves.
        while (events.length === 0) {
          b.ws.resume()
          for (let n = 0; n < 50 && read < count; n++)
            assert.strictEqual((yield* b.until("Reflected")).reflectedId, ++read)
          b.ws.pause()
          yield* answers(a)
          yield* TestClock.adjust(1_000)
          events = yield* rest
        }
        assert.deepStrictEqual(events, [cut("Slow")])
        assert.deepInclude(yield* ended, { by: "Mediator", code: 1006 })
        assert.isBelow(read, count)
        const again = yield* rejoin()
        yield* readsAll(again, count)
      })
    )
  )

  const all = 64 * 1024 * 1024
  for (const isSecure of [false, true]) {
    it.effect(`that takes one large commit slowly but steadily is none${isSecure ? ", over TLS" : ""}`, () =>
      Effect.gen(function* () {
        const tls = isSecure ? yield* TestClock.withLive(SelfSigned.make()) : undefined
        // All of it is handed to the connection in one go.
        const mediator = {
          ...patient,
          transactionBytes: all,
          outgoingLimit: 2 * all,
          deliveryBytes: all,
          deliveryMessages: count
        }
        yield* guarded(
          { guards, mediator },
          ({ rest }) =>
            Effect.gen(function* () {
              const options = tls === undefined ? {} : { ca: tls.cert }
              const a = yield* dial(yield* urlOf, options)
              yield* register(a, 1)
              const b = yield* dial(yield* urlOf, options)
              yield* register(b, 2)
              a.send({ _tag: "BeginTransaction", encryptedScope: Box.make("dgtsk", bytes(1)), ttl: 0 })
              yield* a.until("BeginTransactionAck")
              const envelope = new Uint8Array(32 * 1024)
              for (let n = 0; n < count; n++) a.send(reflect(n, { envelope }))
              for (let n = 0; n < count; n++) yield* a.until("ReflectAck")
              socketOf(b).pause()
              a.send({ _tag: "CommitTransaction" })
              yield* a.until("CommitTransactionAck")
              let read = 0
              let seconds = 0
              // Its last megabytes are in the buffers on the way: nothing of them waits with the mediator.
              for (; read < count; seconds += 5) {
                socketOf(b).resume()
                for (let n = 0; n < 30 && read < count; n++)
                  assert.strictEqual((yield* b.until("Reflected")).reflectedId, ++read)
                socketOf(b).pause()
                yield* answers(a)
                yield* TestClock.adjust("5 seconds")
                assert.deepStrictEqual(yield* rest, [])
              }
              assert.isAbove(seconds, 150)
              socketOf(b).resume()
            }),
          tls && { tls: { key: tls.key, cert: tls.cert } }
        )
      })
    )
  }

  it.effect("that has nothing to read is none", () =>
    guarded({ guards, mediator: patient }, ({ rest }) =>
      Effect.gen(function* () {
        const [a, b] = [yield* join(1), yield* join(2)]
        b.ws.pause()
        yield* TestClock.adjust(300_000)
        a.send(reflect(1))
        yield* a.until("ReflectAck")
        b.ws.resume()
        yield* b.until("Reflected")
        assert.deepStrictEqual(yield* rest, [])
      })
    )
  )
})

describe("what a client asks for in one go", () => {
  const mediator = {
    outgoingHighWater: 64 * 1024,
    outgoingLowWater: 16 * 1024,
    transactionBytes: 64 * 1024,
    outgoingLimit: 512 * 1024
  }
  const withInfo = Effect.fnUntraced(function* (device: number) {
    const client = yield* dial(yield* urlOf)
    yield* register(client, device, 0, { encryptedDeviceInfo: Box.make("dgdik", new Uint8Array(8 * 1024)) })
    return client
  })

  it.live("is answered up to a limit: whoever asks for more is cut, and nothing of it is kept", () =>
    guarded({ guards: {}, mediator }, ({ next, rest }) =>
      Effect.gen(function* () {
        const [a, b] = [yield* withInfo(1), yield* withInfo(2)]
        const ask = (client: WireClient, times: number): void => {
          const frame = encodeClientFrame({ _tag: "GetDevicesInfo" })
          const message = wsFrame(2, frame)
          socketOf(client).write(Buffer.concat(Array.from({ length: times }, () => message)))
        }
        ask(a, 10)
        for (let n = 0; n < 10; n++) yield* a.until("DevicesInfo")
        assert.deepStrictEqual(yield* rest, [])
        ask(a, 1_000)
        assert.deepStrictEqual(yield* next, cut("Overflow"))
        while ((yield* a.next)._tag !== "Closed");
        yield* answers(b)
        const { group } = yield* Mediator
        const view = Option.getOrThrow(yield* group((yield* keysOf).groupId))
        assert.deepStrictEqual(
          view.devices.map(({ connection }) => connection._tag),
          ["Disconnected", "Connected"]
        )
      })
    )
  )
})

describe("pings", () => {
  it.effect("are answered, so many at once and so many a minute; more end with 1008, and others do not notice", () =>
    guarded({ guards: { pings: 5, pingsPerMinute: 60 } }, ({ next, rest }) =>
      Effect.gen(function* () {
        const [a, b] = [yield* join(1), yield* join(2)]
        for (let n = 0; n < 5; n++) yield* ponged(a)
        for (let n = 0; n < 20; n++) {
          yield* TestClock.adjust("1 second")
          yield* ponged(a)
        }
        assert.deepStrictEqual(yield* rest, [])
        a.ws.ping()
        assert.deepStrictEqual(yield* a.until("Closed"), { _tag: "Closed", code: 1008, reason: "too many pings" })
        assert.deepStrictEqual(yield* next, cut("PingFlood"))
        yield* answers(b)
        assert.deepStrictEqual(yield* rest, [])
      })
    )
  )

  it.live("in a flood are cut, also before the handshake, where they count as its failure", () =>
    guarded({ guards: { failedHandshakes: 1 } }, ({ next }) =>
      Effect.gen(function* () {
        const b = yield* join(2)
        const a = yield* dial(yield* urlOf)
        yield* a.until("ServerHello")
        const ping = wsFrame(9, new Uint8Array(0))
        ping[1] = 0x80
        const short = Buffer.concat([ping.subarray(0, 2), new Uint8Array(4)])
        socketOf(a).write(Buffer.concat(Array.from({ length: 100_000 }, () => short)))
        assert.deepStrictEqual(yield* next, cut("PingFlood"))
        assert.deepStrictEqual(yield* next, { _tag: "HandshakeFailed", code: 1008, address: "127.0.0.1" })
        while ((yield* a.next)._tag !== "Closed");
        yield* answers(b)
      })
    )
  )
})

describe("the idle timeout", () => {
  const noLife: ReadonlyArray<readonly [string, (client: WireClient) => void]> = [
    ["pongs that nobody asked for", ({ ws }) => ws.pong()],
    ["the beginning of a frame", (client) => void socketOf(client).write(wsFrame(2, bytes(1), { announced: 2 }))],
    ["the beginning of a fragmented message", (client) => client.ws.send(bytes(1), { fin: false })]
  ]
  for (const [what, send] of noLife) {
    it.effect(`is not postponed by ${what}`, () =>
      guarded({ guards: {} }, () =>
        Effect.gen(function* () {
          const [a, b] = [yield* join(1), yield* join(2)]
          yield* TestClock.adjust("59 seconds")
          send(a)
          // Two round trips of another connection: what was written before has been read.
          yield* answers(b)
          yield* answers(b)
          yield* TestClock.adjust("1 second")
          assert.strictEqual((yield* a.until("Closed")).code, 4013)
        })
      )
    )
  }
})

describe("a message in fragments", () => {
  const fragments = (client: WireClient, count: number, size: number): void => {
    for (let n = 0; n < count; n++) client.ws.send(new Uint8Array(size), { fin: n === count - 1 })
  }

  it.live("is one message", () =>
    guarded({ guards: { maxFragments: 16 } }, () =>
      Effect.gen(function* () {
        const [a, b] = [yield* join(1), yield* join(2)]
        const frame = encodeClientFrame(reflect(7, { envelope: bytes(1, 2, 3) }))
        const half = frame.length - 5
        a.ws.send(frame.subarray(0, 1), { fin: false })
        yield* ponged(a)
        a.ws.send(frame.subarray(1, half), { fin: false })
        a.ws.send(frame.subarray(half), { fin: true })
        assert.strictEqual((yield* a.until("ReflectAck")).reflectId, 7)
        assert.deepStrictEqual((yield* b.until("Reflected")).envelope, bytes(1, 2, 3))
      })
    )
  )

  const bad: ReadonlyArray<readonly [string, (client: WireClient) => void, number]> = [
    ["too many of them", (client) => fragments(client, 17, 1), 1008],
    ["empty ones without end", (client) => fragments(client, 1_000, 0), 1008],
    ["too much in them", (client) => fragments(client, 15, 10_000), 1009],
    [
      "a new message in the middle",
      (client) => {
        socketOf(client).write(wsFrame(2, bytes(1), { fin: false }))
        socketOf(client).write(wsFrame(2, bytes(2)))
      },
      1002
    ],
    ["a continuation of nothing", (client) => void socketOf(client).write(wsFrame(0, bytes(1))), 1002],
    ["a fragmented ping", (client) => void socketOf(client).write(Uint8Array.of(0x09, 0x80, 0, 0, 0, 0)), 1002],
    ["text", ({ ws }) => ws.send("text", { fin: true }), 4010],
    [
      "a length beyond all bounds",
      (client) => void socketOf(client).write(new Uint8Array([0x82, 0xff, ...new Uint8Array(8).fill(0xff)])),
      1009
    ]
  ]
  for (const [what, misbehave, code] of bad) {
    it.live(`with ${what} ends with ${code}, and others do not notice`, () =>
      guarded({ guards: { maxFragments: 16, maxMessageBytes: 100_000 } }, ({ rest }) =>
        Effect.gen(function* () {
          const ended = yield* ends
          const [a, b] = [yield* join(1), yield* join(2)]
          misbehave(a)
          assert.strictEqual((yield* a.until("Closed")).code, code)
          const end = yield* ended
          assert.deepInclude(end, { by: "Mediator", code })
          assert.isNotEmpty(end.reason)
          yield* answers(b)
          assert.deepStrictEqual(yield* rest, [])
        })
      )
    )
  }

  it.live("in crumbs of the network is bounded, too", () =>
    guarded({ guards: { maxFragments: 16 } }, () =>
      Effect.gen(function* () {
        const [a, b] = [yield* join(1), yield* join(2)]
        const socket = socketOf(a)
        socket.setNoDelay(true)
        socket.write(wsFrame(2, bytes(), { announced: 60_000 }))
        let isOver = false
        a.ws.on("close", () => (isOver = true))
        // Each crumb is read before the next is written.
        for (let n = 0; n < 10_000 && !isOver; n++) {
          socket.write(bytes(1))
          yield* answers(b)
        }
        assert.strictEqual((yield* a.until("Closed")).code, 1008)
      })
    )
  )
})
