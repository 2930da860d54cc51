/**
 * What may wait for one connection (`outgoingLimit`) and for all together (`outgoingTotal`): a limit for each alone grows
 * with their number.
 *
 * Owns the sum and who has to go when it is too much: the connection with the most. A connection that is being closed
 * counts until it is gone. Cutting it off is the shell's.
 *
 * @since 0.1.0
 */
import type { MediatorOptions } from "./MediatorOptions.ts"
import { outgoingLevel, type Peer } from "./Peer.ts"

/** Counts what waits. */
export interface OutgoingBudget {
  /**
   * Whether the peer may have another answer; if not, it has been cut off. Asked for answers only: what others put there
   * is paced by the core, and a commit may put a whole transaction there, which is no fault of the peer's.
   */
  readonly admits: (peer: Peer) => boolean
  /** More may wait for this peer than before. */
  readonly look: (peer: Peer) => void
  /** Nothing waits for it any more. */
  readonly forget: (peer: Peer) => void
}

/** A budget of as many bytes as these options give. */
export const makeOutgoingBudget = (
  { outgoingLimit, outgoingTotal }: Pick<MediatorOptions, "outgoingLimit" | "outgoingTotal">,
  cutOff: (peer: Peer) => void
): OutgoingBudget => {
  const levels = new Map<Peer, number>()
  /** No less than what waits: what has left since the last look at its peer is still in it. */
  let total = 0

  const forget = (peer: Peer): void => {
    const known = levels.get(peer)
    if (known === undefined) return
    total -= known
    levels.delete(peer)
  }

  const count = (peer: Peer): void => {
    const level = outgoingLevel(peer)
    if (level === 0) return forget(peer)
    total += level - (levels.get(peer) ?? 0)
    levels.set(peer, level)
  }

  const cutLargest = (): void => {
    let largest: Peer | undefined
    let most = 0
    for (const [peer, level] of levels) {
      if (level <= most) continue
      largest = peer
      most = level
    }
    if (largest === undefined) return
    forget(largest)
    cutOff(largest)
  }

  return {
    admits: (peer) => {
      if (outgoingLevel(peer) <= outgoingLimit) return true
      cutOff(peer)
      return false
    },
    look: (peer) => {
      count(peer)
      if (total <= outgoingTotal) return
      for (const known of levels.keys()) count(known)
      while (total > outgoingTotal) cutLargest()
    },
    forget
  }
}
