import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { run } from "./commands.ts"

describe("an empty path", () => {
  for (const [named, ...args] of [
    ["--tls-cert", "serve", "--tls-cert=", "--tls-key", "key.pem"],
    ["--tls-key", "serve", "--tls-cert", "chain.pem", "--tls-key="],
    ["--data", "serve", "--data", ""],
    ["--allow-groups", "serve", "--allow-groups="],
    ["--key-file", "device", "--url", "ws://127.0.0.1:1", "--key-file="],
    ["--data", "device", "--url", "ws://127.0.0.1:1", "--device-id", "7", "--data="],
    ["--dgk-file", "keys", "--dgk-file="],
    ["--dgk-file", "inspect", "--dgk-file=", "00"],
    ["--failures", "simulate", "--seeds", "1", "--hours", "0.001", "--failures", ""],
    ["--out", "mutants", "--list", "--out="],
    ["file", "replay", ""]
  ] as const) {
    it.effect(`is refused by ${args.join(" ")}`, () =>
      Effect.gen(function* () {
        const { code, err, failure } = yield* run(args)
        assert.strictEqual(code, 2)
        const said = `${err}${failure?.message}`
        assert.include(said, named)
        assert.include(said, "Expected the path of a file or folder")
      })
    )
  }
})
