import { assert, describe, it } from "@effect/vitest"
import { fromUrlPath } from "@d2m/codec"
import { Effect, Result } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { run, vectors } from "./commands.ts"

const names = [
  "dgk",
  "dgpk",
  "dgrk",
  "dgdik",
  "dgsddk",
  "dgtsk",
  "dghek",
  "dgid",
  "deviceGroupIdPrefix4",
  "deviceGroupIdPrefix8"
] as const

const json = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const { out } = yield* run(["keys", "--json", ...args])
  return JSON.parse(out) as Record<string, string>
})

/** Runs with a file of this content. */
const withFile = <A, E, R>(content: string | Uint8Array, body: (path: string) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "d2m-keys-"))
      Fs.writeFileSync(Path.join(folder, "group.key"), content)
      return folder
    }),
    (folder) => body(Path.join(folder, "group.key")),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
  )

describe("d2m keys --json", () => {
  for (const vector of vectors.keys) {
    it.effect(`${vector.id}: all that was recorded, by its names`, () =>
      Effect.gen(function* () {
        const facts = yield* json("--dgk", vector.dgk)
        for (const name of names) assert.strictEqual(facts[name], vector[name], name)
        const url = vectors.urls.find(({ dgid }) => dgid === vector.dgid)!
        assert.deepStrictEqual(Object.keys(facts), [...names, "serverGroup", "urlPath"])
        assert.deepStrictEqual([facts["serverGroup"], facts["urlPath"]], [url.serverGroup, url.clientUrlInfoHex])
      })
    )
  }

  it.effect("takes the key from a file, as text or as bytes", () =>
    Effect.gen(function* () {
      const [vector] = vectors.keys
      const expected = yield* json("--dgk", vector!.dgk)
      const contents = [`${vector!.dgk}\n`, ` 0x${vector!.dgk.toUpperCase()}\r\n`, Buffer.from(vector!.dgk, "hex")]
      for (const content of contents) {
        assert.deepStrictEqual(yield* withFile(content, (path) => json("--dgk-file", path)), expected)
      }
    })
  )

  it.effect("makes a new key, another each time", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* json(), yield* json()]
      assert.match(one["dgk"]!, /^[0-9a-f]{64}$/)
      assert.notStrictEqual(one["dgk"], other["dgk"])
      assert.deepStrictEqual(yield* json("--dgk", one["dgk"]!), one)
    })
  )

  it.effect("puts the server group into the URL path", () =>
    Effect.gen(function* () {
      const facts = yield* json("--dgk", vectors.keys[0]!.dgk, "--server-group", "Zz9")
      const info = Result.getOrThrow(fromUrlPath(facts["urlPath"]!))
      assert.strictEqual(info.serverGroup, "Zz9")
      assert.strictEqual(Buffer.from(info.deviceGroupId).toString("hex"), facts["dgid"])
    })
  )
})

describe("d2m keys", () => {
  const [{ dgk }] = vectors.keys as unknown as [{ readonly dgk: string }]

  it.effect("says what each thing is and which are secret", () =>
    Effect.gen(function* () {
      const { err, out } = yield* run(["keys", "--dgk", dgk])
      const facts = yield* json("--dgk", dgk)
      const [secret, open] = out.split("\nNot secret\n") as [string, string]
      for (const name of names.slice(0, 7)) assert.include(secret, `${name.padEnd(20)}  ${facts[name]}\n`)
      for (const name of names.slice(7)) assert.include(open, `${name.padEnd(20)}  ${facts[name]}\n`)
      for (const name of names.slice(0, 7)) assert.notInclude(open, facts[name]!)
      assert.include(open, facts["urlPath"]!)
      assert.strictEqual(err, "")
      assert.notInclude(out, "\u001b")
    })
  )

  it.effect("warns on a terminal", () =>
    Effect.gen(function* () {
      const { err, out } = yield* run(["keys", "--dgk", dgk], { terminal: true, colours: true })
      assert.include(err, "real secrets")
      assert.include(out, "\u001b[31m")
      assert.strictEqual((yield* run(["keys", "--json"], { terminal: true })).err, "")
    })
  )

  it.effect("refuses what is no key, without repeating it", () =>
    Effect.gen(function* () {
      for (const [bad, reason] of [
        [dgk.slice(0, 63), "found 63 digits"],
        [`${dgk}00`, "found 66 digits"],
        ["not a key at all", "found other characters"],
        ["", "found 0 digits"]
      ] as const) {
        const { failure, out } = yield* run(["keys", "--dgk", bad])
        assert.strictEqual(out, "")
        assert.strictEqual(failure?._tag, "UnusableGroupKey")
        assert.strictEqual(failure?.message, `--dgk: a device group key is 64 hex digits (32 bytes), ${reason}`)
      }
      const both = yield* run(["keys", "--dgk", dgk, "--dgk-file", "group.key"])
      assert.include(both.failure?.message, "either --dgk or --dgk-file")
      const missing = yield* run(["keys", "--dgk-file", "/nowhere/group.key"])
      assert.strictEqual(
        missing.failure?.message,
        "--dgk-file: cannot read /nowhere/group.key: ENOENT: no such file or directory"
      )
      for (const json of [[], ["--json"]]) {
        const { out } = yield* run(["keys", "--dgk", dgk, ...json])
        const printed = yield* withFile(out, (path) => run(["keys", "--dgk-file", path]))
        assert.match(printed.failure?.message ?? "", /, found what d2m keys prints: take the digits of its dgk alone$/)
      }
      const wrong = yield* withFile("secret words", (path) => run(["keys", "--dgk-file", path]))
      assert.include(wrong.failure?.message, "found other characters")
      assert.notInclude(wrong.failure?.message, "secret")
    })
  )

  it.effect("refuses a server group that no URL can have", () =>
    Effect.gen(function* () {
      for (const group of ["", "7 a", "ä", "7a/.."]) {
        assert.isDefined((yield* run(["keys", "--server-group", group])).failure, group)
      }
    })
  )
})
