/**
 * Reflecting: from what the application says to frames on the wire, and from acks back to whoever waits.
 * Owns sealing, the nonces of our own boxes, and the callers that wait for an ack or for room (decisions 1, 11, 22, 23).
 * Leaves order and bounds to `ReflectionLedger`, and what a transaction may do to `Transaction`.
 */
import {
  type Crypto,
  type DeviceGroupKeys,
  type DeviceId,
  encodeClientFrame,
  Limits,
  ReflectFlags,
  type ReflectId,
  type Timestamp
} from "@d2m/codec"
import { Array as Arr, Effect, Latch, Redacted, Result } from "effect"
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import type { SecureRandom } from "effect/crypto"
import type { ConnectionEnd } from "./ConnectionEnd.ts"
import type { StateCell } from "./ConnectionState.ts"
import type { DeviceStore, DeviceStoreError } from "./DeviceStore.ts"
import type { EventLog } from "./DeviceEvent.ts"
import { type Content, type ContentError, encodeEnvelope, envelopeEntropy, sealReflects } from "./Envelope.ts"
import type { HoldingOfDevice } from "./Holding.ts"
import { type LiveCell, type LiveConnection, NotLive } from "./LiveConnection.ts"
import type { Meter } from "./observe/Meter.ts"
import { DeviceStopped, type ReflectError, ReflectNested, ReflectQueueFull } from "./ReflectError.ts"
import { type Drawn, type LedgerEntry, ReflectionLedger } from "./ReflectionLedger.ts"
import type { SessionFrame } from "./Session.ts"

/** A reflect that is owed, and who waits for it. */
interface Owed {
  readonly content: Content
  /** Its envelope; absent until it has room, for all but the first content of a caller. */
  plain: Uint8Array | undefined
  /** In seconds, where somebody measures. */
  writtenAt: number
  /** Where it stands among the contents of its caller. */
  readonly at: number
  readonly acked: (owed: Owed, timestamp: Timestamp) => void
  /** It was altered while it waited, and no envelope holds it any more. */
  readonly refused: (error: ContentError) => void
  /** The same for all contents of a caller, which is told once. */
  readonly givenUp: () => void
}

/** Nobody waits for an ephemeral. */
const unowed = { writtenAt: 0, at: 0, acked: () => {}, refused: () => {}, givenUp: () => {} }

const callersOf = (left: ReadonlyArray<Owed>): Iterable<() => void> => new Set(left.map(({ givenUp }) => givenUp))

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

interface DrawnReflect extends Extract<Drawn<Owed, OutgoingTransaction>, { readonly _tag: "Reflect" }> {
  readonly entry: LedgerEntry<Owed & { readonly plain: Uint8Array }>
}

const isReflect = (item: Drawn<Owed, OutgoingTransaction>): item is DrawnReflect => item._tag === "Reflect"

