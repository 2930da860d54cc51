/**
 * A histogram of durations, as cheap as an array access.
 *
 * Owns the buckets. What it counts is reported when metrics are read, as the state of an Effect `Metric.histogram`.
 *
 * @since 0.1.0
 */
import type { Metric } from "effect"

/** Upper bounds in seconds: from a store in memory to a disk that is about to die. */
export const boundaries: ReadonlyArray<number> = [
  0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10
]

/** Durations, counted by size. */
export interface Histogram {
  /** Counts `times` durations of the same length, in seconds. */
  readonly observe: (seconds: number, times: number) => void
  readonly state: () => Metric.HistogramState
}

/** A histogram that has counted nothing. */
export const makeHistogram = (): Histogram => {
  const counts = new Float64Array(boundaries.length + 1)
  let count = 0
  let sum = 0
  let min = Number.MAX_VALUE
  let max = -Number.MAX_VALUE
  return {
    observe: (seconds, times) => {
      let bucket = 0
      while (bucket < boundaries.length && seconds > boundaries[bucket]!) bucket++
      counts[bucket]! += times
      count += times
      sum += seconds * times
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
