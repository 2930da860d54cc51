import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { VirtualChat } from "../src/VirtualChat.ts"
import { play, reflect } from "./worlds.ts"
import { plainDevice } from "../src/index.ts"

const noted = (): { (): void; times: number } => {
  const note = () => {
    note.times++
  }
  note.times = 0
  return note
}

describe("faults at the same time", () => {
  it("are both counted when a handler suffers from one after the other", () => {
    const { acted, seen } = play([
      { at: 2_000, fault: { _tag: "HandlerFails", device: "desktop", how: "Fails", lasts: 4_000 } },
      { at: 2_500, fault: { _tag: "HandlerStalls", device: "desktop", lasts: 500 } },
      reflect(3_500, "phone")
    ])
    assert.isTrue(seen("Handled", "desktop").some(({ outcome }) => outcome === "Failed"))
    assert.strictEqual(acted("HandlerFails:Fails"), 1)
    assert.strictEqual(acted("HandlerStalls"), 0)
  })

  it("are both counted when a write fails for both", () => {
    const { acted } = play([
      { at: 2_000, fault: { _tag: "DiskFull", device: "desktop", lasts: 3_000 } },
      { at: 2_500, fault: { _tag: "DiskFull", device: "desktop", lasts: 3_000 } },
      reflect(3_000, "phone")
    ])
    assert.strictEqual(acted("DiskFull"), 2)
  })

  it("count the limit that holds, and not the one that would not have been felt", () => {
    const slow = (at: number, bytesPerMilli: number) =>
      ({ at, fault: { _tag: "Slow", device: "phone", way: "up", bytesPerMilli, lasts: 3_000 } }) as const
    const { acted, seen } = play([slow(2_000, 1), slow(2_500, 50), reflect(3_000, "phone")])
    const reflected = seen("MediatorReceived", "phone").find(({ frame }) => frame?._tag === "Reflect")!
    assert.strictEqual(reflected.at, 3_001 + reflected.message.length)
    assert.strictEqual(acted("Slow:up"), 1)
  })

  it("hold one way up no longer than its own of them, while the other still stands", () => {
    const stall = (at: number, way: "up" | "down", lasts: number) =>
      ({ at, fault: { _tag: "Stall", device: "phone", ways: [way], lasts } }) as const
    const { seen } = play([stall(2_000, "up", 2_000), stall(3_000, "down", 5_000), reflect(3_500, "phone")])
    const taken = seen("MediatorReceived", "phone").find(({ frame }) => frame?._tag === "Reflect")
    const acked = seen("DeviceReceived", "phone").find(({ frame }) => frame?._tag === "ReflectAck")
    assert.deepStrictEqual([taken?.at, acked?.at], [4_000, 8_000])
  })

  it("pause a device until the last of them is over", () => {
    const { seen } = play([
      { at: 4_000, fault: { _tag: "Pause", device: "phone", lasts: 2_000 } },
      { at: 5_000, fault: { _tag: "Pause", device: "phone", lasts: 9_000 } }
    ])
    const changes = seen("Machine", "phone").map(({ at, change }) => [change, at])
    assert.deepStrictEqual(changes, [
      ["Started", 0],
      ["Paused", 4_000],
      ["Resumed", 14_000]
    ])
  })

  it("leave the later one in force when the earlier of two chat troubles ends", () => {
    const chat = new VirtualChat()
    const open = () => Effect.runSyncExit(Effect.scoped(chat.service.open({} as never)))
    const first = noted()
    const second = noted()
    const undoFirst = chat.fail("Unreachable", first)
    const undoSecond = chat.fail("Failed", second)
    undoFirst()
    undoFirst()
    assert.isTrue(Exit.isFailure(open()))
    assert.deepStrictEqual([first.times, second.times], [0, 1])
    undoSecond()
    assert.isTrue(Exit.isSuccess(open()))
  })
})

