/**
 * Sends what waits in a peer's outbox.
 *
 * Owns reading queued messages from the store and the level at which a connection counts as full. The order is the
 * outbox's (`Peer`), the pace the core's (`ReflectedStream`).
 *
 * @since 0.1.0
 */
import { Box, encodeServerFrame, type ServerFrame, type Timestamp } from "@d2m/codec"
import { type Cause, Effect, Exit } from "effect"
import type { Forks } from "./Forks.ts"
import type { Input } from "./Input.ts"
import type { MediatorOptions } from "./MediatorOptions.ts"
import type { MediatorStore } from "./MediatorStore.ts"
import type { Watch } from "./observe/Watch.ts"
import type { Close, SendQueued } from "./Output.ts"
import { dequeue, due, type HoldReasons, outgoingLevel, type Peer } from "./Peer.ts"
import { reflectedIdOf } from "./State.ts"
import type { PersistId, StoredMessage } from "./StoreCommand.ts"
import { isOwn, longEnvelope } from "./Turn.ts"

/** Sends to peers. */
export interface PeerWriter {
  /** Sends what may leave by now. */
  readonly flush: (peer: Peer, durable: PersistId) => void
  /** Looks how much is on its way to the peer, and tells the core when that matters. */
  readonly checkLevel: (peer: Peer) => void
}

const noEnvelope = Box.make("dgrk", new Uint8Array(0))

/** A writer for these options; what it finds out goes to the callbacks. */
export const makePeerWriter = (host: {
  readonly options: MediatorOptions
  readonly store: MediatorStore["Service"]
  readonly forks: Forks
  readonly watch: Watch
  /** Something for the core, when it is its turn. */
  readonly tell: (input: Input) => void
  /** Stops or resumes reading from the peer. */
  readonly hold: (peer: Peer, reasons: HoldReasons) => void
  /** The close of the peer's outbox is due. */
  readonly onClose: (peer: Peer, code: number, reason: string) => void
  /** Messages have been read, so that there may be more to send. */
  readonly onRead: (peer: Peer) => void
  readonly onReadFailed: (peer: Peer, cause: Cause.Cause<unknown>) => void
}): PeerWriter => {
  const { forks, options, store, tell, watch } = host

  const sendFrame = (peer: Peer, frame: ServerFrame): void => {
    const { sendReflected } = peer.transport
    // Whoever is slow keeps the envelope for as long, and with it the buffer that it lies in.
    if (
      sendReflected !== undefined &&
      frame._tag === "Reflected" &&
      frame.envelope.length >= longEnvelope &&
      isOwn(frame.envelope)
    ) {
      const head = encodeServerFrame({ ...frame, envelope: noEnvelope })
      sendReflected(head, frame.envelope)
      watch.sent(peer, frame, head, head.length + frame.envelope.length)
      return
    }
    const bytes = encodeServerFrame(frame)
    peer.transport.send(bytes)
    watch.sent(peer, frame, bytes, bytes.length)
  }

  const sendStored = (peer: Peer, messages: ReadonlyArray<StoredMessage>): void => {
    for (const { envelope, flags, position, timestamp } of messages) {
      sendFrame(peer, {
        _tag: "Reflected",
        flags,
        reflectedId: reflectedIdOf(position),
        timestamp: timestamp as Timestamp,
        envelope: envelope as Box<"dgrk">
      })
    }
  }

  const sendQueued = (peer: Peer, output: SendQueued): void => {
    peer.isReading = true
    const since = watch.stores()
    const read = Effect.suspend(() => store.read(output.groupKey, output.deviceId, output.positions))
    forks.start(read, (exit) => {
      watch.stored("read", since, exit)
      peer.isReading = false
      // The peer may be gone. Or its group has failed meanwhile, and its close has waited for this.
      if (peer.outbox[peer.head] !== output) return peer.phase === "Gone" ? undefined : host.onRead(peer)
      if (Exit.isFailure(exit)) return host.onReadFailed(peer, exit.cause)
      dequeue(peer)
      peer.awaitsDrain = true
      sendStored(peer, exit.value)
      host.onRead(peer)
    })
  }

  const checkLevel = (peer: Peer): void => {
    const { outgoingHighWater, outgoingLowWater } = options
    const level = outgoingLevel(peer)
    if (peer.queuedReads === 0) {
      if (peer.awaitsDrain && level <= outgoingLowWater) {
        peer.awaitsDrain = false
        tell({ _tag: "Drained", connection: peer.id })
      } else if (!peer.awaitsDrain && level > outgoingHighWater) {
        peer.awaitsDrain = true
        tell({ _tag: "Congested", connection: peer.id })
      }
    }
    // Acks alone fill a socket that is only written to: then its requests are not read either.
    if (level > 2 * outgoingHighWater) host.hold(peer, { byPeer: true })
    else if (level <= outgoingLowWater) host.hold(peer, { byPeer: false })
    peer.chat?.clientHasRoom(level <= outgoingHighWater)
  }

  /** Sends up to the close of the outbox, if one is due: returns it. */
  const sendDue = (peer: Peer, durable: PersistId): Close | undefined => {
    let acks = 0
    let next = due(peer, durable)
    for (; next !== undefined && next._tag !== "Close"; next = due(peer, durable)) {
      if (next._tag === "SendQueued") {
        sendQueued(peer, next)
      } else {
        dequeue(peer)
        sendFrame(peer, next.frame)
        if (next.frame._tag === "ReflectAck") acks++
      }
    }
    if (acks > 0) watch.acked(peer, acks)
    return next
  }

  const flush = (peer: Peer, durable: PersistId): void => {
    const close = sendDue(peer, durable)
    if (close !== undefined) return host.onClose(peer, close.code, close.reason)
    peer.transport.flush()
    checkLevel(peer)
  }

  return { flush, checkLevel }
}
