import { assert, describe, it } from "@effect/vitest"
import { append, find, forEach, makePositionQueue, take } from "../src/PositionQueue.ts"
import { makeQueue, nextPosition, nextPositions, push, remove } from "../src/ReflectionQueue.ts"
import { positionOf, reflectedIdOf } from "../src/State.ts"

/** A reproducible sequence of numbers in 0...1. */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

describe("PositionQueue", () => {
  it("finds, takes and tells what is there, in any order of taking", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const next = random(seed)
      const queue = makePositionQueue<string>()
      const model = new Map<number, string>()
      let last = 0
      const keepsHead = seed % 4 === 0
      for (let turn = 0; turn < 6000; turn++) {
        if (next() < 0.5) {
          last += 1 + Math.floor(next() * 3)
          append(queue, last, `${last}`)
          model.set(last, `${last}`)
        } else {
          const head = model.keys().next().value
          const position = next() < 0.5 ? (head ?? 1) : Math.floor(next() * (last + 2))
          assert.strictEqual(find(queue, position), model.get(position))
          if (keepsHead && position === head) continue
          assert.strictEqual(take(queue, position), model.get(position))
          model.delete(position)
        }
      }
      const told: Array<[number, string]> = []
      forEach(queue, (position, value) => told.push([position, value]))
      assert.deepStrictEqual(told, [...model])
    }
  })
})

it("an empty PositionQueue holds nothing of what was in it, and little room", () => {
  for (const count of [1, 16, 17, 10_000]) {
    const queue = makePositionQueue<string>()
    for (let position = 1; position <= count; position++) append(queue, position, "waits")
    for (let position = count; position >= 1; position--) take(queue, position)
    assert.isTrue(queue.values.every((value) => value === undefined))
    assert.isAtMost(queue.values.length, 16)
    append(queue, count + 1, "next")
    assert.strictEqual(find(queue, count + 1), "next")
  }
})

describe("ReflectionQueue", () => {
  it("behaves like a sorted map under random pushes and removals", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const next = random(seed)
      const queue = makeQueue()
      const model = new Map<number, number>()
      let last = 0
      // Some runs never remove the head: what follows it must still be given back.
      const keepsHead = seed % 4 === 0
      for (let turn = 0; turn < 6000; turn++) {
        if (next() < 0.55) {
          last += 1 + Math.floor(next() * 3)
          const size = Math.floor(next() * 100)
          push(queue, last, size)
          model.set(last, size)
        } else {
          const candidate = next() < 0.5 ? (model.keys().next().value ?? 1) : Math.floor(next() * (last + 2))
          if (keepsHead && candidate === model.keys().next().value) continue
          assert.strictEqual(remove(queue, candidate), model.delete(candidate))
        }
        assert.strictEqual(queue.length, model.size)
        if (turn % 500 === 0) {
          const from = Math.floor(next() * (last + 2))
          const expected = [...model.keys()].filter((position) => position >= from)
          assert.strictEqual(nextPosition(queue, from), expected[0])
          assert.deepStrictEqual(nextPositions(queue, from, Infinity, Infinity, Infinity), expected)
          assert.deepStrictEqual(
            nextPositions(queue, from, from + 50, Infinity, Infinity),
            expected.filter((position) => position < from + 50)
          )
        }
      }
      assert.strictEqual(
        queue.bytes,
        [...model.values()].reduce((sum, size) => sum + size, 0)
      )
      assert.isBelow(queue.positions.length, 2 * queue.length + 1100)
    }
  })

  it("hands out at most so many messages and bytes, but always one", () => {
    const queue = makeQueue([1, 2, 5, 6], [10, 10, 500, 1])
    assert.deepStrictEqual(nextPositions(queue, 1, Infinity, 3, 1000), [1, 2, 5])
    assert.deepStrictEqual(nextPositions(queue, 1, Infinity, 9, 20), [1, 2])
    assert.deepStrictEqual(nextPositions(queue, 3, Infinity, 9, 20), [5])
    assert.deepStrictEqual(nextPositions(queue, 7, Infinity, 9, 20), [])
  })

  it("refuses positions that do not ascend", () => {
    const queue = makeQueue([4], [1])
    assert.throws(() => push(queue, 4, 1))
  })
})

describe("positions and ids", () => {
  it("wrap past 0xffffffff to 0 and back to the latest position with that id", () => {
    assert.strictEqual(reflectedIdOf(0xffff_ffff), 0xffff_ffff)
    assert.strictEqual(reflectedIdOf(0x1_0000_0000), 0)
    assert.strictEqual(reflectedIdOf(0x1_0000_0001), 1)
    for (const last of [1, 5, 0xffff_fffe, 0x1_0000_0003, 0x7_ffff_ffff]) {
      for (const back of [0, 1, 4, 1000]) {
        const position = last - back
        if (position < 1) continue
        assert.strictEqual(positionOf(reflectedIdOf(position), last), position)
      }
    }
    assert.isBelow(positionOf(6, 5), 1)
  })
})
