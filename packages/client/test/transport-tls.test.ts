import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue } from "effect"
import type * as Net from "node:net"
import * as Tls from "node:tls"
import type { NodeWebSocketOptions } from "../src/node.ts"
import {
  type Certificate,
  certificate,
  client,
  connected,
  event,
  failure,
  open,
  redactedKey,
  refusal,
  serve,
  serveTcp
} from "./transport-support.ts"

const otherPin = `${"A".repeat(43)}=`
const pinned = (...pins: [string, ...Array<string>]) => [{ host: "127.0.0.1", pins }] as const

/** That this client gets through to this server, and says and hears something. */
const works = (tls: Certificate, options: Partial<NodeWebSocketOptions>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { peer, pull, write } = yield* connected(options, { tls })
      peer.ws.on("message", (data) => peer.ws.send(data))
      yield* write(Uint8Array.of(1, 2))
      assert.deepStrictEqual(yield* pull, [Uint8Array.of(1, 2)])
    })
  )

/** How this client is refused by this server, after which no upgrade was ever asked for. */
const refused = (tls: Certificate, options: Partial<NodeWebSocketOptions>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { upgrades, url } = yield* serve({ tls })
      const error = yield* refusal({ url, ...options })
      assert.strictEqual(upgrades(), 0)
      return error
    })
  )

describe("chain-and-pin", () => {
  it.effect("a verified certificate with a pinned key", () =>
    Effect.gen(function* () {
      const tls = yield* certificate()
      yield* works(tls, { tls: { ca: tls.cert }, pins: pinned(tls.pin) })
      yield* works(tls, { tls: { ca: [Buffer.from(tls.cert)] }, pins: pinned(otherPin, tls.pin) })
    })
  )

  it.effect("another key is refused, and says which", () =>
    Effect.gen(function* () {
      const tls = yield* certificate()
      const error = yield* refused(tls, { tls: { ca: tls.cert }, pins: pinned(otherPin) })
      assert.deepInclude(error, { _tag: "PinMismatch", host: "127.0.0.1", expected: [otherPin], found: tls.pin })
      assert.strictEqual(error.message, `the key of 127.0.0.1 is not pinned: found ${tls.pin}, expected ${otherPin}`)
    })
  )

  it.effect("no byte of the request is written before the pin was checked", () =>
    Effect.gen(function* () {
      const tls = yield* certificate()
      const accepted = yield* Queue.unbounded<Net.Socket>()
      let heard = 0
      const server = Tls.createServer(tls, (socket) => {
        socket.on("data", (data) => (heard += data.length))
        socket.on("error", () => undefined)
      })
      server.on("connection", (socket: Net.Socket) => Queue.offerUnsafe(accepted, socket))
      server.on("tlsClientError", () => undefined)
      const listening = yield* Effect.forkChild(event(server, "listening"), { startImmediately: true })
      server.listen(0, "127.0.0.1")
      yield* Fiber.join(listening)
      yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
      const { port } = server.address() as { port: number }
      for (const trust of ["chain-and-pin", "pinned-only"] as const) {
        const options = { url: `wss://127.0.0.1:${port}/`, tls: { ca: tls.cert }, pins: pinned(otherPin), trust }
        const refusing = yield* Effect.forkChild(refusal(options), { startImmediately: true })
        const socket = yield* Queue.take(accepted)
        yield* event(socket, "close")
        assert.strictEqual((yield* Fiber.join(refusing))._tag, "PinMismatch")
      }
      assert.strictEqual(heard, 0)
    })
  )

  it.effect("a host without a rule is refused before anything is dialled", () =>
    Effect.gen(function* () {
      const tls = yield* certificate()
      const server = yield* serve({ tls })
      const elsewhere = [{ host: "*.example.org", pins: [tls.pin] }] as const
      for (const options of [{}, { pins: elsewhere }, { pins: elsewhere, trust: "pinned-only" }] as const) {
        const error = yield* refusal({ url: server.url, tls: { ca: tls.cert }, ...options })
        assert.deepInclude(error, { _tag: "NoPinFor", host: "127.0.0.1" })
        assert.include(error.message, "127.0.0.1")
      }
      assert.strictEqual(server.connections(), 0)
    })
  )

  it.effect("a rule that cannot match is refused before anything is dialled", () =>
    Effect.gen(function* () {
      const tls = yield* certificate()
      const server = yield* serve({ tls })
      const error = yield* refusal({ url: server.url, pins: [{ host: "127.0.0.1", pins: ["nonsense"] }] })
      assert.strictEqual(error._tag, "InvalidPinRule")
      assert.strictEqual(server.connections(), 0)
    })
  )

  for (const [what, names, dates, code] of [
    ["expired", ["127.0.0.1"], { from: "2020-01-01", to: "2020-02-01" }, "CERT_HAS_EXPIRED"],
    ["not valid yet", ["127.0.0.1"], { from: "2119-01-01", to: "2120-01-01" }, "CERT_NOT_YET_VALID"],
    ["for another host", ["mediator.example.org"], undefined, "ERR_TLS_CERT_ALTNAME_INVALID"]
  ] as const) {
    it.effect(`a certificate that is ${what} is refused, though its key is pinned`, () =>
      Effect.gen(function* () {
        const tls = yield* certificate(names, dates)
        const error = yield* refused(tls, { tls: { ca: tls.cert }, pins: pinned(tls.pin) })
        assert.deepInclude(error, { _tag: "CertificateRejected", code, host: "127.0.0.1" })
        assert.include(error.message, `the certificate of 127.0.0.1 is not accepted (${code}): `)
      })
    )
  }

  it.effect("a self-signed certificate that no authority vouches for is refused, though its key is pinned", () =>
    Effect.gen(function* () {
      const tls = yield* certificate()
      const error = yield* refused(tls, { pins: pinned(tls.pin) })
      assert.deepInclude(error, { _tag: "CertificateRejected", code: "DEPTH_ZERO_SELF_SIGNED_CERT" })
    })
  )

  it.effect("no environment variable switches the verification off", () =>
    Effect.gen(function* () {
      const tls = yield* certificate()
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0"
        }),
        () => Effect.sync(() => delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"])
      )
      assert.strictEqual((yield* refused(tls, { pins: pinned(tls.pin) }))._tag, "CertificateRejected")
      assert.strictEqual((yield* refused(tls, { trust: "system-trust" }))._tag, "CertificateRejected")
    })
  )

  it.effect("nor does an option that the types do not know", () =>
    Effect.gen(function* () {
      const tls = yield* certificate()
      const untyped: object = { rejectUnauthorized: false, checkServerIdentity: () => undefined }
      assert.strictEqual((yield* refused(tls, { tls: untyped, pins: pinned(tls.pin) }))._tag, "CertificateRejected")
    })
  )
})

