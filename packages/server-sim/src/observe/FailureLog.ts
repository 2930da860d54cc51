/**
 * Logs what must not happen, even where nobody else watches.
 *
 * Owns that a failure which repeats does not flood the log: each kind once a second, with how many were left out before.
 *
 * @since 0.1.0
 */
import { Cause, type Clock, Effect } from "effect"
import type { Forks } from "../Forks.ts"
import type { GroupKey } from "../StoreCommand.ts"
import { groupLabel } from "./Label.ts"

/** Logs a failure of a kind, unless one of its kind was just logged; with the group, where it is about one. */
export type FailureLog = (kind: string, cause: Cause.Cause<unknown>, groupKey?: GroupKey) => void

const interval = 1_000

/** A log on these forks. */
export const makeFailureLog = (forks: Forks, clock: Clock.Clock): FailureLog => {
  const kinds = new Map<string, { readonly until: number; leftOut: number }>()
  return (kind, cause, groupKey) => {
    const now = clock.currentTimeMillisUnsafe()
    const last = kinds.get(kind)
    if (last !== undefined && now < last.until) {
      last.leftOut++
      return
    }
    kinds.set(kind, { until: now + interval, leftOut: 0 })
    const leftOut = last?.leftOut ?? 0
    const annotations = {
      ...(groupKey === undefined ? {} : { group: groupLabel(groupKey) }),
      ...(leftOut === 0 ? {} : { "left out": leftOut })
    }
    forks.start(Effect.annotateLogs(Effect.logError(kind, cause), annotations), () => {})
  }
}

/**
 * A listener that may be told anything anywhere, in the middle of a step or of a socket's callback: what it throws must end
 * neither, and is logged as a failure of this kind.
 */
export const harmless =
  <A>(listener: (told: A) => void, kind: string, failed: FailureLog): ((told: A) => void) =>
  (told) => {
    try {
      listener(told)
    } catch (defect) {
      failed(kind, Cause.die(defect))
    }
  }
