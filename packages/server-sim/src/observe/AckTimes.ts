/**
 * When the reflects came in whose acks wait in a connection's outbox.
 *
 * Owns a queue of times in the order of the acks. Reflects that came in together share an entry, so that the usual queue
 * is one entry that is written over and over.
 *
 * @since 0.1.0
 */

interface Entry {
  /** In seconds. */
  at: number
  /** Acks that still wait. */
  count: number
}

/** The times of one connection: the first entry, and those behind it. */
export interface AckTimes extends Entry {
  readonly later: Array<Entry>
}

/** No ack waits. */
export const noAckTimes = (): AckTimes => ({ at: 0, count: 0, later: [] })

/** One more ack waits, of a reflect that came in at this time. */
export const pushAck = (times: AckTimes, at: number): void => {
  const { later } = times
  const last = later.length === 0 ? times : later[later.length - 1]!
  if (last.count > 0 && last.at !== at) {
    later.push({ at, count: 1 })
  } else {
    last.at = at
    last.count++
  }
}

/** So many acks wait no more. `each` gets when their reflects came in, and how many came in then. */
export const shiftAcks = (times: AckTimes, acks: number, each: (at: number, count: number) => void): void => {
  let left = acks
  while (left > 0 && times.count > 0) {
    const count = Math.min(left, times.count)
    each(times.at, count)
    left -= count
    times.count -= count
    if (times.count > 0) return
    const next = times.later.length === 0 ? undefined : times.later.shift()
    if (next !== undefined) Object.assign(times, next)
  }
}