describe("pinned-only", () => {
  it.effect("the pin is enough: self-signed, expired, for another host", () =>
    Effect.gen(function* () {
      for (const tls of [
        yield* certificate(),
        yield* certificate(["127.0.0.1"], { from: "2020-01-01", to: "2020-02-01" }),
        yield* certificate(["mediator.example.org"])
      ]) {
        yield* works(tls, { trust: "pinned-only", pins: pinned(tls.pin) })
      }
    })
  )

  it.effect("and nothing else is: neither a trusted authority nor the right name", () =>
    Effect.gen(function* () {
      const tls = yield* certificate()
      const error = yield* refused(tls, { trust: "pinned-only", pins: pinned(otherPin), tls: { ca: tls.cert } })
      assert.deepInclude(error, { _tag: "PinMismatch", found: tls.pin })
    })
  )
})

describe("system-trust", () => {
  it.effect("a host without a rule needs a verified certificate", () =>
    Effect.gen(function* () {
      const tls = yield* certificate()
      yield* works(tls, { trust: "system-trust", tls: { ca: tls.cert } })
      assert.strictEqual((yield* refused(tls, { trust: "system-trust" }))._tag, "CertificateRejected")
    })
  )

  it.effect("a host with a rule stays pinned", () =>
    Effect.gen(function* () {
      const tls = yield* certificate()
      const options = { trust: "system-trust", tls: { ca: tls.cert } } as const
      assert.strictEqual((yield* refused(tls, { ...options, pins: pinned(otherPin) }))._tag, "PinMismatch")
    })
  )
})

