/**
 * Whoever reads standard output, as long as there is somebody.
 *
 * Owns what happens when the reader has had enough, as `head` has: the program ends with 0, unless a command knows of another
 * code by then, or waits for that to end in its own way.
 *
 * @since 0.1.0
 */
import { Context, Effect } from "effect"

/**
 * Ends when nobody reads the output any more. While a command waits for it, the program does not end by itself.
 *
 * @category services
 * @since 0.1.0
 */
export const ReaderGone = Context.Reference<Effect.Effect<void>>("@d2m/cli/ReaderGone", {
  defaultValue: () => Effect.never
})

/**
 * The exit code of a program whose output nobody reads any more: a command that has found something wrong sets it to 1.
 *
 * @category references
 * @since 0.1.0
 */
export const UnreadCode = Context.Reference<{ code: number }>("@d2m/cli/UnreadCode", {
  defaultValue: () => ({ code: 0 })
})

/** Watches standard output for the program of this name; what {@link ReaderGone} is in it. */
export const watchOutput = (name: string, unread: { readonly code: number }): Effect.Effect<void> => {
  const waiting = new Set<() => void>()
  let isGone = false
  process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
    if (code !== "EPIPE") {
      process.stderr.write(`${name}: cannot write: ${message}\n`)
      process.exit(1)
    }
    if (isGone) return
    isGone = true
    if (waiting.size === 0) process.exit(unread.code)
    for (const tell of waiting) tell()
  })
  return Effect.callback<void>((resume) => {
    const tell = (): void => resume(Effect.void)
    if (isGone) return tell()
    waiting.add(tell)
    return Effect.sync(() => waiting.delete(tell))
  })
}
