import { execFileSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { commandOf } from "../src/FailureFile.ts"

describe("the command for a test that has failed", () => {
  const names = [
    "counts each message once",
    "costs $5 (or more) [maybe] a|b {2} ^x. *y+ z?",
    'isn\'t `echo run` $(echo run) $HOME "quoted" \\d !!'
  ]

  for (const name of names) {
    it(`finds ${name}`, () => {
      const command = commandOf(name, 7)
      assert.match(command, /^D2M_SEED=7 vitest run -t '/)
      const script = command.replace("vitest run -t", "printf %s")
      const pattern = new RegExp(execFileSync("sh", ["-c", script], { encoding: "utf8" }))
      assert.deepStrictEqual(pattern.exec(`a suite ${name}`)?.[0], name)
    })
  }
})
