/**
 * Reflected messages on their way from the connection to the handler and back as acks.
 * Owns their order, duplicates, nonces, quarantine and backpressure (decisions 20, 21, 23), and when they are settled.
 * Leaves the tries of the handler to `Handler` and the connection to `Connection`.
 *
 * ```text
 *   accept ──► queue ──► open ──► handle ──► record nonces ──► ack
 *   (waits while full: the socket is not read)                 (only on the connection that delivered)
 * ```
 */
import { type Crypto, type DeviceGroupKeys, isEphemeral, Limits, type Reflected, type ReflectedAck } from "@d2m/codec"
import { type Cause, Clock, Effect, Latch, Queue, Result, Semaphore } from "effect"
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import { type ConnectionEnd, FellBehind, HandlerHalted } from "./ConnectionEnd.ts"
import type { EventLog } from "./DeviceEvent.ts"
import type { DeviceStore, QuarantineFull, QuarantineReason, DeviceStoreError } from "./DeviceStore.ts"
import { openReflected, type ReflectedMessage, type Unopened } from "./Envelope.ts"
import {
  type HandlerError,
  type HandlerOutcome,
  type HandlerOutcomes,
  type HandlerPolicy,
  makeHandler
} from "./Handler.ts"
import type { LiveCell, LiveConnection } from "./LiveConnection.ts"
import { NonceSet } from "./NonceSet.ts"
import type { Meter } from "./observe/Meter.ts"

interface Delivery {
  readonly live: LiveConnection
  readonly frame: Reflected
}

interface Queued extends Delivery {
  /** How many halts there were before it came. */
  readonly halts: number
}

interface Opened extends Delivery {
  /** Absent where the nonce must not be recorded: the box did not open, or its nonce is on record already. */
  readonly nonce: Uint8Array | undefined
  readonly message: "Duplicate" | Result.Result<ReflectedMessage, Unopened>
}

/** How far a batch was handled. */
interface Handled {
  /** What is to be acked: the whole batch, or what stands before the message that halted the device. */
  readonly done: ReadonlyArray<Opened>
  /** Why the device comes to a stop behind them. */
  readonly halt: ConnectionEnd | undefined
}

type SettleOne = (
  opened: Opened,
  outcome: HandlerOutcome
) => Effect.Effect<Opened, HandlerHalted | QuarantineFull | DeviceStoreError>

/**
 * Settles one message after the other until one halts the device. `missed` are that one and what is behind it, except for
 * what the handler could handle.
 */
const settleEach = Effect.fnUntraced(function* (
  settleOne: SettleOne,
  batch: ReadonlyArray<Opened>,
  outcomes: HandlerOutcomes
) {
  const done: Array<Opened> = []
  const missed: Array<Opened> = []
  let halt: ConnectionEnd | undefined
  let next = 0
  for (const opened of batch) {
    const isHandled = opened.message !== "Duplicate" && Result.isSuccess(opened.message)
    const wasTried = isHandled && (outcomes === undefined || next < outcomes.length)
    const outcome = isHandled ? outcomes?.[next++] : undefined
    if (halt === undefined) {
      const settled = yield* Effect.result(settleOne(opened, outcome))
      if (Result.isSuccess(settled)) {
        done.push(settled.success)
        continue
      }
      halt = settled.failure
    }
    if (opened.message !== "Duplicate" && !(wasTried && outcome === undefined)) missed.push(opened)
  }
  return { done, halt, missed }
})

const allHandled = Effect.succeed<HandlerOutcomes>(undefined)

/** Stands for the nonce of a box that is too short to have one: no hash is all zero. */
const noNonce = new Uint8Array(32)

/** @internal */
export interface ReflectedQueue<R> {
  /** Takes messages in, in order. Waits while the queue is full. */
  readonly accept: (live: LiveConnection, frames: NonEmptyReadonlyArray<Reflected>) => Effect.Effect<void>
  /** Hands messages to the handler and acks them; goes on over all connections, and with what an ended one has left. */
  readonly work: Effect.Effect<void, never, R>
  /** Runs an effect while the handler is at rest. */
  readonly whileAtRest: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** How many messages have come in and are not handled yet. */
  readonly unhandled: () => number
  /** A halt that happened while no connection was live; asked for once. */
  readonly takeHalt: () => ConnectionEnd | undefined
}

