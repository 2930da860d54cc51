import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { HandlerError } from "@d2m/client"
import {
  calm,
  type Oracle,
  type OracleMaker,
  type Program,
  run,
  type RunOptions,
  runProgram,
  type Schedule,
  Simulation,
  swarm
} from "../src/index.ts"
import { item } from "./programs.ts"

const quiet: Schedule = { ...swarm({ seed: 1, devices: 2, duration: 20_000, faults: "none" }), conditions: calm }

class Slip extends Error {
  override readonly name = "Slip"
}

/** Not an arrow: its name is to be found in the stack. */
function slip(): never {
  throw new Slip("on a banana")
}

const expectDefect = (
  { options = {}, schedule = quiet }: { readonly options?: RunOptions; readonly schedule?: Schedule },
  expected: { readonly rule: string; readonly device?: string; readonly found: RegExp }
) => {
  const { stackTraceLimit } = Error
  const { elapsed, violation } = run(schedule, options)
  assert.deepInclude(violation, { oracle: "defects", rule: expected.rule, device: expected.device })
  assert.match(violation!.found, expected.found)
  assert.isBelow(elapsed, 20_000)
  assert.strictEqual(Error.stackTraceLimit, stackTraceLimit)
}

const withStack = /^Slip: on a banana\n +at slip .*defects\.test\.ts/

describe("a defect", () => {
  for (const event of ["Handling", "StateChanged", "MediatorSent"]) {
    it(`of a witness at ${event} is told as its own, with where it was thrown`, () => {
      let isOver = false
      const witness = ({ _tag }: { readonly _tag: string }) => {
        if (_tag === event && !isOver) slip()
      }
      expectDefect({ options: { witnesses: [witness] } }, { rule: "whoever looks on does not throw", found: withStack })
      isOver = true
    })
  }

  it("of an oracle is told as its own", () => {
    const careless = { name: "careless", make: () => ({ see: () => slip() }) }
    expectDefect({ options: { oracles: [careless] } }, { rule: "whoever looks on does not throw", found: withStack })
  })

  it("of an oracle that cannot be made is told with its name", () => {
    const unborn = { name: "unborn", make: () => slip() }
    const { violation } = run(quiet, { oracles: [unborn] })
    assert.deepInclude(violation, { oracle: "defects", rule: "whoever looks on can be made" })
    assert.match(violation!.found, /^the oracle unborn: Slip: on a banana\n +at slip .*defects\.test\.ts/)
  })

  it("of an oracle that is none is told by its name", () => {
    for (const none of [undefined, {}, { see: "nothing" }]) {
      const { violation } = run(quiet, { oracles: [{ name: "hollow", make: () => none as unknown as Oracle }] })
      assert.deepInclude(violation, { oracle: "defects", rule: "whoever looks on can be made" })
      assert.match(violation!.found, /^the oracle hollow: make has returned no oracle, which has a function see, but /)
    }
  })

  it("that an oracle finds in the schedule already is told at the start of the world", () => {
    const strict: OracleMaker = {
      name: "strict",
      make: (report) => {
        report({ rule: "nobody begins", device: undefined, found: "a schedule", expected: "none" })
        return { see: () => {} }
      }
    }
    const { elapsed, violation } = run(quiet, { oracles: [strict] })
    assert.deepInclude(violation, { oracle: "strict", rule: "nobody begins", at: Simulation.newYear2026 })
    assert.strictEqual(elapsed, 0)
  })

  it("of a device that does not come up is told of that device", () => {
    expectDefect(
      {
        options: {
          prepare: ({ devices }) => {
            const { disk } = devices.get("desktop")!
            Object.defineProperty(disk, "store", { get: () => slip() })
          }
        }
      },
      { rule: "a device lives until it is stopped", device: "desktop", found: withStack }
    )
  })

  it("that ends the client of a device is told of that device, even if its user would not notice", () => {
    expectDefect(
      {
        options: {
          prepare: ({ devices }) => {
            void Object.assign(devices.get("phone")!.disk.store, { setSlot: () => Effect.sync(slip) })
          }
        }
      },
      { rule: "a device lives until it is stopped", device: "phone", found: withStack }
    )
  })

  it("that a call dies of is told of its device", () => {
    expectDefect(
      {
        options: {
          prepare: ({ devices }) => {
            devices.get("phone")!.onStart = (device) =>
              void Object.assign(device, { reflect: () => Effect.sync(slip), retryNow: Effect.sync(slip) })
          }
        },
        schedule: {
          ...quiet,
          operations: [{ at: 5_000, device: "phone", operation: { _tag: "Reflect", count: 1, bytes: 1 } }]
        }
      },
      { rule: "no call dies", device: "phone", found: withStack }
    )
  })

  describe("of a handler", () => {
    const reflects = (at: number) =>
      ({ at, device: "phone", operation: { _tag: "Reflect", count: 1, bytes: 1 } }) as const
    const schedule = { ...quiet, operations: [reflects(5_000)] }

    it("is told of its device, whether it throws or dies", () => {
      for (const handler of [() => slip, () => () => Effect.sync(slip)]) {
        expectDefect(
          { options: { handler }, schedule },
          { rule: "no handler dies", device: "desktop", found: withStack }
        )
      }
    })

    it("is told while faults make handlers fail and die as well, which is none", () => {
      for (const how of ["Fails", "Dies"] as const) {
        const faults = [{ at: 0, fault: { _tag: "HandlerFails", device: "desktop", how, lasts: 5_500 } } as const]
        const operations = [reflects(4_500)]
        const sound = run({ ...schedule, faults, operations }, { handler: () => () => Effect.void })
        assert.isUndefined(sound.violation)
        assert.isAbove(sound.tally.faults.get("HandlerFails:" + how) ?? 0, 0)
        expectDefect(
          { options: { handler: () => slip }, schedule: { ...schedule, faults, operations } },
          { rule: "no handler dies", device: "desktop", found: withStack }
        )
      }
    })

    it("is none where it fails with a HandlerError", () => {
      const failed = new HandlerError({ detail: "not today" })
      assert.isUndefined(run(schedule, { handler: () => () => Effect.fail(failed) }).violation)
    })

    it("breaks a rule in the simulation of a program", () => {
      const program: Program = (group) =>
        Effect.gen(function* () {
          group.onReflected(() => slip)
          yield* group.joined
          yield* group.on("phone", (device) => device.reflect(item("milk")))
          yield* group.settled
        })
      const { violation } = runProgram({ ...quiet, operations: [] }, program)
      assert.deepInclude(violation, { oracle: "defects", rule: "no handler dies", device: "desktop" })
      assert.match(violation!.found, withStack)
      assert.strictEqual(violation!.expected, "a handler that ends, or fails with a HandlerError")
    })
  })

  it("of a mediator that does not come up is told at once, and why", () => {
    const conditions = { ...calm, mediator: { maxDeviceSlots: -3 } }
    expectDefect(
      { schedule: { ...quiet, conditions } },
      { rule: "the mediator comes up", found: /^InvalidOptions: .*maxDeviceSlots/s }
    )
  })
})
