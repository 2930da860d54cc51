import { assert, describe, it } from "@effect/vitest"
import { header, render, toJson, wrap } from "../src/demo/Timeline.ts"

const canvas = { columns: 88, colours: false }

describe("Timeline", () => {
  it("puts each participant into a lane of its own", () => {
    const phone = render({ at: 12, lane: "phone", kind: "sent", text: "hello" }, canvas)
    const mediator = render({ at: 1012, lane: "mediator", kind: "note", text: "hello" }, canvas)
    assert.strictEqual(phone, " 0.012  → hello")
    assert.strictEqual(mediator, ` 1.012  ${" ".repeat(60)}· hello`)
    assert.strictEqual(header(canvas).indexOf("mediator"), mediator.indexOf("·"))
  })

  it("wraps long text inside the lane, cutting words that do not fit", () => {
    const text = "one two three " + "x".repeat(40)
    const lines = render({ at: 0, lane: "desktop", kind: "received", text }, canvas).split("\n")
    assert.isAbove(lines.length, 2)
    for (const line of lines) {
      assert.isAtMost(line.length, 8 + 40)
      assert.strictEqual(line.slice(8, 28).trim(), "")
    }
    assert.strictEqual(
      lines
        .map((line) => line.slice(30).trim())
        .join("")
        .replaceAll(" ", ""),
      text.replaceAll(" ", "")
    )
  })

  it("counts characters, not UTF-16 units, when it wraps", () => {
    assert.deepStrictEqual(wrap("🐈🐈🐈🐈", 2), ["🐈🐈", "🐈🐈"])
  })

  it("keeps control characters of foreign text away from the terminal", () => {
    assert.notInclude(render({ at: 0, lane: "phone", kind: "sent", text: "\u001b[2Jboo\u202e" }, canvas), "\u001b")
    assert.notInclude(render({ at: 0, lane: "phone", kind: "sent", text: "a\u202eb" }, canvas), "\u202e")
  })

  it("colours only where it may", () => {
    const event = { at: 0, lane: "phone", kind: "trouble", text: "cut" } as const
    assert.include(render(event, { ...canvas, colours: true }), "\u001b[31m")
    assert.notInclude(render(event, canvas), "\u001b")
  })

  it("prints one JSON object a line", () => {
    const line = toJson({ at: 5, lane: "tablet", kind: "state", text: "Live\n" })
    assert.notInclude(line, "\n")
    assert.deepStrictEqual(JSON.parse(line), { type: "event", at: 5, lane: "tablet", kind: "state", text: "Live\n" })
  })
})
