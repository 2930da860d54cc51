import { assert, describe, it } from "@effect/vitest"
import { Crypto, DeviceGroupKey, toUrlPath } from "@d2m/codec"
import { type GuardsInput, ListenAddress } from "@d2m/server-sim/node"
import { Effect } from "effect"
import { Hex } from "effect/encoding"
import { TestClock } from "effect/testing"
import * as SelfSigned from "../../cli/src/SelfSignedCertificate.ts"
import { bytes } from "./drive.ts"
import { rawTcp, rawTls, upgradeHead } from "./raw-socket.ts"
import {
  elsewhere,
  greeted,
  guarded,
  join,
  keysOf,
  pathText,
  refusal,
  refused,
  register,
  urlOf
} from "./served-mediator.ts"
import { dial } from "./wire-client.ts"

/** Dials until there is room again: that somebody has left shows only so. */
const whenThereIsRoom = Effect.fnUntraced(function* (options: Parameters<typeof dial>[1] = {}) {
  const isFull = (error: string): boolean => error.startsWith("503") || error.startsWith("429")
  return yield* Effect.retry(dial(yield* urlOf, options), { while: isFull })
})

describe("how many", () => {
  it.live("connections there are in all: the next is answered with 503, until one has left", () =>
    guarded({ guards: { maxConnections: 2 } }, ({ next }) =>
      Effect.gen(function* () {
        const a = yield* greeted()
        const b = yield* greeted(elsewhere)
        assert.strictEqual(yield* refused(), "503 the mediator has as many connections as it takes")
        assert.deepStrictEqual(yield* next, refusal("TooManyConnections"))
        b.send({ _tag: "Proxy", data: bytes(1) })
        yield* b.until("Proxy")
        a.ws.close()
        yield* register(yield* whenThereIsRoom(), 1)
      })
    )
  )

  it.live("connections an address has: the next is answered with 429, and other addresses do not notice", () =>
    guarded({ guards: { maxConnectionsPerAddress: 2 } }, ({ next }) =>
      Effect.gen(function* () {
        const a = yield* join(1)
        yield* greeted()
        assert.strictEqual(yield* refused(), "429 too many connections from this address")
        assert.deepStrictEqual(yield* next, refusal("TooManyFromAddress"))
        yield* greeted(elsewhere)
        a.ws.close()
        yield* whenThereIsRoom()
      })
    )
  )

  it.live("are refused over TLS just so", () =>
    Effect.gen(function* () {
      const { cert, key } = yield* SelfSigned.make()
      const trusting = { ca: cert }
      yield* guarded(
        { guards: { maxConnectionsPerAddress: 1 } },
        ({ next }) =>
          Effect.gen(function* () {
            const a = yield* greeted(trusting)
            assert.strictEqual(yield* refused(trusting), "429 too many connections from this address")
            assert.deepStrictEqual(yield* next, refusal("TooManyFromAddress"))
            a.ws.close()
            yield* whenThereIsRoom(trusting)
          }),
        { tls: { key, cert } }
      )
    })
  )

  it.live("connections that never say a word: they count", () =>
    guarded({ guards: { maxConnections: 2 } }, () =>
      Effect.gen(function* () {
        const { port } = yield* ListenAddress
        const silent = yield* rawTcp(port)
        yield* rawTcp(port)
        assert.match(yield* refused(), /^503 /)
        silent.socket.destroy()
        yield* whenThereIsRoom()
      })
    )
  )

  it.live("refusals are answered at the same time: the rest is hung up on", () =>
    guarded({ guards: { maxConnections: 1, maxRefusals: 1 } }, ({ next }) =>
      Effect.gen(function* () {
        const { port } = yield* ListenAddress
        const a = yield* greeted()
        const lingering = yield* rawTcp(port)
        const unanswered = yield* rawTcp(port)
        assert.strictEqual(yield* unanswered.closed, "")
        assert.deepStrictEqual(yield* next, refusal("Overrun"))
        lingering.write(upgradeHead(yield* pathText))
        assert.match(yield* lingering.got("takes\n"), /^HTTP\/1\.1 503 Service Unavailable\r\n/)
        lingering.socket.end()
        yield* lingering.closed
        a.send({ _tag: "Proxy", data: bytes(1) })
        yield* a.until("Proxy")
      })
    )
  )
})

describe("device groups", () => {
  it.live("are all served unless there is a list; then the others are answered with 403", () =>
    Effect.gen(function* () {
      const groupId = Hex.encode((yield* keysOf).groupId)
      yield* guarded({ guards: { allowedGroups: [groupId.toUpperCase()] } }, ({ next }) =>
        Effect.gen(function* () {
          yield* join(1)
          const stranger = (yield* Crypto).deriveKeys(DeviceGroupKey.make(new Uint8Array(32).fill(1)))
          const path = toUrlPath({ deviceGroupId: stranger.groupId, serverGroup: "7a" })
          const raw = yield* rawTcp((yield* ListenAddress).port)
          raw.write(upgradeHead(path))
          assert.match(
            yield* raw.got("group\n"),
            /^HTTP\/1\.1 403 Forbidden\r\n[^]*this mediator does not serve this device group\n$/
          )
          assert.deepStrictEqual(yield* next, refusal("GroupNotAllowed"))
        })
      )
    }).pipe(Effect.provide(Crypto.layer))
  )
})

