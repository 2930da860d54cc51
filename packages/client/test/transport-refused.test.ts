import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue } from "effect"
import { TestClock } from "effect/testing"
import { event, refusal, serveTcp, turns } from "./transport-support.ts"

/** Dials a server that answers the upgrade with these bytes, and gives its end and how dialling fails. */
const refusedWith = (...answer: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { accepted, port } = yield* serveTcp
    const refused = yield* Effect.forkChild(refusal({ url: `ws://127.0.0.1:${port}/` }), { startImmediately: true })
    const peer = yield* Queue.take(accepted)
    yield* event(peer, "data")
    peer.resume()
    const gone = yield* Effect.forkChild(event(peer, "close"), { startImmediately: true })
    for (const piece of answer) peer.write(piece)
    return { peer, gone, refused, address: `127.0.0.1:${port}` }
  })

/** How dialling fails when the server answers this and hangs up. */
const told = (head: string, body = "") =>
  Effect.gen(function* () {
    const { peer, refused } = yield* refusedWith(`HTTP/1.1 ${head}\r\n\r\n`, body)
    peer.end()
    const error = yield* Fiber.join(refused)
    assert.strictEqual(error._tag, "UpgradeRefused")
    return error
  })

const retryAfter = (...headers: ReadonlyArray<string>) =>
  Effect.map(told(["503 No", ...headers].join("\r\n")), (error) =>
    error._tag === "UpgradeRefused" ? error.retryAfter : undefined
  )

