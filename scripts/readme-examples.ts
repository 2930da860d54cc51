/**
 * Copies the `ts` blocks of every README into `.examples` folders, where `tsc -b` compiles them.
 * Each block keeps its line numbers, so an error's line is the README's line.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

const root = Path.resolve(import.meta.dirname, "..")
const packages = Path.join(root, "packages")
const folders = [root, ...Fs.readdirSync(packages).map((name) => Path.join(packages, name))]

/** The `ts` blocks of a Markdown text, each as a file whose other lines are empty. */
const blocks = (markdown: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  let block: Array<string> | undefined
  for (const [number, line] of markdown.split("\n").entries()) {
    if (block === undefined) {
      if (/^```(ts|typescript)\b/.test(line)) block = Array.from({ length: number + 1 }, () => "")
    } else if (line.startsWith("```")) {
      found.push([...block, "export {}", ""].join("\n"))
      block = undefined
    } else {
      block.push(line)
    }
  }
  return found
}

let total = 0
for (const folder of folders) {
  const examples = Path.join(folder, ".examples")
  Fs.rmSync(examples, { recursive: true, force: true })
  const readme = Path.join(folder, "README.md")
  if (!Fs.existsSync(readme)) continue
  const found = blocks(Fs.readFileSync(readme, "utf8"))
  if (folder === root && found.length === 0) throw new Error("README.md has no ts example")
  if (found.length > 0) Fs.mkdirSync(examples)
  for (const [index, text] of found.entries()) Fs.writeFileSync(Path.join(examples, `README-${index + 1}.ts`), text)
  total += found.length
}
console.log(`README examples: ${total} to compile`)
