/**
 * Brings the core's `Persist`s to the store.
 *
 * Owns their order: one call of `apply` at a time, with what has come up since the last one, so that a durable store commits
 * in groups without being asked to. A call is of bounded size: what else the store is asked has its turn between two. Says
 * up to which id everything is durable.
 *
 * @since 0.1.0
 */
import { Effect, type Exit } from "effect"
import type { Forks } from "./Forks.ts"
import type { MediatorOptions } from "./MediatorOptions.ts"
import type { MediatorStore, MediatorStoreError } from "./MediatorStore.ts"
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
  /**
   * Whether so much waits, of all groups or of this one, that no more should be heard of it. Never of a group of which nothing
   * waits: whoever writes nothing is no part of it.
   */
  readonly isAhead: (groupKey: GroupKey) => boolean
  /** Whether that is over: half as much waits. */
  readonly hasRoomFor: (groupKey: GroupKey) => boolean
  readonly isBusyWith: (groupKey: GroupKey) => boolean
  /** Gives up what has come up for a group and is not under way. */
  readonly discard: (groupKey: GroupKey) => void
  /** Waits until nothing is on its way. */
  readonly settled: Effect.Effect<void>
}

/** What a command costs besides what is in it, in memory and in time, so that many small ones are bounded too. */
const overhead = 512
/** About the bytes of one call of `apply`, unless a single `Persist` is more: some thousand small commands. */
const applyBytes = 4 * 1024 * 1024

const bytesOf = (persist: Persist): number => {
  let bytes = 0
  for (const command of persist.commands) bytes += overhead + sizeOf(command)
  return bytes
}

/** Of what may wait one group may fill one part of so many: all others wait behind it. */
const groupShare = 16

/** A writer to this store. `onWritten` is told of each write; before `flush` returns if the store does not wait. */
export const makeStoreWriter = (
  { storeHighWater }: Pick<MediatorOptions, "storeHighWater">,
  store: MediatorStore["Service"],
  forks: Forks,
  watch: Watch,
  onWritten: (persists: ReadonlyArray<Persist>, exit: Exit.Exit<void, MediatorStoreError>) => void
): StoreWriter => {
  let pending: Array<Persist> = []
  let underWay: ReadonlyArray<Persist> = []
  let durable: PersistId = 0
  let backlog = 0
  /** By group, of those that have any. */
  const backlogs = new Map<GroupKey, number>()
  let waiters: Array<() => void> = []

  const count = ({ groupKey }: Persist, bytes: number): void => {
    backlog += bytes
    const left = (backlogs.get(groupKey) ?? 0) + bytes
    if (left === 0) backlogs.delete(groupKey)
    else backlogs.set(groupKey, left)
  }

  const exceeds = (groupKey: GroupKey, limit: number): boolean =>
    backlog > limit || (backlogs.get(groupKey) ?? 0) > limit / groupShare

  /** What the next call writes. Of what stays pending nothing else is kept: there may be more each time. */
  const take = (): ReadonlyArray<Persist> => {
    let end = 0
    let bytes = 0
    while (end < pending.length && bytes < applyBytes) bytes += bytesOf(pending[end++]!)
    const taken = end === pending.length ? pending : pending.slice(0, end)
    pending = end === pending.length ? [] : pending.slice(end)
    return taken
  }

  const write = (persists: ReadonlyArray<Persist>): void => {
    underWay = persists
    const since = watch.stores()
    forks.start(
      Effect.suspend(() => store.apply(persists)),
      (exit) => {
        watch.stored("apply", since, exit)
        underWay = []
        for (const persist of persists) count(persist, -bytesOf(persist))
        durable = persists[persists.length - 1]!.id
        onWritten(persists, exit)
        // Whoever was told may have started the next one.
        if (pending.length > 0 || underWay.length > 0) return
        const settled = waiters
        waiters = []
        for (const resume of settled) resume()
      }
    )
  }

  return {
    push: (persist) => {
      pending.push(persist)
      count(persist, bytesOf(persist))
    },
    flush: () => {
      while (pending.length > 0 && underWay.length === 0) write(take())
    },
    durable: () => durable,
    backlog: () => backlog,
    isAhead: (groupKey) => backlogs.has(groupKey) && exceeds(groupKey, storeHighWater),
    hasRoomFor: (groupKey) => !exceeds(groupKey, storeHighWater / 2),
    isBusyWith: (groupKey) => backlogs.has(groupKey),
    discard: (groupKey) => {
      const kept: Array<Persist> = []
      for (const persist of pending) {
        if (persist.groupKey === groupKey) count(persist, -bytesOf(persist))
        else kept.push(persist)
      }
      pending = kept
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
