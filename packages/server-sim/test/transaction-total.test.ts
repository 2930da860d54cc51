import { assert, describe, it } from "@effect/vitest"
import { Box, CloseCode } from "@d2m/codec"
import { groupKeyOf, makeOptions, type MediatorOptions } from "@d2m/server-sim"
import { Array as Arr, Effect, Result } from "effect"
import { begin, commit, type Drive, drive, hello, reflect, type Wire } from "./drive.ts"
import { join, mediatorWith, tags } from "./memory-device.ts"

const tooLarge = {
  code: CloseCode.ProtocolError,
  reason: "the transaction is too large while there are many"
}

const otherGroup = (n: number): Uint8Array => new Uint8Array(32).fill(100 + n)

/** A device of another group. */
const stranger = (d: Drive, n: number, device = 1): Wire => {
  const wire = d.open(otherGroup(n))
  wire.send(hello(device))
  wire.take()
  return wire
}

const kilobytes = (count: number) => Arr.makeBy(count, (n) => reflect(n, { envelope: new Uint8Array(1_000) }))

const small = { transactionBytes: 10_000, transactionTotal: 20_000 }

describe("what all transactions together buffer", () => {
  it("is bounded: the one that holds most is given up with 4010, nothing of it is delivered, others learn its end", () => {
    const d = drive(small)
    const [a, b] = [d.join(1), d.join(2)]
    const others = [stranger(d, 1), stranger(d, 2)]
    a.send(begin(1), ...kilobytes(9))
    for (const other of others) other.send(begin(2), ...kilobytes(4))
    d.advance(0)
    for (const wire of [a, b, ...others]) assert.isUndefined(wire.closed())
    // Whoever asks for more than there is has least, and goes on.
    const c = stranger(d, 3)
    c.send(begin(3), ...kilobytes(2))
    d.advance(0)
    assert.deepStrictEqual(a.closed(), tooLarge)
    assert.deepStrictEqual(b.said(), ["TransactionEnded 1", "RolePromotedToLeader"])
    assert.strictEqual(d.group()?.slots.get(2n as never)?.queue.length, 0)
    for (const wire of [...others, c]) {
      wire.take()
      wire.send(commit)
      assert.deepStrictEqual(wire.said(), ["CommitTransactionAck"])
      assert.isUndefined(wire.closed())
    }
    const discarded = d.outputs.flatMap((output) =>
      output._tag === "Decided" && output.decision._tag === "TransactionDiscarded" ? [output.decision.why] : []
    )
    assert.deepStrictEqual(discarded, ["TotalReached"])
  })

  it("is bounded before the next message is looked at, also when that is the commit", () => {
    const d = drive(small)
    const b = d.join(2)
    for (const n of [1, 2, 3]) stranger(d, n).send(begin(n), ...kilobytes(5))
    const a = d.join(1)
    a.send(begin(1), ...kilobytes(9), commit)
    assert.deepStrictEqual(a.closed(), tooLarge)
    assert.notInclude(a.said(), "CommitTransactionAck")
    assert.deepStrictEqual(b.said(), ["TransactionEnded 1"])
  })

  it("costs the largest each time, whoever asks, and no other", () => {
    const d = drive({ ...small, transactionTotal: 10_000 })
    const scope = (size: number) =>
      ({ _tag: "BeginTransaction", encryptedScope: Box.make("dgtsk", new Uint8Array(size)), ttl: 0 }) as const
    const wires = [stranger(d, 1), stranger(d, 2), stranger(d, 3), stranger(d, 4)]
    for (const [index, wire] of wires.entries()) wire.send(scope([1_500, 3_000, 3_500, 60_000][index]!))
    d.advance(0)
    assert.deepStrictEqual(
      wires.map((wire) => wire.closed() !== undefined),
      [false, false, false, true]
    )
    const fifth = stranger(d, 5)
    fifth.send(begin(1), ...kilobytes(1), reflect(1, { envelope: new Uint8Array(6_000) }))
    d.advance(0)
    assert.isDefined(fifth.closed())
    const sixth = stranger(d, 6)
    sixth.send(scope(3_400))
    d.advance(0)
    assert.deepStrictEqual(
      [...wires, sixth].map((wire) => wire.closed() !== undefined),
      [false, false, true, true, false]
    )
  })

  it("counts scopes and messages without anything in them", () => {
    for (const hold of [
      (wire: Wire) =>
        wire.send({ _tag: "BeginTransaction", encryptedScope: Box.make("dgtsk", new Uint8Array(8_000)), ttl: 0 }),
      (wire: Wire) => wire.send(begin(1), ...Arr.makeBy(70, (n) => reflect(n, { envelope: new Uint8Array(0) })))
    ]) {
      const d = drive(small)
      const wires = [stranger(d, 1), stranger(d, 2), stranger(d, 3)]
      for (const wire of wires) hold(wire)
      d.advance(0)
      assert.lengthOf(
        wires.filter((wire) => wire.closed() !== undefined),
        1
      )
    }
  })

  const ends: ReadonlyArray<readonly [how: string, end: (d: Drive, wire: Wire) => void]> = [
    ["was committed", (_d, wire) => wire.send(commit)],
    ["was lost with its connection", (_d, wire) => wire.gone()],
    ["took too long", (d) => d.advance(59_999)],
    ["was too large alone", (_d, wire) => wire.send(reflect(1, { envelope: new Uint8Array(2_000) }))],
    ["failed with its group", (d) => void d.feed({ _tag: "GroupFailed", groupKey: groupKeyOf(otherGroup(1)) })]
  ]
  for (const [how, end] of ends) {
    it(`does not count what ${how}`, () => {
      const d = drive({ ...small, idleTimeout: 600_000 })
      const wire = stranger(d, 1)
      wire.send(begin(1), ...kilobytes(9))
      d.advance(1)
      const rest = [stranger(d, 2), stranger(d, 3)]
      rest[0]!.send(begin(2), ...kilobytes(8))
      end(d, wire)
      rest[1]!.send(begin(3), ...kilobytes(8))
      d.advance(0)
      assert.deepStrictEqual(
        rest.map((other) => other.closed()),
        [undefined, undefined]
      )
    })
  }

  it.effect("is bounded at once in a mediator that runs", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* join(1), yield* join(2)]
      yield* a.rest
      yield* b.rest
      yield* a.send(begin(1), ...kilobytes(9))
      yield* a.rest
      assert.deepStrictEqual(tags(yield* b.rest), [])
      yield* a.send(reflect(9, { envelope: new Uint8Array(1_000) }))
      assert.deepStrictEqual(tags(yield* a.rest), ["ReflectAck", "Closed 4010"])
      assert.deepStrictEqual(tags(yield* b.rest), ["TransactionEnded", "RolePromotedToLeader"])
    }).pipe(Effect.provide(mediatorWith({ transactionBytes: 10_000, transactionTotal: 11_000 })))
  )

  it.effect("cannot be less than for one of them", () =>
    Effect.gen(function* () {
      const refusal = (options: Partial<MediatorOptions>) =>
        Effect.map(Effect.result(makeOptions(options)), (result) =>
          Result.isFailure(result) ? result.failure.message : ""
        )
      const told = "transactionTotal must not be below transactionBytes"
      assert.include(yield* refusal({ transactionBytes: 10_000, transactionTotal: 9_999 }), told)
      yield* makeOptions({ transactionBytes: 10_000, transactionTotal: 10_000 })
    })
  )
})
