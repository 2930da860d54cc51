import { assert, describe, it } from "@effect/vitest"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { run, swarm } from "../src/index.ts"

V8.setFlagsFromString("--expose-gc")
const collect = Vm.runInNewContext("gc") as (options?: { readonly type: "minor" }) => void

const oldSpaces = new Set(["old_space", "trusted_space", "large_object_space"])

/** Bytes that only a major collection gives back. */
const kept = (): number =>
  V8.getHeapSpaceStatistics()
    .filter(({ space_name }) => oldSpaces.has(space_name))
    .reduce((sum, { space_used_size }) => sum + space_used_size, 0)

describe("a world that is over", () => {
  it("is taken by a small collection, but for a trifle", () => {
    const worlds = 100
    const runAll = () => {
      for (let seed = 0; seed < worlds; seed++) {
        run(swarm({ seed, devices: 1, faults: "none", workload: () => [], duration: 1000 }))
      }
    }
    runAll()
    collect()
    const before = kept()
    runAll()
    // What outlives two of them is taken for old.
    collect({ type: "minor" })
    collect({ type: "minor" })
    // A generator function or a stream that each device makes anew keeps all of its world, some 150 KiB.
    assert.isBelow((kept() - before) / worlds, 50_000)
  })
})
