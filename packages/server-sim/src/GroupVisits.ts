/**
 * Visits to groups with volatile slots: those expire in time though nobody connects (decision 14).
 *
 * Owns which groups are visited and when: all of them when a mediator starts, and whatever was forgotten since. What
 * cannot be looked up is tried again until it can. Loading a group is `Openings`'.
 *
 * @since 0.1.0
 */
import { type Cause, Effect, Latch, Schedule } from "effect"
import { isArrayNonEmpty, type NonEmptyArray } from "effect/Array"
import type { Forks } from "./Forks.ts"
import type { MediatorStore, MediatorStoreError } from "./MediatorStore.ts"
import type { GroupKey } from "./StoreCommand.ts"

/** What is told to the visits. */
export interface GroupVisits {
  /** The first visits: nothing is in memory yet. */
  readonly start: () => void
  /** A group was forgotten, whatever it still had to do in time. */
  readonly forgotten: () => void
  /** The store has written something. */
  readonly written: () => void
}

/** The longest that groups wait for the next attempt. */
const longestWait = "1 minute"

/** Between attempts while the store fails: from one second, doubling. */
const retrying = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced(longestWait)])

/** A group that could not be looked up; without one the store did not even say which there are. */
interface Missed {
  readonly cause: Cause.Cause<unknown>
  readonly groupKey?: GroupKey
}

/** Visits that have not started. `onFailed` is told of each group that an attempt has missed. */
export const makeGroupVisits = (options: {
  readonly forks: Forks
  readonly store: MediatorStore["Service"]
  /** Whether the core knows the group. */
  readonly isKnown: (groupKey: GroupKey) => boolean
  /** Whether something about it is on its way to the store. */
  readonly isBusy: (groupKey: GroupKey) => boolean
  readonly load: (groupKey: GroupKey) => Effect.Effect<void, MediatorStoreError>
  readonly onFailed: (cause: Cause.Cause<unknown>, groupKey?: GroupKey) => void
}): GroupVisits => {
  const { forks, isBusy, isKnown, load, onFailed, store } = options
  const isOwed = Latch.makeUnsafe(false)
  /** Since a group was forgotten. */
  const hasWritten = Latch.makeUnsafe(false)

  const forgotten = (): void => {
    hasWritten.closeUnsafe()
    isOwed.openUnsafe()
  }

  const visit = (groupKey: GroupKey): Effect.Effect<void, MediatorStoreError> =>
    Effect.suspend(() => {
      if (isKnown(groupKey)) return Effect.void
      // What is asked now might be over by the time it is answered.
      return isBusy(groupKey) ? Effect.sync(forgotten) : load(groupKey)
    })

  // A store that throws is asked again as well, and for the other groups as if it had not.
  const visitAll = Effect.suspend(() => {
    isOwed.closeUnsafe()
    return Effect.mapError(Effect.sandbox(store.volatileGroups), (cause): NonEmptyArray<Missed> => [{ cause }])
  }).pipe(
    Effect.flatMap((groupKeys) =>
      Effect.partition(groupKeys, (groupKey) =>
        Effect.mapError(Effect.sandbox(visit(groupKey)), (cause): Missed => ({ cause, groupKey }))
      )
    ),
    Effect.flatMap(([, missed]) => (isArrayNonEmpty(missed) ? Effect.fail(missed) : Effect.void)),
    Effect.tapError((missed) =>
      Effect.sync(() => {
        for (const { cause, groupKey } of missed) onFailed(cause, groupKey)
      })
    ),
    Effect.retry(retrying)
  )

  const visitAgain = isOwed.await.pipe(
    // A store that has written works again. One that has nothing to write is asked in time.
    Effect.andThen(Effect.timeoutOption(hasWritten.await, longestWait)),
    Effect.andThen(visitAll)
  )

  const visits = Effect.andThen(visitAll, Effect.forever(visitAgain))

  return {
    start: () => void forks.start(visits, () => {}),
    forgotten,
    written: () => void hasWritten.openUnsafe()
  }
}
