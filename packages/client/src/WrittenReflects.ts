/**
 * The reflects that were written and have no ack, in the order of their reflect-ids.
 *
 * Owns how far ids may run ahead of the oldest that has no ack: so no id can meet itself behind the wrap, and memory is
 * bounded though a mediator leaves one ack out. What an entry is, and what an ack means, is the ledger's.
 *
 * A ring, and no `Map`: a `Map` that reflects go through is moved to a new table again and again, and an old table points to
 * the next. Once one of them has got into the old generation, every reflect is kept until the next full collection.
 */

const leastSlots = 16

const noEntries = <A>(slots: number): Array<A | undefined> => Array.from({ length: slots }, () => undefined)

/** @internal */
export class WrittenReflects<A> {
  /** By reflect-id, modulo their number, which is a power of two. */
  private slots = noEntries<A>(leastSlots)
  /** Meaningful while `span` is not 0: then it has an entry. */
  private firstId = 0
  /** Ids from the first one to the last one, those that have no entry included. */
  private span = 0

  /** The one that has waited longest. */
  get oldest(): A | undefined {
    return this.span === 0 ? undefined : this.at(this.firstId)
  }

  /** Whether this id, which is the next, is near enough to the oldest one without an ack. */
  hasRoomFor(reflectId: number): boolean {
    return this.span === 0 || (reflectId - this.firstId) >>> 0 < WrittenReflects.window
  }

  /** Adds an entry behind all others; there must be room. Ids are 32 bits wide, and 0 follows 0xFFFFFFFF. */
  add(reflectId: number, entry: A): void {
    if (this.span === 0) this.firstId = reflectId
    this.span = ((reflectId - this.firstId) >>> 0) + 1
    while (this.span > this.slots.length) this.grow()
    this.slots[reflectId & (this.slots.length - 1)] = entry
  }

  /** Takes an entry out; `undefined` if there is none (any more). */
  take(reflectId: number): A | undefined {
    if ((reflectId - this.firstId) >>> 0 >= this.span) return undefined
    const entry = this.at(reflectId)
    this.slots[reflectId & (this.slots.length - 1)] = undefined
    while (this.span > 0 && this.at(this.firstId) === undefined) {
      this.firstId = (this.firstId + 1) >>> 0
      this.span--
    }
    return entry
  }

  /** Takes all entries out, oldest first. */
  takeAll(): Array<A> {
    const entries: Array<A> = []
    for (let offset = 0; offset < this.span; offset++) {
      const entry = this.at(this.firstId + offset)
      if (entry !== undefined) entries.push(entry)
    }
    this.span = 0
    this.slots = noEntries(leastSlots)
    return entries
  }

  private at(reflectId: number): A | undefined {
    return this.slots[reflectId & (this.slots.length - 1)]
  }

  private grow(): void {
    const { firstId, slots } = this
    this.slots = noEntries(slots.length * 2)
    for (let offset = 0; offset < slots.length; offset++) {
      const id = firstId + offset
      this.slots[id & (this.slots.length - 1)] = slots[id & (slots.length - 1)]
    }
  }

  /** So far, in ids, the last one may be from the first one. */
  static readonly window = 0x1_0000
}
