/**
 * Runs a program under one seed after the other, and tells of the first that fails.
 *
 * Owns the seeds, and what is found out about a failure before it is told: whether it comes again, and how little it takes.
 * What a program is, is `Program`'s; how a failure is told, `Failure`'s. `vitest` makes tests of programs.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { checked, type InvalidSchedule } from "./CheckedSchedule.ts"
import { compareTraces, traced } from "./Divergence.ts"
import { NotRepeated, ScheduleNotReplayable, OutOfTime, SimulationFailed } from "./Failure.ts"
import { type LanesOptions, lanesText } from "./Lanes.ts"
import type { Violation } from "./Oracle.ts"
import { type Program, type ProgramOptions, programRun, unfitForProgram } from "./Program.ts"
import { programSchedule, type ProgramScheduleOptions } from "./ProgramSchedule.ts"
import { whyNotReplayable } from "./Replayable.ts"
import { isRepeated } from "./Repetition.ts"
import { isEndless, run, type RunOptions, type RunResult, runWithStacks } from "./Run.ts"
import type { Schedule } from "./Schedule.ts"
import { shrink } from "./Shrink.ts"
import { type InvalidSimulateOptions, wrongOptions, wrongProgram } from "./SimulateBounds.ts"
import { Story } from "./Story.ts"
import { reportOf, Summary } from "./Summary.ts"
import { traceLine } from "./Trace.ts"
import type { Label } from "./Wording.ts"
import type { WorldEvent } from "./WorldEvent.ts"

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
  /** What stories say of a content, in a word or two: the number of an `outgoingMessage` unless given, and of others nothing. */
  readonly label?: Label
  /**
   * Whether every seed is run twice, which must come to the same, event by event: not unless given. What a program takes
   * from outside of the world shows like this before a failure does that will not come again.
   */
  readonly verify?: boolean
}

const never = (): boolean => false

/** So much of a story fits an error. */
const brief: LanesOptions = { last: 60, around: 5 }

/** A run, and its trace where runs are verified. */
interface Attempt {
  readonly result: RunResult
  readonly trace: ReadonlyArray<string>
}

/** Says of two runs of a schedule that they were not the same. */
const notRepeated = (first: Attempt, again: Attempt, { verify = false }: SimulateOptions): NotRepeated => {
  const { digest, schedule, violation } = first.result
  const { digest: otherDigest, violation: other } = again.result
  const divergence = compareTraces(first.trace, again.trace)
  const digests = [digest, otherDigest] as const
  return new NotRepeated({
    seed: schedule.seed,
    digest,
    ...(violation === undefined ? {} : { violation: brokenBy(violation) }),
    again: { digest: otherDigest, ...(other === undefined ? {} : { oracle: other.oracle, rule: other.rule }) },
    ...(divergence === undefined ? {} : { divergence }),
    isVerified: verify,
    schedule:
      violation === undefined
        ? schedule
        : { ...schedule, violates: { oracle: violation.oracle, rule: violation.rule, digests } }
  })
}

const brokenBy = ({ expected, found, oracle, rule }: Violation) => ({ oracle, rule, found, expected })

/** What is told of a run that broke a rule: first whether it does so again, and then how, with as little as it takes. */
const failureOf = (
  first: Attempt,
  violated: Violation,
  program: Program | undefined,
  options: SimulateOptions
): SimulationFailed | NotRepeated => {
  const runOptions = programRun(program, options)
  const { digest, schedule } = first.result
  const { expected, oracle, rule } = violated
  const tell = (schedule: Schedule, bounds: Pick<RunOptions, "isOver"> = {}) => {
    const story = new Story(options.label)
    const trace: Array<string> = []
    const tracer = (event: WorldEvent) => trace.push(traceLine(event))
    const witnesses = [...(runOptions.witnesses ?? []), story.see, ...(options.verify === true ? [tracer] : [])]
    const result = runWithStacks(schedule, { ...runOptions, isOver: never, onLog: story.log, ...bounds, witnesses })
    return { story, result, trace }
  }
  const { isOver = never, shrinkRuns = 300 } = options
  const second = tell(schedule, { isOver })
  if (second.result.isComplete && !isRepeated(first.result, second.result)) return notRepeated(first, second, options)
  // Of a run that does not end, every smaller one takes as long.
  const isShrunk = shrinkRuns > 0 && !isEndless(violated) && !isOver()
  const shrunk = isShrunk ? shrink(schedule, { ...runOptions, devices: false, runs: shrinkRuns }) : undefined
  // What is left is small: it is told to its end, even if time is over.
  const { result: told, story } = shrunk === undefined ? second : tell(shrunk.schedule)
  const violation = told.violation ?? violated
  if (shrunk !== undefined && !isRepeated(shrunk.result, told)) {
    return notRepeated({ result: shrunk.result, trace: [] }, { result: told, trace: [] }, options)
  }
  const whole = lanesText(story.entries, violation, { full: options.story === "full" })
  const shown = options.story === "full" ? whole : lanesText(story.entries, violation, brief)
  return new SimulationFailed({
    seed: schedule.seed,
    digest: shrunk?.result.digest ?? digest,
    oracle,
    rule,
    found: violation.found,
    expected,
    schedule: shrunk?.schedule ?? { ...schedule, violates: { oracle, rule } },
    story: shown,
    isWhole: shown === whole,
    ...(violation.cause === undefined ? {} : { cause: violation.cause })
  })
}

