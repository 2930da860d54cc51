/**
 * The wire of one direction of a link: it takes things one after the other, no faster than its speed.
 *
 * Owns the speed, which may change while something is on the wire, and what waits to get onto it. When what the wire has
 * taken arrives is `LinkDirection`'s.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { Cancel, Forks } from "./Forks.ts"

/** What takes time on the wire. */
export interface Sized {
  /** Bytes. */
  readonly size: number
}

/** A wire for things of type `A`. */
export interface LinkWire<A extends Sized> {
  /** Puts these on the wire, behind everything before. */
  readonly put: (items: ReadonlyArray<A>) => void
  /** Limits the speed until the returned function is called; the lowest of several limits counts. */
  readonly slow: (bytesPerSecond: number) => Cancel
  /** Whether whatever is put on it is taken at once. */
  readonly isFree: () => boolean
  /** What is on the wire is lost. */
  readonly cut: () => void
}

/** A wire without a limit, which hands over what it has taken to `taken`. */
export const makeLinkWire = <A extends Sized>(options: {
  readonly forks: Forks
  readonly now: () => number
  readonly taken: (items: ReadonlyArray<A>) => void
}): LinkWire<A> => {
  const { forks, now, taken } = options
  const limits = new Set<{ readonly bytesPerSecond: number }>()
  let waiting: Array<A> = []
  /** Bytes of the first of them that the wire has not taken. */
  let left = 0
  /** The first of them goes onto the wire: since when, how fast, until when. */
  let writing: { readonly since: number; readonly bytesPerSecond: number; readonly until: number } | undefined
  let disarm: Cancel = () => {}

  const speed = (): number => {
    let lowest = Infinity
    for (const { bytesPerSecond } of limits) lowest = Math.min(lowest, bytesPerSecond)
    return lowest
  }

  /** Lets the wire take what it can. */
  const write = (): void => {
    if (writing !== undefined) return
    const bytesPerSecond = speed()
    const done: Array<A> = []
    let next = waiting[0]
    while (next !== undefined && (left === 0 || bytesPerSecond === Infinity)) {
      done.push(next)
      next = waiting[done.length]
      left = next?.size ?? 0
    }
    waiting = waiting.slice(done.length)
    if (next !== undefined) {
      const since = now()
      const wait = Math.ceil((left * 1000) / bytesPerSecond)
      writing = { since, bytesPerSecond, until: since + wait }
      disarm = forks.start(Effect.sleep(wait), goOn)
    }
    if (done.length > 0) taken(done)
  }

  /** Looks how far the wire has got, and goes on at the speed of now. */
  const goOn = (): void => {
    if (writing !== undefined) {
      const time = now()
      const written = ((time - writing.since) * writing.bytesPerSecond) / 1000
      left = time >= writing.until ? 0 : Math.max(0, left - written)
      writing = undefined
      disarm()
    }
    write()
  }

  return {
    put: (items) => {
      if (waiting.length === 0) left = items[0]?.size ?? 0
      for (const item of items) waiting.push(item)
      write()
    },
    slow: (bytesPerSecond) => {
      const limit = { bytesPerSecond }
      limits.add(limit)
      goOn()
      return () => {
        if (limits.delete(limit)) goOn()
      }
    },
    isFree: () => limits.size === 0 && waiting.length === 0,
    cut: () => {
      disarm()
      writing = undefined
      waiting = []
    }
  }
}
