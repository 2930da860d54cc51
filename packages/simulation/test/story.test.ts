import { assert, describe, it } from "@effect/vitest"
import {
  calm,
  faultLane,
  type Label,
  type LanesOptions,
  lanesText,
  mediatorName,
  run,
  plainDevice,
  type RunResult,
  type Schedule,
  Story,
  type StoryEntry,
  swarm,
  timeText
} from "../src/index.ts"

/** Two devices on an even network; what the phone reflects vanishes, and comes a second time. */
const vanished: Schedule = {
  version: 1,
  seed: 1,
  duration: 5_000,
  conditions: { ...calm, latency: { base: 10, spread: 0, tailChance: 0, tail: 0 }, userDelay: 3_600_000 },
  devices: [plainDevice("phone"), plainDevice("desktop")],
  operations: [{ at: 3_000, device: "phone", operation: { _tag: "Reflect", count: 1, bytes: 5 } }],
  faults: [
    { at: 2_500, fault: { _tag: "Vanish", device: "phone" } },
    { at: 4_000, fault: { _tag: "Twin", device: "desktop", lasts: 500 } }
  ]
}

const tell = (schedule: Schedule): { readonly entries: ReadonlyArray<StoryEntry>; readonly result: RunResult } => {
  const story = new Story()
  const result = run(schedule, { witnesses: [story.see] })
  return { entries: story.entries, result }
}

const { entries, result } = tell(vanished)
const page = (options: LanesOptions = {}) => lanesText(entries, result.violation, options).split("\n")

