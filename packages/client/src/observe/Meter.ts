/**
 * What the hot path tells whoever counts.
 * Owns the face: a batch is told at once, and nothing is where nobody counts.
 * Leaves names and units to `Metrics`.
 */
import type { Reflected } from "@d2m/codec"
import type { LedgerEntry } from "../ReflectionLedger.ts"

/**
 * What is sent, as the ledger knows it.
 *
 * @internal
 */
export type ReflectKind = LedgerEntry<unknown>["kind"]

/**
 * Counts what passes.
 *
 * @internal
 */
export interface Meter {
  /** The time now, in seconds, for `acked`: a batch is about to be written. */
  readonly writes: () => number
  /** A reflect of this batch. */
  readonly written: (kind: ReflectKind) => void
  /** Something was read: the acks in it came now. */
  readonly reads: () => void
  /** A reflect that was written then has its ack. */
  readonly acked: (kind: ReflectKind, writtenAt: number) => void
  /** Reflected messages came in. */
  readonly received: (frames: ReadonlyArray<Reflected>) => void
  /** So many of them are acked. */
  readonly handled: (acks: number) => void
}
