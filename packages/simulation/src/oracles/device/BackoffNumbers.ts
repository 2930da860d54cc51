/**
 * The numbers of decision 26, as oracles know them: written down here, not asked of the client.
 *
 * @since 0.1.0
 */

/** What each failure in a row adds to the time before the next connection, and the most that it comes to, in ms. */
const base = 2_000
const cap = 60_000
/** By which share of it that time may be longer or shorter. */
const jitter = 0.2

/** Failures in a row after which the user is asked. */
export const mostFailures = 30

/** How long a connection must have been live for failures to start over, in ms. */
export const settledAfter = 30_000

/** The device counts in whole ms. */
export const rounding = 2

const delay = (failures: number): number => Math.min(Math.max(failures, 1) * base, cap)

/**
 * The shortest time before the next connection after so many failures in a row, in ms; `asked`: a server that refuses the
 * upgrade wants to be left alone for as long.
 */
export const shortest = (failures: number, asked = 0): number =>
  Math.max(delay(failures) * (1 - jitter), asked) - rounding

/** The longest time before it, in ms. */
export const longest = (failures: number, asked = 0): number =>
  Math.max(delay(failures) * (1 + jitter), asked) + rounding
