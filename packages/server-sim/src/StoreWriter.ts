/**
 * Brings the core's `Persist`s to the store.
 *
 * Owns their order: one call of `apply` at a time, with everything that has come up since the last one, so that a durable
 * store commits in groups without being asked to. Says up to which id everything is durable.
 *
 * @since 0.1.0
 */
import { Effect, type Exit } from "effect"
import type { Forks } from "./Forks.ts"
import type { MediatorStore, StoreError } from "./MediatorStore.ts"
import type { Watch } from "./observe/Watch.ts"
import type { Persist } from "./Output.ts"
import type { GroupKey, PersistId } from "./StoreCommand.ts"
import { sizeOf } from "./StoreCommandSize.ts"

/** What is on its way to the store. */
export interface StoreWriter {
  readonly push: (persist: Persist) => void
  /** Starts writing what has come up, unless a write is under way. */
  readonly flush: () => void
  /** Everything up to this id is durable, or was given up with its group. */
  readonly durable: () => PersistId
  /** About how many bytes are not durable yet. */
  readonly backlog: () => number
  readonly isBusyWith: (groupKey: GroupKey) => boolean
  /** Gives up what has come up for a group and is not under way. */
  readonly discard: (groupKey: GroupKey) => void
  /** Waits until nothing is on its way. */
  readonly settled: Effect.Effect<void>
}

/** What a command costs besides what is in it, so that many small ones are bounded too. */
const overhead = 64

const bytesOf = (persist: Persist): number => {
  let bytes = 0
  for (const command of persist.commands) bytes += overhead + sizeOf(command)
  return bytes
}

/** A writer to this store. `onWritten` is told of each write; before `flush` returns if the store does not wait. */
export const makeStoreWriter = (
  store: MediatorStore["Service"],
  forks: Forks,
  watch: Watch,
  onWritten: (persists: ReadonlyArray<Persist>, exit: Exit.Exit<void, StoreError>) => void
): StoreWriter => {
  let pending: Array<Persist> = []
  let underWay: ReadonlyArray<Persist> = []
  let durable: PersistId = 0
  let backlog = 0
  let waiters: Array<() => void> = []

  const write = (persists: ReadonlyArray<Persist>): void => {
    underWay = persists
    const since = watch.stores()
    forks.start(store.apply(persists), (exit) => {
      watch.stored("apply", since, exit)
      underWay = []
      for (const persist of persists) backlog -= bytesOf(persist)
      durable = persists[persists.length - 1]!.id
      onWritten(persists, exit)
      if (pending.length > 0) return
      const settled = waiters
      waiters = []
      for (const resume of settled) resume()
    })
  }

  return {
    push: (persist) => {
      pending.push(persist)
      backlog += bytesOf(persist)
    },
    flush: () => {
      while (pending.length > 0 && underWay.length === 0) {
        const persists = pending
        pending = []
        write(persists)
      }
    },
    durable: () => durable,
    backlog: () => backlog,
    isBusyWith: (groupKey) =>
      pending.some((persist) => persist.groupKey === groupKey) ||
      underWay.some((persist) => persist.groupKey === groupKey),
    discard: (groupKey) => {
      const given = pending.filter((persist) => persist.groupKey === groupKey)
      for (const persist of given) backlog -= bytesOf(persist)
      pending = pending.filter((persist) => persist.groupKey !== groupKey)
    },
    // Whoever told of the last write finishes first: what was waiting for it leaves before this returns.
    settled: Effect.andThen(
      Effect.callback<void>((resume) => {
        if (pending.length === 0 && underWay.length === 0) return resume(Effect.void)
        waiters.push(() => resume(Effect.void))
      }),
      Effect.yieldNow
    )
  }
}
