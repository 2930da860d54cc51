/** A served mediator over its store on the disk: what leaves when, and what becomes of it when nothing can be written. */
import { assert, describe, it } from "@effect/vitest"
import { Crypto, DeviceGroupKey, mediatorUrl } from "@d2m/codec"
import { ChatUpstream, Mediator, MediatorStore } from "@d2m/server-sim"
import { layerWebSocketServer, ListenAddress } from "@d2m/server-sim/node"
import { Effect, Latch, Layer, Logger } from "effect"
import { SecureRandom } from "effect/crypto"
import { cpSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join as joinPath } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { makeSqliteStore } from "../src/node/MediatorStoreSqlite.ts"
import { ack, bytes, hello, reflect } from "./drive.ts"
import { join, loopback, register, urlOf } from "./served-mediator.ts"
import { dial, type WireClient } from "./wire-client.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(joinPath(tmpdir(), "d2m-durability-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** A mediator on a directory of its own whose writes pass a gate, what it logs, and a way to its database. */
const served = Effect.gen(function* () {
  const path = yield* directory
  const gate = Latch.makeUnsafe(true)
  const logged: Array<string> = []
  const { pragma, store } = yield* makeSqliteStore({ directory: path })
  const gated = Layer.succeed(MediatorStore, {
    ...store,
    apply: (persists) => Effect.andThen(gate.await, store.apply(persists))
  })
  const mediator = Mediator.layer().pipe(
    Layer.provide([gated, ChatUpstream.layerNone, Crypto.layer, SecureRandom.layerWebCrypto])
  )
  const context = yield* layerWebSocketServer(loopback).pipe(
    Layer.provide(mediator),
    Layer.provideMerge([
      Crypto.layer,
      Logger.layer([Logger.map(Logger.formatLogFmt, (line) => void logged.push(line))])
    ]),
    Layer.build
  )
  return { path, gate, logged, pragma, context }
})

/** The envelopes that a mediator would find that starts on the files as they are now. */
const inFiles = (path: string): ReadonlyArray<Uint8Array> => {
  const copy = mkdtempSync(joinPath(tmpdir(), "d2m-copy-"))
  cpSync(path, copy, { recursive: true })
  const db = new DatabaseSync(joinPath(copy, "mediator.sqlite"))
  const blocks = db.prepare("SELECT heads, envelopes FROM block ORDER BY id").all()
  db.close()
  rmSync(copy, { recursive: true })
  return blocks.flatMap(({ envelopes, heads }) => {
    const sizes = Buffer.from(heads as Uint8Array)
    let offset = 0
    return Array.from({ length: sizes.length / 16 }, (_, n) => {
      const start = offset
      offset += sizes.readUInt32BE(n * 16)
      return new Uint8Array((envelopes as Uint8Array).subarray(start, offset))
    })
  })
}

/** Counts what a client is sent from now on. */
const counted = (client: WireClient): (() => number) => {
  let frames = 0
  client.ws.on("message", () => frames++)
  return () => frames
}

const roundTrip = (client: WireClient) =>
  Effect.sync(() => client.send({ _tag: "GetDevicesInfo" })).pipe(Effect.andThen(client.until("DevicesInfo")))

const otherKeys = Crypto.useSync((crypto) => crypto.deriveKeys(DeviceGroupKey.make(new Uint8Array(32).fill(77))))

/** A device of another group. */
const stranger = Effect.gen(function* () {
  const keys = yield* otherKeys
  const { url } = yield* ListenAddress
  const client = yield* dial(mediatorUrl(url, { deviceGroupId: keys.groupId, serverGroup: "7a" }))
  const serverHello = yield* client.until("ServerHello")
  const crypto = yield* Crypto
  const response = yield* Effect.fromResult(crypto.answerChallenge(keys, serverHello, new Uint8Array(24)))
  client.send(hello(1, { response }))
  yield* client.until("ServerInfo")
  return client
})

describe("what is promised over a real socket", () => {
  it.live("no ack and no message leaves while its commit is held back; nobody else waits", () =>
    Effect.gen(function* () {
      const { context, gate, path } = yield* served
      yield* Effect.gen(function* () {
        const [a, b, idle] = [yield* join(1), yield* join(2), yield* stranger]
        yield* Effect.forEach([a, b, idle], (client) => client.until("ReflectionQueueDry"))
        yield* a.until("RolePromotedToLeader")
        const [atA, atB] = [counted(a), counted(b)]
        gate.closeUnsafe()
        a.send(reflect(1), reflect(2), reflect(3))
        for (let trip = 0; trip < 20; trip++) yield* roundTrip(idle)
        assert.deepStrictEqual([atA(), atB()], [0, 0])
        assert.deepStrictEqual(inFiles(path), [])
        gate.openUnsafe()
        for (const n of [1, 2, 3]) {
          assert.strictEqual((yield* a.until("ReflectAck")).reflectId, n)
          assert.deepStrictEqual(inFiles(path)[n - 1], bytes(n))
        }
        for (const n of [1, 2, 3]) assert.strictEqual((yield* b.until("Reflected")).reflectedId, n)
      }).pipe(Effect.provideContext(context))
    }).pipe(Effect.scoped)
  )

  it.live("whatever is acked is in the files by then, message by message", () =>
    Effect.gen(function* () {
      const { context, path } = yield* served
      yield* Effect.gen(function* () {
        const [a, b] = [yield* join(1), yield* join(2)]
        b.ws.close(1000)
        yield* b.until("Closed")
        for (let n = 1; n <= 20; n++) {
          a.send(reflect(n))
          assert.strictEqual((yield* a.until("ReflectAck")).reflectId, n)
          assert.deepStrictEqual(inFiles(path).at(-1), bytes(n))
        }
      }).pipe(Effect.provideContext(context))
    }).pipe(Effect.scoped)
  )
})

