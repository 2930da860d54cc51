/**
 * A seeded source of numbers that runs the same everywhere.
 *
 * sfc32: small, fast, and passes PractRand. Not for secrets.
 *
 * @since 0.1.0
 */

/**
 * A seeded source of numbers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Prng {
  /** Uniform in [0, 2^32). */
  readonly u32: () => number
  /** Uniform in [0, 1), with 32 bits. */
  readonly real: () => number
  /** Uniform in [0, n), for n up to 2^32. */
  readonly below: (n: number) => number
  /** Fills a new array. */
  readonly bytes: (length: number) => Uint8Array
  /** An independent source: drawing from it leaves this one as it is, whatever the label. */
  readonly fork: (label: string) => Prng
}

/**
 * A whole number from `minimum` to `maximum`, both included.
 *
 * @category drawing
 * @since 0.1.0
 */
export const between = (prng: Prng, minimum: number, maximum: number): number =>
  minimum + prng.below(maximum - minimum + 1)

/**
 * One of several, each as likely as the others; there must be one.
 *
 * @category drawing
 * @since 0.1.0
 */
export const pick = <A>(prng: Prng, from: ReadonlyArray<A>): A => from[prng.below(from.length)]!

/**
 * Whether something happens that does so that many times out of a hundred.
 *
 * @category drawing
 * @since 0.1.0
 */
export const chance = (prng: Prng, outOf100: number): boolean => prng.below(100) < outOf100

/** FNV-1a, to make words of a seed out of a label. */
const hash = (text: string, basis: number): number => {
  let h = basis
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}

const fromWords = (seed: readonly [number, number, number]): Prng => {
  let [a, b, c] = seed
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
  // The first outputs still resemble the seed.
  for (let i = 0; i < 12; i++) u32()
  return {
    u32,
    real: () => u32() / 0x1_0000_0000,
    below: (n) => Math.floor((u32() / 0x1_0000_0000) * n),
    bytes: (length) => {
      const out = new Uint8Array(length)
      for (let at = 0; at < length; at += 4) {
        const word = u32()
        for (let i = 0; i < 4 && at + i < length; i++) out[at + i] = word >>> (8 * i)
      }
      return out
    },
    fork: (label) => fromWords([seed[0] ^ hash(label, 0x811c9dc5), seed[1] ^ hash(label, 0x9e3779b9), seed[2]])
  }
}

/**
 * Makes a source from a seed: any safe integer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (seed: number): Prng => fromWords([seed >>> 0, Math.floor(seed / 0x1_0000_0000) >>> 0, 0x2545f491])
