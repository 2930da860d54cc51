/**
 * Whether errors know where they were made.
 *
 * In a world errors are values, made all the time, and capturing their stacks takes longer than everything else about them.
 * Only of a defect the stack is of interest: so runs do without, and what turns out a defect is thrown once more.
 *
 * @since 0.1.0
 */

import { Formatter, SchemaIssue } from "effect"

/** The frames of a stack that tell where something was thrown; those below are the scheduler's. */
const frames = 8

/** Runs something with or without stacks. */
export const withStacks = <A>(areKept: boolean, run: () => A): A => {
  const errors = Error as { stackTraceLimit?: number }
  const { stackTraceLimit } = errors
  errors.stackTraceLimit = areKept ? frames : 0
  try {
    return run()
  } finally {
    if (stackTraceLimit === undefined) delete errors.stackTraceLimit
    else errors.stackTraceLimit = stackTraceLimit
  }
}

/** What is no error. */
export const valueText = (value: unknown): string => (typeof value === "string" ? value : Formatter.format(value))

const issueText = SchemaIssue.makeFormatterDefault()

/** What a schema has refused: the error that its `make` throws says no more than that it has. */
const refusalOf = ({ cause }: Error): string =>
  SchemaIssue.isIssue(cause) ? `: ${issueText(cause).replaceAll("\n  at ", " at ")}` : ""

const headOf = ({ message, name }: Error): string => `${name}: ${message}`

/** An error's name and message. */
export const errorText = (error: Error): string => headOf(error) + refusalOf(error)

/** What was thrown, with its stack if it has one. */
export const thrownText = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return valueText(thrown)
  const { stack = "" } = thrown
  const head = headOf(thrown)
  return stack.startsWith(head) ? errorText(thrown) + stack.slice(head.length) : stack || errorText(thrown)
}
