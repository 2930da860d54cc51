/**
 * Which reflects are still owed: what waits, what was written, what the next write may carry.
 * Owns order, reflect-ids, acks, the bound, and the gate that keeps foreign reflects out of a transaction (decision 13).
 * Leaves sealing, writing and waiting fibers to `Reflection`; it is a value that changes in place, with no fiber in it.
 */
import { MutableList } from "effect"
import type { ReflectId } from "@d2m/codec"
import { WrittenReflects } from "./WrittenReflects.ts"

/**
 * One reflect as the ledger knows it; `value` is the owner's, and is given back when it is drawn, acked or given up.
 *
 * @category models
 * @since 0.1.0
 */
export interface LedgerEntry<A> {
  readonly value: A
  /** Bytes that count against the capacity. */
  readonly weight: number
  readonly kind: "Reflect" | "Ephemeral" | "Transactional"
  /** `Lobby`: the line is full, and whoever reflects waits for room. */
  readonly place: "Lobby" | "Line" | "Written" | "Done"
}

/**
 * One thing to write next, in this order.
 *
 * @category models
 * @since 0.1.0
 */
export type Drawn<A, T> =
  | { readonly _tag: "Reflect"; readonly reflectId: ReflectId; readonly entry: LedgerEntry<A> }
  | { readonly _tag: "Begin"; readonly transaction: T }
  | { readonly _tag: "Commit"; readonly transaction: T }

/**
 * What the end of a connection took with it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cut<A, T> {
  /** Ephemerals that were never written as far as is known, oldest first. */
  readonly ephemerals: ReadonlyArray<A>
  /** Reflects of a transaction that had no ack yet: they are never sent again singly. */
  readonly transactional: ReadonlyArray<A>
  /** Transactions whose Begin was never written. */
  readonly unbegun: ReadonlyArray<T>
}

interface Entry<A, T> extends LedgerEntry<A> {
  place: LedgerEntry<A>["place"]
  readonly lane: Lane<A, T>
  cancelled: boolean
  /** On the clock that was handed to `draw`. */
  writtenAt: number
}

type Item<A, T> = Entry<A, T> | Marker<T>

interface Marker<T> {
  readonly kind: "Begin" | "Commit"
  readonly transaction: T
  cancelled: boolean
}

class Lane<A, T> {
  readonly capacity: number
  /** What stands in line or was written and has no ack. */
  weight = 0
  readonly line = MutableList.make<Item<A, T>>()
  readonly lobby = MutableList.make<Entry<A, T>>()
  /** Entries that were cancelled since those in line and lobby were last looked through. */
  private cancelled = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** A single entry always fits an empty lane, however heavy. */
  hasRoom(weight: number): boolean {
    return this.weight === 0 || this.weight + weight <= this.capacity
  }

  /** Bytes that get into line at once, apart from what an empty lane takes; 0 while somebody waits for room. */
  get room(): number {
    return this.lobby.length > 0 ? 0 : Math.max(this.capacity - this.weight, 0)
  }

  offer(entry: Entry<A, T>): void {
    if (this.lobby.length === 0 && this.hasRoom(entry.weight)) this.admit(entry)
    else MutableList.append(this.lobby, entry)
  }

  admit(entry: Entry<A, T>): void {
    this.weight += entry.weight
    entry.place = "Line"
    MutableList.append(this.line, entry)
  }

  release(weight: number): void {
    this.weight -= weight
    while (this.lobby.length > 0) {
      const next = MutableList.toArrayN(this.lobby, 1)[0]!
      if (!next.cancelled && !this.hasRoom(next.weight)) return
      MutableList.take(this.lobby)
      if (!next.cancelled) this.admit(next)
    }
  }

  /** An entry in line or lobby was cancelled. While nothing is drawn, nobody else would let go of what it holds. */
  forget(): void {
    if (++this.cancelled * 2 <= this.line.length + this.lobby.length) return
    this.cancelled = 0
    MutableList.filter(this.line, (item) => !item.cancelled)
    MutableList.filter(this.lobby, (entry) => !entry.cancelled)
  }

  /** The next item that nobody cancelled, taken out. */
  next(): Item<A, T> | undefined {
    for (;;) {
      const item = MutableList.take(this.line)
      if (item === MutableList.Empty) return undefined
      if (!item.cancelled) return item
    }
  }
}

const isMarker = <A, T>(item: Item<A, T>): item is Marker<T> => item.kind === "Begin" || item.kind === "Commit"

