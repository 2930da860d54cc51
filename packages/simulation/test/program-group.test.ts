import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Program, programSchedule, runProgram, type Schedule } from "../src/index.ts"
import { item } from "./programs.ts"

const schedule = (change: Partial<Schedule> = {}): Schedule => ({
  ...programSchedule(1, { devices: ["phone", "desktop"], faults: "none", duration: 20_000 }),
  ...change
})

const played = (program: Program, world = schedule()) => runProgram(world, program)

describe("a device that joins the group of a program", () => {
  it("has its place when it has been waited for, the same handler, and sees what is said from then on", () => {
    const made: Array<string> = []
    const seen: Array<string> = []
    const { violation } = played((group) =>
      Effect.gen(function* () {
        group.onReflected((name) => {
          made.push(name)
          return (batch) => Effect.sync(() => void seen.push(...batch.map(() => name)))
        })
        yield* group.joined
        yield* group.on("phone", (device) => device.reflect(item("before")))
        yield* group.settled
        yield* group.addDevice("tablet", { chats: true, skew: 5_000 })
        assert.strictEqual(yield* group.on("tablet", ({ devices }) => Effect.map(devices, ({ size }) => size)), 3)
        yield* group.on("phone", (device) => device.reflect(item("after")))
        yield* group.settled
      })
    )
    assert.isUndefined(violation)
    assert.sameMembers(made, ["phone", "desktop", "tablet"])
    assert.sameMembers(seen, ["desktop", "desktop", "tablet"])
  })

  it("joins whatever goes wrong meanwhile", () => {
    for (let seed = 0; seed < 40; seed++) {
      const drawn = programSchedule(seed, { devices: ["phone", "desktop"], faults: "brutal", duration: 20_000 })
      const { violation } = played(
        (group) =>
          Effect.gen(function* () {
            yield* Effect.sleep("2 seconds")
            yield* group.addDevice("tablet")
            const crash = {
              _tag: "Crash",
              device: "tablet",
              downFor: 500,
              withoutStorage: false,
              isTold: false
            } as const
            yield* Effect.forkChild(group.strike(crash))
            yield* group.on("tablet", (device) => device.reflect(item("hello")))
            yield* group.settled
          }),
        drawn
      )
      assert.isUndefined(violation, `seed ${seed}`)
    }
  })

  const wrong: ReadonlyArray<readonly [name: string, found: RegExp]> = [
    ["phone", /InvalidSchedule: invalid schedule: two devices have the name phone/],
    ["mediator", /InvalidSchedule: invalid schedule: "mediator" is the name of the mediator.*at name/s],
    ["", /InvalidSchedule: invalid schedule: a device needs a name/]
  ]
  for (const [name, found] of wrong) {
    it(`is none if it is called ${JSON.stringify(name)}`, () => {
      assert.match(played((group) => group.addDevice(name)).violation!.found, found)
    })
  }

  it("is waited for in vain where the group is full", () => {
    const world = schedule()
    const { conditions } = world
    const { violation } = played((group) => Effect.andThen(group.joined, group.addDevice("tablet")), {
      ...world,
      conditions: { ...conditions, mediator: { ...conditions.mediator, maxDeviceSlots: 2 } }
    })
    assert.strictEqual(violation!.rule, "once faults are over, everything comes to rest")
    assert.strictEqual(violation!.found, "tablet has not joined the group")
  })
})

describe("what a program owes", () => {
  it("is waited for by settled and by the run, even when the program is over", () => {
    const owed = new Set(["one", "two"])
    const order: Array<string> = []
    const { elapsed, violation } = played((group) =>
      Effect.gen(function* () {
        group.owes(() => (owed.has("one") ? "the first" : undefined))
        group.owes(() => (owed.has("two") ? "the second" : undefined))
        yield* group.joined
        group.world.after(60_000, () => {
          owed.delete("one")
          order.push("one")
        })
        group.world.after(90_000, () => {
          owed.delete("two")
          order.push("two")
        })
        yield* group.settled
        order.push("settled")
        owed.add("two")
        group.world.after(30_000, () => owed.delete("two"))
      })
    )
    assert.isUndefined(violation)
    assert.deepStrictEqual(order, ["one", "two", "settled"])
    assert.isAbove(elapsed, 120_000)
  })

  it("breaks a rule when it takes too long, in the program's own words", () => {
    const { violation } = played((group) =>
      Effect.andThen(
        group.joined,
        Effect.sync(() => group.owes(() => "the list of the phone has 3 of 4 things"))
      )
    )
    assert.strictEqual(violation!.rule, "once faults are over, everything comes to rest")
    assert.strictEqual(violation!.found, "the list of the phone has 3 of 4 things")
  })

  it("is forgotten from one run to the next", () => {
    let runs = 0
    const program: Program = (group) =>
      Effect.suspend(() => {
        if (runs++ === 0) group.owes(() => "something")
        return group.joined
      })
    assert.isDefined(played(program).violation)
    assert.isUndefined(played(program).violation)
  })
})
