/**
 * The chance behind a fuzz run: sfc32, set anew for every frame, so that each can be made again alone.
 */

/** A source that can be set to any place of any run. */
export interface Prng {
  readonly reset: (seed: number, frame: number) => void
  /** Uniform in [0, n), for n up to 2^32. */
  readonly below: (n: number) => number
}

export const makePrng = (): Prng => {
  let a = 0
  let b = 0
  let c = 0
  let counter = 1
  const u32 = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return t >>> 0
  }
  return {
    reset: (seed, frame) => {
      a = frame | 0
      b = seed | 0
      c = Math.floor(frame / 0x1_0000_0000) ^ Math.imul(Math.floor(seed / 0x1_0000_0000), 0x9e3779b1)
      counter = 1
      // The first outputs still resemble what they were made from.
      for (let i = 0; i < 12; i++) u32()
    },
    below: (n) => Math.floor((u32() / 0x1_0000_0000) * n)
  }
}
