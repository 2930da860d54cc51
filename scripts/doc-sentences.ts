/**
 * Checks what a reader of a package is told of its exports: every documented one begins with a sentence, and what an
 * entry of `package.json` hands out has a category and a version, and is not internal.
 */
import { globSync, readFileSync } from "node:fs"
import * as Path from "node:path"

const root = Path.join(import.meta.dirname, "..")
const complaints: Array<string> = []

const docComment = /\/\*\*(?<text>(?:(?!\*\/)[^])*)\*\//g

interface Comment {
  readonly line: number
  /** Without the asterisks. */
  readonly text: string
  /** Where what it documents begins. */
  readonly end: number
}

const commentsOf = (source: string): ReadonlyArray<Comment> =>
  [...source.matchAll(docComment)].map((match) => ({
    line: source.slice(0, match.index).split("\n").length,
    text: match
      .groups!["text"]!.split("\n")
      .map((line) => line.replace(/^\s*\*? ?/, "").trim())
      .join("\n")
      .trim(),
    end: match.index + match[0].length
  }))

const hasTag = (text: string, tag: "category" | "since" | "internal"): boolean =>
  new RegExp(`^@${tag}\\b`, "m").test(text)

/** One declaration that a file exports, and what is said of it. */
interface Export {
  readonly name: string
  readonly file: string
  readonly line: number
  readonly documentation: string
}

const sources = new Map<string, string>()
const sourceOf = (file: string): string => {
  const source = sources.get(file) ?? readFileSync(file, "utf8")
  sources.set(file, source)
  return source
}

const declaration =
  /^export (?:declare )?(?:abstract )?(?:const|let|function\*?|class|interface|type|namespace|enum) (?<name>\w+)/gm

const declarationsOf = (file: string): ReadonlyArray<Export> => {
  const source = sourceOf(file)
  const comments = commentsOf(source)
  return [...source.matchAll(declaration)].map((match) => ({
    name: match.groups!["name"]!,
    file,
    line: source.slice(0, match.index).split("\n").length,
    documentation:
      comments.find(({ end }) => end < match.index && !/\S/.test(source.slice(end, match.index)))?.text ?? ""
  }))
}

const reexport = /^export (?:type )?(?:\*(?: as \w+)?|\{(?<names>[^}]*)\}) from "(?<from>\.[^"]+)"/gm

/** All declarations behind an entry. A namespace is what its module exports. */
const exportsOf = (file: string): ReadonlyArray<Export> => [
  ...declarationsOf(file),
  ...[...sourceOf(file).matchAll(reexport)].flatMap((match) => {
    const from = exportsOf(Path.join(Path.dirname(file), match.groups!["from"]!))
    const names = match.groups!["names"]
    if (names === undefined) return from
    const wanted = new Set(
      names.split(",").map(
        (name) =>
          name
            .trim()
            .replace(/^type /, "")
            .split(" as ")[0]!
      )
    )
    return from.filter(({ name }) => wanted.has(name))
  })
]

let sentences = 0
for (const file of globSync("packages/*/src/**/*.ts", { cwd: root }).toSorted()) {
  for (const { line, text } of commentsOf(sourceOf(Path.join(root, file)))) {
    if (hasTag(text, "internal") || !(hasTag(text, "category") || hasTag(text, "since"))) continue
    sentences++
    if (text.startsWith("@")) complaints.push(`${file}:${line}: the documentation begins with ${text.split(/\s/)[0]}`)
  }
}

const handedOut = new Map<string, Export>()
for (const path of globSync("packages/*/package.json", { cwd: root }).toSorted()) {
  const { exports } = JSON.parse(readFileSync(Path.join(root, path), "utf8")) as { exports: Record<string, string> }
  for (const entry of Object.values(exports).filter((target) => target.endsWith(".ts"))) {
    for (const found of exportsOf(Path.join(root, Path.dirname(path), entry))) {
      handedOut.set(`${found.file}:${found.line}`, found)
    }
  }
}
for (const { documentation, file, line, name } of handedOut.values()) {
  const at = `${Path.relative(root, file)}:${line}: ${name}`
  if (hasTag(documentation, "internal")) complaints.push(`${at} is internal, and an entry hands it out`)
  else if (!hasTag(documentation, "category")) complaints.push(`${at} has no @category, and an entry hands it out`)
  else if (!hasTag(documentation, "since")) complaints.push(`${at} has no @since, and an entry hands it out`)
}

for (const complaint of complaints) console.error(complaint)
console.log(
  `documentation: ${sentences} comments, ${handedOut.size} exports, ${
    complaints.length === 0 ? "nothing to complain of" : `${complaints.length} complaints`
  }`
)
process.exitCode = complaints.length === 0 ? 0 : 1
