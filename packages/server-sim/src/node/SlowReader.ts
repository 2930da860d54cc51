/**
 * When a client that does not read, or hardly reads, is given up (`slowReaderBytes`, `slowReaderDeadline`).
 *
 * Owns the verdict on one connection from what is seen of its socket now and then. Pure: numbers and the time come in. What
 * waited for the client in its slot's queue stays there: it is delivered on the next connection.
 *
 * @since 0.1.0
 */
import type { SlowReaderReason } from "../GuardEvent.ts"

/** What a socket tells. */
export interface SocketLevel {
  /** Bytes that the network has not taken. */
  readonly waiting: number
  /** Bytes that it has taken since the connection began. */
  readonly taken: number
}

/** What was seen of a connection. */
export interface ReaderWatch {
  taken: number
  /** When something was taken, or nothing waited, for the last time. */
  movedAt: number
  /** When no more than the limit waited for the last time. */
  withinAt: number
}

/** How slow a reader may be, and how long. */
export interface ReaderLimits {
  readonly slowReaderBytes: number
  readonly slowReaderDeadline: number
}

/** A connection that has just begun. */
export const watchReader = (now: number): ReaderWatch => ({ taken: 0, movedAt: now, withinAt: now })

/** Looks at a connection; a reason if it should be cut. */
export const lookAtReader = (
  watch: ReaderWatch,
  level: SocketLevel,
  limits: ReaderLimits,
  now: number
): SlowReaderReason | undefined => {
  if (level.waiting === 0 || level.taken !== watch.taken) watch.movedAt = now
  if (level.waiting <= limits.slowReaderBytes) watch.withinAt = now
  watch.taken = level.taken
  if (now - watch.movedAt >= limits.slowReaderDeadline) return "Stalled"
  return now - watch.withinAt >= limits.slowReaderDeadline ? "Slow" : undefined
}
