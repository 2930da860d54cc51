/** Scenarios of the leader role: who, when, for how long (decision 8, PROTOCOL D11). */
import { assert } from "@effect/vitest"
import { CloseCode } from "@d2m/codec"
import { Effect } from "effect"
import { A, awaitAbsent, B, bytes, C, drop, EXISTING, join, leave, login } from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"

export const leader: ReadonlyArray<Scenario> = [
  {
    shows: ["D11", "0.8"],
    title: "the first device becomes leader right after its Dry, once; the others do not",
    run: Effect.gen(function* () {
      const a = yield* login(A)
      yield* a.next("ReflectionQueueDry")
      yield* a.next("RolePromotedToLeader")
      const b = yield* join(B)
      const c = yield* join(C)
      assert.deepStrictEqual([b.isLeader, c.isLeader], [false, false])
      yield* a.quiet
    })
  },
  {
    shows: ["D11", "0.8"],
    title: "a leader with a backlog: all of it, then Dry, then the role",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* leave(yield* join(B), a)
      for (let n = 1; n <= 5; n++) yield* a.reflect(bytes(n))
      yield* a.hangUp
      const b = yield* login(B, { expected: EXISTING })
      const frames = yield* b.until("RolePromotedToLeader")
      assert.deepStrictEqual(
        frames.map(({ _tag }) => _tag),
        [...Array<string>(5).fill("Reflected"), "ReflectionQueueDry", "RolePromotedToLeader"]
      )
    })
  },
  {
    shows: ["D11", "0.8"],
    title: "when the leader leaves, the oldest connection takes over; who comes back does not get the role back",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      const c = yield* join(C)
      yield* leave(a, c)
      yield* b.next("RolePromotedToLeader")
      yield* c.quiet
      const again = yield* join(A, { expected: EXISTING })
      assert.isFalse(again.isLeader)
      yield* b.cut
      yield* c.next("RolePromotedToLeader")
      yield* again.quiet
      yield* c.hangUp
      yield* again.next("RolePromotedToLeader")
    })
  },
  {
    shows: ["D11", "0.8"],
    title: "age is that of the connection: a device that connected again stands behind those that stayed",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      const c = yield* join(C)
      yield* leave(b, a)
      const again = yield* join(B, { expected: EXISTING })
      yield* a.hangUp
      yield* c.next("RolePromotedToLeader")
      yield* again.quiet
    })
  },
  {
    shows: ["D11", "0.8"],
    title: "a device that leaves without being leader changes nothing",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      const c = yield* join(C)
      yield* leave(b, c)
      yield* a.quiet
      yield* c.quiet
    })
  },
  {
    shows: ["D11", "D24"],
    title: "a leader that is dropped hands over",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      yield* b.send(drop(A))
      const frames = [yield* b.receive, yield* b.receive]
      assert.deepStrictEqual(frames.map(({ _tag }) => _tag).sort(), ["DropDeviceAck", "RolePromotedToLeader"])
      yield* a.closes(CloseCode.Dropped)
    })
  },
  {
    shows: ["D11", "D8"],
    title: "a leader that connects again has disconnected: the next in age leads",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      const again = yield* join(A, { expected: EXISTING })
      yield* a.closes(CloseCode.DuplicateDevice)
      assert.isFalse(again.isLeader)
      yield* b.next("RolePromotedToLeader")
      yield* again.quiet
    })
  },
  {
    shows: ["D11", "D3"],
    title: "a leader that is closed for an error hands over",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      yield* a.sendText("hello")
      yield* a.closes(CloseCode.ProtocolError)
      yield* b.next("RolePromotedToLeader")
    })
  },
  {
    shows: ["D11", "0.8"],
    title: "an only device leads again on each connection",
    run: Effect.gen(function* () {
      const first = yield* join(A)
      assert.isTrue(first.isLeader)
      yield* first.hangUp
      assert.isTrue((yield* join(A, { expected: EXISTING })).isLeader)
    })
  },
  {
    shows: ["D11", "0.8"],
    title: "who has not been sent its Dry is passed over, and nobody leads before its own Dry",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* leave(yield* join(B), a)
      for (let n = 1; n <= 200; n++) yield* a.reflect(bytes(n, 60_000))
      const busy = yield* login(B, { expected: EXISTING })
      yield* busy.pause
      const c = yield* join(C)
      yield* leave(a, c)
      yield* busy.resume
      const frames = (yield* busy.until("ReflectionQueueDry")).map(({ _tag }) => _tag)
      yield* awaitAbsent(busy, A)
      frames.push(...(yield* busy.barrier).map(({ _tag }) => _tag))
      const others = (yield* c.barrier).map(({ _tag }) => _tag)
      // The network may have taken all of the backlog, so that B was dry when A left; one of the two leads, after its Dry.
      assert.strictEqual([...frames, ...others].filter((tag) => tag === "RolePromotedToLeader").length, 1)
      const promoted = frames.indexOf("RolePromotedToLeader")
      assert.isTrue(promoted === -1 || promoted > frames.indexOf("ReflectionQueueDry"))
    })
  }
]
