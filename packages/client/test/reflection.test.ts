import { type ReflectId } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Capacities, defaultCapacities } from "../src/index.ts"
import { makeDeviceStoreMemory } from "../src/DeviceStore.ts"
import {
  ackOf,
  connect,
  expectState,
  makeWorld,
  me,
  type Peer,
  settle,
  text,
  textOf,
  type World
} from "./scripted-peer.ts"

const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkScoped(effect, { startImmediately: true })
const pending = (world: World) =>
  Effect.map(world.device.state.get, (state) => (state._tag === "Stopped" ? 0 : state.pendingReflects))
const nonceOf = (frame: { readonly envelope: Uint8Array }) => [...frame.envelope.subarray(0, 24)].join()

describe("reflect", () => {
  it.effect("resolves with the mediator's timestamp, and only with its ack", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ protocolVersion: 3 })
      const peer = yield* connect(world)
      const fiber = yield* fork(world.device.reflect(text("hi")))
      const frame = yield* peer.expect("Reflect")
      assert.strictEqual(frame.flags, 0)
      const envelope = world.group.openEnvelope(frame.envelope)
      assert.strictEqual(textOf(envelope.content), "hi")
      assert.strictEqual(envelope.deviceId, me)
      assert.strictEqual(envelope.protocolVersion, 3)
      yield* settle
      assert.isUndefined(fiber.pollUnsafe())
      assert.strictEqual(yield* pending(world), 1)
      yield* peer.send(ackOf(frame, 1234n))
      assert.strictEqual(yield* Fiber.join(fiber), 1234n)
      assert.strictEqual(yield* pending(world), 0)
      yield* settle
      const counts = world.states.flatMap((state) => (state._tag === "Live" ? [state.pendingReflects] : []))
      assert.deepStrictEqual(counts, [0, 1, 0], "each change is told")
    })
  )

  it.effect("counts at once for whoever asks for the state and its changes, even while nothing can be written", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      peer.flow.closeUnsafe()
      yield* fork(world.device.reflect(text("a")))
      yield* settle
      for (const value of ["b", "c", "d"]) yield* fork(world.device.reflect(text(value)))
      yield* settle
      assert.strictEqual(yield* pending(world), 4)
      const [first] = yield* Stream.runCollect(Stream.take(world.device.state.changes, 1))
      assert.propertyVal(first, "pendingReflects", 4)
    })
  )

  it.effect("counts for whoever watches: one by one while there is no connection, many in one go while there is", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const counts = (tag: "Handshaking" | "Live") =>
        world.states.flatMap((state) => (state._tag === tag ? [state.pendingReflects] : []))
      yield* settle
      for (const value of ["a", "b"]) yield* fork(world.device.reflect(text(value)))
      yield* settle
      assert.deepStrictEqual(counts("Handshaking"), [0, 1, 2])
      const peer = yield* connect(world)
      peer.flow.closeUnsafe()
      for (const value of ["c", "d", "e", "f"]) {
        yield* fork(world.device.reflect(text(value)))
        yield* settle
      }
      assert.deepStrictEqual(counts("Live"), [2, 3])
      peer.flow.openUnsafe()
      yield* settle
      assert.deepStrictEqual(counts("Live"), [2, 3, 6])
    })
  )

  it.effect("a batch is written in one go and resolves in its order, whatever the order of the acks", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fiber = yield* fork(world.device.reflectAll([text("a"), text("b"), text("c")]))
      const [a, b, c] = [yield* peer.expect("Reflect"), yield* peer.expect("Reflect"), yield* peer.expect("Reflect")]
      assert.deepStrictEqual(
        [a, b, c].map((frame) => world.group.textIn(frame)),
        ["a", "b", "c"]
      )
      yield* peer.send(ackOf(c, 3n), ackOf(a, 1n))
      yield* settle
      assert.isUndefined(fiber.pollUnsafe())
      yield* peer.send(ackOf(b, 2n))
      assert.deepStrictEqual(yield* Fiber.join(fiber), [1n, 2n, 3n] as never)
    })
  )

  it.effect("what callers reflect because of one read's acks is written together, 64 at a time", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const twice = Effect.andThen(world.device.reflect(text("a")), world.device.reflect(text("b")))
      const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
      for (let n = 0; n < 100; n++) fibers.push(yield* fork(twice))
      const first = yield* peer.drain
      const before = peer.writes.length
      yield* peer.send(...first.map((frame) => ackOf(frame as never)))
      const second = yield* peer.drain
      assert.deepStrictEqual([first.length, second.length], [100, 100])
      assert.deepStrictEqual(peer.writes.slice(before), [64, 36])
      yield* peer.send(...second.map((frame) => ackOf(frame as never)))
      for (const fiber of fibers) yield* Fiber.join(fiber)
    })
  )

  it.effect("large contents do not wait for each other to be sealed: a write ends behind 64 KiB", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const before = peer.writes.length
      yield* fork(world.device.reflectAll(Array.from({ length: 5 }, () => text("x".repeat(30_000))) as never))
      assert.lengthOf(yield* peer.drain, 5)
      assert.deepStrictEqual(peer.writes.slice(before), [3, 2])
    })
  )

  it.effect("ids wrap at 2^32 and each ack finds its reflect", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ firstReflectId: 0xffffffff })
      const peer = yield* connect(world)
      const fiber = yield* fork(world.device.reflectAll([text("a"), text("b")]))
      const [a, b] = [yield* peer.expect("Reflect"), yield* peer.expect("Reflect")]
      assert.deepStrictEqual<ReadonlyArray<number>>([a.reflectId, b.reflectId], [0xffffffff, 0])
      yield* peer.send(ackOf(b, 2n), ackOf(a, 1n))
      assert.deepStrictEqual(yield* Fiber.join(fiber), [1n, 2n] as never)
    })
  )

  it.effect("a stray or repeated ack is told and harms nothing", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fiber = yield* fork(world.device.reflect(text("a")))
      const frame = yield* peer.expect("Reflect")
      yield* peer.send(ackOf({ reflectId: 77 as ReflectId }), ackOf(frame, 1n), ackOf(frame, 9n))
      assert.strictEqual(yield* Fiber.join(fiber), 1n)
      yield* settle
      assert.strictEqual(world.eventTags().filter((tag) => tag === "StrayFrame").length, 2)
      yield* expectState(world, "Live")
    })
  )

  it.effect(
    "an envelope over 65476 bytes is refused before anything is encrypted; the largest fits with shrunk padding",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const sized = (length: number) => text("x".repeat(length))
        const refused = yield* Effect.flip(world.device.reflectAll([text("a"), sized(65_476)]))
        assert.deepInclude(refused, { _tag: "EnvelopeTooLarge", limit: 65_476 })
        const over = refused._tag === "EnvelopeTooLarge" ? refused.length - 65_476 : 0
        assert.deepStrictEqual(yield* peer.drain, [])
        assert.strictEqual(yield* pending(world), 0)

        yield* fork(world.device.reflect(sized(65_476 - over)))
        const frame = yield* peer.expect("Reflect")
        assert.strictEqual(frame.envelope.length, 65_516)
        assert.strictEqual(world.group.openEnvelope(frame.envelope).padding.length, 0)
        const almost = yield* fork(world.device.reflect(sized(65_476 - over - 10)))
        const next = yield* peer.expect("Reflect")
        assert.isAtMost(next.envelope.length, 65_516)
        yield* Fiber.interrupt(almost)
      })
  )

  it.effect("padding is random and within 255 bytes", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      for (let i = 0; i < 20; i++) yield* fork(world.device.reflect(text("a")))
      const frames = yield* peer.drain
      const lengths = frames.map((frame) =>
        frame._tag === "Reflect" ? world.group.openEnvelope(frame.envelope).padding.length : -1
      )
      assert.strictEqual(lengths.length, 20)
      assert.isAbove(new Set(lengths).size, 10)
      assert.isAtMost(Math.max(...lengths), 255)
    })
  )

  it.effect("own nonces are on record before the frame leaves", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* fork(world.device.reflect(text("a")))
      const frame = yield* peer.expect("Reflect")
      const hashed = world.group.crypto.hashNonce("ECHOECHO", frame.envelope.subarray(0, 24))
      assert.deepStrictEqual(yield* world.store.hasNonces([hashed]), [true])
    })
  )
})

