/**
 * Runs a command as a program: one clear line for whatever goes wrong, and an exit code.
 *
 * Owns the codes that all commands share: 0 success, 1 failure, 2 wrong usage, 130 interrupted. An error may name another.
 * What is said of wrong usage, help included, goes to standard error.
 * What cannot be said on standard error, because the disk is full or nobody reads it, is lost; the program goes on.
 *
 * @since 0.1.0
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Config, Console, Context, Effect, Exit, Result, Runtime } from "effect"
import { CliError, CliOutput, Command } from "effect/cli"
import { ReaderGone, UnreadCode, watchOutput } from "./OutputReader.ts"

/**
 * The exit code of a program that is interrupted; a service for which SIGTERM is the end it is made for sets it to 0 then.
 *
 * @category references
 * @since 0.1.0
 */
export const InterruptedCode = Context.Reference<{ code: number }>("@d2m/cli/InterruptedCode", {
  defaultValue: () => ({ code: 130 })
})

const lineOf = (cause: Cause.Cause<unknown>): string | undefined => {
  if (Cause.hasInterruptsOnly(cause)) return undefined
  const error = Cause.findError(cause)
  if (Result.isFailure(error)) return Cause.pretty(cause)
  // The command itself has said what is wrong with its arguments.
  if (CliError.isCliError(error.success) && error.success._tag === "ShowHelp") return undefined
  if (error.success instanceof Config.ConfigError) return error.success.cause.message.replace(/\n +at /g, " at ")
  return error.success instanceof Error ? error.success.message : String(error.success)
}

/**
 * The exit code of a command that ended like this.
 *
 * @category getters
 * @since 0.1.0
 */
export const exitCodeOf = (exit: Exit.Exit<unknown, unknown>, interrupted = 130): number => {
  if (Exit.isSuccess(exit)) return 0
  if (Cause.hasInterruptsOnly(exit.cause)) return interrupted
  const error = Cause.squash(exit.cause)
  const isUsage = CliError.isCliError(error) && !(error._tag === "ShowHelp" && error.errors.length === 0)
  return isUsage ? 2 : Runtime.getErrorExitCode(error)
}

/** Who has made a mistake reads the help where the mistake is told: standard output is for what a command says. */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Effect.gen(function* () {
          const formatter = yield* CliOutput.Formatter
          yield* Console.error(formatter.formatHelpDoc(event.helpDoc))
          yield* Console.error(formatter.formatErrors(event.errors))
        })
      : CliOutput.defaultPresenter.present(event)
}

/**
 * Runs a command with the arguments of the process. Ctrl-C and SIGTERM interrupt it, and whatever it holds is released.
 * It ends with 0 when nobody reads its output any more, unless the command knows better.
 *
 * @category running
 * @since 0.1.0
 */
export const runMain = <Name extends string, Input, ContextInput, E>(
  command: Command.Command<Name, Input, ContextInput, E, NodeServices.NodeServices>,
  version: string
): void => {
  const unread = { code: 0 }
  const readerGone = watchOutput(command.name, unread)
  const interrupted = { code: 130 }
  process.stderr.on("error", () => {})
  command.pipe(
    Command.run({ version }),
    Effect.tapCause((cause) => {
      const line = lineOf(cause)
      return line === undefined ? Effect.void : Console.error(`${command.name}: ${line}`)
    }),
    Effect.provide(NodeServices.layer),
    Effect.provideService(CliOutput.Presenter, presenter),
    Effect.provideService(ReaderGone, readerGone),
    Effect.provideService(UnreadCode, unread),
    Effect.provideService(InterruptedCode, interrupted),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      teardown: (exit, onExit) => onExit(exitCodeOf(exit, interrupted.code))
    })
  )
}
