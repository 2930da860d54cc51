import { assert, describe, it } from "@effect/vitest"
import { type Drawn, ReflectionLedger } from "../src/index.ts"

const make = (capacity = 1000, firstReflectId?: number) =>
  new ReflectionLedger<string, string>(firstReflectId === undefined ? { capacity } : { capacity, firstReflectId })

const tell = (drawn: ReadonlyArray<Drawn<string, string>>) =>
  drawn.map((item) =>
    item._tag === "Reflect" ? `${item.reflectId}:${item.entry.value}` : `${item._tag} ${item.transaction}`
  )

describe("order and ids", () => {
  it("draws in order with rising ids, and takes acks in any order", () => {
    const ledger = make()
    for (const value of ["a", "b", "c"]) ledger.reflect(value, 10)
    assert.deepStrictEqual(tell(ledger.draw(100, 2)), ["1:a", "2:b"])
    assert.deepStrictEqual(tell(ledger.draw(200, 9)), ["3:c"])
    assert.strictEqual(ledger.oldestWrittenAt, 100)
    const acked = ledger.ack(2)
    assert.strictEqual(typeof acked === "object" ? acked.value : acked, "b")
    assert.strictEqual(ledger.ack(2), undefined)
    ledger.ack(1)
    assert.deepStrictEqual([ledger.pending, ledger.weight, ledger.oldestWrittenAt], [1, 10, 200])
    ledger.ack(3)
    assert.deepStrictEqual([ledger.pending, ledger.weight, ledger.oldestWrittenAt], [0, 0, undefined])
  })

  it("draws no more behind what weighs enough, and at least one", () => {
    const ledger = make()
    for (const value of ["a", "b", "c", "d"]) ledger.reflect(value, 10)
    assert.deepStrictEqual(tell(ledger.draw(0, 9, 20)), ["1:a", "2:b"])
    assert.deepStrictEqual(tell(ledger.draw(0, 9, 5)), ["3:c"])
    assert.deepStrictEqual(tell(ledger.draw(0, 9, 1000)), ["4:d"])
  })

  it("wraps past 0xFFFFFFFF to 0", () => {
    const ledger = make(1000, 0xffffffff)
    for (const value of ["a", "b", "c"]) ledger.reflect(value, 1)
    assert.deepStrictEqual(tell(ledger.draw(7, 9)), ["4294967295:a", "0:b", "1:c"])
    for (const [id, left] of [
      [0, 7],
      [0xffffffff, 7],
      [1, undefined]
    ] as const) {
      assert.strictEqual(typeof ledger.ack(id), "object")
      assert.strictEqual(ledger.oldestWrittenAt, left)
    }
  })

  it("runs no more than 65 536 ids ahead of the oldest one without an ack, and goes on when that has come", () => {
    const ledger = make(1e9, 0xffff_fff0)
    for (let n = 0; n < 70_000; n++) ledger.reflect("a", 1)
    assert.strictEqual(ledger.draw(0, 1e9).length, 65_536)
    for (let n = 1; n < 65_536; n++) assert.strictEqual(typeof ledger.ack((0xffff_fff0 + n) >>> 0), "object")
    assert.deepStrictEqual(ledger.draw(0, 1e9), [])
    ledger.ack(0xffff_fff0)
    assert.deepStrictEqual(tell(ledger.draw(0, 2)), ["65520:a", "65521:a"])
  })

  it("draws again what a cut left un-acked, first and in its order, with new ids", () => {
    const ledger = make()
    for (const value of ["a", "b", "c", "d"]) ledger.reflect(value, 10)
    ledger.draw(0, 3)
    ledger.ack(2)
    assert.deepStrictEqual(ledger.cut(), { ephemerals: [], transactional: [], unbegun: [] })
    ledger.reflect("e", 10)
    assert.strictEqual(ledger.oldestWrittenAt, undefined)
    assert.deepStrictEqual(tell(ledger.draw(5, 9)), ["4:a", "5:c", "6:d", "7:e"])
    assert.strictEqual(ledger.ack(1), undefined, "an ack of the old connection settles nothing")
    assert.strictEqual(ledger.pending, 4)
  })

  it("a cut takes ephemerals that were not written, in line and drawn; those of an earlier draw are gone already", () => {
    const ledger = make()
    assert.isTrue(ledger.ephemeral("e1", 5))
    assert.isTrue(ledger.ephemeral("e2", 5))
    ledger.reflect("a", 10)
    assert.isTrue(ledger.ephemeral("e3", 5))
    assert.deepStrictEqual(tell(ledger.draw(0, 1)), ["1:e1"])
    assert.deepStrictEqual(tell(ledger.draw(0, 1)), ["2:e2"])
    assert.deepStrictEqual(ledger.cut().ephemerals, ["e2", "e3"])
    assert.deepStrictEqual(ledger.cut().ephemerals, [])
    assert.deepStrictEqual(tell(ledger.draw(0, 9)), ["3:a"])
    assert.strictEqual(ledger.weight, 10)
  })
})

