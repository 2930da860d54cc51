import { Box, D2d } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, type Duration, Effect, Fiber, Latch, Ref } from "effect"
import { TestClock } from "effect/testing"
import { Transaction } from "../src/index.ts"
import { ackOf, connect, expectState, makeWorld, other, type Peer, settle, text, type World } from "./scripted-peer.ts"

const scope = D2d.TransactionScopeScope.CONTACT_SYNC
const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkScoped(effect, { startImmediately: true })
const reflect = (value: string) => Effect.flatMap(Transaction, (transaction) => transaction.reflect(text(value)))
const granted = { _tag: "BeginTransactionAck" } as const
const dry = { _tag: "ReflectionQueueDry" } as const
const committed = { _tag: "CommitTransactionAck" } as const
const rejected = (world: World) =>
  ({ _tag: "TransactionRejected", deviceId: other, encryptedScope: world.group.scope(6) }) as const
const ended = (world: World) =>
  ({ _tag: "TransactionEnded", deviceId: other, encryptedScope: world.group.scope(6) }) as const
const texts = (world: World, frames: ReadonlyArray<{ readonly _tag: string }>) =>
  frames.map((frame) =>
    frame._tag === "Reflect" && "envelope" in frame ? world.group.textIn(frame as never) : frame._tag
  )

/** Runs the mediator's side of a transaction until its Commit, which stays un-acked. */
const begin = (peer: Peer) => Effect.tap(peer.expect("BeginTransaction"), () => peer.send(granted))

describe("a transaction", () => {
  it.effect("asks for no lock with a ttl that is no duration", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send(dry)
      for (const ttl of [NaN, { minute: 5 }, "soon"] as ReadonlyArray<Duration.Input>) {
        assert.throws(() => world.device.transaction({ scope, ttl }, Effect.void), /a ttl must be a duration/)
      }
      assert.deepStrictEqual(yield* peer.drain, [])
    })
  )

  it.effect("precondition, Begin, precondition, body, acks, Commit, ack; then the result", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send(dry)
      const asked = yield* Ref.make(0)
      const precondition = Effect.as(
        Ref.update(asked, (n) => n + 1),
        true
      )
      const fiber = yield* fork(
        world.device.transaction(
          { scope, ttl: "1500 millis", precondition },
          Effect.map(Effect.all([reflect("a"), reflect("b")]), (done) => done.map(({ timestamp }) => timestamp))
        )
      )
      const request = yield* peer.expect("BeginTransaction")
      assert.strictEqual(yield* Ref.get(asked), 1)
      assert.strictEqual(request.ttl, 2)
      const plain = world.group.crypto.open(world.group.keys.dgtsk, request.encryptedScope)
      assert.deepStrictEqual(plain._tag === "Success" ? [...plain.success] : [], [0x08, 0x01])
      yield* peer.send(granted)
      const a = yield* peer.expect("Reflect")
      assert.strictEqual(yield* Ref.get(asked), 2)
      assert.deepStrictEqual(yield* peer.drain, [])
      yield* peer.send(ackOf(a, 1n))
      const b = yield* peer.expect("Reflect")
      assert.deepStrictEqual(yield* peer.drain, [])
      yield* peer.send(ackOf(b, 2n))
      yield* peer.expect("CommitTransaction")
      yield* settle
      assert.isUndefined(fiber.pollUnsafe())
      yield* peer.send(committed)
      assert.deepStrictEqual(yield* Fiber.join(fiber), [1n, 2n] as never)
    })
  )

  it.effect("Commit waits for the acks of what the body did not wait for", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fiber = yield* fork(
        world.device.transaction(
          { scope },
          Effect.andThen(
            Effect.forkDetach(Effect.all([reflect("a"), reflect("b")], { concurrency: 2 })),
            Effect.yieldNow
          )
        )
      )
      yield* begin(peer)
      const [a, b] = [yield* peer.expect("Reflect"), yield* peer.expect("Reflect")]
      assert.deepStrictEqual(yield* peer.drain, [])
      yield* peer.send(ackOf(b))
      assert.deepStrictEqual(yield* peer.drain, [])
      yield* peer.send(ackOf(a))
      yield* peer.expect("CommitTransaction")
      yield* peer.send(committed)
      yield* Fiber.join(fiber)
    })
  )

  it.effect("between Begin and Commit only its own reflects are written; everything else waits in line", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const gate = Latch.makeUnsafe(false)
      yield* fork(world.device.reflect(text("before")))
      const fiber = yield* fork(world.device.transaction({ scope }, Effect.andThen(gate.await, reflect("in"))))
      yield* fork(world.device.reflect(text("after")))
      yield* world.device.reflectEphemeral(text("typing"))
      assert.deepStrictEqual(texts(world, yield* peer.drain), ["before", "BeginTransaction"])
      yield* peer.send(granted)
      yield* fork(world.device.reflect(text("later")))
      assert.deepStrictEqual(yield* peer.drain, [])
      gate.openUnsafe()
      const own = yield* peer.expect("Reflect")
      assert.strictEqual(world.group.textIn(own), "in")
      assert.deepStrictEqual(yield* peer.drain, [])
      yield* peer.send(ackOf(own))
      assert.deepStrictEqual(texts(world, yield* peer.drain), ["CommitTransaction", "after", "typing", "later"])
      yield* peer.send(committed)
      yield* Fiber.join(fiber)
    })
  )

  it.effect("two of one device take turns", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const first = yield* fork(world.device.transaction({ scope }, Effect.succeed(1)))
      const second = yield* fork(world.device.transaction({ scope }, Effect.succeed(2)))
      assert.deepStrictEqual(texts(world, yield* peer.drain), ["BeginTransaction"])
      yield* peer.send(granted)
      assert.deepStrictEqual(texts(world, yield* peer.drain), ["CommitTransaction"])
      yield* peer.send(committed)
      assert.strictEqual(yield* Fiber.join(first), 1)
      yield* begin(peer)
      yield* peer.expect("CommitTransaction")
      yield* peer.send(committed)
      assert.strictEqual(yield* Fiber.join(second), 2)
    })
  )

  it.effect("does not nest: a typed error, and the outer one goes on", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fiber = yield* fork(
        world.device.transaction(
          { scope },
          Effect.andThen(Transaction, Effect.flip(world.device.transaction({ scope }, Effect.void)))
        )
      )
      yield* begin(peer)
      yield* peer.expect("CommitTransaction")
      yield* peer.send(committed)
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "TransactionNested")
    })
  )

  it.effect("its handle is of no use once the body has ended", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fiber = yield* fork(
        world.device.transaction(
          { scope },
          Effect.map(Transaction, (handle) => handle)
        )
      )
      yield* begin(peer)
      yield* peer.expect("CommitTransaction")
      yield* peer.send(committed)
      const handle = yield* Fiber.join(fiber)
      assert.strictEqual((yield* Effect.flip(handle.reflect(text("late"))))._tag, "TransactionOver")
      assert.deepStrictEqual(yield* peer.drain, [])
    })
  )
})