const troubles = [
  // Full: no page more than there is now.
  { name: "a full disk", begin: "max_page_count = 1", end: "max_page_count = 1000000", says: "Full" },
  { name: "a disk that cannot be written to", begin: "query_only = 1", end: "query_only = 0", says: "Unwritable" }
]

for (const { begin, end, name, says } of troubles) {
  describe(name, () => {
    it.live(
      "closes those who write with 1011, acks nothing that it does not hold, and works again when it is over",
      () =>
        Effect.gen(function* () {
          const { context, logged, path, pragma } = yield* served
          yield* Effect.gen(function* () {
            const [a, b, idle] = [yield* join(1), yield* join(2), yield* stranger]
            b.ws.close(1000)
            yield* b.until("Closed")
            const acked: Array<number> = []
            const reflectOne = (client: WireClient, n: number) =>
              Effect.gen(function* () {
                client.send(reflect(n, { envelope: new Uint8Array(20_000).fill(n) }))
                const answer = yield* client.next
                if (answer._tag === "ReflectAck") acked.push(answer.reflectId)
                return answer
              })
            yield* a.until("ReflectionQueueDry")
            yield* a.until("RolePromotedToLeader")
            for (const n of [1, 2, 3]) yield* reflectOne(a, n)
            assert.deepStrictEqual(acked, [1, 2, 3])
            assert.deepStrictEqual(logged, [])

            yield* pragma(begin)
            // Whoever is pipelining gets no ack for what comes behind either.
            a.send(reflect(4, { envelope: new Uint8Array(60_000) }), reflect(5, { envelope: new Uint8Array(60_000) }))
            const closed = yield* a.next
            assert.include(closed, { _tag: "Closed", code: 1011 })
            assert.isAbove(logged.length, 0)
            assert.include(logged.join("\n"), says)
            yield* roundTrip(idle)

            yield* pragma(end)
            const again = yield* dial(yield* urlOf)
            yield* register(again, 1, 1)
            yield* again.until("ReflectionQueueDry")
            yield* again.until("RolePromotedToLeader")
            assert.strictEqual((yield* reflectOne(again, 6))._tag, "ReflectAck")
            const away = yield* dial(yield* urlOf)
            assert.strictEqual((yield* register(away, 2, 1)).reflectionQueueLength, 4)
            const got: Array<readonly [number, number]> = []
            for (let n = 0; n < 4; n++) {
              const { envelope, reflectedId } = yield* away.until("Reflected")
              got.push([reflectedId, envelope[0]!])
            }
            assert.deepStrictEqual(got, [
              [1, 1],
              [2, 2],
              [3, 3],
              [4, 6]
            ])
            away.send(...[1, 2, 3, 4].map(ack), reflect(7))
            yield* away.until("ReflectAck")
            assert.deepStrictEqual(inFiles(path), [bytes(7)])
            yield* roundTrip(idle)
          }).pipe(Effect.provideContext(context))
        }).pipe(Effect.scoped)
    )
  })
}

describe("a full disk", () => {
  it.live("has space again when a device acks what waits for it", () =>
    Effect.gen(function* () {
      const { context, pragma } = yield* served
      yield* Effect.gen(function* () {
        const [a, b] = [yield* join(1), yield* join(2)]
        b.ws.pause()
        const envelope = new Uint8Array(40_000)
        for (let n = 1; n <= 5; n++) a.send(reflect(n, { envelope }))
        for (let n = 1; n <= 5; n++) yield* a.until("ReflectAck")
        yield* pragma("max_page_count = 1")
        b.ws.resume()
        for (let n = 1; n <= 5; n++) yield* b.until("Reflected")
        b.send(...[1, 2, 3, 4, 5].map(ack))
        yield* roundTrip(b)
        a.send(reflect(6, { envelope }))
        assert.strictEqual((yield* a.until("ReflectAck")).reflectId, 6)
      }).pipe(Effect.provideContext(context))
    }).pipe(Effect.scoped)
  )
})
