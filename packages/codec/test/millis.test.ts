import { millisOf } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"

describe("the milliseconds of a duration", () => {
  it.each([
    [0, 0],
    [-1.5, -1.5],
    [Infinity, Infinity],
    [1_500_000n, 1.5],
    ["2 seconds", 2000],
    ["1500 micros", 1.5],
    [[1, 500_000_000], 1500],
    [{ minutes: 1, milliseconds: 1 }, 60_001],
    [{ seconds: 0 }, 0],
    [Duration.hours(1), 3_600_000],
    [Duration.infinity, Infinity]
  ])("%o takes %d", (input, millis) => {
    assert.strictEqual(millisOf(input), millis)
  })

  it.each([
    NaN,
    "soon",
    "10",
    "",
    {},
    { minute: 5 },
    { minutes: "5" },
    { minutes: NaN },
    [1],
    [NaN, 0],
    null,
    undefined,
    true
  ])("%o takes none", (input) => {
    assert.isNaN(millisOf(input))
  })

  it("those of infinities of both signs are none", () => {
    assert.isNaN(millisOf({ minutes: Infinity, seconds: -Infinity }))
  })
})