describe("the precondition", () => {
  it.effect("does not hold before Begin: nothing is sent", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send(dry)
      const precondition = Effect.succeed(false)
      const error = yield* Effect.flip(world.device.transaction({ scope, precondition }, reflect("never")))
      assert.deepInclude(error, { _tag: "PreconditionFailed", lockHeld: false })
      assert.deepStrictEqual(yield* peer.drain, [])
    })
  )

  it.effect("does not hold after BeginAck: committed at once, the connection lives", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send(dry)
      let holds = true
      const fiber = yield* fork(
        Effect.flip(world.device.transaction({ scope, precondition: Effect.sync(() => holds) }, reflect("never")))
      )
      yield* peer.expect("BeginTransaction")
      holds = false
      yield* peer.send(granted)
      yield* peer.expect("CommitTransaction")
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "PreconditionFailed", lockHeld: true })
      // The ack of that commit belongs to it, not to what comes next.
      const next = yield* fork(world.device.transaction({ scope }, Effect.succeed("next")))
      yield* peer.expect("BeginTransaction")
      yield* peer.send(committed, granted)
      yield* peer.expect("CommitTransaction")
      yield* settle
      assert.isUndefined(next.pollUnsafe())
      yield* peer.send(committed)
      assert.strictEqual(yield* Fiber.join(next), "next")
      yield* expectState(world, "Live")
    })
  )

  it.effect("is asked again after each rejection", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send(dry)
      let holds = true
      const fiber = yield* fork(
        Effect.flip(world.device.transaction({ scope, precondition: Effect.sync(() => holds) }, reflect("never")))
      )
      yield* peer.expect("BeginTransaction")
      yield* peer.send(rejected(world))
      yield* settle
      holds = false
      yield* peer.send(ended(world))
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "PreconditionFailed", lockHeld: false })
      assert.deepStrictEqual(yield* peer.drain, [])
    })
  )
})

