/**
 * Runs a benchmark: `pnpm bench <suite> [--json] [--only <text>] [--rounds <n>]`.
 */
import { parseArgs } from "node:util"
import { heading, machine } from "./Report.ts"
import type { Suite } from "./Suite.ts"

const suites: ReadonlyMap<string, () => Promise<Suite>> = new Map([
  ["codec", async () => (await import("./codec/suite.ts")).suite],
  ["e2e", async () => (await import("./e2e/suite.ts")).suite],
  ["simulation", async () => (await import("./simulation/suite.ts")).suite]
])

const usage = `usage: pnpm bench <${[...suites.keys()].join("|")}> [--json] [--only <text>] [--rounds <n>]`

const options = {
  /** One JSON object instead of a table. */
  json: { type: "boolean", default: false },
  /** Only measurements whose name has this in it. */
  only: { type: "string", default: "" },
  rounds: { type: "string" }
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
  const suite = await suites.get(name)?.()
  const rounds = Number(values?.rounds ?? suite?.rounds)
  if (suite === undefined || values === undefined || !Number.isSafeInteger(rounds) || rounds < 1) {
    console.error(usage)
    return 2
  }
  if (!values.json) console.log(heading(suite.legend))
  const outcomes: Array<unknown> = []
  for await (const { outcome, table } of suite.run({ only: values.only, rounds })) {
    outcomes.push(outcome)
    if (!values.json) console.log(`\n${table}`)
  }
  if (outcomes.length === 0) {
    console.error(`no measurement of ${name} has ${JSON.stringify(values.only)} in its name`)
    return 2
  }
  if (values.json) console.log(JSON.stringify({ suite: name, machine: machine(), rounds, outcomes }, null, 2))
  return 0
}

process.exitCode = await main()
