/**
 * What is done in a comparison, as the processes that do it are told: the same words for ours and for the bare program.
 */
import { setTimeout } from "node:timers/promises"

/** One way of using a mediator. */
export interface Workload {
  /** Bytes of an envelope on the wire. */
  readonly size: number
  /** Other devices that are connected; with 0 there is one that is not, and messages are kept for it. */
  readonly receivers: number
  /** Reflects that have no ack yet; 1 for one after the other. */
  readonly inFlight: number
  readonly crypto: "none" | "sodium"
}

/** What a server process is told. */
export interface ServerSetup {
  /** `once`: the bare program that writes each message by itself; `corked`: the one that writes once a tick. */
  readonly writes?: "once" | "corked"
  /** Where ours keeps what must survive it. */
  readonly store?: "memory" | "sqlite"
  /** Where it keeps it; a directory of its own if absent. */
  readonly directory?: string
  /** Any free one if absent. */
  readonly port?: number
}

/** What a client process is told. */
export interface ClientSetup extends ServerSetup {
  readonly url: string
  readonly workload: Workload
}

/** What the parent process asks for. */
export type Request =
  /** Forget what was kept for the device that is not connected. */
  | "prepare"
  /** The processor time used so far. */
  | "cpu"
  /** The memory in use, once what is not has been given back. */
  | "memory"
  /** What only some programs understand. */
  | "dry"
  | "down"
  | "say"
  | "said"
  /** So many reflects, each of them acked, and handled by every receiver. */
  | number

/** What came of a run, in nanoseconds. */
export interface Ran {
  readonly total: number
  /** From reflect to ack; only with one in flight. */
  readonly latencies?: { readonly p50: number; readonly p99: number }
}

/** What a process does for its parent. */
export interface Duties {
  readonly prepare: () => Promise<void>
  readonly run: (times: number) => Promise<Ran>
}

/** The body whose envelope, its header, its average padding and its box make up about so many bytes. */
export const bodyOf = (size: number): Uint8Array =>
  Uint8Array.from({ length: size - 40 - 30 - 130 }, (_, at) => (at * 31) & 0xff)

/** Nanoseconds as the two numbers that are looked at. */
export const latencies = (samples: Float64Array): { readonly p50: number; readonly p99: number } => {
  const sorted = samples.toSorted()
  return { p50: sorted[sorted.length >> 1]!, p99: sorted[Math.floor((sorted.length - 1) * 0.99)]! }
}

const memory = async (): Promise<NodeJS.MemoryUsage> => {
  // Finalizers and the allocator take a moment.
  for (let n = 0; n < 3; n++) {
    globalThis.gc?.()
    await setTimeout(200)
  }
  return process.memoryUsage()
}

/** Tells the parent process that this one is ready, and does what it asks for, one thing after the other. */
export const serveParent = (
  ready: object,
  duties?: Duties,
  others: Partial<Record<Request & string, () => Promise<unknown>>> = {}
): void => {
  const answer = async (request: Request): Promise<unknown> => {
    if (typeof request === "number") return duties?.run(request)
    if (request === "cpu") return process.cpuUsage()
    if (request === "memory") return memory()
    return request === "prepare" ? duties?.prepare() : others[request]?.()
  }
  process.on("message", (request: Request) => {
    void answer(request).then((answer) => process.send!(answer ?? {}))
  })
  process.on("disconnect", () => process.exit(0))
  process.send!(ready)
}

/** What this process was told. */
export const setup = <A>(): A => JSON.parse(process.argv[2]!) as A
