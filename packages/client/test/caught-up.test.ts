// What a transaction with a precondition has seen when it is asked under the lock: all that came ahead of the lock.
import type { ServerFrame } from "@d2m/codec"
import { D2d } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Latch } from "effect"
import { TestClock } from "effect/testing"
import { Capacities, continueAsIs, defaultCapacities, HandlerError, HandlerPolicy, Transaction } from "../src/index.ts"
import {
  ackOf,
  connect,
  expectState,
  makeWorld,
  type Peer,
  reflected,
  settle,
  text,
  textOf,
  type World,
  type WorldOptions
} from "./scripted-peer.ts"

const scope = D2d.TransactionScopeScope.CONTACT_SYNC
const granted: ServerFrame = { _tag: "BeginTransactionAck" }
const committed: ServerFrame = { _tag: "CommitTransactionAck" }
const dry: ServerFrame = { _tag: "ReflectionQueueDry" }
const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkScoped(effect, { startImmediately: true })
const reflect = (value: string) => Effect.flatMap(Transaction, (transaction) => transaction.reflect(text(value)))
const revision = (world: World, value: number) => reflected(value, world.group.envelope(text(String(value))))

/** A note that two devices edit: the handler writes the revision that came, and takes its time for it. */
const makeNote = <R = never>(options: WorldOptions<R> = {}) =>
  Effect.gen(function* () {
    const gate = Latch.makeUnsafe(false)
    const note = { revision: 1 }
    const world = yield* makeWorld<R>({
      onReflected: (batch) =>
        Effect.andThen(
          gate.await,
          Effect.sync(() => {
            note.revision = Number(textOf(batch.at(-1)!.content))
          })
        ),
      ...options
    })
    const peer = yield* connect(world)
    /** Edits the note as it stands now. */
    const edit = Effect.suspend(() => {
      const seen = note.revision
      return world.device.transaction(
        { scope, precondition: Effect.sync(() => note.revision === seen) },
        reflect("mine")
      )
    })
    return { edit, gate, note, peer, world }
  })

const notDone = (fiber: Fiber.Fiber<unknown, unknown>) =>
  Effect.andThen(
    settle,
    Effect.sync(() => assert.isUndefined(fiber.pollUnsafe()))
  )

/** Lets the transaction go through that has the lock. */
const carryOut = (peer: Peer) =>
  Effect.gen(function* () {
    yield* peer.send(ackOf(yield* peer.expect("Reflect")))
    yield* peer.expect("CommitTransaction")
    yield* peer.send(committed)
  })

