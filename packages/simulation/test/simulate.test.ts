import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schema } from "effect"
import {
  InvalidSchedule,
  type Label,
  Misbehaviour,
  type Program,
  programSchedule,
  replay,
  runProgram,
  type Schedule,
  shrink,
  simulate,
  type SimulateOptions,
  SimulationFailed
} from "../src/index.ts"
import { programRun } from "../src/Program.ts"
import { it as simulated } from "../src/vitest.ts"
import { counter, item, shoppingList, silence, two, violationOf, world } from "./programs.ts"

describe("a program in a simulated world", { timeout: 180_000 }, () => {
  simulated.simulate("a shopping list is the same everywhere in the end", shoppingList, { seeds: 30 })

  simulated.simulate("and among more devices than a mediator has slots for by default", shoppingList, {
    seeds: 2,
    devices: 10,
    conditions: { mediator: { deliveryMessages: 4 } }
  })

  simulated.simulate("and with a mediator that misbehaves", shoppingList, { seeds: 30, misbehaving: true })

  it.effect("does not begin where names are none, or conditions", () =>
    Effect.gen(function* () {
      const begun: Array<number> = []
      const program: Program = ({ seed }) => Effect.sync(() => begun.push(seed))
      const options: ReadonlyArray<SimulateOptions> = [
        { devices: ["Ann", "Ann's phone"] },
        { devices: ["phone", "phone"] },
        { conditions: { mediator: { maxDeviceSlots: -3 } } }
      ]
      for (const wrong of options) {
        const error = yield* Effect.flip(simulate(program, { ...wrong, seeds: 1 }))
        assert.strictEqual(error._tag, "InvalidSimulateOptions")
      }
      assert.deepStrictEqual(begun, [])
    })
  )

  it.effect("is run under as many seeds as were asked for, from the first one on", () =>
    Effect.gen(function* () {
      const seeds: Array<number> = []
      const program: Program = ({ seed }) => Effect.sync(() => seeds.push(seed))
      const summary = yield* simulate(program, { ...two, seeds: 3, seed: 7, duration: 1_000 })
      assert.deepStrictEqual(seeds, [7, 8, 9])
      assert.strictEqual(summary.seeds, 3)
      assert.isAbove(summary.frames, 10)
    })
  )

  it.effect("that makes what its own schema does not allow is told why", () =>
    Effect.gen(function* () {
      const Note = Schema.Struct({ revision: Schema.Natural })
      const program: Program = () => Effect.sync(() => Note.make({ revision: -1 }))
      const failure = yield* Effect.flip(simulate(program, { ...two, seeds: 1, faults: "none" }))
      assert.ok(failure._tag === "SimulationFailed")
      assert.match(failure.found, /^Error: Schema validation failed: Expected a value .* at \["revision"\]$/)
    })
  )

  it.effect("that is wrong fails with the seed, few faults, and the story; and again when it is replayed", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(simulate(counter, two))
      assert.ok(failure._tag === "SimulationFailed")
      assert.deepInclude(failure, { _tag: "SimulationFailed", oracle: "program", rule: "the program succeeds" })
      assert.include(failure.found, "to equal 10")
      const { cause } = failure
      assert.instanceOf(cause, Error)
      assert.propertyVal(cause, "expected", 10)
      assert.include(cause.stack, "programs.ts")
      const { faults } = failure.schedule
      assert.isAtLeast(faults.length, 1)
      assert.isAtMost(faults.length, 3)
      for (const text of [`seed ${failure.seed} `, failure.digest, JSON.stringify(faults[0]), "broken: program"]) {
        assert.include(failure.message, text)
      }
      const drawn = programSchedule(failure.seed, two)
      assert.isAbove(drawn.faults.length, faults.length)
      assert.strictEqual(runProgram(failure.schedule, counter, two).digest, failure.digest)
      const other = new SimulationFailed({ ...failure, schedule: { ...failure.schedule, seed: 7_926 } })
      assert.match(other.message, new RegExp(`digest    ${failure.digest}, of .* under seed 7926\\n`))

      const again = yield* Effect.flip(replay(failure.schedule, counter, two))
      assert.ok(again._tag === "SimulationFailed")
      assert.strictEqual(again.found, failure.found)
      // What is right is right in that world as well.
      yield* replay(failure.schedule, shoppingList, two)
      // Without one it would be another run, in which nothing happens.
      const alone = yield* Effect.flip(replay(failure.schedule))
      assert.deepInclude(alone, { _tag: "ScheduleNotReplayable" })
    })
  )

  it("does on a device what the device's crash has cut short, once it is back", () => {
    let tries = 0
    const program: Program = (group) =>
      Effect.gen(function* () {
        yield* group.joined
        yield* group.on("phone", (device) =>
          Effect.gen(function* () {
            tries++
            yield* Effect.sleep("5 seconds")
            yield* device.reflect(item("done"))
          })
        )
      })
    const crash = { _tag: "Crash", device: "phone", downFor: 3_000, withoutStorage: false, isTold: true } as const
    assert.isUndefined(violationOf(program, world([{ at: 4_000, fault: crash }])))
    assert.strictEqual(tries, 2)
  })

  it("makes a handler for each life of a device: memory goes, what is outside stays", () => {
    const lives: Array<ReadonlyArray<number>> = []
    const program: Program = (group) =>
      Effect.gen(function* () {
        group.onReflected((name) => {
          const seen: Array<number> = []
          if (name === "desktop") lives.push(seen)
          return (batch) => Effect.sync(() => batch.forEach(({ reflectedId }) => seen.push(reflectedId)))
        })
        yield* group.joined
        for (let said = 0; said < 4; said++) {
          yield* group.on("phone", (device) => device.reflect(item("hello")))
          yield* Effect.sleep("3 seconds")
        }
        yield* group.settled
      })
    const crash = { _tag: "Crash", device: "desktop", downFor: 100, withoutStorage: false, isTold: true } as const
    assert.isUndefined(violationOf(program, world([{ at: 6_000, fault: crash }])))
    assert.lengthOf(lives, 2)
    for (const seen of lives) assert.isAbove(seen.length, 0)
    assert.deepStrictEqual(lives.flat(), [1, 2, 3, 4])
  })

  it("ends on a device what nobody waits for any more", () => {
    let ended = "no"
    const program: Program = (group) =>
      Effect.gen(function* () {
        yield* group.joined
        const forever = Effect.onExit(Effect.never, (exit) =>
          Effect.sync(() => {
            ended = Exit.hasInterrupts(exit) ? "interrupted" : "otherwise"
          })
        )
        const fiber = yield* Effect.forkChild(group.on("phone", () => forever))
        yield* Effect.sleep("1 second")
        yield* Fiber.interrupt(fiber)
        yield* Effect.sleep("1 second")
        assert.strictEqual(ended, "interrupted")
      })
    assert.isUndefined(violationOf(program))
  })

  it("strikes with faults of its own, for as long as they last", () => {
    const program: Program = (group) =>
      Effect.gen(function* () {
        yield* group.joined
        const start = group.world.elapsed
        const said = yield* Effect.forkChild(group.on("phone", (device) => device.reflect(item("late"))))
        yield* group.strike({ _tag: "Stall", device: "phone", ways: ["up", "down"], lasts: 5_000 })
        assert.strictEqual(group.world.elapsed - start, 5_000)
        yield* Fiber.join(said)
      })
    const { tally, violation } = runProgram(world(), program, two)
    assert.isUndefined(violation)
    assert.strictEqual(tally.faults.get("Stall:both"), 1)
  })

  it("strikes with a wrong clock and a mediator that misbehaves until faults are over", () => {
    const skews: Array<number> = []
    const lost: Array<unknown> = []
    const program: Program = (group) =>
      Effect.gen(function* () {
        yield* group.joined
        const phone = group.world.devices.get("phone")!
        yield* group.strike({ _tag: "ClockJump", device: "phone", by: 7_000 })
        yield* group.strike({ _tag: "Misbehave", device: "phone", how: "LoseAcks", count: 1 })
        yield* Effect.sleep("1 second")
        skews.push(phone.skew)
        const said = yield* Effect.forkChild(group.on("phone", (device) => device.reflect(item("once"))))
        yield* Effect.sleep("1 second")
        lost.push(said.pollUnsafe())
        yield* group.settled
        yield* Fiber.join(said)
        skews.push(phone.skew)
      })
    const { tally, violation } = runProgram(world(), program, two)
    assert.isUndefined(violation)
    assert.deepStrictEqual(skews, [7_000, 0])
    assert.deepStrictEqual(lost, [undefined])
    assert.strictEqual(tally.faults.get("ClockJump:ahead"), 1)
    assert.strictEqual(tally.faults.get("Misbehave:LoseAcks"), 1)
  })

  it("waits with settled until faults are over and everybody has come to rest", () => {
    const program: Program = (group) =>
      Effect.gen(function* () {
        yield* group.settled
        assert.isTrue(group.world.isLiveness)
        assert.isAtLeast(group.world.elapsed, 20_000)
        const state = yield* group.on("desktop", (device) => device.state.get)
        assert.deepInclude(state, { _tag: "Live", dry: true })
      })
    const stall = { _tag: "Stall", device: "desktop", ways: ["up", "down"], lasts: 60_000 } as const
    assert.isUndefined(violationOf(program, world([{ at: 100, fault: stall }])))
  })

  it("is judged by the oracles of the protocol, and by others besides", () => {
    const program: Program = (group) =>
      Effect.andThen(
        group.joined,
        group.on("phone", (device) => device.reflect(item("hello")))
      )
    assert.isUndefined(violationOf(program))
    assert.deepInclude(violationOf(program, world(), { ...two, oracles: [silence] }), {
      oracle: "silence",
      rule: "nobody speaks",
      device: "phone"
    })
  })

  it.effect("is refused where a schedule has operations of its own, before anything is done", () =>
    Effect.gen(function* () {
      const operations = [{ at: 1_000, device: "phone", operation: { _tag: "Reflect", count: 3, bytes: 10 } }] as const
      const begun: Array<number> = []
      const program: Program = ({ seed }) => Effect.sync(() => begun.push(seed))
      const schedule: Schedule = { ...world(), operations }
      assert.throws(() => runProgram(schedule, program, two), InvalidSchedule, /operations/)
      const refused = yield* Effect.flip(replay(schedule, program, two))
      assert.strictEqual(refused._tag, "InvalidSchedule")
      assert.deepStrictEqual(begun, [])
    })
  )

  it.effect("is told by its end and by what is around its faults, or in full", () =>
    Effect.gen(function* () {
      const talkative: Program = (group) =>
        Effect.gen(function* () {
          yield* group.joined
          for (let said = 0; said < 100; said++) {
            yield* group.on("phone", (device) => device.reflect(item("hello")))
          }
          yield* group.settled
          return yield* Effect.fail("in the end")
        })
      const schedule = world([{ at: 500, fault: { _tag: "Pause", device: "desktop", lasts: 100 } }])
      const toldWith = (options: SimulateOptions) =>
        Effect.map(Effect.flip(replay(schedule, talkative, { ...two, ...options })), (failure) => {
          assert.ok(failure._tag === "SimulationFailed")
          return failure
        })
      const brief = yield* toldWith({})
      assert.isFalse(brief.isWhole)
      assert.include(brief.story, "! Pause desktop")
      assert.match(brief.story, /\n\(\d+ rows before\)\n[^]*\n\(\d+ rows\)\n/)
      assert.include(brief.message, "D2M_STORY=full")
      const full = yield* toldWith({ story: "full" })
      assert.isTrue(full.isWhole)
      assert.notMatch(full.story, /\n\(\d+ rows/)
      assert.include(full.story, "ClientHello")
      assert.notInclude(full.message, "D2M_STORY")
      assert.include(full.story, brief.story.slice(brief.story.lastIndexOf("\nbroken:")))
    })
  )

  describe("that may fail in two ways", () => {
    /** Counts what comes to the desktop, and how often it was switched on. */
    const counting =
      (judge: (counted: number, lives: number) => void): Program =>
      (group) =>
        Effect.gen(function* () {
          let counted = 0
          let lives = 0
          group.onReflected((name) => {
            if (name === "desktop") lives++
            return (batch) =>
              Effect.sync(() => {
                if (name === "desktop") counted += batch.length
              })
          })
          yield* group.joined
          for (let said = 0; said < 5; said++) {
            yield* group.on("phone", (device) => device.reflect(item("hello")))
            yield* Effect.sleep("4 seconds")
          }
          yield* group.settled
          judge(counted, lives)
        })
    const crash = { _tag: "Crash", device: "desktop", downFor: 500, withoutStorage: false, isTold: true } as const
    const full = { _tag: "DiskFull", device: "desktop", lasts: 3_000 } as const
    /** The desktop crashes twice, and a message comes twice. */
    const schedule = world([
      { at: 2_000, fault: crash },
      { at: 3_000, fault: { _tag: "Pause", device: "phone", lasts: 100 } },
      { at: 6_000, fault: crash },
      { at: 7_000, fault: full }
    ])
    const shrunkOf = (program: Program) => {
      const { oracles, program: play, handler } = programRun(program, two)
      return shrink(schedule, { oracles: oracles!, program: play!, handler: handler!, devices: false, runs: 300 })!
    }

    it("is shrunk to what it takes to fail in the same way", () => {
      const shrunk = shrunkOf(
        counting((counted, lives) => {
          if (lives > 2) throw new RangeError(`switched on ${lives} times, ${counted} counted`)
          if (counted > 5) throw new TypeError("counted twice")
        })
      )
      assert.match(shrunk.result.violation.found, /^RangeError: switched on 3 times, \d counted$/)
      assert.deepStrictEqual(
        shrunk.schedule.faults.map(({ fault }) => fault._tag),
        ["Crash", "Crash"]
      )
    })

    it("is shrunk as far as it goes when it says something else each time", () => {
      let names = 0
      const shrunk = shrunkOf(
        counting((counted, lives) => {
          const name = String.fromCharCode(97 + (++names % 26)).repeat(1 + Math.floor(names / 26))
          if (lives > 2 || counted > 5) throw new Error(name)
        })
      )
      assert.lengthOf(shrunk.schedule.faults, 1)
    })
  })

  it.effect("is told with what it and its handlers have logged, which makes no other run of it", () =>
    Effect.gen(function* () {
      const program: Program = (group) =>
        Effect.gen(function* () {
          group.onReflected((name) => (batch) => Effect.logWarning(`${name} has got`, batch.length))
          yield* group.joined
          yield* group.on("phone", (device) =>
            Effect.andThen(device.reflect(item("hello")), Effect.log("said\nhello", { to: "all" }))
          )
          yield* group.settled
          yield* Effect.logError("that was all")
          yield* Effect.logDebug("not asked for")
          return yield* Effect.fail("in the end")
        })
      const schedule = { ...world(), conditions: { ...world().conditions, preempt: 0.02 } }
      const failure = yield* Effect.flip(replay(schedule, program, two))
      assert.ok(failure._tag === "SimulationFailed")
      assert.include(failure.story, `│ logs said hello {"to":"all"}`)
      assert.match(failure.story, /│ logs Warn: desktop has got 1 +│/)
      assert.match(failure.story, /--- the program logs Error: that was all ---/)
      assert.notInclude(failure.story, "not asked for")
      assert.strictEqual(failure.digest, runProgram(schedule, program, two).digest)
    })
  )

  it.effect("is told with the label of its contents, and in full with all that it has asked", () =>
    Effect.gen(function* () {
      const program: Program = (group) =>
        Effect.gen(function* () {
          yield* group.joined
          yield* group.on("phone", (device) => device.reflect(item("tea")))
          yield* group.settled
          return yield* Effect.fail("in the end")
        })
      const label: Label = (content) =>
        content._tag === "outgoingMessage" ? new TextDecoder().decode(content.value.body) : undefined
      const told = yield* Effect.flip(replay(world(), program, { ...two, label, story: "full" }))
      assert.ok(told._tag === "SimulationFailed")
      assert.match(told.story, /│ handles \d+ \(tea\) /)
      assert.match(told.story, /│ program asks Reflect tea \?\d+ /)
      const brief = yield* Effect.flip(replay(world(), program, { ...two, label }))
      assert.ok(brief._tag === "SimulationFailed")
      assert.notInclude(brief.story, "program asks")
    })
  )

  it("that fails with anything is told what that was", () => {
    assert.strictEqual(violationOf(() => Effect.fail({ _tag: "TooFew", got: 3n }))?.found, '{"_tag":"TooFew","got":3n}')
    assert.strictEqual(violationOf(() => Effect.fail("why"))?.found, "why")
    assert.strictEqual(violationOf(() => Effect.die(undefined))?.found, "undefined")
  })

  it("that does not end, or names nobody's device, is told so", () => {
    assert.deepInclude(
      violationOf(() => Effect.forever(Effect.sleep("1 minute"))),
      { oracle: "liveness", found: "the program has not ended" }
    )
    for (const outside of [Effect.promise(() => Promise.resolve()), Effect.never]) {
      const told = violationOf(() => outside)
      assert.deepInclude(told, { oracle: "program", rule: "the program ends" })
      assert.include(told?.found, "outside of the world")
    }
    assert.deepInclude(
      violationOf((group) => group.on("toaster", () => Effect.void)),
      {
        oracle: "program",
        found: 'Error: there is no device "toaster": the devices are phone, desktop'
      }
    )
    assert.deepInclude(
      violationOf((group) => group.strike({ _tag: "Reset", device: "toaster" })),
      {
        oracle: "program",
        found: '@d2m/simulation/InvalidSchedule: invalid schedule: there is no device "toaster"'
      }
    )
  })

  it.effect("is given up when time is over, and what was found until then is told", () =>
    Effect.gen(function* () {
      const spin: Program = () => Effect.forever(Effect.yieldNow)
      let asked = 0
      const cut = yield* Effect.flip(simulate(spin, { ...two, isOver: () => ++asked > 100 }))
      assert.ok(cut._tag === "OutOfTime")
      assert.deepInclude(cut, { seed: 0, clean: 0, steps: 5_000 })
      // Two runs to see that it does not end, and none to shrink it.
      asked = 0
      const options = { ...two, maxSteps: 5_000, isOver: () => ++asked > 1_000 }
      const endless = yield* Effect.flip(simulate(spin, options))
      assert.deepInclude(endless, { _tag: "SimulationFailed", rule: "the world comes to an end" })
      assert.isBelow(asked, 210)
      // The second run is cut short.
      asked = 0
      const told = yield* Effect.flip(simulate(spin, { ...options, isOver: () => ++asked > 150 }))
      assert.deepInclude(told, { _tag: "SimulationFailed", rule: "the world comes to an end" })
      const late = yield* Effect.flip(replay(world(), spin, { ...two, isOver: () => true }))
      assert.strictEqual(late._tag, "OutOfTime")
    })
  )

  it("meets nothing that makes devices miss messages for good, unless losses are asked for", () => {
    const lossy = new Set<string>()
    const narrow = new Set<string>()
    for (let seed = 0; seed < 60; seed++) {
      const [without, withLosses] = [false, true].map((losses) =>
        programSchedule(seed, { ...two, faults: "brutal", losses })
      )
      for (const { fault } of without!.faults) {
        assert.notInclude(["Twin", "HandlerFails", "Garble"], fault._tag)
        if (fault._tag === "Crash") assert.isFalse(fault.withoutStorage)
        if ("device" in fault) assert.include(["phone", "desktop"], fault.device)
      }
      for (const device of without!.devices)
        assert.deepInclude(device, { expiration: "Persistent", exhausted: "Reject" })
      const { mediator } = without!.conditions
      assert.doesNotHaveAnyKeys(mediator, ["queueMessages", "queueBytes", "transactionMessages", "transactionBytes"])
      for (const limit of Object.keys(withLosses!.conditions.mediator)) narrow.add(limit)
      for (const { fault } of withLosses!.faults) lossy.add(fault._tag)
    }
    for (const limit of ["queueBytes", "transactionMessages", "transactionBytes"])
      assert.isTrue(narrow.has(limit), limit)
    assert.containsAllKeys(Object.fromEntries([...lossy].map((tag) => [tag, true])), ["Twin", "HandlerFails", "Garble"])
  })

  it("meets a mediator that misbehaves if it is asked for, and then what costs messages only with losses", () => {
    const deeds = (options: SimulateOptions) =>
      new Set(
        Array.from({ length: 60 }, (_, seed) => programSchedule(seed, { ...two, ...options }).faults)
          .flat()
          .flatMap(({ fault }) => (fault._tag === "Misbehave" ? [fault.how] : []))
      )
    assert.deepStrictEqual(deeds({}), new Set())
    const all = new Set(Misbehaviour.literals)
    assert.deepStrictEqual(deeds({ misbehaving: true, losses: true }), all)
    for (const how of ["AlteredReflected", "WrongSlotState"] as const) all.delete(how)
    assert.deepStrictEqual(deeds({ misbehaving: true }), all)
  })
})
