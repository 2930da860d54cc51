import { assert, describe, it } from "@effect/vitest"
import { ChatError, ChatUpstream } from "@d2m/server-sim"
import { type Guards, ListenAddress } from "@d2m/server-sim/node"
import { Effect, Layer, Result } from "effect"
import { TestClock } from "effect/testing"
import * as SelfSigned from "../../cli/src/SelfSignedCertificate.ts"
import { badResponse, bytes, hello } from "./drive.ts"
import { rawTcp, rawTls, upgradeHead } from "./raw-socket.ts"
import { elsewhere, greeted, guarded, join, pathText, refusal, refused, register, urlOf } from "./served-mediator.ts"
import { dial, socketOf, type WireClient, wsFrame } from "./wire-client.ts"

describe("failed handshakes", () => {
  const failing = Effect.fnUntraced(function* (options: Parameters<typeof dial>[1] = {}) {
    const client = yield* greeted(options)
    client.send(hello(1, { response: badResponse }))
    assert.strictEqual((yield* client.until("Closed")).code, 4010)
  })
  const guards: Partial<Guards> = { failedHandshakes: 3, failedHandshakesPerMinute: 6 }

  it.effect("of one address are so many at once and so many a minute; then 429, and others do not notice", () =>
    guarded({ guards }, ({ next }) =>
      Effect.gen(function* () {
        const good = yield* join(1)
        for (let n = 0; n < 3; n++) {
          yield* failing()
          assert.deepStrictEqual(yield* next, { _tag: "HandshakeFailed", code: 4010, address: "127.0.0.1" })
        }
        assert.strictEqual(yield* refused(), "429 too many handshakes from this address have failed")
        assert.deepStrictEqual(yield* next, refusal("TooManyFailures"))
        const raw = yield* rawTcp((yield* ListenAddress).port)
        raw.write(upgradeHead(yield* pathText))
        assert.match(yield* raw.got("failed\n"), /^HTTP\/1\.1 429 Too Many Requests\r\n[^]*\r\nretry-after: 10\r\n/)
        yield* greeted(elsewhere)
        good.send({ _tag: "GetDevicesInfo" })
        yield* good.until("DevicesInfo")
        yield* TestClock.adjust(9_999)
        assert.match(yield* refused(), /^429 /)
        yield* TestClock.adjust(1)
        yield* failing()
        assert.match(yield* refused(), /^429 /)
      })
    )
  )

  const failures: ReadonlyArray<readonly [string, (client: WireClient) => void, number]> = [
    ["a frame that cannot be read", ({ ws }) => ws.send(bytes(1)), 4010],
    ["a frame out of turn", (client) => client.send({ _tag: "GetDevicesInfo" }), 4010],
    ["a text message", ({ ws }) => ws.send("text"), 4010],
    ["a version that nobody speaks", (client) => client.send(hello(1, { version: 99 })), 4110],
    ["broken WebSocket framing", (client) => void socketOf(client).write(wsFrame(3, bytes(1))), 1002],
    ["a message that is too large", ({ ws }) => ws.send(new Uint8Array(200_000)), 1009]
  ]
  for (const [what, fail, code] of failures) {
    it.live(`count ${what}`, () =>
      guarded({ guards: { failedHandshakes: 1, maxMessageBytes: 100_000 } }, ({ next }) =>
        Effect.gen(function* () {
          const client = yield* greeted()
          fail(client)
          assert.strictEqual((yield* client.until("Closed")).code, code)
          assert.deepStrictEqual(yield* next, { _tag: "HandshakeFailed", code, address: "127.0.0.1" })
          assert.match(yield* refused(), /^429 /)
        })
      )
    )
  }

  it.effect("count silence until the handshake's deadline, whatever pings came meanwhile", () =>
    guarded({ guards: { failedHandshakes: 1 } }, ({ next }) =>
      Effect.gen(function* () {
        const client = yield* greeted()
        for (let n = 0; n < 3; n++) {
          yield* TestClock.adjust("3 seconds")
          client.ws.ping()
          yield* Effect.callback<void>((resume) => void client.ws.once("pong", () => resume(Effect.void)))
        }
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* client.until("Closed")).code, 4013)
        assert.deepStrictEqual(yield* next, { _tag: "HandshakeFailed", code: 4013, address: "127.0.0.1" })
      })
    )
  )

  const words: ReadonlyArray<readonly [string, (client: WireClient) => Effect.Effect<void>]> = [
    ["without a word", () => Effect.void],
    [
      "with a word to the chat server",
      (client) => {
        client.send({ _tag: "Proxy", data: bytes(1) })
        return Effect.asVoid(client.until("Proxy"))
      }
    ],
    ["with a frame of a type that means nothing", ({ ws }) => Effect.sync(() => ws.send(bytes(0xaa, 0, 0, 0)))]
  ]
  for (const [how, say] of words) {
    it.live(`count leaving ${how} after the greeting`, () =>
      guarded({ guards: { failedHandshakes: 1 }, mediator: { strict: false } }, ({ next }) =>
        Effect.gen(function* () {
          const client = yield* greeted()
          yield* say(client)
          client.ws.close()
          assert.deepStrictEqual(yield* next, { _tag: "HandshakeLeft", address: "127.0.0.1" })
          assert.match(yield* refused(), /^429 /)
          yield* greeted(elsewhere)
        })
      )
    )
  }

  for (const [reason, code] of [
    ["Ended", 4000],
    ["Unreachable", 4001],
    ["Failed", 4009]
  ] as const) {
    const chat = Layer.succeed(ChatUpstream, { open: () => new ChatError({ reason, detail: "" }) })
    it.live(`count an end with ${code} that took no key`, () =>
      guarded({ guards: { failedHandshakes: 1 }, chat }, ({ next }) =>
        Effect.gen(function* () {
          const client = yield* greeted()
          client.send({ _tag: "Proxy", data: bytes(1) })
          assert.strictEqual((yield* client.until("Closed")).code, code)
          assert.deepStrictEqual(yield* next, { _tag: "HandshakeFailed", code, address: "127.0.0.1" })
          assert.match(yield* refused(), /^429 /)
        })
      )
    )
  }

  const plain = { Connection: undefined, Upgrade: undefined }
  const noUpgrades: ReadonlyArray<readonly [string, (path: string) => string, number]> = [
    ["an upgrade without a key", (path) => upgradeHead(path, { "Sec-WebSocket-Key": undefined }), 400],
    ["an upgrade to nowhere", () => upgradeHead("nowhere"), 400],
    [
      "a plain request that wants something",
      (path) => upgradeHead(path, { ...plain, "Content-Length": "0" }, "POST"),
      426
    ],
    ["a plain request with a body", (path) => `${upgradeHead(path, { ...plain, "Content-Length": "1" })}x`, 426],
    ["an upgrade with a body that does not come", (path) => upgradeHead(path, { "Content-Length": "5" }), 400],
    ["an upgrade with pieces that do not come", (path) => upgradeHead(path, { "Transfer-Encoding": "chunked" }), 400],
    ["a request for a tunnel", () => "CONNECT mediator:443 HTTP/1.1\r\nHost: mediator\r\n\r\n", 400],
    ["an expectation", () => "GET / HTTP/1.1\r\nHost: mediator\r\nExpect: wonders\r\n\r\n", 400],
    ["what is no HTTP", () => "HELO mediator\r\n\r\n", 400]
  ]
  for (const [what, head, status] of noUpgrades) {
    it.live(`count ${what}`, () =>
      guarded({ guards: { failedHandshakes: 1 } }, ({ next }) =>
        Effect.gen(function* () {
          const raw = yield* rawTcp((yield* ListenAddress).port)
          raw.write(head(yield* pathText))
          assert.match(yield* raw.closed, new RegExp(`^HTTP/1.1 ${status} `))
          assert.deepStrictEqual(yield* next, refusal("BadRequest"))
          assert.match(yield* refused(), /^429 /)
          yield* greeted(elsewhere)
        })
      )
    )
  }

  it.live("count no upgrade for whom a trusted proxy speaks for, and never for the proxy", () =>
    guarded({ guards: { failedHandshakes: 1, trustedProxies: ["127.0.0.1"] } }, () =>
      Effect.gen(function* () {
        const from = (address: string) => ({ headers: { "x-forwarded-for": address } })
        const { port } = yield* ListenAddress
        for (const head of [
          upgradeHead("nowhere", { "X-Forwarded-For": "203.0.113.1" }),
          upgradeHead(yield* pathText, { ...plain, "X-Forwarded-For": "203.0.113.2" }, "POST"),
          upgradeHead("nowhere"),
          upgradeHead(yield* pathText, plain, "POST")
        ]) {
          const raw = yield* rawTcp(port)
          raw.write(head)
          assert.match(yield* raw.closed, /^HTTP\/1.1 4(00|26) /)
        }
        for (const address of ["203.0.113.1", "203.0.113.2"]) assert.match(yield* refused(from(address)), /^429 /)
        yield* greeted(from("203.0.113.3"))
      })
    )
  )

  const late: ReadonlyArray<readonly [string, string]> = [
    ["that never says a word", ""],
    ["whose request never ends", "GET / HTTP/1.1\r\nHost: x\r\n"]
  ]
  for (const [who, said] of late) {
    it.effect(`count a client ${who} and that the deadline for an upgrade cuts`, () =>
      guarded({ guards: { failedHandshakes: 1, upgradeDeadline: 4_000 } }, ({ next }) =>
        Effect.gen(function* () {
          const raw = yield* rawTcp((yield* ListenAddress).port)
          raw.write(said)
          // A newcomer that is greeted shows that the server has seen the first.
          yield* greeted()
          yield* TestClock.adjust(4_000)
          assert.strictEqual(yield* raw.closed, "")
          assert.deepStrictEqual(yield* next, refusal("TooSlow"))
          assert.match(yield* refused(), /^429 /)
          yield* greeted(elsewhere)
        })
      )
    )
  }

  it.effect("count TLS that is stalled, and TLS with nothing behind it", () =>
    Effect.gen(function* () {
      const { cert, key } = yield* TestClock.withLive(SelfSigned.make())
      yield* guarded(
        { guards: { failedHandshakes: 2, upgradeDeadline: 4_000 } },
        ({ next }) =>
          Effect.gen(function* () {
            const { port } = yield* ListenAddress
            const stalled = yield* rawTcp(port)
            // The head of a ClientHello of 512 bytes.
            stalled.write(bytes(0x16, 3, 1, 2, 0, 1))
            const silent = yield* rawTls(port)
            yield* TestClock.adjust(4_000)
            for (const raw of [stalled, silent]) {
              yield* raw.closed
              assert.deepStrictEqual(yield* next, refusal("TooSlow"))
            }
            yield* Effect.flip(rawTls(port))
            assert.deepStrictEqual(yield* next, refusal("TooManyFailures"))
          }),
        { tls: { key, cert } }
      )
    })
  )

  it.live("of TLS count, but not a look whether the port is open; then there is no TLS for that address", () =>
    Effect.gen(function* () {
      const { cert, key } = yield* SelfSigned.make()
      const trusting = { ca: cert }
      yield* guarded(
        { guards: { failedHandshakes: 1, maxRefusals: 2 } },
        ({ next }) =>
          Effect.gen(function* () {
            const { port } = yield* ListenAddress
            const look = yield* rawTcp(port)
            look.socket.destroy()
            const good = yield* dial(yield* urlOf, trusting)
            const noise = yield* rawTcp(port)
            noise.write("GET / HTTP/1.1\r\n\r\n")
            yield* noise.closed
            assert.deepStrictEqual(yield* next, refusal("TlsFailed"))
            // However often: they are no refusals that are still being answered.
            for (let n = 0; n < 3; n++) {
              const blocked = yield* Effect.result(rawTls(port))
              assert.isTrue(Result.isFailure(blocked))
              assert.deepStrictEqual(yield* next, refusal("TooManyFailures"))
            }
            yield* register(good, 1)
            yield* greeted({ ...trusting, ...elsewhere })
          }),
        { tls: { key, cert } }
      )
    })
  )
})
