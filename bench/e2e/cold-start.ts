/**
 * From the start of the program to the moment it can be connected to.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as Path from "node:path"
import type { Result } from "../Suite.ts"
import { startProcess } from "./Processes.ts"

const median = (samples: ReadonlyArray<number>): number => samples.toSorted((a, b) => a - b)[samples.length >> 1]!

const millis = async (act: () => Promise<() => void>): Promise<number> => {
  const begin = process.hrtime.bigint()
  const stop = await act()
  const taken = Number(process.hrtime.bigint() - begin) / 1e6
  stop()
  return taken
}

const serve = async (): Promise<() => void> => {
  const bin = Path.resolve(import.meta.dirname, "../../packages/cli/src/bin.ts")
  const child = spawn(process.execPath, [bin, "serve"], { stdio: ["ignore", "pipe", "inherit"] })
  // The line that tells where it listens.
  await once(child.stdout, "data")
  return () => child.kill()
}

const bare = async (): Promise<() => void> => {
  const { stop } = await startProcess("bare-server.ts", {})
  return stop
}

const nothing = async (): Promise<() => void> => {
  await once(spawn(process.execPath, ["--eval", ""], { stdio: "ignore" }), "exit")
  return () => {}
}

/** `d2m serve` from its sources, beside the bare program and a Node that does nothing. */
export const coldStart = async (times: number): Promise<Result> => {
  const samples = { nothing: new Array<number>(), bare: new Array<number>(), serve: new Array<number>() }
  for (let n = 0; n < times; n++) {
    samples.nothing.push(await millis(nothing))
    samples.bare.push(await millis(bare))
    samples.serve.push(await millis(serve))
  }
  const outcome = {
    name: "cold start",
    millis: { nothing: median(samples.nothing), bare: median(samples.bare), serve: median(samples.serve) }
  }
  const line = (name: string, taken: number) => `  ${name.padEnd(28)}${taken.toFixed(0).padStart(9)} ms`
  const { bare: ofBare, nothing: ofNothing, serve: ofServe } = outcome.millis
  const lines = [line("node", ofNothing), line("bare ws", ofBare), line("d2m serve", ofServe)]
  return { outcome, table: [outcome.name, ...lines].join("\n") }
}
