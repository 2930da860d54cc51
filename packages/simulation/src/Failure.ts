/**
 * How the simulation of a program fails, as typed errors whose messages tell all there is to know.
 *
 * Owns what such an error holds and its words. What is wrong is found out by `Simulate`.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { divergenceText } from "./Divergence.ts"
import { againText } from "./Repetition.ts"
import { Schedule } from "./Schedule.ts"
import { settingsText } from "./Settings.ts"

/** Which rule was broken, and how. */
const broken = {
  oracle: Schema.String,
  rule: Schema.String,
  found: Schema.String,
  expected: Schema.String
}

/**
 * A program failed under a seed, or an oracle objected. `schedule` shows it again; its message tells all there is to know.
 *
 * @category errors
 * @since 0.1.0
 */
export class SimulationFailed extends Schema.TaggedError<SimulationFailed>("@d2m/simulation/SimulationFailed")(
  "SimulationFailed",
  {
    /** Under which it came out first. */
    seed: Schema.Int,
    /** Of the run of `schedule`. */
    digest: Schema.String,
    ...broken,
    /** As small as it got; maybe under another seed. */
    schedule: Schedule,
    /** Its run in lanes. */
    story: Schema.String,
    /** Whether that is all of it, and not its end and what is around its faults. */
    isWhole: Schema.Boolean,
    /** What the program has failed with, if that was it. */
    cause: Schema.optionalKey(Schema.Defect())
  }
) {
  override get message(): string {
    const { faults, seed } = this.schedule
    return [
      `seed ${this.seed} broke a rule of ${this.oracle}: ${this.rule}`,
      `  digest    ${this.digest}${seed === this.seed ? "" : `, of what is left of it, under seed ${seed}`}`,
      faults.length === 0 ? "  faults    none needed" : "  faults",
      ...faults.map(({ at, fault }) => `    ${JSON.stringify({ at, fault })}`),
      ...settingsText(this.schedule),
      "",
      this.story,
      ...(this.isWhole ? [] : ["", 'told in full with  story: "full" among the options, or D2M_STORY=full for vitest'])
    ].join("\n")
  }
}

/** Where two runs part, as `Divergence` has it. */
const Parted = Schema.Struct({
  index: Schema.Int,
  before: Schema.Array(Schema.String),
  first: Schema.UndefinedOr(Schema.String),
  second: Schema.UndefinedOr(Schema.String)
})

/**
 * A run came out otherwise when it was run again, under the same seed: the program, an oracle or a handler takes something
 * from outside of the world. Found out of runs that break a rule, and of all where `verify` is among the options. There is
 * nothing to shrink; `schedule` is that of the seed.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotRepeated extends Schema.TaggedError<NotRepeated>("@d2m/simulation/NotRepeated")("NotRepeated", {
  seed: Schema.Int,
  /** Of the first run. */
  digest: Schema.String,
  /** The rule that it broke, if it broke one. */
  violation: Schema.optionalKey(Schema.Struct(broken)),
  /** The other run, and the rule that it broke, if it broke one. */
  again: Schema.Struct({
    digest: Schema.String,
    oracle: Schema.optionalKey(Schema.String),
    rule: Schema.optionalKey(Schema.String)
  }),
  /** The first event in which they differ; only where `verify` is among the options, and there is one. */
  divergence: Schema.optionalKey(Parted),
  /** Whether `verify` is among the options. */
  isVerified: Schema.Boolean,
  schedule: Schedule
}) {
  override get message(): string {
    const { again, digest, divergence, seed, violation } = this
    const broke = violation === undefined ? undefined : `broke a rule of ${violation.oracle}: ${violation.rule}`
    const otherwise =
      violation !== undefined
        ? `${broke}${againText(violation, again)}`
        : again.rule === undefined
          ? "did not run the same twice"
          : `broke no rule, and one of ${again.oracle} when it was run again: ${again.rule}`
    return [
      `seed ${seed} ${otherwise}`,
      ...(violation === undefined ? [] : [`  found     ${violation.found}`, `  expected  ${violation.expected}`]),
      `  digests   ${digest}, and ${again.digest} when it was run again`,
      "",
      ...(divergence === undefined
        ? [
            this.isVerified
              ? "no event was seen to differ: the verdict did, or what is left of the run once it was shrunk"
              : "with  verify: true  among the options, the event is named in which the runs of a seed part"
          ]
        : [divergenceText(divergence)]),
      "",
      "A world is the same again under its seed: what differs comes from outside of it, such as Date.now, Math.random, a",
      "promise, or what a program, a handler or an oracle remembers of the run before."
    ].join("\n")
  }
}

/**
 * Time was over, in the real world, before all seeds had been run, and nothing was found to be wrong until then.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutOfTime extends Schema.TaggedError<OutOfTime>("@d2m/simulation/OutOfTime")("OutOfTime", {
  /** Whose run was cut short. */
  seed: Schema.Int,
  /** How many seeds before it broke no rule. */
  clean: Schema.Int,
  /** Virtual ms that its world had lived for. */
  elapsed: Schema.Finite,
  /** Tasks that had been run in it. */
  steps: Schema.Int
}) {
  override get message(): string {
    const seeds = `${this.clean} ${this.clean === 1 ? "seed" : "seeds"}`
    const clean = `out of time in seed ${this.seed}, after ${seeds} in which no rule was broken:`
    if (this.steps === 0) {
      return [
        clean,
        "nothing had happened in its world yet.",
        "It is drawn and made as a whole: take a shorter duration, fewer devices, or a longer timeout."
      ].join("\n")
    }
    return [
      clean,
      `its world was ${(this.elapsed / 1000).toFixed(3)} s old after ${this.steps} steps.`,
      "Many steps without time to pass are a program that never ends; otherwise take fewer seeds, or a longer timeout."
    ].join("\n")
  }
}

/**
 * A schedule that cannot be read, or whose failure would not show again here: a bug was planted in its run, or a program
 * took part in it that is not given, or the oracle that objected to it is not.
 *
 * @category errors
 * @since 0.1.0
 */
export class ScheduleNotReplayable extends Schema.TaggedError<ScheduleNotReplayable>(
  "@d2m/simulation/ScheduleNotReplayable"
)("ScheduleNotReplayable", {
  /** Which of these, and what to do. */
  detail: Schema.String
}) {
  override get message(): string {
    return `cannot replay this schedule: ${this.detail}`
  }
}
