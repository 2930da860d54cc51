import * as Path from "node:path"
import * as Zlib from "node:zlib"
import { rolldown } from "rolldown"
import { assert, describe, it } from "vitest"

const root = Path.resolve(import.meta.dirname, "..")
const peers = [/^effect(\/|$)/, /^tweetnacl$/, /^@noble\//]

interface Bundle {
  readonly code: string
  readonly gzipped: number
  readonly modules: ReadonlyArray<string>
  readonly imports: ReadonlyArray<string>
}

/** Bundles an entry as a page would ship it, without Effect and the cryptography, which are counted apart. */
const bundle = async (entry: string, external: ReadonlyArray<RegExp> = peers): Promise<Bundle> => {
  const build = await rolldown({
    input: entry,
    cwd: root,
    platform: "browser",
    external: [...external],
    logLevel: "silent"
  })
  try {
    const { output } = await build.generate({ format: "esm", minify: true, codeSplitting: false })
    const [{ code, imports, moduleIds }] = output
    return {
      code,
      gzipped: Zlib.gzipSync(code, { level: 9 }).length,
      modules: moduleIds.map((id) => Path.relative(root, id)),
      imports
    }
  } finally {
    await build.close()
  }
}

const evaluates = /\beval\b|\bFunction\s*\(|\.constructor\s*\(\s*["'`]/

describe("the codec in a page", { timeout: 60_000 }, () => {
  it("takes at most 40 kB gzipped without Effect and the cryptography", async () => {
    const { gzipped, imports } = await bundle("@d2m/codec")
    assert.isAtMost(gzipped, 40_000)
    // A bundle that left the codec out would be small too.
    assert.isAtLeast(gzipped, 10_000)
    assert.isTrue(
      imports.every((name) => peers.some((peer) => peer.test(name))),
      imports.join()
    )
  })

  it("has no code that is made at run time, with all that it imports", async () => {
    for (const entry of ["@d2m/codec", "@d2m/codec/explain"]) {
      assert.notMatch((await bundle(entry)).code, evaluates)
      const whole = await bundle(entry, [/^effect(\/|$)/])
      assert.notMatch(whole.code, evaluates)
    }
    for (const code of ["eval('1')", "new Function('a')", "Function ('a')", "f.constructor('a')"]) {
      assert.match(code, evaluates)
    }
  })

  it("leaves explaining, testing and Node to entries of their own", async () => {
    const other = /^packages\/codec\/src\/(explain|testing|node)[/.]/
    const { modules } = await bundle("@d2m/codec")
    assert.deepStrictEqual(
      modules.filter((id) => other.test(id)),
      []
    )
    assert.isTrue(modules.includes("packages/codec/src/FrameCodec.ts"))
    const explain = await bundle("@d2m/codec/explain")
    assert.isTrue(explain.modules.some((id) => id.startsWith("packages/codec/src/explain/")))
  })

  it("brings no library of its own but the cryptography", async () => {
    const { modules } = await bundle("@d2m/codec", [/^effect(\/|$)/])
    const packages = new Set(
      modules.flatMap((id) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(id)?.[1] ?? [])
    )
    assert.deepStrictEqual([...packages].sort(), ["@noble/hashes", "tweetnacl"])
  })
})
