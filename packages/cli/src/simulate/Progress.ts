/**
 * A bar on the terminal that says how far a long run is.
 *
 * Owns the line and when it is drawn: on a terminal only, not before a run has turned out long, and never between the
 * lines of other output.
 *
 * @since 0.1.0
 */
import { Clock, Effect, type Scope, Stdio, Stream } from "effect"
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
  /** So much of a seed, by its place among them from 0 on, has been simulated: 0…1. */
  readonly lived: (index: number, share: number) => void
  /** So many are done. */
  readonly advance: (done: number, failed: number) => Effect.Effect<void>
  /** Takes the bar away until the next is done, so that something else can be written. */
  readonly clear: Effect.Effect<void>
}

const none: Progress = { lived: () => {}, advance: () => Effect.void, clear: Effect.void }

/** The line of the bar: in seeds, or in virtual time when there is only one. */
export const barText = (options: {
  readonly done: number
  /** How much of those that are not done has been simulated, in seeds. */
  readonly begun: number
  readonly total: number
  readonly failed: number
  /** Virtual ms of each. */
  readonly duration: number
  /** Real ms since the start. */
  readonly millis: number
}): string => {
  const { begun, done, duration, failed, millis, total } = options
  const ready = Math.min(total, done + begun)
  const filled = Math.floor((ready / total) * width)
  const left = ready === 0 ? "" : `, ${durationText((millis / ready) * (total - ready))} left`
  const so =
    total === 1
      ? `${durationText(ready * duration)} of ${durationText(duration)} simulated`
      : `${done} of ${total} seeds`
  const broken = failed === 0 ? "" : `, ${failed} failed`
  return `[${"#".repeat(filled)}${"-".repeat(width - filled)}] ${so}${broken}${left}`
}

/**
 * A bar for so many seeds, of so many virtual ms each, on standard error, if that is a terminal.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeProgress = (
  total: number,
  duration: number
): Effect.Effect<Progress, never, Stdio.Stdio | Scope.Scope> =>
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    if (!(yield* stdio.stderrIsTerminal)) return none
    const start = yield* Clock.currentTimeMillis
    const shares = new Map<number, number>()
    let done = 0
    let failed = 0
    let drawnAt = start + patience - refresh
    let isDrawn = false
    let isAway = false
    const write = (text: string) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr({ endOnDone: false })))
    const draw = Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (isAway || now - drawnAt < refresh) return Effect.void
      drawnAt = now
      isDrawn = true
      let begun = 0
      for (const share of shares.values()) begun += share
      return write(`\r\u001b[K${barText({ done, begun, total, failed, duration, millis: now - start })}`)
    })
    // Where seeds are long, none may be done for a while.
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(refresh), draw)))
    return {
      lived: (index, share) => {
        if (index >= done) shares.set(index, share)
      },
      advance: (nowDone, nowFailed) =>
        Effect.suspend(() => {
          for (let index = done; index < nowDone; index++) shares.delete(index)
          done = nowDone
          failed = nowFailed
          isAway = false
          return draw
        }),
      clear: Effect.suspend(() => {
        isAway = true
        if (!isDrawn) return Effect.void
        isDrawn = false
        return write("\r\u001b[K")
      })
    }
  })
