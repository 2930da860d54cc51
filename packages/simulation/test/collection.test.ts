import { assert, describe, it } from "@effect/vitest"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { run, type Schedule, swarm, type WorldEvent } from "../src/index.ts"

V8.setFlagsFromString("--expose-gc")
const collect = Vm.runInNewContext("gc") as (options?: { readonly type: "minor" }) => void

const oldSpaces = new Set(["old_space", "trusted_space", "large_object_space"])

/** Bytes that only a major collection gives back. */
const kept = (): number =>
  V8.getHeapSpaceStatistics()
    .filter(({ space_name }) => oldSpaces.has(space_name))
    .reduce((sum, { space_used_size }) => sum + space_used_size, 0)

/** What a world keeps for longer than it should, on average. */
const keptByEach = (schedules: ReadonlyArray<Schedule>): number => {
  const runAll = () => {
    for (const schedule of schedules) run(schedule)
  }
  runAll()
  collect()
  const before = kept()
  runAll()
  // What outlives two of them is taken for old.
  collect({ type: "minor" })
  collect({ type: "minor" })
  return (kept() - before) / schedules.length
}

const seeds = Array.from({ length: 100 }, (_, seed) => seed)

/** A device that chats until it crashes, and once it is back. */
const chatty = (seed: number): Schedule => {
  const { devices, ...rest } = swarm({ seed, devices: 1, faults: "none", workload: () => [], duration: 5000 })
  const device = devices[0]!
  return {
    ...rest,
    devices: [{ ...device, chats: true }],
    faults: [
      { at: 2000, fault: { _tag: "Crash", device: device.name, downFor: 500, withoutStorage: false, isTold: false } }
    ]
  }
}

describe("a world that is over", () => {
  it("is taken by a small collection, but for a trifle", () => {
    const schedules = seeds.map((seed) =>
      swarm({ seed, devices: 1, faults: "none", workload: () => [], duration: 1000 })
    )
    // A generator function or a stream that each device makes anew keeps all of its world, some 150 KiB.
    assert.isBelow(keptByEach(schedules), 50_000)
  })

  it("is taken with its chats, whether they have ended, go on, or were cut off by a crash", () => {
    assert.isBelow(keptByEach(seeds.map(chatty)), 100_000)
  })

  it("shows nothing any more, not what ends with it", () => {
    const seen: Array<WorldEvent> = []
    run(chatty(1), { witnesses: [(event) => seen.push(event)] })
    assert.isTrue(seen.some(({ _tag }) => _tag === "ChatBegun"))
    assert.deepInclude(seen.at(-1), { _tag: "Phase", phase: "Over" })
  })
})
