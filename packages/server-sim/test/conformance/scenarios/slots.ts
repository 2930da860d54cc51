/** Scenarios of device slots: exhaustion, replacement, volatile expiry, dropping (decisions 5, 14, 16, 17). */
import { assert } from "@effect/vitest"
import { CloseCode, DeviceId } from "@d2m/codec"
import { Effect } from "effect"
import {
  A,
  awaitAbsent,
  B,
  begin,
  bytes,
  C,
  clientHello,
  D,
  drop,
  DROP_LEAST_RECENT,
  EXISTING,
  greet,
  join,
  leave,
  login,
  NEW,
  open,
  PERSISTENT,
  reflected,
  VOLATILE
} from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"
import { Target } from "../Target.ts"

export const slots: ReadonlyArray<Scenario> = [
  {
    shows: ["D6", "D33", "0.14"],
    title: "there are eight slots unless told; a ninth device with REJECT is refused with 4111",
    run: Effect.gen(function* () {
      const devices = yield* Effect.forEach([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n], (n) => join(DeviceId.make(n)))
      const refused = yield* greet(A)
      yield* refused.closes(CloseCode.SlotsExhausted)
      assert.strictEqual((yield* devices[0]!.devices).size, 8)
      assert.strictEqual(devices[7]!.info.maxDeviceSlots, 8)
    })
  },
  {
    shows: ["D6", "0.5"],
    title: "with all slots taken, REJECT is refused with 4111, nothing is stored, and a known device still gets in",
    settings: { maxDeviceSlots: 2 },
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      yield* leave(b, a)
      const refused = yield* greet(C)
      yield* refused.closes(CloseCode.SlotsExhausted)
      assert.deepStrictEqual(yield* a.registered, [A, B])
      yield* login(B, { expected: EXISTING })
    })
  },
  {
    shows: ["D6", "0.5"],
    title: "DROP_LEAST_RECENT drops nobody while there is room",
    settings: { maxDeviceSlots: 2 },
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B, { exhausted: DROP_LEAST_RECENT })
      yield* leave(b, a)
      yield* join(B, { expected: EXISTING, exhausted: DROP_LEAST_RECENT })
      assert.strictEqual((yield* a.devices).size, 2)
    })
  },
  {
    shows: ["D6"],
    title: "DROP_LEAST_RECENT takes the slot of the device that left first, and its queue is gone",
    settings: { maxDeviceSlots: 3 },
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      const b = yield* join(B)
      const c = yield* join(C)
      // B registered before C, but C left before B.
      yield* leave(c, a)
      yield* target.advance("1 second")
      yield* leave(b, a)
      yield* a.reflect(bytes(1))
      const d = yield* join(D, { exhausted: DROP_LEAST_RECENT })
      assert.strictEqual(d.info.deviceSlotState, NEW)
      assert.deepStrictEqual(yield* a.registered, [A, B, D])
      const gone = yield* greet(C, { expected: EXISTING })
      yield* gone.closes(CloseCode.SlotStateMismatch)
      yield* leave(d, a)
      yield* leave(yield* join(B, { expected: EXISTING }), a)
      const back = yield* join(C, { exhausted: DROP_LEAST_RECENT })
      assert.strictEqual(back.info.deviceSlotState, NEW)
      assert.strictEqual(back.info.reflectionQueueLength, 0)
      assert.deepStrictEqual(back.backlog, [])
    })
  },
  {
    shows: ["D6", "0.5"],
    title: "when all are connected, DROP_LEAST_RECENT closes the one connected longest with 4113",
    settings: { maxDeviceSlots: 2 },
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      yield* target.advance("1 second")
      const b = yield* join(B)
      yield* target.advance("1 second")
      const c = yield* join(C, { exhausted: DROP_LEAST_RECENT })
      yield* a.closes(CloseCode.Dropped)
      assert.deepStrictEqual(yield* c.registered, [B, C])
      const frames = (yield* b.barrier).map(({ _tag }) => _tag)
      assert.deepStrictEqual(frames, ["RolePromotedToLeader"])
      const back = yield* greet(A, { expected: EXISTING })
      yield* back.closes(CloseCode.SlotStateMismatch)
    })
  },
  {
    shows: ["D6"],
    title: "connected devices come last: an absent one is dropped even if it was here a moment ago",
    settings: { maxDeviceSlots: 2 },
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      yield* target.advance("10 seconds")
      const b = yield* join(B)
      yield* leave(b, a)
      const c = yield* join(C, { exhausted: DROP_LEAST_RECENT })
      yield* a.quiet
      assert.deepStrictEqual(yield* c.registered, [A, C])
    })
  },
  {
    shows: ["D8", "0.5"],
    title: "the same device again: the newest connection wins, the old one is closed with 4112",
    run: Effect.gen(function* () {
      const observer = yield* join(B)
      const old = yield* join(A)
      const young = yield* join(A, { expected: EXISTING })
      yield* old.closes(CloseCode.DuplicateDevice)
      assert.strictEqual(young.info.deviceSlotState, EXISTING)
      yield* observer.reflect(bytes(1))
      assert.deepStrictEqual((yield* young.next("Reflected")).envelope, bytes(1))
      const youngest = yield* join(A, { expected: EXISTING })
      yield* young.closes(CloseCode.DuplicateDevice)
      assert.strictEqual(youngest.backlog.length, 1)
      assert.strictEqual((yield* observer.devices).get(A)?.connectionState?._tag, "connectedSince")
    })
  },
  {
    shows: ["D8"],
    title: "a device that dials again after a cut is not stopped by what is left of its old connection",
    run: Effect.gen(function* () {
      const observer = yield* join(B)
      const old = yield* join(A)
      const stamp = yield* observer.reflect(bytes(1))
      yield* old.cut
      const young = yield* join(A, { expected: EXISTING })
      assert.deepStrictEqual(young.backlog, [reflected(1, bytes(1), stamp)])
      yield* observer.reflect(bytes(2))
      yield* young.next("Reflected")
      yield* young.quiet
      assert.strictEqual((yield* observer.devices).get(A)?.connectionState?._tag, "connectedSince")
    })
  },
  {
    shows: ["D5", "D8", "0.5"],
    title:
      "of two connections that register the same new device at the same time, one does and one is refused with 4115",
    run: Effect.gen(function* () {
      const sockets = [yield* open(), yield* open()]
      yield* Effect.forEach(sockets, ({ hello, wire }) => wire.send(clientHello(A, hello)), {
        concurrency: "unbounded"
      })
      const ends = yield* Effect.forEach(
        sockets,
        ({ wire }) =>
          wire.next("ServerInfo").pipe(
            Effect.as("registered"),
            Effect.catch(({ found }) => Effect.succeed(found.startsWith("a close with 4115") ? "refused" : found))
          ),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(ends.sort(), ["refused", "registered"])
      assert.deepStrictEqual(yield* (yield* join(B)).registered, [A, B])
    })
  },
  {
    shows: ["D12", "D26"],
    title: "whatever a device closes with, it is gone and no more: its slot and its messages stay",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      let b = yield* join(B)
      for (const [index, code] of [1000, 1001, 4010, 4013, 4110, 3000].entries()) {
        yield* b.close(code)
        yield* awaitAbsent(a, B)
        yield* a.reflect(bytes(index))
        yield* a.quiet
        b = yield* join(B, { expected: EXISTING })
        assert.strictEqual(b.backlog.length, index + 1)
      }
    })
  },
  {
    shows: ["D22", "0.16"],
    title: "a new device registers, catches up and reflects while another holds NEW_DEVICE_SYNC",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* a.send(begin(bytes(6)))
      yield* a.next("BeginTransactionAck")
      const b = yield* join(B)
      yield* b.reflect(bytes(1))
      assert.deepStrictEqual((yield* a.next("Reflected")).envelope, bytes(1))
      yield* b.send(begin(bytes(7)))
      const rejected = yield* b.next("TransactionRejected")
      assert.deepStrictEqual([rejected.deviceId, rejected.encryptedScope], [A, bytes(6)])
    })
  },
  {
    shows: ["D26", "0.14"],
    title: "a volatile slot outlives its connection by five minutes, and not longer",
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      const b = yield* join(B, { expiration: VOLATILE })
      yield* leave(b, a)
      // A stays alive on the way: silence would close it.
      for (let tick = 0; tick < 9; tick++) {
        yield* target.advance("30 seconds")
        yield* a.quiet
      }
      yield* target.advance(29_999)
      assert.isTrue((yield* a.devices).has(B))
      yield* target.advance("1 millis")
      assert.isFalse((yield* a.devices).has(B))
      const late = yield* greet(B, { expected: EXISTING, expiration: VOLATILE })
      yield* late.closes(CloseCode.SlotStateMismatch)
    })
  },
  {
    shows: ["D26"],
    title: "a volatile device that comes back in time keeps its slot and its messages, and its grace begins anew",
    settings: { volatileGrace: "20 seconds" },
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      const b = yield* join(B, { expiration: VOLATILE })
      yield* leave(b, a)
      const stamp = yield* a.reflect(bytes(1))
      yield* target.advance("19 seconds")
      const back = yield* join(B, { expected: EXISTING, expiration: VOLATILE })
      assert.deepStrictEqual(back.backlog, [reflected(1, bytes(1), stamp)])
      yield* leave(back, a)
      // The first grace would be over now, the second is not.
      yield* target.advance("19 seconds")
      assert.isTrue((yield* a.devices).has(B))
      yield* target.advance("1 second")
      assert.isFalse((yield* a.devices).has(B))
    })
  },
  {
    shows: ["D26"],
    title: "a volatile device that is connected does not expire",
    settings: { volatileGrace: "20 seconds" },
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      yield* leave(yield* join(B, { expiration: VOLATILE }), a)
      const back = yield* join(B, { expected: EXISTING, expiration: VOLATILE })
      for (let tick = 0; tick < 5; tick++) {
        yield* target.advance("20 seconds")
        yield* back.quiet
        yield* a.quiet
      }
      assert.isTrue((yield* a.devices).has(B))
    })
  },
  {
    shows: ["D26"],
    title: "a persistent slot stays, and the policy is the one of the last ClientHello",
    settings: { volatileGrace: "20 seconds" },
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      const b = yield* join(B, { expiration: VOLATILE })
      yield* leave(b, a)
      yield* leave(yield* join(B, { expected: EXISTING, expiration: PERSISTENT }), a)
      for (let tick = 0; tick < 20; tick++) {
        yield* target.advance("30 seconds")
        yield* a.quiet
      }
      assert.isTrue((yield* a.devices).has(B))
      yield* leave(yield* join(B, { expected: EXISTING, expiration: VOLATILE }), a)
      yield* target.advance("20 seconds")
      assert.isFalse((yield* a.devices).has(B))
    })
  },
  {
    shows: ["D26", "D6"],
    title: "the slot of a volatile device that has expired is free again",
    settings: { volatileGrace: "20 seconds", maxDeviceSlots: 2 },
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      yield* leave(yield* join(B, { expiration: VOLATILE }), a)
      const early = yield* greet(C)
      yield* early.closes(CloseCode.SlotsExhausted)
      yield* target.advance("20 seconds")
      const c = yield* login(C)
      assert.strictEqual(c.info.deviceSlotState, NEW)
    })
  },
  {
    shows: ["D24", "0.17"],
    title:
      "a connected device that is dropped is closed with 4113, its slot and queue are gone, the dropper has its ack",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      yield* a.reflect(bytes(1))
      yield* b.next("Reflected")
      yield* a.send(drop(B))
      assert.strictEqual((yield* a.next("DropDeviceAck")).deviceId, B)
      yield* b.closes(CloseCode.Dropped)
      assert.deepStrictEqual(yield* a.registered, [A])
      const known = yield* greet(B, { expected: EXISTING })
      yield* known.closes(CloseCode.SlotStateMismatch)
      const fresh = yield* join(B)
      assert.strictEqual(fresh.info.deviceSlotState, NEW)
      assert.deepStrictEqual(fresh.backlog, [])
    })
  },
  {
    shows: ["D24", "0.17"],
    title: "an absent device that is dropped loses its slot and its messages",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      yield* leave(b, a)
      yield* a.reflect(bytes(1))
      yield* a.send(drop(B))
      assert.strictEqual((yield* a.next("DropDeviceAck")).deviceId, B)
      assert.deepStrictEqual(yield* a.registered, [A])
      const fresh = yield* join(B)
      assert.strictEqual(fresh.info.reflectionQueueLength, 0)
      assert.deepStrictEqual(fresh.backlog, [])
    })
  },
  {
    shows: ["D24", "0.17"],
    title: "dropping an id that nobody has is acked",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      for (const id of [C, DeviceId.make(0n), C]) {
        yield* a.send(drop(id))
        assert.strictEqual((yield* a.next("DropDeviceAck")).deviceId, id)
      }
      yield* a.quiet
    })
  },
  {
    shows: ["D24", "0.17"],
    title: "a device that drops itself gets the ack, then 4113",
    run: Effect.gen(function* () {
      const observer = yield* join(B)
      const a = yield* join(A)
      yield* a.send(drop(A))
      assert.strictEqual((yield* a.next("DropDeviceAck")).deviceId, A)
      yield* a.closes(CloseCode.Dropped)
      yield* awaitAbsent(observer, A)
      assert.deepStrictEqual(yield* observer.registered, [B])
      const known = yield* greet(A, { expected: EXISTING })
      yield* known.closes(CloseCode.SlotStateMismatch)
    })
  },
  {
    shows: ["D24", "D9"],
    title: "the last device may drop itself, and the group begins anew",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* a.send(drop(A))
      yield* a.next("DropDeviceAck")
      yield* a.closes(CloseCode.Dropped)
      const again = yield* join(A)
      assert.strictEqual(again.info.deviceSlotState, NEW)
      assert.isTrue(again.isLeader)
      assert.strictEqual((yield* again.devices).size, 1)
    })
  },
  {
    shows: ["D22", "D24"],
    title: "Android's way out: within a transaction it drops all others, then itself",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      const c = yield* join(C)
      yield* a.send(begin(bytes(7)))
      yield* a.next("BeginTransactionAck")
      assert.strictEqual((yield* a.devices).size, 3)
      yield* a.send(drop(B), drop(C))
      assert.strictEqual((yield* a.next("DropDeviceAck")).deviceId, B)
      assert.strictEqual((yield* a.next("DropDeviceAck")).deviceId, C)
      yield* b.closes(CloseCode.Dropped)
      yield* c.closes(CloseCode.Dropped)
      yield* a.send(drop(A))
      yield* a.next("DropDeviceAck")
      yield* a.closes(CloseCode.Dropped)
    })
  }
]
