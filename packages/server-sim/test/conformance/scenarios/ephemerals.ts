/** Scenarios of ephemerals: connected devices only, in their place, never acked, never kept (decision 9, PROTOCOL D15). */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import {
  A,
  ackFrame,
  B,
  bytes,
  C,
  EPHEMERAL,
  EXISTING,
  join,
  leave,
  login,
  reflected,
  reflectFrame
} from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"
import { Target } from "../Target.ts"

export const ephemerals: ReadonlyArray<Scenario> = [
  {
    shows: ["D15"],
    title: "an ephemeral reaches the connected devices and no other, and is not acked",
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      const b = yield* join(B)
      yield* leave(yield* join(C), a)
      yield* a.reflectEphemeral(bytes(1))
      yield* a.quiet
      assert.deepStrictEqual(yield* b.receive, reflected(1, bytes(1), yield* target.now, EPHEMERAL))
      const c = yield* join(C, { expected: EXISTING })
      assert.strictEqual(c.info.reflectionQueueLength, 0)
      assert.deepStrictEqual(c.backlog, [])
    })
  },
  {
    shows: ["D15", "0.9"],
    title: "an ephemeral keeps its place in the stream and takes an id of it",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      yield* a.send(
        reflectFrame(1, bytes(1)),
        reflectFrame(2, bytes(2), EPHEMERAL),
        reflectFrame(3, bytes(3)),
        reflectFrame(4, bytes(4), EPHEMERAL),
        reflectFrame(5, bytes(5))
      )
      for (const id of [1, 3, 5]) assert.strictEqual((yield* a.next("ReflectAck")).reflectId, id)
      yield* a.quiet
      const got = yield* b.barrier
      assert.deepStrictEqual(
        got.map((frame) =>
          frame._tag === "Reflected" ? [frame.reflectedId as number, frame.envelope[0]] : frame._tag
        ),
        [1, 2, 3, 4, 5].map((n) => [n, bytes(n)[0]])
      )
    })
  },
  {
    shows: ["D15", "D12"],
    title: "an ephemeral is not counted and does not come again; the ids around it stay as they were",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      const first = yield* a.reflect(bytes(1))
      yield* a.reflectEphemeral(bytes(2))
      const second = yield* a.reflect(bytes(3))
      assert.strictEqual((yield* b.barrier).length, 3)
      yield* b.hangUp
      const again = yield* join(B, { expected: EXISTING })
      assert.strictEqual(again.info.reflectionQueueLength, 2)
      assert.deepStrictEqual(again.backlog, [reflected(1, bytes(1), first), reflected(3, bytes(3), second)])
      yield* a.reflect(bytes(4))
      assert.strictEqual((yield* again.next("Reflected")).reflectedId, 4)
    })
  },
  {
    shows: ["D15", "D10"],
    title: "an ephemeral for a device that is still catching up comes behind what was queued before it",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* leave(yield* join(B), a)
      for (let n = 1; n <= 100; n++) yield* a.reflect(bytes(n, 60_000))
      const b = yield* login(B, { expected: EXISTING })
      yield* b.pause
      yield* a.reflectEphemeral(bytes(101))
      yield* a.reflect(bytes(102))
      yield* a.quiet
      yield* b.resume
      const frames = yield* b.barrier
      const messages = frames.flatMap((frame) => (frame._tag === "Reflected" ? [frame] : []))
      while (messages.length < 102) {
        const frame = yield* b.receive
        if (frame._tag === "Reflected") messages.push(frame)
      }
      for (const [index, { envelope, flags, reflectedId }] of messages.entries()) {
        assert.deepStrictEqual(
          [reflectedId as number, flags, envelope.subarray(0, 48)],
          [index + 1, index === 100 ? EPHEMERAL : 0, bytes(index + 1)]
        )
      }
    })
  },
  {
    shows: ["D15"],
    title: "with nobody else connected an ephemeral is thrown away",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* leave(yield* join(B), a)
      yield* a.reflectEphemeral(bytes(1))
      yield* a.quiet
      yield* a.reflect(bytes(2))
      const b = yield* join(B, { expected: EXISTING })
      assert.deepStrictEqual(
        b.backlog.map(({ envelope }) => envelope),
        [bytes(2)]
      )
    })
  },
  {
    shows: ["D15", "D13"],
    title: "a device may ack what came after an ephemeral without acking the ephemeral",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      yield* a.reflectEphemeral(bytes(1))
      yield* a.reflect(bytes(2))
      yield* b.next("Reflected")
      yield* b.send(ackFrame((yield* b.next("Reflected")).reflectedId))
      yield* b.quiet
      yield* b.hangUp
      assert.deepStrictEqual((yield* join(B, { expected: EXISTING })).backlog, [])
    })
  }
]
