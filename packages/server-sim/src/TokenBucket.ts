/**
 * How often something may happen: so many times at once, and so many times a minute in the long run.
 *
 * Owns the arithmetic of one bucket and of a bounded number of them by name. Pure: the time comes in, in ms.
 *
 * @since 0.1.0
 */

const minute = 60_000

/** How often something may happen. */
export interface Rate {
  readonly burst: number
  readonly perMinute: number
}

/** What is left of a rate at a time. */
export interface TokenBucket {
  tokens: number
  at: number
}

/** A full bucket. */
export const makeBucket = (rate: Rate, now: number): TokenBucket => ({ tokens: rate.burst, at: now })

const refill = (bucket: TokenBucket, rate: Rate, now: number): void => {
  bucket.tokens = Math.min(rate.burst, bucket.tokens + ((now - bucket.at) * rate.perMinute) / minute)
  bucket.at = now
}

/** Takes a token; `false` if there is none. */
export const take = (bucket: TokenBucket, rate: Rate, now: number): boolean => {
  refill(bucket, rate, now)
  if (bucket.tokens < 1) return false
  bucket.tokens -= 1
  return true
}

/** A rate for each of many names. */
export interface TokenBuckets {
  /** Takes a token of this name, as far as there is one. */
  readonly take: (name: string, now: number) => void
  /** How long until there is a token of this name, in ms: 0 if there is one. */
  readonly wait: (name: string, now: number) => number
  /** Names that are remembered. */
  readonly size: () => number
}

/**
 * Buckets for at most `capacity` names. A bucket that would be full again is forgotten; if that is not enough, the one
 * that was taken from longest ago.
 */
export const makeBuckets = (rate: Rate, capacity: number): TokenBuckets => {
  // In the order in which they were last taken from.
  const buckets = new Map<string, TokenBucket>()
  const untilFull = (rate.burst * minute) / rate.perMinute

  const forget = (now: number): void => {
    for (const [name, bucket] of buckets) {
      if (buckets.size <= capacity && now - bucket.at < untilFull) return
      buckets.delete(name)
    }
  }

  return {
    take: (name, now) => {
      const bucket = buckets.get(name) ?? makeBucket(rate, now)
      take(bucket, rate, now)
      buckets.delete(name)
      buckets.set(name, bucket)
      forget(now)
    },
    wait: (name, now) => {
      const bucket = buckets.get(name)
      if (bucket === undefined) return 0
      const tokens = bucket.tokens + ((now - bucket.at) * rate.perMinute) / minute
      return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * minute) / rate.perMinute)
    },
    size: () => buckets.size
  }
}
