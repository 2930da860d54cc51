/**
 * How a test whose simulation has failed is found again.
 *
 * Owns how its name is written for a shell, and for a file system, and the file that keeps its failure. When a test fails,
 * and what is said then, is `vitest`'s.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { SimulateOptions } from "./Simulate.ts"

/** As a shell takes it, whatever is in it. */
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

/** As a regular expression that finds it and nothing else. */
const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)

/** A test: its own name, that with its suites' before it, and the path of its file. */
export interface TestPlace {
  readonly name: string
  readonly fullTestName: string
  readonly file: { readonly name: string }
}

/** What runs a test again under one seed: vitest takes a test's name for a regular expression. */
export const commandOf = ({ file, name }: TestPlace, seed: number): string => {
  const path = /^[\w./-]+$/.test(file.name) ? file.name : quoted(file.name)
  return `D2M_SEED=${seed} vitest run ${path} -t ${quoted(literally(name))}`
}

const longest = 60

/** A name in letters that are safe everywhere; a few digits stand for what is lost, so that others stay other ones. */
const slugOf = (name: string): string => {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
  if (slug !== "" && slug.length <= longest && /^[ -~]*$/.test(name)) return slug
  const digits = createHash("sha256").update(name).digest("hex").slice(0, 8)
  return [slug.slice(0, longest - digits.length - 1).replace(/-$/, ""), digits].filter((part) => part !== "").join("-")
}

/** The file that a failed test leaves: another one for each seed, and for each test but those of the same name in the same suites. */
export const fileNameOf = ({ fullTestName }: Pick<TestPlace, "fullTestName">, seed: number): string =>
  `d2m-failure-${slugOf(fullTestName)}-${seed}.json`

/** Whether it is the error of a file that was to be a new one and is not. */
const isTaken = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "EEXIST"

/**
 * Writes a file into a folder, and says where it is. A file of that name with another content is left as it is: somebody may
 * replay it. Then the next free number is added to the name. Throws what the file system does.
 */
export const keep = (folder: string, fileName: string, text: string): string => {
  Fs.mkdirSync(folder, { recursive: true })
  const { ext, name } = Path.parse(fileName)
  for (let copy = 1; ; copy++) {
    const path = Path.join(folder, copy === 1 ? fileName : `${name}-${copy}${ext}`)
    try {
      Fs.writeFileSync(path, text, { flag: "wx" })
      return path
    } catch (error) {
      if (!isTaken(error)) throw error
      if (Fs.readFileSync(path, "utf8") === text) return path
    }
  }
}

/** The test that runs a file's schedule again; what a run depends on besides is in the file, or these options. */
export const replayOf = (path: string, { deviceOptions, maxSteps, oracles }: SimulateOptions): string => {
  const isPlain = [deviceOptions, maxSteps, oracles].every((option) => option === undefined)
  return `it.replay(name, ${JSON.stringify(path)}, ${isPlain ? "program" : "program, options"})`
}
