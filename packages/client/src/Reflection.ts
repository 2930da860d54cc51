/**
 * Reflecting: from what the application says to frames on the wire, and from acks back to whoever waits.
 * Owns sealing, the nonces of our own boxes, and the callers that wait for an ack or for room (decisions 1, 11, 22, 23).
 * Leaves order and bounds to `ReflectionLedger`, and what a transaction may do to `Transaction`.
 */
import {
  type Crypto,
  type DeviceGroupKeys,
  type DeviceId,
  Limits,
  ReflectFlags,
  type ReflectId,
  type Timestamp
} from "@d2m/codec"
import { Effect, Latch, Result, Schema, Stream } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { SecureRandom } from "effect/crypto"
import type { ConnectionEnd } from "./ConnectionEnd.ts"
import type { StateCell } from "./ConnectionState.ts"
import type { DeviceStore, StoreError } from "./DeviceStore.ts"
import type { EventLog } from "./DeviceEvent.ts"
import { Content, encodeEnvelope, envelopeEntropy, type EnvelopeTooLarge, sealEnvelope } from "./Envelope.ts"
import { type LiveCell, type LiveConnection, NotLive } from "./LiveConnection.ts"
import { type Drawn, type LedgerEntry, ReflectionLedger } from "./ReflectionLedger.ts"
import type { SessionFrame } from "./Session.ts"

/**
 * The device has stopped; `unacked` are the caller's contents that the mediator has not acked, in order.
 *
 * Each may or may not have reached the mediator.
 *
 * @category errors
 * @since 0.1.0
 */
export class DeviceStopped extends Schema.TaggedError<DeviceStopped>("@d2m/client/DeviceStopped")("DeviceStopped", {
  unacked: Schema.Array(Content)
}) {
  override get message(): string {
    return `the device has stopped with ${this.unacked.length} un-acked reflects`
  }
}

/**
 * Too much waits to be written. Only ephemerals fail like this; a reflect waits for room.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReflectQueueFull extends Schema.TaggedError<ReflectQueueFull>("@d2m/client/ReflectQueueFull")(
  "ReflectQueueFull",
  { capacity: Schema.Int }
) {
  override get message(): string {
    return `the line of reflects holds ${this.capacity} bytes and is full`
  }
}

/**
 * Why a reflect has no timestamp.
 *
 * @category errors
 * @since 0.1.0
 */
export type ReflectError = EnvelopeTooLarge | DeviceStopped

/** A reflect that is owed, and who waits for it. */
interface Owed {
  readonly content: Content
  readonly plain: Uint8Array
  readonly acked: (timestamp: Timestamp) => void
  readonly givenUp: () => void
}

/**
 * A transaction as the outgoing line sees it.
 *
 * @internal
 */
export interface OutgoingTransaction {
  readonly begin: SessionFrame
  /** The connection ended before its Begin was written. */
  readonly unbegun: () => void
  /** Its Begin or Commit is about to be handed to the connection. */
  readonly writing: (frame: "Begin" | "Commit", live: LiveConnection) => void
}

interface Outgoing {
  readonly frame: SessionFrame
  readonly writing?: (live: LiveConnection) => void
}

/** What an entry in line costs on top of its envelope. */
const entryOverhead = 64
const framesPerWrite = 64
const noEntropy = new Uint8Array(0)

/** @internal */
export type Reflection = ReturnType<typeof makeReflection>

