/** Scenarios of transactions: the lock, the buffer, commit (decisions 12, 16; PROTOCOL D17-D19, D21). */
import { assert } from "@effect/vitest"
import { CloseCode, type ServerFrame } from "@d2m/codec"
import { Effect } from "effect"
import {
  A,
  ackFrame,
  B,
  begin,
  bytes,
  C,
  commit,
  D,
  drop,
  EPHEMERAL,
  EXISTING,
  join,
  leave,
  reflected,
  reflectFrame,
  type Session
} from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"
import { Target } from "../Target.ts"
import type { WireError } from "../Wire.ts"

export const scope = bytes(77, 41)

export const beginOf = (device: Session, encryptedScope = scope, ttl = 0): Effect.Effect<void, WireError> =>
  Effect.andThen(device.send(begin(encryptedScope, ttl)), Effect.asVoid(device.next("BeginTransactionAck")))

export const commitOf = (device: Session): Effect.Effect<void, WireError> =>
  Effect.andThen(device.send(commit), Effect.asVoid(device.next("CommitTransactionAck")))

export const ended = (deviceId: bigint, encryptedScope = scope): ServerFrame =>
  ({ _tag: "TransactionEnded", deviceId, encryptedScope }) as unknown as ServerFrame

/** A connected group whose first device leads, so that leadership does not move when another leaves. */
export const trio = Effect.gen(function* () {
  const observer = yield* join(C)
  const a = yield* join(A)
  const b = yield* join(B)
  return { a, b, observer }
})

