import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Queue, Scope } from "effect"
import { Socket } from "effect/socket"
import { readSync } from "node:fs"
import type * as Net from "node:net"
import { transportError } from "../src/TransportError.ts"
import {
  client,
  connected,
  connectedByHand,
  event,
  failure,
  frame,
  messagesOf,
  open,
  serve,
  turns
} from "./transport-support.ts"

/** How many bytes have come to a peer since it was asked last: those that Node has read, and those that the kernel has. */
const arrivals = (peer: Net.Socket): (() => number) => {
  const { fd } = (peer as unknown as { readonly _handle: { readonly fd: number } })._handle
  const buffer = Buffer.alloc(65_536)
  const inKernel = (): number => {
    try {
      return readSync(fd, buffer)
    } catch (cause) {
      assert.propertyVal(cause, "code", "EAGAIN")
      return 0
    }
  }
  let known = peer.bytesRead
  return () => {
    const read = peer.bytesRead - known
    known += read
    return read + inKernel()
  }
}

describe("messages", () => {
  it.effect("one binary message is one element, both ways, and plain bytes", () =>
    Effect.gen(function* () {
      const { peer, pull, write } = yield* connected()
      const received = event<[Buffer, boolean]>(peer.ws, "message")
      const [, [bytes, isBinary]] = yield* Effect.all([write(frame(1, 2, 3)), received], { concurrency: 2 })
      assert.deepStrictEqual([...bytes], [1, 2, 3])
      assert.isTrue(isBinary)

      peer.ws.send(frame(4, 5))
      const [first] = yield* pull
      assert.deepStrictEqual(first, frame(4, 5))
      assert.strictEqual(Object.getPrototypeOf(first), Uint8Array.prototype, "a Buffer's slice would share memory")
    })
  )

  it.effect("a burst of one read is one batch, in order, empty messages too", () =>
    Effect.gen(function* () {
      const { peer, pull } = yield* connected()
      const waiting = yield* Effect.forkChild(pull, { startImmediately: true })
      peer.socket.cork()
      for (let n = 0; n < 100; n++) peer.ws.send(n === 50 ? frame() : frame(n))
      peer.socket.uncork()
      const batch = yield* Fiber.join(waiting)
      assert.deepStrictEqual(
        batch.map((message) => Array.from(message as Uint8Array)),
        Array.from({ length: 100 }, (_, n) => (n === 50 ? [] : [n]))
      )
    })
  )

  it.effect("the writes of one turn, single or in a batch, are one write to the network", () =>
    Effect.gen(function* () {
      const { peer, write, writeAll } = yield* connectedByHand()
      const reads: Array<Buffer> = []
      peer.on("data", (data) => reads.push(data))
      const read = event(peer, "data")
      yield* Effect.all(
        [
          Effect.gen(function* () {
            for (let n = 0; n < 20; n++) yield* write(frame(n))
            yield* writeAll([frame(1), frame(2)])
          }),
          read
        ],
        { concurrency: 2 }
      )
      assert.lengthOf(reads, 1)
      assert.strictEqual(reads[0]!.length, 22 * 7, "two bytes of header, four of mask, one of payload, each")
      const masks = Array.from({ length: 22 }, (_, n) => reads[0]!.readUInt32LE(7 * n + 2))
      assert.strictEqual(new Set(masks).size, 22, "no mask can be told from another")
    })
  )

  it.effect("much does not wait for the end of the turn", () =>
    Effect.gen(function* () {
      const { peer, write } = yield* connectedByHand()
      const arrived = arrivals(peer)
      const seen: Array<number> = []
      for (const length of [20_000, 20_000, 10]) {
        yield* write(new Uint8Array(length))
        seen.push(arrived())
      }
      assert.deepStrictEqual(seen, [0, 2 * (20_000 + 8), 0])
    })
  )

  it.effect("behind turns with one message each, one leaves at once, until a turn has more", () =>
    Effect.gen(function* () {
      const { peer, write, writeAll } = yield* connectedByHand()
      const arrived = arrivals(peer)
      const lone = Effect.gen(function* () {
        yield* write(frame(1))
        const atOnce = arrived()
        yield* turns(1)
        return [atOnce, arrived()]
      })
      const five = Effect.all(Array.from({ length: 5 }, () => lone))
      const corked = [0, 7]
      const uncorked = [7, 0]
      assert.deepStrictEqual(yield* five, [corked, corked, corked, corked, uncorked])
      assert.deepStrictEqual(yield* lone, uncorked)

      yield* write(frame(1))
      assert.strictEqual(arrived(), 7)
      yield* write(frame(2))
      yield* write(frame(3))
      assert.strictEqual(arrived(), 0, "what comes behind it in its turn is one write")
      yield* turns(1)
      assert.strictEqual(arrived(), 14)
      assert.deepStrictEqual(yield* five, [corked, corked, corked, corked, uncorked])

      yield* writeAll([frame(1), frame(2)])
      assert.strictEqual(arrived(), 0, "two messages are more than one")
      yield* turns(1)
      assert.strictEqual(arrived(), 14)
      assert.deepStrictEqual(yield* lone, corked)
    })
  )

  it.effect("bytes may be written over as soon as the write returns, and are not masked in place", () =>
    Effect.gen(function* () {
      const { peer, write } = yield* connected()
      const bytes = new Uint8Array(1024).fill(7)
      const received = yield* Effect.forkChild(event<[Buffer]>(peer.ws, "message"), { startImmediately: true })
      yield* write(bytes)
      assert.isTrue(bytes.every((byte) => byte === 7))
      bytes.fill(9)
      const [message] = yield* Fiber.join(received)
      assert.isTrue(message.every((byte) => byte === 7))
    })
  )

  it.effect("a text message comes as a string", () =>
    Effect.gen(function* () {
      const { peer, pull } = yield* connected()
      peer.ws.send("grüezi")
      assert.deepStrictEqual(yield* pull, ["grüezi"])
    })
  )

  it.effect("offers neither extension nor sub-protocol, and sends the headers it is given", () =>
    Effect.gen(function* () {
      const { peer } = yield* connected({ headers: { "X-Test": "1" } })
      assert.isUndefined(peer.request.headers["sec-websocket-extensions"])
      assert.isUndefined(peer.request.headers["sec-websocket-protocol"])
      assert.strictEqual(peer.request.headers["x-test"], "1")
      assert.strictEqual(peer.request.url, "/0a0b")
    })
  )
})

