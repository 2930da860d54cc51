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
