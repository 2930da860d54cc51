/** Scenarios of reflected-ack: which are believed, which are tolerated, which close with 4012 (decision 10). */
import { assert } from "@effect/vitest"
import { CloseCode } from "@d2m/codec"
import { Effect } from "effect"
import { A, ackFrame, B, bytes, EXISTING, join, type Joined, leave } from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"

const ids = (joined: Joined): ReadonlyArray<number> => joined.backlog.map(({ reflectedId }) => reflectedId)

/** A sender, and a receiver that has had so many messages and acked none. */
const received = (count: number) =>
  Effect.gen(function* () {
    const a = yield* join(A)
    const b = yield* join(B)
    for (let n = 1; n <= count; n++) {
      yield* a.reflect(bytes(n))
      yield* b.next("Reflected")
    }
    return [a, b] as const
  })

export const acks: ReadonlyArray<Scenario> = [
  {
    shows: ["D13", "0.10"],
    title: "an ack removes that message and no other, in any order",
    run: Effect.gen(function* () {
      const [, b] = yield* received(5)
      yield* b.send(ackFrame(4), ackFrame(2))
      yield* b.quiet
      yield* b.hangUp
      const again = yield* join(B, { expected: EXISTING })
      assert.deepStrictEqual(ids(again), [1, 3, 5])
      assert.strictEqual(again.info.reflectionQueueLength, 3)
      yield* again.send(ackFrame(5), ackFrame(1), ackFrame(3))
      yield* again.quiet
      yield* again.hangUp
      assert.deepStrictEqual(ids(yield* join(B, { expected: EXISTING })), [])
    })
  },
  {
    shows: ["D13", "0.10"],
    title: "a repeated ack is no error",
    run: Effect.gen(function* () {
      const [, b] = yield* received(3)
      yield* b.send(ackFrame(2), ackFrame(2), ackFrame(2))
      yield* b.quiet
      yield* b.hangUp
      assert.deepStrictEqual(ids(yield* join(B, { expected: EXISTING })), [1, 3])
    })
  },
  {
    shows: ["D13", "0.10"],
    title: "a redelivered message is acked like a new one, and an ack of one within the redelivered ids is no error",
    run: Effect.gen(function* () {
      const [, b] = yield* received(5)
      yield* b.send(ackFrame(3))
      yield* b.quiet
      yield* b.hangUp
      const again = yield* join(B, { expected: EXISTING })
      assert.deepStrictEqual(ids(again), [1, 2, 4, 5])
      yield* again.send(ackFrame(3), ackFrame(1))
      yield* again.quiet
      yield* again.hangUp
      assert.deepStrictEqual(ids(yield* join(B, { expected: EXISTING })), [2, 4, 5])
    })
  },
  {
    shows: ["D13", "0.10"],
    title: "an ack of an id that was not given out yet closes with 4012, and removes nothing",
    run: Effect.gen(function* () {
      yield* received(3)
      for (const id of [4, 5, 1000, 0xffff_ffff, 0x8000_0000]) {
        const b = yield* join(B, { expected: EXISTING })
        assert.deepStrictEqual(ids(b), [1, 2, 3])
        yield* b.send(ackFrame(id))
        yield* b.closes(CloseCode.UnknownAck)
      }
      assert.deepStrictEqual(ids(yield* join(B, { expected: EXISTING })), [1, 2, 3])
    })
  },
  {
    shows: ["D13", "0.10"],
    title: "an ack before anything was delivered closes with 4012, and so does one below the first id",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* leave(yield* join(B), a)
      for (const id of [0, 1, 2]) {
        const b = yield* join(B, { expected: EXISTING })
        yield* b.send(ackFrame(id))
        yield* b.closes(CloseCode.UnknownAck)
      }
      yield* a.reflect(bytes(1))
      const b = yield* join(B, { expected: EXISTING })
      assert.deepStrictEqual(ids(b), [1])
      yield* b.send(ackFrame(0))
      yield* b.closes(CloseCode.UnknownAck)
    })
  },
  {
    shows: ["D13", "0.10"],
    title: "strict: an ack of an id that only an earlier connection delivered closes with 4012",
    run: Effect.gen(function* () {
      const [a, b] = yield* received(2)
      yield* b.send(ackFrame(1), ackFrame(2))
      yield* b.quiet
      yield* b.hangUp
      const again = yield* join(B, { expected: EXISTING })
      yield* a.reflect(bytes(3))
      assert.strictEqual((yield* again.next("Reflected")).reflectedId, 3)
      yield* again.send(ackFrame(2))
      yield* again.closes(CloseCode.UnknownAck)
    })
  },
  {
    shows: ["0.10", "D13"],
    title: "lenient: acks of ids that this slot ever had are ignored, those it never had still close with 4012",
    settings: { mode: "lenient" },
    run: Effect.gen(function* () {
      const [a, b] = yield* received(2)
      yield* b.send(ackFrame(1), ackFrame(2))
      yield* b.quiet
      yield* b.hangUp
      const again = yield* join(B, { expected: EXISTING })
      yield* again.send(ackFrame(1), ackFrame(2))
      yield* again.quiet
      yield* a.reflect(bytes(3))
      yield* again.next("Reflected")
      yield* again.send(ackFrame(1))
      yield* again.quiet
      yield* again.send(ackFrame(4))
      yield* again.closes(CloseCode.UnknownAck)
      assert.deepStrictEqual(ids(yield* join(B, { expected: EXISTING })), [3])
    })
  },
  {
    shows: ["D13", "0.10", "D15"],
    title: "all apps ack ephemerals: that is tolerated, once and again, and removes nothing",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      yield* a.reflectEphemeral(bytes(1))
      const { reflectedId } = yield* b.next("Reflected")
      yield* b.send(ackFrame(reflectedId), ackFrame(reflectedId))
      yield* b.quiet
      yield* a.reflect(bytes(2))
      yield* b.next("Reflected")
      yield* a.reflectEphemeral(bytes(3))
      yield* b.send(ackFrame((yield* b.next("Reflected")).reflectedId), ackFrame(reflectedId))
      yield* b.quiet
      yield* b.hangUp
      assert.deepStrictEqual(ids(yield* join(B, { expected: EXISTING })), [2])
    })
  },
  {
    shows: ["D13", "D30", "0.2"],
    title: "iOS leaves 08 00 00 00 in the reserved bytes of a reflected-ack, and others may append bytes",
    run: Effect.gen(function* () {
      const [, b] = yield* received(3)
      yield* b.sendBytes(Uint8Array.of(0x83, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0))
      yield* b.sendBytes(Uint8Array.of(0x83, 1, 2, 3, 0, 0, 0, 0, 2, 0, 0, 0, 9, 9, 9, 9))
      yield* b.quiet
      yield* b.hangUp
      assert.deepStrictEqual(ids(yield* join(B, { expected: EXISTING })), [3])
    })
  },
  {
    shows: ["0.10", "D12"],
    title: "an ack counts for the device that sent it only",
    run: Effect.gen(function* () {
      const [a, b] = yield* received(2)
      yield* b.reflect(bytes(9))
      yield* a.next("Reflected")
      yield* a.send(ackFrame(1))
      yield* a.quiet
      yield* b.hangUp
      assert.deepStrictEqual(ids(yield* join(B, { expected: EXISTING })), [1, 2])
    })
  }
]