describe("a story", () => {
  it("has a column for each device, for what goes wrong, and for the mediator", () => {
    const columns = page()[0]!
      .split("│")
      .map((cell) => cell.trim())
    assert.deepStrictEqual(columns, ["time", "phone", "desktop", "desktop'1", faultLane, mediatorName])
  })

  it("tells each thing in its column, with its time", () => {
    const cells = page()
      .slice(2)
      .map((line) => line.split("│").map((cell) => cell.trim()))
    const find = (column: number, text: string) => {
      const row = cells.findIndex((row) => row[column]?.startsWith(text))
      assert.isAtLeast(row, 0, text)
      // A row without a time has that of the row before.
      for (let at = row; ; at--) if (cells[at]![0] !== "") return cells[at]![0]
    }
    assert.strictEqual(find(4, "! Vanish phone"), "+00:02.500")
    assert.strictEqual(find(1, "app asks Reflect"), "+00:03.000")
    assert.strictEqual(find(1, "Reflect 1 →"), "+00:03.000")
    assert.strictEqual(find(4, "! Twin desktop"), "+00:04.000")
    assert.strictEqual(find(3, "== Started =="), "+00:04.000")
    assert.strictEqual(find(5, "== Started =="), "+00:00.000")
  })

  it("says of a content what its label says, in one line, and tells of one that throws", () => {
    const handledWith = (label?: Label) => {
      const story = new Story(label)
      run({ ...vanished, faults: [] }, { witnesses: [story.see] })
      return story.entries.find(({ kind }) => kind === "Handling")!.text
    }
    assert.match(handledWith(), /^handles \d+ \(m1\)$/)
    assert.match(
      handledWith(({ _tag }) => `${_tag}\nof note`),
      /^handles \d+ \(outgoingMessage of note\)$/
    )
    assert.match(
      handledWith(() => undefined),
      /^handles \d+$/
    )
    const thrown = handledWith(() => {
      throw new Error("no note")
    })
    assert.match(thrown, /^handles \d+ \(label: no note\)$/)
  })

  it("marks the messages that never arrived, and no others", () => {
    const lost = entries.filter(({ isLost }) => isLost === true)
    assert.deepInclude(lost[0], { lane: "phone", at: 3_000, text: "Reflect 1 →" })
    // The same message once more, on the connection after that: it arrives 10 ms later.
    const again = entries.find(({ at, lane, text }) => lane === "phone" && at > 3_000 && text === "Reflect 2 →")!
    assert.isUndefined(again.isLost)
    const arrival = entries.find(({ lane, text }) => lane === mediatorName && text.startsWith("→ Reflect 2"))!
    assert.approximately(arrival.at, again.at + 10, 0.001)
  })

  it("ends with the rule that was broken, what was found, and what was expected", () => {
    assert.deepStrictEqual(page().slice(-4), [
      "broken: liveness: once faults are over, everything comes to rest",
      `  when      ${timeText(result.elapsed)}`,
      "  found     desktop is NeedsUser, not Live and dry",
      "  expected  nothing is owed 300 s after the last fault"
    ])
  })

  it("leaves out handshakes and what keeps connections alive, unless it is asked for everything", () => {
    const brief = page().join("\n")
    const full = page({ full: true, width: 200 }).join("\n")
    for (const frame of ["ClientHello", "ServerHello", "GetDevicesInfo"]) {
      assert.notInclude(brief, frame)
      assert.include(full, frame)
    }
    assert.match(brief, /--- \d+ s later ---/)
  })

  it("fits the page, for as long as there is room for the columns", () => {
    for (const width of [100, 120, 140]) {
      const lines = page({ width }).slice(0, -5)
      const widest = Math.max(...lines.map((line) => line.length))
      assert.isAtMost(widest, width)
      assert.isAbove(widest, width - 12)
      // Whatever the width, nothing is cut off.
      const words = (lines: ReadonlyArray<string>) => lines.join("").replace(/[\s│─┼+:.\d()-]/g, "").length
      assert.strictEqual(words(lines), words(page({ width: 240 }).slice(0, -5)))
    }
  })

  it("shows the last rows only, and says how many it leaves out", () => {
    const all = page()
    const last = page({ last: 10 })
    assert.match(last[2]!, /^\(\d+ rows before\)$/)
    assert.strictEqual(last.at(-6), all.at(-6))
    assert.isBelow(last.length, all.length)
  })

  it("shows some rows around its faults besides the last ones, and how many are left out in between", () => {
    const brief = page({ last: 12, around: 1 })
    const [first, second] = ["! Vanish phone", "! Twin desktop"].map((fault) =>
      brief.findIndex((line) => line.includes(fault))
    )
    assert.isAbove(first!, 0)
    assert.isAbove(second!, first!)
    const leftOut = brief.filter((line) => /^\(\d+ rows?( before)?\)$/.test(line))
    assert.match(leftOut[0]!, / before\)$/)
    assert.isAbove(leftOut.length, 1)
    const rows = (lines: ReadonlyArray<string>) => lines.filter((line) => line !== "" && !leftOut.includes(line))
    const all = rows(page())
    assert.isBelow(brief.length, all.length)
    // The same time is not told twice, unless rows are left out between.
    const words = all.map((line) => line.slice(12))
    for (const line of rows(brief)) assert.include(words, line.slice(12))
    // No more than there are last ones, however much is around.
    assert.isTrue(page({ last: 3, around: 50 }).some((line) => /^\(\d+ rows/.test(line)))
    assert.strictEqual(page({ last: 100_000, around: 2 }).join("\n"), page().join("\n"))
  })

  it("says with which status an upgrade was refused, and for how long the server wants to be left alone", () => {
    const refused = { _tag: "RefuseUpgrade", device: "phone", status: 503, retryAfter: 3_000, lasts: 1_000 } as const
    const { entries } = tell({ ...vanished, operations: [], faults: [{ at: 0, fault: refused }] })
    const texts = entries.filter(({ lane }) => lane === "phone" || lane === faultLane).map(({ text }) => text)
    assert.includeMembers(texts, [
      "! RefuseUpgrade phone: withRetryAfter",
      "dial failed: HTTP 503, to be left alone for 3000 ms",
      "[Waiting after UpgradeRefused 503]"
    ])
  })

  it("uses colours for who asks for them, and none for others", () => {
    const plain = page().join("\n")
    const coloured = page({ colours: true }).join("\n")
    assert.notInclude(plain, "\u001b")
    assert.include(coloured, "\u001b[31m")
    // oxlint-disable-next-line no-control-regex
    assert.strictEqual(coloured.replace(/\u001b\[\d+m/g, "").replace(/ +$/gm, ""), plain)
  })

  it("is in order, and the same each time, for whatever a swarm comes up with", () => {
    for (let seed = 0; seed < 5; seed++) {
      const schedule = swarm({ seed, duration: 10_000, faults: "brutal", misbehaving: true })
      const first = tell(schedule)
      const times = first.entries.map(({ at }) => at)
      assert.deepStrictEqual(
        times,
        times.toSorted((a, b) => a - b)
      )
      const text = lanesText(first.entries, first.result.violation)
      const second = tell(schedule)
      assert.strictEqual(lanesText(second.entries, second.result.violation), text)
    }
  })
})
