/**
 * Checks that every documented export begins with a sentence: what a reader is told where only the tags would be.
 */
import { globSync, readFileSync } from "node:fs"
import * as Path from "node:path"

const root = Path.join(import.meta.dirname, "..")

const docComment = /\/\*\*(?<text>(?:(?!\*\/)[^])*)\*\//g

interface Comment {
  readonly line: number
  readonly text: string
}

/** The comments of a file that document something public, as their bare text. */
const commentsOf = (source: string): ReadonlyArray<Comment> =>
  [...source.matchAll(docComment)].flatMap((match) => {
    const text = match
      .groups!["text"]!.split("\n")
      .map((line) => line.replace(/^\s*\*? ?/, "").trim())
      .join("\n")
      .trim()
    const isPublic = /^@(?:category|since)\b/m.test(text) && !/^@internal\b/m.test(text)
    return isPublic ? [{ line: source.slice(0, match.index).split("\n").length, text }] : []
  })

let count = 0
const silent: Array<string> = []
for (const file of globSync("packages/*/src/**/*.ts", { cwd: root }).toSorted()) {
  for (const { line, text } of commentsOf(readFileSync(Path.join(root, file), "utf8"))) {
    count++
    if (text.startsWith("@")) silent.push(`${file}:${line}: the documentation begins with ${text.split(/\s/)[0]}`)
  }
}

for (const complaint of silent) console.error(complaint)
console.log(
  `documentation: ${count} comments, ${silent.length === 0 ? "each" : `all but ${silent.length}`} with a sentence`
)
process.exitCode = silent.length === 0 ? 0 : 1