/** @internal */
export const makeReflectedQueue = Effect.fnUntraced(function* <R>(options: {
  readonly handler: (batch: NonEmptyReadonlyArray<ReflectedMessage>) => Effect.Effect<void, HandlerError, R>
  readonly policy: HandlerPolicy
  readonly onHandlerDefect: (cause: Cause.Cause<unknown>) => Effect.Effect<void>
  readonly crypto: Crypto["Service"]
  readonly keys: Pick<DeviceGroupKeys, "dgrk">
  readonly identity: string
  readonly store: DeviceStore["Service"]
  readonly capacity: number
  readonly stall: number
  readonly live: LiveCell
  readonly events: EventLog
  /** Whether the device waits for the mediator, so that it must not stop reading for good. */
  readonly isAwaiting: () => boolean
  readonly meter: Meter | undefined
}): Effect.fn.Return<ReflectedQueue<R>> {
  const { crypto, events, identity, keys, meter, store } = options
  const queue = yield* Queue.bounded<Queued>(options.capacity)
  const atRest = Semaphore.makeUnsafe(1)
  /** How often the handler came to an end, in whatever way. */
  let finished = 0
  let halted: ConnectionEnd | undefined
  let halts = 0
  /** How many messages the handler was given, or is about to be. */
  let inHand = 0
  /** The batch whose nonces are being looked up. */
  let unopened: ReadonlyArray<Delivery> = []
  /** What of the latest read has no room in the queue yet; it gets in as batches are taken out. */
  let waiting: ReadonlyArray<Queued> = []
  const room = Latch.makeUnsafe(false)

  /** Tells of ephemerals alone: other messages come again, because they were not acked. */
  const tellMissed = (missed: ReadonlyArray<{ readonly frame: Reflected }>): void => {
    const count = missed.filter(({ frame }) => isEphemeral(frame.flags)).length
    if (count > 0) events.emit({ _tag: "EphemeralsMissed", count })
  }

  /** Nothing waits for room any more: what did so is not taken in. */
  const turnAway = (): ReadonlyArray<Queued> => {
    const turned = waiting
    waiting = []
    room.openUnsafe()
    return turned
  }

  const admitted: Effect.Effect<void> = Effect.suspend(() => {
    waiting = Queue.offerAllUnsafe(queue, waiting)
    if (waiting.length === 0) return Effect.void
    room.closeUnsafe()
    return Effect.andThen(room.await, admitted)
  })

  const runHandler = makeHandler({
    handler: options.handler,
    policy: options.policy,
    onDefect: options.onHandlerDefect,
    onEnd: () => {
      finished++
    },
    onFailure: (messages, tries, detail) => events.emit({ _tag: "HandlerFailed", messages, tries, detail })
  })

  const stalled: Effect.Effect<void> = Effect.suspend(() => {
    const before = finished
    return Effect.andThen(
      Effect.sleep(options.stall),
      Effect.suspend(() => (finished === before && options.isAwaiting() ? Effect.void : stalled))
    )
  })

  const accept = (live: LiveConnection, frames: NonEmptyReadonlyArray<Reflected>): Effect.Effect<void> =>
    Effect.suspend(() => {
      meter?.received(frames)
      if (live.passingOver !== undefined || live.ended !== undefined) {
        tellMissed(frames.map((frame) => ({ frame })))
        return Effect.void
      }
      waiting = Queue.offerAllUnsafe(
        queue,
        frames.map((frame) => ({ live, frame, halts }))
      )
      if (waiting.length === 0) return Effect.void
      const fallBehind = Effect.sync(() => {
        live.passingOver = "FellBehind"
        events.emit({ _tag: "PassedOver" })
        tellMissed(turnAway())
      })
      // What stands behind them still counts: acks, chat bytes, the close code.
      const passOver = Effect.sync(() => {
        live.passingOver = "Unanswerable"
        tellMissed(turnAway())
      })
      return live.link.holdUp(
        Effect.raceAllFirst([
          admitted,
          Effect.andThen(stalled, fallBehind),
          Effect.andThen(live.link.unanswerable, passOver)
        ]).pipe(Effect.ensuring(Effect.sync(() => tellMissed(turnAway()))))
      )
    })

  /** The nonces of the batch that is being opened: they may repeat within it. */
  const seen = new NonceSet()

  const openOne = ({ frame, live }: Delivery, nonce: Uint8Array, isKnown: boolean): Opened => {
    const message = isKnown ? "Duplicate" : openReflected(crypto, keys.dgrk, frame)
    if (message !== "Duplicate") {
      if (Result.isFailure(message) && message.failure.reason === "Undecryptable") {
        return { live, frame, nonce: undefined, message }
      }
      if (seen.add(nonce)) return { live, frame, nonce, message }
    }
    return { live, frame, nonce: undefined, message: "Duplicate" }
  }

  const open = (batch: NonEmptyReadonlyArray<Delivery>): Effect.Effect<ReadonlyArray<Opened>, DeviceStoreError> => {
    const nonces = batch.map(({ frame }) =>
      frame.envelope.length < Limits.nonce
        ? noNonce
        : crypto.hashNonce(identity, frame.envelope.subarray(0, Limits.nonce))
    )
    unopened = batch
    return Effect.map(store.hasNonces(nonces), (known) => {
      unopened = []
      seen.clear()
      return batch.map((delivery, at) => openOne(delivery, nonces[at]!, known[at]!))
    })
  }

  const quarantine = (opened: Opened, reason: QuarantineReason, detail: string) =>
    Effect.flatMap(Clock.currentTimeMillis, (quarantinedAt) => {
      const { envelope, flags, reflectedId, timestamp } = opened.frame
      const entry = { reflectedId, flags, timestamp, envelope, reason, detail, quarantinedAt }
      return Effect.map(store.quarantine(entry, opened.nonce), (id): Opened => {
        events.emit({ _tag: "Quarantined", id, reflectedId, reason, detail })
        return { ...opened, nonce: undefined }
      })
    })

  /**
   * A message that nothing is left to be done with but to record its nonce and to ack it. A full quarantine, a store that
   * fails and a policy that halts stand in the way.
   */
  const settleOne: SettleOne = (opened, outcome) => {
    const { frame, message } = opened
    if (message === "Duplicate") {
      events.emit({ _tag: "Duplicate", reflectedId: frame.reflectedId, ephemeral: isEphemeral(frame.flags) })
      return Effect.succeed(opened)
    }
    if (Result.isFailure(message)) return quarantine(opened, message.failure.reason, message.failure.detail)
    if (outcome === undefined) return Effect.succeed(opened)
    return options.policy.giveUp === "halt"
      ? Effect.fail(new HandlerHalted({ reflectedId: frame.reflectedId, detail: outcome }))
      : quarantine(opened, "HandlerFailed", outcome)
  }

  const handle = (batch: ReadonlyArray<Opened>): Effect.Effect<Handled, never, R> => {
    const messages: Array<ReflectedMessage> = []
    for (const { message } of batch) {
      if (message !== "Duplicate" && Result.isSuccess(message)) messages.push(message.success)
    }
    const outcomes: Effect.Effect<HandlerOutcomes, never, R> = isReadonlyArrayNonEmpty(messages)
      ? runHandler(messages)
      : allHandled
    return Effect.flatMap(outcomes, (outcomes): Effect.Effect<Handled> =>
      outcomes === undefined && messages.length === batch.length
        ? Effect.succeed({ done: batch, halt: undefined })
        : Effect.map(settleEach(settleOne, batch, outcomes), ({ missed, ...handled }) => {
            tellMissed(missed)
            return handled
          })
    )
  }

  const sendAcks = (done: ReadonlyArray<Opened>): Effect.Effect<void> => {
    let acks: Effect.Effect<void> = Effect.void
    for (let at = 0; at < done.length;) {
      const { live } = done[at]!
      const frames: Array<ReflectedAck> = []
      for (; done[at]?.live === live; at++) {
        const { flags, reflectedId } = done[at]!.frame
        if (!isEphemeral(flags)) frames.push({ _tag: "ReflectedAck", reflectedId })
      }
      // On another connection the mediator would not know these ids; there the messages come again.
      if (!isReadonlyArrayNonEmpty(frames)) continue
      meter?.handled(frames.length)
      acks = Effect.andThen(acks, Effect.ignore(live.send(frames)))
    }
    return acks
  }

  /** Nonces first: an ack that gets lost is answered with a redelivery, which they show to be one. */
  const ack = ({ done, halt }: Handled): Effect.Effect<void, ConnectionEnd> => {
    const nonces: Array<Uint8Array> = []
    for (const { nonce } of done) if (nonce !== undefined) nonces.push(nonce)
    const recorded = nonces.length === 0 ? Effect.void : store.addNonces(nonces)
    return Effect.flatMap(Effect.andThen(recorded, sendAcks(done)), () => {
      inHand = 0
      if (halt !== undefined) return Effect.fail(halt)
      const current = options.live.current()
      if (current?.passingOver === "FellBehind" && Queue.sizeUnsafe(queue) === 0) current.end(new FellBehind())
      return Effect.void
    })
  }

  const stopAt = (end: ConnectionEnd): Effect.Effect<void> =>
    Effect.sync(() => {
      halts++
      inHand = 0
      tellMissed([...unopened, ...turnAway()])
      unopened = []
      const live = options.live.current()
      if (live === undefined) halted = end
      else live.end(end)
    })

  /**
   * What of a batch did not come before a halt: nothing behind the message that stopped the device may overtake it, and all
   * of it but ephemerals comes again. That may be in the queue already, in the same breath as the halt.
   */
  const sinceHalt = (batch: NonEmptyReadonlyArray<Queued>): ReadonlyArray<Delivery> => {
    if (batch[0].halts === halts) return batch
    tellMissed(batch.filter((delivery) => delivery.halts < halts))
    return batch.filter((delivery) => delivery.halts === halts)
  }

  /** A device that is stopped does not leave handled messages without record or ack. */
  const settle = (taken: NonEmptyReadonlyArray<Queued>): Effect.Effect<void, never, R> => {
    room.openUnsafe()
    const batch = sinceHalt(taken)
    if (!isReadonlyArrayNonEmpty(batch)) return Effect.void
    inHand = batch.length
    const settled = () => {
      for (const { live } of batch) live.arrivals.settle()
    }
    return Effect.uninterruptibleMask((restore) =>
      restore(Effect.flatMap(open(batch), handle)).pipe(Effect.flatMap(ack), Effect.map(settled), Effect.catch(stopAt))
    ).pipe(atRest.withPermit)
  }

  return {
    accept,
    work: Effect.forever(Effect.flatMap(Queue.takeAll(queue), settle), { disableYield: true }),
    whileAtRest: atRest.withPermit,
    unhandled: () => inHand + Queue.sizeUnsafe(queue) + waiting.length,
    takeHalt: () => {
      const end = halted
      halted = undefined
      return end
    }
  }
})
