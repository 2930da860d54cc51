/**
 * Simulations as tests of vitest: `it.simulate(name, program)`, `it.replay(name, file, program)` and
 * `it.replay(name, file)`.
 *
 * Owns the tests, the file that a failure leaves, and the variables that a run can be steered with: `D2M_SEED` for one seed
 * alone, `D2M_SEEDS` for more or fewer of them, `D2M_STORY` for all of a failure's story. What is simulated is `Simulate`'s.
 *
 * @since 0.1.0
 */
import { Effect, Schema } from "effect"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import { it as base } from "vitest"
import { readSchedule } from "./CheckedSchedule.ts"
import { type NotRepeated, ScheduleNotReplayable, type SimulationFailed } from "./Failure.ts"
import { commandOf, fileNameOf, keep, replayOf, type TestPlace } from "./FailureFile.ts"
import { type Schedule, ScheduleJson } from "./Schedule.ts"
import type { Program } from "./Program.ts"
import { replay, simulate, type SimulateOptions } from "./Simulate.ts"

/**
 * How a simulation is made a test.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulateTestOptions extends SimulateOptions {
  /**
   * Where `d2m-failure-<suites and name>-<seed>.json` is written: the working directory unless given. A file of that name
   * which says something else stays, and the name of the new one ends with a number.
   */
  readonly failures?: string
  /**
   * Real ms that the test may take: 2 minutes unless given. Runs and shrinking end when nine tenths of it are over, so that
   * there is time to tell what was found.
   */
  readonly timeout?: number
}

/**
 * Makes tests of programs.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulateTests {
  /** A test that runs a program under many seeds, and fails with the first that fails, shrunk, with its story. */
  readonly simulate: (name: string, program: Program, options?: SimulateTestOptions) => void
  /**
   * A test that runs a schedule once more: a file that such a test has left, with its program, or one of `d2m simulate`,
   * without. A file of a planted bug is refused: what it shows is seen with `d2m replay`. So is one whose program or oracle
   * is not given: its failure could not show.
   */
  readonly replay: (
    name: string,
    failure: string | URL | Schedule,
    program?: Program,
    options?: SimulateTestOptions
  ) => void
}

const numberOf = (name: string): number | undefined => {
  const text = process.env[name]
  if (text === undefined || text === "") return undefined
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`${name}=${text}: expected a whole number`)
  return number
}

const steered = (options: SimulateOptions): SimulateOptions => {
  const seed = numberOf("D2M_SEED")
  const seeds = numberOf("D2M_SEEDS")
  if (seed !== undefined) return { ...options, seed, seeds: seeds ?? 1 }
  return seeds === undefined ? options : { ...options, seeds }
}

/** With all of a story where that is asked for. */
const told = (options: SimulateOptions): SimulateOptions => {
  const story = process.env["D2M_STORY"]
  if (story === undefined || story === "") return options
  if (story !== "brief" && story !== "full") throw new Error(`D2M_STORY=${story}: expected brief or full`)
  return { ...options, story }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const encode = Schema.encodeSync(ScheduleJson)

/** Writes the file, and says in lines how to see the failure again, if that can be; or why there is no file. */
const againOf = (failure: SimulationFailed | NotRepeated, test: TestPlace, options: SimulateTestOptions): string => {
  const { failures: folder = "." } = options
  const name = fileNameOf(test, failure.seed)
  const seed = commandOf(test, failure.seed)
  const isRepeated = failure._tag === "SimulationFailed"
  const command = `${isRepeated ? "see" : "try"} it again with  ${seed}`
  try {
    const path = keep(folder, name, `${JSON.stringify(JSON.parse(encode(failure.schedule)), undefined, 2)}\n`)
    return `${command}\n${isRepeated ? `              or  ${replayOf(path, options)}` : `  its schedule is  ${path}`}`
  } catch (error) {
    return `${command}\ncannot write ${name}: ${messageOf(error)}`
  }
}

/** Ends the test with an error that says all there is to know. */
const leave = (failure: SimulationFailed | NotRepeated, test: TestPlace, options: SimulateTestOptions): never => {
  const again = againOf(failure, test, options)
  const cause = failure._tag === "SimulationFailed" ? failure.cause : undefined
  const error = new Error(`${failure.message}\n\n${again}`, cause === undefined ? {} : { cause })
  error.name = failure._tag
  // Where the simulation was written is in the test's name; where it was found out is of no interest.
  error.stack = `${error.name}: ${error.message}`
  throw error
}

const scheduleOf = (failure: string | URL | Schedule): Effect.Effect<Schedule, ScheduleNotReplayable> => {
  if (typeof failure !== "string" && !(failure instanceof URL)) return Effect.succeed(failure)
  const refused = (why: string) => new ScheduleNotReplayable({ detail: `${String(failure)}: ${why}` })
  return Effect.gen(function* () {
    const text = yield* Effect.try({
      try: () => Fs.readFileSync(failure instanceof URL ? fileURLToPath(failure) : failure, "utf8"),
      catch: (error) => refused(messageOf(error))
    })
    return yield* Effect.mapError(readSchedule(text), ({ detail }) => refused(detail))
  })
}

const defaultTimeout = 120_000

/** What is left of the time is for telling. */
const share = 0.9

/** The options of a test that begins now. */
const bounded = (options: SimulateTestOptions): SimulateOptions => {
  const { isOver = () => false, timeout = defaultTimeout } = options
  const end = performance.now() + share * timeout
  return { ...options, isOver: () => performance.now() >= end || isOver() }
}

const tests: SimulateTests = {
  simulate: (name, program, options = {}) => {
    base(name, { timeout: options.timeout ?? defaultTimeout }, ({ signal, task }) =>
      Effect.runPromise(
        simulate(program, steered(told(bounded(options)))).pipe(
          Effect.catchTag(["SimulationFailed", "NotRepeated"], (failure) =>
            Effect.sync(() => leave(failure, task, options))
          )
        ),
        { signal }
      ).then(() => undefined)
    )
  },
  replay: (name, failure, program, options = {}) => {
    base(name, { timeout: options.timeout ?? defaultTimeout }, ({ signal }) =>
      Effect.runPromise(
        Effect.flatMap(scheduleOf(failure), (schedule) => replay(schedule, program, told(bounded(options)))),
        { signal }
      ).then(() => undefined)
    )
  }
}

/**
 * vitest's `it`, with `it.simulate` and `it.replay`.
 *
 * @category tests
 * @since 0.1.0
 */
export const it: typeof base & SimulateTests = Object.assign(base.extend({}), tests)
