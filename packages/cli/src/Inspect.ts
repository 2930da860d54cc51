/**
 * `d2m inspect`: what every byte of a frame is, for people or as JSON.
 *
 * Owns the options, the reading of arguments or standard input, one frame a line, and the exit code: non-zero when any
 * frame could not be read. The picture is `HexView`'s, the meaning the codec's.
 *
 * @since 0.1.0
 */
import {
  type ClientFrame,
  Crypto,
  type DecodeError,
  decodeClientFrame,
  decodeServerFrame,
  type ServerFrame
} from "@d2m/codec"
import { layerCrypto } from "@d2m/codec/node"
import {
  directionOf,
  explainClientFrame,
  explainServerFrame,
  frameFieldsJson,
  openedJson,
  type Opener,
  openWith
} from "@d2m/codec/explain"
import { Console, Effect, Option, Result, Schema, Stdio, Stream, Terminal } from "effect"
import { Argument, Command, Flag, TerminalCapabilities } from "effect/cli"
import { groupKey, groupKeyFlags } from "./GroupKey.ts"
import * as FrameHex from "./inspect/FrameHex.ts"
import * as HexView from "./inspect/HexView.ts"
import { UnreadCode } from "./OutputReader.ts"

/**
 * Some of the frames could not be read; which and why has been printed.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnreadableFrames extends Schema.TaggedError<UnreadableFrames>()("UnreadableFrames", {
  failed: Schema.Int,
  total: Schema.Int
}) {
  override get message(): string {
    return this.total === 1 ? "the frame could not be read" : `${this.failed} of ${this.total} frames could not be read`
  }
}

type Way = "c2s" | "s2c"

const flags = {
  frames: Argument.String("hex").pipe(
    Argument.withDescription("Frames in hex; without any, lines of standard input, one frame a line"),
    Argument.variadic()
  ),
  direction: Flag.Literals("direction", ["c2s", "s2c"]).pipe(
    Flag.withAlias("d"),
    Flag.withDescription("Who sends: c2s a client, s2c the mediator; by the type of each frame unless given"),
    Flag.optional
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print one JSON object a frame, on a line of its own"),
    Flag.withDefault(false)
  ),
  full: Flag.Boolean("full").pipe(Flag.withDescription("Show every byte of long fields"), Flag.withDefault(false)),
  ...groupKeyFlags
}

/** What became of one text. */
interface Report {
  readonly ok: boolean
  readonly text: string
}

type Reporter = (text: string) => Report

/** A frame that goes either way reads the same both ways. */
const wayOf = (given: Way | undefined, bytes: Uint8Array): Way =>
  given ?? (bytes.length > 0 && directionOf(bytes[0]!) === "client-to-server" ? "c2s" : "s2c")

const decode = (way: Way, bytes: Uint8Array): Result.Result<ClientFrame | ServerFrame, DecodeError> =>
  way === "c2s" ? decodeClientFrame(bytes) : decodeServerFrame(bytes)

/** Frames that either side may send, or nobody. */
const eitherWay = (type: number): boolean => (directionOf(type) ?? "both") === "both"

const hexByte = (byte: number): string => `0x${byte.toString(16).padStart(2, "0")}`

const failure = (error: { readonly _tag: string; readonly offset: number; readonly message: string }): Report => ({
  ok: false,
  text: JSON.stringify({ ok: false, error: { _tag: error._tag, offset: error.offset, reason: error.message } })
})

const jsonReporter =
  (given: Way | undefined, open: Opener | undefined): Reporter =>
  (text) => {
    const parsed = FrameHex.parse(text)
    if (Result.isFailure(parsed)) return failure(parsed.failure)
    const bytes = parsed.success
    const way = wayOf(given, bytes)
    const frame = decode(way, bytes)
    if (Result.isFailure(frame)) return failure(frame.failure)
    const { fields, name } = frameFieldsJson(frame.success)
    const boxes = open === undefined ? undefined : openedJson(frame.success, open)
    return {
      ok: true,
      text: JSON.stringify({
        ok: true,
        type: hexByte(bytes[0]!),
        name,
        length: bytes.length,
        fields,
        ...(given === undefined ? { direction: eitherWay(bytes[0]!) ? "both" : way } : {}),
        ...(boxes === undefined ? {} : { opened: boxes.opened }),
        ...(boxes === undefined || Object.keys(boxes.unopened).length === 0 ? {} : { unopened: boxes.unopened })
      })
    }
  }

