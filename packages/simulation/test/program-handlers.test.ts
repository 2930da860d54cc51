import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { violationOf } from "./programs.ts"

const ignore = () => () => Effect.void

describe("what a program has its devices do with messages", () => {
  it("is refused once a device has started, which would go on without it", () => {
    const late = violationOf((group) =>
      Effect.gen(function* () {
        yield* group.joined
        group.onReflected(ignore)
      })
    )
    assert.deepInclude(late, { oracle: "program", rule: "the program succeeds" })
    assert.match(late!.found, /onReflected after (phone|desktop) has started/)
  })

  it("is refused the second time, which would take back the first", () => {
    const twice = violationOf((group) =>
      Effect.sync(() => {
        group.onReflected(ignore)
        group.onReflected(ignore)
      })
    )
    assert.match(twice!.found, /onReflected for the second time/)
  })

  it("may be said after a while in which no time passes, and anew in each run", () => {
    for (let run = 0; run < 2; run++) {
      let made = 0
      const violation = violationOf((group) =>
        Effect.gen(function* () {
          for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow
          group.onReflected(() => {
            made++
            return () => Effect.void
          })
          yield* group.settled
        })
      )
      assert.isUndefined(violation)
      assert.strictEqual(made, 2)
    }
  })
})
