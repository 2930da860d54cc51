/**
 * Looks for a seed under which the oracles find something wrong.
 *
 * Owns the order of tries and what counts as a kill. Knows nothing of mutants: it hunts in the program as it was loaded,
 * which `node/Planted` sees to. A hunt in the program as it is is the control: it must come home with nothing.
 *
 * @since 0.1.0
 */
import { attemptOf, type HuntingGround, huntingGrounds } from "./HuntingGround.ts"
import type { Violation } from "./Oracle.ts"
import { isEndless, run, type RunOptions } from "./Run.ts"
import type { Schedule } from "./Schedule.ts"

/**
 * Where to hunt, and for how long.
 *
 * @category models
 * @since 0.1.0
 */
export interface HuntOptions extends Pick<RunOptions, "oracles"> {
  /** The first try: 0 unless given. */
  readonly from?: number
  /** How many seeds are tried at most: 2000 unless given. */
  readonly seeds?: number
  /** {@link huntingGrounds} unless given. */
  readonly grounds?: ReadonlyArray<HuntingGround>
}

/**
 * How a hunt ended.
 *
 * - `Killed` a rule was broken; `seeds` were tried, the last of them shows it, and `schedule` is its run
 * - `Misplanted` the program does not even run: a name that is not there, a type that does not fit
 * - `Survived` all `seeds` were clean
 *
 * @category models
 * @since 0.1.0
 */
export type Hunted =
  | {
      readonly _tag: "Killed"
      readonly seeds: number
      readonly ground: string
      readonly violation: Violation
      readonly schedule: Schedule
    }
  | { readonly _tag: "Misplanted"; readonly found: string }
  | { readonly _tag: "Survived"; readonly seeds: number }

/** Seeds that are tried at most, unless told. */
const patience = 2_000

/** What a program throws that was not put together right. */
const misplanted = /^(?:ReferenceError|SyntaxError|TypeError)\b/

/**
 * Tries seeds until one shows that a rule is broken.
 *
 * @category running
 * @since 0.1.0
 */
export const hunt = (options: HuntOptions = {}): Hunted => {
  const { from = 0, grounds = huntingGrounds, oracles, seeds = patience } = options
  for (let tried = 0; tried < seeds; tried++) {
    const { ground, schedule } = attemptOf(from + tried, grounds)
    const { violation } = run(schedule, oracles === undefined ? {} : { oracles })
    // A run that was given up for its length proves nothing.
    if (violation === undefined || isEndless(violation)) continue
    if (violation.oracle === "defects" && misplanted.test(violation.found)) {
      return { _tag: "Misplanted", found: violation.found }
    }
    return { _tag: "Killed", seeds: tried + 1, ground: ground.name, violation, schedule }
  }
  return { _tag: "Survived", seeds }
}
