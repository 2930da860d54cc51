import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import {
  calm,
  chatWorkload,
  checked,
  type Conditions,
  InvalidSchedule,
  InvalidSimulateOptions,
  type Operation,
  plainDevice,
  programSchedule,
  readSchedule,
  run,
  type Schedule,
  ScheduleJson,
  swarm,
  type WorldFault
} from "../src/index.ts"

const spec = plainDevice("phone")

const scheduleOf = (changes: Partial<Schedule>): Schedule => ({
  version: 1,
  seed: 1,
  duration: 1_000,
  conditions: calm,
  devices: [spec],
  operations: [],
  faults: [],
  ...changes
})

const named = (...names: ReadonlyArray<string>) => scheduleOf({ devices: names.map((name) => ({ ...spec, name })) })
const mediated = (mediator: Conditions["mediator"]) => scheduleOf({ conditions: { ...calm, mediator } })

const asking = (operation: Operation, device = "phone") => scheduleOf({ operations: [{ at: 0, device, operation }] })
const striking = (fault: WorldFault) => scheduleOf({ faults: [{ at: 0, fault }] })

const invalid: ReadonlyArray<readonly [what: string, Schedule, detail: string]> = [
  ["a device without a name", named(""), "needs a name"],
  ["a device with the mediator's name", named("mediator"), "the name of the mediator"],
  ["a device with the name of a twin", named("Ann", "Ann's phone"), "of a twin"],
  ["two devices of one name", named("phone", "desktop", "phone"), "two devices have the name phone"],
  ["a negative number of slots", mediated({ maxDeviceSlots: -3 }), "maxDeviceSlots"],
  ["a queue for nothing", mediated({ queueMessages: 0 }), "queueMessages"],
  ["a low-water mark above the high one", mediated({ outgoingHighWater: 200 }), "outgoingLowWater"],
  [
    "a lock for less than no time",
    asking({ _tag: "Transaction", count: 1, bytes: 0, pause: 0, ttl: -5, fails: false }),
    "ttl"
  ],
  [
    "a precondition that has never held",
    asking({ _tag: "Transaction", count: 1, bytes: 0, pause: 0, ttl: 0, fails: false, holdsFor: -1 }),
    "holdsFor"
  ],
  ["a version that does not fit", asking({ _tag: "SetSharedData", version: 1e12 }), "version"],
  ["a negative version", asking({ _tag: "SetSharedData", version: -3 }), "version"],
  ["less than no misbehaviour", striking({ _tag: "Misbehave", device: "phone", how: "Garbage", count: -1 }), "count"],
  [
    "a network that carries nothing",
    striking({ _tag: "Slow", device: "phone", way: "up", bytesPerMilli: 1e-300, lasts: 1 }),
    "bytesPerMilli"
  ],
  [
    "a refusal that is a welcome",
    striking({ _tag: "RefuseUpgrade", device: "phone", status: 200, retryAfter: 0, lasts: 1 }),
    "status"
  ],
  [
    "a server that wants to be left alone for longer than anything may take",
    striking({ _tag: "RefuseUpgrade", device: "phone", status: 503, retryAfter: 120_001, lasts: 1 }),
    "retryAfter"
  ],
  ["a clock that is centuries off", striking({ _tag: "ClockJump", device: "phone", by: -1e15 }), "by"],
  [
    "a frame that its deed is not done to",
    striking({ _tag: "Misbehave", device: "phone", how: "LoseReflected", count: 1, frame: "DevicesInfo" }),
    "only what is done to acks has a frame"
  ],
  ["writes that come back", striking({ _tag: "MediatorCrash", downFor: 0, kept: -1, isTold: true }), "kept"],
  ["a duration of a thousand years", scheduleOf({ duration: 1e14 }), "duration"],
  ["an operation of nobody's", asking({ _tag: "ListDevices" }, "toaster"), 'there is no device "toaster"'],
  ["a drop of nobody", asking({ _tag: "Drop", target: "toaster" }), 'there is no device "toaster"'],
  ["a fault of nobody's", striking({ _tag: "Reset", device: "toaster" }), 'there is no device "toaster"'],
  [
    "an operation behind its end",
    scheduleOf({ operations: [{ at: 1_001, device: "phone", operation: { _tag: "ListDevices" } }] }),
    "over after 1000 ms"
  ],
  [
    "a fault behind its end",
    scheduleOf({ faults: [{ at: 2_000, fault: { _tag: "Reset", device: "phone" } }] }),
    "over after 1000 ms"
  ],
  [
    "a chance that is none",
    scheduleOf({ conditions: { ...calm, latency: { ...calm.latency, tailChance: 2 } } }),
    "tailChance"
  ]
]