describe("a precondition under the lock", () => {
  for (const [how, sent] of [
    [
      "in reads of their own",
      (peer: Peer, frames: ReadonlyArray<ServerFrame>) =>
        Effect.forEach(frames, (frame) => Effect.andThen(peer.send(frame), settle))
    ],
    ["in one read", (peer: Peer, frames: ReadonlyArray<ServerFrame>) => peer.send(...frames)]
  ] as const) {
    it.effect(`is asked when what came ahead of the lock has been handled, ${how}`, () =>
      Effect.gen(function* () {
        const { edit, gate, peer, world } = yield* makeNote()
        yield* peer.send(dry)
        const fiber = yield* fork(Effect.flip(edit))
        yield* peer.expect("BeginTransaction")
        yield* sent(peer, [revision(world, 2), granted])
        yield* notDone(fiber)
        assert.deepStrictEqual(yield* peer.drain, [])
        gate.openUnsafe()
        assert.deepInclude(yield* Fiber.join(fiber), { _tag: "PreconditionFailed", lockHeld: true })
        assert.deepStrictEqual(
          (yield* peer.drain).map(({ _tag }) => _tag),
          ["ReflectedAck", "CommitTransaction"]
        )
      })
    )
  }

  it.effect("does not wait for what comes behind the lock", () =>
    Effect.gen(function* () {
      const { edit, peer, world } = yield* makeNote()
      yield* peer.send(dry)
      const fiber = yield* fork(edit)
      yield* peer.expect("BeginTransaction")
      yield* peer.send(granted, revision(world, 2))
      yield* carryOut(peer)
      yield* Fiber.join(fiber)
    })
  )

  it.effect("is not asked at all without one: the body does not wait for the handler", () =>
    Effect.gen(function* () {
      const { peer, world } = yield* makeNote()
      const fiber = yield* fork(world.device.transaction({ scope }, reflect("mine")))
      yield* peer.expect("BeginTransaction")
      yield* peer.send(revision(world, 2), granted)
      yield* carryOut(peer)
      yield* Fiber.join(fiber)
    })
  )

  it.effect("has seen what was set aside: it can be handled no further", () =>
    Effect.gen(function* () {
      const { edit, peer, world } = yield* makeNote({ onReflected: () => new HandlerError({ detail: "no" }) })
      yield* peer.send(dry)
      const fiber = yield* fork(edit)
      yield* peer.expect("BeginTransaction")
      yield* peer.send(revision(world, 2), reflected(3, new Uint8Array(80)), granted)
      yield* notDone(fiber)
      yield* TestClock.adjust("1 seconds")
      yield* notDone(fiber)
      yield* TestClock.adjust("5 seconds")
      yield* peer.expect("ReflectedAck")
      yield* peer.expect("ReflectedAck")
      yield* carryOut(peer)
      yield* Fiber.join(fiber)
      assert.strictEqual((yield* world.device.quarantine.list).length, 2)
    })
  )

  it.effect("is not asked when the handler halts: the connection is over, and the transaction lost", () =>
    Effect.gen(function* () {
      const { edit, peer, world } = yield* makeNote({ onReflected: () => new HandlerError({ detail: "no" }) })
      yield* peer.send(dry)
      const fiber = yield* fork(Effect.flip(edit))
      yield* peer.expect("BeginTransaction")
      yield* peer.send(revision(world, 2), granted)
      const lost = yield* Fiber.join(fiber)
      assert.isTrue(lost._tag === "TransactionLost" && lost.committed === "no" && lost.because._tag === "HandlerHalted")
      yield* expectState(world, "NeedsUser")
    }).pipe(Effect.provideService(HandlerPolicy, { tries: 1, delay: () => 0, giveUp: "halt" }))
  )

  it.effect("waits no longer than the ttl: a handler that never ends costs the transaction", () =>
    Effect.gen(function* () {
      const { edit, peer, world } = yield* makeNote()
      yield* peer.send(dry)
      const fiber = yield* fork(Effect.flip(edit))
      yield* peer.expect("BeginTransaction")
      yield* peer.send(revision(world, 2), granted)
      yield* notDone(fiber)
      yield* peer.close(4011)
      const lost = yield* Fiber.join(fiber)
      assert.isTrue(lost._tag === "TransactionLost" && lost.committed === "no" && lost.because._tag === "Closed")
    })
  )

  it.effect("is not asked where what came ahead of the lock was passed over: it comes again", () =>
    Effect.gen(function* () {
      const { edit, gate, peer, world } = yield* makeNote()
      yield* peer.send(dry)
      const fiber = yield* fork(Effect.flip(edit))
      yield* peer.expect("BeginTransaction")
      yield* peer.send(...[2, 3, 4, 5, 6].map((value) => revision(world, value)), granted)
      yield* notDone(fiber)
      yield* TestClock.adjust("11 seconds")
      assert.include(world.eventTags(), "PassedOver")
      yield* notDone(fiber)
      gate.openUnsafe()
      const lost = yield* Fiber.join(fiber)
      assert.isTrue(lost._tag === "TransactionLost" && lost.committed === "no" && lost.because._tag === "FellBehind")
    }).pipe(Effect.provideService(Capacities, { ...defaultCapacities, reflected: 2 }))
  )

  it.effect("interrupted while it waits: the lock is given back, and the connection lives", () =>
    Effect.gen(function* () {
      const { edit, peer, world } = yield* makeNote()
      yield* peer.send(dry)
      const fiber = yield* fork(edit)
      yield* peer.expect("BeginTransaction")
      yield* peer.send(revision(world, 2), granted)
      yield* notDone(fiber)
      yield* Fiber.interrupt(fiber)
      yield* peer.expect("CommitTransaction")
      yield* peer.send(committed)
      yield* expectState(world, "Live")
    })
  )

  it.effect("a device that stops while it waits tells so", () =>
    Effect.gen(function* () {
      const { edit, peer, world } = yield* makeNote()
      yield* peer.send(dry)
      const fiber = yield* fork(Effect.flip(edit))
      yield* peer.expect("BeginTransaction")
      yield* peer.send(revision(world, 2), granted)
      yield* notDone(fiber)
      yield* world.device.stop
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "TransactionLost", committed: "no" })
    })
  )
})