describe("offline and reconnect", () => {
  it.effect("waits while there is no connection and goes out in order when there is", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const a = yield* fork(world.device.reflect(text("a")))
      const b = yield* fork(world.device.reflect(text("b")))
      assert.strictEqual(yield* pending(world), 2)
      const peer = yield* connect(world)
      const [first, second] = [yield* peer.expect("Reflect"), yield* peer.expect("Reflect")]
      assert.deepStrictEqual([world.group.textIn(first), world.group.textIn(second)], ["a", "b"])
      yield* peer.send(ackOf(first, 1n), ackOf(second, 2n))
      assert.deepStrictEqual([yield* Fiber.join(a), yield* Fiber.join(b)], [1n, 2n] as never)
    })
  )

  it.effect("the mediator is gone mid-reflect: sent again in order, with other ids, nonces and padding", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fibers = yield* Effect.forEach(["a", "b", "c"], (value) => fork(world.device.reflect(text(value))))
      const sent = [yield* peer.expect("Reflect"), yield* peer.expect("Reflect"), yield* peer.expect("Reflect")]
      yield* peer.send(ackOf(sent[1]!, 2n))
      yield* settle
      yield* peer.close(1006)
      const waiting = yield* expectState(world, "Waiting")
      assert.strictEqual(waiting.pendingReflects, 2)
      const d = yield* fork(world.device.reflect(text("d")))
      yield* TestClock.adjust("3 seconds")
      const next = yield* connect(world)
      const again = [yield* next.expect("Reflect"), yield* next.expect("Reflect"), yield* next.expect("Reflect")]
      assert.deepStrictEqual(
        again.map((frame) => world.group.textIn(frame)),
        ["a", "c", "d"]
      )
      const before = sent.map(({ reflectId }) => reflectId)
      for (const { reflectId } of again) assert.notInclude(before, reflectId)
      assert.notStrictEqual(nonceOf(again[0]!), nonceOf(sent[0]!))
      yield* next.send(...again.map((frame, i) => ackOf(frame, BigInt(10 + i))))
      assert.deepStrictEqual(yield* Effect.forEach([...fibers, d], (fiber) => Fiber.join(fiber)), [
        10n,
        2n,
        11n,
        12n
      ] as never)
    })
  )

  it.effect("cut after cut, nothing is lost and nothing overtakes", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const fibers = yield* Effect.forEach(["a", "b", "c", "d"], (value) => fork(world.device.reflect(text(value))))
      for (let round = 0; round < 4; round++) {
        const peer = yield* connect(world)
        const frames = yield* peer.drain
        const first = frames[0]
        assert.isTrue(first?._tag === "Reflect")
        if (first?._tag !== "Reflect") return
        assert.strictEqual(world.group.textIn(first), ["a", "b", "c", "d"][round])
        yield* peer.send(ackOf(first, BigInt(round)))
        yield* settle
        yield* peer.close(1001)
        yield* settle
        assert.isTrue(yield* world.device.retryNow)
      }
      assert.deepStrictEqual(yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber)), [0n, 1n, 2n, 3n] as never)
    })
  )

  it.effect("an ack that does not come within 30 s replaces the connection", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* TestClock.adjust("7 seconds")
      yield* fork(world.device.reflect(text("a")))
      yield* peer.expect("Reflect")
      // Other frames keep coming: it is the ack that is missing.
      for (let i = 0; i < 29; i++) {
        yield* TestClock.adjust("1 second")
        yield* peer.sendRaw(new Uint8Array([0x7f, 0, 0, 0]))
        yield* settle
      }
      yield* TestClock.adjust("999 millis")
      yield* expectState(world, "Live")
      yield* TestClock.adjust("1 millis")
      const waiting = yield* expectState(world, "Waiting")
      assert.deepInclude(waiting.because, { _tag: "DeadlinePassed", waitedFor: "answer", millis: 30_000 })
      assert.strictEqual(waiting.pendingReflects, 1)
    })
  )

  it.effect("giving up: not written in line; not written again after a cut", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const offline = yield* fork(world.device.reflect(text("never")))
      yield* Fiber.interrupt(offline)
      assert.strictEqual(yield* pending(world), 0)
      const peer = yield* connect(world)
      const written = yield* fork(world.device.reflect(text("once")))
      const frame = yield* peer.expect("Reflect")
      assert.strictEqual(world.group.textIn(frame), "once")
      yield* Fiber.interrupt(written)
      assert.strictEqual(yield* pending(world), 0)
      yield* peer.close(1001)
      yield* TestClock.adjust("3 seconds")
      const next = yield* connect(world)
      assert.deepStrictEqual(yield* next.drain, [])
    })
  )

  it.effect("a slow socket holds the line up, and its bound makes reflects wait", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      peer.flow.closeUnsafe()
      const fibers = yield* Effect.forEach(
        Array.from({ length: 30 }, (_, i) => i),
        (i) => fork(world.device.reflect(text(`${i} `.repeat(20))))
      )
      yield* settle
      assert.deepStrictEqual(yield* peer.drain, [])
      assert.strictEqual(yield* pending(world), 30)
      peer.flow.openUnsafe()
      const order: Array<string> = []
      for (let i = 0; i < 30; i++) {
        const frame = yield* peer.expect("Reflect")
        order.push(world.group.textIn(frame).split(" ")[0]!)
        yield* peer.send(ackOf(frame))
        yield* settle
      }
      assert.deepStrictEqual(
        order,
        Array.from({ length: 30 }, (_, i) => String(i))
      )
      yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber))
    }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, reflects: 500 }))
  )
})

