import * as Module from "node:module"
import * as Path from "node:path"
import * as Vm from "node:vm"
import { rolldown, type Plugin } from "rolldown"
import { assert, describe, it } from "vitest"

const root = Path.resolve(import.meta.dirname, "..")
const modules = ["@d2m/codec", "@d2m/codec/explain", "@d2m/codec/testing", "@d2m/client", "@d2m/server-sim"]

/** What belongs to Node alone, wherever in the graph it is asked for. */
const isOfNode = (specifier: string): boolean =>
  Module.isBuiltin(specifier) || /^(ws|@effect\/platform-node(-shared)?)(\/|$)/.test(specifier)

interface Bundle {
  readonly code: string
  readonly exports: ReadonlyArray<string>
  readonly ofNode: ReadonlyArray<string>
}

/** Bundles an entry as a browser's bundler would and notes every import of something only Node has. */
const bundle = async (entry: string): Promise<Bundle> => {
  const ofNode: Array<string> = []
  const watch: Plugin = {
    name: "of-node",
    async resolveId(specifier, importer) {
      if (!isOfNode(specifier)) return null
      // A package that says `"crypto": false` in its "browser" field can do without; its import becomes an empty module.
      const resolved = await this.resolve(specifier, importer, { skipSelf: true })
      if (resolved?.id.startsWith("\0") === true) return resolved
      ofNode.push(`${specifier} from ${Path.relative(root, importer ?? "")}`)
      return { id: specifier, external: true }
    }
  }
  const build = await rolldown({ input: entry, cwd: root, platform: "browser", plugins: [watch], logLevel: "silent" })
  try {
    const { output } = await build.generate({ format: "iife", name: "bundled", codeSplitting: false })
    return { code: output[0].code, exports: output[0].exports, ofNode }
  } finally {
    await build.close()
  }
}

/** The globals that browsers and Node share, and none that only Node has. */
const browserGlobals = () => ({
  AbortController,
  AbortSignal,
  TextDecoder,
  TextEncoder,
  URL,
  clearInterval,
  clearTimeout,
  console,
  crypto,
  performance,
  queueMicrotask,
  setInterval,
  setTimeout
})

describe("browser bundle", () => {
  it.each(modules)("%s asks for nothing of Node and loads without it", { timeout: 60_000 }, async (entry) => {
    const { code, exports, ofNode } = await bundle(entry)
    assert.deepStrictEqual(ofNode, [])
    assert.isNotEmpty(exports)
    const context = Vm.createContext(browserGlobals())
    Vm.runInContext(code, context)
    const loaded: unknown = Vm.runInContext("Object.keys(bundled).sort().join()", context)
    assert.strictEqual(loaded, exports.toSorted().join())
  })

  it("notices what belongs to Node in @d2m/client/node", { timeout: 60_000 }, async () => {
    const { ofNode } = await bundle("@d2m/client/node")
    assert.isNotEmpty(ofNode)
    assert.isTrue(
      ofNode.some((line) => /^(ws|node:)/.test(line)),
      ofNode.join("\n")
    )
  })
})
