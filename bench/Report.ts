/**
 * How the outcome of a benchmark is shown: a table for people, JSON for programs, and the machine it was run on.
 */
import * as Os from "node:os"
import type { Outcome } from "./Rounds.ts"

/** Where and when on what the numbers came about. */
export const machine = () => ({
  node: process.version,
  v8: process.versions.v8,
  cpu: Os.cpus()[0]?.model ?? "unknown",
  cores: Os.cpus().length,
  platform: `${process.platform} ${process.arch}`
})

const duration = (nanoseconds: number): string =>
  nanoseconds < 1000 ? `${nanoseconds.toFixed(1)} ns` : `${(nanoseconds / 1000).toFixed(2)} us`

/** One comparison as lines of a table. */
export const table = ({ name, timings }: Outcome): string => {
  const width = Math.max(...timings.map((timing) => timing.name.length), 44)
  const lines = timings.map(({ high, low, median, name, ratio }) =>
    [
      `  ${name.padEnd(width)}`,
      duration(median).padStart(10),
      `x ${ratio.toFixed(2)}`.padStart(8),
      `${duration(low)} … ${duration(high)}`.padStart(24)
    ].join("")
  )
  return [name, ...lines].join("\n")
}

/** The head of the table: the machine, and what the columns are. */
export const heading = (legend: string): string => {
  const { cores, cpu, node, platform, v8 } = machine()
  return [`node ${node} (V8 ${v8}), ${cores} x ${cpu}, ${platform}`, legend].join("\n")
}
