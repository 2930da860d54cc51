/**
 * What happened in a mediator, entry by entry: every frame, close, decision and fault.
 *
 * Owns the vocabulary, the few entries kept for late readers and the streams of the others. Costs nothing while nobody
 * reads and nothing is kept.
 *
 * @since 0.1.0
 */
import type { ClientFrame, DeviceId, ServerFrame } from "@d2m/codec"
import { type Cause, Effect, Queue, Stream } from "effect"
import type { Decision } from "./Decision.ts"
import type { ConnectionId } from "./Input.ts"
import type { GroupKey } from "./StoreCommand.ts"

/**
 * Where and when something happened.
 *
 * @category models
 * @since 0.1.0
 */
export interface JournalPlace {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly groupKey: GroupKey
}

/**
 * On which connection something happened.
 *
 * @category models
 * @since 0.1.0
 */
export interface JournalConnection extends JournalPlace {
  readonly connection: ConnectionId
  /** Absent before the ClientHello was accepted. */
  readonly deviceId?: DeviceId
}

/**
 * One thing that happened.
 *
 * @category models
 * @since 0.1.0
 */
export type JournalEntry =
  /** A socket was opened. */
  | (JournalConnection & { readonly _tag: "Opened" })
  /** A message came in; `frame` is absent if it is none. */
  | (JournalConnection & {
      readonly _tag: "Received"
      readonly message: Uint8Array | string
      readonly frame?: ClientFrame
    })
  /** A frame was handed to the transport. */
  | (JournalConnection & { readonly _tag: "Sent"; readonly frame: ServerFrame })
  /** The mediator closed the connection. */
  | (JournalConnection & { readonly _tag: "Closed"; readonly code: number; readonly reason: string })
  /** The socket ended without the mediator having closed it. */
  | (JournalConnection & { readonly _tag: "Gone" })
  /** An injected fault has acted: on a frame, a dial or a close. */
  | (JournalConnection & { readonly _tag: "FaultFired"; readonly fault: string })
  | (JournalPlace & { readonly _tag: "Decided"; readonly decision: Decision })
  /** The group's connections were closed with 1011: its store failed, or the mediator did. */
  | (JournalPlace & { readonly _tag: "GroupFailed"; readonly detail: string })

/** The journal as its writers see it. */
export interface Journal {
  /** Whether an entry would be kept or read by anybody. */
  readonly isActive: () => boolean
  readonly append: (entry: JournalEntry) => void
  /** No entry follows: readers end behind the last one. */
  readonly end: () => void
  /** The kept entries, then all that follow, up to the end. A reader that falls far behind loses the oldest. */
  readonly stream: Stream.Stream<JournalEntry>
}

const readerCapacity = 65_536

/** A journal that keeps the last `capacity` entries. */
export const makeJournal = (capacity: number): Journal => {
  const kept: Array<JournalEntry> = []
  const readers = new Set<Queue.Enqueue<JournalEntry, Cause.Done>>()
  let hasEnded = false
  return {
    isActive: () => capacity > 0 || readers.size > 0,
    append: (entry) => {
      if (capacity > 0) {
        kept.push(entry)
        // Trimmed in bulk, so that a full journal does not move its entries each time.
        if (kept.length >= 2 * capacity) kept.splice(0, kept.length - capacity)
      }
      for (const reader of readers) Queue.offerUnsafe(reader, entry)
    },
    end: () => {
      hasEnded = true
      for (const reader of readers) Queue.endUnsafe(reader)
      readers.clear()
    },
    stream: Stream.callback<JournalEntry>(
      (queue) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            for (const entry of kept.slice(-capacity || kept.length)) Queue.offerUnsafe(queue, entry)
            if (hasEnded) Queue.endUnsafe(queue)
            else readers.add(queue)
          }),
          () => Effect.sync(() => readers.delete(queue))
        ),
      { bufferSize: readerCapacity, strategy: "sliding" }
    )
  }
}