/** What an entry in line costs on top of its envelope. */
const entryOverhead = 64
/** What is drawn at once, as either is reached. */
const framesPerWrite = 64
const bytesPerWrite = 64 * 1024
const noFrames = Effect.succeed<ReadonlyArray<Uint8Array>>([])

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
  readonly holding: Pick<HoldingOfDevice, "isWithin">
  readonly meter: Meter | undefined
}) => {
  const { crypto, events, identity, keys, ledger, live, meter, state } = options
  const work = Latch.makeUnsafe(false)
  let drained: (() => void) | undefined
  let stopped = false
  let died = false
  /** So much must stand in line for the writer to be woken: more than 1 while `gather` runs. */
  let least = 1

  /**
   * The envelopes of contents, or why one has none. Of those that find no `room`, behind the first one, only the length is
   * kept: they are encoded again once they have it, so that a long list takes no more memory than the capacity.
   */
  const encodeAll = (
    contents: ReadonlyArray<Content>,
    room: number
  ): Result.Result<Array<Uint8Array | number>, ContentError> => {
    const plains: Array<Uint8Array | number> = []
    let weight = 0
    for (const content of contents) {
      const plain = encodeEnvelope(content, options.from)
      if (Result.isFailure(plain)) return Result.fail(plain.failure)
      const { length } = plain.success
      weight += length + entryOverhead
      plains.push(weight <= room || plains.length === 0 ? plain.success : length)
    }
    return Result.succeed(plains)
  }

  /** Encodes what had no room when it was reflected; `false` for what cannot be sent, which its caller was told. */
  const hasPlain = (item: Drawn<Owed, OutgoingTransaction>): boolean => {
    if (item._tag !== "Reflect" || item.entry.value.plain !== undefined) return true
    const owed = item.entry.value
    const plain = encodeEnvelope(owed.content, options.from)
    if (Result.isSuccess(plain)) {
      owed.plain = plain.success
      return true
    }
    ledger.ack(item.reflectId)
    owed.refused(plain.failure)
    return false
  }

  /** Puts contents in line and waits until all are acked; whoever is interrupted gives its reflects up. */
  const owe = <E>(
    contents: NonEmptyReadonlyArray<Content>,
    kind: "Reflect" | "Transactional",
    failure: (unacked: ReadonlyArray<Content>) => E,
    onLine?: () => void
  ): Effect.Effect<NonEmptyReadonlyArray<Timestamp>, E | ContentError> =>
    Effect.suspend((): Effect.Effect<NonEmptyReadonlyArray<Timestamp>, E | ContentError> => {
      const encoded = encodeAll(contents, ledger.room(kind))
      if (Result.isFailure(encoded)) return Effect.fail(encoded.failure)
      const plains = encoded.success
      return Effect.callback<NonEmptyReadonlyArray<Timestamp>, E | ContentError>((resume) => {
        const timestamps: Array<Timestamp | undefined> = []
        let left = contents.length
        const acked = ({ at }: Owed, timestamp: Timestamp): void => {
          timestamps[at] = timestamp
          if (--left === 0) resume(Effect.succeed(Arr.map(contents, (_, n) => timestamps[n]!)))
        }
        // What it fails with is made by the caller's own fiber, which holds up nobody else.
        const givenUp = (): void =>
          resume(Effect.suspend(() => Effect.fail(failure(contents.filter((_, at) => timestamps[at] === undefined)))))
        const giveUp = (): void => {
          for (const entry of entries) ledger.cancel(entry)
          noteWork()
        }
        const refused = (error: ContentError): void => {
          giveUp()
          resume(Effect.fail(error))
        }
        onLine?.()
        const entries = plains.map((encoded, at) => {
          const plain = typeof encoded === "number" ? undefined : encoded
          const weight = (typeof encoded === "number" ? encoded : encoded.length) + entryOverhead
          const owed: Owed = { content: contents[at]!, plain, writtenAt: 0, at, acked, refused, givenUp }
          return kind === "Reflect" ? ledger.reflect(owed, weight) : ledger.reflectInTransaction(owed, weight)
        })
        // The functions above live as long as the last of them, and would keep every envelope so long.
        plains.length = 0
        noteWork()
        return Effect.sync(giveUp)
      })
    })

  /** While live, the writer's next batch tells subscribers how much is pending. */
  const noteWork = () => {
    // Waking the writer for nothing, once an ack, would cost more than the ack.
    if (ledger.inLine >= least) work.openUnsafe()
    if (live.current() === undefined) state.refreshUnsafe()
    if (drained !== undefined && ledger.transactionDrained) drained()
  }

  const reflectAll = (
    contents: NonEmptyReadonlyArray<Content>
  ): Effect.Effect<NonEmptyReadonlyArray<Timestamp>, ReflectError> =>
    Effect.withFiber((fiber): Effect.Effect<NonEmptyReadonlyArray<Timestamp>, ReflectError> => {
      if (options.holding.isWithin(fiber)) return Effect.fail(new ReflectNested({}))
      const failure = (unacked: ReadonlyArray<Content>) => new DeviceStopped({ died, unacked: Redacted.make(unacked) })
      if (!stopped) return owe(contents, "Reflect", failure)
      const plains = encodeAll(contents, 0)
      return Effect.fail(Result.isFailure(plains) ? plains.failure : failure(contents))
    })

  const ephemeral = (content: Content): Effect.Effect<void, NotLive | ContentError | ReflectQueueFull> =>
    Effect.suspend((): Effect.Effect<void, NotLive | ContentError | ReflectQueueFull> => {
      if (live.current() === undefined) return Effect.fail(new NotLive({ state: state.phase()._tag }))
      const plain = encodeEnvelope(content, options.from)
      if (Result.isFailure(plain)) return Effect.fail(plain.failure)
      const owed: Owed = { ...unowed, content, plain: plain.success }
      if (!ledger.ephemeral(owed, plain.success.length + entryOverhead)) {
        return Effect.fail(new ReflectQueueFull({ capacity: options.capacity }))
      }
      noteWork()
      return Effect.void
    })

  /** Reflects in the transaction whose Begin was acked and whose Commit is not in line yet; `onLine`, once it may be sent. */
  const reflectInTransaction = <E>(
    contents: NonEmptyReadonlyArray<Content>,
    lost: () => E,
    onLine: () => void
  ): Effect.Effect<NonEmptyReadonlyArray<Timestamp>, E | ContentError> => owe(contents, "Transactional", lost, onLine)

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

  /** Gives every reflect a nonce and padding of its own, and records the nonces before the frames leave. */
  const seal = (reflects: ReadonlyArray<DrawnReflect>): Effect.Effect<ReadonlyArray<Uint8Array>, DeviceStoreError> =>
    reflects.length === 0
      ? noFrames
      : Effect.flatMap(options.random.randomBytes(reflects.length * envelopeEntropy), (entropy) => {
          const unsealed = reflects.map(({ entry, reflectId }, n) => {
            const padding = (n + 1) * envelopeEntropy - 1
            return {
              plain: entry.value.plain,
              flags: entry.kind === "Ephemeral" ? ReflectFlags.ephemeral : 0,
              reflectId,
              nonce: entropy.subarray(padding - Limits.nonce, padding),
              padding: entropy[padding]!
            }
          })
          const nonces = unsealed.map(({ nonce }) => crypto.hashNonce(identity, nonce))
          return Effect.as(options.store.addNonces(nonces), sealReflects(crypto, keys.dgrk, unsealed))
        })

  /** What was drawn as frames in its order. */
  const framesOf = (
    drawn: NonEmptyReadonlyArray<Drawn<Owed, OutgoingTransaction>>,
    sealed: ReadonlyArray<Uint8Array>,
    connection: LiveConnection
  ): NonEmptyReadonlyArray<Uint8Array> => {
    if (sealed.length === drawn.length && isReadonlyArrayNonEmpty(sealed)) return sealed
    let next = 0
    return Arr.map(drawn, (item) => {
      if (item._tag === "Reflect") return sealed[next++]!
      if (item._tag === "Begin") ledger.beginWritten()
      item.transaction.writing(item._tag, connection)
      return encodeClientFrame(item._tag === "Begin" ? item.transaction.begin : { _tag: "CommitTransaction" })
    })
  }

  const measure = (reflects: ReadonlyArray<DrawnReflect>, meter: Meter): void => {
    const now = meter.writes()
    for (const { entry } of reflects) {
      entry.value.writtenAt = now
      meter.written(entry.kind)
    }
  }

  /** draw → seal → send, for as long as the connection lives. */
  const outbound = (connection: LiveConnection): Effect.Effect<never, ConnectionEnd> => {
    const turn: Effect.Effect<void, ConnectionEnd> = Effect.suspend((): Effect.Effect<void, ConnectionEnd> => {
      const drawn = ledger.draw(connection.link.listeningTime(), framesPerWrite, bytesPerWrite)
      if (!isReadonlyArrayNonEmpty(drawn)) {
        work.closeUnsafe()
        return work.await
      }
      state.refreshUnsafe()
      const batch = drawn.filter(hasPlain)
      if (!isReadonlyArrayNonEmpty(batch)) return Effect.void
      const reflects = batch.filter(isReflect)
      return Effect.flatMap(seal(reflects), (sealed) => {
        if (meter !== undefined) measure(reflects, meter)
        return connection.session.sendEncoded(framesOf(batch, sealed, connection))
      })
    })
    // The scheduler still lets others have their turn; a yield for each write would cost more than the write.
    return Effect.forever(turn, { disableYield: true })
  }

  return {
    reflectAll,
    ephemeral,
    reflectInTransaction,
    transactionDrained,
    outbound,

    /** Whether somebody waits for an ack, outside of transactions. */
    isAwaiting: (): boolean => ledger.pending > 0,
    oldestWrittenAt: (): number | undefined => ledger.oldestWrittenAt,

    begin: (transaction: OutgoingTransaction): (() => void) => {
      const withdraw = ledger.begin(transaction)
      noteWork()
      return withdraw
    },
    /** The line moves on behind what was read, as with acks: for `gather` to be told while it runs. */
    rejected: () => ledger.rejected(),
    commit: (transaction: OutgoingTransaction) => {
      ledger.commit(transaction)
      noteWork()
    },

    acked: (reflectId: ReflectId, timestamp: Timestamp) => {
      const entry = ledger.ack(reflectId)
      if (entry === undefined) return events.emit({ _tag: "StrayFrame", frame: "ReflectAck" })
      if (entry !== "Cancelled") {
        meter?.acked(entry.kind, entry.value.writtenAt)
        entry.value.acked(entry.value, timestamp)
      }
      noteWork()
    },

    /** What is reflected while `tell` runs is written together, because each draw has a price of its own. */
    gather: <A>(tell: () => A): A => {
      least = framesPerWrite
      meter?.reads()
      try {
        return tell()
      } finally {
        least = 1
        noteWork()
      }
    },

    /** The connection has ended: what was not acked waits for the next one, ephemerals and transactions do not. */
    cut: () => {
      const { ephemerals, transactional, unbegun } = ledger.cut()
      if (ephemerals.length > 0) events.emit({ _tag: "EphemeralsDropped", count: ephemerals.length })
      for (const givenUp of callersOf(transactional)) givenUp()
      for (const transaction of unbegun) transaction.unbegun()
    },

    /**
     * The device has stopped, or `hasDied`: which contents were never acked, oldest first, and what tells so to each caller
     * that waits.
     */
    stop: (hasDied: boolean): { readonly unacked: ReadonlyArray<Content>; readonly callers: Iterable<() => void> } => {
      stopped = true
      died = hasDied
      const left = ledger.stop()
      return { unacked: left.map((owed) => owed.content), callers: callersOf(left) }
    }
  }
}

/** @internal */
export const makeLedger = (options: { readonly capacity: number; readonly firstReflectId?: number }) =>
  new ReflectionLedger<Owed, OutgoingTransaction>(options)
