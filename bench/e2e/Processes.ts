/**
 * A contender as two processes over loopback: a server, and a client with all devices in it.
 */
import { execFileSync, fork } from "node:child_process"
import { availableParallelism } from "node:os"
import * as Path from "node:path"
import type { ClientSetup, Ran, Request, ServerSetup, Workload } from "./Workload.ts"

/** A program that is measured. */
export interface Program {
  readonly name: string
  readonly server: string
  readonly client: string
  readonly setup: ServerSetup
}

/** What came of one run: how long it took, and the processor time of both processes, in nanoseconds. */
export interface Measured extends Ran {
  readonly cpu: { readonly server: number; readonly client: number }
}

/** A program that runs. */
export interface Running {
  readonly name: string
  /** Each of its processes has a core of its own. */
  readonly isBound: boolean
  readonly run: (times: number) => Promise<Measured>
  readonly stop: () => void
}

/** A process that was started, and what it said when it was ready. */
export interface Process {
  readonly pid: number
  readonly ready: unknown
  readonly ask: (request: Request) => Promise<unknown>
  readonly stop: () => void
  /** Ends it in the middle of whatever it does. */
  readonly kill: () => void
}

/** Starts a program of this folder and waits until it is ready. */
export const startProcess = async (
  file: string,
  setup: object,
  flags: ReadonlyArray<string> = []
): Promise<Process> => {
  const execArgv = [...flags, ...(process.env["BENCH_NODE_FLAGS"] ?? "").split(" ").filter((flag) => flag !== "")]
  const child = fork(Path.join(import.meta.dirname, file), [JSON.stringify(setup)], { execArgv })
  const ended = new Promise<never>((_, reject) => {
    child.on("exit", (code) => reject(new Error(`${file} ended with ${code}`)))
  })
  ended.catch(() => {})
  const next = () => Promise.race([new Promise<unknown>((resolve) => child.once("message", resolve)), ended])
  return {
    pid: child.pid!,
    ready: await next(),
    ask: (request) => {
      const answer = next()
      child.send(request)
      return answer
    },
    stop: () => child.disconnect(),
    kill: () => child.kill("SIGKILL")
  }
}

const cpuOf = async (process: Process): Promise<number> => {
  const { system, user } = (await process.ask("cpu")) as NodeJS.CpuUsage
  return (system + user) * 1000
}

const cores = availableParallelism()

/**
 * The core of a server, and that of its client. Without them it would be measured when the system thinks that one core is
 * enough for both. The first and the last core are not two halves of one.
 */
const coreOf = { server: cores - 1, client: 0 } as const

/** Binds the thread that runs a program to a core; those of the engine stay where the system puts them. */
const bind = ({ pid }: Process, core: number): boolean => {
  if (cores < 2) return false
  try {
    execFileSync("taskset", ["-pc", String(core), String(pid)], { stdio: "ignore" })
    return true
  } catch {
    // Only Linux has it.
    return false
  }
}

/** Starts both processes and waits until every device is connected. */
export const startProgram = async ({ client, name, server, setup }: Program, workload: Workload): Promise<Running> => {
  const serving = await startProcess(server, setup)
  const { url } = serving.ready as { readonly url: string }
  const using = await startProcess(client, { ...setup, url, workload } satisfies ClientSetup)
  const cpu = async () => ({ server: await cpuOf(serving), client: await cpuOf(using) })
  return {
    name,
    isBound: bind(serving, coreOf.server) && bind(using, coreOf.client),
    run: async (times) => {
      await using.ask("prepare")
      const before = await cpu()
      const ran = (await using.ask(times)) as Ran
      const after = await cpu()
      return { ...ran, cpu: { server: after.server - before.server, client: after.client - before.client } }
    },
    stop: () => {
      using.stop()
      serving.stop()
    }
  }
}
