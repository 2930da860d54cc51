/**
 * The page that stories are laid out on: as wide as the terminal, and in colours where it has them.
 *
 * @since 0.1.0
 */
import type { LanesOptions } from "@d2m/simulation"
import { Effect, Stdio, Terminal } from "effect"
import { TerminalCapabilities } from "effect/cli"

const defaultWidth = 120

/** The page of this process. */
export const page: Effect.Effect<LanesOptions, never, Stdio.Stdio | Terminal.Terminal> = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  const terminal = yield* Terminal.Terminal
  const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
  const columns = (yield* stdio.stdoutIsTerminal) ? yield* terminal.columns : 0
  return { width: columns === 0 ? defaultWidth : Math.max(80, columns), colours: canColor }
})
