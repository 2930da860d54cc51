import { assert, describe, it } from "@effect/vitest"
import { Tally } from "../src/demo/Tally.ts"

const devices = ["phone", "desktop", "tablet"]

const fresh = (): Tally => {
  const tally = new Tally()
  for (const device of devices) tally.registered(device)
  return tally
}

const reflect = (tally: Tally, from: string, key: string, to: ReadonlyArray<string>): void => {
  tally.sent(from, key)
  tally.acked(from, key)
  for (const device of to) tally.received(device, key)
}

describe("Tally", () => {
  it("is content when everything acked has arrived everywhere", () => {
    const tally = fresh()
    reflect(tally, "phone", "1", ["desktop", "tablet"])
    reflect(tally, "desktop", "2", ["phone", "tablet"])
    const { ok, rows } = tally.verdict()
    assert.isTrue(ok)
    assert.deepStrictEqual(
      rows.map(({ acked, received, sent }) => [sent, acked, received]),
      [
        [1, 1, 1],
        [1, 1, 1],
        [0, 0, 2]
      ]
    )
  })

  it("misses what was acked and did not arrive", () => {
    const tally = fresh()
    reflect(tally, "phone", "1", ["desktop"])
    const { ok, rows } = tally.verdict()
    assert.isFalse(ok)
    assert.strictEqual(rows.find(({ device }) => device === "tablet")?.missing, 1)
    assert.isFalse(tally.complete("tablet"))
    assert.isTrue(tally.complete("desktop"))
  })

  it("misses what was sent and never acked", () => {
    const tally = fresh()
    tally.sent("phone", "1")
    assert.isFalse(tally.verdict().ok)
  })

  it("owes nothing to a device that was dropped, nor to one that came later", () => {
    const tally = new Tally()
    tally.registered("phone")
    tally.registered("tablet")
    reflect(tally, "phone", "1", [])
    tally.dropped("tablet")
    tally.registered("desktop")
    reflect(tally, "phone", "2", ["desktop"])
    assert.isTrue(tally.verdict().ok)
  })

  it("sees two devices disagree about the order", () => {
    const tally = fresh()
    reflect(tally, "phone", "1", ["desktop"])
    reflect(tally, "phone", "2", ["desktop", "tablet"])
    tally.received("tablet", "1")
    const { ok, rows } = tally.verdict()
    assert.isFalse(ok)
    assert.isTrue(rows.some(({ inOrder }) => !inOrder))
  })

  it("counts a repetition once", () => {
    const tally = fresh()
    reflect(tally, "phone", "1", ["desktop", "tablet"])
    tally.received("desktop", "1")
    assert.isTrue(tally.verdict().ok)
    assert.strictEqual(tally.verdict().rows.find(({ device }) => device === "desktop")?.received, 1)
  })
})
