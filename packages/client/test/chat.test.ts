import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Queue, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Capacities, type ChatDuplex, type ChatEnd, continueAsIs, defaultCapacities } from "../src/index.ts"
import { connect, expectState, greet, makeWorld, serverInfo, settle } from "./scripted-peer.ts"

const ended: ChatEnd = { _tag: "Ended" }
const closeError = (canReconnect: boolean): ChatEnd => ({ _tag: "CloseError", canReconnect })
const proxy = (...data: ReadonlyArray<number>) => ({ _tag: "Proxy", data: Uint8Array.from(data) }) as const

/** A chat handler that notes what comes in and ends as its stream does. */
const noting =
  (heard: Array<ReadonlyArray<number>>, end: ChatEnd = ended) =>
  (io: ChatDuplex) =>
    Effect.as(
      Stream.runForEach(io.incoming, (data) => Effect.sync(() => heard.push([...data]))),
      end
    )

describe("chat proxy", () => {
  it.effect("is open in both directions from the socket's opening on, before and after the handshake", () =>
    Effect.gen(function* () {
      const heard: Array<ReadonlyArray<number>> = []
      const duplex = yield* Deferred.make<ChatDuplex>()
      const world = yield* makeWorld({ chat: (io) => Effect.andThen(Deferred.succeed(duplex, io), noting(heard)(io)) })
      const peer = yield* world.mediator.accept
      const io = yield* Deferred.await(duplex)
      yield* io.send(Uint8Array.of(1, 2))
      assert.deepStrictEqual([...(yield* peer.expect("Proxy")).data], [1, 2])
      yield* peer.send(proxy(3))
      yield* greet(world, peer)
      yield* peer.send(proxy(4), yield* serverInfo({ deviceSlotState: 0 }), proxy(5))
      yield* expectState(world, "Live")
      assert.deepStrictEqual(heard, [[3], [4], [5]])
      yield* io.send(new Uint8Array(65_533))
      assert.deepStrictEqual(
        [(yield* peer.expect("Proxy")).data.length, (yield* peer.expect("Proxy")).data.length],
        [65_532, 1]
      )
      yield* io.send(new Uint8Array(0))
      assert.deepStrictEqual(yield* peer.drain, [])
    })
  )

  it.effect("ends with its connection; a send fails then; the next connection has its own", () =>
    Effect.gen(function* () {
      const sessions = yield* Queue.unbounded<ChatDuplex>()
      const heard: Array<ReadonlyArray<number>> = []
      const world = yield* makeWorld({ chat: (io) => Effect.andThen(Queue.offer(sessions, io), noting(heard)(io)) })
      const peer = yield* connect(world)
      const first = yield* Queue.take(sessions)
      yield* peer.close(4000)
      yield* settle
      assert.strictEqual((yield* Effect.flip(first.send(Uint8Array.of(1))))._tag, "ChatClosed")
      yield* TestClock.adjust("3 seconds")
      const next = yield* connect(world)
      const second = yield* Queue.take(sessions)
      yield* second.send(Uint8Array.of(2))
      assert.deepStrictEqual([...(yield* next.expect("Proxy")).data], [2])
    })
  )

  it.effect("what one reading of it has not taken stays for the next, within its bounds", () =>
    Effect.gen(function* () {
      const heard: Array<ReadonlyArray<number>> = []
      const go = yield* Deferred.make<void>()
      const chat = (io: ChatDuplex) =>
        Effect.gen(function* () {
          const greeting = yield* Stream.runHead(io.incoming)
          heard.push([...Option.getOrThrow(greeting)])
          yield* Deferred.await(go)
          const next = yield* Stream.runCollect(Stream.take(io.incoming, 2))
          heard.push(...next.map((data) => [...data]))
          return yield* noting(heard)(io)
        })
      const world = yield* makeWorld({ chat })
      const peer = yield* connect(world)
      yield* peer.send(proxy(1), proxy(2), proxy(3), proxy(4))
      yield* settle
      assert.deepStrictEqual(heard, [[1]])
      yield* peer.send(proxy(5), proxy(6))
      yield* settle
      yield* peer.send({ _tag: "ReflectionQueueDry" })
      assert.isFalse((yield* expectState(world, "Live")).dry)
      yield* Deferred.succeed(go, undefined)
      assert.isTrue((yield* expectState(world, "Live")).dry)
      assert.deepStrictEqual(heard, [[1], [2], [3], [4], [5], [6]])
    }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, chat: 4 }))
  )

  it.effect("without a handler chat bytes are ignored", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      for (let i = 0; i < 1000; i++) yield* peer.send(proxy(i & 255))
      yield* expectState(world, "Live")
    })
  )

  it.effect("a handler that has ended or died leaves the connection alone and takes nothing any more", () =>
    Effect.gen(function* () {
      for (const [told, chat] of [
        [[], () => Effect.succeed(ended)],
        [["ChatFailed"], () => Effect.die("x")],
        [
          ["ChatFailed"],
          () => {
            throw new Error("x")
          }
        ]
      ] as const) {
        const world = yield* makeWorld({ chat })
        const peer = yield* connect(world)
        for (let i = 0; i < 600; i++) yield* peer.send(proxy(1))
        yield* peer.send({ _tag: "ReflectionQueueDry" })
        assert.isTrue((yield* expectState(world, "Live")).dry)
        assert.deepStrictEqual(world.eventTags(), [...told, "Dry"])
      }
    })
  )

  it.effect("a slow handler holds up the connection", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ chat: () => Effect.never })
      const peer = yield* connect(world)
      for (let i = 0; i < 10; i++) yield* peer.send(proxy(i))
      yield* settle
      yield* peer.send({ _tag: "ReflectionQueueDry" })
      yield* TestClock.adjust("5 minutes")
      assert.isFalse((yield* expectState(world, "Live")).dry)
    }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, chat: 4 }))
  )
})

