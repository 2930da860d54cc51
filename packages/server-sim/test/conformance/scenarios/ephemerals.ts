/** Scenarios of ephemerals: connected devices only, in their place, never acked, never kept (decision 9, PROTOCOL D15). */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { A, ackFrame, B, bytes, C, EPHEMERAL, EXISTING, join, leave, reflected, reflectFrame } from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"
import { Target } from "../Target.ts"

export const ephemerals: ReadonlyArray<Scenario> = [
  {
    shows: ["D15"],
    title: "an ephemeral reaches the connected devices and no other, and is not acked",
    run: Effect.gen(function*() {
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
    run: Effect.gen(function*() {
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
        got.map((frame) => frame._tag === "Reflected" ? [frame.reflectedId as number, frame.envelope[0]] : frame._tag),
        [1, 2, 3, 4, 5].map((n) => [n, bytes(n)[0]])
      )
    })
  },
  {
    shows: ["D15", "D12"],
    title: "an ephemeral is not counted and does not come again; the ids around it stay as they were",
    run: Effect.gen(function*() {
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
    title: "an ephemeral for a device that is still catching up comes behind what was queued before it, or not at all",
    run: Effect.gen(function*() {
      const a = yield* join(A)
      yield* leave(yield* join(B), a)
      for (let n = 1; n <= 600; n++) yield* a.send(reflectFrame(n, bytes(n, 500)))
      for (let n = 1; n <= 600; n++) yield* a.next("ReflectAck")
      const { hello, wire } = yield* Effect.gen(function*() {
        const target = yield* Target
        const wire = yield* target.open((yield* Effect.succeed(pathOf)))
        return { wire, hello: yield* wire.next("ServerHello") }
      })
      yield* wire.send(clientHello(B, hello, { expected: EXISTING }))
      yield* a.reflectEphemeral(bytes(601))
      yield* a.reflect(bytes(602))
      yield* wire.next("ServerInfo")
      const ids: Array<number> = []
      let isDry = false
      while (ids.at(-1) !== 602 && ids.length < 602) {
        const frame = yield* wire.receive
        if (frame._tag === "ReflectionQueueDry") isDry = true
        else if (frame._tag === "Reflected") ids.push(frame.reflectedId)
        if (frame._tag === "Reflected" && frame.flags === EPHEMERAL) assert.deepStrictEqual(frame.envelope, bytes(601))
        if (ids.at(-1) === 601 && frame._tag === "Reflected" && frame.flags === 0) break
      }
      assert.isTrue(isDry || ids.length >= 600)
      assert.deepStrictEqual(ids, ids.toSorted((x, y) => x - y))
    })
  },
  {
    shows: ["D15"],
    title: "with nobody else connected an ephemeral is thrown away",
    run: Effect.gen(function*() {
      const a = yield* join(A)
      yield* leave(yield* join(B), a)
      yield* a.reflectEphemeral(bytes(1))
      yield* a.quiet
      const stamp = yield* a.reflect(bytes(2))
      // No connection took an id for it.
      assert.deepStrictEqual((yield* join(B, { expected: EXISTING })).backlog, [reflected(1, bytes(2), stamp)])
    })
  },
  {
    shows: ["D15", "D13"],
    title: "a device may ack what came after an ephemeral without acking the ephemeral",
    run: Effect.gen(function*() {
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
