import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Worker } from "node:worker_threads"
import { type Mutant, mutantNamed } from "../src/index.ts"
import { plantedSources } from "../src/node.ts"

/** A thread loads the packages first, which takes as long as it takes. */
const timeout = 60_000

const seeds = 40

const program = new URL("fixtures/plantedProgram.ts", import.meta.url)

/** Which rule is broken first by a program in a thread with a bug planted, by the word of this oracle or of all, and what was found. */
const brokenBy = (mutant: Mutant | undefined, judge?: string) =>
  Effect.gen(function* () {
    const sources = mutant === undefined ? new Map<string, string>() : yield* plantedSources(mutant)
    return yield* Effect.callback<string | undefined>((resume) => {
      const worker = new Worker(program, { workerData: { sources, seeds, judge }, execArgv: [] })
      worker.once("message", (broken: string | undefined) => resume(Effect.succeed(broken)))
      worker.once("error", (error) => resume(Effect.die(error)))
      return Effect.promise(() => worker.terminate())
    })
  })

const known = (name: string): Mutant => mutantNamed(name) ?? assert.fail(`there is no ${name}`)

const made = (side: Mutant["side"], file: string, find: string, replace: string): Mutant => ({
  name: "made-up",
  side,
  flaw: "",
  breaks: "",
  patches: [{ file, find, replace }]
})

const times = "program promises: a reflect of a program resolves with the times of its acks"
const uncommitted = "program promises: a transaction of a program that is done was committed"
const written = "program promises: a transaction of a program that is not committed has not written its Commit"

const ghost = "delivery: nothing of a transaction that was not committed is ever seen"

const planted: ReadonlyArray<readonly [what: string, rule: string, mutant: Mutant]> = [
  [
    "a time that is that of no ack",
    times,
    made("client", "Reflection.ts", "timestamps[at] = timestamp", "timestamps[at] = 5n as Timestamp")
  ],
  [
    "the first ack of several that is taken for all of them",
    times,
    made("client", "Reflection.ts", "if (--left === 0)", "if (--left >= 0)")
  ],
  ["a reflect that is done before its ack", times, known("done-before-ack")],
  ["a transaction that is lost and told as committed", uncommitted, known("lost-told-as-committed")],
  ["a Commit without an ack that is told as none", written, known("unknown-told-as-no")],
  ["a transaction that is committed though its body has failed", ghost, known("failed-body-committed")]
]

describe("the oracles of what a program is promised", () => {
  it.effect.each(planted)(
    "object to %s",
    ([, rule, mutant]) =>
      Effect.gen(function* () {
        assert.include((yield* brokenBy(mutant)) ?? "no rule", rule)
      }),
    timeout
  )

  it.effect(
    "object to what does not come from one application to the other",
    () =>
      Effect.gen(function* () {
        const broken = yield* brokenBy(known("offline-slots-forgotten"), "delivery")
        assert.match(broken ?? "no rule", /^liveness: .* has not seen message outgoingMessage /)
      }),
    timeout
  )

  it.effect(
    "have nothing against the client as it is",
    () =>
      Effect.gen(function* () {
        assert.isUndefined(yield* brokenBy(undefined))
      }),
    timeout
  )
})
