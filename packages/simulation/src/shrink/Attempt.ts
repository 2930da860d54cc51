/**
 * What a search asks of a schedule that is smaller or simpler: whether it still breaks the rule.
 *
 * @since 0.1.0
 */
import type { Schedule } from "../Schedule.ts"

/** Runs a candidate, and others of its kind that differ only in their seed, until one breaks the rule: that one, or none. */
export type Attempt = (candidate: Schedule, otherSeeds?: number) => Schedule | undefined
