/**
 * `d2m serve` as a process of its own.
 */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const bin = fileURLToPath(new URL("../src/bin.ts", import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A running `d2m serve`: its first line of output, what it logs, and how it ends. */
export const serve = (...args: ReadonlyArray<string>) => serveIn({}, [], args)

/** {@link serve} by a program that runs the one behind its own arguments, as the same process. */
export const serveUnder = (program: ReadonlyArray<string>, ...args: ReadonlyArray<string>) => serveIn({}, program, args)

/** {@link serve} with these variables in its environment. */
export const serveWith = (environment: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) =>
  serveIn(environment, [], args)

const serveIn = (
  environment: Readonly<Record<string, string>>,
  program: ReadonlyArray<string>,
  args: ReadonlyArray<string>
) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      // Most of a start is compiling, which is the same each time.
      const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "d2m-compile-cache"), ...environment }
      const [command, ...rest] = [...program, process.execPath, bin, "serve", ...args] as [string, ...Array<string>]
      const child = spawn(command, rest, { env, stdio: ["ignore", "pipe", "pipe"] })
      let stdout = ""
      let stderr = ""
      child.stderr.on("data", (chunk) => (stderr += chunk))
      const line = Effect.callback<string>((resume) => {
        const look = () => {
          if (stdout.includes("\n")) resume(Effect.succeed(stdout.slice(0, stdout.indexOf("\n"))))
        }
        child.stdout.on("data", look)
        look()
      })
      child.stdout.on("data", (chunk) => (stdout += chunk))
      /** Waits until standard error has a line with all of this in it; that line. */
      const logs = (...texts: ReadonlyArray<string>) =>
        Effect.callback<string>((resume) => {
          const look = () => {
            const line = stderr
              .split("\n")
              .slice(0, -1)
              .find((line) => texts.every((text) => line.includes(text)))
            if (line !== undefined) resume(Effect.succeed(line))
          }
          child.stderr.on("data", look)
          look()
        })
      const ended = Effect.callback<Ended>((resume) => {
        child.on("close", (code) => resume(Effect.succeed({ code, stdout, stderr })))
      })
      return { child, line, logs, ended }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** A directory that goes with the scope. */
export const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "d2m-serve-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)