describe("close-error", () => {
  it.effect("allows another connection: 4113 behind it is ignored", () =>
    Effect.gen(function* () {
      const heard: Array<ReadonlyArray<number>> = []
      const world = yield* makeWorld({ chat: noting(heard, closeError(true)) })
      const peer = yield* connect(world)
      yield* peer.send(proxy(0xe0, 1))
      yield* peer.close(4113)
      yield* expectState(world, "Waiting")
      assert.deepStrictEqual(heard, [[0xe0, 1]], "what came before the close is heard")
    })
  )

  it.effect("forbids another connection: the user is asked after a harmless code", () =>
    Effect.gen(function* () {
      let end = closeError(false)
      const world = yield* makeWorld({
        chat: (io) => Effect.flatMap(Stream.runDrain(io.incoming), () => Effect.succeed(end))
      })
      const peer = yield* connect(world)
      yield* peer.close(4000)
      const asked = yield* expectState(world, "NeedsUser")
      assert.deepStrictEqual([asked.reason._tag, asked.answers], ["ChatRefused", ["Continue"]])
      end = ended
      yield* world.device.resume(continueAsIs)
      yield* connect(world)
      yield* expectState(world, "Live")
    })
  )

  it.effect("the verdict waits up to 5 s for the handler, and not longer", () =>
    Effect.gen(function* () {
      for (const [takes, verdict] of [
        [4999, "NeedsUser"],
        [5001, "Waiting"]
      ] as const) {
        let interrupted = false
        const world = yield* makeWorld({
          chat: (io) =>
            Effect.as(Effect.delay(Stream.runDrain(io.incoming), takes), closeError(false)).pipe(
              Effect.onInterrupt(() => Effect.sync(() => (interrupted = true)))
            )
        })
        const peer = yield* connect(world)
        yield* peer.close(4000)
        const asking = yield* expectState(world, "Waiting")
        assert.isUndefined(asking.nextTryAt)
        assert.strictEqual(asking.failures, 1)
        yield* TestClock.adjust("4998 millis")
        assert.isUndefined((yield* expectState(world, "Waiting")).nextTryAt)
        yield* TestClock.adjust("2 millis")
        const decided = yield* expectState(world, verdict)
        assert.isTrue(decided._tag === "NeedsUser" || decided.nextTryAt !== undefined)
        assert.strictEqual(interrupted, verdict === "Waiting")
      }
    })
  )

  it.effect("the next connection waits 5 s and not longer for a handler that has to clean up", () =>
    Effect.gen(function* () {
      const cleaned = yield* Deferred.make<void>()
      let sessions = 0
      const chat = () => {
        sessions++
        return Effect.onInterrupt(Effect.never, () => Deferred.await(cleaned))
      }
      const world = yield* makeWorld({ chat })
      yield* Effect.addFinalizer(() => Deferred.succeed(cleaned, undefined))
      const peer = yield* connect(world)
      yield* peer.close(4000)
      yield* TestClock.adjust("4999 millis")
      assert.isFalse(yield* world.device.retryNow)
      yield* TestClock.adjust("1 millis")
      assert.isDefined((yield* expectState(world, "Waiting")).nextTryAt)
      assert.isTrue(yield* world.device.retryNow)
      yield* connect(world)
      yield* expectState(world, "Live")
      assert.strictEqual(sessions, 2)
      const stop = yield* Effect.forkScoped(world.device.stop, { startImmediately: true })
      yield* settle
      assert.isUndefined(stop.pollUnsafe(), "what a device has started ends with it")
      yield* Deferred.succeed(cleaned, undefined)
      yield* Fiber.join(stop)
    })
  )

  it.effect("reported while the mediator keeps the connection open: given up after 5 s", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ chat: () => Effect.succeed(closeError(false)) })
      const peer = yield* connect(world)
      yield* TestClock.adjust("4999 millis")
      yield* expectState(world, "Live")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* peer.closedWith).code, 1000)
      assert.strictEqual((yield* expectState(world, "NeedsUser")).reason._tag, "ChatRefused")
    })
  )
})
