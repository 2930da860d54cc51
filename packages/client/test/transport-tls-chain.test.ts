import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue } from "effect"
import dns from "node:dns"
import * as Tls from "node:tls"
import type { NodeWebSocketOptions } from "../src/node.ts"
import { authority, keyPair, past } from "./certificate-authority.ts"
import { type Certificate, client, open, refusal, serve } from "./transport-support.ts"

/** Every name is this machine, as long as the scope lasts: certificates are for names that nobody has registered. */
const everyNameIsLoopback = Effect.acquireRelease(
  Effect.sync(() => {
    const { lookup } = dns
    const loopback = (_host: string, options: dns.LookupOptions, found: (...args: Array<unknown>) => void): void =>
      options.all === true ? found(null, [{ address: "127.0.0.1", family: 4 }]) : found(null, "127.0.0.1", 4)
    Object.assign(dns, { lookup: loopback })
    return lookup
  }),
  (lookup) => Effect.sync(() => Object.assign(dns, { lookup }))
)

const otherPin = `${"A".repeat(43)}=`

const world = Effect.gen(function* () {
  yield* everyNameIsLoopback
  return yield* authority()
})

type Options = Omit<NodeWebSocketOptions, "url">

/** That a client gets through to a server of this certificate at this name, and what the server saw of it. */
const reaches = (name: string, tls: Certificate, options: Options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const server = yield* serve({ tls })
      const { socket } = yield* client({ url: `wss://${name}:${server.port}/0a`, ...options })
      const { pull } = yield* open(socket)
      const peer = yield* Queue.take(server.accepted)
      peer.ws.send(Uint8Array.of(1))
      assert.deepStrictEqual(yield* pull, [Uint8Array.of(1)])
      return peer.socket as Tls.TLSSocket
    })
  )

/** How a client is refused there, before it has asked for anything. */
const refused = (name: string, tls: Certificate, options: Options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const server = yield* serve({ tls })
      const error = yield* refusal({ url: `wss://${name}:${server.port}/0a`, ...options })
      assert.strictEqual(server.upgrades(), 0)
      return { error, connections: server.connections() }
    })
  )

describe("hosts by pattern", () => {
  it.effect("one label for the star, its name asked for and verified, several pins", () =>
    Effect.gen(function* () {
      const { ca, leaf } = yield* world
      const tls = yield* leaf(["*.example.org"])
      const pins = [{ host: "*.example.org", pins: [otherPin, tls.pin] }] as const
      for (const name of ["mediator-4.example.org", "MEDIATOR-f.Example.ORG"]) {
        const socket = yield* reaches(name, tls, { tls: { ca }, pins })
        assert.strictEqual(String(socket.servername).toLowerCase(), name.toLowerCase())
      }
    })
  )

  it.effect("neither none nor two, though the certificate would be good: nothing is dialled", () =>
    Effect.gen(function* () {
      const { ca, leaf } = yield* world
      for (const name of ["example.org", "a.b.example.org", "mediator.example.com"]) {
        const tls = yield* leaf([name])
        const pins = [{ host: "*.example.org", pins: [tls.pin] }] as const
        for (const trust of ["chain-and-pin", "pinned-only"] as const) {
          const { connections, error } = yield* refused(name, tls, { tls: { ca }, pins, trust })
          assert.deepInclude(error, { _tag: "NoPinFor", host: name })
          assert.strictEqual(connections, 0)
        }
      }
    })
  )

  it.effect("an exact rule stands instead of the pattern's, also where it refuses", () =>
    Effect.gen(function* () {
      const { ca, leaf } = yield* world
      const tls = yield* leaf(["*.example.org"])
      const pins = [
        { host: "*.example.org", pins: [tls.pin] },
        { host: "strict.example.org", pins: [otherPin] }
      ] as const
      yield* reaches("mediator.example.org", tls, { tls: { ca }, pins })
      const { error } = yield* refused("strict.example.org", tls, { tls: { ca }, pins })
      assert.deepInclude(error, { _tag: "PinMismatch", expected: [otherPin], found: tls.pin })
    })
  )

  it.effect("a key that was pinned ahead takes over, and a certificate renewed for the same key changes nothing", () =>
    Effect.gen(function* () {
      const { ca, leaf } = yield* world
      const [now, next, never] = [yield* keyPair, yield* keyPair, yield* keyPair]
      const pins = [{ host: "*.example.org", pins: [now.pin, next.pin] }] as const
      const name = "mediator.example.org"
      for (const keys of [now, now, next]) {
        yield* reaches(name, yield* leaf([name], { keys }), { tls: { ca }, pins })
      }
      const { error } = yield* refused(name, yield* leaf([name], { keys: never }), { tls: { ca }, pins })
      assert.deepInclude(error, { _tag: "PinMismatch", found: never.pin })
    })
  )
})

describe("a chain", () => {
  const name = "mediator.example.org"
  const pinned = (...pins: [string, ...Array<string>]) => [{ host: name, pins }] as const

  it.effect("to a trusted authority with the leaf's key pinned is accepted", () =>
    Effect.gen(function* () {
      const { ca, leaf } = yield* world
      const tls = yield* leaf([name])
      yield* reaches(name, tls, { tls: { ca }, pins: pinned(tls.pin) })
    })
  )

  it.effect("whose authorities are pinned and whose leaf is not is refused: their next leaf could be anybody's", () =>
    Effect.gen(function* () {
      const { ca, leaf, pins } = yield* world
      const tls = yield* leaf([name])
      for (const trust of ["chain-and-pin", "pinned-only"] as const) {
        const options = { tls: { ca }, trust, pins: pinned(pins.intermediate, pins.root) }
        const { error } = yield* refused(name, tls, options)
        assert.deepInclude(error, { _tag: "PinMismatch", found: tls.pin })
      }
    })
  )

  it.effect("is refused for what is wrong with it, though the leaf's key is pinned", () =>
    Effect.gen(function* () {
      const { ca, leaf } = yield* world
      const stranger = yield* authority({ name: "stranger" })
      const namesake = yield* authority()
      const aged = yield* authority({ intermediateDates: past })
      const leafOnly = (tls: Certificate): Certificate => ({
        ...tls,
        cert: tls.cert.slice(0, tls.cert.indexOf("-----END CERTIFICATE-----") + 26)
      })
      const cases: ReadonlyArray<readonly [Certificate, string, string]> = [
        [yield* leaf([name], { dates: past }), ca, "CERT_HAS_EXPIRED"],
        [yield* aged.leaf([name]), aged.ca, "CERT_HAS_EXPIRED"],
        [yield* leaf(["other.example.org"]), ca, "ERR_TLS_CERT_ALTNAME_INVALID"],
        [yield* leaf(["*.sub.example.org"]), ca, "ERR_TLS_CERT_ALTNAME_INVALID"],
        [yield* leaf(["127.0.0.1"]), ca, "ERR_TLS_CERT_ALTNAME_INVALID"],
        [yield* stranger.leaf([name]), ca, "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"],
        [yield* namesake.leaf([name]), ca, "CERT_SIGNATURE_FAILURE"],
        [leafOnly(yield* leaf([name])), ca, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"]
      ]
      for (const [tls, trusted, code] of cases) {
        const { error } = yield* refused(name, tls, { tls: { ca: trusted }, pins: pinned(tls.pin) })
        assert.deepInclude(error, { _tag: "CertificateRejected", code, host: name })
        // With the pin as the only proof it is this very key that counts.
        yield* reaches(name, tls, { trust: "pinned-only", pins: pinned(tls.pin) })
      }
    })
  )
})
