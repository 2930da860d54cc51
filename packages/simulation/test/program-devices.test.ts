import { HandlerError, registerAgain, Transaction } from "@d2m/client"
import { DeviceId } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import {
  type OracleMaker,
  plainDevice,
  type Program,
  programSchedule,
  runProgram,
  type WorldEvent,
  type WorldFault
} from "../src/index.ts"
import { item } from "./programs.ts"

const names = { devices: ["phone", "desktop"] }

/** Plays a program in a world without faults of its own, and gives what was seen of the phone besides. */
const played = (program: Program) => {
  const seen: Array<WorldEvent> = []
  const onlooker: OracleMaker = {
    name: "onlooker",
    make: () => ({
      see: (event) => {
        if ("device" in event && event.device === "phone") seen.push(event)
      }
    })
  }
  const schedule = programSchedule(1, { ...names, faults: "none", duration: 120_000 })
  const { violation } = runProgram(schedule, program, { ...names, oracles: [onlooker] })
  return { violation, seen: (tag: WorldEvent["_tag"]) => seen.filter(({ _tag }) => _tag === tag).length }
}

describe("what a program does with a device", () => {
  it("may hurry the next connection, and the oracles know it", () => {
    const tries: Array<boolean> = []
    const { seen, violation } = played((group) =>
      Effect.gen(function* () {
        yield* group.joined
        yield* Effect.forkChild(group.strike({ _tag: "Refuse", device: "phone", lasts: 60_000 }))
        yield* group.strike({ _tag: "Reset", device: "phone" })
        for (let n = 0; n < 10; n++) {
          yield* Effect.sleep("5 seconds")
          tries.push(yield* group.on("phone", (device) => device.retryNow))
        }
        yield* group.settled
      })
    )
    assert.isUndefined(violation)
    assert.isAbove(tries.filter((hasWaited) => hasWaited).length, 5)
    assert.deepStrictEqual([seen("Asked"), seen("Answered")], [10, 10])
  })

  it("shows what it is told of devices and shared data, and what comes of its preconditions", () => {
    const told: Array<unknown> = []
    const { seen, violation } = played((group) =>
      Effect.gen(function* () {
        yield* group.joined
        yield* group.on("phone", (device) =>
          Effect.gen(function* () {
            told.push((yield* device.devices).size)
            yield* device.setSharedData({ version: 3 })
            told.push(yield* device.sharedData)
            let checks = 0
            const precondition = Effect.sync(() => ++checks < 4)
            const body = Effect.flatMap(Transaction, ({ reflect }) => reflect(item("hello")))
            yield* device.transaction({ scope: 1, precondition }, body)
            const error = yield* Effect.flip(device.transaction({ scope: 1, precondition }, body))
            told.push(error._tag === "PreconditionFailed" && error.lockHeld)
          })
        )
        yield* group.settled
      })
    )
    assert.isUndefined(violation)
    assert.deepStrictEqual(told, [2, Option.some({ version: 3 }), true])
    assert.deepStrictEqual([seen("Asked"), seen("Answered"), seen("Checked"), seen("Entered")], [3, 3, 4, 1])
  })

  it("is shown to oracles with its contents: what it reflects and drops, and what is promised", () => {
    const seen: Array<Extract<WorldEvent, { readonly _tag: "ProgramAsked" | "ProgramAnswered" }>> = []
    const onlooker: OracleMaker = {
      name: "onlooker",
      make: () => ({
        see: (event) => {
          if (event._tag === "ProgramAsked" || event._tag === "ProgramAnswered") seen.push(event)
        }
      })
    }
    const [a, b] = [item("a"), item("b")] as const
    const schedule = programSchedule(1, { ...names, faults: "none", duration: 20_000 })
    const promised: Array<number> = []
    const program: Program = (group) =>
      Effect.gen(function* () {
        yield* group.joined
        yield* group.on("phone", (device) =>
          Effect.gen(function* () {
            promised.push(Number(yield* device.reflect(a)))
            promised.push(...(yield* device.reflectAll([a, b])).map(Number))
            yield* device.reflectEphemeral(b)
            yield* device.transaction(
              { scope: 1 },
              Effect.gen(function* () {
                const transaction = yield* Transaction
                promised.push(Number((yield* transaction.reflect(a)).timestamp))
                return yield* Effect.flip(device.reflect(b))
              })
            )
            yield* device.drop(DeviceId.make(99n))
          })
        )
        yield* group.settled
      })
    const { violation } = runProgram(schedule, program, { ...names, oracles: [onlooker] })
    assert.isUndefined(violation)
    const asked = seen.flatMap((event) => (event._tag === "ProgramAsked" ? [event] : []))
    const transaction = asked[3]!.call
    assert.deepStrictEqual(
      asked.map(({ ask }) => ask),
      [
        { _tag: "Reflect", contents: [a] },
        { _tag: "Reflect", contents: [a, b] },
        { _tag: "Ephemeral", contents: [b] },
        { _tag: "Transaction", scope: 1 },
        { _tag: "TransactionReflect", contents: [a], call: transaction },
        { _tag: "Reflect", contents: [b] },
        { _tag: "Drop", deviceId: 99n }
      ]
    )
    const answers = asked.map(({ call }) =>
      seen.flatMap((event): ReadonlyArray<string | number> => {
        if (event._tag !== "ProgramAnswered" || event.call !== call) return []
        return event.answer._tag === "Done" ? event.answer.timestamps : [event.answer.error]
      })
    )
    const at = (index: number) => promised[index]!
    assert.deepStrictEqual(answers, [[at(0)], [at(1), at(2)], [], [], [at(3)], ["ReflectNested"], []])
  })

  it("may answer in the user's place, who is not asked any more", () => {
    const answers: Array<boolean> = []
    const { seen, violation } = played((group) =>
      Effect.gen(function* () {
        yield* group.joined
        const phone = group.world.devices.get("phone")!
        yield* group.on("desktop", (device) => device.drop(phone.deviceId))
        yield* Effect.sleep("300 millis")
        for (let n = 0; n < 2; n++) answers.push(yield* group.on("phone", (device) => device.resume(registerAgain)))
        yield* group.settled
      })
    )
    assert.isUndefined(violation)
    assert.deepStrictEqual(answers, [true, false])
    assert.strictEqual(seen("UserAnswered"), 1)
  })

  it("is not done any more when it was given up while the device stood still", () => {
    let hasBegun = false
    const { violation } = played((group) =>
      Effect.gen(function* () {
        yield* group.joined
        yield* Effect.forkChild(group.strike({ _tag: "Pause", device: "phone", lasts: 5_000 }))
        yield* Effect.sleep("1 second")
        const begin = Effect.sync(() => {
          hasBegun = true
        })
        yield* Effect.timeoutOption(
          group.on("phone", () => begin),
          "1 second"
        )
        yield* Effect.sleep("10 seconds")
      })
    )
    assert.isUndefined(violation)
    assert.isFalse(hasBegun)
  })

  it("may ask for what is in quarantine again, which it alone may", () => {
    let isBroken = true
    const left: Array<number> = []
    const { seen, violation } = played((group) =>
      Effect.gen(function* () {
        group.onReflected(() => () => (isBroken ? Effect.fail(new HandlerError({ detail: "not yet" })) : Effect.void))
        yield* group.joined
        yield* group.on("desktop", (device) => device.reflect(item("hello")))
        yield* Effect.sleep("10 seconds")
        isBroken = false
        yield* group.on("phone", ({ quarantine }) =>
          Effect.gen(function* () {
            const [entry] = yield* quarantine.list
            yield* quarantine.replay(entry!.id)
            left.push((yield* quarantine.list).length)
          })
        )
        yield* group.settled
      })
    )
    assert.isUndefined(violation)
    assert.deepStrictEqual(left, [0])
    assert.strictEqual(seen("Handling"), 4)
  })

  it("has ended with its finalizers when it was given up", () => {
    const order: Array<string> = []
    const { violation } = played((group) =>
      Effect.gen(function* () {
        yield* group.joined
        const left = Effect.andThen(
          Effect.sleep("3 seconds"),
          Effect.sync(() => order.push("left"))
        )
        yield* Effect.timeoutOption(
          group.on("phone", () => Effect.ensuring(Effect.never, left)),
          "1 second"
        )
        order.push("given up")
      })
    )
    assert.isUndefined(violation)
    assert.deepStrictEqual(order, ["left", "given up"])
  })

  it("is given up at once when its device crashes, which has no finalizers", () => {
    const order: Array<string> = []
    const { violation } = played((group) =>
      Effect.gen(function* () {
        yield* group.joined
        const never = Effect.ensuring(
          Effect.never,
          Effect.andThen(
            Effect.never,
            Effect.sync(() => order.push("left"))
          )
        )
        const crash = { _tag: "Crash", device: "phone", downFor: 3_000, withoutStorage: false, isTold: true } as const
        yield* Effect.forkChild(Effect.delay(group.strike(crash), "5 seconds"))
        yield* Effect.timeoutOption(
          group.on("phone", () => never),
          "1 second"
        )
        order.push("given up")
        yield* group.settled
      })
    )
    assert.isUndefined(violation)
    assert.deepStrictEqual(order, ["given up"])
  })

  it("may not stop it for good", () => {
    const { violation } = played((group) =>
      Effect.gen(function* () {
        yield* group.joined
        yield* group.on("phone", (device) => device.stop)
      })
    )
    assert.match(violation!.found, /a program cannot stop phone, .*: strike a Crash$/)
  })
})

