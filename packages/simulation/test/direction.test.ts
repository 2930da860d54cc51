import { assert, describe, it } from "@effect/vitest"
import { type Passage, Direction } from "../src/Direction.ts"
import { Kernel, Machine, Prng } from "../src/index.ts"

const start = 1_000

/** One direction under conditions that can be changed, and what has come out of it when, in ms since the start. */
const makeWay = (conditions: Partial<Passage> = {}) => {
  const prng = Prng.make(1)
  const kernel = new Kernel(prng.fork("order"), start)
  const machine = new Machine(kernel, { name: "network", prng })
  const arrived: Array<readonly [message: string, at: number]> = []
  const set: { stalled: boolean; speed: number; latency: number } = { stalled: false, speed: Infinity, latency: 10 }
  const direction = new Direction<string>(
    machine,
    { latency: () => set.latency, speed: () => set.speed, isStalled: () => set.stalled, ...conditions },
    (messages) => {
      for (const message of messages) arrived.push([message, kernel.now - start])
    }
  )
  const at = (millis: number, act: () => void) => kernel.after(machine, millis, act)
  const play = () => {
    assert.strictEqual(
      kernel.runUntil(() => false, 10_000),
      "Idle"
    )
    return arrived
  }
  return { direction, set, at, play, arrived, since: () => kernel.now - start }
}

describe("a direction", () => {
  it("keeps the order, even when a later message has the shorter way", () => {
    const { at, direction, play, set } = makeWay()
    set.latency = 100
    at(0, () => direction.offer("slow", 1))
    at(1, () => {
      set.latency = 10
      direction.offer("fast", 1)
    })
    assert.deepStrictEqual(play(), [
      ["slow", 100],
      ["fast", 100]
    ])
  })

  it("lets those behind overtake a message that does not hold them up, and nobody else", () => {
    const { at, direction, play } = makeWay()
    at(0, () => direction.offer("before", 1))
    at(1, () => direction.offer("held back", 1, 50, false))
    at(2, () => direction.offer("behind", 1))
    at(100, () => direction.offer("long after", 1))
    assert.deepStrictEqual(play(), [
      ["before", 10],
      ["behind", 12],
      ["held back", 61],
      ["long after", 110]
    ])
  })

  it("carries so many bytes a ms, one message after the other", () => {
    const { at, direction, play, set } = makeWay()
    set.speed = 2
    at(0, () => {
      direction.offer("100 bytes", 100)
      direction.offer("10 bytes", 10)
    })
    at(55, () => {
      set.speed = Infinity
      direction.offer("no limit", 1000)
    })
    assert.deepStrictEqual(play(), [
      ["100 bytes", 60],
      ["10 bytes", 65],
      ["no limit", 65]
    ])
  })

  it("loses nothing while it stands still, and says how much is on the way", () => {
    const { arrived, at, direction, play, set } = makeWay()
    at(0, () => direction.offer("a", 3))
    at(5, () => (set.stalled = true))
    at(20, () => direction.offer("b", 4))
    at(50, () => {
      assert.deepStrictEqual(arrived, [])
      assert.strictEqual(direction.bytes, 7)
      set.stalled = false
      direction.wake()
    })
    at(60, () => assert.strictEqual(direction.bytes, 0))
    assert.deepStrictEqual(play(), [
      ["a", 50],
      ["b", 50]
    ])
  })

  it("asks for its speed only for what has a size", () => {
    let asked = 0
    const speed = () => {
      asked++
      return 1
    }
    const { at, direction, play } = makeWay({ speed })
    at(0, () => direction.offer("one", 1))
    at(1, () => direction.end(() => {}))
    play()
    assert.strictEqual(asked, 1)
  })

  it("asks whether it stands still only when something is to move", () => {
    let asked = 0
    const { at, direction, play } = makeWay({
      isStalled: () => {
        asked++
        return false
      }
    })
    direction.wake()
    direction.wake()
    assert.strictEqual(asked, 0)
    at(0, () => direction.offer("a", 1))
    play()
    assert.isAbove(asked, 0)
  })

  it("ends behind what is on its way, once, and takes nothing more", () => {
    const { at, direction, play, since } = makeWay()
    const ends: Array<number> = []
    at(0, () => {
      direction.offer("last", 1, 40, false)
      direction.end(() => ends.push(since()))
      direction.end(() => ends.push(-1))
      direction.offer("too late", 1)
    })
    assert.deepStrictEqual(play(), [["last", 50]])
    assert.deepStrictEqual(ends, [50])
  })

  it("loses what is on its way, end and all, when it is cut", () => {
    const { at, direction, play } = makeWay()
    at(0, () => {
      direction.offer("lost", 5)
      direction.end(() => assert.fail("it was cut before"))
    })
    at(5, () => direction.cut())
    at(6, () => direction.offer("too late", 5))
    assert.deepStrictEqual(play(), [])
    assert.strictEqual(direction.bytes, 0)
  })
})
