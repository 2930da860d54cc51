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
  /** The words of `bytes`, to compare eight of them instead of 32 bytes. */
  private words = new Int32Array(this.bytes.buffer)
  /** For each slot the number of its nonce from 1, or 0. */
  private slots = new Uint32Array(leastSlots)
  private readonly probe = new Uint8Array(width)
  private readonly probeWords = new Int32Array(this.probe.buffer)
  private count = 0

  has(nonce: Uint8Array): boolean {
    this.probe.set(nonce)
    return this.slots[this.find()] !== 0
  }

  /** `false` when it was there already. */
  add(nonce: Uint8Array): boolean {
    this.probe.set(nonce)
    let slot = this.find()
    if (this.slots[slot] !== 0) return false
    if (this.count * width === this.bytes.length) {
      this.grow()
      slot = this.find()
    }
    this.bytes.set(this.probe, this.count * width)
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

  /** The slot of the probe, or the free one where it belongs. Hashes are random already: their first word will do. */
  private find(): number {
    const { probeWords, slots, words } = this
    const mask = slots.length - 1
    for (let slot = probeWords[0]! & mask; ; slot = (slot + 1) & mask) {
      const number = slots[slot]!
      if (number === 0 || sameWords(words, (number - 1) * (width / 4), probeWords)) return slot
    }
  }

  /** At most half of the slots are taken, so that a free one is near. */
  private grow(): void {
    const { bytes, count } = this
    this.bytes = new Uint8Array(2 * bytes.length)
    this.bytes.set(bytes)
    this.words = new Int32Array(this.bytes.buffer)
    const slots = new Uint32Array(2 * this.slots.length)
    const mask = slots.length - 1
    for (let number = 1; number <= count; number++) {
      let slot = this.words[(number - 1) * (width / 4)]! & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = number
    }
    this.slots = slots
  }
}

const sameWords = (words: Int32Array, at: number, probe: Int32Array): boolean => {
  for (let n = 0; n < probe.length; n++) if (words[at + n] !== probe[n]) return false
  return true
}