describe("closing", () => {
  it.effect("by the server: what came before is delivered, then code, reason and who", () =>
    Effect.gen(function* () {
      const { peer, pull, write } = yield* connected()
      peer.ws.send(frame(1))
      peer.ws.send(frame(2))
      peer.ws.close(4113, "dropped")
      yield* event(peer.ws, "close")
      assert.deepStrictEqual(yield* pull, [frame(1), frame(2)])
      const error = yield* Effect.flip(pull)
      assert.strictEqual(error.reason._tag, "SocketCloseError")
      assert.strictEqual(error.message, "Closed: closed by the server: 4113 dropped")
      assert.deepInclude(transportError(error), { _tag: "Closed", code: 4113, reason: "dropped", by: "server" })
      assert.deepInclude(yield* failure(pull), { code: 4113 }, "again and again")
      assert.deepInclude(yield* failure(write(frame(3))), { _tag: "Closed", code: 4113, by: "server" })
    })
  )

  it.effect("by the server without a code", () =>
    Effect.gen(function* () {
      const { peer, pull } = yield* connected()
      peer.ws.close()
      assert.deepInclude(yield* failure(pull), { _tag: "Closed", code: 1005, reason: "", by: "server" })
    })
  )

  it.effect("by us with a CloseEvent: the peer reads it, our reader ends at once, no write passes any more", () =>
    Effect.gen(function* () {
      const { peer, pull, write, writeAll } = yield* connected()
      const waiting = yield* Effect.forkChild(failure(pull), { startImmediately: true })
      yield* write(frame(1))
      yield* write(new Socket.CloseEvent(4115, "slot"))
      const ours = { _tag: "Closed", code: 4115, reason: "slot", by: "client" } as const
      assert.deepInclude(yield* Fiber.join(waiting), ours)
      assert.deepInclude(yield* failure(write(frame(2))), ours)
      assert.deepInclude(yield* failure(writeAll([frame(2)])), ours)
      const messages = messagesOf(peer.ws)
      const [code, reason] = yield* event<[number, Buffer]>(peer.ws, "close")
      assert.strictEqual(code, 4115)
      assert.strictEqual(reason.toString(), "slot")
      assert.deepStrictEqual(
        messages.map((message) => Array.from(message)),
        [[1]]
      )
    })
  )

  it.effect("a reason that is too long is cut at a character, a code that may not be sent is refused", () =>
    Effect.gen(function* () {
      const { peer, pull, write } = yield* connected()
      for (const code of [999, 1005, 1006, 1015, 2000, 5000]) {
        assert.include((yield* failure(write(new Socket.CloseEvent(code)))).message, `${code} is not a close code`)
      }
      yield* write(new Socket.CloseEvent(4010, "é".repeat(100)))
      const [code, reason] = yield* event<[number, Buffer]>(peer.ws, "close")
      assert.strictEqual(code, 4010)
      assert.strictEqual(reason.toString(), "é".repeat(61))
      assert.deepInclude(yield* failure(pull), { code: 4010, reason: "é".repeat(61) })
    })
  )

  it.effect("by the end of the reader's scope: 1000, and a suspended pull fails", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { socket } = yield* client({ url: server.url })
      const scope = yield* Scope.make()
      const { pull, write } = yield* Scope.provide(open(socket), scope)
      const peer = yield* Queue.take(server.accepted)
      const waiting = yield* Effect.forkChild(failure(pull), { startImmediately: true })
      const closed = yield* Effect.forkChild(event<[number]>(peer.ws, "close"), { startImmediately: true })
      yield* Scope.close(scope, Exit.void)
      assert.deepInclude(yield* Fiber.join(waiting), { _tag: "Closed", code: 1000, by: "client" })
      assert.strictEqual((yield* Fiber.join(closed))[0], 1000)
      assert.strictEqual((yield* failure(write(frame(1))))._tag, "Closed")
    })
  )

  for (const [how, cut, reason] of [
    ["reset", (socket: Net.Socket) => socket.resetAndDestroy(), "ECONNRESET"],
    ["ended", (socket: Net.Socket) => socket.end(), "no close frame came"]
  ] as const) {
    it.effect(`by the network, TCP ${how}: 1006`, () =>
      Effect.gen(function* () {
        const { peer, pull, write } = yield* connected()
        cut(peer.socket)
        assert.deepInclude(yield* failure(pull), { _tag: "Closed", code: 1006, reason, by: "network" })
        assert.deepInclude(yield* failure(write(frame(1))), { _tag: "Closed", code: 1006, by: "network" })
      })
    )
  }

  it.effect("a peer that does not answer the closing handshake is cut off", () =>
    Effect.gen(function* () {
      const { peer, write } = yield* connectedByHand({ closeTimeout: "20 millis" })
      peer.resume()
      const gone = yield* Effect.forkChild(event(peer, "close"), { startImmediately: true })
      yield* write(new Socket.CloseEvent(1000))
      yield* Fiber.join(gone)
    })
  )

  it.effect("a write to a connection that is closing waits for the reason and fails with it", () =>
    Effect.gen(function* () {
      const { peer, pull, write } = yield* connectedByHand()
      // A close frame with 4112, and then TCP stays open for as long as the peer likes.
      const echoed = yield* Effect.forkChild(event(peer, "data"), { startImmediately: true })
      peer.write(Buffer.from([0x88, 2, 4112 >> 8, 4112 & 255]))
      yield* Fiber.join(echoed)
      const writing = yield* Effect.forkChild(failure(write(frame(1))), { startImmediately: true })
      assert.isUndefined(writing.pollUnsafe())
      peer.end()
      assert.deepInclude(yield* Fiber.join(writing), { _tag: "Closed", code: 4112, by: "server" })
      assert.deepInclude(yield* failure(pull), { _tag: "Closed", code: 4112, by: "server" })
    })
  )

  it.effect("a writer stays with its connection: the next one gets nothing of it", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { socket } = yield* client({ url: server.url })
      const early = yield* socket.writer
      assert.include((yield* failure(early.write(frame(1)))).message, "no connection is open")
      const first = yield* Scope.make()
      const stale = yield* Scope.provide(open(socket), first)
      yield* early.write(frame(1))
      yield* Queue.take(server.accepted)
      yield* Scope.close(first, Exit.void)

      const next = yield* open(socket)
      const peer = yield* Queue.take(server.accepted)
      const messages = messagesOf(peer.ws)
      for (const writer of [stale, early]) {
        assert.deepInclude(yield* failure(writer.write(frame(2))), { _tag: "Closed", code: 1000, by: "client" })
      }
      const received = yield* Effect.forkChild(event(peer.ws, "message"), { startImmediately: true })
      yield* next.write(frame(3))
      yield* Fiber.join(received)
      assert.deepStrictEqual(
        messages.map((message) => Array.from(message)),
        [[3]]
      )
    })
  )
})

