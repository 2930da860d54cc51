/**
 * Hashed nonces in memory, as many as a device ever sees: they are never forgotten.
 * Owns the table that finds them, about 45 bytes a nonce and no object for it.
 * Leaves what a nonce on record means to the device.
 */

/** Bytes of a hashed nonce. */
const width = 32
const leastSlots = 64

/** @internal */
export class NonceSet {
  private bytes = new Uint8Array((leastSlots / 2) * width)
  /** For each slot the number of its nonce from 1, or 0. */
  private slots = new Uint32Array(leastSlots)
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
    const mask = slots.length - 1
    for (let slot = wordOf(nonce, 0) & mask; ; slot = (slot + 1) & mask) {
      const number = slots[slot]!
      if (number === 0 || isAt(bytes, (number - 1) * width, nonce)) return slot
    }
  }

  /** At most half of the slots are taken, so that a free one is near. */
  private grow(): void {
    const { bytes, count } = this
    this.bytes = new Uint8Array(2 * bytes.length)
    this.bytes.set(bytes)
    const slots = new Uint32Array(2 * this.slots.length)
    const mask = slots.length - 1
    for (let number = 1; number <= count; number++) {
      let slot = wordOf(bytes, (number - 1) * width) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = number
    }
    this.slots = slots
  }
}

const wordOf = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

/** From the end on: nonces of neighbouring slots begin alike. */
const isAt = (bytes: Uint8Array, at: number, nonce: Uint8Array): boolean => {
  for (let n = width - 1; n >= 0; n--) if (bytes[at + n] !== nonce[n]) return false
  return true
}
