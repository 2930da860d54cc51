/** Scenarios of the queues: ids, redelivery, Dry, slow readers, limits (decisions 8, 9, 14; PROTOCOL D10, D12, D27). */
import { assert } from "@effect/vitest"
import { CloseCode } from "@d2m/codec"
import { Effect } from "effect"
import {
  A,
  ackFrame,
  awaitAbsent,
  B,
  bytes,
  C,
  D,
  EPHEMERAL,
  EXISTING,
  greet,
  join,
  leave,
  login,
  reflected,
  reflectFrame
} from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"
import { Target } from "../Target.ts"

const count = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, index) => index + 1)

export const queues: ReadonlyArray<Scenario> = [
  {
    shows: ["D10", "0.8"],
    title: "an empty queue is dry at once, and only once",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* login(B)
      yield* b.next("ReflectionQueueDry")
      yield* a.reflect(bytes(1))
      yield* b.next("Reflected")
      yield* b.send(ackFrame(1))
      yield* b.quiet
      yield* a.quiet
    })
  },
  {
    shows: ["D10", "0.8", "D12"],
    title: "what was queued is sent in order, then Dry comes, without an ack and only once",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* leave(yield* join(B), a)
      for (const n of count(20)) yield* a.reflect(bytes(n))
      const b = yield* login(B, { expected: EXISTING })
      assert.strictEqual(b.info.reflectionQueueLength, 20)
      for (const n of count(20)) assert.deepStrictEqual((yield* b.next("Reflected")).envelope, bytes(n))
      yield* b.next("ReflectionQueueDry")
      yield* b.send(...count(20).map(ackFrame))
      yield* b.quiet
    })
  },
  {
    shows: ["D10", "0.8", "0.9"],
    title: "a backlog of 1500 messages comes whole and in order before Dry, whatever is reflected meanwhile",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* leave(yield* join(B), a)
      yield* a.send(...count(1500).map((n) => reflectFrame(n, bytes(n, 200))))
      for (const n of count(1500)) assert.strictEqual((yield* a.next("ReflectAck")).reflectId, n)
      const b = yield* greet(B, { expected: EXISTING })
      yield* a.send(...count(50).map((n) => reflectFrame(n, bytes(1500 + n, 200))))
      const info = yield* b.next("ServerInfo")
      const frames = yield* b.until("ReflectionQueueDry")
      const got = frames.flatMap((frame) => (frame._tag === "Reflected" ? [frame] : []))
      assert.strictEqual(got.length, frames.length - 1)
      assert.isAtLeast(got.length, info.reflectionQueueLength)
      while (got.length < 1550) got.push(yield* b.next("Reflected"))
      assert.deepStrictEqual(
        got.map(({ reflectedId }) => reflectedId as number),
        count(1550)
      )
      assert.deepStrictEqual(
        got.map(({ envelope }) => envelope),
        count(1550).map((n) => bytes(n, 200))
      )
    })
  },
  {
    shows: ["D12", "0.9"],
    title: "a message that was not acked comes again on each connection, with the same id, timestamp and bytes",
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      const first = yield* join(B)
      const stamps: Array<bigint> = []
      for (const n of [1, 2, 3]) {
        stamps.push(yield* a.reflect(bytes(n)))
        yield* target.advance("1 second")
      }
      const expected = [1, 2, 3].map((n) => reflected(n, bytes(n), stamps[n - 1]!))
      assert.deepStrictEqual(yield* first.barrier, expected)
      yield* first.hangUp
      for (const _ of [1, 2]) {
        const again = yield* join(B, { expected: EXISTING })
        assert.strictEqual(again.info.reflectionQueueLength, 3)
        assert.deepStrictEqual(again.backlog, expected)
        yield* again.cut
        yield* awaitAbsent(a, B)
      }
    })
  },
  {
    shows: ["D12", "0.9"],
    title: "ids rise over connections, and each slot counts for itself",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      yield* a.reflect(bytes(1))
      yield* b.next("Reflected")
      yield* b.send(ackFrame(1))
      yield* b.quiet
      yield* leave(b, a)
      yield* a.reflect(bytes(2))
      const back = yield* join(B, { expected: EXISTING })
      assert.deepStrictEqual(
        back.backlog.map(({ reflectedId }) => reflectedId as number),
        [2]
      )
      const c = yield* join(C)
      yield* a.reflect(bytes(3))
      assert.strictEqual((yield* back.next("Reflected")).reflectedId, 3)
      assert.strictEqual((yield* c.next("Reflected")).reflectedId, 1)
      yield* c.reflect(bytes(4))
      assert.strictEqual((yield* back.next("Reflected")).reflectedId, 4)
      assert.strictEqual((yield* a.next("Reflected")).reflectedId, 1)
    })
  },
  {
    shows: ["D12", "0.9", "0.11", "D32"],
    title: "queues, ids, slots and shared data survive a restart of the mediator",
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      const b = yield* join(B)
      const stamps = [yield* a.reflect(bytes(1)), yield* a.reflect(bytes(2)), yield* a.reflect(bytes(3))]
      yield* a.reflectEphemeral(bytes(4))
      yield* b.barrier
      yield* b.send(ackFrame(2))
      yield* b.quiet
      yield* a.quiet
      yield* target.restart
      for (const device of [a, b]) assert.strictEqual((yield* device.remains)[1].code, CloseCode.GoingAway)
      const again = yield* join(B, { expected: EXISTING })
      assert.strictEqual(again.info.reflectionQueueLength, 2)
      assert.deepStrictEqual(again.backlog, [reflected(1, bytes(1), stamps[0]!), reflected(3, bytes(3), stamps[2]!)])
      const stranger = yield* greet(C, { expected: EXISTING })
      yield* stranger.closes(CloseCode.SlotStateMismatch)
      const sender = yield* join(A, { expected: EXISTING })
      yield* sender.reflect(bytes(5))
      // The ephemeral had 4.
      assert.strictEqual((yield* again.next("Reflected")).reflectedId, 5)
    })
  },
  {
    shows: ["0.9", "D12"],
    title: "the id wraps past 0xFFFFFFFF to 0, in the stream, in the queue and in acks",
    settings: { firstReflectedId: 0xffff_fffe },
    run: Effect.gen(function* () {
      const ids = [0xffff_fffe, 0xffff_ffff, 0, 1]
      const a = yield* join(A)
      const b = yield* join(B)
      for (const [index, id] of ids.entries()) {
        yield* a.reflect(bytes(index))
        assert.strictEqual((yield* b.next("Reflected")).reflectedId, id)
      }
      yield* b.hangUp
      const back = yield* join(B, { expected: EXISTING })
      assert.deepStrictEqual(
        back.backlog.map(({ reflectedId }) => reflectedId as number),
        ids
      )
      yield* back.send(ackFrame(0xffff_ffff), ackFrame(0), ackFrame(0xffff_fffe))
      yield* back.quiet
      yield* back.hangUp
      const last = yield* join(B, { expected: EXISTING })
      assert.deepStrictEqual(
        last.backlog.map(({ reflectedId }) => reflectedId as number),
        [1]
      )
    })
  },
  {
    shows: ["D12", "0.9"],
    title: "the first id may be 0",
    settings: { firstReflectedId: 0 },
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      for (const id of [0, 1, 2]) {
        yield* a.reflect(bytes(id))
        assert.strictEqual((yield* b.next("Reflected")).reflectedId, id)
      }
      yield* b.send(ackFrame(0), ackFrame(0))
      yield* b.quiet
      yield* b.hangUp
      const back = yield* join(B, { expected: EXISTING })
      assert.deepStrictEqual(
        back.backlog.map(({ reflectedId }) => reflectedId as number),
        [1, 2]
      )
    })
  },
  {
    shows: ["D10", "D15", "0.8"],
    title: "a device that does not read holds up nobody, and gets everything in order when it reads again",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      const slow = yield* join(C)
      yield* slow.pause
      for (const n of count(200)) {
        yield* a.reflect(bytes(n, 60_000))
        if (n % 50 === 0) yield* a.reflectEphemeral(bytes(1000 + n))
      }
      for (const n of count(200)) {
        assert.deepStrictEqual((yield* b.next("Reflected")).envelope.subarray(0, 48), bytes(n))
        if (n % 50 === 0) assert.strictEqual((yield* b.next("Reflected")).flags, EPHEMERAL)
      }
      yield* slow.resume
      for (const n of count(200)) {
        assert.deepStrictEqual((yield* slow.next("Reflected")).envelope.subarray(0, 48), bytes(n))
        if (n % 50 === 0) assert.deepStrictEqual((yield* slow.next("Reflected")).envelope, bytes(1000 + n))
      }
      yield* slow.quiet
    })
  },
  {
    shows: ["D27", "0.14"],
    title: "an absent device whose queue would grow past its limit loses its slot; the sender does not notice",
    settings: { queueMessages: 3 },
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* leave(yield* join(B), a)
      for (const n of [1, 2, 3]) yield* a.reflect(bytes(n))
      assert.isTrue((yield* a.devices).has(B))
      yield* a.reflect(bytes(4))
      assert.isFalse((yield* a.devices).has(B))
      const known = yield* greet(B, { expected: EXISTING })
      yield* known.closes(CloseCode.SlotStateMismatch)
      assert.deepStrictEqual((yield* join(B)).backlog, [])
    })
  },
  {
    shows: ["D27", "0.14"],
    title: "a connected device that does not ack is closed with 4114 at the limit; the one that acks stays",
    settings: { queueMessages: 3 },
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const lazy = yield* join(B)
      const good = yield* join(C)
      for (const n of count(3)) {
        yield* a.reflect(bytes(n))
        yield* lazy.next("Reflected")
        yield* good.next("Reflected")
        yield* good.send(ackFrame(n))
        yield* good.quiet
      }
      yield* lazy.quiet
      yield* a.reflect(bytes(4))
      yield* lazy.closes(CloseCode.QueueLimit)
      assert.deepStrictEqual((yield* good.next("Reflected")).envelope, bytes(4))
      assert.deepStrictEqual(yield* a.registered, [A, C])
      const known = yield* greet(B, { expected: EXISTING })
      yield* known.closes(CloseCode.SlotStateMismatch)
    })
  },
  {
    shows: ["D27", "0.14"],
    title: "the limit counts bytes too",
    settings: { queueBytes: 1000 },
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* leave(yield* join(B), a)
      yield* a.reflect(bytes(1, 600))
      yield* a.reflect(bytes(2, 400))
      assert.isTrue((yield* a.devices).has(B))
      const b = yield* join(B, { expected: EXISTING })
      yield* b.send(ackFrame(1))
      yield* b.quiet
      yield* a.reflect(bytes(3, 600))
      yield* b.next("Reflected")
      yield* a.reflect(bytes(4, 1))
      yield* b.closes(CloseCode.QueueLimit)
      yield* a.quiet
    })
  },
  {
    shows: ["D32", "0.11"],
    title: "what cannot be stored is not acked: the group is closed with 1011, and what was promised before is there",
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      const b = yield* join(B)
      const stamp = yield* a.reflect(bytes(1))
      yield* b.next("Reflected")
      yield* target.breakStore
      yield* a.send(reflectFrame(2, bytes(2)))
      yield* a.closes(CloseCode.InternalError)
      yield* b.closes(CloseCode.InternalError)
      yield* target.restart
      const back = yield* join(B, { expected: EXISTING })
      assert.deepStrictEqual(back.backlog, [reflected(1, bytes(1), stamp)])
      const other = yield* login(D)
      yield* other.until("ReflectionQueueDry")
    })
  }
]
