import { assert, describe, it } from "@effect/vitest"
import { encodeClientFrame, toUrlPath } from "@d2m/codec"
import { Fault, InvalidOptions, Mediator } from "@d2m/server-sim"
import { ListenAddress, ListenError, layerTcpChat, type WebSocketServerOptions } from "@d2m/server-sim/node"
import { Context, Effect, Exit, Fiber, Layer, Option, Redacted, Result, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { ClientOptions } from "ws"
import { makeCspFraming } from "../src/node/CspFraming.ts"
import * as SelfSigned from "../../cli/src/SelfSignedCertificate.ts"
import { ack, bytes, id, reflect } from "./drive.ts"
import { rawTcp, upgradeHead } from "./raw-socket.ts"
import { join, keysOf, loopback, pathOf, rawRequest, register, served, tcpServer, urlOf } from "./served-mediator.ts"
import { dial, socketOf, type WireClient, wsFrame } from "./wire-client.ts"

const noPatience = ["soon", "-1 second", -1, NaN, "-Infinity", {}, { seconds: NaN }, null].map((span) => span as number)

describe("WebSocket server", () => {
  it.live("serves devices that reflect to each other", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      a.send(reflect(1), reflect(2), reflect(3))
      for (const n of [1, 2, 3]) {
        assert.strictEqual((yield* a.until("ReflectAck")).reflectId, n)
        assert.strictEqual((yield* b.until("Reflected")).reflectedId, n)
      }
      b.send(ack(1), ack(2), ack(3))
      b.ws.close(1000)
      assert.strictEqual((yield* b.until("Closed")).code, 1000)
      const again = yield* dial(yield* urlOf)
      assert.strictEqual((yield* register(again, 2, 1)).reflectionQueueLength, 0)
    }).pipe(Effect.provide(served()))
  )

  it.live("carries envelopes of any length, a batch in one piece", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      // A reflected is 20 bytes longer: the WebSocket's length takes 1, 3 and, beyond what a frame may be, 9 bytes.
      const lengths = [...Array.from({ length: 140 }, (_, n) => n), 2047, 2048, 20_000, 65_514, 65_515, 65_516, 1]
      const envelopes = lengths.map((length, seed) => Uint8Array.from({ length }, (_, n) => (n * 31 + seed * 7) & 255))
      a.send(...envelopes.map((envelope, n) => reflect(n + 1, { envelope })))
      for (const [n, envelope] of envelopes.entries()) {
        assert.strictEqual((yield* a.until("ReflectAck")).reflectId, n + 1)
        const reflected = yield* b.until("Reflected")
        assert.strictEqual(reflected.reflectedId, n + 1)
        assert.isTrue(Buffer.from(envelope).equals(reflected.envelope))
      }
    }).pipe(Effect.provide(served()))
  )

  it.live("keeps what one client does not read apart from what others do", () =>
    Effect.gen(function* () {
      const [a, b, c] = [yield* join(1), yield* join(2), yield* join(3)]
      b.ws.pause()
      const count = 1_000
      const envelopeOf = (n: number) => Buffer.alloc(16 * 1024, `envelope ${n},`)
      for (let n = 1; n <= count; n++) a.send(reflect(n, { envelope: envelopeOf(n) }))
      for (const reader of [c, b]) {
        reader.ws.resume()
        for (let n = 1; n <= count; n++)
          assert.isTrue(envelopeOf(n).equals((yield* reader.until("Reflected")).envelope))
      }
    }).pipe(Effect.provide(served()))
  )

  it.live("serves TLS", () =>
    Effect.gen(function* () {
      const { cert, key } = yield* SelfSigned.make()
      yield* Effect.gen(function* () {
        assert.isTrue((yield* ListenAddress).isSecure)
        const client = yield* dial(yield* urlOf, { ca: cert })
        yield* register(client, 1)
        const refused = yield* Effect.result(dial(yield* urlOf))
        assert.isTrue(Result.isFailure(refused))
      }).pipe(Effect.provide(served({}, { ...loopback, tls: { key, cert } })))
    })
  )

  it.live("takes any prefix and either case of hex, and answers anything else with 400", () =>
    Effect.gen(function* () {
      const { port, url } = yield* ListenAddress
      const path = toUrlPath(yield* pathOf)
      for (const good of [path, `4/04/${path}`, `a/b/c/${path.toUpperCase()}`, `${path}/`, `${path}?q=1`]) {
        const client = yield* dial(`${url}${good}`)
        yield* client.until("ServerHello")
      }
      for (const bad of ["", "zz", path.slice(2), "0a00", `${path}/more`]) {
        const result = yield* Effect.result(dial(`${url}${bad}`))
        assert.match(Result.isFailure(result) ? result.failure : "", /^400 ./)
      }
      assert.match(yield* rawRequest(port, `GET /${path} HTTP/1.1\r\nHost: x\r\n\r\n`), /^HTTP\/1.1 426 /)
      assert.match(yield* rawRequest(port, `GET /nonsense HTTP/1.1\r\nHost: x\r\n\r\n`), /^HTTP\/1.1 400 /)
      assert.match(
        yield* rawRequest(
          port,
          `GET /${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
        ),
        /^HTTP\/1.1 400 /
      )
      assert.match(yield* rawRequest(port, "\u0000\u0001 nonsense\r\n\r\n"), /^HTTP\/1.1 400 /)
      yield* (yield* dial(`${url}${path}`)).until("ServerHello")
    }).pipe(Effect.provide(served()))
  )

  it.live("declines permessage-deflate and sub-protocols", () =>
    Effect.gen(function* () {
      const client = yield* dial(yield* urlOf, { perMessageDeflate: true })
      assert.strictEqual(client.ws.extensions, "")
      const offered = yield* Effect.result(dial(yield* urlOf, {}, ["d2m"]))
      // A client that insists on its sub-protocol gives up by itself.
      assert.deepStrictEqual(Result.isFailure(offered) && offered.failure, "Server sent no subprotocol")
    }).pipe(Effect.provide(served()))
  )

  const broken: ReadonlyArray<readonly [string, (client: WireClient) => void, number]> = [
    ["a text message", ({ ws }) => ws.send("text"), 4010],
    ["a frame over 65536 bytes", ({ ws }) => ws.send(new Uint8Array(65_537)), 4010],
    ["a message of twice that", ({ ws }) => ws.send(new Uint8Array(131_072)), 4010],
    ["a message over any bound", ({ ws }) => ws.send(new Uint8Array(131_073)), 1009],
    ["an unmasked frame", (client) => socketOf(client).write(bytes(0x82, 1, 0)), 1002]
  ]
  for (const [name, misbehave, code] of broken) {
    it.live(`answers ${name} with ${code}, and nobody else notices`, () =>
      Effect.gen(function* () {
        const [a, b] = [yield* join(1), yield* join(2)]
        misbehave(a)
        assert.strictEqual((yield* a.until("Closed")).code, code)
        b.send(reflect(1))
        yield* b.until("ReflectAck")
      }).pipe(Effect.provide(served()))
    )
  }

  it.live("hears what came in one piece with what it cannot read, before that", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      socketOf(a).write(Buffer.concat([wsFrame(2, encodeClientFrame(reflect(1))), wsFrame(3, bytes())]))
      assert.strictEqual((yield* a.until("Closed")).code, 1002)
      assert.strictEqual((yield* b.until("Reflected")).reflectedId, 1)
    }).pipe(Effect.provide(served()))
  )

  it.effect("counts a ping as a sign of life and answers it", () =>
    Effect.gen(function* () {
      const client = yield* join(1)
      yield* TestClock.adjust("59 seconds")
      yield* Effect.callback<void>((resume) => {
        client.ws.once("pong", () => resume(Effect.void))
        client.ws.ping()
      })
      yield* TestClock.adjust("59 seconds")
      client.send({ _tag: "GetDevicesInfo" })
      yield* client.until("DevicesInfo")
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual((yield* client.until("Closed")).code, 4013)
    }).pipe(Effect.provide(served()))
  )

  it.live("takes no more from a long queue than a slow reader reads", () =>
    Effect.gen(function* () {
      const { group, journal } = yield* Mediator
      const a = yield* join(1)
      ;(yield* join(2)).ws.terminate()
      const envelope = new Uint8Array(32 * 1024)
      const count = 2_000
      for (let n = 0; n < count; n++) a.send(reflect(n, { envelope }))
      for (let n = 0; n < count; n++) yield* a.until("ReflectAck")
      const b = yield* dial(yield* urlOf)
      yield* register(b, 2, 1)
      b.ws.pause()
      // Each round trip gives the server a chance to write more than it should.
      for (let n = 0; n < 20; n++) {
        a.send({ _tag: "GetDevicesInfo" })
        yield* a.until("DevicesInfo")
      }
      const before = yield* journal.pipe(
        Stream.filter((entry) => entry._tag === "Sent"),
        Stream.map((entry) => entry.frame._tag),
        Stream.scan(
          () => ({ reflected: 0, listed: 0 }),
          (sum, tag) => ({
            reflected: sum.reflected + (tag === "Reflected" ? 1 : 0),
            listed: sum.listed + (tag === "DevicesInfo" ? 1 : 0)
          })
        ),
        Stream.takeUntil(({ listed }) => listed === 20),
        Stream.runLast
      )
      // 64 MB wait; what may be under way are the buffers of both kernels and processes.
      assert.isBelow(Option.getOrThrow(before).reflected, count / 2)
      b.ws.resume()
      for (let n = 1; n <= count; n++) assert.strictEqual((yield* b.until("Reflected")).reflectedId, n)
      yield* b.until("ReflectionQueueDry")
      const view = Option.getOrThrow(yield* group((yield* keysOf).groupId))
      assert.strictEqual(view.devices[1]?.queueLength, count)
    }).pipe(Effect.provide(served({ journalCapacity: 100_000 })))
  )

  it.live("closes everybody with 1001 when it stops, in bounded time even if a client does not answer", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.gen(function* () {
        const [a, b] = [yield* join(1), yield* join(2)]
        b.ws.pause()
        return a
      }).pipe(
        // The server ends before the clients do.
        Effect.provide(served({}, { ...loopback, closeTimeout: "200 millis" }), { local: true })
      )
      assert.strictEqual((yield* exit.until("Closed")).code, 1001)
    })
  )

  it.live("closes with 1001 whoever asks for an upgrade while it stops", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const server = yield* Layer.buildWithScope(served({}, { ...loopback, closeTimeout: "10 seconds" }), scope)
      const { port } = Context.get(server, ListenAddress)
      const path = toUrlPath(yield* Effect.provide(pathOf, server))
      const late = yield* rawTcp(port)
      const head = upgradeHead(`x/${path}`)
      late.write(head.slice(0, 30))
      // Whose answer comes behind what was written before.
      yield* rawRequest(port, "GET / HTTP/1.1\r\n\r\n")
      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      late.write(head.slice(30))
      const goodbye = "\x03\xe9the mediator is shutting down"
      assert.include(yield* late.got(goodbye), goodbye)
      late.socket.destroy()
      yield* Fiber.join(stopping)
    }).pipe(Effect.scoped)
  )

  it.effect("does not listen with a closing handshake that lasts less than nothing, or no time that there is", () =>
    Effect.forEach(noPatience, (closeTimeout) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(served({}, { ...loopback, closeTimeout }))))
        assert.ok(error._tag === "InvalidOptions")
        assert.include(error.detail, "closeTimeout")
      })
    )
  )

  it.live("can be cut, closed with any code, closed without a handshake and stalled", () =>
    Effect.gen(function* () {
      const { close, inject } = yield* Mediator
      const { groupId } = yield* keysOf
      const device = { groupId, deviceId: id(1) }
      const missing = yield* Effect.result(inject(device, Fault.Cut()))
      assert.strictEqual(Result.isFailure(missing) && missing.failure.reason, "NotConnected")
      const first = yield* join(1)
      yield* inject(device, Fault.Cut())
      assert.strictEqual((yield* first.until("Closed")).code, 1006)
      const second = yield* join(1, 1)
      yield* inject(device, Fault.Close({ code: 4999, reason: "why" }))
      assert.deepStrictEqual(yield* second.until("Closed"), { _tag: "Closed", code: 4999, reason: "why" })
      const third = yield* join(1, 1)
      yield* inject(device, Fault.NoClosingHandshake())
      assert.isTrue(yield* close(device, 4113))
      assert.strictEqual((yield* third.until("Closed")).code, 1006)
      const fourth = yield* join(1, 1)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* inject(device, Fault.Stall({ direction: "down" }))
          fourth.send(reflect(1))
          // Something else has gone both ways meanwhile.
          yield* join(2)
        })
      )
      yield* fourth.until("ReflectAck")
      const unreachable = yield* Effect.result(inject(device, Fault.Unreachable()))
      assert.strictEqual(Result.isFailure(unreachable) && unreachable.failure.reason, "Unsupported")
    }).pipe(Effect.provide(served()))
  )

  it.live("cuts with a reset of the TCP connection, also under TLS", () =>
    Effect.gen(function* () {
      const { cert, key } = yield* SelfSigned.make()
      const code = (options: ClientOptions) =>
        Effect.gen(function* () {
          const { inject } = yield* Mediator
          const client = yield* dial(yield* urlOf, options)
          yield* register(client, 1)
          const error = yield* Effect.forkScoped(
            Effect.callback<string | undefined>((resume) => {
              socketOf(client).once("error", ({ code }: NodeJS.ErrnoException) => resume(Effect.succeed(code)))
              socketOf(client).once("end", () => resume(Effect.succeed("END")))
            }),
            { startImmediately: true }
          )
          yield* inject({ groupId: (yield* keysOf).groupId, deviceId: id(1) }, Fault.Cut())
          assert.strictEqual((yield* client.until("Closed")).code, 1006)
          return yield* Fiber.join(error)
        })
      assert.strictEqual(yield* Effect.provide(code({}), served()), "ECONNRESET")
      const secure = served({}, { ...loopback, tls: { key, cert } })
      assert.strictEqual(yield* Effect.provide(code({ ca: cert }), secure), "ECONNRESET")
    })
  )
})

describe("observers", () => {
  it.live("are told an address as the guards count it, behind a proxy the client's", () => {
    const guards = { trustedProxies: ["127.0.0.1"] }
    return Effect.gen(function* () {
      const origins: Array<string | undefined> = []
      yield* (yield* Mediator).observe((happening) => {
        if (happening._tag === "Registered") origins.push(happening.connection.origin)
      })
      yield* join(1)
      const behind = yield* dial(yield* urlOf, { headers: { "x-forwarded-for": "2001:db8::1:2:3:4" } })
      yield* register(behind, 2)
      assert.deepStrictEqual(origins, ["127.0.0.1", "2001:db8:0:0::/64"])
    }).pipe(Effect.scoped, Effect.provide(served({}, { ...loopback, guards })))
  })
})

describe("listening", () => {
  const refusal = (listen: WebSocketServerOptions) =>
    Effect.map(Effect.exit(Effect.scoped(Layer.build(served({}, listen)))), (exit) => {
      assert(Exit.isFailure(exit))
      const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
      assert(error instanceof ListenError)
      return error
    })
  const failure = (listen: WebSocketServerOptions) => Effect.map(refusal(listen), ({ reason }) => reason)

  it.live("fails for a reason that is told", () =>
    Effect.gen(function* () {
      const { port } = yield* tcpServer(() => {})
      assert.strictEqual(yield* failure({ host: "127.0.0.1", port }), "PortInUse")
      assert.strictEqual(yield* failure({ host: "192.0.2.1", port: 0 }), "HostUnavailable")
      for (const port of [65_536, 99_999, -1, 1.5, Number.NaN]) {
        assert.strictEqual(yield* failure({ host: "127.0.0.1", port }), "PortOutOfRange")
      }
      const { cert } = yield* SelfSigned.make()
      const { key } = yield* SelfSigned.make()
      assert.strictEqual(
        yield* failure({ ...loopback, tls: { keyFile: "/nonexistent/key", certFile: "/nonexistent/cert" } }),
        "TlsUnreadable"
      )
      const none = Redacted.make("")
      for (const [tls, says] of [
        [{ key, cert }, /^the private key and the certificate do not belong together: .*mismatch/],
        [{ key, cert: "no pem" }, /^the certificate is unusable: /],
        [{ key: Redacted.make("no pem"), cert }, /^the private key is unusable: /],
        // With one of them missing Node would listen, and no handshake would succeed.
        [{ key, cert: "" }, /^there is no certificate$/],
        [{ key: none, cert }, /^there is no private key$/],
        [{ key: none, cert: " \n" }, /^there is no certificate$/]
      ] as const) {
        const error = yield* refusal({ ...loopback, tls })
        assert.strictEqual(error.reason, "TlsInvalid")
        assert.match(error.detail, says)
      }
      const noPem = import.meta.filename
      const { detail } = yield* refusal({ ...loopback, tls: { keyFile: noPem, certFile: noPem } })
      assert.isTrue(detail.startsWith(`the certificate in ${noPem} is unusable: `), detail)
    })
  )
})

describe("chat framing", () => {
  it("cuts a stream into the same messages, wherever it was cut itself", () => {
    const messages = [
      new Uint8Array(80).fill(1),
      new Uint8Array(32).fill(2),
      bytes(3, 0, 7, 8, 9),
      bytes(0, 0),
      Uint8Array.from([0x00, 0x01, ...new Uint8Array(256).fill(6)]),
      bytes(1, 0, 5)
    ]
    const stream = Uint8Array.from(messages.flatMap((message) => [...message]))
    for (const size of [1, 2, 3, 7, 79, 81, 113, 114, stream.length]) {
      const cut = makeCspFraming()
      const found: Array<Uint8Array> = []
      for (let at = 0; at < stream.length; at += size) found.push(...cut(stream.subarray(at, at + size)))
      assert.deepStrictEqual(found, messages, `pieces of ${size}`)
    }
  })
})

describe("chat over TCP", () => {
  const proxy = (...data: ReadonlyArray<number>) => ({ _tag: "Proxy", data: bytes(...data) }) as const

  it.live("gives the client one frame for each message, however the stream is cut", () =>
    Effect.gen(function* () {
      const messages = [
        new Uint8Array(80).fill(1),
        new Uint8Array(32).fill(2),
        bytes(3, 0, 7, 8, 9),
        bytes(0, 0),
        bytes(1, 0, 5)
      ]
      const stream = Buffer.concat(messages)
      const heard: Array<number> = []
      const { port } = yield* tcpServer((socket) => {
        socket.on("data", (chunk) => {
          heard.push(...chunk)
          if (heard.length !== 3) return
          // Byte by byte first, then the rest at once.
          for (const byte of stream.subarray(0, 115)) socket.write(bytes(byte))
          socket.end(stream.subarray(115))
        })
      })
      yield* Effect.gen(function* () {
        const client = yield* dial(yield* urlOf)
        client.send(proxy(1), proxy(2, 3))
        for (const message of messages) assert.deepStrictEqual((yield* client.until("Proxy")).data, message)
        assert.strictEqual((yield* client.until("Closed")).code, 4000)
        assert.deepStrictEqual(heard, [1, 2, 3])
      }).pipe(Effect.provide(served({}, loopback, layerTcpChat({ host: "127.0.0.1", port }))))
    })
  )

  it("is none with a patience that is less than nothing, or no time that there is", () => {
    for (const connectTimeout of noPatience) {
      assert.throws(
        () => layerTcpChat({ host: "127.0.0.1", port: 1, connectTimeout }),
        InvalidOptions,
        "connectTimeout"
      )
    }
  })

  it.live("closes with 4001 when nobody is there and 4009 when the way breaks", () =>
    Effect.gen(function* () {
      const gone = yield* Effect.scoped(tcpServer(() => {}))
      const unreachable = layerTcpChat({ host: "127.0.0.1", port: gone.port })
      const code = Effect.gen(function* () {
        const client = yield* dial(yield* urlOf)
        client.send(proxy(1))
        return (yield* client.until("Closed")).code
      })
      assert.strictEqual(yield* Effect.provide(code, served({}, loopback, unreachable)), 4001)
      const { port } = yield* tcpServer((socket) => void socket.on("data", () => socket.resetAndDestroy()))
      const broken = layerTcpChat({ host: "127.0.0.1", port, connectTimeout: { minutes: 1 } })
      assert.strictEqual(yield* Effect.provide(code, served({}, loopback, broken)), 4009)
    })
  )
})
