import { assert, describe, it } from "@effect/vitest"
import { play } from "./worlds.ts"

const mebibyte = 1024 * 1024

describe("a connection that stands still", () => {
  it("takes a mebibyte from its device, and more when that has moved on", () => {
    const count = 50
    const { result, seen } = play([
      { at: 2_000, fault: { _tag: "Stall", device: "phone", ways: ["up"], lasts: 6_000 } },
      ...Array.from({ length: 4 }, () => ({
        at: 3_000,
        device: "phone",
        operation: { _tag: "Reflect", count, bytes: 10_000 } as const
      }))
    ])
    const reflects = seen("DeviceSent", "phone").filter(({ frame }) => frame?._tag === "Reflect")
    const bytes = (frames: typeof reflects) => frames.reduce((sum, { message }) => sum + message.length, 0)
    const early = reflects.filter(({ at }) => at < 8_000)
    // The write that fills it is taken whole: 64 KiB, and the rest of the message in which they end.
    assert.isAbove(bytes(early), mebibyte)
    assert.isBelow(bytes(early), mebibyte + 65_536 + 10_000)
    assert.strictEqual(reflects.length, 4 * count)
    assert.lengthOf(
      seen("Answered", "phone").filter(({ answer }) => answer._tag === "Done"),
      4
    )
    assert.isUndefined(result.violation)
  })
})

describe("a way that is slow", () => {
  const slow = (at: number, bytesPerMilli: number, lasts: number) =>
    ({ at, fault: { _tag: "Slow", device: "phone", way: "up", bytesPerMilli, lasts } }) as const
  const reflect = {
    at: 4_000,
    device: "phone",
    operation: { _tag: "Reflect", count: 3, bytes: 2_000 } as const
  }
  const arrivals = (faults: ReadonlyArray<ReturnType<typeof slow>>) => {
    const { result, seen } = play([...faults, reflect])
    assert.isUndefined(result.violation)
    const messages = seen("MediatorReceived", "phone").filter(({ frame }) => frame?._tag === "Reflect")
    return { at: messages.map(({ at }) => at), length: messages[0]!.message.length }
  }

  it("carries what is left as fast as it can when that is over", () => {
    const { at, length } = arrivals([slow(3_000, 1, 3_500)])
    assert.isBelow(length, 2_500)
    assert.deepStrictEqual(at, [4_001 + length, 6_501, 6_501])
  })

  it("carries the rest of a message more slowly when a lower limit begins", () => {
    const { at, length } = arrivals([slow(3_000, 1, 9_000), slow(5_000, 0.5, 9_000)])
    assert.strictEqual(at[0], 5_001 + 2 * (length - 1_000))
  })
})
