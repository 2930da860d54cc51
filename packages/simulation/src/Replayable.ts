/**
 * Whether what a schedule is known to show can be seen again in another run of it, and has been looked for.
 *
 * Owns what is said when it cannot: without its program, or the oracle that objected, a failure that is still there would
 * pass for one that is mended; and of a run that has come out well because nothing went wrong in it.
 *
 * @since 0.1.0
 */
import { judgesOf, programOracle, type RunOptions, type RunResult } from "./Run.ts"
import type { Schedule } from "./Schedule.ts"
import { faultName } from "./Tally.ts"
import { detailOf } from "./WorldFault.ts"

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

/**
 * What is to be said of a run that has broken no rule though its schedule is known to show one broken, when none of its faults
 * has acted: it says nothing of whether the failure is mended. Nothing where one has acted, or it took none.
 *
 * @category getters
 * @since 0.1.0
 */
export const whyShowsNothing = ({
  schedule: { faults, violates },
  tally,
  violation
}: Pick<RunResult, "schedule" | "tally" | "violation">): string | undefined => {
  if (violation !== undefined || violates === undefined || faults.length === 0) return undefined
  const names = faults.map(({ fault }) => faultName({ kind: fault._tag, detail: detailOf(fault) }))
  if (names.some((name) => tally.faults.has(name))) return undefined
  return `no rule is broken, and none of its faults has acted (${[...new Set(names)].join(", ")}): this run does not come by where ${violates.oracle} said "${violates.rule}" any more, and shows nothing of whether that is mended`
}
