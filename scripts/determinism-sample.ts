/**
 * Runs seeds in this process, and prints for each a line of JSON with the digest of its run and every event of it: what
 * `determinism.ts` compares.
 *
 * Usage: node scripts/determinism-sample.ts SEED...
 */
import { once } from "node:events"
import { run, type SwarmOptions, swarm, traceLine } from "@d2m/simulation"

/** What a seed gave under a setting. */
export interface Sample {
  readonly setting: string
  readonly seed: number
  readonly digest: string
  readonly trace: ReadonlyArray<string>
}

const settings: Readonly<Record<string, Omit<SwarmOptions, "seed">>> = {
  swarm: { faults: "swarm" },
  "brutal, misbehaving": { faults: "brutal", misbehaving: true }
}

for (const [setting, options] of Object.entries(settings)) {
  for (const seed of process.argv.slice(2).map(Number)) {
    const trace: Array<string> = []
    const { digest } = run(swarm({ ...options, seed }), { witnesses: [(event) => trace.push(traceLine(event))] })
    const sample: Sample = { setting, seed, digest, trace }
    if (!process.stdout.write(`${JSON.stringify(sample)}\n`)) await once(process.stdout, "drain")
  }
}