describe("behind a proxy", () => {
  const from = (address: string) => ({ headers: { "x-forwarded-for": address } })

  it.live("that is trusted, clients are told apart by what it says", () =>
    guarded({ guards: { maxConnectionsPerAddress: 1, trustedProxies: ["127.0.0.1"] } }, ({ next }) =>
      Effect.gen(function* () {
        const first = yield* greeted(from("203.0.113.1"))
        assert.match(yield* refused(from("203.0.113.1")), /^429 /)
        assert.deepStrictEqual(yield* next, refusal("TooManyFromAddress", "203.0.113.1"))
        // Whatever a client sent itself stands before what the proxy adds.
        assert.match(yield* refused(from("203.0.113.9, 203.0.113.1")), /^429 /)
        yield* greeted(from("203.0.113.2"))
        first.ws.close()
        yield* whenThereIsRoom(from("203.0.113.1"))
      })
    )
  )

  it.live("that nobody named, they are one", () =>
    guarded({ guards: { maxConnectionsPerAddress: 1, trustedProxies: ["192.0.2.1"] } }, ({ next }) =>
      Effect.gen(function* () {
        yield* greeted(from("203.0.113.1"))
        assert.match(yield* refused(from("203.0.113.2")), /^429 /)
        assert.deepStrictEqual(yield* next, refusal("TooManyFromAddress"))
      })
    )
  )
})