describe("giving up", () => {
  it("in line it is not written, written its ack is of no interest, and after a cut it is not written again", () => {
    const ledger = make()
    const [a, b, c] = ["a", "b", "c"].map((value) => ledger.reflect(value, 10))
    ledger.cancel(b!)
    assert.deepStrictEqual(tell(ledger.draw(0, 9)), ["1:a", "2:c"])
    ledger.cancel(a!)
    ledger.cancel(a!)
    assert.strictEqual(ledger.pending, 1)
    assert.strictEqual(ledger.weight, 20, "what was written counts until its ack")
    assert.strictEqual(ledger.ack(1), "Cancelled")
    ledger.cancel(c!)
    ledger.cut()
    assert.deepStrictEqual(tell(ledger.draw(0, 9)), [])
    assert.deepStrictEqual([ledger.pending, ledger.weight], [0, 0])
  })
})

describe("bound", () => {
  it("what fills the line to the last byte fits", () => {
    const ledger = make(100)
    assert.strictEqual(ledger.room("Reflect"), 100)
    assert.strictEqual(ledger.reflect("a", 60).place, "Line")
    assert.strictEqual(ledger.room("Reflect"), 40)
    assert.isTrue(ledger.ephemeral("e", 40))
    assert.strictEqual(ledger.reflect("b", 1).place, "Lobby")
  })

  it("what was given up at the head of the lobby keeps nobody from a line that has room", () => {
    const ledger = make(100)
    ledger.reflect("a", 60)
    ledger.cancel(ledger.reflect("b", 60))
    assert.strictEqual(ledger.reflect("c", 40).place, "Line")
  })

  it("what does not fit waits its turn, in order, even when something smaller behind it would fit", () => {
    const ledger = make(100)
    const places = [60, 60, 10].map((weight, i) => ledger.reflect(`r${i}`, weight))
    assert.deepStrictEqual(
      places.map(({ place }) => place),
      ["Line", "Lobby", "Lobby"]
    )
    assert.isFalse(ledger.ephemeral("e", 1))
    assert.strictEqual(ledger.room("Reflect"), 0)
    assert.deepStrictEqual(tell(ledger.draw(0, 9)), ["1:r0"])
    assert.strictEqual(ledger.pending, 3)
    ledger.ack(1)
    assert.strictEqual(ledger.weight, 70)
    assert.deepStrictEqual(tell(ledger.draw(0, 9)), ["2:r1", "3:r2"])
  })

  it("an entry over the capacity passes alone; one that is given up in the lobby makes way", () => {
    const ledger = make(100)
    ledger.reflect("big", 500)
    const waiting = ledger.reflect("w", 60)
    const behind = ledger.reflect("b", 60)
    ledger.draw(0, 9)
    ledger.cancel(waiting)
    ledger.ack(1)
    assert.strictEqual(behind.place, "Line")
    assert.deepStrictEqual(tell(ledger.draw(0, 9)), ["2:b"])
  })

  it("keeps the lobby's order over a cut", () => {
    const ledger = make(20)
    for (const value of ["a", "b", "c"]) ledger.reflect(value, 20)
    ledger.draw(0, 9)
    ledger.cut()
    const order: Array<string> = []
    for (let i = 0; i < 3; i++) {
      const [item] = ledger.draw(0, 9)
      if (item?._tag === "Reflect") {
        order.push(item.entry.value)
        ledger.ack(item.reflectId)
      }
    }
    assert.deepStrictEqual(order, ["a", "b", "c"])
  })
})