describe("a refused upgrade", () => {
  it.effect("tells the server's reason and how long it wants to be left alone", () =>
    Effect.gen(function* () {
      const text = "too many connections from this address"
      const head = [
        "HTTP/1.1 429 Too Many Requests",
        "content-type: text/plain",
        `content-length: ${text.length + 1}`,
        "retry-after: 40"
      ]
      const { address, gone, refused } = yield* refusedWith(`${head.join("\r\n")}\r\n\r\n${text}\n`)
      const error = yield* Fiber.join(refused)
      assert.deepInclude(error, { _tag: "UpgradeRefused", status: 429, detail: text, retryAfter: 40_000 })
      assert.strictEqual(error.message, `${address} refused the WebSocket with HTTP 429: ${text}`)
      yield* Fiber.join(gone)
    })
  )

  it.effect("tells printable text on one line, and of other contents the status only", () =>
    Effect.gen(function* () {
      for (const [type, body, detail] of [
        [
          "content-type: text/plain; charset=utf-8",
          "\u001b[31mnot\r\n\r\n\tyou:\u0000 \u202ezöe\n",
          "[31mnot you: zöe"
        ],
        ["content-type: application/json", `{"error":"no"}`, `{"error":"no"}`],
        ["x-a: b", "plain", "plain"],
        ["x-a: b", " \n", "Forbidden"],
        ["content-type: text/html", "<html>", "Forbidden"],
        ["content-encoding: gzip", "\u001f", "Forbidden"]
      ] as const) {
        assert.deepInclude(yield* told(`403 Forbidden\r\n${type}`, body), { status: 403, detail }, type)
      }
      assert.deepInclude(yield* told("403 "), { status: 403, detail: "no reason given" })
    })
  )

  it.effect("whose contents nobody reads is not waited for", () =>
    Effect.gen(function* () {
      const head = "HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 1000\r\n\r\n"
      const { gone, refused } = yield* refusedWith(head)
      assert.deepInclude(yield* Fiber.join(refused), { _tag: "UpgradeRefused", status: 502, detail: "Bad Gateway" })
      yield* Fiber.join(gone)
    })
  )

  it.effect("that goes on and on: 200 bytes of it are read", () =>
    Effect.gen(function* () {
      const { gone, refused } = yield* refusedWith("HTTP/1.1 403 No\r\n\r\n", `x${"ä".repeat(30_000)}`)
      assert.deepInclude(yield* Fiber.join(refused), { _tag: "UpgradeRefused", detail: `x${"ä".repeat(99)}` })
      yield* Fiber.join(gone)
    })
  )

  it.effect("has a reason of 200 bytes at most where its status has a long name, too", () =>
    Effect.gen(function* () {
      for (const [name, detail] of [
        ["x".repeat(9000), "x".repeat(200)],
        [`x${"\u00e9".repeat(4000)}`, `x${"\u00c3\u00a9".repeat(49)}\u00c3`]
      ] as const) {
        assert.propertyVal(yield* told(`403 ${name}`), "detail", detail)
      }
    })
  )

  it.effect("that does not come to its end: what has come by the deadline is told", () =>
    Effect.gen(function* () {
      const head = "HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 100\r\n\r\n"
      for (const [body, detail] of [
        ["", "Busy"],
        ["come back", "come back"]
      ] as const) {
        const { gone, refused } = yield* refusedWith(head, body)
        yield* turns(100)
        yield* TestClock.adjust("9999 millis")
        assert.isUndefined(refused.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        const expected = { _tag: "UpgradeRefused", status: 503, detail, retryAfter: 7000 } as const
        assert.deepInclude(yield* Fiber.join(refused), expected)
        yield* Fiber.join(gone)
      }
    })
  )

  it.effect("that is cut off: what has come is told", () =>
    Effect.gen(function* () {
      const { peer, refused } = yield* refusedWith("HTTP/1.1 503 Busy\r\ncontent-length: 100\r\n\r\nnot")
      peer.end()
      assert.deepInclude(yield* Fiber.join(refused), { _tag: "UpgradeRefused", status: 503, detail: "not" })
      const reset = yield* refusedWith("HTTP/1.1 503 Busy\r\ncontent-length: 100\r\n\r\n")
      yield* turns(100)
      reset.peer.resetAndDestroy()
      assert.deepInclude(yield* Fiber.join(reset.refused), { _tag: "UpgradeRefused", status: 503, detail: "Busy" })
    })
  )

  it.effect("is a redirect, too: nobody dials where it leads", () =>
    Effect.gen(function* () {
      const elsewhere = yield* serveTcp
      const location = `location: ws://127.0.0.1:${elsewhere.port}/`
      for (const status of ["301 Moved", "302 Found", "307 Away", "308 Gone"]) {
        const error = yield* told(`${status}\r\n${location}\r\nretry-after: 5`)
        assert.deepInclude(error, { status: Number.parseInt(status, 10), retryAfter: 5000 })
      }
      yield* turns(100)
      assert.deepStrictEqual(yield* Queue.clear(elsewhere.accepted), [])
    })
  )

  it.effect("names the time to wait in seconds or as a date, of which an hour counts", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(1994, 10, 6, 8, 49, 0))
      assert.strictEqual(yield* retryAfter("retry-after: 1"), 1000)
      assert.strictEqual(yield* retryAfter("retry-after: 3600"), 3_600_000)
      assert.strictEqual(yield* retryAfter(`retry-after: ${"9".repeat(400)}`), 3_600_000)
      for (const date of [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994"
      ]) {
        assert.strictEqual(yield* retryAfter(`retry-after: ${date}`), 37_000, date)
        // The server's own clock decides where it is shown.
        assert.strictEqual(yield* retryAfter("date: Sun, 06 Nov 1994 08:49:30 GMT", `retry-after: ${date}`), 7000, date)
      }
      assert.strictEqual(yield* retryAfter("retry-after: Mon, 07 Nov 1994 08:49:37 GMT"), 3_600_000)
      for (const nothing of ["0", "-5", "1.5", "soon", "in 5", "Sun, 06 Nov 1994 08:48:00 GMT", "Sun", ""]) {
        assert.isUndefined(yield* retryAfter(`retry-after: ${nothing}`), nothing)
      }
    })
  )
})
