/**
 * A histogram of durations, as cheap as an array access.
 * Owns the buckets; what it counts is read as the state of an Effect `Metric.histogram`.
 * Leaves its name to `Metrics`.
 */
import type { Metric } from "effect"

/**
 * Upper bounds in seconds: from a mediator in the same process to a wait of minutes.
 *
 * @internal
 */
export const boundaries: ReadonlyArray<number> = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300
]

/**
 * Durations, counted by size.
 *
 * @internal
 */
export interface Histogram {
  /** Counts a duration in seconds. */
  readonly observe: (seconds: number) => void
  readonly state: () => Metric.HistogramState
}

/** @internal */
export const makeHistogram = (): Histogram => {
  const counts = new Float64Array(boundaries.length + 1)
  let count = 0
  let sum = 0
  let min = Number.MAX_VALUE
  let max = -Number.MAX_VALUE
  return {
    observe: (seconds) => {
      let bucket = 0
      while (bucket < boundaries.length && seconds > boundaries[bucket]!) bucket++
      counts[bucket]!++
      count++
      sum += seconds
      if (seconds < min) min = seconds
      if (seconds > max) max = seconds
    },
    state: () => {
      let cumulated = 0
      const buckets = boundaries.map((boundary, index): [number, number] => [boundary, (cumulated += counts[index]!)])
      return { buckets, count, sum, min, max }
    }
  }
}