export const transactions: ReadonlyArray<Scenario> = [
  {
    shows: ["D17", "D19", "0.12"],
    title: "begin and commit: acks for the holder, Ended with its id and scope for all other connected devices",
    run: Effect.gen(function* () {
      const { a, b, observer } = yield* trio
      yield* leave(yield* join(D), observer)
      yield* beginOf(a)
      yield* b.quiet
      yield* commitOf(a)
      assert.deepStrictEqual(yield* b.receive, ended(A))
      assert.deepStrictEqual(yield* observer.receive, ended(A))
      yield* a.quiet
      yield* b.quiet
      // The absent one does not hear of it later.
      yield* join(D, { expected: EXISTING })
    })
  },
  {
    shows: ["D17", "0.19"],
    title: "while the lock is held, others are rejected with the holder's id and scope, verbatim",
    run: Effect.gen(function* () {
      const { a, b, observer } = yield* trio
      // iOS: one raw byte in a box; others: nothing at all, or a lot.
      for (const held of [bytes(1, 41), new Uint8Array(0), bytes(2, 60_000)]) {
        yield* beginOf(a, held)
        for (const device of [b, observer]) {
          yield* device.send(begin(bytes(9, 42), 5))
          assert.deepStrictEqual(yield* device.receive, {
            _tag: "TransactionRejected",
            deviceId: A,
            encryptedScope: held
          } as unknown as ServerFrame)
        }
        yield* commitOf(a)
        assert.deepStrictEqual(yield* b.receive, ended(A, held))
        assert.deepStrictEqual(yield* observer.receive, ended(A, held))
      }
    })
  },
  {
    shows: ["D17", "0.6", "D20"],
    title: "a nested Begin closes the holder with 4010, and its transaction ends",
    run: Effect.gen(function* () {
      const { a, b } = yield* trio
      yield* beginOf(a)
      yield* a.reflect(bytes(1))
      yield* a.send(begin(scope))
      yield* a.closes(CloseCode.ProtocolError)
      assert.deepStrictEqual(yield* b.receive, ended(A))
      yield* b.quiet
    })
  },
  {
    shows: ["D18", "0.12"],
    title: "the holder's reflects are acked at once, and others get them at commit, in order, before Ended",
    run: Effect.gen(function* () {
      const target = yield* Target
      const { a, b, observer } = yield* trio
      yield* leave(yield* join(D), observer)
      yield* beginOf(a)
      const stamps: Array<bigint> = []
      for (const n of [1, 2, 3]) {
        stamps.push(yield* a.reflect(bytes(n)))
        yield* target.advance("2 seconds")
      }
      yield* b.quiet
      yield* observer.quiet
      yield* commitOf(a)
      const messages = [1, 2, 3].map((n) => reflected(n, bytes(n), stamps[n - 1]!))
      assert.deepStrictEqual(yield* b.until("TransactionEnded"), [...messages, ended(A)])
      assert.deepStrictEqual(yield* observer.until("TransactionEnded"), [...messages, ended(A)])
      assert.deepStrictEqual((yield* join(D, { expected: EXISTING })).backlog, messages)
    })
  },
  {
    shows: ["D18", "0.12"],
    title: "what a transaction buffers cannot be seen before its commit: not live, not in a queue, not in its length",
    run: Effect.gen(function* () {
      const { a, b, observer } = yield* trio
      yield* leave(b, observer)
      yield* beginOf(a)
      yield* a.reflect(bytes(1))
      const back = yield* join(B, { expected: EXISTING })
      assert.strictEqual(back.info.reflectionQueueLength, 0)
      assert.deepStrictEqual(back.backlog, [])
      yield* commitOf(a)
      assert.deepStrictEqual((yield* back.next("Reflected")).envelope, bytes(1))
      yield* back.next("TransactionEnded")
    })
  },
  {
    shows: ["D18", "0.12"],
    title: "other devices' reflects are delivered during a transaction, and ids are given at commit",
    run: Effect.gen(function* () {
      const { a, b, observer } = yield* trio
      yield* beginOf(a)
      yield* a.reflect(bytes(1))
      const stamp = yield* b.reflect(bytes(2))
      yield* b.reflectEphemeral(bytes(3))
      assert.deepStrictEqual(yield* a.receive, reflected(1, bytes(2), stamp))
      assert.strictEqual((yield* a.next("Reflected")).flags, EPHEMERAL)
      assert.deepStrictEqual(yield* observer.receive, reflected(1, bytes(2), stamp))
      assert.strictEqual((yield* observer.next("Reflected")).flags, EPHEMERAL)
      yield* observer.quiet
      yield* commitOf(a)
      const late = yield* observer.next("Reflected")
      assert.deepStrictEqual([late.reflectedId as number, late.envelope], [3, bytes(1)])
      const first = yield* b.next("Reflected")
      assert.deepStrictEqual([first.reflectedId as number, first.envelope], [1, bytes(1)])
    })
  },
  {
    shows: ["D18", "0.12", "D15"],
    title: "the holder's ephemerals wait for the commit in their place, and reach connected devices only",
    run: Effect.gen(function* () {
      const { a, b, observer } = yield* trio
      yield* leave(yield* join(D), observer)
      yield* beginOf(a)
      yield* a.send(reflectFrame(1, bytes(1)), reflectFrame(2, bytes(2), EPHEMERAL), reflectFrame(3, bytes(3)))
      assert.strictEqual((yield* a.next("ReflectAck")).reflectId, 1)
      assert.strictEqual((yield* a.next("ReflectAck")).reflectId, 3)
      yield* a.quiet
      yield* b.quiet
      yield* commitOf(a)
      const frames = yield* b.until("TransactionEnded")
      assert.deepStrictEqual(
        frames.map((frame) => (frame._tag === "Reflected" ? [frame.flags, frame.envelope] : frame._tag)),
        [[0, bytes(1)], [EPHEMERAL, bytes(2)], [0, bytes(3)], "TransactionEnded"]
      )
      const absent = yield* join(D, { expected: EXISTING })
      assert.deepStrictEqual(
        absent.backlog.map(({ envelope }) => envelope),
        [bytes(1), bytes(3)]
      )
    })
  },
  {
    shows: ["0.12", "D22", "0.16"],
    title: "a commit is for the slots registered then: a newcomer gets it, a dropped device does not hinder it",
    run: Effect.gen(function* () {
      const { a, b, observer } = yield* trio
      yield* beginOf(a)
      yield* a.reflect(bytes(1))
      const newcomer = yield* join(D)
      yield* a.reflect(bytes(2))
      yield* observer.send(drop(B))
      yield* observer.next("DropDeviceAck")
      yield* b.closes(CloseCode.Dropped)
      yield* commitOf(a)
      const frames = yield* newcomer.until("TransactionEnded")
      assert.deepStrictEqual(
        frames.map((frame) =>
          frame._tag === "Reflected" ? [frame.reflectedId as number, frame.envelope] : frame._tag
        ),
        [[1, bytes(1)], [2, bytes(2)], "TransactionEnded"]
      )
    })
  },
  {
    shows: ["0.12", "D19"],
    title:
      "a large transaction is one: 1000 messages arrive whole, in order, with ids without gaps, and then its Ended",
    run: Effect.gen(function* () {
      const { a, b, observer } = yield* trio
      yield* leave(yield* join(D), observer)
      yield* beginOf(a)
      yield* a.send(...Array.from({ length: 1000 }, (_, index) => reflectFrame(index, bytes(index, 200))))
      for (let n = 0; n < 1000; n++) assert.strictEqual((yield* a.next("ReflectAck")).reflectId, n)
      yield* commitOf(a)
      const absent = yield* join(D, { expected: EXISTING })
      assert.deepStrictEqual(
        absent.backlog.map(({ envelope }) => envelope),
        [...Array(1000).keys()].map((n) => bytes(n, 200))
      )
      const frames = yield* b.until("TransactionEnded")
      assert.deepStrictEqual(
        frames.map((frame) => (frame._tag === "Reflected" ? frame.reflectedId : frame._tag)),
        [...Array.from({ length: 1000 }, (_, index) => index + 1), "TransactionEnded"]
      )
      yield* b.quiet
    })
  },
  {
    shows: ["0.12", "D27", "0.14"],
    title:
      "a commit that fills a queue past its limit costs that device its slot; the transaction stands for the others",
    settings: { queueMessages: 3 },
    run: Effect.gen(function* () {
      const { a, b, observer } = yield* trio
      yield* leave(yield* join(D), observer)
      yield* beginOf(a)
      for (const n of [1, 2, 3]) yield* a.reflect(bytes(n))
      yield* commitOf(a)
      for (const n of [1, 2, 3]) assert.deepStrictEqual((yield* b.next("Reflected")).envelope, bytes(n))
      yield* b.next("TransactionEnded")
      yield* b.send(ackFrame(1), ackFrame(2), ackFrame(3))
      yield* b.quiet
      assert.deepStrictEqual(yield* a.registered, [A, B, C, D])
      yield* beginOf(a)
      yield* a.reflect(bytes(4))
      yield* a.send(commit)
      // The observer led: A takes over on the way.
      yield* a.until("CommitTransactionAck")
      assert.deepStrictEqual((yield* b.next("Reflected")).envelope, bytes(4))
      yield* b.next("TransactionEnded")
      const [, { code }] = yield* observer.remains
      assert.strictEqual(code, CloseCode.QueueLimit)
      assert.deepStrictEqual(yield* b.registered, [A, B])
    })
  },
  {
    shows: ["0.12"],
    title: "a transaction that outgrows its buffer closes its holder with 4010 and is lost whole",
    settings: { transactionMessages: 3 },
    run: Effect.gen(function* () {
      const { a, b, observer } = yield* trio
      yield* beginOf(a)
      for (const n of [1, 2, 3]) yield* a.reflect(bytes(n))
      yield* a.send(reflectFrame(4, bytes(4)))
      yield* a.closes(CloseCode.ProtocolError)
      assert.deepStrictEqual(yield* b.receive, ended(A))
      assert.deepStrictEqual(yield* observer.receive, ended(A))
      yield* leave(b, observer)
      assert.deepStrictEqual((yield* join(B, { expected: EXISTING })).backlog, [])
    })
  },
  {
    shows: ["D19", "0.6"],
    title: "a Commit without the lock closes with 4010: never begun, rejected, or committed already",
    run: Effect.gen(function* () {
      const { a, b, observer } = yield* trio
      const never = yield* join(D)
      yield* never.send(commit)
      yield* never.closes(CloseCode.ProtocolError)
      yield* beginOf(a)
      yield* b.send(begin(scope))
      yield* b.next("TransactionRejected")
      yield* b.send(commit)
      yield* b.closes(CloseCode.ProtocolError)
      yield* observer.quiet
      yield* commitOf(a)
      yield* a.send(commit)
      yield* a.closes(CloseCode.ProtocolError)
    })
  },
  {
    shows: ["D21", "0.12"],
    title: "Rejected comes before its Ended, and then the lock is free",
    run: Effect.gen(function* () {
      const { a, b } = yield* trio
      yield* beginOf(a)
      yield* b.send(begin(scope))
      yield* b.next("TransactionRejected")
      yield* commitOf(a)
      yield* b.next("TransactionEnded")
      yield* beginOf(b)
    })
  },
  {
    shows: ["D21", "0.12", "D17"],
    title: "a Begin that races a Commit is acked, or rejected and then told of the end: never the other way round",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      for (let round = 0; round < 60; round++) {
        yield* beginOf(a)
        const race = [a.send(commit), b.send(begin(scope))]
        yield* Effect.all(round % 2 === 0 ? race : race.toReversed(), { concurrency: "unbounded" })
        yield* a.next("CommitTransactionAck")
        const first = yield* b.receive
        if (first._tag === "TransactionRejected") {
          yield* b.next("TransactionEnded")
          yield* b.send(begin(scope))
          yield* b.next("BeginTransactionAck")
        } else {
          assert.deepStrictEqual(first, ended(A))
          yield* b.next("BeginTransactionAck")
        }
        yield* commitOf(b)
        yield* a.next("TransactionEnded")
      }
    })
  },
  {
    shows: ["D21", "D17"],
    title: "of two devices that begin at the same time one holds the lock and the other is rejected",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      for (let round = 0; round < 40; round++) {
        yield* Effect.all([a.send(begin(bytes(1))), b.send(begin(bytes(2)))], { concurrency: "unbounded" })
        const answers = [yield* a.receive, yield* b.receive]
        const holder = answers.findIndex(({ _tag }) => _tag === "BeginTransactionAck")
        assert.isAtLeast(holder, 0)
        const rejected = answers[1 - holder]!
        assert(rejected._tag === "TransactionRejected")
        assert.deepStrictEqual([rejected.deviceId, rejected.encryptedScope], [[A, B][holder]!, bytes(holder + 1)])
        yield* commitOf([a, b][holder]!)
        yield* [a, b][1 - holder]!.next("TransactionEnded")
      }
    })
  },
  {
    shows: ["0.12", "D19"],
    title: "everything else goes on in a transaction: acks, devices, shared data, chat-free requests of others",
    run: Effect.gen(function* () {
      const { a, b } = yield* trio
      yield* b.reflect(bytes(1))
      yield* a.next("Reflected")
      yield* beginOf(a)
      yield* a.send(ackFrame(1))
      assert.strictEqual((yield* a.devices).size, 3)
      assert.strictEqual((yield* b.devices).size, 3)
      yield* commitOf(a)
      yield* b.next("TransactionEnded")
      yield* a.hangUp
      assert.deepStrictEqual((yield* join(A, { expected: EXISTING })).backlog, [])
    })
  }
]
