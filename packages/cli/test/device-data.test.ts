import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { d2m, device, serve } from "./device-program.ts"
import { directory } from "./served.ts"

const timeout = 180_000

/** A key, a file for a device's data, and a mediator that is never reached unless it is given. */
const setting = Effect.gen(function* () {
  const path = yield* directory
  const keyFile = join(path, "group.key")
  writeFileSync(keyFile, `${"8b".repeat(32)}\n`)
  const data = join(path, "seven.db")
  const args = (url = "ws://127.0.0.1:9/") => ["--url", url, "--key-file", keyFile, "--device-id", "7", "--data", data]
  return { args, data }
})

const withoutKey = (args: ReadonlyArray<string>) => args.toSpliced(args.indexOf("--key-file"), 2)

const unusable: ReadonlyArray<readonly [what: string, write: (path: string) => void, reason: string]> = [
  ["that is no database", (path) => writeFileSync(path, "shopping: milk, eggs\n".repeat(100)), "Foreign"],
  [
    "of another program",
    (path) => {
      const database = new DatabaseSync(path)
      database.exec("PRAGMA application_id = 7; CREATE TABLE recipe (name TEXT)")
      database.close()
    },
    "Foreign"
  ],
  [
    "that a newer version has written",
    (path) => {
      const database = new DatabaseSync(path)
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA application_id = 0x44324d31;
        CREATE TABLE schema_version (id INTEGER, version INTEGER); INSERT INTO schema_version VALUES (0, 1000)`)
      database.close()
    },
    "NewerVersion"
  ]
]

describe("d2m device --data with a file", () => {
  for (const [what, write, reason] of unusable) {
    it.live(
      `${what} ends with 1, says so, and leaves the file as it is`,
      () =>
        Effect.gen(function* () {
          const { args, data } = yield* setting
          write(data)
          const before = readFileSync(data)
          const made = yield* d2m(["device", "--json", ...args()])
          const { code, stderr, stdout } = yield* made.ended
          assert.deepStrictEqual([code, stdout], [1, ""])
          assert.match(stderr, new RegExp(`^d2m: the device store failed to [\\w -]+ \\(${reason}\\): .+\\n$`))
          assert.deepStrictEqual(readFileSync(data), before)
        }),
      timeout
    )
  }

  it.live(
    "of another device ends with 1, and says so",
    () =>
      Effect.gen(function* () {
        const { args } = yield* setting
        const { address } = yield* serve()
        const first = yield* device(args(address))
        first.type("wait live", "quit")
        yield* first.ended
        const other = args(address).map((arg) => (arg === "7" ? "8" : arg))
        const sameOfOtherGroup = yield* d2m(["device", "--json", ...withoutKey(args(address))], {
          D2M_GROUP_KEY: "8c".repeat(32)
        })
        for (const { ended } of [yield* d2m(["device", "--json", ...other]), sameOfOtherGroup]) {
          const { code, stderr } = yield* ended
          assert.strictEqual(code, 1)
          assert.match(stderr, /\(Foreign\): the file belongs to another device\n$/)
        }
      }),
    timeout
  )

  it.live(
    "that another process has open ends with 1, says so, and the other goes on",
    () =>
      Effect.gen(function* () {
        const { args } = yield* setting
        const { address } = yield* serve()
        const first = yield* device(args(address))
        first.type("wait live", "state")
        yield* first.next("State", ({ state }) => state === "Live")
        const { code, stderr, stdout } = yield* (yield* d2m(["device", "--json", ...args(address)])).ended
        assert.deepStrictEqual([code, stdout], [1, ""])
        assert.match(stderr, /^d2m: the device store failed to [\w -]+ \(InUse\): .+\n$/)
        first.type("reflect a", "wait promised")
        first.end()
        assert.strictEqual((yield* first.ended).code, 0)
      }),
    timeout
  )
})
