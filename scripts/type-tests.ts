/**
 * Checks that every `@ts-expect-error` of the type tests fails for the reason it names.
 * `tsc -b` has already proved that each such line fails and that every other line compiles; this compiles copies
 * without the directives and compares code and message. A directive reads `// @ts-expect-error TS2322: part of message`.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"

interface Expectation {
  readonly at: string
  readonly code: string
  readonly message: string
}

const root = Path.resolve(import.meta.dirname, "..")
const problems: Array<string> = []
const copies: Array<string> = []
/** By copy and line, as tsc prints them. */
const expectations = new Map<string, Expectation>()

for (const path of Fs.globSync("packages/*/{test,typetest}/**/*.tst.ts", { cwd: root }).toSorted()) {
  const lines = Fs.readFileSync(Path.join(root, path), "utf8").split("\n")
  const copy = path.replace(/^(packages\/[^/]+)\/(test|typetest)\//, "$1/.tmp-$2/")
  for (const [index, line] of lines.entries()) {
    if (!line.includes("@ts-expect-error")) continue
    const at = `${path}:${index + 1}`
    const reason = /\/\/ @ts-expect-error (TS\d+): (\S.*)$/.exec(line)
    if (reason === null) {
      problems.push(`${at} must read "// @ts-expect-error TS<code>: <part of the message>"`)
      continue
    }
    let target = index + 1
    while (/^\s*(\/\/|$)/.test(lines[target] ?? "end")) target++
    expectations.set(`${copy}:${target + 1}`, { at, code: reason[1]!, message: reason[2]!.trim() })
  }
  Fs.mkdirSync(Path.dirname(Path.join(root, copy)), { recursive: true })
  Fs.writeFileSync(Path.join(root, copy), lines.join("\n").replaceAll("@ts-expect-error", "expected:"))
  copies.push(copy)
}

if (copies.length > 0) {
  const project = Path.join(root, ".tmp", "type-tests.json")
  Fs.mkdirSync(Path.dirname(project), { recursive: true })
  const references = Fs.readdirSync(Path.join(root, "packages")).map((name) => ({ path: `../packages/${name}` }))
  Fs.writeFileSync(
    project,
    JSON.stringify({
      extends: "../tsconfig.typetest.json",
      compilerOptions: { incremental: false, tsBuildInfoFile: null },
      include: [],
      files: copies.map((copy) => `../${copy}`),
      references
    })
  )
  const tsc = Path.join(root, "node_modules", "typescript", "bin", "tsc")
  const run = ChildProcess.spawnSync(process.execPath, [tsc, "-p", project, "--pretty", "false"], {
    cwd: root,
    encoding: "utf8"
  })
  if (run.error !== undefined) throw run.error
  // A diagnostic's details follow it on indented lines.
  for (const diagnostic of run.stdout.split(/\n(?=\S)/)) {
    if (diagnostic.trim() === "") continue
    const parts = /^(.+?)\((\d+),\d+\): error (TS\d+): ([\s\S]*)$/.exec(diagnostic)
    const key = parts === null ? "" : `${parts[1]}:${parts[2]}`
    const expected = expectations.get(key)
    if (parts === null || expected === undefined) {
      problems.push(diagnostic.trim())
      continue
    }
    expectations.delete(key)
    if (parts[3] !== expected.code || !parts[4]!.includes(expected.message)) {
      problems.push(`${expected.at} fails for another reason: ${parts[3]}: ${parts[4]!.trim()}`)
    }
  }
  for (const unmet of expectations.values()) problems.push(`${unmet.at} compiles`)
}

if (problems.length > 0) {
  console.error(problems.join("\n"))
  process.exitCode = 1
} else {
  console.log(`type tests: ${copies.length} files`)
}
