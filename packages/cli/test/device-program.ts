/**
 * The `d2m` program, started as a process: what goes in by its pipes and what comes out, as it comes.
 */
import { Effect, Schema, type Scope } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { SessionLine } from "../src/index.ts"

const bin = fileURLToPath(new URL("../src/bin.ts", import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Program {
  readonly type: (...lines: ReadonlyArray<string>) => void
  readonly end: () => void
  readonly signal: (signal: NodeJS.Signals) => void
  /** The first line of output from here on that satisfies; dies when the program ends without one. */
  readonly line: (satisfies: (line: string) => boolean) => Effect.Effect<string>
  /** Waits until all that was put out satisfies, finished lines or not. */
  readonly shown: (satisfies: (stdout: string) => boolean) => Effect.Effect<void>
  /** Types something without ending the line. */
  readonly press: (keys: string) => void
  /** Nobody reads its output any more. */
  readonly stopReading: () => void
  readonly ended: Effect.Effect<Ended>
}

/** A program that is killed with the scope, if it has not ended by then. */
export const program = (
  command: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } })
      let stdout = ""
      let stderr = ""
      let seen = 0
      let ended: Ended | undefined
      const watchers = new Set<() => void>()
      const look = () => {
        for (const watcher of watchers) watcher()
      }
      // A program that has ended reads no more; the test sees that by its end.
      child.stdin.on("error", () => {})
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        stdout += chunk
        look()
      })
      child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk))
      child.on("close", (code) => {
        ended = { code, stdout, stderr }
        look()
      })
      const until = <A>(poll: () => Effect.Effect<A> | undefined) =>
        Effect.callback<A>((resume) => {
          const watcher = () => {
            const found = poll()
            if (found === undefined) return
            watchers.delete(watcher)
            resume(found)
          }
          watchers.add(watcher)
          watcher()
          return Effect.sync(() => watchers.delete(watcher))
        })
      const nextLine = (satisfies: (line: string) => boolean): Effect.Effect<string> | undefined => {
        for (let end = stdout.indexOf("\n", seen); end !== -1; end = stdout.indexOf("\n", seen)) {
          const line = stdout.slice(seen, end).replace(/\r$/, "")
          seen = end + 1
          if (satisfies(line)) return Effect.succeed(line)
        }
        return ended === undefined
          ? undefined
          : Effect.die(`it ended with ${ended.code} before that line:\n${stdout}\n${stderr}`)
      }
      const made: Program & { readonly kill: () => void } = {
        type: (...lines) => child.stdin.write(lines.map((line) => `${line}\n`).join("")),
        press: (keys) => child.stdin.write(keys),
        shown: (satisfies) => until(() => (satisfies(stdout) ? Effect.void : undefined)),
        end: () => child.stdin.end(),
        stopReading: () => void child.stdout.destroy(),
        signal: (signal) => child.kill(signal),
        line: (satisfies) => until(() => nextLine(satisfies)),
        ended: until(() => (ended === undefined ? undefined : Effect.succeed(ended))),
        kill: () => child.kill("SIGKILL")
      }
      return made
    }),
    ({ kill }) => Effect.sync(kill)
  )

export const d2m = (args: ReadonlyArray<string>, env?: Readonly<Record<string, string>>) =>
  program(process.execPath, [bin, ...args], env)

/** Where a mediator listens, as its first line tells. */
export interface Listening {
  readonly address: string
  readonly port: number
  readonly pin: string
}

/** A running `d2m serve`. */
export const serve = (...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const server = yield* d2m(["serve", ...args])
    const listening: Listening = JSON.parse(yield* server.line((line) => line.startsWith("{")))
    return { ...server, ...listening }
  })

/** Reads a printed line, or throws: every line is one of the declared ones. */
export const decodeLine = Schema.decodeUnknownSync(Schema.fromJsonString(SessionLine), { onExcessProperty: "error" })

type Tag = SessionLine["_tag"]
type Line<T extends Tag> = Extract<SessionLine, { readonly _tag: T }>

/** All lines that a `--json` session printed. */
export const decodeLines = (stdout: string): ReadonlyArray<SessionLine> =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => decodeLine(line))

/** A running `d2m device --json`. */
export const device = (args: ReadonlyArray<string>, env?: Readonly<Record<string, string>>) =>
  Effect.map(d2m(["device", "--json", ...args], env), (made) => ({
    ...made,
    /** The next line with this tag that satisfies. */
    next: <T extends Tag>(tag: T, satisfies: (line: Line<T>) => boolean = () => true): Effect.Effect<Line<T>> =>
      made
        .line((text) => {
          const line = decodeLine(text)
          return line._tag === tag && satisfies(line as Line<T>)
        })
        .pipe(Effect.map((text) => decodeLine(text) as Line<T>))
  }))

/** Runs a script to its end. */
export const script = (
  args: ReadonlyArray<string>,
  lines: ReadonlyArray<string>,
  env?: Readonly<Record<string, string>>
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const made = yield* d2m(["device", ...args], env)
      made.type(...lines)
      made.end()
      return yield* made.ended
    })
  )
