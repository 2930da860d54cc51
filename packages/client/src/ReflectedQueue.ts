/**
 * Reflected messages on their way from the connection to the handler and back as acks.
 * Owns their order, duplicates, nonces, quarantine and backpressure (decisions 20, 21, 23).
 * Leaves the tries of the handler to `Handler` and the connection to `Connection`.
 *
 * ```text
 *   accept ──► queue ──► open ──► handle ──► record nonces ──► ack
 *   (waits while full: the socket is not read)                 (only on the connection that delivered)
 * ```
 */
import {
  type Crypto,
  type DeviceGroupKeys,
  isEphemeral,
  Limits,
  type Reflected as ReflectedFrame,
  type ReflectedAck
} from "@d2m/codec"
import { Clock, Effect, Queue, Result, Semaphore, Stream } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { type ConnectionEnd, FellBehind, HandlerHalted } from "./ConnectionEnd.ts"
import type { EventLog } from "./DeviceEvent.ts"
import type { DeviceStore, QuarantineFull, QuarantineReason, StoreError } from "./DeviceStore.ts"
import { openReflected, type Reflected, type Unopened } from "./Envelope.ts"
import { type HandlerError, type HandlerOutcome, type HandlerPolicy, makeHandler } from "./Handler.ts"
import type { LiveCell, LiveConnection } from "./LiveConnection.ts"

interface Delivery {
  readonly live: LiveConnection
  readonly frame: ReflectedFrame
}

type Opened = Delivery & {
  /** Absent where the nonce must not be recorded: the box did not open, or its nonce is on record already. */
  readonly nonce: Uint8Array | undefined
  readonly message: "Duplicate" | Result.Result<Reflected, Unopened>
}

interface Handled extends Delivery {
  readonly nonce: Uint8Array | undefined
  /** Why the device comes to a stop before this message, and acks neither it nor what follows. */
  readonly halt: ConnectionEnd | undefined
}

/** Stands for the nonce of a box that is too short to have one: no hash is all zero. */
const noNonce = new Uint8Array(32)

/** @internal */
export interface ReflectedQueue {
  /** Takes messages in, in order. Waits while the queue is full. */
  readonly accept: (live: LiveConnection, frames: NonEmptyReadonlyArray<ReflectedFrame>) => Effect.Effect<void>
  /** Hands messages to the handler and acks them; goes on over all connections, and with what an ended one has left. */
  readonly work: Effect.Effect<void>
  /** Runs an effect while the handler is at rest. */
  readonly whileAtRest: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** A halt that happened while no connection was live; asked for once. */
  readonly takeHalt: () => ConnectionEnd | undefined
}