describe("what is no upgrade", () => {
  const malformed: ReadonlyArray<readonly [string, (path: string) => string, number]> = [
    ["another method", (path) => upgradeHead(path, {}, "POST"), 405],
    ["another protocol", (path) => upgradeHead(path, { Upgrade: "h2c" }), 400],
    ["no key", (path) => upgradeHead(path, { "Sec-WebSocket-Key": undefined }), 400],
    ["a key that is none", (path) => upgradeHead(path, { "Sec-WebSocket-Key": "short" }), 400],
    ["no version", (path) => upgradeHead(path, { "Sec-WebSocket-Version": undefined }), 400],
    ["another version", (path) => upgradeHead(path, { "Sec-WebSocket-Version": "99" }), 400],
    ["a sub-protocol that is none", (path) => upgradeHead(path, { "Sec-WebSocket-Protocol": ",,," }), 400],
    ["no path", () => upgradeHead(""), 400],
    ["a path that is no ClientUrlInfo", () => upgradeHead("zz"), 400],
    ["a path with control characters", () => upgradeHead("\u0001"), 400],
    ["bytes that are no HTTP", () => "\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n", 400],
    ["a header that is none", (path) => upgradeHead(path, { "Bad Header": "x" }), 400],
    ["two lengths", () => "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400],
    ["a huge header", (path) => upgradeHead(path, { Cookie: "x".repeat(10_000) }), 431],
    [
      "a huge number of headers",
      (path) => upgradeHead(path, Object.fromEntries(Array.from({ length: 1_200 }, (_, n) => [`X-${n}`, "1"]))),
      431
    ],
    ["a huge path", () => upgradeHead("a".repeat(10_000)), 431],
    ["a plain request", (path) => upgradeHead(path, { Connection: undefined, Upgrade: undefined }), 426]
  ]
  for (const [what, request, status] of malformed) {
    it.live(`${what} is answered with ${status} and closed`, () =>
      guarded({ guards: {} }, ({ next }) =>
        Effect.gen(function* () {
          const raw = yield* rawTcp((yield* ListenAddress).port)
          raw.write(request(yield* pathText))
          assert.match(yield* raw.closed, new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\nconnection: close\r\n`, "i"))
          assert.deepStrictEqual(yield* next, refusal(status === 426 ? "NotAnUpgrade" : "BadRequest"))
          yield* join(1)
        })
      )
    )
  }

  for (const [what, headers] of [
    ["an upgrade", {}],
    ["a plain request", { Connection: undefined, Upgrade: undefined }]
  ] as const) {
    it.live(`${what} at the address alone is told what its path lacks`, () =>
      guarded({ guards: {} }, ({ next }) =>
        Effect.gen(function* () {
          const raw = yield* rawTcp((yield* ListenAddress).port)
          raw.write(upgradeHead("", headers))
          assert.match(yield* raw.closed, /\r\n\r\nthe path is to end with the hex of a ClientUrlInfo: /)
          yield* next
          yield* join(1)
        })
      )
    )
  }

  it.live("headers without end are cut", () =>
    guarded({ guards: {} }, ({ next }) =>
      Effect.gen(function* () {
        const raw = yield* rawTcp((yield* ListenAddress).port)
        raw.write("GET / HTTP/1.1\r\n")
        const more = (): void => {
          while (!raw.socket.destroyed && raw.socket.write(`X: ${"x".repeat(1_000)}\r\n`));
        }
        raw.socket.on("drain", more)
        more()
        yield* raw.closed
        assert.deepStrictEqual(yield* next, refusal("BadRequest"))
        yield* join(1)
      })
    )
  )

  it.live("a client that hangs up in the middle is nobody's loss", () =>
    guarded({ guards: { maxConnections: 10 } }, ({ rest }) =>
      Effect.gen(function* () {
        const { port } = yield* ListenAddress
        const head = upgradeHead(yield* pathText)
        for (const length of [0, 1, 20, head.length - 1, head.length]) {
          const raw = yield* rawTcp(port)
          raw.write(head.slice(0, length))
          if (length === head.length) yield* raw.got("101 Switching Protocols")
          raw.socket.resetAndDestroy()
          yield* raw.closed
        }
        assert.deepStrictEqual(yield* rest, [])
        // All of them have left.
        for (let n = 0; n < 10; n++) yield* whenThereIsRoom()
      })
    )
  )
})

describe("the deadline for an upgrade", () => {
  const guards: GuardsInput = { upgradeDeadline: "4 seconds", maxConnections: 1 }

  const late: ReadonlyArray<readonly [string, string]> = [
    ["says nothing", ""],
    ["never ends its request", "GET / HTTP/1.1\r\nHost: x\r\n"]
  ]
  for (const [what, said] of late) {
    it.effect(`cuts a client that ${what}, and makes room for others`, () =>
      guarded({ guards }, ({ next }) =>
        Effect.gen(function* () {
          const raw = yield* rawTcp((yield* ListenAddress).port)
          raw.write(said)
          // A newcomer that is refused shows that the server has seen the first.
          assert.match(yield* refused(), /^503 /)
          yield* next
          for (let n = 0; n < 3; n++) {
            yield* TestClock.adjust(1_000)
            if (said !== "") raw.write("X: 1\r\n")
            assert.match(yield* refused(), /^503 /)
            yield* next
          }
          yield* TestClock.adjust(1_000)
          assert.strictEqual(yield* raw.closed, "")
          assert.deepStrictEqual(yield* next, refusal("TooSlow"))
          yield* join(1)
        })
      )
    )
  }

  it.effect("cuts whoever was refused and does not leave", () =>
    guarded({ guards: { upgradeDeadline: 4_000, maxConnections: 1 } }, ({ next, rest }) =>
      Effect.gen(function* () {
        const raw = yield* rawTcp((yield* ListenAddress).port, { allowHalfOpen: true })
        raw.write(upgradeHead("zz"))
        yield* raw.got("\r\n\r\n")
        assert.deepStrictEqual(yield* next, refusal("BadRequest"))
        yield* TestClock.adjust(3_000)
        assert.match(yield* refused(), /^503 /)
        yield* next
        assert.deepStrictEqual(yield* rest, [])
        yield* TestClock.adjust(1_000)
        yield* whenThereIsRoom()
        assert.isTrue((yield* rest).every((event) => event._tag === "Refused" && event.reason === "TooManyConnections"))
      })
    )
  )

  it.effect("does not concern whoever has upgraded in time", () =>
    guarded({ guards: { upgradeDeadline: 4_000 } }, ({ rest }) =>
      Effect.gen(function* () {
        const a = yield* join(1)
        yield* TestClock.adjust(30_000)
        a.send({ _tag: "GetDevicesInfo" })
        yield* a.until("DevicesInfo")
        assert.deepStrictEqual(yield* rest, [])
      })
    )
  )

  it.effect("holds for a TLS handshake, too", () =>
    Effect.gen(function* () {
      const { cert, key } = yield* SelfSigned.make()
      yield* guarded(
        { guards: { upgradeDeadline: 4_000 } },
        ({ next }) =>
          Effect.gen(function* () {
            const { port } = yield* ListenAddress
            const [silent, handshaken] = [yield* rawTcp(port), yield* rawTls(port)]
            yield* TestClock.adjust(4_000)
            assert.strictEqual(yield* silent.closed, "")
            assert.strictEqual(yield* handshaken.closed, "")
            for (let n = 0; n < 2; n++) assert.deepStrictEqual(yield* next, refusal("TooSlow"))
            yield* join(1).pipe(Effect.flip)
          }),
        { tls: { key, cert } }
      )
    })
  )

  it.live("is not needed for what is no TLS at all", () =>
    Effect.gen(function* () {
      const { cert, key } = yield* SelfSigned.make()
      yield* guarded(
        { guards: {} },
        ({ next }) =>
          Effect.gen(function* () {
            const raw = yield* rawTcp((yield* ListenAddress).port)
            raw.write("GET / HTTP/1.1\r\n\r\n")
            yield* raw.closed
            assert.deepStrictEqual(yield* next, refusal("TlsFailed"))
          }),
        { tls: { key, cert } }
      )
    })
  )
})
