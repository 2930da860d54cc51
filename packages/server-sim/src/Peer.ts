/**
 * One connection as the shell sees it: its transport and what waits to be sent over it.
 *
 * Owns the order of what is sent. An entry leaves when the `Persist` it names is durable, and nothing overtakes it.
 *
 * @since 0.1.0
 */
import type { DeviceId, GroupId, ServerFrame } from "@d2m/codec"
import type { ConnectionId } from "./Input.ts"
import { type AckTimes, noAckTimes } from "./observe/AckTimes.ts"
import { type Counting, noTraffic } from "./observe/Meter.ts"
import type { Close, Send, SendQueued } from "./Output.ts"
import type { ShellChat } from "./ShellChat.ts"
import type { GroupKey, PersistId } from "./StoreCommand.ts"
import type { Transport } from "./Transport.ts"

/** What waits to be sent to a peer. */
export type Outgoing = Send | SendQueued | Close

/** One connection. */
export interface Peer {
  readonly id: ConnectionId
  readonly groupId: GroupId
  readonly groupKey: GroupKey
  readonly serverGroup: string
  readonly transport: Transport
  readonly origin: string | undefined
  /** For watchers: absent before its ClientHello was accepted. */
  deviceId: DeviceId | undefined
  /** `Opening` until the core knows it, `Closing` as soon as the core does not any more. */
  phase: "Opening" | "Open" | "Closing" | "Gone"
  /** Messages that came in while it was opening. */
  early: Array<Uint8Array | string>
  /** From `head` on; ahead of it nothing is left. */
  outbox: Array<Outgoing | undefined>
  head: number
  /** An estimate of the bytes in the outbox. */
  outboxBytes: number
  /** The store is being read for the head of the outbox. */
  isReading: boolean
  /** `SendQueued`s in the outbox. */
  queuedReads: number
  /** The core waits for a `Drained`. */
  awaitsDrain: boolean
  /** Reading from the peer is paused, and why. */
  isHeldByPeer: boolean
  isHeldByStore: boolean
  chat: ShellChat | undefined
  readonly traffic: Counting
  /** Of the acks in the outbox; empty while nobody measures. */
  readonly ackTimes: AckTimes
}

/** A peer of which the core has not heard yet. */
export const makePeer = (
  id: ConnectionId,
  groupId: GroupId,
  groupKey: GroupKey,
  serverGroup: string,
  transport: Transport
): Peer => ({
  id,
  groupId,
  groupKey,
  serverGroup,
  transport,
  origin: transport.origin,
  deviceId: undefined,
  phase: "Opening",
  early: [],
  outbox: [],
  head: 0,
  outboxBytes: 0,
  isReading: false,
  queuedReads: 0,
  awaitsDrain: false,
  isHeldByPeer: false,
  isHeldByStore: false,
  chat: undefined,
  traffic: noTraffic(),
  ackTimes: noAckTimes()
})

/** What a frame costs besides its blobs, so that many small ones are bounded too. */
const header = 128

/** About the bytes of a frame. Every tag has its line, so that the blobs of none are forgotten. */
const frameBytes = (frame: ServerFrame): number => {
  switch (frame._tag) {
    case "Reflected":
      return header + frame.envelope.length
    case "Proxy":
      return header + frame.data.length
    case "TransactionRejected":
    case "TransactionEnded":
      return header + frame.encryptedScope.length
    case "ServerInfo":
      return header + frame.encryptedSharedDeviceData.length
    case "DevicesInfo": {
      let bytes = header
      for (const info of frame.augmentedDeviceInfo.values()) bytes += header + info.encryptedDeviceInfo.length
      return bytes
    }
    case "Unknown":
      return header + frame.payload.length
    case "ServerHello":
    case "ReflectionQueueDry":
    case "RolePromotedToLeader":
    case "DropDeviceAck":
    case "BeginTransactionAck":
    case "CommitTransactionAck":
    case "ReflectAck":
      return header
  }
}

const outgoingBytes = (outgoing: Outgoing): number => (outgoing._tag === "Send" ? frameBytes(outgoing.frame) : 0)

/** Puts something at the end of the outbox. */
export const enqueue = (peer: Peer, outgoing: Outgoing): void => {
  peer.outbox.push(outgoing)
  peer.outboxBytes += outgoingBytes(outgoing)
  if (outgoing._tag === "SendQueued") peer.queuedReads++
}

/** The head of the outbox, if nothing holds it back. */
export const due = (peer: Peer, durable: PersistId): Outgoing | undefined => {
  const outgoing = peer.outbox[peer.head]
  return outgoing === undefined || outgoing.after > durable || peer.isReading ? undefined : outgoing
}

/** Whether the head of the outbox waits for the store to write something. */
export const waitsForStore = (peer: Peer): boolean => peer.head < peer.outbox.length && !peer.isReading

/** Takes the head off the outbox. */
export const dequeue = (peer: Peer): void => {
  const outgoing = peer.outbox[peer.head]!
  peer.outbox[peer.head++] = undefined
  peer.outboxBytes -= outgoingBytes(outgoing)
  if (outgoing._tag === "SendQueued") peer.queuedReads--
  if (peer.head === peer.outbox.length) {
    peer.outbox.length = peer.head = 0
  } else if (peer.head >= 1024) {
    peer.outbox.splice(0, peer.head)
    peer.head = 0
  }
}

/** Throws away what has not been sent. */
export const clearOutbox = (peer: Peer): void => {
  peer.outbox.length = peer.head = peer.outboxBytes = peer.queuedReads = 0
}

/** Bytes on their way to the peer: in the outbox and in its transport. */
export const outgoingLevel = (peer: Peer): number => peer.outboxBytes + peer.transport.buffered()

/** Why nothing is read from a peer: what is not given stays as it is. */
export interface HoldReasons {
  /** Too much waits to be taken by the peer. */
  readonly byPeer?: boolean
  /** The store is behind. */
  readonly byStore?: boolean
}

/** Stops or resumes reading from the peer as its two reasons say; returns which, if one of them. */
export const hold = (peer: Peer, reasons: HoldReasons): "Held" | "Released" | undefined => {
  const wasHeld = peer.isHeldByPeer || peer.isHeldByStore
  peer.isHeldByPeer = reasons.byPeer ?? peer.isHeldByPeer
  peer.isHeldByStore = reasons.byStore ?? peer.isHeldByStore
  const isHeld = peer.isHeldByPeer || peer.isHeldByStore
  if (isHeld === wasHeld) return undefined
  if (isHeld) peer.transport.pause()
  else peer.transport.resume()
  return isHeld ? "Held" : "Released"
}
