/**
 * Runs a benchmark: `pnpm bench <suite> [--json] [--only <text>] [--rounds <n>]`.
 */
import { parseArgs } from "node:util"
import { heading, machine, table } from "./Report.ts"
import { compare, type Comparison, type Outcome } from "./Rounds.ts"

const suites: Readonly<Record<string, () => Promise<ReadonlyArray<Comparison>>>> = {
  codec: async () => (await import("./codec/suite.ts")).suite()
}

const usage = `usage: pnpm bench <${Object.keys(suites).join("|")}> [--json] [--only <text>] [--rounds <n>]`

const main = async (): Promise<number> => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      rounds: { type: "string", default: "201" }
    }
  })
  const load = suites[positionals[0] ?? ""]
  const rounds = Number(values.rounds)
  if (load === undefined || !Number.isSafeInteger(rounds) || rounds < 1) {
    console.error(usage)
    return 2
  }
  const comparisons = (await load()).filter(({ name }) => name.includes(values.only))
  const effort = { rounds, sliceMillis: 1, warmUpMillis: 150 }
  if (!values.json) console.log(heading())
  const outcomes: Array<Outcome> = []
  for (const comparison of comparisons) {
    const outcome = compare(comparison, effort)
    outcomes.push(outcome)
    if (!values.json) console.log(`\n${table(outcome)}`)
  }
  if (values.json) console.log(JSON.stringify({ suite: positionals[0], machine: machine(), effort, outcomes }, null, 2))
  return 0
}

process.exitCode = await main()