describe("a transaction with a precondition on a device that is not dry", () => {
  it.effect("asks for nothing before Dry: what waits in the mediator's queue may decide it", () =>
    Effect.gen(function* () {
      const { edit, gate, peer, world } = yield* makeNote()
      gate.openUnsafe()
      const fiber = yield* fork(Effect.flip(edit))
      assert.deepStrictEqual(yield* peer.drain, [])
      yield* peer.send(revision(world, 2), dry)
      const frames = yield* peer.drain
      assert.deepStrictEqual(
        frames.map(({ _tag }) => _tag),
        ["ReflectedAck"]
      )
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "PreconditionFailed", lockHeld: false })
    })
  )

  it.effect(
    "asks for nothing while the handler is behind what came by then, on this connection or an earlier one",
    () =>
      Effect.gen(function* () {
        const { edit, gate, peer, world } = yield* makeNote()
        yield* peer.send(revision(world, 2))
        yield* settle
        yield* peer.close(1001)
        yield* TestClock.adjust("3 seconds")
        const next = yield* connect(world)
        yield* next.send(revision(world, 2), dry)
        const fiber = yield* fork(Effect.flip(edit))
        assert.deepStrictEqual(yield* next.drain, [])
        gate.openUnsafe()
        assert.deepInclude(yield* Fiber.join(fiber), { _tag: "PreconditionFailed", lockHeld: false })
      })
  )

  it.effect("waits for the Dry of the connection that it has the lock on", () =>
    Effect.gen(function* () {
      const { gate, note, peer, world } = yield* makeNote()
      const asked = yield* Deferred.make<void>()
      const answer = Latch.makeUnsafe(false)
      const precondition = Effect.suspend(() => {
        Deferred.doneUnsafe(asked, Effect.void)
        return Effect.as(answer.await, note.revision === 1)
      })
      yield* peer.send(dry)
      const fiber = yield* fork(Effect.flip(world.device.transaction({ scope, precondition }, reflect("mine"))))
      yield* Deferred.await(asked)
      yield* peer.close(1001)
      yield* TestClock.adjust("3 seconds")
      const next = yield* connect(world)
      answer.openUnsafe()
      yield* next.expect("BeginTransaction")
      yield* next.send(granted)
      yield* notDone(fiber)
      yield* next.send(revision(world, 2), dry)
      yield* notDone(fiber)
      gate.openUnsafe()
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "PreconditionFailed", lockHeld: true })
    })
  )

  it.effect("does not wait for what never comes again", () =>
    Effect.gen(function* () {
      const { edit, peer, world } = yield* makeNote({ onReflected: () => new HandlerError({ detail: "no" }) })
      yield* peer.send(revision(world, 2), dry)
      const { reason } = yield* expectState(world, "NeedsUser")
      assert.strictEqual(reason._tag, "Halted")
      yield* world.device.resume(continueAsIs)
      const next = yield* connect(world)
      yield* next.send(dry)
      yield* fork(edit)
      yield* next.expect("BeginTransaction")
    }).pipe(Effect.provideService(HandlerPolicy, { tries: 1, delay: () => 0, giveUp: "halt" }))
  )

  it.effect("goes on with the next connection when this one is lost before it is dry", () =>
    Effect.gen(function* () {
      const { edit, gate, peer, world } = yield* makeNote()
      gate.openUnsafe()
      const fiber = yield* fork(edit)
      yield* settle
      yield* peer.close(1001)
      yield* TestClock.adjust("3 seconds")
      const next = yield* connect(world)
      assert.deepStrictEqual(yield* next.drain, [])
      yield* next.send(dry)
      yield* next.expect("BeginTransaction")
      yield* next.send(granted)
      yield* carryOut(next)
      yield* Fiber.join(fiber)
    })
  )

  it.effect("without one it asks for the lock at once", () =>
    Effect.gen(function* () {
      const { peer, world } = yield* makeNote()
      yield* fork(world.device.transaction({ scope }, reflect("mine")))
      yield* peer.expect("BeginTransaction")
    })
  )
})

