import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import {
  type OracleMaker,
  ownerOf,
  run,
  type RunOptions,
  type Schedule,
  ScheduleJson,
  shrink,
  type Shrunk,
  Simulation,
  swarm
} from "../src/index.ts"

/** Takes offence when a device commits a transaction after it was reset and the mediator restarted. */
const grudge: OracleMaker = {
  name: "grudge",
  make: (report) => {
    const reset = new Set<string>()
    let hasRestarted = false
    return {
      see: (event) => {
        if (event._tag === "Fault" && event.phase === "Fired") {
          if (event.kind === "Reset" && event.device !== undefined) reset.add(event.device)
          if (event.kind === "MediatorRestart") hasRestarted = true
        }
        if (event._tag !== "Answered" || event.operation._tag !== "Transaction" || event.answer._tag !== "Done") return
        if (!hasRestarted || !reset.has(event.device)) return
        report({ rule: "no transaction afterwards", device: event.device, found: "one", expected: "none" })
      }
    }
  }
}

/** Takes offence when a device is given several messages at once after it was paused. */
const haste: OracleMaker = {
  name: "haste",
  make: (report) => {
    const paused = new Set<string>()
    return {
      see: (event) => {
        if (event._tag === "Machine" && event.change === "Paused") paused.add(event.device)
        if (event._tag !== "Handling" || event.messages.length < 2 || !paused.has(event.device)) return
        report({ rule: "one at a time", device: event.device, found: `${event.messages.length}`, expected: "1" })
      }
    }
  }
}

const planted: ReadonlyArray<
  readonly [OracleMaker, expected: { operations: number; faults: number; devices: number }]
> = [
  [grudge, { operations: 1, faults: 2, devices: 1 }],
  // Either two reflects, or one of two messages; somebody sends, and somebody gets them.
  [haste, { operations: 2, faults: 1, devices: 2 }]
]

/** The first seed of brutal ones whose run the oracle objects to. */
const failing = (oracle: OracleMaker): Schedule => {
  for (let seed = 0; ; seed++) {
    const schedule = swarm({ seed, faults: "brutal" })
    if (run(schedule, { oracles: [oracle] }).violation?.oracle === oracle.name) return schedule
  }
}

const breaks = (schedule: Schedule, options: RunOptions, rule: string): boolean =>
  run(schedule, options).violation?.rule === rule

/** Every schedule that lacks one operation, one fault, or one device of this one, with all that it takes part in. */
const smallerBy1 = (schedule: Schedule): ReadonlyArray<Schedule> => {
  const but = <A>(list: ReadonlyArray<A>, index: number) => list.filter((_, at) => at !== index)
  return [
    ...schedule.operations.map((_, index) => ({ ...schedule, operations: but(schedule.operations, index) })),
    ...schedule.faults.map((_, index) => ({ ...schedule, faults: but(schedule.faults, index) })),
    ...schedule.devices.map(({ name }) => ({
      ...schedule,
      devices: schedule.devices.filter((device) => device.name !== name),
      operations: schedule.operations.filter(
        ({ device, operation }) => device !== name && !(operation._tag === "Drop" && operation.target === name)
      ),
      faults: schedule.faults.filter(({ fault }) => !("device" in fault) || ownerOf(fault.device) !== name)
    }))
  ]
}

