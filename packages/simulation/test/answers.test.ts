import { assert, describe, it } from "@effect/vitest"
import { DeviceId } from "@d2m/codec"
import type { Operation } from "../src/index.ts"
import { run, swarm } from "../src/index.ts"
import { type Entry, play, reflect } from "./worlds.ts"

const asks = (at: number, device: string, operation: Operation): Entry => ({ at, device, operation })

const transaction = (at: number, device: string, holdsFor: number, pause = 0): Entry =>
  asks(at, device, { _tag: "Transaction", count: 1, bytes: 10, pause, ttl: 0, fails: false, holdsFor })

describe("what a device tells its application", () => {
  it("is seen of lists of devices and of shared data", () => {
    const { result, seen } = play([
      asks(3_000, "phone", { _tag: "GetSharedData" }),
      asks(3_100, "phone", { _tag: "SetSharedData", version: 7 }),
      asks(3_200, "phone", { _tag: "GetSharedData" }),
      asks(4_000, "desktop", { _tag: "SwitchOff", lasts: 1_000 }),
      asks(4_500, "phone", { _tag: "ListDevices" }),
      asks(8_000, "desktop", { _tag: "GetSharedData" })
    ])
    assert.isUndefined(result.violation)
    const told = seen("Answered").flatMap(({ answer }) =>
      answer._tag === "Done" && answer.told !== undefined ? [answer.told] : []
    )
    const [before, after, list, others] = told
    assert.deepStrictEqual(before, { _tag: "SharedData", version: undefined })
    assert.deepStrictEqual(after, { _tag: "SharedData", version: 7 })
    assert.deepStrictEqual(others, { _tag: "SharedData", version: 7 })
    assert.deepStrictEqual(
      list?._tag === "Devices"
        ? list.devices.map(({ connection, description, deviceId }) => [deviceId, description, connection?.isConnected])
        : [],
      [
        [DeviceId.make(1n), "phone, platform 3", true],
        [DeviceId.make(2n), "desktop, platform 3", false]
      ]
    )
  })

  it("is seen of preconditions, on either side of the lock", () => {
    const { result, seen } = play([
      transaction(3_000, "phone", 60_000),
      transaction(4_000, "phone", 0),
      transaction(5_000, "phone", 1),
      asks(6_000, "phone", { _tag: "Transaction", count: 1, bytes: 10, pause: 0, ttl: 0, fails: false })
    ])
    assert.isUndefined(result.violation)
    const calls = seen("Asked").map(({ call }) => call)
    assert.deepStrictEqual(
      seen("Checked").map(({ call, holds }) => [calls.indexOf(call), holds]),
      [
        [0, true],
        [0, true],
        [1, false],
        [2, true],
        [2, false]
      ]
    )
    assert.deepStrictEqual(
      seen("Entered").map(({ call }) => calls.indexOf(call)),
      [0]
    )
    assert.deepStrictEqual(
      seen("Answered").map(({ answer }) => (answer._tag === "Failed" ? answer.lockHeld : "Done")),
      ["Done", false, true, "Done"]
    )
  })

  it("is seen of what is left when it stops, as a whole and by each call", () => {
    const { result, seen } = play([
      { at: 3_000, fault: { _tag: "Stall", device: "phone", ways: ["up"], lasts: 6_000 } },
      reflect(4_000, "phone"),
      asks(4_100, "phone", { _tag: "Reflect", count: 2, bytes: 10 }),
      asks(5_000, "phone", { _tag: "SwitchOff", lasts: 1_000 })
    ])
    assert.isUndefined(result.violation)
    assert.deepStrictEqual(
      seen("HandedBack").map(({ unacked }) => unacked),
      [[1, 2, 3]]
    )
    assert.deepStrictEqual(
      seen("Answered").map(({ answer }) => (answer._tag === "Failed" ? answer.unacked : "Done")),
      [[1], [2, 3]]
    )
  })
})

describe("the preconditions that seeds draw", () => {
  it("hold, never hold, and stop to hold between the question and the lock", () => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 40; seed++) {
      run(swarm({ seed, faults: "light" }), {
        witnesses: [
          (event) => {
            if (event._tag !== "Answered" || event.operation._tag !== "Transaction") return
            if (event.operation.holdsFor === undefined) return
            const { answer } = event
            outcomes.add(answer._tag === "Done" ? "Done" : `${answer.error} ${answer.lockHeld}`)
          }
        ]
      })
    }
    assert.includeMembers([...outcomes], ["Done", "PreconditionFailed true", "PreconditionFailed false"])
  })
})
