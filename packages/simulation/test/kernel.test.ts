import { assert, describe, it } from "@effect/vitest"
import { Kernel, Machine, Prng, type Timer } from "../src/index.ts"

const makeKernel = (seed = 1) => {
  const prng = Prng.make(seed)
  const kernel = new Kernel(prng.fork("order"), 0)
  return { kernel, machine: new Machine(kernel, { name: "machine", prng }), prng }
}

const untilIdle = (kernel: Kernel) =>
  assert.strictEqual(
    kernel.runUntil(() => false, 100_000),
    "Idle"
  )

describe("a timer", () => {
  it("does not fire when it has been cancelled, not even by one of the same time", () => {
    for (let seed = 0; seed < 20; seed++) {
      const { kernel, machine } = makeKernel(seed)
      const fired: Array<string> = []
      const timers: Array<Timer> = []
      for (const name of ["a", "b"]) {
        timers.push(
          kernel.after(machine, 10, () => {
            fired.push(name)
            for (const timer of timers) kernel.cancel(timer)
          })
        )
      }
      untilIdle(kernel)
      assert.lengthOf(fired, 1)
    }
  })

  it("may be cancelled after it has fired, and twice, without a trace", () => {
    const { kernel, machine } = makeKernel()
    let fired = 0
    const early = kernel.after(machine, 1, () => fired++)
    const never = kernel.after(machine, 2, () => fired++)
    kernel.cancel(never)
    kernel.cancel(never)
    kernel.after(machine, 3, () => kernel.cancel(early))
    kernel.after(machine, 4, () => fired++)
    untilIdle(kernel)
    assert.strictEqual(fired, 2)
    assert.strictEqual(kernel.now, 4)
  })

  it("costs no time when it is cancelled: the world is idle before it", () => {
    const { kernel, machine } = makeKernel()
    kernel.cancel(kernel.after(machine, 1_000_000, () => {}))
    untilIdle(kernel)
    assert.strictEqual(kernel.now, 0)
  })

  it("fires at its time whatever was swept away around it", () => {
    // A model: what is set and not cancelled fires, in the order of its times.
    for (let seed = 0; seed < 10; seed++) {
      const { kernel, machine, prng } = makeKernel(seed)
      const fired: Array<number> = []
      const expected = new Map<Timer, number>()
      const live: Array<Timer> = []
      for (let n = 0; n < 3_000; n++) {
        const at = prng.below(5_000)
        const timer = kernel.after(machine, at, () => {
          assert.strictEqual(kernel.now, at)
          fired.push(at)
        })
        expected.set(timer, at)
        live.push(timer)
        // Most are cancelled, so that the heap is swept several times.
        while (live.length > 100) {
          const [cancelled] = live.splice(prng.below(live.length), 1)
          kernel.cancel(cancelled!)
          expected.delete(cancelled!)
        }
      }
      untilIdle(kernel)
      const model = [...expected.values()].sort((a, b) => a - b)
      assert.deepStrictEqual(fired, model)
      assert.lengthOf(fired, 100)
    }
  })

  it("keeps count of the cancelled when they surface by themselves, in between sweeps", () => {
    const { kernel, machine, prng } = makeKernel()
    let fired = 0
    let set = 0
    const step = (): void => {
      for (let n = 0; n < 20; n++) {
        const timer = kernel.after(machine, 1 + prng.below(40), () => fired++)
        if (prng.below(10) < 8) kernel.cancel(timer)
        else set++
      }
      if (kernel.now < 2_000) kernel.after(machine, 5, step)
    }
    step()
    untilIdle(kernel)
    assert.isAbove(set, 1_000)
    assert.strictEqual(fired, set)
  })
})

describe("a machine", () => {
  it("does what has become due while it was paused once it goes on, and nothing once it is dead", () => {
    const { kernel, machine, prng } = makeKernel()
    const nature = new Machine(kernel, { name: "nature", prng })
    const done: Array<readonly [string, number]> = []
    const due = (name: string) => () => void done.push([name, kernel.now])
    kernel.after(machine, 10, due("on time"))
    kernel.after(machine, 30, due("held"))
    kernel.after(machine, 31, due("held"))
    kernel.after(machine, 70, due("never"))
    kernel.after(nature, 20, () => machine.pause())
    kernel.after(nature, 50, () => machine.resume())
    kernel.after(nature, 60, () => machine.kill())
    untilIdle(kernel)
    assert.deepStrictEqual(done, [
      ["on time", 10],
      ["held", 50],
      ["held", 50]
    ])
  })
})
