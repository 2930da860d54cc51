import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"

const root = Path.resolve(import.meta.dirname, "..")

/** What product code must not say, by the rule that says so. */
const forbidden: ReadonlyArray<readonly [rule: string, source: string]> = [
  ["no-restricted-globals", "export const a = Date.now()"],
  ["no-restricted-globals", "export const { now } = Date"],
  ["no-restricted-globals", "export const a = new Date()"],
  ["no-restricted-globals", "export const a = globalThis.Date.now()"],
  ["no-restricted-globals", "export const a = performance.now()"],
  ["no-restricted-globals", "export const a = crypto.randomUUID()"],
  ["no-restricted-properties", "export const a = Math.random()"],
  ["no-restricted-properties", "export const { random } = Math"],
  ["no-restricted-properties", "export const a = globalThis.Math.random()"],
  ["no-restricted-globals", "setTimeout(() => {}, 1)"],
  ["no-restricted-globals", "export const later = setTimeout"],
  ["no-restricted-globals", "globalThis.setTimeout(() => {}, 1)"],
  ["no-restricted-globals", "setInterval(() => {}, 1)"],
  ["no-restricted-globals", "setImmediate(() => {})"],
  ["no-restricted-globals", "queueMicrotask(() => {})"],
  ["promise(avoid-new)", "export const a = new Promise(() => {})"],
  ["no-restricted-properties", "export const a = Promise.withResolvers()"],
  ["no-restricted-properties", "export const a = new globalThis.Promise(() => {})"],
  ["no-async-await", "export async function f() {}"],
  ["no-async-await", "export const f = async () => {}"],
  ["no-async-await", "export class A { async f() {} }"],
  ["no-async-await", "export const a = { async f() {} }"],
  ["no-async-await", "export async function* f() {}"],
  ["no-top-level-await", "export const a = await import('effect')"],
  ["no-restricted-globals", "export const a = process.env"],
  ["no-restricted-globals", "export const a = globalThis.process.pid"],
  ["no-restricted-globals", "export const a = Buffer.from([1])"],
  ["no-console", "console.log(1)"],
  ["no-restricted-imports", 'export * from "node:fs"'],
  ["no-nodejs-modules", 'import { readFile } from "fs/promises"\nreadFile("a")'],
  ["no-restricted-imports", 'import type { Socket } from "node:net"\nexport type A = Socket'],
  ["consistent-type-imports", 'export type A = import("node:net").Socket'],
  ["no-restricted-imports", 'export const a = () => import("node:os")'],
  ["no-restricted-imports", 'import { WebSocket } from "ws"\nexport const a = WebSocket'],
  ["no-restricted-imports", 'export { WebSocket } from "ws"'],
  ["no-restricted-imports", 'export * from "@effect/platform-node/NodeRuntime"'],
  ["no-restricted-imports", 'export * from "@effect/platform-node"'],
  ["no-restricted-imports", 'export * from "./node/Socket.ts"'],
  ["no-restricted-imports", 'export * from "../node.ts"'],
  ["no-restricted-imports", 'export * from "@d2m/client/node"']
]

const allowed = `import { Effect } from "effect"
import { a } from "./Nodes.ts"
export const f = (process: number, setTimeout: number) => ({ process, setTimeout, abs: Math.abs(a) })
export const g = Effect.gen(function* () {
  return yield* Effect.promise(() => Promise.resolve(1))
})
`

/** Only what these rules are for; the rest of the configuration has its say elsewhere. */
const purity =
  /no-restricted-|avoid-new|no-async-await|no-top-level-await|no-nodejs-modules|consistent-type-imports|no-console/

interface Diagnostic {
  readonly code: string
  readonly filename: string
}

describe("lint of product code", () => {
  const packages = ["codec", "client", "server-sim"]
  let workspace = ""
  let diagnostics: ReadonlyArray<Diagnostic> = []

  const write = (path: string, text: string) => {
    const file = Path.join(workspace, path)
    Fs.mkdirSync(Path.dirname(file), { recursive: true })
    Fs.writeFileSync(file, text)
  }
  const reported = (path: string) => diagnostics.filter((it) => it.filename === path).map((it) => it.code)

  beforeAll(() => {
    workspace = Fs.mkdtempSync(Path.join(Os.tmpdir(), "d2m-lint-"))
    const config = Path.join(workspace, ".oxlintrc.json")
    Fs.copyFileSync(Path.join(root, ".oxlintrc.json"), config)
    for (const name of packages) {
      write(`packages/${name}/src/allowed.ts`, allowed)
      for (const [index, [, source]] of forbidden.entries()) {
        for (const folder of ["src", "src/deep/er", "src/node", "test"]) {
          write(`packages/${name}/${folder}/case${index}.ts`, `${source}\n`)
        }
      }
      write(`packages/${name}/src/node.ts`, 'export * from "./node/case0.ts"\n')
    }
    const oxlint = Path.join(root, "node_modules", "oxlint", "bin", "oxlint")
    const run = ChildProcess.spawnSync(process.execPath, [oxlint, "-c", config, "--format=json", "packages"], {
      cwd: workspace,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024
    })
    const report = JSON.parse(run.stdout) as { readonly diagnostics: ReadonlyArray<Diagnostic> }
    diagnostics = report.diagnostics.filter((it) => purity.test(it.code))
  }, 60_000)

  afterAll(() => Fs.rmSync(workspace, { recursive: true, force: true }))

  it.each(forbidden.map(([rule, source], index) => ({ rule, source, index })))("$rule: $source", ({ rule, index }) => {
    for (const name of packages) {
      for (const folder of ["src", "src/deep/er"]) {
        const codes = reported(`packages/${name}/${folder}/case${index}.ts`)
        assert.isTrue(
          codes.some((code) => code.includes(rule)),
          `${name}/${folder}: ${codes.join() || "nothing"}`
        )
      }
    }
  })

  it("leaves platform edge files, tests and everything else alone", () => {
    const pure = /^packages\/[^/]+\/src\/(deep\/er\/)?case\d+\.ts$/
    assert.deepStrictEqual(
      diagnostics.filter((it) => !pure.test(it.filename)),
      []
    )
    assert.isNotEmpty(diagnostics)
  })
})
