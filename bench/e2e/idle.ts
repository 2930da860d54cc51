/**
 * Devices that are connected and say nothing: what each costs its mediator in memory, and how all of them come back
 * after the mediator was killed. The devices are real ones, in several processes.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import type { Result } from "../Suite.ts"
import type { CrowdReport, CrowdSetup } from "./crowd.ts"
import { type Process, startProcess } from "./Processes.ts"

const crowds = 4
const perGroup = 5

const startCrowds = (url: string, groups: number): Promise<ReadonlyArray<Process>> =>
  Promise.all(
    Array.from({ length: crowds }, (_, n) => {
      const firstGroup = Math.floor((groups * n) / crowds)
      const lastGroup = Math.floor((groups * (n + 1)) / crowds)
      return startProcess("crowd.ts", {
        url,
        firstGroup,
        groups: lastGroup - firstGroup,
        perGroup
      } satisfies CrowdSetup)
    })
  )

const askAll = (processes: ReadonlyArray<Process>, request: "dry" | "down" | "say" | "said"): Promise<Array<unknown>> =>
  Promise.all(processes.map((one) => one.ask(request)))

const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`

/** What so many connections add to the memory of a server, each. */
export const idle = async (connections: number): Promise<Result> => {
  const measured: Array<{
    readonly name: string
    readonly rss: number
    readonly heap: number
    readonly external: number
  }> = []
  for (const { name, server, setup } of [
    { name: "bare ws", server: "bare-server.ts", setup: {} },
    { name: "d2m", server: "our-server.ts", setup: { store: "memory" } }
  ]) {
    const serving = await startProcess(server, setup, ["--expose-gc"])
    const { url } = serving.ready as { readonly url: string }
    const memory = async () => (await serving.ask("memory")) as NodeJS.MemoryUsage
    const before = await memory()
    const using =
      name === "d2m"
        ? await startCrowds(url, connections / perGroup)
        : [await startProcess("bare-crowd.ts", { url, connections })]
    const after = await memory()
    for (const one of using) one.stop()
    serving.stop()
    measured.push({
      name,
      rss: (after.rss - before.rss) / connections,
      heap: (after.heapUsed - before.heapUsed) / connections,
      external: (after.external - before.external) / connections
    })
  }
  const name = `idle, ${connections} devices, memory of the server for each`
  const lines = measured.map(
    ({ external, heap, name, rss }) =>
      `  ${name.padEnd(28)}${kib(rss).padStart(12)} resident, ${kib(heap)} heap, ${kib(external)} outside of it`
  )
  return { outcome: { name, connections, measured }, table: [name, ...lines].join("\n") }
}

/** Kills a mediator with a durable store under its devices, lets each group reflect, and starts it again. */
export const restart = async (groups: number): Promise<Result> => {
  const directory = mkdtempSync(Path.join(tmpdir(), "d2m-bench-"))
  try {
    const setup = { store: "sqlite", directory }
    const first = await startProcess("our-server.ts", setup)
    const { url } = first.ready as { readonly url: string }
    const using = await startCrowds(url, groups)
    first.kill()
    await askAll(using, "down")
    await askAll(using, "say")
    const second = await startProcess("our-server.ts", { ...setup, port: Number(new URL(url).port) })
    const begin = process.hrtime.bigint()
    await askAll(using, "dry")
    const seconds = Number(process.hrtime.bigint() - begin) / 1e9
    const reports = (await askAll(using, "said")) as ReadonlyArray<CrowdReport>
    for (const one of using) one.stop()
    second.stop()
    const sum = (of: (report: CrowdReport) => number) => reports.reduce((total, report) => total + of(report), 0)
    const outcome = {
      name: `restart, ${groups * perGroup} devices in ${groups} groups, SQLite`,
      seconds,
      owed: groups * (perGroup - 1),
      handled: sum(({ handled }) => handled),
      twice: sum(({ twice }) => twice)
    }
    const line = `  all past Dry ${seconds.toFixed(1)} s after the mediator listens again; of ${outcome.owed} messages ${outcome.handled} handled, ${outcome.twice} twice`
    return { outcome, table: `${outcome.name}\n${line}` }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
