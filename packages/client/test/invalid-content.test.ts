import { D2d } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { type Content, Transaction } from "../src/index.ts"
import { ackOf, connect, expectState, makeWorld, settle, text } from "./scripted-peer.ts"

const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkScoped(effect, { startImmediately: true })

const outgoing = (fields: Partial<D2d.OutgoingMessage>): Content => ({
  _tag: "outgoingMessage",
  value: { ...D2d.OutgoingMessage.make({}), ...fields }
})

/** Contents that nobody could read, or would read as another, and what is wrong with each. */
const wrong: ReadonlyArray<readonly [name: string, content: Content, detail: string]> = [
  [
    "an id above 64 bits",
    outgoing({ messageId: 2n ** 64n + 5n }),
    "d2d.OutgoingMessage.messageId: expected a bigint of 0 to 18446744073709551615, found 18446744073709551621n"
  ],
  [
    "an id below 0",
    outgoing({ messageId: -1n }),
    "d2d.OutgoingMessage.messageId: expected a bigint of 0 to 18446744073709551615, found -1n"
  ],
  [
    "a time before 1970",
    outgoing({ createdAt: -5n }),
    "d2d.OutgoingMessage.createdAt: expected a bigint of 0 to 18446744073709551615, found -5n"
  ],
  [
    "a part of a type",
    outgoing({ type: 0.5 }),
    "d2d.OutgoingMessage.type: expected an integer of -2147483648 to 2147483647, found 0.5"
  ],
  [
    "no field at all",
    { _tag: "outgoingMessage", value: {} as never },
    "d2d.OutgoingMessage.messageId: expected a bigint of 0 to 18446744073709551615, found undefined"
  ],
  ["no value", { _tag: "outgoingMessage" } as never, "found undefined"],
  ["a misspelt tag", { _tag: "outgoingMesage", value: {} } as never, 'found "outgoingMesage"'],
  ["none", undefined as never, "d2d.Envelope.content: expected a content, found undefined"]
]

describe("a content that no envelope can hold", () => {
  for (const [name, content, detail] of wrong) {
    it.effect(`is refused before anything is sealed: ${name}`, () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const { reflect, reflectAll, reflectEphemeral } = world.device
        for (const refused of [
          yield* Effect.flip(reflect(content)),
          yield* Effect.flip(reflectAll([text("a"), content])),
          yield* Effect.flip(reflectEphemeral(content))
        ]) {
          assert.strictEqual(refused._tag, "InvalidContent")
          assert.include(refused.message, detail)
        }
        yield* settle
        assert.deepStrictEqual(yield* peer.drain, [])
        const state = yield* expectState(world, "Live")
        assert.strictEqual(state.pendingReflects, 0)
        const next = yield* fork(reflect(text("next")))
        yield* peer.send(ackOf(yield* peer.expect("Reflect"), 7n))
        assert.strictEqual(yield* Fiber.join(next), 7n)
      })
    )
  }

  it.effect("fails the transaction that reflects it and keeps the connection", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      const peer = yield* connect(world)
      const body = Effect.flatMap(Transaction, (transaction) => transaction.reflect(outgoing({ messageId: -1n })))
      const failed = yield* fork(Effect.flip(world.device.transaction({ scope: 0 }, body)))
      yield* peer.expect("BeginTransaction")
      yield* peer.send({ _tag: "BeginTransactionAck" })
      yield* peer.expect("CommitTransaction")
      yield* peer.send({ _tag: "CommitTransactionAck" })
      assert.strictEqual((yield* Fiber.join(failed))._tag, "InvalidContent")
      yield* expectState(world, "Live")
    })
  )

  it.effect("is told from one that a stopped device does not take", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* connect(world)
      yield* world.device.stop
      const refused = yield* Effect.flip(world.device.reflect(outgoing({ messageId: -1n })))
      assert.strictEqual(refused._tag, "InvalidContent")
      assert.strictEqual((yield* Effect.flip(world.device.reflect(text("a"))))._tag, "DeviceStopped")
    })
  )
})

describe("a value that no message can hold", () => {
  const int32 = "an integer of -2147483648 to 2147483647"
  for (const scope of [2 ** 40, 1.5, Number.NaN]) {
    it.effect(`is a typed failure of a transaction, which asks for nothing: scope ${scope}`, () =>
      Effect.gen(function* () {
        const world = yield* makeWorld()
        const peer = yield* connect(world)
        const refused = yield* Effect.flip(world.device.transaction({ scope }, Effect.void))
        assert.strictEqual(refused._tag, "InvalidContent")
        assert.include(refused.message, `d2d.TransactionScope.scope: expected ${int32}, found ${scope}`)
        assert.deepStrictEqual(yield* peer.drain, [])
      })
    )
  }
})