describe("a transaction with a precondition that a handler starts", () => {
  /** A device whose handler runs this with the device. */
  const handledBy = (run: (world: World) => Effect.Effect<void, HandlerError>) =>
    Effect.gen(function* () {
      let handle: Effect.Effect<void, HandlerError> = Effect.void
      const world = yield* makeWorld({ onReflected: () => handle })
      handle = Effect.suspend(() => run(world))
      const peer = yield* connect(world)
      yield* peer.send(dry)
      return { peer, world }
    })
  const transaction = (world: World) =>
    world.device.transaction({ scope, precondition: Effect.succeed(true) }, reflect("mine"))

  it.effect("and waits for is refused, as it would wait for the handler", () =>
    Effect.gen(function* () {
      const told = yield* Deferred.make<string>()
      const { peer, world } = yield* handledBy((world) =>
        Effect.flatMap(Effect.flip(transaction(world)), ({ _tag }) => Effect.asVoid(Deferred.succeed(told, _tag))).pipe(
          Effect.orDie
        )
      )
      yield* peer.send(revision(world, 2))
      assert.strictEqual(yield* Deferred.await(told), "TransactionInHandler")
      yield* peer.expect("ReflectedAck")
      assert.deepStrictEqual(yield* peer.drain, [])
    })
  )

  it.effect("and waits for in another fiber is refused after 10 s, without the lock", () =>
    Effect.gen(function* () {
      const told = yield* Deferred.make<string>()
      const { peer, world } = yield* handledBy((world) =>
        Effect.forkDetach(Effect.flip(transaction(world)), { startImmediately: true }).pipe(
          Effect.flatMap(Fiber.join),
          Effect.flatMap(({ _tag }) => Effect.asVoid(Deferred.succeed(told, _tag))),
          Effect.orDie
        )
      )
      yield* peer.send(revision(world, 2))
      yield* settle
      yield* TestClock.adjust("9999 millis")
      assert.isFalse(yield* Deferred.isDone(told))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Deferred.await(told), "TransactionInHandler")
      yield* peer.expect("ReflectedAck")
      assert.deepStrictEqual(yield* peer.drain, [])
    })
  )

  it.effect("and does not wait for goes on when the handler has ended", () =>
    Effect.gen(function* () {
      const gate = Latch.makeUnsafe(false)
      const started = yield* Deferred.make<Fiber.Fiber<unknown, unknown>>()
      const { peer, world } = yield* handledBy((world) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkDetach(transaction(world), { startImmediately: true })
          Deferred.doneUnsafe(started, Effect.succeed(fiber))
          yield* gate.await
        })
      )
      yield* peer.send(revision(world, 2))
      const fiber = yield* Deferred.await(started)
      assert.deepStrictEqual(yield* peer.drain, [])
      gate.openUnsafe()
      assert.sameMembers(
        (yield* peer.drain).map(({ _tag }) => _tag),
        ["ReflectedAck", "BeginTransaction"]
      )
      yield* peer.send(granted)
      yield* carryOut(peer)
      yield* Fiber.join(fiber)
    })
  )

  it.effect("is refused where a message of the quarantine is handled again, too", () =>
    Effect.gen(function* () {
      let tries = 0
      const { peer, world } = yield* handledBy((world) =>
        tries++ === 0
          ? Effect.fail(new HandlerError({ detail: "not yet" }))
          : Effect.asVoid(Effect.mapError(transaction(world), ({ _tag }) => new HandlerError({ detail: _tag })))
      )
      yield* peer.send(revision(world, 2))
      yield* peer.expect("ReflectedAck")
      const [entry] = yield* world.device.quarantine.list
      const error = yield* Effect.flip(world.device.quarantine.replay(entry!.id))
      assert.strictEqual(error.message, "TransactionInHandler")
    }).pipe(Effect.provideService(HandlerPolicy, { tries: 1, delay: () => 0, giveUp: "quarantine" }))
  )

  it.effect("with another device waits for that one alone", () =>
    Effect.gen(function* () {
      const other = yield* makeWorld({ seed: 7 })
      const { peer, world } = yield* handledBy(() => Effect.asVoid(Effect.orDie(transaction(other))))
      const otherPeer = yield* connect(other)
      yield* otherPeer.send(dry)
      yield* peer.send(revision(world, 2))
      yield* otherPeer.expect("BeginTransaction")
      yield* otherPeer.send(granted)
      yield* carryOut(otherPeer)
      yield* peer.expect("ReflectedAck")
    })
  )

  it.effect("without one is none that waits: it goes through while the handler waits for it", () =>
    Effect.gen(function* () {
      const { peer, world } = yield* handledBy((world) =>
        Effect.asVoid(Effect.orDie(world.device.transaction({ scope }, reflect("mine"))))
      )
      yield* peer.send(revision(world, 2))
      yield* peer.expect("BeginTransaction")
      yield* peer.send(granted)
      yield* carryOut(peer)
      yield* peer.expect("ReflectedAck")
    })
  )
})