describe("rejection", () => {
  it.effect("waits for Ended and asks again; others' reflects go on meanwhile", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fiber = yield* fork(world.device.transaction({ scope }, Effect.succeed("done")))
      yield* peer.expect("BeginTransaction")
      yield* fork(world.device.reflect(text("mine")))
      assert.deepStrictEqual(yield* peer.drain, [])
      yield* peer.send(rejected(world))
      assert.deepStrictEqual(texts(world, yield* peer.drain), ["mine"])
      assert.deepInclude(world.events, { _tag: "LockHeld", deviceId: other, scope: 6 })
      yield* peer.send(ended(world))
      yield* begin(peer)
      yield* peer.expect("CommitTransaction")
      yield* peer.send(committed)
      assert.strictEqual(yield* Fiber.join(fiber), "done")
    })
  )

  it.effect("Ended that overtakes its Rejected is no lost wake-up; one from before does not count", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send(ended(world))
      yield* settle
      yield* fork(world.device.transaction({ scope }, Effect.void))
      yield* peer.expect("BeginTransaction")
      yield* peer.send(ended(world), rejected(world))
      yield* peer.expect("BeginTransaction")
      yield* peer.send(rejected(world))
      assert.deepStrictEqual(yield* peer.drain, [])
    })
  )

  it.effect("an Ended that never comes costs 65 s", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* fork(world.device.transaction({ scope }, Effect.void))
      yield* peer.expect("BeginTransaction")
      yield* peer.send(rejected(world))
      const answerProbes = Effect.forever(
        Effect.flatMap(peer.next, (frame) =>
          frame._tag === "GetDevicesInfo"
            ? peer.send({ _tag: "DevicesInfo", augmentedDeviceInfo: new Map() })
            : Deferred.succeed(asked, frame._tag)
        )
      )
      const asked = yield* Deferred.make<string>()
      yield* Effect.forkScoped(answerProbes)
      yield* TestClock.adjust("64 seconds")
      assert.isFalse(yield* Deferred.isDone(asked))
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual(yield* Deferred.await(asked), "BeginTransaction")
    })
  )

  it.effect("of a transaction that nobody asked for ends the connection, and nobody is in the way", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send(rejected(world))
      assert.deepInclude(yield* peer.closedWith, { code: 4010 })
      yield* settle
      assert.deepStrictEqual(world.eventTags(), ["Disconnected"])
    })
  )

  it.effect("a scope that cannot be read is no scope, and no error", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* fork(world.device.transaction({ scope }, Effect.void))
      yield* peer.expect("BeginTransaction")
      const malformed = world.group.crypto.seal(world.group.keys.dgtsk, world.group.nonce(), new Uint8Array([0x08]))
      yield* peer.send({ _tag: "TransactionRejected", deviceId: other, encryptedScope: malformed })
      yield* peer.send({
        _tag: "TransactionEnded",
        deviceId: other,
        encryptedScope: Box.make("dgtsk", new Uint8Array([1]))
      })
      yield* settle
      const told = { _tag: "BlobRejected", blob: "TransactionScope", deviceId: other } as const
      assert.deepStrictEqual(world.events, [
        { ...told, reason: "Malformed" },
        { _tag: "LockHeld", deviceId: other },
        { ...told, reason: "Undecryptable" },
        { _tag: "TransactionEnded", deviceId: other }
      ])
      yield* expectState(world, "Live")
    })
  )
})

