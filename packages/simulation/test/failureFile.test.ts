import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { commandOf, fileNameOf, keep, replayOf } from "../src/FailureFile.ts"

const testNamed = (name: string, file = "test/a.test.ts") => ({
  name,
  fullTestName: `a suite > ${name}`,
  file: { name: file }
})

describe("the command for a test that has failed", () => {
  const names = [
    "counts each message once",
    "costs $5 (or more) [maybe] a|b {2} ^x. *y+ z?",
    'isn\'t `echo run` $(echo run) $HOME "quoted" \\d !!'
  ]

  for (const name of names) {
    it(`finds ${name}`, () => {
      const command = commandOf(testNamed(name), 7)
      assert.match(command, /^D2M_SEED=7 vitest run test\/a\.test\.ts -t '/)
      const script = command.replace("vitest run test/a.test.ts -t", "printf %s")
      const pattern = new RegExp(execFileSync("sh", ["-c", script], { encoding: "utf8" }))
      assert.deepStrictEqual(pattern.exec(`a suite ${name}`)?.[0], name)
    })
  }
})

describe("the command for a test in a file", () => {
  it("leads a shell to it, whatever its name", () => {
    for (const file of ["test/a.test.ts", "my tests/it's $HOME.test.ts"]) {
      const script = commandOf(testNamed("counts", file), 7).replace("vitest run", "printf %s.")
      assert.strictEqual(execFileSync("sh", ["-c", script], { encoding: "utf8" }).split(".-t.")[0], file)
    }
  })
})

describe("the file of a test that has failed", () => {
  it("is named for the test and its seed", () => {
    assert.strictEqual(
      fileNameOf({ fullTestName: "A list > its items (all) are the same!" }, 7),
      "d2m-failure-a-list-its-items-all-are-the-same-7.json"
    )
  })

  it("is another one for each test, in few and plain letters", () => {
    const long = "a name that is as long as names of tests are where nobody has told their author to be brief"
    const names = ["a list", "another list", "", "список", "清单", `${long}, once`, `${long}, twice`]
    const files = names.map((name) => fileNameOf({ fullTestName: name }, 0))
    assert.strictEqual(new Set(files).size, names.length)
    for (const file of files) assert.match(file, /^d2m-failure-[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?-0\.json$/)
  })

  it("takes the place of no other: the next one has a number, and what is there already is not written again", () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "d2m-keep-"))
    try {
      const names = ["one", "two", "one", "three", "two"].map((text) =>
        Path.relative(folder, keep(Path.join(folder, "new"), "d2m-failure-a-7.json", text))
      )
      const [one, two, three] = ["", "-2", "-3"].map((copy) => Path.join("new", `d2m-failure-a-7${copy}.json`))
      assert.deepStrictEqual(names, [one!, two!, one!, three!, two!])
      for (const [name, text] of [
        [one, "one"],
        [two, "two"],
        [three, "three"]
      ] as const) {
        assert.strictEqual(Fs.readFileSync(Path.join(folder, name!), "utf8"), text)
      }
    } finally {
      Fs.rmSync(folder, { recursive: true })
    }
  })

  it("is replayed with the options of the test, where its run depends on them", () => {
    assert.strictEqual(replayOf("a.json", { seeds: 3, faults: "brutal" }), `it.replay(name, "a.json", program)`)
    for (const options of [{ oracles: [] }, { deviceOptions: {} }, { maxSteps: 1_000 }]) {
      assert.strictEqual(replayOf("a.json", options), `it.replay(name, "a.json", program, options)`)
    }
  })
})
