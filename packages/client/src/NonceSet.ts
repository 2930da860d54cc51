/**
 * Hashed nonces in memory, as many as a device ever sees: they are never forgotten.
 * Owns the table that finds them, 48 to 96 bytes a nonce and no object for it.
 * Leaves what a nonce on record means to the device.
 */

/** Bytes of a hashed nonce. */
const width = 32
const leastSlots = 64

/** @internal */
export class NonceSet {
  private bytes = new Uint8Array((leastSlots / 2) * width)
  /** For each slot the number of its nonce from 1, or 0, and the first word of the nonce: all else is far away in memory. */
  private slots = new Uint32Array(2 * leastSlots)
  private count = 0

  has(nonce: Uint8Array): boolean {
    return this.slots[this.find(nonce)] !== 0
  }

  /** `false` when it was there already. */
  add(nonce: Uint8Array): boolean {
    let slot = this.find(nonce)
    if (this.slots[slot] !== 0) return false
    if (this.count * width === this.bytes.length) {
      this.grow()
      slot = this.find(nonce)
    }
    this.bytes.set(nonce, this.count * width)
    this.slots[slot] = ++this.count
    this.slots[slot + 1] = wordOf(nonce)
    return true
  }

  /** Forgets all of them, and keeps the memory. */
  clear(): void {
    if (this.count > 0) this.slots.fill(0)
    this.count = 0
  }

  /** Copies of all of them, in the order they came. */
  toArray(): Array<Uint8Array> {
    return Array.from({ length: this.count }, (_, at) => this.bytes.slice(at * width, (at + 1) * width))
  }

  /** The slot of a nonce, or the free one where it belongs. Hashes are random already: their first word will do. */
  private find(nonce: Uint8Array): number {
    const { bytes, slots } = this
    const word = wordOf(nonce)
    for (let slot = homeOf(word, slots); ; slot = next(slot, slots)) {
      const number = slots[slot]!
      if (number === 0 || (slots[slot + 1] === word && isAt(bytes, (number - 1) * width, nonce))) return slot
    }
  }

  /** At most half of the slots are taken, so that a free one is near. */
  private grow(): void {
    const { bytes, slots } = this
    this.bytes = new Uint8Array(2 * bytes.length)
    this.bytes.set(bytes)
    this.slots = new Uint32Array(2 * slots.length)
    // In the order of the old slots, so that new ones are written in the order of memory, at two places.
    for (let old = 0; old < slots.length; old += 2) {
      if (slots[old] === 0) continue
      let slot = homeOf(slots[old + 1]!, this.slots)
      while (this.slots[slot] !== 0) slot = next(slot, this.slots)
      this.slots[slot] = slots[old]!
      this.slots[slot + 1] = slots[old + 1]!
    }
  }
}

const homeOf = (word: number, slots: Uint32Array): number => (word << 1) & (slots.length - 1)
const next = (slot: number, slots: Uint32Array): number => (slot + 2) & (slots.length - 1)

/** The first word, without a sign, as it is read back from the table. */
const wordOf = (nonce: Uint8Array): number =>
  (nonce[0]! | (nonce[1]! << 8) | (nonce[2]! << 16) | (nonce[3]! << 24)) >>> 0

/** From the end on: they begin alike. */
const isAt = (bytes: Uint8Array, at: number, nonce: Uint8Array): boolean => {
  for (let n = width - 1; n >= 0; n--) if (bytes[at + n] !== nonce[n]) return false
  return true
}