/**
 * The reflects of one device, over all its connections.
 *
 * A reflect stands in line, is drawn to be written with the next reflect-id, and leaves with its ack; at the end of a
 * connection what has no ack goes back to the head of the line in its order (decision 22). An ephemeral leaves when it is
 * drawn, and is told of if no other draw comes before the end of the connection. Drawing a Begin shuts the line of everything
 * else until its Commit has been drawn or it was rejected.
 *
 * ```text
 *   reflect ──► lobby ──► line ──draw──► written ──ack──► done
 *               (full)     ▲                 │
 *                          └──────cut────────┘
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export class ReflectionLedger<A, T> {
  private readonly capacity: number
  private readonly ordinary: Lane<A, T>
  private transactional: Lane<A, T> | undefined
  /** A transaction whose Begin was drawn and has not been handed to the connection. */
  private drawnBegin: T | undefined
  /** Ephemerals of the latest draw, which are not known to be written. */
  private drawnEphemerals: Array<A> = []
  private readonly written = new WrittenReflects<Entry<A, T>>()
  private nextId: number
  private unacked = 0

  constructor(options: { readonly capacity: number; readonly firstReflectId?: number }) {
    this.capacity = options.capacity
    this.ordinary = new Lane(options.capacity)
    this.nextId = (options.firstReflectId ?? 1) >>> 0
  }

  /** Reflects outside transactions that have no ack yet, those that wait for room included. */
  get pending(): number {
    return this.unacked
  }

  /** Bytes in line and written, at most the capacity unless a single entry is larger. */
  get weight(): number {
    return this.ordinary.weight
  }

  /** Bytes that get into line at once, outside transactions or in the one that runs; 0 while others wait for room. */
  room(kind: "Reflect" | "Transactional"): number {
    return (kind === "Reflect" ? this.ordinary.room : this.transactional?.room) ?? this.capacity
  }

  /** How much `draw` may have to give, what was cancelled included. */
  get inLine(): number {
    return (this.transactional ?? this.ordinary).line.length
  }

  /** Whether a Begin was drawn and its Commit was not. */
  get inTransaction(): boolean {
    return this.transactional !== undefined
  }

  /** Whether everything that the transaction reflected was acked. */
  get transactionDrained(): boolean {
    return this.transactional === undefined || this.transactional.weight === 0
  }

  /** When the reflect was written that has waited longest for its ack, or `undefined`. */
  get oldestWrittenAt(): number | undefined {
    return this.written.oldest?.writtenAt
  }

  /** Puts a reflect in line, or in the lobby while the line is full. */
  reflect(value: A, weight: number): LedgerEntry<A> {
    const entry = this.entry(this.ordinary, "Reflect", value, weight)
    this.unacked++
    this.ordinary.offer(entry)
    return entry
  }

  /** Puts an ephemeral in line; `false` while the line is full. */
  ephemeral(value: A, weight: number): boolean {
    if (this.ordinary.lobby.length > 0 || !this.ordinary.hasRoom(weight)) return false
    this.ordinary.admit(this.entry(this.ordinary, "Ephemeral", value, weight))
    return true
  }

  /** Gives a reflect up: it will not be written (again), and its ack is of no interest. */
  cancel(given: LedgerEntry<A>): void {
    const entry = given as Entry<A, T>
    if (entry.cancelled || entry.place === "Done") return
    entry.cancelled = true
    if (entry.kind === "Reflect") this.unacked--
    // A written one still has an ack to come, which must be known when it does.
    if (entry.place === "Written") return
    entry.lane.release(entry.place === "Line" ? entry.weight : 0)
    entry.lane.forget()
  }

  /** Puts a Begin in line, behind what was reflected before it. The result takes it out again while it is in line. */
  begin(transaction: T): () => void {
    const marker: Marker<T> = { kind: "Begin", transaction, cancelled: false }
    MutableList.append(this.ordinary.line, marker)
    return () => {
      marker.cancelled = true
    }
  }

  /** The drawn Begin is handed to the connection: from here on the mediator may answer it. */
  beginWritten(): void {
    this.drawnBegin = undefined
  }

  /** The drawn Begin was rejected: the line moves on. */
  rejected(): void {
    this.transactional = undefined
  }

  /** Puts a reflect of the transaction in line; only between the draws of Begin and Commit. */
  reflectInTransaction(value: A, weight: number): LedgerEntry<A> {
    const lane = this.transactional ?? new Lane<A, T>(this.capacity)
    const entry = this.entry(lane, "Transactional", value, weight)
    lane.offer(entry)
    return entry
  }

  /** Ends the transaction with a Commit; what it reflected must have been acked. */
  commit(transaction: T): void {
    const lane = this.transactional
    if (lane !== undefined) MutableList.append(lane.line, { kind: "Commit", transaction, cancelled: false })
  }

  /**
   * Takes at most `count` things to write, and no more behind those that weigh `bytes`, nor while the oldest one without an
   * ack is 65 536 ids behind. `now` is what `oldestWrittenAt` will tell of them. Ephemerals that were drawn before count as
   * written from here on.
   */
  draw(now: number, count: number, bytes = Infinity): Array<Drawn<A, T>> {
    const drawn: Array<Drawn<A, T>> = []
    if (this.drawnEphemerals.length > 0) this.drawnEphemerals = []
    for (let weight = 0; drawn.length < count && weight < bytes && this.written.hasRoomFor(this.nextId);) {
      const item = (this.transactional ?? this.ordinary).next()
      if (item === undefined) break
      if (isMarker(item)) {
        this.transactional = item.kind === "Begin" ? new Lane(this.capacity) : undefined
        if (item.kind === "Begin") this.drawnBegin = item.transaction
        drawn.push({ _tag: item.kind, transaction: item.transaction })
        continue
      }
      weight += item.weight
      const reflectId = this.nextId as ReflectId
      this.nextId = (reflectId + 1) >>> 0
      drawn.push({ _tag: "Reflect", reflectId, entry: item })
      if (item.kind === "Ephemeral") {
        item.place = "Done"
        item.lane.release(item.weight)
        this.drawnEphemerals.push(item.value)
        continue
      }
      item.place = "Written"
      item.writtenAt = now
      this.written.add(reflectId, item)
    }
    return drawn
  }

  /** Settles a reflect, in any order. `"Cancelled"` was given up before, `undefined` was never written here. */
  ack(reflectId: number): LedgerEntry<A> | "Cancelled" | undefined {
    const entry = this.written.take(reflectId)
    if (entry === undefined) return undefined
    entry.place = "Done"
    if (entry.kind === "Reflect" && !entry.cancelled) this.unacked--
    entry.lane.release(entry.weight)
    return entry.cancelled ? "Cancelled" : entry
  }

  /** The connection has ended: what has no ack stands at the head of the line again, in its order. */
  cut(): Cut<A, T> {
    const ephemerals = this.drawnEphemerals
    this.drawnEphemerals = []
    const transactional: Array<A> = []
    const unbegun: Array<T> = this.drawnBegin === undefined ? [] : [this.drawnBegin]
    this.drawnBegin = undefined
    const again: Array<Item<A, T>> = []
    let freed = 0
    const lost = (entry: Entry<A, T>) => {
      if (!entry.cancelled) transactional.push(entry.value)
      entry.cancelled = true
      entry.place = "Done"
    }
    for (const entry of this.written.takeAll()) {
      if (entry.kind === "Transactional") lost(entry)
      else if (entry.cancelled) freed += entry.weight
      else {
        entry.place = "Line"
        again.push(entry)
      }
    }
    if (this.transactional !== undefined) {
      for (const item of MutableList.takeAll(this.transactional.line)) if (!isMarker(item)) lost(item)
      for (const entry of MutableList.takeAll(this.transactional.lobby)) lost(entry)
      this.transactional = undefined
    }
    for (const item of MutableList.takeAll(this.ordinary.line)) {
      if (item.cancelled) continue
      if (isMarker(item)) unbegun.push(item.transaction)
      else if (item.kind === "Ephemeral") {
        item.place = "Done"
        freed += item.weight
        ephemerals.push(item.value)
      } else again.push(item)
    }
    MutableList.appendAll(this.ordinary.line, again)
    this.ordinary.release(freed)
    return { ephemerals, transactional, unbegun }
  }

  /** Gives everything up, and tells in order which reflects outside transactions had no ack. */
  stop(): ReadonlyArray<A> {
    this.cut()
    const left: Array<A> = []
    const waiting = [...MutableList.takeAll(this.ordinary.line), ...MutableList.takeAll(this.ordinary.lobby)]
    for (const item of waiting) {
      if (isMarker(item) || item.cancelled) continue
      item.cancelled = true
      item.place = "Done"
      left.push(item.value)
    }
    this.ordinary.weight = 0
    this.unacked = 0
    return left
  }

  private entry(lane: Lane<A, T>, kind: LedgerEntry<A>["kind"], value: A, weight: number): Entry<A, T> {
    return { value, weight, kind, place: "Lobby", lane, cancelled: false, writtenAt: 0 }
  }
}
