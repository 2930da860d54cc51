/**
 * Runs `d2m` as a program of its own, and says what it wrote and how it ended.
 */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const bin = fileURLToPath(new URL("../src/bin.ts", import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Program {
  /** Resolves once it has written so many lines to standard output. */
  readonly lines: (count: number) => Effect.Effect<ReadonlyArray<string>>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  readonly ended: Effect.Effect<Ended>
}

export interface Surroundings {
  readonly nodeFlags?: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
}

/** A running `d2m`, killed with the scope. */
export const start = (args: ReadonlyArray<string>, options: Surroundings = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [...(options.nodeFlags ?? []), bin, ...args], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...options.env }
      })
      let stdout = ""
      let stderr = ""
      child.stdout.on("data", (chunk) => (stdout += chunk))
      child.stderr.on("data", (chunk) => (stderr += chunk))
      let ended: Ended | undefined
      child.on("close", (code) => (ended = { code, stdout, stderr }))
      const program: Program = {
        lines: (count) =>
          Effect.callback((resume) => {
            const look = () => {
              const lines = stdout.split("\n").slice(0, -1)
              if (lines.length >= count) resume(Effect.succeed(lines))
            }
            child.stdout.on("data", look)
            look()
          }),
        signal: (signal) => Effect.sync(() => child.kill(signal)),
        ended: Effect.callback((resume) => {
          if (ended === undefined) child.on("close", () => resume(Effect.succeed(ended!)))
          else resume(Effect.succeed(ended))
        })
      }
      return { child, program }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  ).pipe(Effect.map(({ program }) => program))

/** Runs `d2m` to its end. */
export const runToEnd = (args: ReadonlyArray<string>, options: Surroundings = {}) =>
  Effect.scoped(Effect.flatMap(start(args, options), ({ ended }) => ended))
