/**
 * The one timer of a mediator.
 *
 * Owns sleeping until the core's last `WakeAt`. All of the core's deadlines share it.
 *
 * @since 0.1.0
 */
import { type Clock, Effect } from "effect"
import type { Cancel, Forks } from "./Forks.ts"
import { elapsedOf } from "./Moment.ts"

/** Goes off once, at the time it was last set to. */
export interface Alarm {
  /** Sets it to a time in ms by the monotonic clock, or off with `Infinity`. */
  readonly set: (at: number) => void
}

/** What is further away is looked at again by then: timers of 32 bits cannot wait longer. */
const longestSleep = 1_000_000_000

/** An alarm on this clock. It may go off early: whoever it wakes looks at the time. */
export const makeAlarm = (forks: Forks, clock: Clock.Clock, onDue: () => void): Alarm => {
  let setTo = Infinity
  let cancel: Cancel = () => {}
  return {
    set: (at) => {
      if (at === setTo) return
      cancel()
      setTo = at
      if (at === Infinity) return
      const millis = Math.min(Math.max(at - elapsedOf(clock), 0), longestSleep)
      cancel = forks.start(Effect.sleep(millis), () => {
        setTo = Infinity
        onDue()
      })
    }
  }
}
