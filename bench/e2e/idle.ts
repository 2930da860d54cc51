/**
 * Devices that are connected and say nothing: what each costs its mediator in memory, and how all of them come back
 * after the mediator was killed. The devices are real ones, in several processes.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import type { Result } from "../Suite.ts"
import type { CrowdReport, CrowdReturn, CrowdSetup } from "./crowd.ts"
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

/** What came of a restart. */
interface RestartOutcome {
  readonly devices: number
  readonly dry: number
  readonly secondsAfterFirstTry: number | undefined
  readonly secondsAfterListening: number
  readonly reflects: number
  readonly promised: number
  readonly owed: number
  readonly handled: number
  readonly twice: number
}

const restartLines = (outcome: RestartOutcome): ReadonlyArray<string> => {
  const { devices, dry, handled, owed, promised, reflects, secondsAfterFirstTry, secondsAfterListening, twice } =
    outcome
  const after =
    secondsAfterFirstTry === undefined
      ? "no try was"
      : `${secondsAfterFirstTry.toFixed(1)} s after the first try that was`
  const missing = [
    [devices - dry, "devices that did not come back"],
    [reflects - promised, "reflects without an ack"],
    [owed - handled, "messages that were not handled"]
  ] as const
  return [
    `  ${dry} of ${devices} devices past Dry ${after} answered, ${secondsAfterListening.toFixed(1)} s after the mediator listens again`,
    `  ${promised} of ${reflects} reflects acked; ${handled} of ${owed} messages handled, ${twice} twice`,
    ...missing.filter(([count]) => count > 0).map(([count, what]) => `  MISSING: ${count} ${what}`)
  ]
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
    const listening = process.hrtime.bigint()
    const returns = (await askAll(using, "dry")) as ReadonlyArray<CrowdReturn>
    const reports = (await askAll(using, "said")) as ReadonlyArray<CrowdReport>
    for (const one of using) one.stop()
    second.stop()
    const sum = (of: (report: CrowdReport) => number) => reports.reduce((total, report) => total + of(report), 0)
    const firstTry = returns
      .flatMap(({ firstTryAt }) => (firstTryAt === undefined ? [] : [BigInt(firstTryAt)]))
      .reduce<bigint | undefined>((first, at) => (first === undefined || at < first ? at : first), undefined)
    const end = returns.map(({ at }) => BigInt(at)).reduce((last, at) => (at > last ? at : last))
    const devices = groups * perGroup
    const outcome = {
      name: `restart, ${devices} devices in ${groups} groups, SQLite`,
      devices,
      dry: returns.reduce((total, { dry }) => total + dry, 0),
      secondsAfterFirstTry: firstTry === undefined ? undefined : Number(end - firstTry) / 1e9,
      secondsAfterListening: Number(end - listening) / 1e9,
      reflects: groups,
      promised: sum(({ promised }) => promised),
      owed: groups * (perGroup - 1),
      handled: sum(({ handled }) => handled),
      twice: sum(({ twice }) => twice)
    }
    return { outcome, table: [outcome.name, ...restartLines(outcome)].join("\n") }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
