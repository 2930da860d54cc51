import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  type Conditions,
  type FaultLevel,
  type FreeDeviceOptions,
  InvalidSimulateOptions,
  type OracleMaker,
  type Program,
  programSchedule,
  replay,
  runProgram,
  simulate,
  type SimulateOptions,
  standardOracles
} from "../src/index.ts"

const onlooker = (name: string): OracleMaker => ({ name, make: () => ({ see: () => {} }) })

describe("a simulation", () => {
  const wrong: ReadonlyArray<SimulateOptions> = [
    { duration: Infinity },
    { duration: -1 },
    ...[NaN, "soon", "", "Infinity", "-1 second", "8 days", {}, { minute: 1 }, { minutes: NaN }, [NaN, 0], null].map(
      (span) => ({ duration: span as number })
    ),
    { faults: "bogus" as FaultLevel },
    { seeds: 0 },
    { seeds: -1 },
    { seeds: Number.NaN },
    { seeds: 1.5 },
    { seed: -3 },
    { seed: Number.NaN },
    { devices: 0 },
    { devices: 2.5 },
    { devices: [] },
    { maxSteps: 0 },
    { maxSteps: Number.NaN },
    { seed: Number.MAX_SAFE_INTEGER, seeds: 2 },
    { shrinkRuns: -1 },
    { story: "long" as "full" },
    { duration: 8 * 24 * 3_600_000 },
    { losses: "yes" as unknown as boolean },
    { misbehaving: "yes" as unknown as boolean },
    { verify: "yes" as unknown as boolean },
    { oracles: {} as ReadonlyArray<OracleMaker> },
    { oracles: [{ name: "x" } as OracleMaker] },
    { oracles: ["x", "y", "x"].map(onlooker) },
    ...["program", "defects", "liveness", "membership", "arrivals", standardOracles[0]!.name].map((name) => ({
      oracles: [onlooker(name)]
    })),
    { isOver: true as unknown as () => boolean },
    { seedss: 3 } as SimulateOptions,
    { device: 3 } as SimulateOptions,
    { conditions: null as unknown as Partial<Conditions> },
    { conditions: { typo: 1 } as Partial<Conditions> },
    { conditions: { mediator: { typo: 1 } as Conditions["mediator"] } },
    { conditions: { mediator: { maxDeviceSlots: 2 } } },
    { deviceOptions: { typo: 1 } as FreeDeviceOptions },
    { deviceOptions: { onReflected: () => Effect.void } as FreeDeviceOptions },
    { deviceOptions: { protocolVersion: -1 } },
    { deviceOptions: { firstReflectId: 2 ** 33 } },
    { deviceOptions: { identity: "" } },
    { deviceOptions: { versions: { minimum: 3, maximum: 1 } } },
    { conditions: { preempt: 1 } },
    { conditions: { preempt: 0.6 } }
  ]

  for (const options of wrong) {
    const name = Object.keys(options)[0]!
    it.effect(`does not begin with ${name} ${JSON.stringify(Object.values(options)[0])}`, () =>
      Effect.gen(function* () {
        const begun: Array<number> = []
        const program: Program = ({ seed }) => Effect.sync(() => begun.push(seed))
        const error = yield* Effect.flip(simulate(program, { seeds: 1, ...options }))
        assert.strictEqual(error._tag, "InvalidSimulateOptions")
        assert.include(error.message, Object.keys(options.conditions ?? options.deviceOptions ?? options)[0]!)
        assert.deepStrictEqual(begun, [])
      })
    )
  }

  it("is drawn within the same bounds when its schedule is drawn alone", () => {
    for (const options of wrong) {
      const { maxSteps, seeds, shrinkRuns, story, seed = 0, ...drawn } = options
      if ([maxSteps, seeds, shrinkRuns, story].some((other) => other !== undefined)) continue
      assert.throws(() => programSchedule(seed, drawn), InvalidSimulateOptions, Object.keys(options)[0])
    }
  })

  it.effect("does not begin with a program that is none", () =>
    Effect.gen(function* () {
      const lost = undefined as unknown as Program
      const error = yield* Effect.flip(simulate(lost, { seeds: 1 }))
      assert.strictEqual(
        error.message,
        "invalid options: expected a program: a function of a SimulatedGroup, found undefined"
      )
      assert.throws(() => runProgram(programSchedule(0), lost), InvalidSimulateOptions)
      const none = yield* Effect.flip(simulate(() => Effect.void, null as unknown as SimulateOptions))
      assert.include(none.message, "found null")
    })
  )

  const told: ReadonlyArray<readonly [options: SimulateOptions, detail: string]> = [
    [{ seed: 2 ** 53 }, "expected a whole number from 0 to 9007199254740991, found 9007199254740992, at seed"],
    [{ duration: "8 days" }, 'expected a duration of a week at most, found "8 days", at duration'],
    [{ seeds: 0 }, "expected a value greater than or equal to 1, found 0, at seeds"],
    [{ faults: "heavy" as FaultLevel }, 'expected "none" | "light" | "swarm" | "brutal", found "heavy", at faults'],
    [{ devices: ["Ann", "Ann's phone"] }, "a name with ' in it is that of a twin: Ann's phone, at devices.1"],
    [
      { conditions: { mediator: { maxDeviceSlots: 1 } } },
      "expected a slot for each of the 3 devices, found 1: a device without one never joins, at conditions.mediator.maxDeviceSlots"
    ],
    [{ oracles: ["x", "x"].map(onlooker) }, "two oracles have the name x, at oracles"],
    [
      { oracles: [onlooker("x"), onlooker("program")] },
      "program is the name of an oracle that is there already, at oracles.1.name"
    ],
    [
      { deviceOptions: { protocolVersion: -1 } },
      "expected a value between 0 and 4294967295, found -1, at deviceOptions.protocolVersion"
    ]
  ]
  for (const [options, detail] of told) {
    it.effect(`says what was expected, found, and where, of ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(simulate(() => Effect.void, options))
        assert.strictEqual(error.message, `invalid options: ${detail}`)
      })
    )
  }

  it.effect("names the options that there are where one is misspelled, and cuts short what was found", () =>
    Effect.gen(function* () {
      const typo = yield* Effect.flip(simulate(() => Effect.void, { seedss: 3 } as SimulateOptions))
      assert.match(typo.message, /^invalid options: a key that means nothing: the keys are seed, seeds, .*, at seedss$/)
      const story = "long".repeat(1_000) as "full"
      const long = yield* Effect.flip(simulate(() => Effect.void, { story }))
      assert.isBelow(long.message.length, 150)
    })
  )

  it.effect("is not replayed with options that are none", () =>
    Effect.gen(function* () {
      const schedule = programSchedule(0, { duration: 1_000, faults: "none" })
      const error = yield* Effect.flip(replay(schedule, () => Effect.void, { maxSteps: 0 }))
      assert.strictEqual(error._tag, "InvalidSimulateOptions")
    })
  )

  it.effect("of as many devices as there may be is given up before it is made when time is over, and says so", () =>
    Effect.gen(function* () {
      const schedule = programSchedule(0, { devices: 100_000, duration: 1_000, faults: "none" })
      const cut = yield* Effect.flip(replay(schedule, () => Effect.void, { isOver: () => true }))
      assert.ok(cut._tag === "OutOfTime")
      assert.strictEqual(cut.steps, 0)
      assert.include(cut.message, "take a shorter duration, fewer devices")
    })
  )

  it.effect("begins at the bounds", () =>
    Effect.gen(function* () {
      const options: SimulateOptions = { seeds: 1, seed: 0, devices: ["phone"], duration: 0, faults: "none" }
      const summary = yield* simulate(() => Effect.void, { ...options, conditions: { preempt: 0.5 } })
      assert.strictEqual(summary.seeds, 1)
      const last = { ...options, seed: Number.MAX_SAFE_INTEGER, maxSteps: 1_000_000 }
      assert.strictEqual((yield* simulate(() => Effect.void, last)).seeds, 1)
    })
  )
})
