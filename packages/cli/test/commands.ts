/**
 * Runs a command as `d2m` runs it, in this process, and says what it printed and how it ended.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Exit, Layer, Result, Stdio, Stream } from "effect"
import { Command, TerminalCapabilities } from "effect/cli"
import { readFileSync } from "node:fs"
import { d2m } from "../src/index.ts"
import { UnreadCode } from "../src/OutputReader.ts"
import { exitCodeOf } from "../src/Run.ts"

export interface Ran {
  readonly out: string
  readonly err: string
  readonly failure: { readonly _tag: string; readonly message: string } | undefined
  /** What the program would have exited with. */
  readonly code: number
}

export interface Surroundings {
  /** What comes on standard input, in these pieces. */
  readonly stdin?: ReadonlyArray<string>
  readonly colours?: boolean
  readonly terminal?: boolean
  /** Called for each line of output, with what the program would exit with if nobody read it. */
  readonly onLine?: (unreadCode: number) => void
}

const encoder = new TextEncoder()

export const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>, surroundings: Surroundings = {}) {
  const lines: { out: Array<string>; err: Array<string> } = { out: [], err: [] }
  const { colours = false, onLine, stdin = [], terminal = false } = surroundings
  const unread = { code: 0 }
  const captured: Console.Console = Object.assign(Object.create(console), {
    log: (...parts: ReadonlyArray<unknown>) => {
      onLine?.(unread.code)
      lines.out.push(parts.join(" "))
    },
    error: (...parts: ReadonlyArray<unknown>) => lines.err.push(parts.join(" "))
  })
  const stdio = Stdio.layerTest({
    stdin: Stream.fromIterable(stdin.map((text) => encoder.encode(text))),
    stdoutIsTerminal: Effect.succeed(terminal)
  })
  const exit = yield* Command.runWith(d2m, { version: "0.0.0" })(args).pipe(
    Effect.provideService(Console.Console, captured),
    Effect.provideService(UnreadCode, unread),
    Effect.provideService(TerminalCapabilities.TerminalCapabilities, {
      canColor: colours,
      canAnimate: false,
      canPrompt: false
    }),
    Effect.provide(Layer.provideMerge(stdio, NodeServices.layer)),
    Effect.exit
  )
  const error = Exit.findError(exit)
  const ran: Ran = {
    out: lines.out.map((line) => `${line}\n`).join(""),
    err: lines.err.map((line) => `${line}\n`).join(""),
    failure: Result.isSuccess(error) ? error.success : undefined,
    code: exitCodeOf(exit)
  }
  return ran
})

export interface KeysVector {
  readonly id: string
  readonly dgk: string
  readonly dgid: string
  readonly [name: string]: unknown
}

export interface FrameVector {
  readonly id: string
  readonly direction: "c2s" | "s2c"
  readonly type: string
  readonly name: string
  readonly length: number
  readonly hex?: string
  readonly build?: { readonly prefixHex: string; readonly fillByte: string; readonly totalLength: number }
  readonly fields: Readonly<Record<string, unknown>>
  readonly valid: boolean
}

interface Vectors {
  readonly keys: ReadonlyArray<KeysVector>
  readonly urls: ReadonlyArray<{
    readonly dgid: string
    readonly serverGroup: string
    readonly clientUrlInfoHex: string
  }>
  readonly frames: ReadonlyArray<FrameVector>
}

export const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../codec/test/vectors.json", import.meta.url), "utf8")
)

export const frameHex = ({ build, hex }: FrameVector): string =>
  build === undefined ? hex! : build.prefixHex + build.fillByte.repeat(build.totalLength - build.prefixHex.length / 2)

export const frameVector = (id: string): FrameVector => vectors.frames.find((vector) => vector.id === id)!
