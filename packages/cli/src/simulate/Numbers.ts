/**
 * Numbers as people read them.
 *
 * @since 0.1.0
 */

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000]
] as const

/** A duration in ms with two or three digits and its unit: `3.4 h`, `12 s`. */
export const durationText = (millis: number): string => {
  const [unit, size] = units.find(([, size]) => millis >= size) ?? units[3]
  const value = millis / size
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`
}

/** A whole number in groups of three. */
export const countText = (count: number): string => String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, " ")
