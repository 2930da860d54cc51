/** Scenarios of deadlines and shutdown (decision 14, PROTOCOL D28, D32, D33). */
import { assert } from "@effect/vitest"
import { CloseCode } from "@d2m/codec"
import { Effect } from "effect"
import {
  A,
  B,
  begin,
  bytes,
  C,
  clientHello,
  commit,
  EXISTING,
  greet,
  join,
  open,
  proxy,
  reflectFrame,
  type Session,
  setSharedData
} from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"
import { Target } from "../Target.ts"
import type { WireError } from "../Wire.ts"

/** Frames that are a sign of life, each with what it takes to know that it has arrived. */
const signsOfLife: ReadonlyArray<
  readonly [string, (device: Session, other: Session) => Effect.Effect<void, WireError>]
> = [
  ["a request", (device) => device.quiet],
  ["a reflect", (device, other) => Effect.andThen(device.reflect(bytes(1)), Effect.asVoid(other.next("Reflected")))],
  [
    "an ephemeral",
    (device, other) => Effect.andThen(device.reflectEphemeral(bytes(1)), Effect.asVoid(other.next("Reflected")))
  ],
  ["a proxy frame", (device) => Effect.andThen(device.send(proxy(bytes(1))), Effect.asVoid(device.next("Proxy")))],
  [
    "a transaction",
    (device, other) =>
      Effect.gen(function* () {
        yield* device.send(begin(bytes(1)), commit)
        yield* device.next("BeginTransactionAck")
        yield* device.next("CommitTransactionAck")
        yield* other.next("TransactionEnded")
      })
  ]
]

export const limits: ReadonlyArray<Scenario> = [
  {
    shows: ["0.14", "D28"],
    title: "a connection without a ClientHello is closed after ten seconds, with or without chat frames",
    settings: { chat: "echo" },
    run: Effect.gen(function* () {
      const target = yield* Target
      const { wire } = yield* open()
      const talker = yield* open()
      yield* talker.wire.send(proxy(bytes(1)))
      yield* talker.wire.next("Proxy")
      yield* target.advance(9999)
      yield* talker.wire.send(proxy(bytes(2)))
      yield* talker.wire.next("Proxy")
      yield* target.advance(1)
      yield* wire.closes(CloseCode.Idle)
      yield* talker.wire.closes(CloseCode.Idle)
    })
  },
  {
    shows: ["0.14"],
    title: "a ClientHello in the last moment is in time, and the handshake's deadline is over with it",
    run: Effect.gen(function* () {
      const target = yield* Target
      const { hello, wire } = yield* open()
      yield* target.advance(9999)
      yield* wire.send(clientHello(A, hello))
      yield* wire.until("RolePromotedToLeader")
      yield* target.advance("20 seconds")
      const again = yield* join(A, { expected: EXISTING })
      yield* wire.closes(CloseCode.DuplicateDevice)
      yield* again.quiet
    })
  },
  {
    shows: ["D28", "0.14"],
    title: "a device that is silent for 60 seconds is closed with 4013, and not before, whatever it is sent meanwhile",
    settings: { chat: [] },
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      const silent = yield* join(B)
      for (let tick = 1; tick <= 2; tick++) {
        yield* target.advance("29 seconds")
        yield* a.reflect(bytes(tick))
        yield* silent.next("Reflected")
      }
      yield* target.advance(1999)
      yield* a.reflect(bytes(3))
      yield* silent.next("Reflected")
      yield* target.advance(1)
      yield* silent.closes(CloseCode.Idle)
      yield* a.quiet
    })
  },
  ...signsOfLife.map(([what, live]): Scenario => ({
    shows: ["D28", "0.14"],
    title: `${what} is a sign of life: sixty seconds begin anew`,
    settings: { chat: "echo" },
    run: Effect.gen(function* () {
      const target = yield* Target
      const other = yield* join(B)
      const device = yield* join(A)
      for (let round = 0; round < 4; round++) {
        yield* target.advance("59 seconds")
        yield* live(device, other)
        yield* other.quiet
      }
      yield* target.advance(59_999)
      yield* other.quiet
      yield* target.advance(1)
      yield* device.closes(CloseCode.Idle)
    })
  })),
  {
    shows: ["D28"],
    title: "a frame that has no answer is a sign of life too",
    run: Effect.gen(function* () {
      const target = yield* Target
      const other = yield* join(B)
      const device = yield* join(A)
      yield* target.advance("40 seconds")
      yield* other.quiet
      yield* device.send(setSharedData(bytes(2)))
      // A newcomer can see whether it has arrived.
      let newcomer = yield* join(C)
      while (newcomer.info.encryptedSharedDeviceData.length === 0) newcomer = yield* join(C, { expected: EXISTING })
      yield* target.advance(59_999)
      yield* other.quiet
      yield* device.quiet
    })
  },
  {
    shows: ["D28", "D33"],
    title: "the idle timeout is an option",
    settings: { idleTimeout: "30 seconds" },
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      yield* target.advance(29_999)
      const observer = yield* join(B)
      yield* target.advance(1)
      yield* a.closes(CloseCode.Idle)
      yield* observer.until("RolePromotedToLeader")
      yield* observer.quiet
    })
  },
  {
    shows: ["D32"],
    title: "a mediator that stops closes every connection with 1001, before and after the handshake",
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      const b = yield* join(B)
      const { wire } = yield* open()
      yield* a.send(begin(bytes(1)))
      yield* a.next("BeginTransactionAck")
      yield* target.stop
      yield* a.closes(CloseCode.GoingAway)
      const [ended, { code }] = yield* b.remains
      assert.strictEqual(code, CloseCode.GoingAway)
      assert.isTrue(ended.every(({ _tag }) => _tag === "TransactionEnded" || _tag === "RolePromotedToLeader"))
      yield* wire.closes(CloseCode.GoingAway)
    })
  },
  {
    shows: ["D32", "0.11"],
    title: "what was acked before a stop is delivered after it",
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      yield* join(B)
      yield* a.send(...Array.from({ length: 100 }, (_, index) => reflectFrame(index, bytes(index))))
      yield* a.next("ReflectAck")
      yield* target.stop
      const [frames] = yield* a.remains
      const acked = 1 + frames.filter(({ _tag }) => _tag === "ReflectAck").length
      yield* target.restart
      const b = yield* join(B, { expected: EXISTING })
      assert.isAtLeast(b.backlog.length, acked)
      for (const [index, { envelope }] of b.backlog.entries()) assert.deepStrictEqual(envelope, bytes(index))
      const stranger = yield* greet(A, { expected: EXISTING })
      yield* stranger.next("ServerInfo")
    })
  }
]