describe("a fault that finds nothing to act on", () => {
  it("does not start a device that its user has switched off, and is not counted", () => {
    const { acted, seen } = play([
      { at: 3_000, device: "phone", operation: { _tag: "SwitchOff", lasts: 12_000 } },
      {
        at: 4_000,
        fault: { _tag: "Crash", device: "phone", downFor: 2_000, withoutStorage: false, isTold: true }
      }
    ])
    assert.deepStrictEqual(
      seen("Machine", "phone").map(({ at, change }) => [change, at]),
      [
        ["Started", 0],
        ["Stopped", 3_000],
        ["Started", 15_000]
      ]
    )
    assert.strictEqual(acted("Crash:withStorage"), 0)
  })

  it("is not counted, whatever it would have held up", () => {
    const { acted } = play([
      { at: 8_000, fault: { _tag: "Stall", device: "phone", ways: ["up", "down"], lasts: 1_000 } },
      { at: 8_000, fault: { _tag: "Delay", device: "phone", way: "up", by: 500, lasts: 1_000 } },
      { at: 8_000, fault: { _tag: "Slow", device: "phone", way: "up", bytesPerMilli: 1, lasts: 1_000 } },
      { at: 8_000, fault: { _tag: "SlowReader", device: "phone", gap: 500, lasts: 1_000 } },
      { at: 8_000, fault: { _tag: "StoreSlow", by: 500, lasts: 1_000 } }
    ])
    for (const name of ["Stall:both", "Delay:up", "Slow:up", "SlowReader", "StoreSlow"]) {
      assert.strictEqual(acted(name), 0, name)
    }
  })

  it("is counted once a device dials into it", () => {
    const { acted, seen } = play(
      [
        { at: 4_000, fault: { _tag: "Stall", device: "phone", ways: ["down"], lasts: 3_000 } },
        { at: 4_000, fault: { _tag: "ClockJump", device: "phone", by: 1_000 } }
      ],
      { devices: [plainDevice("phone", { joinsAt: 5_000 }), plainDevice("desktop")] }
    )
    assert.strictEqual(seen("Opened", "phone")[0]?.at, 7_000)
    assert.strictEqual(acted("Stall:down"), 1)
    assert.deepStrictEqual(
      seen("Fault", "phone").flatMap(({ at, kind, phase }) => (phase === "Fired" ? [[kind, at]] : [])),
      [
        ["ClockJump", 5_000],
        ["Stall", 5_002]
      ]
    )
  })

  it("does not find the connection of two processes that are both gone", () => {
    const { acted, world } = play(
      [
        {
          at: 3_000,
          fault: { _tag: "Crash", device: "phone", downFor: 15_000, withoutStorage: false, isTold: false }
        },
        { at: 4_000, fault: { _tag: "MediatorCrash", downFor: 1_000, kept: 0, isTold: true } },
        { at: 8_000, fault: { _tag: "Reset", device: "phone" } },
        { at: 9_000, fault: { _tag: "Vanish", device: "phone" } }
      ],
      {},
      {
        prepare: (world) =>
          world.after(8_500, () => assert.strictEqual(world.devices.get("phone")!.route.pipes.size, 0))
      }
    )
    assert.strictEqual(acted("Reset"), 0)
    assert.strictEqual(acted("Vanish"), 0)
    assert.strictEqual(world.devices.get("phone")!.route.pipes.size, 1)
  })
})

describe("a user who switches a device off", () => {
  it("gets to it when the device is not paused any more", () => {
    const { seen } = play([
      { at: 3_000, fault: { _tag: "Pause", device: "phone", lasts: 5_000 } },
      { at: 4_000, device: "phone", operation: { _tag: "SwitchOff", lasts: 2_000 } }
    ])
    assert.deepStrictEqual(
      seen("DeviceClosed", "phone").map(({ at }) => at),
      [8_000]
    )
    assert.deepStrictEqual(
      seen("Machine", "phone").map(({ at, change }) => [change, at]),
      [
        ["Started", 0],
        ["Paused", 3_000],
        ["Resumed", 8_000],
        ["Stopped", 8_000],
        ["Started", 10_000]
      ]
    )
  })
})
