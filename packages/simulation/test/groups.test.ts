import { assert, describe, it } from "@effect/vitest"
import { largestGroup, messageIdOf, run, type Schedule, swarm, type SwarmOptions } from "../src/index.ts"

const groupOf = ({ devices }: Schedule) => new Map(devices.map(({ group, name }) => [name, group]))

const seeds = Array.from({ length: 200 }, (_, seed) => seed)

const drawn = (options: Omit<SwarmOptions, "seed"> = {}) => seeds.map((seed) => swarm({ ...options, seed }))

const groupsOf = ({ devices }: Schedule): number => new Set(devices.map(({ group }) => group)).size

describe("device groups of a world", { timeout: 120_000 }, () => {
  it("are drawn by the seed: mostly one, now and then two or three; as many as are asked for otherwise", () => {
    const counts = [0, 0, 0, 0]
    for (const schedule of drawn()) counts[groupsOf(schedule)]!++
    assert.isAbove(counts[1]!, 120)
    assert.isAbove(counts[2]!, 20)
    assert.isAbove(counts[3]!, 2)
    for (const schedule of drawn({ devices: 7, groups: 3 })) {
      assert.strictEqual(groupsOf(schedule), 3)
      assert.strictEqual(largestGroup(schedule.devices), 3)
    }
    for (const schedule of drawn({ devices: 1 })) assert.strictEqual(groupsOf(schedule), 1)
  })

  it("do not drop each other's devices", () => {
    let drops = 0
    for (const schedule of drawn({ devices: 6, groups: 2, faults: "brutal" })) {
      const groups = groupOf(schedule)
      for (const { device, operation } of schedule.operations) {
        if (operation._tag !== "Drop") continue
        drops++
        assert.strictEqual(groups.get(operation.target), groups.get(device))
      }
    }
    assert.isAbove(drops, 20)
  })

  it("have devices of the same ids, and see nothing of each other", () => {
    const pairs = new Set<string>()
    let handled = 0
    for (let seed = 0; seed < 20; seed++) {
      const schedule = swarm({ seed, devices: 5, groups: 2, duration: 20_000, misbehaving: seed % 2 === 0 })
      const groups = groupOf(schedule)
      const senders = new Map<number, string>()
      const { violation } = run(schedule, {
        prepare: ({ devices }) => {
          for (const { deviceId, spec } of devices.values()) pairs.add(`${spec.group}:${deviceId}`)
        },
        witnesses: [
          (event) => {
            if (event._tag === "Asked" && "count" in event.operation) {
              for (let n = 0; n < event.operation.count; n++) senders.set(event.firstMessage + n, event.device)
            }
            if (event._tag === "Asked" && event.operation._tag === "Ephemeral") {
              senders.set(event.firstMessage, event.device)
            }
            if (event._tag !== "Handling") return
            for (const { content } of event.messages) {
              handled++
              const sender = senders.get(messageIdOf(content)!)!
              assert.strictEqual(groups.get(event.device.split("'")[0]!), groups.get(sender))
            }
          }
        ]
      })
      assert.isUndefined(violation, `seed ${seed}`)
    }
    assert.sameMembers([...pairs], ["0:1", "0:2", "0:3", "1:1", "1:2"])
    assert.isAbove(handled, 200)
  })

  it("with more devices than a mediator has slots by default get as many as they need", () => {
    for (const count of [9, 20]) {
      const schedule = swarm({ seed: 1, devices: count, groups: 1, duration: 20_000, faults: "none" })
      const { tally, violation } = run(schedule)
      assert.isUndefined(violation)
      assert.isFalse([...tally.states].some((state) => state.includes("SlotsExhausted")))
    }
    // Only the seed takes them away.
    const slots = drawn({ devices: 12, groups: 1 }).map(({ conditions }) => conditions.mediator.maxDeviceSlots)
    assert.sameMembers([...new Set(slots)], [11, 12])
  })
})
