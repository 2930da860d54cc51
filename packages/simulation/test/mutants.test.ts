import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Result } from "effect"
import { readFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { attemptOf, filesOf, huntingGrounds, type Mutant, mutantNamed, mutants, run } from "../src/index.ts"
import { plantedSources } from "../src/node.ts"

const made = (patch: Partial<Mutant["patches"][number]>): Mutant => ({
  name: "made-up",
  side: "client",
  flaw: "",
  breaks: "",
  patches: [{ file: "Link.ts", find: "let reads = 0", replace: "let reads = 1", ...patch }]
})

describe("the mutants", () => {
  it.effect.each(mutants.map((mutant) => [mutant.name, mutant] as const))("%s fits the sources", ([, mutant]) =>
    Effect.gen(function* () {
      const sources = yield* plantedSources(mutant)
      assert.strictEqual(sources.size, filesOf(mutant).length)
      for (const [url, source] of sources) {
        assert.notStrictEqual(source, readFileSync(new URL(url), "utf8"))
        assert.doesNotThrow(() => stripTypeScriptTypes(source))
      }
    })
  )

  it("have names of their own, and are found by them", () => {
    for (const mutant of mutants) {
      assert.match(mutant.name, /^[a-z0-9]+(?:-[a-z0-9]+)*$/)
      assert.strictEqual(mutantNamed(mutant.name), mutant)
    }
    assert.isUndefined(mutantNamed("made-up"))
  })

  it("stand in the README with what they do and break", () => {
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")
    const rows = readme
      .split("\n")
      .filter((line) => /^\| `[a-z0-9-]+` +\| (?:client|mediator) /.test(line))
      .map((line) => line.split("|").map((cell) => cell.trim()))
      .map((cells) => cells.slice(1, -1))
    assert.deepStrictEqual(
      rows,
      mutants.map(({ breaks, flaw, name, side }) => [`\`${name}\``, side, flaw, breaks])
    )
  })
})

describe("a mutant that does not fit", () => {
  it.effect("is refused by name, with the text that is gone", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(plantedSources(made({ find: "let reads = 77" })))
      assert.strictEqual(error._tag, "AnchorGone")
      assert.match(error.message, /^mutant made-up: 0 places in Link\.ts of the client read "let reads = 77"/)
    })
  )

  it.effect("is refused when its text stands in several places", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(plantedSources(made({ find: "return" })))
      assert.strictEqual(error._tag === "AnchorGone" && error.occurrences > 1, true)
    })
  )

  it.effect("is refused when its file is gone", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(plantedSources(made({ file: "Gone.ts" })))
      const error = Exit.findError(exit)
      assert.strictEqual(Result.isSuccess(error) && error.success._tag, "SourcesMissing")
    })
  )
})

describe("the hunting grounds", () => {
  it("are taken in turn, each try with a seed of its own", () => {
    const tries = Array.from({ length: 2 * huntingGrounds.length }, (_, attempt) => attemptOf(attempt))
    assert.deepStrictEqual(
      tries.map(({ ground }) => ground.name),
      [...huntingGrounds, ...huntingGrounds].map(({ name }) => name)
    )
    assert.deepStrictEqual(
      tries.map(({ schedule }) => schedule.seed),
      tries.map((_, attempt) => attempt)
    )
  })

  it("are clean while nothing is planted", () => {
    for (let attempt = 0; attempt < huntingGrounds.length; attempt++) {
      const { ground, schedule } = attemptOf(attempt)
      assert.isUndefined(run(schedule).violation, ground.name)
    }
  })
})
