/** Scenarios of transactions that are lost: by their holder, by time, by the mediator (decisions 12, 14; PROTOCOL D20). */
import { assert } from "@effect/vitest"
import { CloseCode } from "@d2m/codec"
import { type Duration, Effect } from "effect"
import {
  A,
  ackFrame,
  awaitAbsent,
  B,
  begin,
  bytes,
  C,
  commit,
  D,
  drop,
  DROP_LEAST_RECENT,
  EXISTING,
  join,
  leave,
  login,
  proxy,
  type Session
} from "../RawDevice.ts"
import type { Scenario } from "../Scenario.ts"
import { Target } from "../Target.ts"
import type { WireError } from "../Wire.ts"
import { beginOf, commitOf, ended, scope, trio } from "./transactions.ts"

interface Loss {
  /** What the holder does or suffers. */
  readonly how: string
  readonly goes: (group: {
    readonly holder: Session
    readonly others: readonly [Session, Session]
  }) => Effect.Effect<void, WireError, Target>
}

const losses: ReadonlyArray<Loss> = [
  { how: "hangs up", goes: ({ holder }) => Effect.asVoid(holder.hangUp) },
  { how: "is cut off", goes: ({ holder }) => holder.cut },
  {
    how: "is dropped",
    goes: ({ holder, others: [other] }) =>
      Effect.gen(function* () {
        yield* other.send(drop(A))
        const frames = yield* other.until("DropDeviceAck")
        yield* other.putBack(frames.slice(0, -1))
        yield* holder.closes(CloseCode.Dropped)
      })
  },
  {
    how: "drops itself",
    goes: ({ holder }) =>
      Effect.gen(function* () {
        yield* holder.send(drop(A))
        yield* holder.next("DropDeviceAck")
        yield* holder.closes(CloseCode.Dropped)
      })
  },
  {
    how: "breaks the protocol",
    goes: ({ holder }) =>
      Effect.gen(function* () {
        yield* holder.sendBytes(Uint8Array.of(0x80))
        yield* holder.closes(CloseCode.ProtocolError)
      })
  },
  {
    how: "acks what it never had",
    goes: ({ holder }) =>
      Effect.gen(function* () {
        yield* holder.send(ackFrame(99))
        yield* holder.closes(CloseCode.UnknownAck)
      })
  },
  {
    how: "loses its chat server",
    goes: ({ holder }) =>
      Effect.gen(function* () {
        yield* holder.send(proxy(bytes(1)))
        yield* holder.closes(CloseCode.ChatEnded)
      })
  },
  {
    how: "is silent too long",
    goes: ({ holder, others }) =>
      Effect.gen(function* () {
        const { advance } = yield* Target
        yield* advance("29 seconds")
        for (const other of others) yield* other.quiet
        yield* advance("1 second")
        yield* holder.closes(CloseCode.Idle)
      })
  }
]

