import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { attemptOf, type Mutant, mutantNamed, run } from "../src/index.ts"
import { huntPlanted, runPlanted } from "../src/node.ts"

/** A thread loads the packages first, which takes as long as it takes. */
const timeout = 60_000

/** Mutants of both sides that break a rule of safety in one of the first seeds: nobody waits for what never comes. */
const soon = ["pending-dropped-on-reconnect", "wrap-taken-as-decrease", "server-info-not-first"]

const known = (name: string): Mutant => mutantNamed(name) ?? assert.fail(`there is no ${name}`)

const made = (replace: string): Mutant => ({
  name: "made-up",
  side: "mediator",
  flaw: "",
  breaks: "",
  patches: [{ file: "Leader.ts", find: "group.leader = heir", replace }]
})

describe("a planted program", () => {
  it.effect.each(soon)(
    "shows %s",
    (name) =>
      Effect.gen(function* () {
        const hunted = yield* huntPlanted(known(name), { seeds: 6 })
        if (hunted._tag !== "Killed") return assert.fail(`${name}: ${hunted._tag}`)
        const { schedule, violation } = hunted
        assert.notStrictEqual(violation.oracle, "liveness")
        assert.strictEqual(schedule.mutant, name)
        assert.deepStrictEqual(schedule.violates, { oracle: violation.oracle, rule: violation.rule })

        const again = yield* runPlanted(known(name), schedule)
        assert.deepStrictEqual(again.violation, violation)
        // This thread's program is the one without the bug.
        assert.isUndefined(run(schedule).violation)
      }),
    timeout
  )

  it.effect(
    "is the same program when nothing is planted",
    () =>
      Effect.gen(function* () {
        const { schedule } = attemptOf(2)
        const { digest, elapsed, steps, violation } = run(schedule)
        assert.deepStrictEqual(yield* runPlanted(undefined, schedule), { digest, elapsed, steps, violation })
      }),
    timeout
  )

  it.effect(
    "that behaves like the real one survives",
    () =>
      Effect.gen(function* () {
        const hunted = yield* huntPlanted(made("group.leader = (heir)"), { seeds: 3 })
        assert.deepStrictEqual(hunted, { _tag: "Survived", seeds: 3 })
      }),
    timeout
  )

  it.effect(
    "that does not even run is no kill",
    () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(huntPlanted(made("group.leader = ("), { seeds: 1 }))
        assert.strictEqual(error._tag, "ThreadFailed")
        assert.match(error.message, /^mutant made-up: /)
      }),
    timeout
  )
})
