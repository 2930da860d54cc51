/**
 * What `d2m simulate` prints: a line a seed and a summary, for people or as JSON.
 *
 * Owns the wording and the names of the JSON. A seed's line is the same whenever and wherever it is run; real time stands
 * in the summary alone.
 *
 * @since 0.1.0
 */
import { Simulation, type Summary, type Violation } from "@d2m/simulation"
import type { Ran } from "./Messages.ts"
import { countText, durationText } from "./Numbers.ts"

const violationJson = ({ at, device, expected, found, oracle, rule }: Violation) => ({
  oracle,
  rule,
  ...(device === undefined ? {} : { device }),
  at: at - Simulation.newYear2026,
  found,
  expected
})

const againJson = ({ digest, violation }: NonNullable<Ran["again"]>) => ({
  digest,
  ...(violation === undefined ? {} : { violation: violationJson(violation) })
})

/** Whether a seed did what it should. */
export const isOk = ({ divergence, report }: Ran): boolean => report.violation === undefined && divergence === undefined

/** The JSON line of a seed. */
export const seedJson = (ran: Ran): string => {
  const { digest, seed, violation } = ran.report
  return JSON.stringify({
    seed,
    digest,
    ok: isOk(ran),
    ...(violation === undefined ? {} : { violation: violationJson(violation) }),
    ...(ran.again === undefined ? {} : { again: againJson(ran.again) }),
    ...(ran.divergence === undefined ? {} : { divergence: ran.divergence })
  })
}

/** What is summed up: the runs, how long they took, and whether all of them came to be run. */
export interface Outcome {
  readonly summary: Summary
  /** Seeds that broke a rule, or did not run the same twice. */
  readonly failed: ReadonlyArray<number>
  /** Real ms. */
  readonly millis: number
  /** Whether all seeds were run, or it was Ctrl-C that ended it, or an error that is told besides. */
  readonly ended: "Complete" | "Interrupted" | "Failed"
}

/** How much faster than the clock on the wall. */
const ratioOf = ({ millis, summary }: Outcome): number => summary.elapsed / Math.max(1, millis)

/** The JSON line that comes last. */
export const summaryJson = (outcome: Outcome): string => {
  const { ended, failed, millis, summary } = outcome
  return JSON.stringify({
    summary: true,
    ok: failed.length === 0 && ended === "Complete",
    seeds: summary.seeds,
    realCrypto: summary.realCrypto,
    failed,
    ...(ended === "Interrupted" ? { interrupted: true } : {}),
    ...(ended === "Failed" ? { incomplete: true } : {}),
    simulatedSeconds: summary.elapsed / 1000,
    realSeconds: millis / 1000,
    ratio: Math.round(ratioOf(outcome)),
    frames: summary.frames,
    faults: Object.fromEntries(summary.faults),
    states: summary.states,
    pairs: summary.pairs
  })
}

const verdicts: Readonly<Record<Outcome["ended"], string>> = {
  Complete: "ok",
  Interrupted: "interrupted",
  Failed: "incomplete"
}

/** The line that comes last, for people. */
export const summaryText = (outcome: Outcome): string => {
  const { ended, failed, millis, summary } = outcome
  const verdict = failed.length > 0 ? "FAILED" : verdicts[ended]
  const few = failed.slice(0, 10).join(" ")
  const bad =
    failed.length === 0 ? "" : `${countText(failed.length)} failed (${few}${failed.length > 10 ? " …" : ""}), `
  const faults = summary.faults.map(([kind, count]) => `${kind} ${countText(count)}`).join(", ")
  return [
    `${verdict}: ${bad}${countText(summary.seeds)} ${summary.seeds === 1 ? "seed" : "seeds"}`,
    `real cryptography in ${summary.realCrypto === 0 ? "none" : countText(summary.realCrypto)}`,
    `${durationText(summary.elapsed)} simulated in ${durationText(millis)} (${countText(ratioOf(outcome))} times real time)`,
    `${countText(summary.frames)} frames`,
    `${summary.states} states and ${countText(summary.pairs)} state x event pairs covered`,
    `faults fired: ${faults === "" ? "none" : faults}`
  ].join(", ")
}
