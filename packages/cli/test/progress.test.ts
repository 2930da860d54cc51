import { assert, describe, it } from "@effect/vitest"
import { Summary } from "@d2m/simulation"
import { Effect, Sink, Stdio } from "effect"
import { TestClock } from "effect/testing"
import { countText, durationText } from "../src/simulate/Numbers.ts"
import { barText, makeProgress, type Progress } from "../src/simulate/Progress.ts"
import { summaryJson, summaryText } from "../src/simulate/Report.ts"

/** Uses a bar on a standard error that is a terminal or none, and says what was written there. */
const written = (isTerminal: boolean, use: (progress: Progress) => Effect.Effect<void>, total = 1_000) => {
  const texts: Array<string> = []
  const stdio = Stdio.layerTest({
    stderrIsTerminal: Effect.succeed(isTerminal),
    stderr: () => Sink.forEach((text) => Effect.sync(() => texts.push(String(text))))
  })
  return Effect.as(Effect.provide(Effect.scoped(Effect.flatMap(makeProgress(total, 60_000), use)), stdio), texts)
}

/** A bar that is told every 100 ms how far it is. */
const run = (progress: Progress, millis: number) =>
  Effect.gen(function* () {
    for (let at = 100; at <= millis; at += 100) {
      yield* TestClock.adjust(100)
      yield* progress.advance(at / 100, 0)
    }
  })

describe("the bar of a long run", () => {
  it("says how much is done, what has failed, and how long the rest will take", () => {
    assert.strictEqual(
      barText({ done: 240, begun: 10.2, total: 1000, failed: 2, duration: 60_000, millis: 60_000 }),
      "[#######-----------------------] 240 of 1000 seeds, 2 failed, 3.0 min left"
    )
    assert.strictEqual(
      barText({ done: 0, begun: 0, total: 10, failed: 0, duration: 60_000, millis: 0 }),
      "[------------------------------] 0 of 10 seeds"
    )
    assert.strictEqual(
      barText({ done: 0, begun: 0.5, total: 1, failed: 0, duration: 48 * 3_600_000, millis: 60_000 }),
      "[###############---------------] 1.0 d of 2.0 d simulated, 1.0 min left"
    )
  })

  it.effect("is not drawn while the run may be short, and then not too often", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* written(true, (progress) => run(progress, 1_400)), [])
      const drawn = yield* written(true, (progress) => run(progress, 2_500))
      assert.isAbove(drawn.length, 2)
      assert.isBelow(drawn.length, 8)
      for (const text of drawn) assert.isTrue(text.startsWith("\r\u001b[K["))
    })
  )

  it.effect("is taken away before something else is written", () =>
    Effect.gen(function* () {
      const drawn = yield* written(true, (progress) =>
        Effect.andThen(run(progress, 2_000), Effect.andThen(progress.clear, progress.clear))
      )
      assert.strictEqual(drawn.at(-1), "\r\u001b[K")
      assert.strictEqual(drawn.filter((text) => text === "\r\u001b[K").length, 1)
    })
  )

  it.effect("shows how far a long seed is while none is done, but not into what else is written", () =>
    Effect.gen(function* () {
      const drawn = yield* written(
        true,
        (progress) =>
          Effect.gen(function* () {
            for (const share of [0.1, 0.4, 0.7]) {
              progress.lived(0, share)
              yield* TestClock.adjust(1_000)
            }
            yield* progress.clear
            progress.lived(0, 0.9)
            yield* TestClock.adjust(1_000)
          }),
        1
      )
      assert.isTrue(drawn.some((text) => text.includes("24 s of 1.0 min simulated")))
      assert.include(drawn.at(-2), "42 s of 1.0 min simulated")
      assert.strictEqual(drawn.at(-1), "\r\u001b[K")
    })
  )

  it.effect("is for terminals only", () =>
    Effect.gen(function* () {
      const drawn = yield* written(false, (progress) => Effect.andThen(run(progress, 5_000), progress.clear))
      assert.deepStrictEqual(drawn, [])
    })
  )
})

describe("the line at the end", () => {
  it("has numbers as people read them", () => {
    assert.deepStrictEqual([0, 999, 1_000, 1_234_567].map(countText), ["0", "999", "1 000", "1 234 567"])
    assert.deepStrictEqual([300, 9_900, 90_000, 7_200_000, 400 * 86_400_000].map(durationText), [
      "0.3 s",
      "9.9 s",
      "1.5 min",
      "2.0 h",
      "400 d"
    ])
  })

  it("says what failed, what was simulated how fast and with which cryptography, and how often faults fired", () => {
    const summary = new Summary()
    for (const seed of [1, 2]) {
      summary.add({
        seed,
        digest: "",
        violation: undefined,
        hasRealCrypto: seed === 2,
        elapsed: 3_600_000,
        frames: 1_500,
        faults: [
          ["Vanish", 2],
          ["Crash", 1]
        ],
        states: ["Live", `state ${seed}`],
        pairs: ["Live / Reflect"]
      })
    }
    const outcome = { summary, failed: [2], millis: 2_000, ended: "Complete" as const }
    assert.strictEqual(
      summaryText(outcome),
      "FAILED: 1 failed (2), 2 seeds, real cryptography in 1, 2.0 h simulated in 2.0 s (3 600 times real time), " +
        "3 000 frames, 3 states and 1 state x event pairs covered, faults fired: Crash 2, Vanish 4"
    )
    assert.match(summaryText({ ...outcome, failed: [] }), /^ok: 2 seeds, /)
    assert.match(summaryText({ ...outcome, failed: [], ended: "Interrupted" as const }), /^interrupted: 2 seeds, /)
    const incomplete = { ...outcome, failed: [], ended: "Failed" as const }
    assert.match(summaryText(incomplete), /^incomplete: 2 seeds, /)
    assert.deepInclude(JSON.parse(summaryJson(incomplete)), { ok: false, incomplete: true, seeds: 2, realCrypto: 1 })
    const none = { ...outcome, summary: new Summary(), failed: [] }
    assert.match(summaryText(none), /^ok: 0 seeds, real cryptography in none, /)
    assert.deepInclude(JSON.parse(summaryJson(none)), { seeds: 0, realCrypto: 0 })
  })
})
