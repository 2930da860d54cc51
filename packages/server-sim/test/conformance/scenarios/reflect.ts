/** Scenarios of reflect: whom it reaches, its ack, its order, its bytes (decisions 1, 2, 3, 11, 19; PROTOCOL D14, D16). */
import { assert } from "@effect/vitest"
import { CloseCode, D2d, decodeMessage, encodeMessage, Limits } from "@d2m/codec"
import { Effect, Result } from "effect"
import {
  A,
  ackFrame,
  awaitAbsent,
  B,
  begin,
  bytes,
  C,
  commit,
  crypto,
  D,
  drop,
  EPHEMERAL,
  EXISTING,
  G,
  getDevicesInfo,
  join,
  leave,
  reflected,
  reflectFrame
} from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"
import { Target } from "../Target.ts"

const count = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, index) => index + 1)

export const reflect: ReadonlyArray<Scenario> = [
  {
    shows: ["D14", "0.11"],
    title: "a reflect reaches every other slot, present or absent, with the timestamp of its ack, and not its sender",
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      const b = yield* join(B)
      const c = yield* join(C)
      yield* leave(c, a)
      yield* target.advance("7 seconds")
      const stamp = yield* a.reflect(bytes(1))
      assert.strictEqual(stamp, yield* target.now)
      assert.deepStrictEqual(yield* b.receive, reflected(1, bytes(1), stamp))
      yield* target.advance("5 seconds")
      const back = yield* join(C, { expected: EXISTING })
      assert.deepStrictEqual(back.backlog, [reflected(1, bytes(1), stamp)])
      yield* a.quiet
      yield* b.quiet
    })
  },
  {
    shows: ["D14", "0.19"],
    title: "what one device sealed another opens: the envelope is not touched",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      const envelope = D2d.Envelope.make({ padding: bytes(9, 17), deviceId: A, protocolVersion: 3 })
      const box = crypto.seal(G.keys.dgrk, bytes(4, 24), encodeMessage(D2d.Envelope, envelope))
      yield* a.reflect(box)
      const opened = Result.getOrThrow(crypto.open(G.keys.dgrk, (yield* b.next("Reflected")).envelope))
      assert.deepStrictEqual(Result.getOrThrow(decodeMessage(D2d.Envelope, opened)), envelope)
    })
  },
  {
    shows: ["D14"],
    title: "with no other device a reflect is acked as usual, and a later device does not get it",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      yield* a.reflect(bytes(1))
      yield* a.quiet
      const b = yield* join(B)
      assert.strictEqual(b.info.reflectionQueueLength, 0)
      assert.deepStrictEqual(b.backlog, [])
    })
  },
  {
    shows: ["D14", "0.11"],
    title: "Desktop's burst: 300 reflects back to back are acked in their order and arrive in their order",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      yield* a.send(...count(300).map((n) => reflectFrame(n, bytes(n))))
      for (const n of count(300)) assert.strictEqual((yield* a.next("ReflectAck")).reflectId, n)
      let before = 0n
      for (const n of count(300)) {
        const { envelope, reflectedId, timestamp } = yield* b.next("Reflected")
        assert.deepStrictEqual([reflectedId as number, envelope], [n, bytes(n)])
        assert.isTrue(timestamp >= before)
        before = timestamp
      }
      yield* b.quiet
    })
  },
  {
    shows: ["D14", "D13", "D18", "D19"],
    title: "frames of all kinds in one burst are handled and answered in their order",
    run: Effect.gen(function* () {
      const b = yield* join(B)
      const a = yield* join(A)
      yield* b.reflect(bytes(1))
      yield* a.next("Reflected")
      yield* a.send(
        ackFrame(1),
        reflectFrame(1, bytes(2)),
        begin(bytes(9)),
        reflectFrame(2, bytes(3)),
        reflectFrame(3, bytes(4), EPHEMERAL),
        drop(D),
        reflectFrame(4, bytes(5)),
        commit,
        reflectFrame(5, bytes(6)),
        getDevicesInfo
      )
      const tags = (yield* a.until("DevicesInfo")).map(({ _tag }) => _tag)
      assert.deepStrictEqual(tags, [
        "ReflectAck",
        "BeginTransactionAck",
        "ReflectAck",
        "DropDeviceAck",
        "ReflectAck",
        "CommitTransactionAck",
        "ReflectAck",
        "DevicesInfo"
      ])
      const frames = yield* Effect.replicateEffect(b.receive, 6)
      const seen = frames.map((frame) => (frame._tag === "Reflected" ? frame.envelope : frame._tag))
      assert.deepStrictEqual(seen, [bytes(2), bytes(3), bytes(4), bytes(5), "TransactionEnded", bytes(6)])
    })
  },
  {
    shows: ["D14", "D12"],
    title: "devices that reflect at the same time: all others see each sender's order, with ids from 1 without gaps",
    run: Effect.gen(function* () {
      const devices = [yield* join(A), yield* join(B), yield* join(C)]
      yield* Effect.forEach(
        devices,
        (device, sender) => device.send(...count(50).map((n) => reflectFrame(n, bytes(sender * 100 + n)))),
        { concurrency: "unbounded" }
      )
      for (const [receiver, device] of devices.entries()) {
        const frames = yield* device.barrier
        const acks = frames.flatMap((frame) => (frame._tag === "ReflectAck" ? [frame.reflectId as number] : []))
        const messages = frames.flatMap((frame) => (frame._tag === "Reflected" ? [frame] : []))
        // Barriers of the others may have been ahead of what is still on its way here.
        while (messages.length < 100) messages.push(yield* device.next("Reflected"))
        assert.deepStrictEqual(acks, count(50))
        assert.deepStrictEqual(
          messages.map(({ reflectedId }) => reflectedId as number),
          count(100)
        )
        for (const sender of [0, 1, 2].filter((sender) => sender !== receiver)) {
          const own = new Set(count(50).map((n) => String(bytes(sender * 100 + n))))
          assert.deepStrictEqual(
            messages.map(({ envelope }) => String(envelope)).filter((envelope) => own.has(envelope)),
            [...own]
          )
        }
      }
    })
  },
  {
    shows: ["D16", "0.11"],
    title: "a reflect-id is opaque: repeated, random and extreme ones are each a message of its own",
    run: Effect.gen(function* () {
      // B leads, so that A may come and go.
      const b = yield* join(B)
      const a = yield* join(A)
      const ids = [1, 1, 0, 0xffff_ffff, 0x8000_0000, 0, 1]
      yield* a.send(...ids.map((id) => reflectFrame(id, bytes(1))))
      for (const id of ids) assert.strictEqual((yield* a.next("ReflectAck")).reflectId, id)
      for (const n of count(ids.length)) {
        assert.deepStrictEqual([(yield* b.next("Reflected")).reflectedId as number], [n])
      }
      yield* b.quiet
      // Desktop starts again with 1 on its next connection.
      const again = yield* join(A, { expected: EXISTING })
      yield* again.reflect(bytes(1))
      assert.strictEqual((yield* b.next("Reflected")).reflectedId, ids.length + 1)
    })
  },
  {
    shows: ["D30", "0.2"],
    title: "unknown flag bits are passed on, now and from the queue",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      const stamp = yield* a.reflect(bytes(1), 0xfffe)
      assert.deepStrictEqual(yield* b.receive, reflected(1, bytes(1), stamp, 0xfffe))
      yield* b.hangUp
      const back = yield* join(B, { expected: EXISTING })
      assert.deepStrictEqual(back.backlog, [reflected(1, bytes(1), stamp, 0xfffe)])
      yield* a.send(reflectFrame(9, bytes(2), 0x8000 | EPHEMERAL))
      assert.strictEqual((yield* back.next("Reflected")).flags, 0x8001)
    })
  },
  {
    shows: ["D30", "0.3"],
    title: "reflect-ack and reflected as bytes: header length 16, everything reserved zero, little endian",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      yield* a.send(reflectFrame(0x0102_0304, bytes(1, 3)))
      const time = [0x00, 0x68, 0xe5, 0xcf, 0x8b, 0x01, 0, 0] // 1_700_000_000_000
      assert.deepStrictEqual(Array.from(yield* a.receiveBytes), [0x81, 0, 0, 0, 0, 0, 0, 0, 4, 3, 2, 1, ...time])
      assert.deepStrictEqual(Array.from(yield* b.receiveBytes), [
        0x82,
        0,
        0,
        0,
        16,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        ...time,
        ...bytes(1, 3)
      ])
    })
  },
  {
    shows: ["D30", "0.2"],
    title: "reserved bytes are ignored, and a longer header is skipped to the envelope",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      const frame = [0x80, 0xff, 0xff, 0xff, 12, 0xff, 0, 0, 5, 0, 0, 0, 0xee, 0xee, 0xee, 0xee, ...bytes(1)]
      yield* a.sendBytes(Uint8Array.from(frame))
      const ack = yield* a.next("ReflectAck")
      assert.strictEqual(ack.reflectId, 5)
      assert.deepStrictEqual(yield* b.receive, reflected(1, bytes(1), ack.timestamp))
    })
  },
  {
    shows: ["D30", "0.1", "0.6"],
    title: "an envelope of 65516 bytes fills a reflected frame to the last byte; one more is refused with 4010",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      yield* a.reflect(bytes(1, Limits.envelope))
      const frame = yield* b.receiveBytes
      assert.strictEqual(frame.length, 65_536)
      assert.deepStrictEqual(frame.subarray(20), bytes(1, 65_516))
      yield* a.send(reflectFrame(2, bytes(2, 65_517)))
      yield* a.closes(CloseCode.ProtocolError)
      yield* awaitAbsent(b, A)
      yield* b.until("RolePromotedToLeader")
      yield* b.quiet
      const ephemeral = yield* join(A, { expected: EXISTING })
      yield* ephemeral.send(reflectFrame(3, bytes(3, 65_524), EPHEMERAL))
      yield* ephemeral.closes(CloseCode.ProtocolError)
    })
  },
  {
    shows: ["0.19"],
    title: "an empty envelope is an envelope",
    run: Effect.gen(function* () {
      const a = yield* join(A)
      const b = yield* join(B)
      const stamp = yield* a.reflect(new Uint8Array(0))
      assert.deepStrictEqual(yield* b.receive, reflected(1, new Uint8Array(0), stamp))
      yield* b.hangUp
      assert.deepStrictEqual((yield* join(B, { expected: EXISTING })).backlog, [reflected(1, new Uint8Array(0), stamp)])
    })
  }
]