const outOfTime = ({ elapsed, schedule, steps }: RunResult, clean: number): OutOfTime =>
  new OutOfTime({ seed: schedule.seed, clean, elapsed, steps })

/** Carries out a schedule, twice where runs are verified, and fails with what there is to tell of it. */
const judged = (
  schedule: Schedule,
  program: Program | undefined,
  clean: number,
  options: SimulateOptions
): Effect.Effect<RunResult, SimulationFailed | NotRepeated | OutOfTime> =>
  Effect.suspend((): ReturnType<typeof judged> => {
    const runOptions = programRun(program, options)
    const attempt = (): Attempt =>
      options.verify === true ? traced(schedule, runOptions) : { result: run(schedule, runOptions), trace: [] }
    const first = attempt()
    const { isComplete, violation } = first.result
    if (violation !== undefined) return Effect.fail(failureOf(first, violation, program, options))
    if (!isComplete) return Effect.fail(outOfTime(first.result, clean))
    if (options.verify !== true) return Effect.succeed(first.result)
    const second = attempt()
    if (!second.result.isComplete) return Effect.fail(outOfTime(second.result, clean))
    return isRepeated(first.result, second.result) && compareTraces(first.trace, second.trace) === undefined
      ? Effect.succeed(first.result)
      : Effect.fail(notRepeated(first, second, options))
  })

/**
 * Runs a schedule again, and fails if an oracle objects, or the program if there is one: what a failure is replayed with.
 * Without a program, it runs as `d2m simulate` and `d2m replay` do. A schedule whose failure could not show here is refused
 * with {@link ScheduleNotReplayable}: its program is not given, or not the oracle that objected, or a bug was planted in its run;
 * one with operations is refused with an {@link InvalidSchedule} where a program is given, which has no room in it. Where no rule
 * is broken any more, `whyShowsNothing` says whether that proves anything.
 *
 * @category running
 * @since 0.1.0
 */
export const replay = (
  schedule: Schedule,
  program?: Program,
  options: SimulateOptions = {}
): Effect.Effect<
  RunResult,
  SimulationFailed | NotRepeated | OutOfTime | InvalidSchedule | InvalidSimulateOptions | ScheduleNotReplayable
> =>
  Effect.gen(function* () {
    const invalid = wrongOptions(options) ?? (program === undefined ? undefined : wrongProgram(program))
    if (invalid !== undefined) return yield* invalid
    yield* checked(schedule)
    const unfit = program === undefined ? undefined : unfitForProgram(schedule)
    if (unfit !== undefined) return yield* unfit
    const runOptions = programRun(program, options)
    const detail =
      schedule.mutant === undefined
        ? whyNotReplayable(schedule, runOptions)
        : `the bug ${schedule.mutant} was planted in its run, which d2m replay does again`
    if (detail !== undefined) return yield* new ScheduleNotReplayable({ detail })
    return yield* judged(schedule, program, 0, { ...options, shrinkRuns: 0 })
  })

/**
 * Runs a program in a world for each seed, one after the other, and fails with the first that fails, shrunk; with a
 * {@link NotRepeated} when it does not come out the same again, with {@link OutOfTime} when `isOver` said so before all seeds were run, or
 * with an {@link InvalidSimulateOptions} when the options are none that a simulation can have, or the program is none.
 *
 * @category running
 * @since 0.1.0
 */
export const simulate = (
  program: Program,
  options: SimulateOptions = {}
): Effect.Effect<Summary, SimulationFailed | NotRepeated | OutOfTime | InvalidSimulateOptions> =>
  Effect.gen(function* () {
    const invalid = wrongProgram(program) ?? wrongOptions(options)
    if (invalid !== undefined) return yield* invalid
    const { seed: first = 0, seeds = 100 } = options
    const summary = new Summary()
    for (let seed = first; seed < first + seeds; seed++) {
      const schedule = programSchedule(seed, options)
      summary.add(reportOf(yield* judged(schedule, program, summary.seeds, options)))
      // Whoever waits, or wants to interrupt, gets a turn.
      yield* Effect.yieldNow
    }
    return summary
  })
