/**
 * Whether what a schedule is known to show can be seen again in another run of it.
 *
 * Owns what is said when it cannot: without its program, or the oracle that objected, a failure that is still there would
 * pass for one that is mended.
 *
 * @since 0.1.0
 */
import { judgesOf, programOracle, type RunOptions } from "./Run.ts"
import type { Schedule } from "./Schedule.ts"

/**
 * Why a run with these options cannot show what the schedule's first run has shown, and what to do; nothing when it can.
 * A planted bug is not looked at.
 *
 * @category getters
 * @since 0.1.0
 */
export const whyNotReplayable = (
  { program, violates }: Schedule,
  options: Pick<RunOptions, "oracles" | "program"> = {}
): string | undefined => {
  if (options.program === undefined && (program === true || violates?.oracle === programOracle)) {
    return "it is of a run with a program, which is not given: it.replay(name, file, program) of @d2m/simulation/vitest runs it with one"
  }
  if (violates === undefined || judgesOf(options).includes(violates.oracle)) return undefined
  return `no oracle of this run has the name of the one that has objected, ${violates.oracle}: it.replay(name, file, program, { oracles }) of @d2m/simulation/vitest runs it with oracles of one's own`
}
