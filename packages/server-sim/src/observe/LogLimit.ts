/**
 * How many lines of the log clients can cause.
 *
 * Owns the limits and the count of what was left out. Whoever has a key of their own is let in as often as they like, with as
 * many groups as they like: a group has so many lines, all groups of an address have so many, and all of them together.
 *
 * @since 0.1.0
 */
import type { GroupKey } from "../StoreCommand.ts"
import type { ObservedConnection } from "./Observer.ts"
import { makeBucket, makeBuckets, type Rate, take } from "../TokenBucket.ts"

/** Some dozens of connections with all that is told of them. */
const ofGroup: Rate = { burst: 60, perMinute: 60 }

/** All the devices behind an address, a few times over. */
const ofAddress: Rate = { burst: 600, perMinute: 300 }

/** A restart with some thousand devices; then 50 a second, some 15 KB. */
const ofAll: Rate = { burst: 5_000, perMinute: 3_000 }

/** Groups and addresses whose lines are counted; of one that is forgotten as many may come anew, within those of all. */
const counted = 10_000

/** Decides line by line. */
export interface LogLimit {
  /** A device has registered: what its group does from now on is laid to its address. */
  readonly registered: (connection: ObservedConnection) => void
  /** Whether a line about this group may be written, at this time in ms; if not, it is counted by its message. */
  readonly allows: (groupKey: GroupKey, message: string, now: number) => boolean
  /** What was left out since it was last asked, by message; nothing if nothing was. */
  readonly leftOut: () => Readonly<Record<string, number>> | undefined
}

/** No lines yet, at this time. */
export const makeLogLimit = (now: number): LogLimit => {
  const groups = makeBuckets(ofGroup, counted)
  const addresses = makeBuckets(ofAddress, counted)
  const origins = new Map<GroupKey, string>()
  const all = makeBucket(ofAll, now)
  let counts: Record<string, number> = {}

  const isWithinOwn = (groupKey: GroupKey, origin: string | undefined, now: number): boolean =>
    groups.wait(groupKey, now) === 0 && (origin === undefined || addresses.wait(origin, now) === 0)

  return {
    registered: ({ groupKey, origin }) => {
      origins.delete(groupKey)
      if (origin === undefined) return
      origins.set(groupKey, origin)
      if (origins.size > counted) origins.delete(origins.keys().next().value!)
    },
    allows: (groupKey, message, now) => {
      const origin = origins.get(groupKey)
      if (isWithinOwn(groupKey, origin, now) && take(all, ofAll, now)) {
        groups.take(groupKey, now)
        if (origin !== undefined) addresses.take(origin, now)
        return true
      }
      counts[message] = (counts[message] ?? 0) + 1
      return false
    },
    leftOut: () => {
      if (Object.keys(counts).length === 0) return undefined
      const told = counts
      counts = {}
      return told
    }
  }
}
