/**
 * One connection of an in-memory link.
 *
 * Owns the closing handshake, backpressure on both sides and the faults of a whole connection. Messages on their way are
 * `LinkDirection`'s; dialing is `Link`'s.
 *
 * @since 0.1.0
 */
import { type ClientUrlInfo, CloseCode } from "@d2m/codec"
import { Cause, type Clock, Effect, Latch, Queue, type Random } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { Socket } from "effect/socket"
import type { Fault } from "./Fault.ts"
import type { Cancel, Forks } from "./Forks.ts"
import { type FrameRule, frameRule, type Message } from "./FrameRule.ts"
import { type LinkDirection, makeLinkDirection } from "./LinkDirection.ts"
import { defaultHighWaterUp, latencySampler, type LinkOptions } from "./LinkOptions.ts"
import type { Attachment, Transport } from "./Transport.ts"

/** What a link needs from its mediator. */
export interface LinkHost {
  readonly forks: Forks
  readonly clock: Clock.Clock
  readonly random: Random.Random
  readonly attach: (path: ClientUrlInfo, transport: Transport) => Attachment
}

/** A fault in force. The rule counts the frames it has seen, over all connections it was in force on. */
export interface ActiveFault {
  readonly fault: Fault
  readonly rule: FrameRule | undefined
}

/** Puts a fault in force. */
export const activate = (fault: Fault): ActiveFault => ({ fault, rule: frameRule(fault) })

/** One connection, as the device's side of the link sees it. */
export interface LinkConnection {
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Message>, Socket.SocketError>
  readonly write: (messages: ReadonlyArray<Message>) => Effect.Effect<void, Socket.SocketError>
  /** The device closes with a code. */
  readonly close: (code: number, reason: string | undefined) => void
  /** The device lets go of the connection. */
  readonly hangUp: () => void
  readonly inject: (active: ActiveFault) => void
  /** Ends a fault that was injected, if it is in force here. */
  readonly lift: (active: ActiveFault) => void
}

const closeError = (code: number, closeReason?: string): Socket.SocketError =>
  new Socket.SocketError({
    reason: new Socket.SocketCloseError(closeReason === undefined ? { code } : { code, closeReason })
  })

const writeError = (): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause: "the connection has ended" }) })

const nothing: Cancel = () => {}

/** Connects to the mediator. What arrives goes to `inbox`, which fails when the connection ends. */
export const connect = (
  host: LinkHost,
  path: ClientUrlInfo,
  options: LinkOptions,
  faults: Iterable<ActiveFault>,
  inbox: Queue.Queue<Message, Socket.SocketError>
): LinkConnection => {
  const { clock, forks, random } = host
  const highWater = options.highWaterUp ?? defaultHighWaterUp
  const room = Latch.makeUnsafe(true)
  const now = () => clock.currentTimeMillisUnsafe()
  let inboxBytes = 0
  let isClosing = false
  let hasEnded = false
  let closesWithoutHandshake = 0
  let release = nothing
  let attachment: Attachment | undefined

  /** What the mediator is to hear as soon as it knows of the connection: its first frame may come before that. */
  let early: Array<(attachment: Attachment) => void> | undefined = []

  const tell = (word: (attachment: Attachment) => void): void => {
    if (attachment === undefined) early?.push(word)
    else word(attachment)
  }

  const onFault = (fault: string): void => tell((attachment) => attachment.faultFired(fault))

  const onBroken = (reason: string): void => {
    up.cut()
    end(CloseCode.InternalError, reason)
    tell((attachment) => attachment.violated(CloseCode.InternalError, reason))
  }

  /** The device's side is over. */
  const end = (code: number, reason?: string): void => {
    if (hasEnded) return
    hasEnded = true
    down.cut()
    Queue.failCauseUnsafe(inbox, Cause.fail(closeError(code, reason)))
    room.openUnsafe()
  }

  /** Both sides are over, at once. */
  const tear = (code: number, reason?: string): void => {
    up.cut()
    end(code, reason)
    attachment?.gone(code)
  }

  const down: LinkDirection = makeLinkDirection({
    forks,
    now,
    latency: latencySampler(options.latencyDown ?? options.latency, random),
    deliver: (messages) => {
      for (const message of messages) {
        inboxBytes += message.length
        Queue.offerUnsafe(inbox, message)
      }
    },
    onFault,
    onBroken
  })

  const up: LinkDirection = makeLinkDirection({
    forks,
    now,
    latency: latencySampler(options.latencyUp ?? options.latency, random),
    deliver: (messages) => {
      attachment?.received(messages)
      if (up.bytes() <= highWater) room.openUnsafe()
    },
    onFault,
    onBroken
  })

  const cause = ({ fault, rule }: ActiveFault): Cancel => {
    switch (fault._tag) {
      case "Cut":
        onFault(fault._tag)
        tear(1006)
        return nothing
      case "Close":
        onFault(fault._tag)
        tear(fault.code, fault.reason)
        return nothing
      case "NoClosingHandshake":
        closesWithoutHandshake++
        return () => {
          closesWithoutHandshake--
        }
      case "Unreachable":
        return nothing
      case "Stall":
        onFault(fault._tag)
        return (fault.direction === "up" ? up : down).stall()
      case "Slow":
        onFault(fault._tag)
        return (fault.direction === "up" ? up : down).slow(fault.bytesPerSecond)
      default:
        return rule === undefined ? nothing : (fault.direction === "up" ? up : down).addRule(rule)
    }
  }

  const lifts = new Map<ActiveFault, Cancel>()
  const inject = (active: ActiveFault): void => {
    lifts.set(active, cause(active))
  }
  const lift = (active: ActiveFault): void => {
    lifts.get(active)?.()
    lifts.delete(active)
  }

  const transport: Transport = {
    send: (frame) => down.offer([frame]),
    flush: () => {},
    close: (code, reason) =>
      down.end(() => {
        up.cut()
        if (closesWithoutHandshake === 0) return end(code, reason)
        onFault("NoClosingHandshake")
        end(1006)
      }),
    cut: () => tear(1006),
    buffered: () => (hasEnded ? 0 : down.bytes() + inboxBytes),
    pause: () => {
      release = up.stall()
    },
    resume: () => release(),
    inject: (fault) => {
      // That is about connections to come, which are the link's.
      if (fault._tag === "Unreachable") return undefined
      const active = activate(fault)
      inject(active)
      return () => lift(active)
    }
  }

  for (const active of faults) inject(active)
  if (!hasEnded) {
    attachment = host.attach(path, transport)
    for (const word of early) word(attachment)
  }
  early = undefined

  return {
    pull: Effect.map(Queue.takeAll(inbox), (messages) => {
      inboxBytes = 0
      attachment?.drained()
      return messages
    }),
    write: (messages) =>
      Effect.suspend(() => {
        if (hasEnded || isClosing) return Effect.fail(writeError())
        up.offer(messages)
        if (up.bytes() <= highWater) return Effect.void
        room.closeUnsafe()
        return Effect.flatMap(room.await, () => (hasEnded ? Effect.fail(writeError()) : Effect.void))
      }),
    close: (code, reason) => {
      if (hasEnded || isClosing) return
      isClosing = true
      // The mediator answers a close with its own, which travels back behind what was sent before.
      up.end(() => {
        attachment?.gone(code)
        down.end(() => end(code, reason))
      })
    },
    hangUp: () => {
      if (hasEnded) return
      if (!isClosing) up.end(() => attachment?.gone(1000))
      isClosing = true
      end(1000)
    },
    inject,
    lift
  }
}