describe("transaction", () => {
  it("shuts out everything else between Begin and Commit", () => {
    const ledger = make()
    ledger.reflect("before", 1)
    ledger.begin("t")
    ledger.reflect("after", 1)
    ledger.ephemeral("typing", 1)
    assert.deepStrictEqual(tell(ledger.draw(0, 9)), ["1:before", "Begin t"])
    assert.isTrue(ledger.inTransaction)
    assert.deepStrictEqual(tell(ledger.draw(0, 9)), [])
    ledger.reflectInTransaction("in", 1)
    assert.deepStrictEqual(tell(ledger.draw(0, 9)), ["2:in"])
    assert.isFalse(ledger.transactionDrained)
    ledger.ack(2)
    assert.isTrue(ledger.transactionDrained)
    ledger.commit("t")
    assert.deepStrictEqual(tell(ledger.draw(0, 9)), ["Commit t", "3:after", "4:typing"])
    assert.isFalse(ledger.inTransaction)
  })

  it("rejected: the line moves on", () => {
    const ledger = make()
    ledger.begin("t")
    ledger.reflect("after", 1)
    ledger.draw(0, 9)
    ledger.rejected()
    assert.deepStrictEqual(tell(ledger.draw(0, 9)), ["1:after"])
  })

  it("withdrawn before it was drawn: it never was", () => {
    const ledger = make()
    const withdraw = ledger.begin("t")
    withdraw()
    ledger.reflect("a", 1)
    assert.deepStrictEqual(tell(ledger.draw(0, 9)), ["1:a"])
  })

  it("a cut loses its reflects, in line and written, and tells of a Begin that was not written", () => {
    const ledger = make()
    ledger.begin("t")
    ledger.draw(0, 9)
    ledger.beginWritten()
    ledger.reflectInTransaction("w", 1)
    ledger.draw(0, 9)
    ledger.reflectInTransaction("l", 1)
    ledger.begin("next")
    ledger.reflect("kept", 1)
    assert.deepStrictEqual(ledger.cut(), { ephemerals: [], transactional: ["w", "l"], unbegun: ["next"] })
    assert.deepStrictEqual(tell(ledger.draw(0, 9)), ["2:kept"])
  })

  it("a cut loses what had no room in it, too, and tells nothing of what was given up or withdrawn", () => {
    const ledger = make(20)
    ledger.begin("t")
    ledger.draw(0, 9)
    ledger.beginWritten()
    const [given, up] = ["w", "l"].map((value) => ledger.reflectInTransaction(value, 10))
    ledger.draw(0, 1)
    ledger.reflectInTransaction("lobby", 20)
    ledger.begin("withdrawn")()
    for (const entry of [given!, up!]) ledger.cancel(entry)
    assert.deepStrictEqual(ledger.cut(), { ephemerals: [], transactional: ["lobby"], unbegun: [] })
  })

  it("a cut tells of a Begin that was drawn and never handed to the connection", () => {
    const ledger = make()
    ledger.begin("t")
    ledger.draw(0, 9)
    assert.deepStrictEqual(ledger.cut(), { ephemerals: [], transactional: [], unbegun: ["t"] })
    assert.deepStrictEqual(ledger.cut().unbegun, [])
    assert.isFalse(ledger.inTransaction)
  })
})

it("stop tells what was never acked, oldest first, the lobby and cut-off writes included", () => {
  const ledger = make(20)
  for (const value of ["a", "b", "c", "d"]) ledger.reflect(value, 10)
  ledger.draw(0, 1)
  ledger.begin("t")
  ledger.ephemeral("e", 0)
  assert.deepStrictEqual(ledger.stop(), ["a", "b", "c", "d"])
  assert.deepStrictEqual([ledger.pending, ledger.weight], [0, 0])
  assert.deepStrictEqual(ledger.stop(), [])
})