describe("a cut", () => {
  it.effect("before the Commit is written: TransactionLost, committed no; nothing of it is ever sent again", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fiber = yield* fork(
        Effect.flip(world.device.transaction({ scope }, Effect.all([reflect("a"), reflect("b")])))
      )
      yield* fork(world.device.reflect(text("mine")))
      yield* begin(peer)
      yield* peer.expect("Reflect")
      yield* peer.close(4011)
      const error = yield* Fiber.join(fiber)
      assert.isTrue(error._tag === "TransactionLost" && error.committed === "no" && error.because._tag === "Closed")
      yield* TestClock.adjust("3 seconds")
      const next = yield* connect(world)
      assert.deepStrictEqual(texts(world, yield* next.drain), ["mine"])
    })
  )

  it.effect("after the Commit was written, before its ack: committed unknown", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fiber = yield* fork(Effect.flip(world.device.transaction({ scope }, reflect("a"))))
      yield* begin(peer)
      yield* peer.send(ackOf(yield* peer.expect("Reflect")))
      yield* peer.expect("CommitTransaction")
      yield* peer.close(1006)
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "TransactionLost", committed: "unknown" })
    })
  )

  it.effect("with the Commit's ack already read: done", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fiber = yield* fork(world.device.transaction({ scope }, Effect.succeed("done")))
      yield* begin(peer)
      yield* peer.expect("CommitTransaction")
      yield* peer.send(committed)
      yield* peer.close(1006)
      assert.strictEqual(yield* Fiber.join(fiber), "done")
    })
  )

  it.effect("between Begin and its ack: committed no", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fiber = yield* fork(Effect.flip(world.device.transaction({ scope }, reflect("a"))))
      yield* peer.expect("BeginTransaction")
      yield* peer.close(1001)
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "TransactionLost", committed: "no" })
    })
  )

  it.effect("while the body does something else: the body is interrupted", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const interrupted = yield* Deferred.make<void>()
      const body = Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      const fiber = yield* fork(Effect.flip(world.device.transaction({ scope }, body)))
      yield* begin(peer)
      yield* settle
      yield* peer.close(1001)
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "TransactionLost", committed: "no" })
      yield* Deferred.await(interrupted)
    })
  )

  it.effect("while waiting for another's transaction, or for a connection: it goes on waiting", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const fiber = yield* fork(world.device.transaction({ scope }, Effect.succeed("done")))
      const peer = yield* connect(world)
      yield* peer.expect("BeginTransaction")
      yield* peer.send(rejected(world))
      yield* settle
      yield* peer.close(1001)
      yield* TestClock.adjust("3 seconds")
      const next = yield* connect(world)
      yield* begin(next)
      yield* next.expect("CommitTransaction")
      yield* next.send(committed)
      assert.strictEqual(yield* Fiber.join(fiber), "done")
    })
  )

  it.effect("a Begin that was not written yet is asked again on the next connection", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      peer.flow.closeUnsafe()
      yield* fork(world.device.reflect(text("a")))
      yield* settle
      const fiber = yield* fork(world.device.transaction({ scope }, Effect.succeed("done")))
      yield* settle
      yield* peer.close(1001)
      yield* TestClock.adjust("3 seconds")
      const next = yield* connect(world)
      yield* next.expect("Reflect")
      yield* begin(next)
      yield* next.expect("CommitTransaction")
      yield* next.send(committed)
      assert.strictEqual(yield* Fiber.join(fiber), "done")
    })
  )

  it.effect("an answer to a Begin is none to a Commit, nor the other way about", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      for (const answers of [[committed], [granted, granted], [granted, rejected(world)]]) {
        const peer = yield* connect(world)
        const fiber = yield* fork(Effect.flip(world.device.transaction({ scope }, Effect.void)))
        for (const answer of answers) {
          yield* peer.next
          yield* peer.send(answer)
        }
        assert.strictEqual((yield* peer.closedWith).code, 4010)
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "TransactionLost")
        assert.isTrue(yield* world.device.retryNow)
      }
    })
  )

  it.effect("an answer that nobody asked for is a protocol error", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      for (const frame of [granted, committed, rejected(world)]) {
        const peer = yield* connect(world)
        yield* peer.send(frame)
        assert.strictEqual((yield* peer.closedWith).code, 4010)
        yield* settle
        yield* world.device.retryNow
      }
    })
  )
})