describe("a device that a program adds to the world", () => {
  it("may chat, and be put out by the chat server", () => {
    const ends: Array<string> = []
    const { violation } = played((group) =>
      Effect.gen(function* () {
        yield* group.joined
        const tablet = group.world.addDevice({ ...plainDevice("tablet"), chats: true })
        tablet.start()
        yield* Effect.sleep("2 seconds")
        yield* group.strike({ _tag: "ChatFails", how: "Ended", lasts: 3_000 })
        yield* group.on("tablet", ({ state }) => Effect.map(state.get, ({ _tag }) => ends.push(_tag)))
        yield* group.settled
        yield* group.on("tablet", ({ state }) => Effect.map(state.get, ({ _tag }) => ends.push(_tag)))
      })
    )
    assert.isUndefined(violation)
    assert.deepStrictEqual(ends, ["Waiting", "Live"])
  })

  it("may be of a group of its own, whose boxes and slots are nobody else's", () => {
    const told: Array<unknown> = []
    const { violation } = played((group) =>
      Effect.gen(function* () {
        yield* group.joined
        yield* group.on("phone", (device) => device.setSharedData({ version: 3 }))
        const { world } = group
        for (const name of ["stranger", "friend"]) world.addDevice({ ...plainDevice(name), group: 1 }).start()
        yield* Effect.sleep("2 seconds")
        yield* group.on("stranger", (device) =>
          Effect.gen(function* () {
            told.push((yield* device.devices).size, yield* device.sharedData)
            yield* device.setSharedData({ version: 4 })
            yield* device.reflect(item("hello"))
            told.push(yield* device.sharedData)
          })
        )
        told.push(yield* group.on("phone", (device) => device.sharedData))
        world.devices.get("friend")!.perform({ _tag: "Reflect", count: 1, bytes: 9 })
        world.devices.get("phone")!.perform({ _tag: "GetSharedData" })
        yield* group.settled
      })
    )
    assert.isUndefined(violation)
    assert.deepStrictEqual(told, [2, Option.none(), Option.some({ version: 4 }), Option.some({ version: 3 })])
  })
})

