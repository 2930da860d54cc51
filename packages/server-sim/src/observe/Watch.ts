/**
 * Everything that watches a running core, behind one face: journal, meter, observers.
 *
 * Owns what each of them is told and that nobody pays for a watcher who is not there: a count is a number, a time is taken
 * only once metrics are read. Names and formats are the watchers' own.
 *
 * @since 0.1.0
 */
import { clientFrameTypes, decodeClientFrame, type ServerFrame } from "@d2m/codec"
import { type Clock, Exit, Result } from "effect"
import type { Decision } from "../Decision.ts"
import type { Forks } from "../Forks.ts"
import type { CutReason } from "../GuardEvent.ts"
import { type Journal, type JournalConnection, type JournalEntry, makeJournal } from "../Journal.ts"
import type { MediatorOptions } from "../MediatorOptions.ts"
import type { Peer } from "../Peer.ts"
import type { GroupKey } from "../StoreCommand.ts"
import { pushAck, shiftAcks } from "./AckTimes.ts"
import { type FailureLog, harmless, makeFailureLog } from "./FailureLog.ts"
import {
  count,
  countReceived,
  countSent,
  decisionName,
  type EndedBy,
  endName,
  makeMeter,
  type Meter,
  type StoreOperation
} from "./Meter.ts"
import type { Happening, Observer } from "./Observer.ts"

/** The watchers of one mediator. */
export interface Watch {
  readonly journal: Journal
  readonly meter: Meter
  /** From now on durations are measured too. */
  readonly startTiming: () => void
  /** Tells an observer what happens, until the returned function is called. */
  readonly observe: (observer: Observer) => () => void
  readonly failed: FailureLog

  readonly opened: (peer: Peer) => void
  /** A batch of messages came in. */
  readonly received: (peer: Peer, messages: ReadonlyArray<Uint8Array | string>) => void
  /** For an active journal: one of them is about to reach the core. */
  readonly readsMessage: (peer: Peer | undefined, message: Uint8Array | string) => void
  /** A frame was handed to the peer's transport: it is so many bytes, and these are the first of them. */
  readonly sent: (peer: Peer, frame: ServerFrame, head: Uint8Array, length: number) => void
  /** The ack of a reflect of the last batch waits in the peer's outbox. */
  readonly acks: (peer: Peer) => void
  /** So many acks of the peer were handed to its transport. */
  readonly acked: (peer: Peer, acks: number) => void
  readonly ended: (peer: Peer, by: EndedBy, code: number, reason: string) => void
  readonly faultFired: (peer: Peer, fault: string) => void
  /** `peer` is the one that was registered, if one was. */
  readonly decided: (groupKey: GroupKey, decision: Decision, peer?: Peer) => void
  readonly groupFailed: (groupKey: GroupKey, detail: string) => void

  /** When a call of the store starts, in seconds, for `stored`; NaN if nobody measures. */
  readonly stores: () => number
  /** A call of the store is over. */
  readonly stored: (operation: StoreOperation, since: number, exit: Exit.Exit<unknown, unknown>) => void
}

/** What an ending is counted as that nobody gave a code for: the network's doing, or a cut. */
export const noCode = 1006

/** What is told of a connection that was cut off, with {@link noCode}. */
export const cutTexts = {
  Overflow: "too much waits to be read",
  Slow: "too much waited to be read for too long",
  Stalled: "nothing was read for too long"
} as const satisfies { readonly [Reason in CutReason]?: string }

const reflectType = clientFrameTypes.get("Reflect")!

type PeerEntry = DistributiveOmit<Extract<JournalEntry, JournalConnection>, keyof JournalConnection>

type DistributiveOmit<A, Key extends PropertyKey> = A extends unknown ? Omit<A, Key> : never

/** Watches a core with this clock. */
export const makeWatch = (options: MediatorOptions, clock: Clock.Clock, forks: Forks, now: () => number): Watch => {
  const journal = makeJournal(options.journalCapacity)
  const meter = makeMeter()
  const observers = new Set<Observer>()
  let isTiming = false
  let receivedAt = 0
  let sentAt = 0

  const seconds = (): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e9

  const observeAcks = (at: number, acks: number): void => meter.ack.observe(sentAt - at, acks)

  const note = (peer: Peer, entry: PeerEntry): void => {
    const place = { at: now(), groupKey: peer.groupKey, connection: peer.id }
    const deviceId = peer.deviceId === undefined ? {} : { deviceId: peer.deviceId }
    journal.append({ ...place, ...deviceId, ...entry })
  }

  const failed = makeFailureLog(forks, clock)

  const tell = (happening: Happening): void => {
    for (const observer of observers) observer(happening)
  }

  return {
    journal,
    meter,
    startTiming: () => {
      isTiming = true
    },
    observe: (observer) => {
      const harmlessly = harmless(observer, "an observer of the mediator failed", failed)
      observers.add(harmlessly)
      return () => observers.delete(harmlessly)
    },
    failed,

    opened: (peer) => {
      meter.opened++
      if (journal.isActive()) note(peer, { _tag: "Opened" })
      if (observers.size > 0) tell({ _tag: "Opened", connection: peer })
    },
    received: (peer, messages) => {
      const reflects = meter.framesIn[reflectType]!
      countReceived(meter, peer.traffic, messages)
      if (isTiming && meter.framesIn[reflectType]! > reflects) receivedAt = seconds()
    },
    readsMessage: (peer, message) => {
      if (peer === undefined) return
      const frame = typeof message === "string" ? undefined : decodeClientFrame(message)
      const decoded = frame !== undefined && Result.isSuccess(frame) ? { frame: frame.success } : {}
      note(peer, { _tag: "Received", message, ...decoded })
    },
    sent: (peer, frame, head, length) => {
      countSent(meter, peer.traffic, head, length)
      if (journal.isActive()) note(peer, { _tag: "Sent", frame })
    },
    acks: (peer) => {
      if (isTiming) pushAck(peer.ackTimes, receivedAt)
    },
    acked: (peer, acks) => {
      if (!isTiming) return
      sentAt = seconds()
      shiftAcks(peer.ackTimes, acks, observeAcks)
    },
    ended: (peer, by, code, reason) => {
      count(meter.ended, endName(by, code))
      if (journal.isActive()) note(peer, by === "Peer" ? { _tag: "Gone" } : { _tag: "Closed", code, reason })
      if (observers.size > 0) tell({ _tag: "Ended", connection: peer, by, code, reason })
    },
    faultFired: (peer, fault) => {
      if (journal.isActive()) note(peer, { _tag: "FaultFired", fault })
    },
    decided: (groupKey, decision, peer) => {
      count(meter.decisions, decisionName(decision))
      if (journal.isActive()) journal.append({ _tag: "Decided", at: now(), groupKey, decision })
      if (observers.size === 0) return
      if (decision._tag === "Registered" && peer !== undefined) {
        const { isNew, queued } = decision
        tell({ _tag: "Registered", connection: peer, isNew, queued })
      } else {
        tell({ _tag: "Decided", groupKey, decision })
      }
    },
    groupFailed: (groupKey, detail) => {
      meter.groupsFailed++
      if (journal.isActive()) journal.append({ _tag: "GroupFailed", at: now(), groupKey, detail })
      if (observers.size > 0) tell({ _tag: "GroupFailed", groupKey })
    },

    stores: () => (isTiming ? seconds() : NaN),
    stored: (operation, since, exit) => {
      if (!Number.isNaN(since)) meter.store[operation].observe(seconds() - since, 1)
      if (Exit.isFailure(exit)) count(meter.storeFailures, operation)
    }
  }
}
