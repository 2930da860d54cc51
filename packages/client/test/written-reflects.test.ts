import { assert, describe, it } from "@effect/vitest"
import { WrittenReflects } from "../src/WrittenReflects.ts"

/** A reproducible sequence of numbers in 0...1. */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

describe("WrittenReflects", () => {
  it("behaves like a map that keeps its order, over the wrap, with ids left out, and from one connection to the next", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const next = random(seed)
      const written = new WrittenReflects<string>()
      const model = new Map<number, string>()
      let id = next() < 0.5 ? 0xffff_ff00 : Math.floor(next() * 1000)
      const rise = 0.35 + next() * 0.4
      for (let turn = 0; turn < 3000; turn++) {
        if (next() < rise) {
          // An ephemeral takes an id, and waits for no ack.
          if (next() < 0.1) id = (id + 1) >>> 0
          assert.isTrue(written.hasRoomFor(id))
          written.add(id, `${id}`)
          model.set(id, `${id}`)
          id = (id + 1) >>> 0
        } else if (next() < 0.005) {
          assert.deepStrictEqual(written.takeAll(), [...model.values()])
          model.clear()
        } else {
          const ids = [...model.keys()]
          const taken = next() < 0.6 ? (ids[0] ?? id) : (id - Math.floor(next() * 60)) >>> 0
          assert.strictEqual(written.take(taken), model.get(taken))
          model.delete(taken)
        }
        assert.strictEqual(written.oldest, model.values().next().value)
      }
      assert.deepStrictEqual(written.takeAll(), [...model.values()])
      assert.strictEqual(written.oldest, undefined)
    }
  })

  it("has no entry for ids that were never added, however near", () => {
    const written = new WrittenReflects<string>()
    assert.strictEqual(written.take(0), undefined)
    written.add(5, "a")
    written.add(7, "b")
    for (const id of [4, 6, 8, 5 + 16, 0xffff_ffff]) assert.strictEqual(written.take(id), undefined)
    assert.deepStrictEqual([written.take(7), written.take(7), written.take(5)], ["b", undefined, "a"])
  })

  it("has room up to 65 536 ids behind the oldest", () => {
    const written = new WrittenReflects<string>()
    assert.isTrue(written.hasRoomFor(0xffff_ffff))
    written.add(0xffff_ffff, "a")
    assert.deepStrictEqual([written.hasRoomFor(0xfffe), written.hasRoomFor(0xffff)], [true, false])
  })
})
