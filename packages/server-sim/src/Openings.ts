/**
 * Connections that are not known to the core yet.
 *
 * Owns what an `Opened` needs first: fresh randomness, and for a group that the core does not know what the store knows,
 * asked once for all who wait and never while something about that group is still being written.
 *
 * @since 0.1.0
 */
import type { Crypto, EphemeralKey } from "@d2m/codec"
import { type Cause, Effect, Exit, Option } from "effect"
import type { SecureRandom } from "effect/crypto"
import type { Forks } from "./Forks.ts"
import type { MediatorStore } from "./MediatorStore.ts"
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
}

const nothingStored: GroupSnapshot = { encryptedSharedDeviceData: new Uint8Array(0), slots: [] }

/** Openings with these services. `onFailed` gets a connection that cannot be opened. */
export const makeOpenings = (options: {
  readonly forks: Forks
  readonly store: MediatorStore["Service"]
  readonly crypto: Crypto["Service"]
  readonly random: SecureRandom.SecureRandom["Service"]
  readonly watch: Watch
  readonly onReady: (openings: ReadonlyArray<Opening>) => void
  readonly onFailed: (peers: ReadonlyArray<Peer>, cause: Cause.Cause<unknown>) => void
}): Openings => {
  const { crypto, forks, onFailed, onReady, random, store, watch } = options
  const loading = new Map<GroupKey, Array<Opening>>()
  let blocked: Array<Opening> = []

  const entropy = Effect.all([random.randomBytes(32), random.randomBytes(32)])

  const startLoad = (opening: Opening): void => {
    const { groupKey } = opening.peer
    const openings = [opening]
    loading.set(groupKey, openings)
    const since = watch.stores()
    forks.start(store.load(groupKey), (exit) => {
      watch.stored("load", since, exit)
      loading.delete(groupKey)
      if (Exit.isFailure(exit))
        return onFailed(
          openings.map(({ peer }) => peer),
          exit.cause
        )
      const stored = Option.getOrElse(exit.value, () => nothingStored)
      onReady(openings.map((waiting) => ({ ...waiting, stored })))
    })
  }

  return {
    prepare: (peer) => {
      forks.start(entropy, (exit) => {
        if (Exit.isFailure(exit)) return onFailed([peer], exit.cause)
        const [secret, challenge] = exit.value
        onReady([{ _tag: "Opening", peer, esk: crypto.ephemeralKey(secret), challenge }])
      })
    },
    load: (opening, isBusy) => {
      const openings = loading.get(opening.peer.groupKey)
      if (openings !== undefined) openings.push(opening)
      else if (isBusy) blocked.push(opening)
      else startLoad(opening)
    },
    written: () => {
      if (blocked.length === 0) return
      const openings = blocked
      blocked = []
      onReady(openings)
    }
  }
}
