import { assert, describe, it } from "@effect/vitest"
import { enums, frames, layoutOf, messageRows, messages } from "../src/explain.ts"
import { clientFrames, serverFrames } from "../src/frames/index.ts"
import * as protocol from "./protocol-table.ts"

describe("the lists of declarations", () => {
  it("have every message and every enum of the protocol", () => {
    assert.deepStrictEqual([...messages.keys()].toSorted(), Object.keys(protocol.messages).toSorted())
    assert.deepStrictEqual([...enums.keys()].toSorted(), Object.keys(protocol.enums).toSorted())
  })

  it("have every frame, by type", () => {
    assert.strictEqual(frames.size, clientFrames.length + serverFrames.length - 1)
    assert.deepStrictEqual(
      [...frames.keys()],
      [...frames.keys()].toSorted((a, b) => a - b)
    )
  })

  it("say of every field what it means", () => {
    for (const frame of frames.values()) {
      assert.isNotEmpty(frame.meaning)
      for (const { meaning, name } of layoutOf(frame)) assert.isNotEmpty(meaning, `${frame.name}.${name}`)
    }
    for (const [name, schema] of messages) {
      for (const row of messageRows(schema)) assert.isNotEmpty(row.meaning, `${name}.${row.name}`)
    }
  })

  it("say of every box which message is inside", () => {
    const held = [...frames.values()].flatMap((frame) => layoutOf(frame).flatMap(({ box }) => box?.holds ?? []))
    for (const schema of messages.values()) {
      for (const { element } of messageRows(schema)) {
        if (element.type === "bytes" && element.box !== undefined) held.push(element.box.holds)
      }
    }
    assert.strictEqual(held.length, 10)
    for (const name of held) assert.isTrue(name === "challenge" || messages.has(name), name)
  })
})