export const transactionLoss: ReadonlyArray<Scenario> = [
  ...losses.map(({ goes, how }): Scenario => ({
    shows: ["D20", "D18", "0.12"],
    title: `when the holder ${how}, its buffer is discarded, all others get Ended once, and the lock is free`,
    settings: {
      idleTimeout: "30 seconds",
      chat: [
        { _tag: "Expect", bytes: 1 },
        { _tag: "End", reason: "Ended" }
      ]
    },
    run: Effect.gen(function* () {
      const { a, b, observer } = yield* trio
      yield* leave(yield* join(D), observer)
      yield* beginOf(a)
      yield* a.reflect(bytes(1))
      yield* a.reflectEphemeral(bytes(2))
      yield* goes({ holder: a, others: [b, observer] })
      assert.deepStrictEqual(yield* b.receive, ended(A))
      assert.deepStrictEqual(yield* observer.receive, ended(A))
      yield* beginOf(b)
      yield* b.reflect(bytes(3))
      yield* commitOf(b)
      yield* observer.next("Reflected")
      yield* observer.next("TransactionEnded")
      yield* observer.quiet
      assert.deepStrictEqual(
        (yield* join(D, { expected: EXISTING })).backlog.map(({ envelope }) => envelope),
        [bytes(3)]
      )
    })
  })),
  {
    shows: ["D20", "D6", "0.12"],
    title: "when the holder loses its slot to a newcomer, the others get Ended, and the newcomer its ServerInfo first",
    settings: { maxDeviceSlots: 2 },
    run: Effect.gen(function* () {
      const target = yield* Target
      const a = yield* join(A)
      yield* target.advance("1 second")
      const b = yield* join(B)
      yield* beginOf(a)
      yield* a.reflect(bytes(1))
      const c = yield* join(C, { exhausted: DROP_LEAST_RECENT })
      yield* a.closes(CloseCode.Dropped)
      assert.deepStrictEqual(c.backlog, [])
      const frames = [yield* b.receive, yield* b.receive]
      assert.deepStrictEqual(frames.map(({ _tag }) => _tag).sort(), ["RolePromotedToLeader", "TransactionEnded"])
      yield* beginOf(c)
    })
  },
  {
    shows: ["D20", "D8", "0.12"],
    title: "when the holder's device connects again, its transaction is lost, and the new connection may begin",
    run: Effect.gen(function* () {
      const { a, b, observer } = yield* trio
      yield* beginOf(a)
      yield* a.reflect(bytes(1))
      const again = yield* join(A, { expected: EXISTING })
      yield* a.closes(CloseCode.DuplicateDevice)
      assert.deepStrictEqual(yield* b.receive, ended(A))
      assert.deepStrictEqual(yield* observer.receive, ended(A))
      yield* beginOf(again)
      yield* again.reflect(bytes(2))
      yield* commitOf(again)
      assert.deepStrictEqual((yield* b.next("Reflected")).envelope, bytes(2))
    })
  },
  ...(
    [
      ["the client's TTL, in seconds", { ttl: 5, after: "5 seconds" }],
      ["the mediator's, for a TTL of 0", { ttl: 0, after: "60 seconds" }],
      ["the mediator's, for a longer one", { ttl: 61, after: "60 seconds" }],
      ["the mediator's, for the longest a client can ask for", { ttl: 0xffff_ffff, after: "60 seconds" }]
    ] satisfies ReadonlyArray<readonly [string, { readonly ttl: number; readonly after: Duration.Input }]>
  ).map(([which, { after, ttl }]): Scenario => ({
    shows: ["D20", "0.14", "0.12"],
    title: `a transaction ends at ${which}: 4011 for the holder, Ended for the others, nothing visible`,
    // Silence must not be what ends it.
    settings: { idleTimeout: "10 minutes" },
    run: Effect.gen(function* () {
      const target = yield* Target
      const { a, b, observer } = yield* trio
      yield* beginOf(a, scope, ttl)
      yield* a.reflect(bytes(1))
      yield* target.advance(after === "5 seconds" ? 4999 : 59_999)
      yield* a.reflect(bytes(2))
      yield* b.quiet
      yield* target.advance(1)
      yield* a.closes(CloseCode.TransactionTimeout)
      assert.deepStrictEqual(yield* b.receive, ended(A))
      assert.deepStrictEqual(yield* observer.receive, ended(A))
      yield* b.quiet
      yield* beginOf(b)
      const again = yield* join(A, { expected: EXISTING })
      yield* again.send(begin(scope))
      assert.strictEqual((yield* again.next("TransactionRejected")).deviceId, B)
    })
  })),
  {
    shows: ["D20", "D33"],
    title: "the longest TTL is an option, and the time of one transaction is not that of the next",
    settings: { transactionTtl: "20 seconds" },
    run: Effect.gen(function* () {
      const target = yield* Target
      const { a, b } = yield* trio
      yield* beginOf(a)
      yield* target.advance("15 seconds")
      yield* commitOf(a)
      yield* b.next("TransactionEnded")
      yield* beginOf(a)
      yield* target.advance("15 seconds")
      yield* a.quiet
      yield* target.advance("5 seconds")
      yield* a.closes(CloseCode.TransactionTimeout)
    })
  },
  {
    shows: ["0.12", "D32"],
    title: "CommitTransactionAck is the promise: a transaction that cannot be stored is not acked and leaves nothing",
    run: Effect.gen(function* () {
      const target = yield* Target
      const { a, b } = yield* trio
      yield* beginOf(a)
      yield* a.reflect(bytes(1))
      yield* a.reflect(bytes(2))
      yield* target.breakStore
      yield* a.send(commit)
      yield* a.closes(CloseCode.InternalError)
      yield* b.closes(CloseCode.InternalError)
      yield* target.restart
      assert.deepStrictEqual((yield* join(B, { expected: EXISTING })).backlog, [])
    })
  },
  {
    shows: ["0.12", "0.9"],
    title: "a committed transaction survives a restart, one that was under way does not",
    run: Effect.gen(function* () {
      const target = yield* Target
      const { a, b, observer } = yield* trio
      yield* beginOf(a)
      yield* a.reflect(bytes(1))
      yield* commitOf(a)
      yield* b.until("TransactionEnded")
      yield* observer.until("TransactionEnded")
      yield* beginOf(b)
      yield* b.reflect(bytes(2))
      yield* target.restart
      const [late] = yield* a.remains
      assert.deepStrictEqual(
        late.filter(({ _tag }) => _tag === "Reflected"),
        []
      )
      const back = yield* join(C, { expected: EXISTING })
      assert.deepStrictEqual(
        back.backlog.map(({ envelope }) => envelope),
        [bytes(1)]
      )
      const again = yield* login(A, { expected: EXISTING })
      yield* again.next("ReflectionQueueDry")
      yield* beginOf(again)
      yield* awaitAbsent(back, D)
    })
  }
]