/** @internal */
export const makeReflection = (options: {
  readonly crypto: Crypto["Service"]
  readonly random: SecureRandom.SecureRandom["Service"]
  readonly store: DeviceStore["Service"]
  readonly keys: Pick<DeviceGroupKeys, "dgrk">
  readonly identity: string
  readonly from: { readonly deviceId: DeviceId; readonly protocolVersion: number }
  readonly ledger: ReflectionLedger<Owed, OutgoingTransaction>
  readonly capacity: number
  readonly state: StateCell
  readonly events: EventLog
  readonly live: LiveCell
}) => {
  const { crypto, events, identity, keys, ledger, live, state } = options
  const work = Latch.makeUnsafe(false)
  let drained: (() => void) | undefined
  let stopped = false

  const encodeAll = (contents: ReadonlyArray<Content>) =>
    Result.all(contents.map((content) => encodeEnvelope(content, options.from)))

  /** Puts contents in line and waits until all are acked; whoever is interrupted gives its reflects up. */
  const owe = <E>(
    contents: NonEmptyReadonlyArray<Content>,
    offer: (owed: Owed, weight: number) => LedgerEntry<Owed>,
    failure: (unacked: ReadonlyArray<Content>) => E
  ): Effect.Effect<NonEmptyReadonlyArray<Timestamp>, E | EnvelopeTooLarge> =>
    Effect.suspend((): Effect.Effect<NonEmptyReadonlyArray<Timestamp>, E | EnvelopeTooLarge> => {
      const plains = encodeAll(contents)
      if (Result.isFailure(plains)) return Effect.fail(plains.failure)
      return Effect.callback<NonEmptyReadonlyArray<Timestamp>, E>((resume) => {
        const timestamps: Array<Timestamp | undefined> = []
        let left = contents.length
        const entries = contents.map((content, at) => {
          const plain = plains.success[at]!
          const owed: Owed = {
            content,
            plain,
            acked: (timestamp) => {
              timestamps[at] = timestamp
              if (--left === 0) resume(Effect.succeed(timestamps as unknown as NonEmptyReadonlyArray<Timestamp>))
            },
            givenUp: () => resume(Effect.fail(failure(contents.filter((_, i) => timestamps[i] === undefined))))
          }
          return offer(owed, plain.length + entryOverhead)
        })
        noteWork()
        return Effect.sync(() => {
          for (const entry of entries) ledger.cancel(entry)
          noteWork()
        })
      })
    })

  /** While live, the writer's next batch tells subscribers how much is pending. */
  const noteWork = () => {
    work.openUnsafe()
    if (live.current() === undefined) state.refreshUnsafe()
    if (drained !== undefined && ledger.transactionDrained) drained()
  }

  const reflectAll = (
    contents: NonEmptyReadonlyArray<Content>
  ): Effect.Effect<NonEmptyReadonlyArray<Timestamp>, ReflectError> =>
    Effect.suspend(() => {
      const failure = (unacked: ReadonlyArray<Content>) => new DeviceStopped({ unacked })
      return stopped
        ? Effect.fail(failure(contents))
        : owe(contents, (owed, weight) => ledger.reflect(owed, weight), failure)
    })

  const ephemeral = (content: Content): Effect.Effect<void, NotLive | EnvelopeTooLarge | ReflectQueueFull> =>
    Effect.suspend((): Effect.Effect<void, NotLive | EnvelopeTooLarge | ReflectQueueFull> => {
      if (live.current() === undefined) return Effect.fail(new NotLive({ state: state.phase()._tag }))
      const plain = encodeEnvelope(content, options.from)
      if (Result.isFailure(plain)) return Effect.fail(plain.failure)
      const owed: Owed = { content, plain: plain.success, acked: () => {}, givenUp: () => {} }
      if (!ledger.ephemeral(owed, plain.success.length + entryOverhead)) {
        return Effect.fail(new ReflectQueueFull({ capacity: options.capacity }))
      }
      noteWork()
      return Effect.void
    })

  /** Reflects in the transaction whose Begin was acked and whose Commit is not in line yet. */
  const reflectInTransaction = <E>(
    contents: NonEmptyReadonlyArray<Content>,
    lost: () => E
  ): Effect.Effect<NonEmptyReadonlyArray<Timestamp>, E | EnvelopeTooLarge> =>
    owe(contents, (owed, weight) => ledger.reflectInTransaction(owed, weight), lost)

  /** Waits until the mediator has acked everything that the transaction reflected. */
  const transactionDrained: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (ledger.transactionDrained) return resume(Effect.void)
    drained = () => resume(Effect.void)
    return Effect.sync(() => {
      drained = undefined
    })
  }).pipe(
    Effect.tap(() =>
      Effect.sync(() => {
        drained = undefined
      })
    )
  )

  const reflectFrame = (
    plain: Uint8Array,
    ephemeral: boolean,
    reflectId: ReflectId,
    entropy: Uint8Array
  ): Outgoing => ({
    frame: {
      _tag: "Reflect",
      flags: ephemeral ? ReflectFlags.ephemeral : 0,
      reflectId,
      envelope: sealEnvelope(crypto, keys.dgrk, plain, entropy)
    }
  })

  /** Gives every reflect a nonce and padding of its own, and records the nonces before the frames leave. */
  const seal: (
    drawn: NonEmptyReadonlyArray<Drawn<Owed, OutgoingTransaction>>
  ) => Effect.Effect<NonEmptyReadonlyArray<Outgoing>, StoreError> = Effect.fnUntraced(function* (drawn) {
    const reflects = drawn.reduce((count, item) => (item._tag === "Reflect" ? count + 1 : count), 0)
    const entropy = reflects === 0 ? noEntropy : yield* options.random.randomBytes(reflects * envelopeEntropy)
    const nonces: Array<Uint8Array> = []
    const outgoing = drawn.map((item): Outgoing => {
      if (item._tag !== "Reflect") {
        const { transaction } = item
        return {
          frame: item._tag === "Begin" ? transaction.begin : { _tag: "CommitTransaction" },
          writing: (connection) => transaction.writing(item._tag, connection)
        }
      }
      const own = entropy.subarray(nonces.length * envelopeEntropy, (nonces.length + 1) * envelopeEntropy)
      nonces.push(crypto.hashNonce(identity, own.subarray(0, Limits.nonce)))
      return reflectFrame(item.entry.value.plain, item.entry.kind === "Ephemeral", item.reflectId, own)
    })
    if (nonces.length > 0) yield* options.store.addNonces(nonces)
    return outgoing as unknown as NonEmptyReadonlyArray<Outgoing>
  })

  /** draw → seal → send, for as long as the connection lives. */
  const outbound = (connection: LiveConnection): Effect.Effect<void, ConnectionEnd> => {
    const draw: Effect.Effect<NonEmptyReadonlyArray<Drawn<Owed, OutgoingTransaction>>> = Effect.suspend(() => {
      const drawn = ledger.draw(connection.link.listeningTime(), framesPerWrite)
      if (drawn.length > 0) {
        state.refreshUnsafe()
        return Effect.succeed(drawn as unknown as NonEmptyReadonlyArray<Drawn<Owed, OutgoingTransaction>>)
      }
      work.closeUnsafe()
      return Effect.andThen(work.await, draw)
    })
    const send = (outgoing: NonEmptyReadonlyArray<Outgoing>) => {
      for (const { writing } of outgoing) writing?.(connection)
      return connection.session.sendAll(
        outgoing.map(({ frame }) => frame) as unknown as NonEmptyReadonlyArray<SessionFrame>
      )
    }
    return Stream.fromPull(Effect.succeed(draw)).pipe(Stream.mapArrayEffect(seal), Stream.runForEachArray(send))
  }

  return {
    reflectAll,
    ephemeral,
    reflectInTransaction,
    transactionDrained,
    outbound,

    /** Whether the mediator owes an ack, or will once the line was written. */
    isAwaiting: (): boolean => ledger.pending > 0 || ledger.oldestWrittenAt !== undefined,
    oldestWrittenAt: (): number | undefined => ledger.oldestWrittenAt,

    begin: (transaction: OutgoingTransaction): (() => void) => {
      const withdraw = ledger.begin(transaction)
      noteWork()
      return withdraw
    },
    rejected: () => {
      ledger.rejected()
      noteWork()
    },
    commit: (transaction: OutgoingTransaction) => {
      ledger.commit(transaction)
      noteWork()
    },

    acked: (reflectId: ReflectId, timestamp: Timestamp) => {
      const entry = ledger.ack(reflectId)
      if (entry === undefined) return events.emit({ _tag: "StrayFrame", frame: "ReflectAck" })
      if (entry !== "Cancelled") entry.value.acked(timestamp)
      noteWork()
    },

    /** The connection has ended: what was not acked waits for the next one, ephemerals and transactions do not. */
    cut: () => {
      const { ephemerals, transactional, unbegun } = ledger.cut()
      if (ephemerals.length > 0) events.emit({ _tag: "EphemeralsDropped", count: ephemerals.length })
      for (const owed of transactional) owed.givenUp()
      for (const transaction of unbegun) transaction.unbegun()
    },

    /** Tells every caller that the device has stopped, and which contents were never acked, oldest first. */
    stop: (): ReadonlyArray<Content> => {
      stopped = true
      const left = ledger.stop()
      for (const owed of left) owed.givenUp()
      return left.map((owed) => owed.content)
    }
  }
}

/** @internal */
export const makeLedger = (options: { readonly capacity: number; readonly firstReflectId?: number }) =>
  new ReflectionLedger<Owed, OutgoingTransaction>(options)