describe("what may not come in", () => {
  it.effect("a message up to maxPayload is delivered, so that the decoder can name it", () =>
    Effect.gen(function* () {
      const { peer, pull } = yield* connected()
      peer.ws.send(new Uint8Array(66_560))
      assert.strictEqual((yield* pull)[0].length, 66_560)
    })
  )

  it.effect("a longer one ends the connection with 1009, after what came before", () =>
    Effect.gen(function* () {
      const { peer, pull } = yield* connected()
      const closed = yield* Effect.forkChild(event<[number]>(peer.ws, "close"), { startImmediately: true })
      const waiting = yield* Effect.forkChild(pull, { startImmediately: true })
      peer.socket.cork()
      peer.ws.send(frame(1))
      peer.ws.send(new Uint8Array(66_561))
      peer.socket.uncork()
      assert.deepStrictEqual(yield* Fiber.join(waiting), [frame(1)])
      assert.deepInclude(yield* failure(pull), { _tag: "Closed", code: 1009, by: "client" })
      assert.strictEqual((yield* Fiber.join(closed))[0], 1009)
    })
  )

  for (const [what, bytes, code] of [
    ["a reserved bit", [0xc2, 0], 1002],
    ["text that is not UTF-8", [0x81, 1, 0xff], 1007]
  ] as const) {
    it.effect(`${what} ends the connection with ${code}`, () =>
      Effect.gen(function* () {
        const { peer, pull } = yield* connected()
        peer.socket.write(Uint8Array.from(bytes))
        assert.deepInclude(yield* failure(pull), { _tag: "Closed", code, by: "client" })
      })
    )
  }
})