describe("ephemerals", () => {
  it.effect("flagged, in order with reflects, with nothing to wait for", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* fork(world.device.reflect(text("a")))
      yield* world.device.reflectEphemeral(text("typing"))
      yield* fork(world.device.reflect(text("b")))
      const frames = [yield* peer.expect("Reflect"), yield* peer.expect("Reflect"), yield* peer.expect("Reflect")]
      assert.deepStrictEqual(
        frames.map((frame) => [world.group.textIn(frame), frame.flags]),
        [
          ["a", 0],
          ["typing", 1],
          ["b", 0]
        ]
      )
      assert.strictEqual(yield* pending(world), 2)
    })
  )

  it.effect("not live: a typed error; not written before a cut: gone, and told", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* settle
      assert.deepInclude(yield* Effect.flip(world.device.reflectEphemeral(text("e"))), {
        _tag: "NotLive",
        state: "Handshaking"
      })
      const peer = yield* connect(world)
      peer.flow.closeUnsafe()
      yield* fork(world.device.reflect(text("a")))
      yield* settle
      yield* world.device.reflectEphemeral(text("lost"))
      yield* peer.close(1001)
      yield* settle
      assert.deepInclude(world.events, { _tag: "EphemeralsDropped", count: 1 })
      yield* TestClock.adjust("3 seconds")
      const next = yield* connect(world)
      const frames = yield* next.drain
      assert.deepStrictEqual(
        frames.map((frame) => (frame._tag === "Reflect" ? world.group.textIn(frame) : frame._tag)),
        ["a"]
      )
    })
  )

  it.effect("on their way to the socket at a cut: gone, and told once, whatever kept them", () =>
    Effect.gen(function* () {
      const kept = yield* Latch.make(true)
      const memory = yield* makeDeviceStoreMemory()
      const addNonces: typeof memory.addNonces = (nonces) => Effect.andThen(kept.await, memory.addNonces(nonces))
      for (const keep of [
        (_peer: Peer) => Effect.asVoid(kept.close),
        (peer: Peer) => Effect.asVoid(peer.flow.close),
        (peer: Peer) => peer.breakWrites
      ]) {
        yield* kept.open
        const world = yield* makeWorld({ store: { ...memory, addNonces } })
        const peer = yield* connect(world)
        yield* world.device.reflectEphemeral(text("written"))
        yield* peer.expect("Reflect")
        yield* keep(peer)
        yield* world.device.reflectEphemeral(text("drawn"))
        yield* settle
        yield* world.device.reflectEphemeral(text("in line"))
        yield* peer.close(1001)
        yield* settle
        assert.deepStrictEqual(yield* peer.drain, [])
        const dropped = world.events.filter(({ _tag }) => _tag === "EphemeralsDropped")
        assert.deepStrictEqual(dropped, [{ _tag: "EphemeralsDropped", count: 2 }])
        yield* world.device.stop
      }
    })
  )

  it.effect("a full line refuses them", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      peer.flow.closeUnsafe()
      yield* fork(world.device.reflect(text("x".repeat(100))))
      yield* settle
      yield* fork(world.device.reflect(text("x".repeat(100))))
      assert.strictEqual((yield* Effect.flip(world.device.reflectEphemeral(text("e"))))._tag, "ReflectQueueFull")
    }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, reflects: 200 }))
  )
})
