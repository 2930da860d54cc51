/**
 * Where a session's commands come from and its lines go to: a terminal with a prompt, or pipes.
 *
 * Owns the prompt, its history and completion, and keeping what is being typed apart from what is printed meanwhile.
 *
 * @since 0.1.0
 */
import { Console, Effect, type PlatformError, type Scope, Stdio, Stream } from "effect"
import { systemError } from "effect/PlatformError"
import * as Readline from "node:readline"

/**
 * Both directions of a session.
 *
 * @category models
 * @since 0.1.0
 */
export interface LineSource {
  /** Whether a person types. */
  readonly interactive: boolean
  /** What is typed or piped, line by line; nothing is read ahead of the line that is being carried out. */
  readonly lines: Stream.Stream<string, PlatformError.PlatformError>
  readonly print: (text: string) => void
  /** Nothing is read any more; what is printed from here on has no prompt after it. */
  readonly close: () => void
}

/** A line longer than this is cut, and then too long for any envelope. */
const longestLine = 1 << 17

/** Splits what comes in pieces; a line without end does not fill the memory. */
const splitLines = <E, R>(pieces: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> =>
  pieces.pipe(
    Stream.mapAccum(
      () => "",
      (rest, piece) => {
        const [first = "", ...others] = piece.split("\n")
        const lines = [rest + first.slice(0, longestLine - rest.length), ...others]
        const last = lines.pop()!
        return [last.slice(0, longestLine), lines] as const
      },
      { onHalt: (rest) => (rest === "" ? [] : [rest]) }
    )
  )

/**
 * Standard input and output as they are.
 *
 * @category constructors
 * @since 0.1.0
 */
export const piped: Effect.Effect<LineSource, never, Stdio.Stdio> = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  const console = yield* Console.Console
  return {
    interactive: false,
    lines: splitLines(Stream.decodeText(stdio.stdin)),
    print: (text) => console.log(text),
    // Whoever holds the other end of a pipe open does not keep the program from ending; a file has nothing to let go of.
    close: () => {
      if ("unref" in process.stdin) process.stdin.unref()
    }
  }
})

const promptText = "d2m> "

/**
 * A terminal with a prompt. Ctrl-C interrupts the program, Ctrl-D ends the lines.
 *
 * @category constructors
 * @since 0.1.0
 */
export const prompt = (names: ReadonlyArray<string>): Effect.Effect<LineSource, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { stdin, stdout } = process
    const readline = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Readline.createInterface({
          input: stdin,
          output: stdout,
          prompt: promptText,
          historySize: 100,
          completer: (line: string) => [names.filter((name) => name.startsWith(line)).map((name) => `${name} `), line]
        })
      ),
      (readline) => Effect.sync(() => readline.close())
    )
    readline.on("SIGINT", () => process.kill(process.pid, "SIGINT"))
    let open = true
    readline.on("close", () => {
      open = false
    })
    const lines = Stream.fromAsyncIterable(readline, (cause) =>
      systemError({ module: "Terminal", method: "readLine", _tag: "Unknown", cause })
    )
    return {
      interactive: true,
      lines,
      print: (text) => {
        Readline.cursorTo(stdout, 0)
        Readline.clearLine(stdout, 0)
        stdout.write(`${text}\n`)
        if (open) readline.prompt(true)
      },
      close: () => readline.close()
    }
  })
