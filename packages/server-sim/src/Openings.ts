/**
 * Connections that are not known to the core yet, and groups that it should know without one.
 *
 * Owns what an `Opened` needs first: fresh randomness, and for a group that the core does not know what the store knows,
 * asked once for all who wait and never while something about that group is still being written.
 *
 * @since 0.1.0
 */
import { type Crypto, type EphemeralKey, type GroupId, Limits } from "@d2m/codec"
import { type Cause, Effect, Exit, Option, Result } from "effect"
import type { SecureRandom } from "effect/crypto"
import { Hex } from "effect/encoding"
import type { Forks } from "./Forks.ts"
import type { Loaded } from "./Input.ts"
import type { MediatorStore, MediatorStoreError } from "./MediatorStore.ts"
import type { Watch } from "./observe/Watch.ts"
import type { Peer } from "./Peer.ts"
import type { GroupKey, GroupSnapshot } from "./StoreCommand.ts"

/** A connection that waits to be opened. */
export interface Opening {
  readonly _tag: "Opening"
  readonly peer: Peer
  readonly esk: EphemeralKey
  readonly challenge: Uint8Array
  /** What the store knows, once it was asked. */
  readonly stored?: GroupSnapshot
}

/** What openings wait for. */
export interface Openings {
  /** Draws the randomness of a connection; `onReady` gets its opening. */
  readonly prepare: (peer: Peer) => void
  /** Asks the store about the opening's group, now or when it is free; `onReady` gets the opening again. */
  readonly load: (opening: Opening, isBusy: boolean) => void
  /** The store has written something. */
  readonly written: () => void
  /** Asks the store about a group that nobody opens; done when `onReady` had it. */
  readonly visit: (groupKey: GroupKey) => Effect.Effect<void, MediatorStoreError>
}

/** Somebody who has the core know a group whatever becomes of the openings. */
interface Visit {
  readonly groupId: GroupId
  readonly done: (exit: Exit.Exit<void, MediatorStoreError>) => void
}

/** What the store is being asked about a group. */
interface Load {
  readonly openings: Array<Opening>
  visit: Visit | undefined
}

const nothingStored: GroupSnapshot = { encryptedSharedDeviceData: new Uint8Array(0), slots: [] }

/** Openings with these services. `onFailed` gets connections of one group that cannot be opened. */
export const makeOpenings = (options: {
  readonly forks: Forks
  readonly store: MediatorStore["Service"]
  readonly crypto: Crypto["Service"]
  readonly random: SecureRandom.SecureRandom["Service"]
  readonly watch: Watch
  readonly onReady: (ready: ReadonlyArray<Opening | Loaded>) => void
  readonly onFailed: (peers: ReadonlyArray<Peer>, cause: Cause.Cause<unknown>) => void
}): Openings => {
  const { crypto, forks, onFailed, onReady, random, store, watch } = options
  const loading = new Map<GroupKey, Load>()
  let blocked: Array<Opening> = []

  // Drawn at once, the half of it for each.
  const entropy = random.randomBytes(Limits.key + Limits.challenge)

  const startLoad = (groupKey: GroupKey, load: Load): void => {
    loading.set(groupKey, load)
    const since = watch.stores()
    forks.start(
      Effect.suspend(() => store.load(groupKey)),
      (exit) => {
        watch.stored("load", since, exit)
        loading.delete(groupKey)
        const { openings, visit } = load
        if (Exit.isFailure(exit)) {
          const peers = openings.map(({ peer }) => peer)
          if (peers.length > 0) onFailed(peers, exit.cause)
        } else {
          const stored = Option.getOrElse(exit.value, () => nothingStored)
          const ready: Array<Opening | Loaded> = openings.map((opening) => ({ ...opening, stored }))
          // Behind the openings: where one of them has come to something, this is of no interest.
          if (visit !== undefined) ready.push({ _tag: "Loaded", groupId: visit.groupId, stored })
          onReady(ready)
        }
        visit?.done(Exit.asVoid(exit))
      }
    )
  }

  return {
    prepare: (peer) => {
      forks.start(entropy, (exit) => {
        if (Exit.isFailure(exit)) return onFailed([peer], exit.cause)
        const secret = exit.value.slice(0, Limits.key)
        const challenge = exit.value.slice(Limits.key)
        onReady([{ _tag: "Opening", peer, esk: crypto.ephemeralKey(secret), challenge }])
      })
    },
    load: (opening, isBusy) => {
      const { groupKey } = opening.peer
      const load = loading.get(groupKey)
      if (load !== undefined) load.openings.push(opening)
      else if (isBusy) blocked.push(opening)
      else startLoad(groupKey, { openings: [opening], visit: undefined })
    },
    written: () => {
      if (blocked.length === 0) return
      const openings = blocked
      blocked = []
      onReady(openings)
    },
    visit: (groupKey) =>
      Effect.callback((resume) => {
        const groupId = Hex.decode(groupKey)
        if (Result.isFailure(groupId)) return resume(Effect.void)
        const visit: Visit = { groupId: groupId.success, done: resume }
        const load = loading.get(groupKey)
        if (load === undefined) startLoad(groupKey, { openings: [], visit })
        else load.visit = visit
      })
  }
}
