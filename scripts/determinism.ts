/**
 * Holds the promise that a seed is the same run everywhere: runs a sample of seeds, faults and all, in processes of its
 * own - on this Node, on this Node without V8's compilers, and on another Node where npx can get one - and compares them
 * event by event. Ends with 1 at the first event that is not the same, and says what each side has.
 *
 * Usage: node scripts/determinism.ts [--seeds N] [--seed S]
 */
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import { compareTraces, divergenceText } from "@d2m/simulation"
import type { Sample } from "./determinism-sample.ts"

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "30" }, seed: { type: "string", default: "0" } }
})
const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => Number(values.seed) + index)
if (seeds.length === 0 || !seeds.every(Number.isSafeInteger)) {
  console.error("usage: pnpm determinism [--seeds N] [--seed S]")
  process.exit(2)
}

const isCi = process.env["CI"] !== undefined && process.env["CI"] !== ""

const own = process.versions.node
/** The oldest Node that is supported; whoever has that one compares with a newer one. */
const other = own.startsWith("22.") ? "26.10.0" : "22.19.0"

interface Way {
  readonly name: string
  readonly node: string
  readonly flags: ReadonlyArray<string>
  /** In which order; no run may notice which came before it. */
  readonly seeds: ReadonlyArray<number>
  /** Nothing of this may matter. */
  readonly env: Readonly<Record<string, string>>
}

/** Where npx keeps the other Node, or nothing when it cannot get it; where every change is tested, it has to. */
const otherNode = (): string | undefined => {
  const { error, status, stderr, stdout } = ChildProcess.spawnSync(
    "npx",
    ["--yes", "-p", `node@${other}`, "node", "--print", "process.execPath"],
    {
      encoding: "utf8",
      timeout: isCi ? 300_000 : 60_000,
      env: { ...process.env, npm_config_fetch_retries: isCi ? "3" : "1" }
    }
  )
  if (status === 0) return stdout.trim()
  const why = error?.message ?? stderr.trim().split("\n", 1)[0]
  if (isCi) {
    console.error(
      `Node ${other} cannot be had with npx, so it is not known whether runs are the same on it: this is the registry's or the network's doing, not a run that differs (npx: ${why})`
    )
    process.exit(1)
  }
  console.log(`Node ${other} cannot be had here, so it is left out (npx: ${why})`)
  return undefined
}

const samplesOf = ({ env, flags, name, node, seeds }: Way): ReadonlyArray<Sample> => {
  const sample = Path.join(import.meta.dirname, "determinism-sample.ts")
  const { error, status, stderr, stdout } = ChildProcess.spawnSync(node, [...flags, sample, ...seeds.map(String)], {
    encoding: "utf8",
    maxBuffer: 2 ** 29,
    env: { ...process.env, ...env }
  })
  if (status === 0) {
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Sample)
  }
  console.error(`${name} does not run the sample: ${error?.message ?? stderr.trim()}`)
  process.exit(1)
}

/** What differs between two runs of one seed, in words, or nothing. */
const difference = (first: Sample, second: Sample): string | undefined => {
  const divergence = compareTraces(first.trace, second.trace)
  if (divergence !== undefined) return divergenceText(divergence)
  return first.digest === second.digest
    ? undefined
    : `every event is the same, but the digests are ${first.digest} and ${second.digest}`
}

const compared: Way = { name: `Node ${own}`, node: process.execPath, flags: [], seeds, env: {} }
const elsewhere = { seeds: seeds.toReversed(), env: { TZ: "Asia/Kathmandu", LANG: "tr_TR.UTF-8" } }
const interpreted: Way = {
  ...elsewhere,
  name: `Node ${own} without compilers`,
  node: process.execPath,
  flags: ["--no-opt", "--no-maglev", "--no-sparkplug"]
}

const samples = samplesOf(compared)
const node = otherNode()
const ways = [interpreted, ...(node === undefined ? [] : [{ ...elsewhere, name: `Node ${other}`, node, flags: [] }])]
const events = samples.reduce((sum, { trace }) => sum + trace.length, 0)
for (const way of ways) {
  const found = new Map(samplesOf(way).map((sample) => [`${sample.setting} ${sample.seed}`, sample]))
  for (const sample of samples) {
    const text = difference(sample, found.get(`${sample.setting} ${sample.seed}`) ?? { ...sample, trace: [] })
    if (text === undefined) continue
    console.error(`seed ${sample.seed} (${sample.setting}) is another run on 2 than on 1:`)
    console.error(`  1 ${compared.name}\n  2 ${way.name}\n${text}`)
    process.exit(1)
  }
  console.log(`${samples.length} runs, ${events} events: the same on ${compared.name} and on ${way.name}`)
}