describe("giving up", () => {
  it.effect("a body that fails after it reflected: the connection is dropped, as there is no other abort", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fiber = yield* fork(
        Effect.flip(world.device.transaction({ scope }, Effect.andThen(reflect("a"), Effect.fail("no" as const))))
      )
      yield* begin(peer)
      yield* peer.send(ackOf(yield* peer.expect("Reflect")))
      assert.strictEqual(yield* Fiber.join(fiber), "no")
      assert.strictEqual((yield* peer.closedWith).code, 1000)
      assert.deepStrictEqual(yield* peer.drain, [])
      const waiting = yield* expectState(world, "Waiting")
      assert.deepStrictEqual([waiting.because._tag, waiting.failures], ["TransactionAborted", 0])
    })
  )

  it.effect("whoever is told that it failed or was lost finds a state that tells so", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const body = Effect.andThen(reflect("a"), Effect.fail("no" as const))
      const failed = Effect.andThen(Effect.flip(world.device.transaction({ scope }, body)), world.device.state.get)
      const lost = Effect.andThen(
        Effect.flip(world.device.transaction({ scope }, reflect("a"))),
        world.device.state.get
      )
      for (const [told, hangsUp] of [
        [failed, false],
        [lost, true]
      ] as const) {
        const peer = yield* connect(world)
        const fiber = yield* fork(told)
        yield* begin(peer)
        const reflected = yield* peer.expect("Reflect")
        yield* hangsUp ? peer.close(1006) : peer.send(ackOf(reflected))
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "Waiting")
        yield* world.device.retryNow
      }
    })
  )

  it.effect("a body that fails before it reflected: an empty commit will do", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fiber = yield* fork(Effect.flip(world.device.transaction({ scope }, Effect.fail("no"))))
      yield* begin(peer)
      yield* peer.expect("CommitTransaction")
      assert.strictEqual(yield* Fiber.join(fiber), "no")
      yield* peer.send(committed)
      yield* expectState(world, "Live")
    })
  )

  it.effect("interrupted in the body: likewise", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const fiber = yield* fork(world.device.transaction({ scope }, Effect.andThen(reflect("a"), Effect.never)))
      yield* begin(peer)
      yield* peer.send(ackOf(yield* peer.expect("Reflect")))
      yield* settle
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* peer.closedWith).code, 1000)
    })
  )

  it.effect("interrupted before Begin was written: it never is", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      peer.flow.closeUnsafe()
      yield* fork(world.device.reflect(text("a")))
      yield* settle
      const fiber = yield* fork(world.device.transaction({ scope }, Effect.void))
      yield* settle
      yield* Fiber.interrupt(fiber)
      peer.flow.openUnsafe()
      assert.deepStrictEqual(texts(world, yield* peer.drain), ["a"])
    })
  )

  it.effect("interrupted while the lock is asked for: it is given back when it comes, or not when it does not", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      for (const answer of [granted, rejected(world)]) {
        const fiber = yield* fork(world.device.transaction({ scope }, reflect("never")))
        yield* peer.expect("BeginTransaction")
        yield* Fiber.interrupt(fiber)
        yield* fork(world.device.reflect(text("mine")))
        assert.deepStrictEqual(yield* peer.drain, [])
        yield* peer.send(answer)
        const frames = texts(world, yield* peer.drain)
        assert.deepStrictEqual(frames, answer === granted ? ["CommitTransaction", "mine"] : ["mine"])
        if (answer === granted) yield* peer.send(committed)
      }
      yield* expectState(world, "Live")
    })
  )

  it.effect("interrupted just when the lock is granted: it is given back, too", () =>
    Effect.gen(function* () {
      for (let steps = 0; steps < 12; steps++) {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const fiber = yield* fork(world.device.transaction({ scope }, Effect.never))
        yield* peer.expect("BeginTransaction")
        yield* peer.send(granted)
        yield* Effect.repeat(Effect.yieldNow, { times: steps })
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(texts(world, yield* peer.drain), ["CommitTransaction"], `after ${steps} steps`)
      }
    })
  )

  it.effect("a stopped device fails one whose connection was lost while its precondition was asked", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      yield* peer.send(dry)
      const holds = yield* Deferred.make<boolean>()
      const options = { scope, precondition: Deferred.await(holds) }
      const fiber = yield* fork(Effect.flip(world.device.transaction(options, Effect.void)))
      yield* settle
      yield* peer.close(1006)
      yield* expectState(world, "Waiting")
      yield* Deferred.succeed(holds, true)
      yield* settle
      yield* world.device.stop
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "DeviceStopped")
    })
  )

  it.effect("a stopped device fails those that wait", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const fiber = yield* fork(Effect.flip(world.device.transaction({ scope }, Effect.void)))
      yield* settle
      yield* world.device.stop
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "DeviceStopped")
    })
  )
})
