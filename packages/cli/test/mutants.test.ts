import { assert, describe, it } from "@effect/vitest"
import { mutants } from "@d2m/simulation"
import { Effect } from "effect"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { run } from "./commands.ts"

/** A thread loads the packages first, which takes as long as it takes. */
const timeout = 60_000

const lines = (text: string): ReadonlyArray<string> => text.trimEnd().split("\n")

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "d2m-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

describe("d2m mutants", () => {
  it.effect("lists every mutant and hunts none", () =>
    Effect.gen(function* () {
      const { failure, out } = yield* run(["mutants", "--list"])
      assert.isUndefined(failure)
      assert.deepStrictEqual(
        lines(out).map((line) => line.split(/\s+/, 2)),
        mutants.map(({ name, side }) => [name, side])
      )
    })
  )

  it.live(
    "kills one, comes through the same seeds clean without it, and keeps the schedule",
    () =>
      Effect.gen(function* () {
        const out = yield* folder
        const ran = yield* run(["mutants", "server-info-not-first", "--seeds", "3", "--json", "--out", out])
        assert.isUndefined(ran.failure)
        const [killed, control, ...rest] = lines(ran.out).map((line) => JSON.parse(line))
        assert.deepStrictEqual(rest, [])
        assert.include(killed, { mutant: "server-info-not-first", side: "mediator", outcome: "Killed" })
        assert.include(control, { mutant: null, outcome: "Survived", seeds: killed.seeds })
        const kept = JSON.parse(readFileSync(join(out, "server-info-not-first.json"), "utf8"))
        const { oracle, rule } = killed.violation
        assert.deepInclude(kept, { seed: killed.seed, mutant: "server-info-not-first", violates: { oracle, rule } })
      }).pipe(Effect.scoped),
    timeout
  )

  it.live("hunts none when it cannot write what it is to keep", () =>
    Effect.gen(function* () {
      const out = import.meta.filename
      const ran = yield* run(["mutants", "two-leaders", "--seeds", "1", "--out", out])
      assert.strictEqual(ran.out, "")
      assert.strictEqual(ran.failure?.message, `cannot write ${out}: EEXIST: file already exists`)
    })
  )

  it.live(
    "fails by name when one survives",
    () =>
      Effect.gen(function* () {
        const { failure, out } = yield* run(["mutants", "never-gives-up", "--seeds", "1", "--jobs", "1"])
        assert.strictEqual(failure?._tag, "MutantsAtLarge")
        assert.strictEqual(failure?.message, "1 of 1 mutants survived: never-gives-up")
        assert.match(out, /^never-gives-up +client +1 +\S+ s +SURVIVED$/m)
        assert.match(out, /^control +none +1 +\S+ s +clean$/m)
        assert.match(out, /^0 of 1 mutants killed/m)
      }),
    timeout
  )

  it.effect("knows no others", () =>
    Effect.gen(function* () {
      const { failure } = yield* run(["mutants", "no-such-bug"])
      assert.match(failure?.message ?? "", /no-such-bug/)
    })
  )
})