describe("shrinking", { timeout: 180_000 }, () => {
  for (const [oracle, expected] of planted) {
    it(`leaves what it takes to offend ${oracle.name}, and nothing else`, () => {
      const options = { oracles: [oracle] }
      const large = failing(oracle)
      assert.isAbove(large.operations.length + large.faults.length, 20)
      const { isMinimal, result, schedule } = shrink(large, options) as Shrunk
      assert.isTrue(isMinimal)
      const { devices, faults, operations } = schedule
      assert.isAtMost(operations.length, expected.operations)
      assert.strictEqual(faults.length, expected.faults)
      assert.strictEqual(devices.length, expected.devices)
      const rule = schedule.violates!.rule
      assert.strictEqual(schedule.violates!.oracle, oracle.name)
      assert.strictEqual(result.violation.rule, rule)
      for (const smaller of smallerBy1(schedule)) assert.isFalse(breaks(smaller, options, rule))
    })
  }

  const large = failing(grudge)
  const options = { oracles: [grudge] }
  const small = shrink(large, options) as Shrunk

  it("leaves nothing out of the ordinary, no long waits, and no long messages", () => {
    const { conditions, devices, duration, operations } = small.schedule
    assert.deepInclude(conditions, { preempt: 0, crypto: "bulk", storeLatency: 0, diskLatency: 0, mediator: {} })
    assert.deepInclude(devices[0], { joinsAt: 0, skew: 0, chats: false, expiration: "Persistent", exhausted: "Reject" })
    assert.deepInclude(operations[0]!.operation, { count: 1, bytes: 0, pause: 0, ttl: 0, fails: false })
    assert.isBelow(duration, 20_000)
  })

  it("gives a schedule that a file can hold, and that replays to the same digest", () => {
    const text = Schema.encodeSync(ScheduleJson)(small.schedule)
    const back = Schema.decodeSync(ScheduleJson)(text)
    assert.deepStrictEqual(back, small.schedule)
    const again = run(back, options)
    assert.strictEqual(again.digest, small.result.digest)
    assert.deepStrictEqual(again.violation, small.result.violation)
  })

  it("comes out the same each time", () => {
    assert.deepStrictEqual(shrink(large, options)?.schedule, small.schedule)
  })

  it("gives the smallest so far when its runs are used up, or it is told that it is over", () => {
    const soon = shrink(large, { ...options, runs: 20 }) as Shrunk
    assert.isAtMost(soon.runs, 20)
    assert.isFalse(soon.isMinimal)
    assert.isTrue(breaks(soon.schedule, options, small.schedule.violates!.rule))
    const atOnce = shrink(large, { ...options, isOver: () => true }) as Shrunk
    assert.strictEqual(atOnce.runs, 1)
    assert.deepStrictEqual(atOnce.schedule, { ...large, violates: small.schedule.violates! })
  })

  it("ends in the middle of a run when it is told that it is over, and asks no more", () => {
    let events = 0
    let told = 0
    const counting = { ...options, witnesses: [() => void events++] }
    run(large, counting)
    const [one] = [events, (events = 0)]
    const isOver = () => events > 1.2 * one && ++told > 0
    const cut = shrink(large, { ...counting, isOver }) as Shrunk
    assert.isAbove(cut.runs, 1)
    assert.isFalse(cut.isMinimal)
    assert.isBelow(events, 1.5 * one)
    // By the run, and by the search.
    assert.strictEqual(told, 2)
  })

  it("ends in the middle of a run in which no time passes", () => {
    let turns = 0
    const spin: RunOptions["program"] = () =>
      Effect.forever(
        Effect.andThen(
          Effect.yieldNow,
          Effect.sync(() => void turns++)
        )
      )
    const endless: RunOptions = { program: spin, maxSteps: 60_000, oracles: [] }
    const schedule = swarm({ seed: 1, duration: 2_000, faults: "none" })
    run(schedule, endless)
    const [one] = [turns, (turns = 0)]
    const cut = shrink(schedule, { ...endless, isOver: () => turns > 1.2 * one }) as Shrunk
    assert.strictEqual(cut.schedule.violates!.rule, "the world comes to an end")
    assert.isAbove(cut.runs, 1)
    assert.isBelow(turns, 1.3 * one)
  })

  it("gives no verdict on a run that is over too soon", () => {
    const { isComplete, violation } = run(large, { ...options, isOver: () => true })
    assert.deepStrictEqual([isComplete, violation], [false, undefined])
    const whole = run(large, { ...options, isOver: () => false })
    assert.deepStrictEqual([whole.isComplete, whole.digest], [true, run(large, options).digest])
  })

  it("takes what is done to a device away with it", () => {
    const late = { at: 10, fault: { _tag: "Stall", device: "tablet", ways: ["up"], lasts: 5 } } as const
    const base = swarm({ seed: 1, duration: 10_000, faults: "none" })
    const devices = base.devices.map((device) => ({ ...device, joinsAt: device.name === "tablet" ? 9_000 : 0 }))
    const schedule = { ...base, devices, operations: [], faults: [late] }
    const eager: OracleMaker = {
      name: "eager",
      make: (report) => ({
        see: ({ _tag, at }) => {
          if (_tag !== "Opened" || at > Simulation.newYear2026 + 5_000) return
          report({ rule: "nobody connects", device: undefined, found: "one", expected: "none" })
        }
      })
    }
    // The first run, and one in which only what comes too late is gone.
    const cut = shrink(schedule, { oracles: [eager], runs: 2 }) as Shrunk
    assert.strictEqual(cut.runs, 2)
    assert.deepStrictEqual([cut.schedule.devices.length, cut.schedule.faults], [2, []])
  })

  it("gives nothing when no rule is broken", () => {
    assert.isUndefined(shrink(swarm({ seed: 1, duration: 2_000, faults: "none" }), { oracles: [] }))
  })

  it("makes a refusal of the upgrade ask for no longer than it takes", () => {
    const patience: OracleMaker = {
      name: "patience",
      make: (report) => ({
        see: (event) => {
          if (event._tag !== "DialFailed" || (event.refusal?.retryAfter ?? 0) < 3_000) return
          report({ rule: "nobody is sent away", device: event.device, found: event.why, expected: "a welcome" })
        }
      })
    }
    const fault = { _tag: "RefuseUpgrade", device: "phone", status: 429, retryAfter: 47_000, lasts: 9_000 } as const
    const base = swarm({ seed: 1, duration: 10_000, faults: "none" })
    const shrunk = shrink({ ...base, faults: [{ at: 0, fault }] }, { oracles: [patience] }) as Shrunk
    const [left] = shrunk.schedule.faults
    assert.isTrue(left?.fault._tag === "RefuseUpgrade")
    if (left?.fault._tag !== "RefuseUpgrade") return
    assert.isAtLeast(left.fault.retryAfter, 3_000)
    assert.isBelow(left.fault.retryAfter, 6_000)
    assert.match(shrunk.result.violation.found, /^HTTP 429, to be left alone for \d+ ms$/)
  })

  it("names a frame that a mediator misbehaves with only where it takes one", () => {
    const trust: OracleMaker = {
      name: "trust",
      make: (report) => ({
        see: (event) => {
          if (event._tag !== "Fault" || event.kind !== "Misbehave" || event.phase !== "Begun") return
          report({ rule: "nobody misbehaves", device: event.device, found: event.detail ?? "", expected: "nothing" })
        }
      })
    }
    const fault = { _tag: "Misbehave", device: "phone", how: "LoseAcks", count: 7, frame: "DevicesInfo" } as const
    const base = swarm({ seed: 1, duration: 10_000, faults: "none" })
    const shrunk = shrink({ ...base, faults: [{ at: 0, fault }] }, { oracles: [trust] }) as Shrunk
    const { frame: _, ...ofReflects } = fault
    assert.deepStrictEqual(shrunk.schedule.faults[0]!.fault, { ...ofReflects, count: 1 })
  })

  it("does not take another defect for the one it has", () => {
    const twoMinds: OracleMaker = {
      name: "two minds",
      make: () => ({
        see: (event) => {
          if (event._tag !== "Fault" || event.phase !== "Begun") return
          if (event.kind === "Pause") throw new Error("the one")
          if (event.kind === "Reset") throw new Error("the other")
        }
      })
    }
    const fault = (at: number, _tag: "Pause" | "Reset") =>
      ({ at, fault: _tag === "Pause" ? { _tag, device: "phone", lasts: 5 } : { _tag, device: "phone" } }) as const
    const base = swarm({ seed: 1, duration: 10_000, faults: "none" })
    const schedule = { ...base, faults: [fault(3_000, "Pause"), fault(4_000, "Reset")] }
    const shrunk = shrink(schedule, { oracles: [twoMinds] }) as Shrunk
    assert.deepStrictEqual(
      shrunk.schedule.faults.map(({ fault }) => fault._tag),
      ["Pause"]
    )
    assert.include(shrunk.result.violation.found, "the one")
  })
})