const viewReporter =
  (given: Way | undefined, open: Opener | undefined, canvas: HexView.Canvas): Reporter =>
  (text) => {
    const parsed = FrameHex.parse(text)
    if (Result.isFailure(parsed))
      return { ok: false, text: `${HexView.renderNotHex(parsed.failure.message, canvas)}\n` }
    const bytes = parsed.success
    const way = wayOf(given, bytes)
    const options = open === undefined ? {} : { open }
    const map = way === "c2s" ? explainClientFrame(bytes, options) : explainServerFrame(bytes, options)
    const either = bytes.length === 0 || eitherWay(bytes[0]!)
    const remark = given === undefined && !either ? "by its type" : undefined
    const shown = given === undefined && either ? { ...map, direction: "both" as const } : map
    return { ok: map.error === undefined, text: `${HexView.render(shown, canvas, remark)}\n` }
  }

const defaultColumns = 100

const canvasOf = Effect.fnUntraced(function* (full: boolean) {
  const stdio = yield* Stdio.Stdio
  const terminal = yield* Terminal.Terminal
  const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
  const columns = (yield* stdio.stdoutIsTerminal) ? yield* terminal.columns : 0
  return { columns: columns === 0 ? defaultColumns : Math.max(60, columns), colours: canColor, full }
})

/** Reports the lines of standard input as they come, and says how many there were and how many failed. */
const reportLines = Effect.fnUntraced(function* (report: Reporter) {
  const stdio = yield* Stdio.Stdio
  if (yield* stdio.stdinIsTerminal) yield* Console.error("Frames in hex, one a line; Ctrl-D ends.")
  const lines = new FrameHex.Lines()
  const count = { failed: 0, total: 0 }
  const print = (texts: ReadonlyArray<string>) => {
    const reports = texts.map(report)
    count.total += reports.length
    count.failed += reports.filter(({ ok }) => !ok).length
    return reports.length === 0 ? Effect.void : Console.log(reports.map(({ text }) => text).join("\n"))
  }
  yield* stdio.stdin.pipe(
    Stream.decodeText,
    Stream.runForEach((text) => print(lines.push(text)))
  )
  yield* print(lines.end())
  return count
})

const reportArguments = Effect.fnUntraced(function* (report: Reporter, frames: ReadonlyArray<string>) {
  let failed = 0
  for (const frame of frames) {
    const { ok, text } = report(frame)
    if (!ok) failed++
    yield* Console.log(text)
  }
  return { failed, total: frames.length }
})

/**
 * The command `d2m inspect`.
 *
 * @category commands
 * @since 0.1.0
 */
export const inspect = Command.make(
  "inspect",
  flags,
  Effect.fnUntraced(function* (options) {
    const crypto = yield* Effect.provide(Crypto, layerCrypto)
    const key = yield* groupKey(options)
    const open = Option.isSome(key) ? openWith(crypto, crypto.deriveKeys(key.value)) : undefined
    const given = Option.getOrUndefined(options.direction)
    const reporter = options.json ? jsonReporter(given, open) : viewReporter(given, open, yield* canvasOf(options.full))
    const unread = yield* UnreadCode
    const report: Reporter = (frame) => {
      const reported = reporter(frame)
      if (!reported.ok) unread.code = 1
      return reported
    }
    const count = yield* options.frames.length === 0 ? reportLines(report) : reportArguments(report, options.frames)
    if (count.failed > 0) return yield* new UnreadableFrames(count)
  })
).pipe(
  Command.withDescription("Explain frames byte by byte; exits with 1 when any frame cannot be read"),
  Command.withExamples([
    { command: "d2m inspect 83000000000000006b020000", description: "A frame with each field named and explained" },
    { command: "d2m inspect --json --direction s2c < frames.txt", description: "One JSON object for each line" },
    { command: "d2m inspect --dgk-file group.key < frames.txt", description: "With the boxes that the key opens" }
  ])
)
