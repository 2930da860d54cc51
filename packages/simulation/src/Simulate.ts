/**
 * Runs a program under one seed after the other, and tells of the first that fails.
 *
 * Owns the seeds, and what is found out about a failure before it is told: whether it comes again, and how little it takes.
 * What a program is, is `Program`'s; how a failure is told, `Failure`'s. `vitest` makes tests of programs.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { NotRepeated, NotReplayable, OutOfTime, SimulationFailed } from "./Failure.ts"
import { type LanesOptions, lanesText } from "./Lanes.ts"
import { type Program, type ProgramOptions, programRun, runProgram, unfitForProgram } from "./Program.ts"
import { programSchedule, type ProgramScheduleOptions } from "./ProgramSchedule.ts"
import { whyNotReplayable } from "./Replayable.ts"
import { isRepeated } from "./Repetition.ts"
import { isEndless, run, type RunOptions, type RunResult, runWithStacks } from "./Run.ts"
import { checked, type InvalidSchedule, type Schedule } from "./Schedule.ts"
import { shrink } from "./Shrink.ts"
import { outOfBounds } from "./SimulateBounds.ts"
import { Story } from "./Story.ts"
import { reportOf, Summary } from "./Summary.ts"

/**
 * Under which circumstances a program is run.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulateOptions extends ProgramOptions, ProgramScheduleOptions {
  /** How many seeds, one at least: 100 unless given. */
  readonly seeds?: number
  /** The first seed, which the others follow: 0 unless given. */
  readonly seed?: number
  /** Runs that may be spent on a small reproduction: 300 unless given, 0 for none. */
  readonly shrinkRuns?: number
  /**
   * How much is told of a run that fails: its end, and what happens around its faults, unless given; `full` is everything,
   * handshakes and all.
   */
  readonly story?: "brief" | "full"
}

const never = (): boolean => false

/** So much of a story fits an error. */
const brief: LanesOptions = { last: 60, around: 5 }

/** What is told of a run that broke a rule: first whether it does so again, and then how, with as little as it takes. */
const failureOf = (
  failed: RunResult,
  program: Program | undefined,
  options: SimulateOptions
): SimulationFailed | NotRepeated => {
  const runOptions = programRun(program, options)
  const { seed } = failed.schedule
  const { expected, found, oracle, rule } = failed.violation!
  const tell = (schedule: Schedule, bounds: Pick<RunOptions, "isOver"> = {}) => {
    const story = new Story()
    const witnesses = [...(runOptions.witnesses ?? []), story.see]
    return {
      story,
      told: runWithStacks(schedule, { ...runOptions, isOver: never, onLog: story.log, ...bounds, witnesses })
    }
  }
  const notRepeated = (first: RunResult, again: RunResult) =>
    new NotRepeated({
      seed,
      digest: first.digest,
      oracle,
      rule,
      found,
      expected,
      again: {
        digest: again.digest,
        ...(again.violation === undefined ? {} : { oracle: again.violation.oracle, rule: again.violation.rule })
      },
      schedule: { ...first.schedule, violates: { oracle, rule, digests: [first.digest, again.digest] } }
    })
  const { isOver = never, shrinkRuns = 300 } = options
  const second = tell(failed.schedule, { isOver })
  if (second.told.isComplete && !isRepeated(failed, second.told)) return notRepeated(failed, second.told)
  // Of a run that does not end, every smaller one takes as long.
  const isShrunk = shrinkRuns > 0 && !isEndless(failed.violation!) && !isOver()
  const shrunk = isShrunk ? shrink(failed.schedule, { ...runOptions, devices: false, runs: shrinkRuns }) : undefined
  // What is left is small: it is told to its end, even if time is over.
  const { story, told } = shrunk === undefined ? second : tell(shrunk.schedule)
  const violation = told.violation ?? failed.violation!
  if (shrunk !== undefined && !isRepeated(shrunk.result, told)) return notRepeated(shrunk.result, told)
  const whole = lanesText(story.entries, violation, { full: options.story === "full" })
  const shown = options.story === "full" ? whole : lanesText(story.entries, violation, brief)
  return new SimulationFailed({
    seed,
    digest: shrunk?.result.digest ?? failed.digest,
    oracle,
    rule,
    found: violation.found,
    expected,
    schedule: shrunk?.schedule ?? { ...failed.schedule, violates: { oracle, rule } },
    story: shown,
    isWhole: shown === whole,
    ...(violation.cause === undefined ? {} : { cause: violation.cause })
  })
}

const outOfTime = ({ elapsed, schedule, steps }: RunResult, clean: number): OutOfTime =>
  new OutOfTime({ seed: schedule.seed, clean, elapsed, steps })

/**
 * Runs a schedule again, and fails if an oracle objects, or the program if there is one: what a failure is replayed with.
 * Without a program, it runs as `d2m simulate` and `d2m replay` do. A schedule whose failure could not show here is refused
 * with {@link NotReplayable}: its program is not given, or not the oracle that objected, or a bug was planted in its run;
 * one with operations is refused with an {@link InvalidSchedule} where a program is given, which has no room in it.
 *
 * @category running
 * @since 0.1.0
 */
export const replay = (
  schedule: Schedule,
  program?: Program,
  options: SimulateOptions = {}
): Effect.Effect<RunResult, SimulationFailed | NotRepeated | OutOfTime | InvalidSchedule | NotReplayable> =>
  Effect.gen(function* () {
    const invalid = outOfBounds(options)
    if (invalid !== undefined) return yield* invalid
    yield* checked(schedule)
    const unfit = program === undefined ? undefined : unfitForProgram(schedule)
    if (unfit !== undefined) return yield* unfit
    const runOptions = programRun(program, options)
    const detail =
      schedule.mutant === undefined
        ? whyNotReplayable(schedule, runOptions)
        : `the bug ${schedule.mutant} was planted in its run, which d2m replay does again`
    if (detail !== undefined) return yield* new NotReplayable({ detail })
    const result = run(schedule, runOptions)
    if (result.violation !== undefined) {
      return yield* Effect.fail(failureOf(result, program, { ...options, shrinkRuns: 0 }))
    }
    if (!result.isComplete) return yield* Effect.fail(outOfTime(result, 0))
    return result
  })

/**
 * Runs a program in a world for each seed, one after the other, and fails with the first that fails, shrunk; with a
 * {@link NotRepeated} when it does not fail again, with {@link OutOfTime} when `isOver` said so before all seeds were run, or
 * with an {@link InvalidSchedule} when options, names or conditions are none that a world can have.
 *
 * @category running
 * @since 0.1.0
 */
export const simulate = (
  program: Program,
  options: SimulateOptions = {}
): Effect.Effect<Summary, SimulationFailed | NotRepeated | OutOfTime | InvalidSchedule> =>
  Effect.gen(function* () {
    const invalid = outOfBounds(options)
    if (invalid !== undefined) return yield* invalid
    const { seed: first = 0, seeds = 100 } = options
    const summary = new Summary()
    for (let seed = first; seed < first + seeds; seed++) {
      const schedule = yield* checked(programSchedule(seed, options))
      const result = runProgram(schedule, program, options)
      if (result.violation !== undefined) return yield* Effect.fail(failureOf(result, program, options))
      if (!result.isComplete) return yield* Effect.fail(outOfTime(result, summary.seeds))
      summary.add(reportOf(result))
      // Whoever waits, or wants to interrupt, gets a turn.
      yield* Effect.yieldNow
    }
    return summary
  })