/** @internal */
export const makeReflectedQueue = Effect.fnUntraced(function* (options: {
  readonly handler: (batch: NonEmptyReadonlyArray<Reflected>) => Effect.Effect<void, HandlerError>
  readonly policy: HandlerPolicy
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
}): Effect.fn.Return<ReflectedQueue> {
  const { crypto, events, identity, keys, store } = options
  const queue = yield* Queue.bounded<Delivery>(options.capacity)
  const atRest = Semaphore.makeUnsafe(1)
  /** How often the handler came to an end, in whatever way. */
  let finished = 0
  let halted: ConnectionEnd | undefined

  const runHandler = makeHandler({
    handler: options.handler,
    policy: options.policy,
    onFailure: (messages, tries, detail) => {
      finished++
      events.emit({ _tag: "HandlerFailed", messages, tries, detail })
    }
  })

  const stalled: Effect.Effect<void> = Effect.suspend(() => {
    const before = finished
    return Effect.andThen(
      Effect.sleep(options.stall),
      Effect.suspend(() => (finished === before && options.isAwaiting() ? Effect.void : stalled))
    )
  })

  const accept = (live: LiveConnection, frames: NonEmptyReadonlyArray<ReflectedFrame>): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (live.passingOver || live.ended !== undefined) return Effect.void
      const rest = Queue.offerAllUnsafe(
        queue,
        frames.map((frame) => ({ live, frame }))
      )
      if (rest.length === 0) return Effect.void
      const passOver = Effect.sync(() => {
        live.passingOver = true
        events.emit({ _tag: "PassedOver" })
      })
      return live.link.holdUp(
        Effect.raceFirst(Effect.asVoid(Queue.offerAll(queue, rest)), Effect.andThen(stalled, passOver))
      )
    })

  const open: (batch: NonEmptyReadonlyArray<Delivery>) => Effect.Effect<NonEmptyReadonlyArray<Opened>, StoreError> =
    Effect.fnUntraced(function* (batch) {
      const nonces = batch.map(({ frame }) =>
        frame.envelope.length < Limits.nonce
          ? noNonce
          : crypto.hashNonce(identity, frame.envelope.subarray(0, Limits.nonce))
      )
      const known = yield* store.hasNonces(nonces)
      const opened: Array<Opened> = []
      for (const [at, delivery] of batch.entries()) {
        const nonce = nonces[at]!
        if (known[at] === true || opened.some((other) => other.nonce !== undefined && equals(other.nonce, nonce))) {
          opened.push({ ...delivery, nonce: undefined, message: "Duplicate" })
          continue
        }
        const message = openReflected(crypto, keys.dgrk, delivery.frame)
        const boxOpened = Result.isSuccess(message) || message.failure.reason !== "Undecryptable"
        opened.push({ ...delivery, nonce: boxOpened ? nonce : undefined, message })
      }
      return opened as unknown as NonEmptyReadonlyArray<Opened>
    })

  const quarantine = Effect.fnUntraced(function* (frame: ReflectedFrame, reason: QuarantineReason, detail: string) {
    const quarantinedAt = yield* Clock.currentTimeMillis
    const { envelope, flags, reflectedId, timestamp } = frame
    const id = yield* store.quarantine({ reflectedId, flags, timestamp, envelope, reason, detail, quarantinedAt })
    events.emit({ _tag: "Quarantined", id, reflectedId, reason, detail })
  })

  /** What stands in the way of a message, if anything: a full quarantine, a store that fails, a policy that halts. */
  const setAside = (
    opened: Opened,
    outcome: HandlerOutcome
  ): Effect.Effect<void, HandlerHalted | QuarantineFull | StoreError> => {
    const { frame, message } = opened
    if (message === "Duplicate") {
      events.emit({ _tag: "Duplicate", reflectedId: frame.reflectedId, ephemeral: isEphemeral(frame.flags) })
      return Effect.void
    }
    if (Result.isFailure(message)) return quarantine(frame, message.failure.reason, message.failure.detail)
    if (outcome === undefined) return Effect.void
    return options.policy.giveUp === "halt"
      ? Effect.fail(new HandlerHalted({ reflectedId: frame.reflectedId, detail: outcome }))
      : quarantine(frame, "HandlerFailed", outcome)
  }

  const handle: (batch: NonEmptyReadonlyArray<Opened>) => Effect.Effect<NonEmptyReadonlyArray<Handled>> =
    Effect.fnUntraced(function* (batch) {
      const messages: Array<Reflected> = []
      for (const { message } of batch) {
        if (message !== "Duplicate" && Result.isSuccess(message)) messages.push(message.success)
      }
      const outcomes =
        messages.length === 0 ? [] : yield* runHandler(messages as unknown as NonEmptyReadonlyArray<Reflected>)
      const handled: Array<Handled> = []
      let halt: ConnectionEnd | undefined
      let next = 0
      for (const opened of batch) {
        const isHandled = opened.message !== "Duplicate" && Result.isSuccess(opened.message)
        const outcome = isHandled ? outcomes[next++] : undefined
        if (halt === undefined) {
          const blocked = yield* Effect.result(setAside(opened, outcome))
          if (Result.isFailure(blocked)) halt = blocked.failure
        }
        handled.push({ live: opened.live, frame: opened.frame, nonce: opened.nonce, halt })
      }
      finished++
      return handled as unknown as NonEmptyReadonlyArray<Handled>
    })

  /** Nonces first: an ack that gets lost is answered with a redelivery, which they show to be one. */
  const ack: (batch: NonEmptyReadonlyArray<Handled>) => Effect.Effect<void, ConnectionEnd> = Effect.fnUntraced(
    function* (batch) {
      const done = batch.filter(({ halt }) => halt === undefined)
      const nonces = done.flatMap(({ nonce }) => (nonce === undefined ? [] : [nonce]))
      if (nonces.length > 0) yield* store.addNonces(nonces)
      const acks = new Map<LiveConnection, Array<ReflectedAck>>()
      for (const { frame, live } of done) {
        if (isEphemeral(frame.flags)) continue
        const ours = acks.get(live)
        const ack: ReflectedAck = { _tag: "ReflectedAck", reflectedId: frame.reflectedId }
        if (ours === undefined) acks.set(live, [ack])
        else ours.push(ack)
      }
      for (const [live, frames] of acks) {
        // On another connection the mediator would not know these ids; there the messages come again.
        yield* Effect.ignore(live.send(frames as unknown as NonEmptyReadonlyArray<ReflectedAck>))
      }
      const halt = batch.find((handled) => handled.halt !== undefined)?.halt
      if (halt !== undefined) return yield* Effect.fail(halt)
      const current = options.live.current()
      if (current?.passingOver === true && Queue.sizeUnsafe(queue) === 0) current.end(new FellBehind())
    }
  )

  /** Nothing behind the message that stopped the device may overtake it: all of it comes again. */
  const stopAt = (end: ConnectionEnd): Effect.Effect<void> =>
    Effect.suspend(() => {
      const live = options.live.current()
      if (live === undefined) halted = end
      else live.end(end)
      return Effect.asVoid(Queue.clear(queue))
    })

  const settle = (batch: NonEmptyReadonlyArray<Delivery>): Effect.Effect<void> =>
    open(batch).pipe(Effect.flatMap(handle), Effect.flatMap(ack), Effect.catch(stopAt), atRest.withPermit)

  return {
    accept,
    work: Stream.fromQueue(queue).pipe(Stream.runForEachArray(settle)),
    whileAtRest: atRest.withPermit,
    takeHalt: () => {
      const end = halted
      halted = undefined
      return end
    }
  }
})

const equals = (a: Uint8Array, b: Uint8Array): boolean => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return a.length === b.length
}