describe("a schedule", () => {
  for (const [what, schedule, detail] of invalid) {
    it.effect(`with ${what} is none, put together by hand or in a file`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(checked(schedule))
        assert.strictEqual(error._tag, "InvalidSchedule")
        assert.include(error.message, detail)
        const text = JSON.stringify(schedule)
        const unread = yield* Effect.flip(readSchedule(text))
        assert.include(unread.message, detail)
      })
    )
  }

  it.effect("that can be carried out passes as it is", () =>
    Effect.gen(function* () {
      const schedule = mediated({ outgoingHighWater: 200, outgoingLowWater: 100, maxDeviceSlots: 1 })
      assert.deepStrictEqual(yield* checked(schedule), schedule)
      assert.isUndefined(run(schedule).violation)
    })
  )

  it.effect("in a file has no numbers without end, and no keys that mean nothing", () =>
    Effect.gen(function* () {
      const text = JSON.stringify(scheduleOf({}))
      for (const [from, to, detail] of [
        ['"duration":1000', '"duration":1e999', "duration"],
        ['"skew":0', '"skew":-1e999', "skew"],
        [/"seed":\d+/.exec(text)![0], '"seed":-1', "seed"],
        [/"devices":\[[^]*?\]/.exec(text)![0], '"devices":[]', "at least one device"],
        ['"duration":1000', '"duration":1000,"durations":5', "durations"],
        ['"userDelay":2000', '"userDelay":2000,"userDelays":5', "userDelays"],
        ['"chats":false', '"chats":false,"chat":true', "chat"]
      ] as const) {
        assert.include(text, from)
        const unread = yield* Effect.flip(readSchedule(text.replace(from, to)))
        assert.include(unread.message, detail)
      }
    })
  )

  it.effect("in a file says what was expected, what was found in its place, and where", () =>
    Effect.gen(function* () {
      const text = JSON.stringify(striking({ _tag: "Reset", device: "phone" }))
      for (const [from, to, detail] of [
        ["Reset", "Krash", /^expected Stall, Delay, .*, Misbehave, found "Krash", at faults\.0\.fault\._tag$/],
        ['"_tag":"Reset",', "", /^expected an object with the _tag Stall, .*, found \{.*\}, at faults\.0\.fault$/],
        [',"device":"phone"', "", /^expected a value, found none, at faults\.0\.fault\.device$/],
        ['"version":1', '"version":0', /^expected 1, found 0, at version$/],
        ['"version":1', '"version":2', /^it was written by a newer version: its format is 2, and this one reads 1$/],
        ['"seed":1', '"seed":9007199254740992', /^expected a whole number .*, found 9007199254740992, at seed$/],
        ['"seed":1', '"seed":"one"', /^expected number, found "one", at seed$/],
        [/\]\}$/.exec(text)![0], "", /^no JSON: .*/]
      ] as const) {
        assert.include(text, from)
        const unread = yield* Effect.flip(readSchedule(text.replace(from, to)))
        assert.strictEqual(unread._tag, "InvalidSchedule")
        assert.match(unread.detail, detail)
      }
      assert.include((yield* Effect.flip(readSchedule(`{\n"seed": oops }`))).message, "oops")
    })
  )

  it.effect("may stand in a file behind a byte order mark", () =>
    Effect.gen(function* () {
      const schedule = scheduleOf({})
      assert.deepStrictEqual(yield* readSchedule(`\uFEFF${JSON.stringify(schedule)}`), schedule)
    })
  )

  it.effect("that is put together by hand has no keys that mean nothing either", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(checked({ ...scheduleOf({}), durations: 5 } as Schedule))
      assert.match(error.detail, /^a key that means nothing: .*, at durations$/)
    })
  )

  it.effect("may strike a twin while there is none", () =>
    Effect.gen(function* () {
      const schedule = yield* checked(striking({ _tag: "Reset", device: "phone'1" }))
      assert.isUndefined(run(schedule).violation)
    })
  )

  it.effect("that a seed draws can be read again, however much goes wrong", () =>
    Effect.gen(function* () {
      // Few operations lie at the end: it takes many short schedules to have some there.
      for (let seed = 0; seed < 330; seed++) {
        const duration = seed < 30 ? 60_000 : 10_800
        const drawn = swarm({ seed, duration, faults: "brutal", misbehaving: true, devices: 6 })
        assert.deepStrictEqual(yield* readSchedule(Schema.encodeSync(ScheduleJson)(drawn)), drawn)
      }
    })
  )

  it("is drawn for any duration, and has its milliseconds", () => {
    const seed = 7
    const drawn = swarm({ seed, duration: 90_000, workload: chatWorkload(2_000) })
    assert.strictEqual(drawn.duration, 90_000)
    assert.deepStrictEqual(swarm({ seed, duration: "90 seconds", workload: chatWorkload({ seconds: 2 }) }), drawn)
    assert.deepStrictEqual(swarm({ seed, duration: "1 minute" }), swarm({ seed }))
    assert.deepStrictEqual(
      programSchedule(seed, { duration: "90 seconds" }),
      programSchedule(seed, { duration: 90_000 })
    )
  })

  it("has the real cryptography now and then: it takes several times as long", () => {
    const drawn = Array.from({ length: 2_560 }, (_, seed) => swarm({ seed, duration: 1_000 }).conditions.crypto)
    const real = drawn.filter((crypto) => crypto === "real").length
    assert.isAtLeast(real, 3)
    assert.isAtMost(real, 30)
  })

  it("is drawn for no duration that there is not", () => {
    for (const span of [NaN, Infinity, -1, "Infinity", "-1 second", "53 weeks", "soon", {}, [NaN, 0], null]) {
      assert.throws(() => swarm({ seed: 0, duration: span as number }), InvalidSimulateOptions, "at duration")
    }
    for (const span of [NaN, Infinity, -1, 0, "0 millis", "soon", {}, null]) {
      assert.throws(() => chatWorkload(span as number), InvalidSimulateOptions, "at period")
    }
  })

  it("says which device is not there, even unchecked", () => {
    const stray = {
      operations: asking({ _tag: "ListDevices" }, "toaster"),
      faults: striking({ _tag: "Reset", device: "toaster" })
    }
    for (const schedule of Object.values(stray)) {
      assert.throws(() => run(schedule), InvalidSchedule, 'there is no device "toaster", at ')
    }
  })
})
