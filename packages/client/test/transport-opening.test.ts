import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Queue } from "effect"
import { TestClock } from "effect/testing"
import { answer, client, event, failure, refusal, serve, serveTcp } from "./transport-support.ts"

describe("opening", () => {
  it.effect("HTTP 400", () =>
    Effect.gen(function* () {
      const { port, url } = yield* serve({ refuse: 400 })
      const error = yield* refusal({ url })
      assert.deepInclude(error, { _tag: "UpgradeRefused", status: 400, detail: "No" })
      assert.strictEqual(error.message, `127.0.0.1:${port} refused the WebSocket with HTTP 400: No`)
    })
  )

  for (const [what, reply] of [
    ["an accept key that is not ours", answer("Sec-WebSocket-Key: AAAA\r\n")],
    ["something that is not HTTP", "SSH-2.0-OpenSSH_9.2\r\n"]
  ] as const) {
    it.effect(`${what} is refused`, () =>
      Effect.gen(function* () {
        const { accepted, port } = yield* serveTcp
        const refused = yield* Effect.forkChild(refusal({ url: `ws://127.0.0.1:${port}/` }), { startImmediately: true })
        const peer = yield* Queue.take(accepted)
        yield* event(peer, "data")
        peer.write(reply)
        const error = yield* Fiber.join(refused)
        assert.strictEqual(error._tag, "UpgradeRefused")
        assert.include(error.message, `127.0.0.1:${port} refused the WebSocket: `)
      })
    )
  }

  it.effect("nobody listens", () =>
    Effect.gen(function* () {
      const { port } = yield* Effect.scoped(serveTcp)
      const error = yield* refusal({ url: `ws://127.0.0.1:${port}/` })
      assert.deepInclude(error, { _tag: "Unreachable", code: "ECONNREFUSED", address: `127.0.0.1:${port}` })
      assert.include(error.message, `127.0.0.1:${port} cannot be reached (ECONNREFUSED)`)
    })
  )

  it.effect("the server hangs up in the middle", () =>
    Effect.gen(function* () {
      const { accepted, port } = yield* serveTcp
      const refused = yield* Effect.forkChild(refusal({ url: `ws://127.0.0.1:${port}/` }), { startImmediately: true })
      const peer = yield* Queue.take(accepted)
      yield* event(peer, "data")
      peer.destroy()
      assert.deepInclude(yield* Fiber.join(refused), { _tag: "Unreachable", code: "ECONNRESET" })
    })
  )

  for (const [scheme, phase] of [
    ["ws", "upgrade"],
    ["wss", "tls"]
  ] as const) {
    it.effect(`a ${scheme}: server that says nothing: OpenTimeout after 10 s, and the socket is gone`, () =>
      Effect.gen(function* () {
        const { accepted, port } = yield* serveTcp
        const refused = yield* Effect.forkChild(
          refusal({ url: `${scheme}://127.0.0.1:${port}/`, trust: "system-trust" }),
          { startImmediately: true }
        )
        const peer = yield* Queue.take(accepted)
        yield* event(peer, "data")
        peer.resume()
        const gone = yield* Effect.forkChild(event(peer, "close"), { startImmediately: true })
        yield* TestClock.adjust("9999 millis")
        assert.isUndefined(refused.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        const error = yield* Fiber.join(refused)
        assert.deepInclude(error, { _tag: "OpenTimeout", phase, timeout: 10_000, address: `127.0.0.1:${port}` })
        assert.include(error.message, "within 10000 ms")
        yield* Fiber.join(gone)
      })
    )
  }

  it.effect("an open that timed out leaves no socket, also while its scope lives on", () =>
    Effect.gen(function* () {
      const { accepted, port } = yield* serveTcp
      const { socket } = yield* client({ url: `ws://127.0.0.1:${port}/`, openTimeout: Duration.seconds(1) })
      const opening = yield* Effect.forkChild(failure(socket.reader), { startImmediately: true })
      const peer = yield* Queue.take(accepted)
      const gone = yield* Effect.forkChild(event(peer.resume(), "close"), { startImmediately: true })
      yield* event(peer, "data")
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* Fiber.join(opening), { _tag: "OpenTimeout", timeout: 1000 })
      yield* Fiber.join(gone)
    })
  )

  it.effect("interrupted while opening: the socket is gone", () =>
    Effect.gen(function* () {
      const { accepted, port } = yield* serveTcp
      const { socket } = yield* client({ url: `ws://127.0.0.1:${port}/` })
      const opening = yield* Effect.forkChild(Effect.scoped(socket.reader), { startImmediately: true })
      const peer = yield* Queue.take(accepted)
      yield* event(peer, "data")
      const gone = yield* Effect.forkChild(event(peer.resume(), "close"), { startImmediately: true })
      yield* Fiber.interrupt(opening)
      yield* Fiber.join(gone)
    })
  )

  it.effect("plaintext only to this machine, unless it is allowed by name", () =>
    Effect.gen(function* () {
      for (const host of [
        "192.0.2.1",
        "mediator.example.org",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "[2001:db8::1]"
      ]) {
        const error = yield* refusal({ url: `ws://${host}/` })
        assert.strictEqual(error._tag, "PlaintextRefused", host)
        assert.include(error.message, "unencrypted ws: to ")
      }
      const { port } = yield* Effect.scoped(serveTcp)
      for (const host of ["127.0.0.1", "localhost", "[::1]", "127.1"]) {
        assert.strictEqual((yield* refusal({ url: `ws://${host}:${port}/` }))._tag, "Unreachable", host)
      }
      // On Linux this address is this machine, but it is not one of loopback's: no packet leaves for anybody.
      assert.strictEqual((yield* refusal({ url: `ws://0.0.0.0:${port}/` }))._tag, "PlaintextRefused")
      assert.strictEqual((yield* refusal({ url: `ws://0.0.0.0:${port}/`, allowPlaintext: true }))._tag, "Unreachable")
    })
  )

  it.effect("plaintext to a host that is pinned is refused even here", () =>
    Effect.gen(function* () {
      const { url } = yield* serve()
      const pins = [{ host: "127.0.0.1", pins: [`${"A".repeat(43)}=`] }] as const
      const error = yield* refusal({ url, pins, allowPlaintext: true })
      assert.strictEqual(error._tag, "PlaintextRefused")
      assert.include(error.message, "pinned")
    })
  )

  it.effect("an address that cannot be dialled", () =>
    Effect.gen(function* () {
      for (const [url, detail] of [
        ["", "not a URL"],
        ["mediator.example.org", "not a URL"],
        ["https://mediator.example.org/", "neither ws: nor wss:"],
        ["wss://user:secret@mediator.example.org/", "user name or password"],
        ["wss://mediator.example.org/#x", "fragment"]
      ] as const) {
        const error = yield* refusal({ url })
        assert.strictEqual(error._tag, "InvalidUrl", url)
        assert.include(error.message, detail)
        assert.notInclude(error.message, "secret")
      }
      const { url } = yield* serve()
      assert.strictEqual((yield* refusal({ url, headers: { "X-Bad": "a\r\nb" } }))._tag, "InvalidUrl")
    })
  )
})
