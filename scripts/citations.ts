/**
 * Checks that what is cited can be read: each decision, section and principle that a source or a README names stands in
 * `docs/decisions.md`, and each link of a Markdown file to a place in this repository leads there.
 * Looks through the files that are given as arguments, or through all of them.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

const root = Path.resolve(import.meta.dirname, "..")
const page = "docs/decisions.md"
const read = (file: string): string => Fs.readFileSync(Path.resolve(root, file), "utf8")

/** What the page explains, in the words in which it is cited. */
const explained = new Set(
  Array.from(
    read(page).matchAll(/^(?:### Decision (\d+):|\| (\d+) +\||\| ([A-D]\d+) +\||\*\*([A-E])\b)/gm),
    ([, decision, principle, row, letter]) => {
      if (decision !== undefined) return `decision ${decision}`
      return principle === undefined ? `PROTOCOL ${row ?? letter}` : `principle ${principle}`
    }
  )
)

const item = String.raw`(?:[A-E]\d*|\d+)\b`
const citation = new RegExp(`\\b([Dd]ecision|[Pp]rinciple|PROTOCOL)s? (${item}(?:(?:-|, and |, | and )${item})*)`, "g")

/** Each member of a list like `8-11, 14` or `D17-D19 and D21`. */
const members = (list: string): ReadonlyArray<string> =>
  list.split(/, and |, | and /).flatMap((part) => {
    const [from = "", to = from] = part.split("-")
    const letter = from.replace(/\d+$/, "")
    if (from === letter) return [letter]
    const [first, last] = [from, to].map((item) => Number(item.replace(letter, "")))
    return Array.from({ length: last! - first! + 1 }, (_, index) => `${letter}${first! + index}`)
  })

const citationsOf = (source: string): ReadonlyArray<string> => {
  // A list may go on in the next line of a comment.
  const text = source.replace(/\n *(?:\*|\/\/)? ?/g, " ")
  return Array.from(text.matchAll(citation)).flatMap(([, kind, list]) =>
    members(list!).map((member) => `${kind === "PROTOCOL" ? kind : kind!.toLowerCase()} ${member}`)
  )
}

const anchorsOf = (markdown: string): ReadonlySet<string> =>
  new Set(
    Array.from(markdown.matchAll(/^#+ (.*)$/gm), ([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replaceAll(" ", "-")
    )
  )

const isThere = (file: string, link: string): boolean => {
  const [path, anchor] = link.split("#")
  const target = path === "" ? Path.resolve(root, file) : Path.resolve(root, Path.dirname(file), path!)
  return Fs.existsSync(target) && (anchor === undefined || anchorsOf(read(target)).has(anchor))
}

const complaintsOf = (file: string, source: string): ReadonlyArray<string> => [
  ...citationsOf(source)
    .filter((cited) => !explained.has(cited))
    .map((cited) => `cites ${cited}, which ${page} does not explain`),
  ...(/\bPROTOCOL\.md\b/.test(source) ? ["names PROTOCOL.md, a file that is not there"] : []),
  ...(file.endsWith(".md") ? Array.from(source.matchAll(/\]\((?!\w+:)([^)\s]+)\)/g), ([, link]) => link!) : [])
    .filter((link) => !isThere(file, link))
    .map((link) => `links to ${link}, which is not there`)
]

const given = process.argv.slice(2)
const files =
  given.length > 0
    ? given
    : Fs.globSync(
        ["*.md", "docs/*.md", "packages/*/*.md", "{browser,test}/**/*.ts", "packages/*/{src,test,fuzz}/**/*.ts"],
        { cwd: root }
      ).toSorted()

let count = 0
const complaints: Array<string> = []
for (const file of files) {
  const source = read(file)
  count += citationsOf(source).length
  complaints.push(...complaintsOf(file, source).map((complaint) => `${file} ${complaint}`))
}

for (const complaint of complaints) console.error(complaint)
console.log(`citations: ${count}, ${complaints.length === 0 ? "each explained" : `${complaints.length} lead nowhere`}`)
process.exitCode = complaints.length === 0 ? 0 : 1
