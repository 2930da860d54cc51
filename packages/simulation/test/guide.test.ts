/**
 * The worked example of the guide: what is printed there is what its program prints.
 */
import { D2d } from "@d2m/codec"
import { type Program, simulate } from "@d2m/simulation"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"

const guide = readFileSync(new URL("../README.md", import.meta.url), "utf8")
const printed = /```\n(seed 7 broke a rule[^]*?)\ntold in full/.exec(guide)![1]!
const lines = printed.split("\n").filter((line) => line !== "(…)" && line !== "")
const program = /^const counter: Program[^]*?^ {2}\}\)$/m

const counter: Program = (group) =>
  Effect.gen(function* () {
    let counted = 0
    group.onReflected(
      () => (batch) =>
        Effect.sync(() => {
          counted += batch.length
        })
    )
    yield* group.joined
    for (let said = 1; said <= 4; said++) {
      const value = D2d.OutgoingMessage.make({ messageId: BigInt(said) })
      yield* group.on("phone", (device) => device.reflect({ _tag: "outgoingMessage", value }))
      yield* Effect.sleep("5 seconds")
    }
    yield* group.settled
    expect(counted).toBe(4)
  })

describe("the guide", () => {
  it("shows the program that is run here", () => {
    const own = readFileSync(new URL(import.meta.url), "utf8")
    assert.strictEqual(program.exec(guide)?.[0], program.exec(own)![0])
  })

  it.effect("prints what its counter comes to", () =>
    Effect.gen(function* () {
      const options = { seeds: 10, devices: ["phone", "desktop"], duration: 20_000 }
      const failure = yield* Effect.flip(simulate(counter, options))
      const told = failure.message.split("\n")
      assert.isAbove(lines.length, 40)
      for (const line of lines) {
        assert.include(told, line)
      }
    })
  )
})
