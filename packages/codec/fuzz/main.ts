/**
 * `pnpm fuzz`: see `pnpm fuzz --help`.
 */
import { readFileSync } from "node:fs"
import { fuzz } from "./Command.ts"

process.exitCode = fuzz(process.argv.slice(2), {
  write: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
  terminal: process.stdout.isTTY,
  input: () => readFileSync(0, "utf8"),
  now: Date.now
})
