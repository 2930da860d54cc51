/**
 * Why a mediator closes a connection.
 *
 * Owns the rule of each close code (decisions 5, 6, 12, 14; PROTOCOL A7): a mediator closes for a reason, and says which.
 *
 * @since 0.1.0
 */
import { CloseCode } from "@d2m/codec"
import {
  handshakeDeadline,
  idleTimeout,
  isOverdue,
  isThere,
  type Lock,
  mayBeOver,
  type Message,
  type Model,
  type Peer
} from "./Model.ts"
import { mayMakeRoom } from "./Registration.ts"

/** Whether the mediator has a reason to close a connection with this code. */
const hasReason = (model: Model, peer: Peer, code: number): boolean => {
  const { hello, lock, slot } = peer
  const now = Math.floor(model.now)
  switch (code) {
    case CloseCode.GoingAway:
      return model.isStopping
    case CloseCode.InternalError:
      return model.isStoreFailing
    case CloseCode.ChatEnded:
    case CloseCode.ChatUnreachable:
    case CloseCode.ChatInternal:
      return peer.chats
    case CloseCode.ProtocolError:
      return peer.hasErred || lock?.outgrownBy !== undefined
    case CloseCode.TransactionTimeout:
      // A deadline comes before what is heard at the same time, so a commit may have come too late for it.
      return (lock !== undefined && now >= lock.endsAt) || peer.commits.some(({ isLate }) => isLate)
    case CloseCode.UnknownAck:
      return peer.hasAckedUnknown
    case CloseCode.Idle:
      return peer.wasOverdue || isOverdue(model, peer)
    case CloseCode.DuplicateDevice:
      return hello !== undefined && peer.group.latest.get(hello.deviceId)! > hello.number
    case CloseCode.Dropped:
      return hello !== undefined && (!isThere(model, slot) || mayMakeRoom(peer))
    case CloseCode.QueueLimit:
      return slot?.overflow !== undefined
    // Whether these are right is judged with registration.
    case CloseCode.SlotsExhausted:
    case CloseCode.SlotStateMismatch:
      return hello !== undefined && slot === undefined
    default:
      return false
  }
}

/** The mediator has closed a connection. */
export const checkClose = (model: Model, peer: Peer, code: number, reason: string): void => {
  if (hasReason(model, peer, code)) return
  model.report({
    rule: "the mediator closes a connection for the reason it gives",
    device: peer.device,
    found: `${code} ${reason}`,
    expected: "no such close"
  })
}

/** Something was received that ends a connection: at once, unless it may be over already or its close waits for the store. */
const mustClose = (model: Model, peer: Peer, rule: string, code: string): void => {
  if (mayBeOver(model, peer) || !model.isStoreInstant) return
  model.later(() => {
    if (peer.isOver) return
    model.report({ rule, device: peer.device, found: "an open connection", expected: code })
  })
}

/** The holder of the lock has reflected a message, which its transaction has room for or not. */
export const buffered = (model: Model, peer: Peer, lock: Lock, message: Message): void => {
  const { transactionBytes, transactionMessages } = model.numbers
  if (lock.messages.length >= transactionMessages || lock.bytes + message.size > transactionBytes) {
    mustClose(model, peer, "a transaction that grows too large closes its connection", "4010")
    lock.outgrownBy ??= message.number
  }
  lock.messages.push(message)
  lock.bytes += message.size
}

/** A client has sent what none may send at that time. */
export const erred = (model: Model, peer: Peer, code: "4010" | "4012" = "4010"): void => {
  mustClose(model, peer, "what no client may send closes its connection", code)
  if (code === "4010") peer.hasErred = true
  peer.doubtedAt ??= model.now
  peer.doubtedBy ??= model.received
}

/** How often it is asked whether somebody is silent while others are not, in ms. */
const silenceInterval = 1_000

/** Somebody may have been silent for too long; looks at everybody, once in a while. */
export const checkAllSilence = (model: Model): void => {
  if (model.now < model.silenceAt) return
  model.silenceAt = model.now + silenceInterval
  for (const { peers } of model.groups.values()) for (const peer of peers) checkSilence(model, peer)
}

/** Somebody has been silent for too long and is still there. */
export const checkSilence = (model: Model, peer: Peer): void => {
  // What waits for the store may hold up a close. While a client is not read, its silence is the mediator's own.
  if (!model.isStoreInstant || peer.isOver || peer.isUnread) return
  const [limit, since] = peer.hello === undefined ? [handshakeDeadline, peer.greetedAt] : [idleTimeout, peer.heardAt]
  if (since === undefined) return
  const silent = Math.floor(model.now) - Math.floor(Math.max(since, peer.readAt))
  if (silent <= limit) return
  model.report({
    rule: "whoever is silent for too long is closed",
    device: peer.device,
    found: `${silent} ms ${peer.hello === undefined ? "without ClientHello" : "of silence"}`,
    expected: `4013 after ${limit} ms`
  })
}
