/**
 * Whether a run that broke a rule does so again.
 *
 * Owns what makes two runs of one schedule the same, and the words for a second run that was another one. Where two runs
 * part, event by event, is for `Divergence` to find.
 *
 * @since 0.1.0
 */
import type { RunResult } from "./Run.ts"
import type { Expectation } from "./Schedule.ts"

/**
 * Whether a second run was the same as the first, and broke the same rule.
 *
 * @category comparing
 * @since 0.1.0
 */
export const isRepeated = (
  first: Pick<RunResult, "digest" | "violation">,
  second: Pick<RunResult, "digest" | "violation">
): boolean =>
  first.digest === second.digest &&
  first.violation?.oracle === second.violation?.oracle &&
  first.violation?.rule === second.violation?.rule

/**
 * What is said of a second run that was not the same, after the rule that the first one broke.
 *
 * @category rendering
 * @since 0.1.0
 */
export const againText = (
  first: Pick<Expectation, "oracle" | "rule">,
  again: { readonly oracle?: string; readonly rule?: string }
): string => {
  if (again.rule === undefined) return ", and did not when it was run again"
  return again.oracle === first.oracle && again.rule === first.rule
    ? ", and did so in another way when it was run again"
    : `, and one of ${again.oracle} when it was run again: ${again.rule}`
}