describe("a fault that a program strikes with", () => {
  const wrong: ReadonlyArray<readonly [fault: WorldFault, found: RegExp]> = [
    [{ _tag: "Pause", device: "phone", lasts: Infinity }, /a finite number, found Infinity, at lasts$/],
    [{ _tag: "Pause", device: "phone", lasts: -1 }, /between 0 and 31622400000, found -1, at lasts$/],
    [{ _tag: "Misbehave", device: "phone", how: "LoseAcks", count: 0.5 }, /an integer, found 0.5, at count$/],
    [{ _tag: "Meteor" } as unknown as WorldFault, /expected Stall, Delay, .*, Misbehave, found "Meteor", at _tag$/],
    [{ _tag: "Reset", device: "toaster" }, /there is no device "toaster"/]
  ]

  for (const [fault, found] of wrong) {
    it(`is none if it is ${fault._tag} with ${String(Object.values(fault).at(-1))}`, () => {
      const { violation } = played((group) => group.strike(fault))
      assert.match(violation!.found, /InvalidSchedule: invalid schedule: /)
      assert.match(violation!.found, found)
    })
  }

  it("may be one of a twin, there or not", () => {
    assert.isUndefined(played((group) => group.strike({ _tag: "Reset", device: "phone'1" })).violation)
  })
})
