import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { fromText, read, split } from "../src/demo/Messages.ts"

describe("Messages", () => {
  it("makes a message of each line that says something", () => {
    assert.deepStrictEqual(fromText("one\r\n\n  \ntwo\n"), ["one", "two"])
  })

  it("splits what is too long for one message between characters", () => {
    const line = "🐈".repeat(4000)
    const pieces = split(line)
    assert.strictEqual(pieces.join(""), line)
    assert.deepStrictEqual(
      pieces.map((piece) => Buffer.byteLength(piece)),
      [7000, 7000, 2000]
    )
    assert.deepStrictEqual(
      ["x".repeat(7000), "x".repeat(7001)].map((line) => split(line).length),
      [1, 2]
    )
  })

  it.effect("names the file it cannot read", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read(Option.some("/nowhere/at/all.txt")))
      assert.strictEqual(error._tag, "UnreadableText")
      assert.include(error.message, "/nowhere/at/all.txt")
    })
  )
})
