/**
 * Runs a benchmark: `pnpm bench <suite> [--json] [--only <text>] [--rounds <n>]`.
 */
import { parseArgs } from "node:util"
import { heading, machine, table } from "./Report.ts"
import { compare, type Comparison, type Outcome } from "./Rounds.ts"

const suites: ReadonlyMap<string, () => Promise<ReadonlyArray<Comparison>>> = new Map([
  ["codec", async () => (await import("./codec/suite.ts")).suite()]
])

const usage = `usage: pnpm bench <${[...suites.keys()].join("|")}> [--json] [--only <text>] [--rounds <n>]`

const options = {
  /** One JSON object instead of a table. */
  json: { type: "boolean", default: false },
  /** Only comparisons whose name has this in it. */
  only: { type: "string", default: "" },
  rounds: { type: "string", default: "201" }
} as const

const parsed = () => {
  try {
    return parseArgs({ allowPositionals: true, options })
  } catch {
    return undefined
  }
}

const main = async (): Promise<number> => {
  const { positionals: [name = ""] = [], values } = parsed() ?? {}
  const load = suites.get(name)
  const rounds = Number(values?.rounds)
  if (load === undefined || values === undefined || !Number.isSafeInteger(rounds) || rounds < 1) {
    console.error(usage)
    return 2
  }
  const comparisons = (await load()).filter((comparison) => comparison.name.includes(values.only))
  const effort = { rounds, sliceMillis: 1, warmUpMillis: 150 }
  if (!values.json) console.log(heading())
  const outcomes: Array<Outcome> = []
  for (const comparison of comparisons) {
    const outcome = compare(comparison, effort)
    outcomes.push(outcome)
    if (!values.json) console.log(`\n${table(outcome)}`)
  }
  if (values.json) console.log(JSON.stringify({ suite: name, machine: machine(), effort, outcomes }, null, 2))
  return 0
}

process.exitCode = await main()
