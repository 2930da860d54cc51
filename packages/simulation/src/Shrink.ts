/**
 * Makes a small reproduction of a large one: a schedule with as little in it as still breaks the same rule.
 *
 * Owns the search and its budget, and which failures are the same. What can be taken out of a schedule is
 * `shrink/Removals`', what can be made simpler in it `shrink/Simplifications`'. A shorter schedule draws other random
 * numbers; so what does not break the rule any more is tried again under other seeds before it is given up.
 *
 * @since 0.1.0
 */
import type { Violation } from "./Oracle.ts"
import { programOracle, run, type RunOptions, type RunResult } from "./Run.ts"
import type { Schedule } from "./Schedule.ts"
import type { Attempt } from "./shrink/Attempt.ts"
import { cutAfter, removeAlone, removeMuch } from "./shrink/Removals.ts"
import { simplify } from "./shrink/Simplifications.ts"

/**
 * How a schedule is shrunk.
 *
 * @category models
 * @since 0.1.0
 */
export interface ShrinkOptions extends RunOptions {
  /** Runs after which the smallest so far has to do: 2000 unless given. */
  readonly runs?: number
  /** Whether devices may be taken away as well: they may unless given. A program that names them needs all of them. */
  readonly devices?: boolean
  /**
   * `true` ends the search, in the middle of a run if need be; only the first run, which shows what is to be shrunk, goes on
   * to its end. What is found then depends on when that was; what is found without a bound in time is always the same.
   */
  readonly isOver?: () => boolean
}

/**
 * The smallest reproduction that was found.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shrunk {
  /** Breaks the rule that its `violates` names. */
  readonly schedule: Schedule
  /** Its run. */
  readonly result: RunResult & { readonly violation: Violation }
  /** Runs that it took. */
  readonly runs: number
  /** Whether no operation, fault or device can be taken away any more without the rule being kept. */
  readonly isMinimal: boolean
}

/** How a failure is told from others: by its rule alone, or by what was found as well. */
type Signature = (violation: Violation) => string

/** All defects break the same rule: what was thrown tells one from the other. */
const byRule: Signature = ({ found, oracle, rule }) =>
  oracle === "defects" ? `${rule}: ${found.split("\n", 1)[0]}` : `${oracle}: ${rule}`

/**
 * All failures of a program break the same rule as well. What it fails with tells one from the other, but for the numbers in
 * it, which are hardly ever the same in a smaller world.
 */
const byFailure: Signature = (violation) => {
  const [line] = violation.found.split("\n", 1)
  return `${byRule(violation)}: ${line!.replace(/\d+/g, "")}`
}

/** The seed that is tried `index`th for a schedule, its own the zeroth. */
const seedOf = (seed: number, index: number): number => (index === 0 ? seed : (seed + index * 7919) % 2 ** 32)

/** Thrown to end a search, wherever it is: large schedules have more candidates than there is time to make. */
const exhausted = Symbol("exhausted")

/**
 * Shrinks a schedule whose run breaks a rule; nothing when it breaks none.
 *
 * @category shrinking
 * @since 0.1.0
 */
export const shrink = (schedule: Schedule, options: ShrinkOptions = {}): Shrunk | undefined => {
  const { devices = true, isOver = () => false, runs: mostRuns = 2_000, ...runOptions } = options
  let runs = 0
  const broken = (candidate: Schedule, runOptions: RunOptions): Shrunk["result"] | undefined => {
    runs++
    const result = run(candidate, runOptions)
    const { violation } = result
    return violation === undefined ? undefined : { ...result, violation }
  }

  const first = broken(schedule, runOptions)
  if (first === undefined) return undefined
  const { oracle, rule } = first.violation
  let best = first
  let smallest: Schedule = { ...schedule, violates: { oracle, rule } }
  /** Smaller ones that were found. */
  let steps = 0
  const search = (signature: Signature, mayGoOn: () => boolean): boolean => {
    const wanted = signature(first.violation)
    const known = new Set<string>()
    const attempt: Attempt = (candidate, otherSeeds = 0) => {
      if (!mayGoOn() || isOver()) throw exhausted
      const { seed, ...rest } = candidate
      const key = JSON.stringify(rest)
      for (let index = 0; index <= otherSeeds; index++) {
        const tried = { ...candidate, seed: seedOf(seed, index) }
        if (known.has(`${tried.seed} ${key}`)) continue
        if (!mayGoOn() || isOver()) throw exhausted
        known.add(`${tried.seed} ${key}`)
        const result = broken(tried, { ...runOptions, isOver })
        if (result === undefined || signature(result.violation) !== wanted) continue
        best = result
        smallest = tried
        steps++
        return tried
      }
      return undefined
    }
    try {
      attempt(cutAfter(smallest, first.elapsed, devices))
      removeMuch(smallest, attempt, devices)
      for (;;) {
        const before = smallest
        simplify(removeAlone(before, attempt, devices), attempt)
        if (smallest === before) return true
      }
    } catch (thrown) {
      if (thrown !== exhausted) throw thrown
      return false
    }
  }

  const isLeft = () => runs < mostRuns
  // What comes after the failure may go without anything else being said.
  const isSmaller = () => steps > 1
  let isMinimal =
    oracle === programOracle
      ? search(byFailure, () => isLeft() && (isSmaller() || runs < mostRuns / 2))
      : search(byRule, isLeft)
  // A program that says something else each time: whatever it says will do.
  if (oracle === programOracle && !isSmaller()) isMinimal = search(byRule, isLeft)
  return { schedule: smallest, result: { ...best, schedule: smallest }, runs, isMinimal }
}
