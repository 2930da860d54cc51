/**
 * Brings the core's `Persist`s to the store.
 *
 * Owns their order: one call of `apply` at a time, or a few with a store that has room for them, with what has come up since
 * the last one, so that a durable store commits in groups without being asked to. What is under way is bounded: what else the
 * store is asked has its turn behind it. Says up to which id everything is durable.
 *
 * @since 0.1.0
 */
import { Effect, Exit } from "effect"
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
  /** Starts writing what has come up, unless enough is under way. */
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
/** About the bytes that are under way at once, unless a single `Persist` is more: some thousand small commands. */
const applyBytes = 4 * 1024 * 1024
/** Calls that are under way at once, of a store that is pipelined: each has its price, and what waits here goes in one. */
const pipelinedCalls = 4

const bytesOf = (persist: Persist): number => {
  let bytes = 0
  for (const command of persist.commands) bytes += overhead + sizeOf(command)
  return bytes
}

/** What a group has of a write, as one of its runs. */
interface Share {
  readonly groupKey: GroupKey
  bytes: number
}

/** A call of `apply` whose end has not been told. */
interface Write {
  readonly persists: ReadonlyArray<Persist>
  readonly bytes: number
  /** Kept, because to look at each command again when the disk is done costs more than all else that happens then. */
  readonly shares: ReadonlyArray<Share>
  exit: Exit.Exit<void, MediatorStoreError> | undefined
  /** One ahead of it has failed, and its groups with it. */
  isLost: boolean
}

const hasSucceeded = (write: Write | undefined): boolean => write?.exit !== undefined && Exit.isSuccess(write.exit)
const hasFailed = ({ exit }: Write): boolean => exit !== undefined && Exit.isFailure(exit)

/** Of what may wait one group may fill one part of so many: all others wait behind it. */
const groupShare = 16

/**
 * A writer to this store. `onReturned` is told of each write and what is lost with it if it has failed: its own `Persist`s and all
 * that were under way behind it. That is before `flush` returns if the store does not wait.
 */
export const makeStoreWriter = (
  { storeHighWater }: Pick<MediatorOptions, "storeHighWater">,
  store: MediatorStore["Service"],
  forks: Forks,
  watch: Watch,
  onReturned: (exit: Exit.Exit<void, MediatorStoreError>, lost: ReadonlyArray<Persist>) => void
): StoreWriter => {
  let pending: Array<Persist> = []
  const underWay: Array<Write> = []
  let bytesUnderWay = 0
  let durable: PersistId = 0
  let backlog = 0
  /** By group, of those that have any. */
  const backlogs = new Map<GroupKey, number>()
  let waiters: Array<() => void> = []

  const count = (groupKey: GroupKey, bytes: number): void => {
    backlog += bytes
    const left = (backlogs.get(groupKey) ?? 0) + bytes
    if (left === 0) backlogs.delete(groupKey)
    else backlogs.set(groupKey, left)
  }

  const exceeds = (groupKey: GroupKey, limit: number): boolean =>
    backlog > limit || (backlogs.get(groupKey) ?? 0) > limit / groupShare

  /** What the next call writes. Of what stays pending nothing else is kept: there may be more each time. */
  const take = (): Write => {
    let end = 0
    let bytes = 0
    const shares: Array<Share> = []
    for (; end < pending.length && bytesUnderWay + bytes < applyBytes; end++) {
      const { groupKey } = pending[end]!
      const more = bytesOf(pending[end]!)
      const share = shares.at(-1)
      if (share?.groupKey === groupKey) share.bytes += more
      else shares.push({ groupKey, bytes: more })
      bytes += more
    }
    const persists = end === pending.length ? pending : pending.slice(0, end)
    pending = end === pending.length ? [] : pending.slice(end)
    return { persists, bytes, shares, exit: undefined, isLost: false }
  }

  /** What is lost with a write that has failed: nothing more with one that was lost, for what is behind it came later. */
  const lostWith = (write: Write): ReadonlyArray<Persist> => {
    if (write.isLost) return []
    const lost = [write, ...underWay]
    for (const behind of underWay) behind.isLost = true
    return lost.flatMap(({ persists }) => persists)
  }

  /** The first one is not under way any more. */
  const leave = (): void => {
    const { bytes, persists, shares } = underWay.shift()!
    bytesUnderWay -= bytes
    for (const { bytes, groupKey } of shares) count(groupKey, -bytes)
    durable = persists[persists.length - 1]!.id
  }

  const tellOfReturned = (): void => {
    for (let write = underWay[0]; write?.exit !== undefined; write = underWay[0]) {
      leave()
      // With it, those behind it that a store did at once: what waits for all of them is one flush of each connection.
      if (Exit.isSuccess(write.exit)) while (hasSucceeded(underWay[0])) leave()
      onReturned(write.exit, Exit.isSuccess(write.exit) ? [] : lostWith(write))
    }
    // Whoever was told may have started the next one.
    if (pending.length > 0 || underWay.length > 0) return
    const settled = waiters
    waiters = []
    for (const resume of settled) resume()
  }

  const start = (write: Write): void => {
    underWay.push(write)
    bytesUnderWay += write.bytes
    const since = watch.stores()
    forks.start(
      Effect.suspend(() => store.apply(write.persists)),
      (exit) => {
        watch.stored("apply", since, exit)
        write.exit = exit
        tellOfReturned()
      }
    )
  }

  /** Nothing is handed over that may build on a write that has failed behind one that has not returned. */
  const mayStart = (): boolean => {
    if (pending.length === 0 || underWay.length === 0) return pending.length > 0
    const hasRoom = store.isPipelined === true && underWay.length < pipelinedCalls && bytesUnderWay < applyBytes
    return hasRoom && !underWay.some(hasFailed)
  }

  return {
    push: (persist) => {
      pending.push(persist)
      count(persist.groupKey, bytesOf(persist))
    },
    flush: () => {
      while (mayStart()) start(take())
    },
    durable: () => durable,
    backlog: () => backlog,
    isAhead: (groupKey) => backlogs.has(groupKey) && exceeds(groupKey, storeHighWater),
    hasRoomFor: (groupKey) => !exceeds(groupKey, storeHighWater / 2),
    isBusyWith: (groupKey) => backlogs.has(groupKey),
    discard: (groupKey) => {
      const kept: Array<Persist> = []
      for (const persist of pending) {
        if (persist.groupKey === groupKey) count(groupKey, -bytesOf(persist))
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
