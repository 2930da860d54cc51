/**
 * What came of many runs, in numbers.
 *
 * Owns the report of one run as plain data, which may cross a thread, and the sums over many. How it is printed is up to
 * whoever prints it.
 *
 * @since 0.1.0
 */
import type { Violation } from "./Oracle.ts"
import type { RunResult } from "./Run.ts"

/**
 * What is reported of one run.
 *
 * @category models
 * @since 0.1.0
 */
export interface SeedReport {
  readonly seed: number
  readonly digest: string
  readonly violation: Violation | undefined
  /** Whether boxes were sealed and opened by the real cryptography, which few seeds have. */
  readonly hasRealCrypto: boolean
  /** Virtual ms. */
  readonly elapsed: number
  readonly frames: number
  /** How often faults of each kind have acted. */
  readonly faults: ReadonlyArray<readonly [kind: string, count: number]>
  /** States that devices were in. */
  readonly states: ReadonlyArray<string>
  /** What came upon them in which state. */
  readonly pairs: ReadonlyArray<string>
}

/**
 * The report of a run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reportOf = ({ digest, elapsed, schedule, tally, violation }: RunResult): SeedReport => ({
  seed: schedule.seed,
  digest,
  violation,
  hasRealCrypto: schedule.conditions.crypto === "real",
  elapsed,
  frames: tally.frames,
  faults: [...tally.faults],
  states: [...tally.states],
  pairs: [...tally.pairs].flatMap(([state, events]) => Array.from(events, (event) => `${state} / ${event}`))
})

/**
 * The sums over many runs.
 *
 * @category models
 * @since 0.1.0
 */
export class Summary {
  seeds = 0
  /** How many of the seeds had the real cryptography. */
  realCrypto = 0
  /** Virtual ms. */
  elapsed = 0
  frames = 0
  /** The seeds whose runs broke a rule, in the order they came. */
  readonly failed: Array<number> = []
  readonly #faults = new Map<string, number>()
  readonly #states = new Set<string>()
  readonly #pairs = new Set<string>()

  add(report: SeedReport): void {
    this.seeds++
    if (report.hasRealCrypto) this.realCrypto++
    this.elapsed += report.elapsed
    this.frames += report.frames
    if (report.violation !== undefined) this.failed.push(report.seed)
    for (const [kind, count] of report.faults) this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + count)
    for (const state of report.states) this.#states.add(state)
    for (const pair of report.pairs) this.#pairs.add(pair)
  }

  /** How often faults of each kind have acted, in the order of their names. */
  get faults(): ReadonlyArray<readonly [kind: string, count: number]> {
    return [...this.#faults].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  /** How many states devices were in. */
  get states(): number {
    return this.#states.size
  }

  /** How many pairs of a state and what came upon a device in it. */
  get pairs(): number {
    return this.#pairs.size
  }
}
