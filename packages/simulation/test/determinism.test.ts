import { assert, describe, it } from "@effect/vitest"
import { run, swarm } from "../src/index.ts"

describe("a run", () => {
  it("is the same again under the same seed, faults and all", () => {
    for (let seed = 0; seed < 12; seed++) {
      const options = { seed, duration: 20_000, faults: "brutal" } as const
      const [first, second] = [run(swarm(options)), run(swarm(options))]
      assert.strictEqual(first.digest, second.digest, `seed ${seed}`)
      assert.strictEqual(first.steps, second.steps, `seed ${seed}`)
    }
  })

  it("is another one under another seed", () => {
    const digests = Array.from({ length: 12 }, (_, seed) => run(swarm({ seed, duration: 5_000 })).digest)
    assert.strictEqual(new Set(digests).size, digests.length)
  })
})
