// Two connections on one `Socket` service: what is written on the one must not go out on the other.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { Socket } from "effect/socket"
import { openLink } from "../src/index.ts"
import { makeSocket } from "../src/WebSocketConnection.ts"

/** A socket of ours over connections that note their number when they are written to. */
const noting = () => {
  const wrote: Array<number> = []
  let dials = 0
  const { socket } = makeSocket(
    Effect.sync(() => {
      const id = ++dials
      const write = () => Effect.sync(() => void wrote.push(id))
      return { pull: Effect.never, write, writeAll: write }
    })
  )
  return { socket, wrote }
}

/** The same socket, between whose reader and writer others have their turn. */
const hesitant = (socket: Socket.Socket) =>
  Socket.make({ reader: Effect.tap(socket.reader, () => Effect.yieldNow), writer: socket.writer })

const open = (socket: Socket.Socket) =>
  Effect.provideService(openLink({ onProxy: () => Effect.void, onUnknown: () => {} }), Socket.Socket, socket)

describe("a socket that is shared", () => {
  it.effect("gives a writer of the connection that its scope has opened", () =>
    Effect.gen(function* () {
      const { socket, wrote } = noting()
      const [one, other] = yield* Effect.all([Scope.make(), Scope.make()])
      yield* Scope.provide(socket.reader, one)
      yield* Scope.provide(socket.reader, other)
      const writer = yield* Scope.provide(socket.writer, one)
      yield* writer.write(new Uint8Array(1))
      yield* (yield* Scope.provide(socket.writer, other)).write(new Uint8Array(1))
      yield* Scope.close(other, Exit.void)
      yield* writer.writeAll([new Uint8Array(1)])
      assert.deepStrictEqual(wrote, [1, 2, 1])
    })
  )

  it.effect("gives a scope without a connection a writer of the one that is open, as before", () =>
    Effect.gen(function* () {
      const { socket, wrote } = noting()
      const early = yield* socket.writer
      assert.strictEqual((yield* Effect.flip(early.write(new Uint8Array(1)))).reason._tag, "SocketWriteError")
      const scope = yield* Scope.make()
      yield* Scope.provide(socket.reader, scope)
      yield* early.write(new Uint8Array(1))
      yield* (yield* socket.writer).write(new Uint8Array(1))
      assert.deepStrictEqual(wrote, [1, 1])
      yield* Scope.provide(socket.reader, yield* Scope.make())
      yield* Scope.close(scope, Exit.void)
      yield* (yield* socket.writer).write(new Uint8Array(1))
      assert.deepStrictEqual(wrote, [1, 1, 2])
    })
  )

  it.effect("keeps links apart that are opened at the same time, in one scope too", () =>
    Effect.gen(function* () {
      const { socket, wrote } = noting()
      const opening = open(hesitant(socket))
      const links = yield* Effect.all([opening, opening, opening], { concurrency: "unbounded" })
      for (const link of links) yield* link.send([{ _tag: "Proxy", data: new Uint8Array(1) }])
      assert.deepStrictEqual(wrote, [1, 2, 3])
    })
  )
})
