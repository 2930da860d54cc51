/**
 * The life of connections: how each begins, is held up and ends.
 *
 * Owns who is there and who waits for what: whoever has gone waits for nothing. The core learns of all of it in its turn.
 * What is sent meanwhile is `PeerWriter`'s.
 *
 * @since 0.1.0
 */
import { type ClientUrlInfo, CloseCode } from "@d2m/codec"
import type { ConnectionId, Input } from "./Input.ts"
import type { MediatorOptions } from "./MediatorOptions.ts"
import { cutTexts, noCode, type Watch } from "./observe/Watch.ts"
import { makeOutgoingBudget, type OutgoingBudget } from "./OutgoingBudget.ts"
import { clearOutbox, hold, type HoldReasons, makePeer, type Peer } from "./Peer.ts"
import { groupKeyOf } from "./State.ts"
import type { GroupKey } from "./StoreCommand.ts"
import type { Transport } from "./Transport.ts"

/** The connections of a shell. */
export interface PeerLife {
  /** Those that have not gone. */
  readonly peers: ReadonlyMap<ConnectionId, Peer>
  /** Those with something in the outbox that may leave. */
  readonly dirty: Set<Peer>
  /** Those with something in the outbox that waits for the store to write. */
  readonly unwritten: Set<Peer>
  readonly budget: OutgoingBudget

  readonly begin: (path: ClientUrlInfo, transport: Transport) => Peer
  /** Stops or resumes reading from the peer. Its silence must not count against it meanwhile. */
  readonly hold: (peer: Peer, reasons: HoldReasons) => void
  /** Reads nothing from the peer until the store has room for what its group writes. */
  readonly holdForStore: (peer: Peer) => void
  /** The store has written, or has failed to: whoever has waited for that may go on. */
  readonly written: (hasRoomFor: (groupKey: GroupKey) => boolean) => void

  /** Closes it. The core has forgotten it already, or never knew it. */
  readonly close: (peer: Peer, code: number, reason: string) => void
  /** Closes it with 1011. */
  readonly fail: (peer: Peer) => void
  /** Ends it without a goodbye, which would wait, too. What is in the peer's queue is in the store. */
  readonly cutOff: (peer: Peer, reason: keyof typeof cutTexts) => void
  /** The transport has ended, and the core does not know yet. */
  readonly ended: Watch["ended"]
}

/** No connections yet. */
export const makePeerLife = (host: {
  readonly options: MediatorOptions
  readonly watch: Watch
  /** Something for the core, when it is its turn. */
  readonly tell: (input: Input) => void
  /** Something for the core, at once. */
  readonly feed: (input: Input) => void
}): PeerLife => {
  const { feed, options, tell, watch } = host
  const peers = new Map<ConnectionId, Peer>()
  const dirty = new Set<Peer>()
  const unwritten = new Set<Peer>()
  const heldByStore = new Set<Peer>()
  let lastConnection = 0

  const forget = (peer: Peer): void => {
    peer.phase = "Gone"
    peers.delete(peer.id)
    dirty.delete(peer)
    unwritten.delete(peer)
    heldByStore.delete(peer)
    peer.chat?.close()
    clearOutbox(peer)
  }

  const close: PeerLife["close"] = (peer, code, reason) => {
    if (peer.phase === "Gone") return
    forget(peer)
    peer.transport.close(code, reason)
    watch.ended(peer, "Mediator", code, reason)
  }

  const ended: PeerLife["ended"] = (peer, by, code, reason) => {
    budget.forget(peer)
    if (peer.phase === "Gone") return
    forget(peer)
    watch.ended(peer, by, code, reason)
    feed({ _tag: "Gone", connection: peer.id })
  }

  const cutOff: PeerLife["cutOff"] = (peer, reason) => {
    peer.transport.cut(reason)
    ended(peer, "Mediator", noCode, cutTexts[reason])
  }

  const budget = makeOutgoingBudget(options, (peer) => cutOff(peer, "Overflow"))

  const holdPeer: PeerLife["hold"] = (peer, reasons) => {
    const change = hold(peer, reasons)
    if (change !== undefined && peer.phase === "Open") tell({ _tag: change, connection: peer.id })
  }

  return {
    peers,
    dirty,
    unwritten,
    budget,
    begin: (path, transport) => {
      const groupKey = groupKeyOf(path.deviceGroupId)
      const peer = makePeer(++lastConnection, path.deviceGroupId, groupKey, path.serverGroup, transport)
      peers.set(peer.id, peer)
      watch.opened(peer)
      return peer
    },
    hold: holdPeer,
    holdForStore: (peer) => {
      heldByStore.add(peer)
      holdPeer(peer, { byStore: true })
    },
    written: (hasRoomFor) => {
      for (const peer of unwritten) dirty.add(peer)
      unwritten.clear()
      for (const peer of heldByStore) {
        if (!hasRoomFor(peer.groupKey)) continue
        heldByStore.delete(peer)
        holdPeer(peer, { byStore: false })
      }
    },
    close,
    fail: (peer) => close(peer, CloseCode.InternalError, "the mediator failed internally"),
    cutOff,
    ended
  }
}
