import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type OracleMaker, programSchedule, replay, simulate, type SimulateOptions, swarm } from "../src/index.ts"
import type { Program } from "../src/index.ts"

/** Remembers in how many runs it was: takes offence in each as told, at the first frame that a device sends, or the second. */
const fickle = (offence: (run: number) => { readonly rule: string; readonly frame?: 1 | 2 } | undefined) => {
  let runs = 0
  const oracle: OracleMaker = {
    name: "fickle",
    make: (report) => {
      const taken = offence(++runs)
      let frames = 0
      return {
        see: (event) => {
          if (event._tag !== "DeviceSent" || taken === undefined || ++frames !== (taken.frame ?? 1)) return
          report({ rule: taken.rule, device: event.device, found: "a frame", expected: "none" })
        }
      }
    }
  }
  return { oracle, runs: () => runs }
}

const program: Program = (group) => group.settled
const options: SimulateOptions = { devices: 2, duration: 2_000, faults: "none", seeds: 3, seed: 4 }
const isOnce = (run: number) => (run === 1 ? { rule: "no frames" } : undefined)

const failureOf = Effect.fnUntraced(function* (oracle: OracleMaker, more: SimulateOptions = {}) {
  const failure = yield* Effect.flip(simulate(program, { ...options, oracles: [oracle], ...more }))
  assert.ok(failure._tag === "NotRepeated")
  return failure
})

describe("a failure that does not come again", () => {
  it.effect("is told with both digests, and not shrunk", () =>
    Effect.gen(function* () {
      const { oracle, runs } = fickle(isOnce)
      const failure = yield* failureOf(oracle)
      assert.strictEqual(runs(), 2)
      const { again, digest, message, schedule } = failure
      assert.strictEqual(failure.seed, 4)
      assert.deepStrictEqual(failure.violation, {
        oracle: "fickle",
        rule: "no frames",
        found: "a frame",
        expected: "none"
      })
      assert.deepStrictEqual(Object.keys(again), ["digest"])
      assert.notStrictEqual(again.digest, digest)
      assert.include(message, "seed 4 broke a rule of fickle: no frames, and did not when it was run again\n")
      assert.include(message, `digests   ${digest}, and ${again.digest} when it was run again`)
      assert.include(message, "verify: true")
      assert.deepStrictEqual(schedule, {
        ...programSchedule(4, options),
        violates: { oracle: "fickle", rule: "no frames", digests: [digest, again.digest] }
      })
    })
  )

  it.effect("or comes as another one", () =>
    Effect.gen(function* () {
      const other = yield* failureOf(fickle((run) => ({ rule: run === 1 ? "no frames" : "nothing" })).oracle)
      assert.deepInclude(other.again, { oracle: "fickle", rule: "nothing" })
      assert.include(other.message, "no frames, and one of fickle when it was run again: nothing\n")
      const later = yield* failureOf(fickle((run) => ({ rule: "no frames", frame: run === 1 ? 1 : 2 })).oracle)
      assert.deepInclude(later.again, { oracle: "fickle", rule: "no frames" })
      assert.include(later.message, "no frames, and did so in another way when it was run again\n")
    })
  )

  it.effect("once it was shrunk is told so as well", () =>
    Effect.gen(function* () {
      const { oracle } = fickle((run) => (run <= 3 ? { rule: "no frames" } : undefined))
      const { schedule } = yield* failureOf(oracle, { shrinkRuns: 5 })
      assert.isDefined(schedule.violates?.digests)
      const verified = fickle((run) => (run <= 3 ? { rule: "no frames" } : undefined))
      const { message } = yield* failureOf(verified.oracle, { shrinkRuns: 5, verify: true })
      assert.include(message, "\nno event was seen to differ: the verdict did,")
      assert.notInclude(message, "verify: true")
    })
  )

  it.effect("is told so when its schedule is replayed", () =>
    Effect.gen(function* () {
      const left = swarm({ seed: 3, devices: 2, duration: 2_000 })
      const failure = yield* Effect.flip(replay(left, undefined, { oracles: [fickle(isOnce).oracle] }))
      assert.ok(failure._tag === "NotRepeated")
      assert.deepInclude(failure.violation, { rule: "no frames" })
      assert.strictEqual(failure.seed, 3)
    })
  )

  it.effect("differs from one that does", () =>
    Effect.gen(function* () {
      const { oracle } = fickle(() => ({ rule: "no frames" }))
      const failure = yield* Effect.flip(simulate(program, { ...options, oracles: [oracle] }))
      assert.strictEqual(failure._tag, "SimulationFailed")
    })
  )
})

describe("a program whose seeds are run twice", () => {
  /** Waits a little longer in each run, and breaks no rule with it. */
  const drifting = () => {
    let runs = 0
    const play: Program = (group) =>
      Effect.gen(function* () {
        yield* group.joined
        yield* Effect.sleep(100 * ++runs)
        yield* group.on("phone", (device) => device.devices)
        yield* group.settled
      })
    return { play, runs: () => runs }
  }

  it.effect("must do the same both times, also where it breaks no rule", () =>
    Effect.gen(function* () {
      const { play } = drifting()
      yield* simulate(play, options)
      const failure = yield* Effect.flip(simulate(play, { ...options, verify: true }))
      assert.ok(failure._tag === "NotRepeated")
      const { again, digest, divergence, message, schedule, seed, violation } = failure
      assert.strictEqual(seed, 4)
      assert.isUndefined(violation)
      assert.deepStrictEqual(Object.keys(again), ["digest"])
      assert.notStrictEqual(again.digest, digest)
      assert.deepStrictEqual(schedule, programSchedule(4, options))
      assert.include(message, "seed 4 did not run the same twice\n")
      assert.include(divergence!.first!, " phone Asked life 1: ")
      assert.include(message, `the runs differ in event ${divergence!.index}:`)
      assert.include(message, `  1 ${divergence!.first}\n  2 ${divergence!.second}`)
      assert.notInclude(message, "verify: true")
    })
  )

  it.effect("is told the event in which a failure parts from its repetition", () =>
    Effect.gen(function* () {
      const { play } = drifting()
      const { oracle } = fickle(isOnce)
      const failure = yield* Effect.flip(simulate(play, { ...options, oracles: [oracle], verify: true }))
      assert.ok(failure._tag === "NotRepeated")
      assert.deepInclude(failure.violation, { rule: "no frames" })
      assert.isDefined(failure.divergence)
    })
  )

  it.effect("that breaks a rule the second time only is told so", () =>
    Effect.gen(function* () {
      const { oracle } = fickle((run) => (run === 2 ? { rule: "no frames" } : undefined))
      const failure = yield* failureOf(oracle, { verify: true })
      assert.isUndefined(failure.violation)
      assert.include(failure.message, "seed 4 broke no rule, and one of fickle when it was run again: no frames\n")
    })
  )

  it.effect("and does so passes, in as many worlds again, and counts as many seeds", () =>
    Effect.gen(function* () {
      let runs = 0
      const play: Program = (group) => Effect.suspend(() => (runs++, group.settled))
      const summary = yield* simulate(play, { ...options, verify: true })
      assert.strictEqual(summary.seeds, 3)
      assert.strictEqual(runs, 6)
    })
  )

  it.effect("is run twice as well where it is replayed", () =>
    Effect.gen(function* () {
      const { play, runs } = drifting()
      const failure = yield* Effect.flip(replay(programSchedule(4, options), play, { ...options, verify: true }))
      assert.strictEqual(failure._tag, "NotRepeated")
      assert.strictEqual(runs(), 2)
    })
  )
})
