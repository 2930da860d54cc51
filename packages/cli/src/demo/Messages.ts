/**
 * The texts that the demo's devices reflect: a person's own, from a file or standard input, or a few of ours.
 *
 * Owns reading and splitting them. A line is a message; a line too long for one is split between characters.
 *
 * @since 0.1.0
 */
import { Effect, Option, Schema } from "effect"
import { fstatSync, readFileSync } from "node:fs"

/**
 * The file with the messages cannot be read.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnreadableText extends Schema.TaggedError<UnreadableText>()("UnreadableText", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `cannot read ${this.path}: ${this.reason}`
  }
}

/** What the devices say when nobody gave them text. */
export const ours: ReadonlyArray<string> = [
  "Did you feed the cat?",
  "Twice. She told me nobody had.",
  "She told me the same.",
  "So that makes four times.",
  "Five. You forgot the neighbour."
]

/** Bytes of UTF-8 that one chat message may have, well below the envelope limit. */
const maxBytes = 7000

const encoder = new TextEncoder()

/** Splits a line into pieces of at most {@link maxBytes} bytes, between characters. */
export const split = (line: string): ReadonlyArray<string> => {
  if (encoder.encode(line).length <= maxBytes) return [line]
  const pieces: Array<string> = []
  let piece = ""
  let size = 0
  for (const character of line) {
    const bytes = encoder.encode(character).length
    if (size + bytes > maxBytes) {
      pieces.push(piece)
      piece = ""
      size = 0
    }
    piece += character
    size += bytes
  }
  pieces.push(piece)
  return pieces
}

/** Lines of text as messages; empty lines are nothing to say. */
export const fromText = (text: string): ReadonlyArray<string> =>
  text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "")
    .flatMap(split)

/** Whether somebody connected standard input to a file or a pipe. */
const stdinIsGiven = Effect.sync(() => {
  try {
    const stats = fstatSync(0)
    return stats.isFile() || stats.isFIFO() || stats.isSocket()
  } catch {
    return false
  }
})

const fromFile = (path: string) =>
  Effect.try({
    try: () => fromText(readFileSync(path, "utf8")),
    catch: (cause) => new UnreadableText({ path, reason: cause instanceof Error ? cause.message : String(cause) })
  })

/**
 * All of standard input. Unless it was asked for by name, a pipe that says nothing within `patience` milliseconds is
 * taken for one that nobody meant: a terminal in the background, a build server.
 */
const fromStdin = (patience: number | undefined) =>
  Effect.callback<ReadonlyArray<string>, UnreadableText>((resume) => {
    const chunks: Array<Buffer> = []
    const { stdin } = process
    const letGo = () => {
      clearTimeout(timer)
      stdin.removeAllListeners().pause()
    }
    const finish = (result: Effect.Effect<ReadonlyArray<string>, UnreadableText>) => {
      letGo()
      resume(result)
    }
    const timer = patience === undefined ? undefined : setTimeout(() => finish(Effect.succeed([])), patience)
    stdin
      .on("data", (chunk: Buffer) => {
        clearTimeout(timer)
        chunks.push(chunk)
      })
      .on("end", () => finish(Effect.succeed(fromText(Buffer.concat(chunks).toString("utf8")))))
      .on("error", (cause) =>
        finish(Effect.fail(new UnreadableText({ path: "standard input", reason: cause.message })))
      )
    return Effect.sync(letGo)
  })

/** The texts for this run: from `path` (`-` is standard input), else from standard input when given, else ours. */
export const read = (path: Option.Option<string>): Effect.Effect<ReadonlyArray<string>, UnreadableText> =>
  Effect.gen(function* () {
    if (Option.isSome(path)) return path.value === "-" ? yield* fromStdin(undefined) : yield* fromFile(path.value)
    const given = (yield* stdinIsGiven) ? yield* fromStdin(1000) : []
    return given.length === 0 ? ours : given
  })
