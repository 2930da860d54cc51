/** What the chat server of a mediator sees of it over TCP; what a client gets is in the tests of the WebSocket server. */
import { assert, describe, it } from "@effect/vitest"
import { type ChatCaller, ChatUpstream } from "@d2m/server-sim"
import { layerTcpChat, type TcpChatOptions } from "@d2m/server-sim/node"
import { Effect, Fiber, Queue } from "effect"
import type { Socket } from "node:net"
import { bytes } from "./drive.ts"
import { tcpServer } from "./served-mediator.ts"

const mebibyte = 1024 * 1024

/** A chat server that hands over each of its connections, and how many of them are open. */
const chatServer = Effect.gen(function* () {
  const sockets = yield* Queue.unbounded<Socket>()
  const closed = yield* Queue.unbounded<void>()
  let open = 0
  const { port } = yield* tcpServer((socket) => {
    open++
    socket.on("close", () => {
      open--
      Queue.offerUnsafe(closed, undefined)
    })
    Queue.offerUnsafe(sockets, socket)
  })
  const untilAllClosed: Effect.Effect<void> = Effect.suspend(() =>
    open === 0 ? Effect.void : Effect.andThen(Queue.take(closed), untilAllClosed)
  )
  return { port, next: Queue.take(sockets), untilAllClosed }
})

const caller = (serverGroup: string) => ({ serverGroup }) as ChatCaller

const open = (options: Pick<TcpChatOptions, "port"> & Partial<TcpChatOptions>, serverGroup = "7a") =>
  ChatUpstream.use((upstream) => upstream.open(caller(serverGroup))).pipe(
    Effect.provide(layerTcpChat({ host: "127.0.0.1", ...options }))
  )

/** So many turns of the event loop: each is time for the sockets to read and write all that they would. */
const turns = (count: number): Effect.Effect<void> =>
  Effect.promise(async () => {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
  })

describe("a chat server over TCP", () => {
  it.live("is one of the server group, and is hung up on when nobody needs it any more", () =>
    Effect.gen(function* () {
      const server = yield* chatServer
      yield* Effect.scoped(
        Effect.gen(function* () {
          const connection = yield* open({ host: "{serverGroup}.0.0.1", port: server.port, framing: "none" }, "127")
          const socket = yield* server.next
          socket.write(bytes(1, 2, 3))
          assert.deepStrictEqual(yield* connection.receive, [bytes(1, 2, 3)])
        })
      )
      yield* server.untilAllClosed
    })
  )

  it.live("is read no further than the client is behind, and then on to its end", () =>
    Effect.gen(function* () {
      const server = yield* chatServer
      const connection = yield* open({ port: server.port })
      const socket = yield* server.next
      const [handshake, count] = [new Uint8Array(80 + 32), 16 * 1024]
      socket.write(handshake)
      const frame = Buffer.alloc(1024)
      frame.writeUInt16LE(frame.length - 2)
      socket.end(Buffer.concat(Array.from({ length: count }, () => frame)))
      let received = 0
      while (received < count + 2) {
        yield* turns(50)
        const { length } = yield* connection.receive
        // What came last in one piece may be beyond what may wait.
        assert.isBelow(length, 400)
        received += length
      }
      assert.deepInclude(yield* Effect.flip(connection.receive), { reason: "Ended" })
    })
  )

  it.live("is read by bytes, however long its messages are", () =>
    Effect.gen(function* () {
      const server = yield* chatServer
      const connection = yield* open({ port: server.port })
      const socket = yield* server.next
      socket.write(new Uint8Array(80 + 32))
      const [frame, count] = [Buffer.alloc(60_000), 200]
      frame.writeUInt16LE(frame.length - 2)
      for (let n = 0; n < count; n++) socket.write(frame)
      let received = 0
      while (received < count + 2) {
        yield* turns(50)
        const batch = yield* connection.receive
        assert.isBelow(
          batch.reduce((sum, { length }) => sum + length, 0),
          mebibyte / 2
        )
        received += batch.length
      }
    })
  )

  it.live("is sent no more than it reads, and whoever waits for it learns that it is gone", () =>
    Effect.gen(function* () {
      const server = yield* chatServer
      const count = 64
      const flood = Effect.gen(function* () {
        const connection = yield* open({ port: server.port })
        const socket = yield* server.next
        socket.pause()
        let sent = 0
        const send = Effect.tap(connection.send(new Uint8Array(mebibyte)), () => Effect.sync(() => sent++))
        const sending = yield* Effect.forkScoped(Effect.forEach(Array.from({ length: count }), () => send))
        yield* turns(500)
        assert.isBelow(sent, count)
        return { socket, sending }
      })
      const patient = yield* flood
      patient.socket.resume()
      yield* Fiber.join(patient.sending)
      const gone = yield* flood
      gone.socket.resetAndDestroy()
      assert.deepInclude(yield* Effect.flip(Fiber.join(gone.sending)), { reason: "Ended" })
    })
  )
})
