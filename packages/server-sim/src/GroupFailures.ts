/**
 * What becomes of a group when its store, or the core itself, fails.
 *
 * Owns that nobody is promised what may not be so: what has not left is thrown away, the group's connections are closed with
 * 1011, and it starts again from what is stored. Other groups go on (decision 11).
 *
 * @since 0.1.0
 */
import { Cause } from "effect"
import type { GroupFailed } from "./Input.ts"
import type { Watch } from "./observe/Watch.ts"
import { clearOutbox } from "./Peer.ts"
import type { PeerLife } from "./PeerLife.ts"
import type { State } from "./State.ts"
import type { GroupKey } from "./StoreCommand.ts"

/** Fails groups. */
export interface GroupFailures {
  /** What was to be written for these groups was not, and any of them may have been the reason. */
  readonly writeFailed: (groupKeys: Iterable<GroupKey>, cause: Cause.Cause<unknown>) => void
  /** What is stored for the group could not be read. */
  readonly readFailed: (groupKey: GroupKey, cause: Cause.Cause<unknown>) => void
  /** A step threw. The group is absent if any may have been the reason. */
  readonly coreFailed: (groupKey: GroupKey | undefined, defect: unknown) => void
  /** The core has had its `GroupFailed`, and has closed what it knows. */
  readonly settle: (groupKey: GroupKey) => void
}

/** Failures of the groups of a core. */
export const makeGroupFailures = (host: {
  readonly life: Pick<PeerLife, "peers" | "fail">
  readonly watch: Watch
  readonly state: () => State
  /** Something for the core, ahead of all that waits. */
  readonly tellFirst: (input: GroupFailed) => void
  /** Gives up what is to be written for the group and is not under way. */
  readonly discard: (groupKey: GroupKey) => void
  /** Nothing of the group is in memory any more. */
  readonly onForgotten: () => void
}): GroupFailures => {
  const { life, watch } = host

  const failGroup = (groupKey: GroupKey, detail: string): void => {
    host.discard(groupKey)
    for (const peer of life.peers.values()) {
      if (peer.groupKey !== groupKey) continue
      clearOutbox(peer)
      if (peer.phase === "Closing") life.fail(peer)
    }
    // Nothing may build on a state that the store does not share.
    host.tellFirst({ _tag: "GroupFailed", groupKey })
    watch.groupFailed(groupKey, detail)
    host.onForgotten()
  }

  return {
    writeFailed: (groupKeys, cause) => {
      watch.failed("the mediator's store failed", cause)
      for (const groupKey of groupKeys) failGroup(groupKey, Cause.pretty(cause))
    },
    readFailed: (groupKey, cause) => {
      watch.failed("the mediator's store failed", cause, groupKey)
      failGroup(groupKey, Cause.pretty(cause))
    },
    coreFailed: (groupKey, defect) => {
      watch.failed("the mediator's core failed", Cause.die(defect))
      const failed = groupKey === undefined ? [...host.state().groups.keys()] : [groupKey]
      for (const key of failed) failGroup(key, String(defect))
    },
    settle: (groupKey) => {
      for (const peer of life.peers.values()) {
        // A core that failed in the middle of an input may not know all of its connections: those it has not closed.
        if (peer.groupKey === groupKey && peer.phase === "Open") life.fail(peer)
      }
    }
  }
}