describe("TLS", () => {
  // Tickets come after the handshake in 1.3, and within it in 1.2.
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    it.effect(`no session of ${version} is resumed, so that every connection shows its certificate`, () =>
      Effect.gen(function* () {
        const tls = { ...(yield* certificate()), minVersion: version, maxVersion: version }
        const server = yield* serve({ tls })
        const { socket } = yield* client({ url: server.url, trust: "pinned-only", pins: pinned(tls.pin) })
        for (let n = 0; n < 2; n++) {
          yield* Effect.scoped(
            Effect.gen(function* () {
              const { pull } = yield* open(socket)
              const peer = yield* Queue.take(server.accepted)
              const secure = peer.socket as Tls.TLSSocket
              assert.strictEqual(secure.getProtocol(), version)
              assert.isFalse(secure.isSessionReused())
              // A ticket has come by the time a message has.
              peer.ws.send(Uint8Array.of(1))
              yield* pull
            })
          )
        }
      })
    )
  }

  it.effect("an older version than the application puts up with is refused", () =>
    Effect.gen(function* () {
      const old = { ...(yield* certificate()), maxVersion: "TLSv1.2" } as const
      const options = { trust: "pinned-only", pins: pinned(old.pin) } as const
      yield* works(old, options)
      assert.strictEqual((yield* refused(old, { ...options, tls: { minVersion: "TLSv1.3" } }))._tag, "TlsFailed")
    })
  )

  it.effect("a server has no second handshake to show another key in", () =>
    Effect.gen(function* () {
      const tls = { ...(yield* certificate()), maxVersion: "TLSv1.2" } as const
      const { peer, pull } = yield* connected({ trust: "pinned-only", pins: pinned(tls.pin) }, { tls })
      const secure = peer.socket as Tls.TLSSocket
      secure.on("error", () => undefined)
      secure.renegotiate({}, () => peer.ws.send("renegotiated"))
      assert.deepInclude(yield* failure(pull), { _tag: "Closed", by: "network" })
    })
  )

  it.effect("a host name goes into the request for the certificate, and is verified", () =>
    Effect.gen(function* () {
      const tls = yield* certificate(["localhost"])
      const { accepted, port } = yield* serve({ tls })
      const pins = [{ host: "localhost", pins: [tls.pin] }] as const
      const { socket } = yield* client({ url: `wss://localhost:${port}/`, tls: { ca: tls.cert }, pins })
      yield* open(socket)
      const peer = yield* Queue.take(accepted)
      assert.strictEqual((peer.socket as Tls.TLSSocket).servername, "localhost")
    })
  )

  it.effect("the client's own certificate is shown to a server that asks", () =>
    Effect.gen(function* () {
      const tls = yield* certificate()
      const own = yield* certificate(["device"])
      const asking = { ...tls, requestCert: true, ca: own.cert, rejectUnauthorized: true }
      const options = { trust: "pinned-only", pins: pinned(tls.pin) } as const
      yield* works(asking, { ...options, tls: { cert: own.cert, key: redactedKey(own) } })
      const { url } = yield* serve({ tls: asking })
      assert.include(["TlsFailed", "Unreachable"], (yield* refusal({ url, ...options }))._tag)
    })
  )

  it.effect("a server that does not speak it, and a key that is none", () =>
    Effect.gen(function* () {
      const { accepted, port } = yield* serveTcp
      const url = `wss://127.0.0.1:${port}/`
      const refusing = yield* Effect.forkChild(refusal({ url, trust: "system-trust" }), { startImmediately: true })
      const peer = yield* Queue.take(accepted)
      yield* event(peer, "data")
      peer.write("HTTP/1.1 400 Bad Request\r\n\r\n")
      const error = yield* Fiber.join(refusing)
      assert.strictEqual(error._tag, "TlsFailed")
      assert.include(error.message, `no TLS with 127.0.0.1:${port}`)

      const bad = yield* certificate()
      const tls = { cert: "no PEM", key: redactedKey(bad) }
      const unusable = yield* refusal({ url, trust: "system-trust", tls })
      assert.strictEqual(unusable._tag, "TlsFailed")
      assert.notInclude(unusable.message, "PRIVATE KEY")
    })
  )
})
