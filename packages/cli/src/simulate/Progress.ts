/**
 * A bar on the terminal that says how far a long run is.
 *
 * Owns the line and when it is drawn: on a terminal only, not before a run has turned out long, and never between the
 * lines of other output.
 *
 * @since 0.1.0
 */
import { Clock, Effect, Stdio, Stream } from "effect"
import { durationText } from "./Numbers.ts"

/** How long a run is before it has a bar, and how often it is drawn, in ms. */
const patience = 1_500
const refresh = 200
const width = 30

/**
 * A bar, drawn over itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  /** So many are done. */
  readonly advance: (done: number, failed: number) => Effect.Effect<void>
  /** Takes the bar away, so that something else can be written. */
  readonly clear: Effect.Effect<void>
}

const none: Progress = { advance: () => Effect.void, clear: Effect.void }

/** The line of the bar. */
export const barText = (options: {
  readonly done: number
  readonly total: number
  readonly failed: number
  /** Real ms since the start. */
  readonly millis: number
}): string => {
  const { done, failed, millis, total } = options
  const filled = Math.floor((done / total) * width)
  const left = done === 0 ? "" : `, ${durationText((millis / done) * (total - done))} left`
  const broken = failed === 0 ? "" : `, ${failed} failed`
  return `[${"#".repeat(filled)}${"-".repeat(width - filled)}] ${done} of ${total} seeds${broken}${left}`
}

/**
 * A bar for so many seeds on standard error, if that is a terminal.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeProgress = (total: number): Effect.Effect<Progress, never, Stdio.Stdio> =>
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    if (!(yield* stdio.stderrIsTerminal)) return none
    const start = yield* Clock.currentTimeMillis
    let drawnAt = start + patience - refresh
    let isDrawn = false
    const write = (text: string) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr({ endOnDone: false })))
    return {
      advance: (done, failed) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          if (now - drawnAt < refresh) return Effect.void
          drawnAt = now
          isDrawn = true
          return write(`\r\u001b[K${barText({ done, total, failed, millis: now - start })}`)
        }),
      clear: Effect.suspend(() => {
        if (!isDrawn) return Effect.void
        isDrawn = false
        return write("\r\u001b[K")
      })
    }
  })
