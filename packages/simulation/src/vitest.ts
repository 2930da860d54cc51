/**
 * Simulations as tests of vitest: `it.simulate(name, program)`, `it.replay(name, file, program)` and
 * `it.replay(name, file)`, each with `skip`, `only`, `todo` and `fails`.
 *
 * Owns the tests, the file that a failure leaves, and the variables that a run can be steered with: `D2M_SEED` for one seed
 * alone, `D2M_SEEDS` for more or fewer of them, `D2M_STORY` for all of a failure's story. What is simulated is `Simulate`'s.
 *
 * @since 0.1.0
 */
import { millisOf } from "@d2m/codec"
import { type Duration, Effect, Schema } from "effect"
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import { it as base, type TestContext } from "vitest"
import { type InvalidSchedule, readSchedule } from "./CheckedSchedule.ts"
import { type NotRepeated, type OutOfTime, ScheduleNotReplayable, type SimulationFailed } from "./Failure.ts"
import { commandOf, fileNameOf, keep, replayOf, type TestPlace } from "./FailureFile.ts"
import { checkedBy } from "./IssueText.ts"
import type { Program } from "./Program.ts"
import { spanWhere } from "./Quantity.ts"
import { whyShowsNothing } from "./Replayable.ts"
import { type Schedule, ScheduleJson } from "./Schedule.ts"
import { replay, simulate, type SimulateOptions } from "./Simulate.ts"
import { InvalidSimulateOptions } from "./SimulateBounds.ts"

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
   * The real time that the test may take: 2 minutes unless given, and 0 for no bound at all. A number is milliseconds. Runs and
   * shrinking end when nine tenths of it are over, so that there is time to tell what was found.
   */
  readonly timeout?: Duration.Input
}

/**
 * Makes a test, as vitest's `it` does.
 *
 * @category models
 * @since 0.1.0
 */
export interface MakeTest<Arguments extends ReadonlyArray<unknown>> {
  (name: string, ...test: Arguments): void
  /** A test that is not run. */
  readonly skip: (name: string, ...test: Arguments) => void
  /** A test beside which no other of its file is run that is not marked so too. */
  readonly only: (name: string, ...test: Arguments) => void
  /** The name of a test that is to be written, or to be made right: it is not run. */
  readonly todo: (name: string, ...test: Partial<Arguments>) => void
  /**
   * A failure that is known: the test passes as long as a rule is broken, and leaves no file. Options that are none, a run
   * that does not come out the same again, or no time left are told and do not count.
   */
  readonly fails: (name: string, ...test: Arguments) => void
}

/**
 * Makes tests of programs.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulateTests {
  /** A test that runs a program under many seeds, and fails with the first that fails, shrunk, with its story. */
  readonly simulate: MakeTest<[program: Program, options?: SimulateTestOptions]>
  /**
   * A test that runs a schedule once more: a file that such a test has left, with its program, or one of `d2m simulate`,
   * without. A file of a planted bug is refused: what it shows is seen with `d2m replay`. So is one whose program or oracle
   * is not given: its failure could not show. One that passes though none of its faults has acted logs a warning.
   */
  readonly replay: MakeTest<[failure: string | URL | Schedule, program?: Program, options?: SimulateTestOptions]>
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

/** How such a test may fail. */
type Failure =
  | SimulationFailed
  | NotRepeated
  | OutOfTime
  | InvalidSchedule
  | InvalidSimulateOptions
  | ScheduleNotReplayable

/** Ends the test with an error that says all there is to know. */
const leave = (failure: Failure, again = ""): never => {
  const cause = failure._tag === "SimulationFailed" ? failure.cause : undefined
  const error = new Error(`${failure.message}${again}`, cause === undefined ? {} : { cause })
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

const defaultTimeout = "2 minutes"

/** What is left of the time is for telling. */
const share = 0.9

const ownOptions = checkedBy(
  Schema.Struct({
    failures: Schema.optional(Schema.String),
    timeout: Schema.optional(spanWhere("a duration of 0 or more", (millis) => millis >= 0))
  })
)

/** The options of a test that begins now, those of the test itself taken out. */
const bounded = (options: SimulateTestOptions): Effect.Effect<SimulateOptions, InvalidSimulateOptions> => {
  const { failures, timeout = defaultTimeout, ...simulated } = options
  const { isOver = () => false } = simulated
  const millis = millisOf(timeout)
  const end = millis === 0 ? Infinity : performance.now() + share * millis
  return Effect.fromResult(ownOptions({ failures, timeout })).pipe(
    Effect.mapBoth({
      onFailure: (detail) => new InvalidSimulateOptions({ detail }),
      onSuccess: () => ({ ...simulated, isOver: () => performance.now() >= end || isOver() })
    })
  )
}

/** The ms that vitest gives a test; the default to one that will say that its own are none. */
const registeredFor = ({ timeout = defaultTimeout }: SimulateTestOptions): number => {
  const millis = millisOf(timeout)
  return Number.isNaN(millis) ? millisOf(defaultTimeout) : millis
}

/** What registers a test with vitest: `it`, or one of its modes. */
type Register = (
  name: string,
  options: { readonly timeout: number },
  body: (context: TestContext) => Promise<void>
) => void

/** How it is registered, and whether it is to fail. */
interface Mode {
  readonly register: Register
  readonly isToFail?: boolean
}

const make = (
  { isToFail = false, register }: Mode,
  name: string,
  options: SimulateTestOptions,
  body: (options: SimulateOptions) => Effect.Effect<unknown, Failure>,
  againOf: (failure: SimulationFailed | NotRepeated, test: TestPlace) => string
): void =>
  register(name, { timeout: registeredFor(options) }, ({ signal, task }) =>
    Effect.runPromise(
      Effect.flatMap(bounded(options), (simulated) => body(told(simulated))).pipe(
        Effect.catch((failure) => {
          // What is not the known failure must not pass for it.
          if (isToFail && failure._tag !== "SimulationFailed") return Effect.logError(failure.message)
          const isFound = failure._tag === "SimulationFailed" || failure._tag === "NotRepeated"
          return Effect.sync(() => leave(failure, isFound && !isToFail ? againOf(failure, task) : ""))
        }),
        Effect.asVoid
      ),
      { signal }
    )
  )

const simulateIn =
  (mode: Mode) =>
  (name: string, program: Program, options: SimulateTestOptions = {}): void =>
    make(
      mode,
      name,
      options,
      (simulated) => simulate(program, steered(simulated)),
      (failure, test) => `\n\n${againOf(failure, test, options)}`
    )

const replayIn =
  (mode: Mode) =>
  (name: string, failure: string | URL | Schedule, program?: Program, options: SimulateTestOptions = {}): void =>
    make(
      mode,
      name,
      options,
      (simulated) =>
        Effect.gen(function* () {
          const result = yield* replay(yield* scheduleOf(failure), program, simulated)
          const idle = whyShowsNothing(result)
          if (idle !== undefined) yield* Effect.logWarning(`${name}: ${idle}`)
        }),
      () => ""
    )

const inAllModes = <Arguments extends ReadonlyArray<unknown>>(
  testIn: (mode: Mode) => (name: string, ...test: Arguments) => void
): MakeTest<Arguments> =>
  Object.assign(testIn({ register: base }), {
    skip: testIn({ register: base.skip }),
    only: testIn({ register: base.only }),
    todo: (name: string, ..._test: Partial<Arguments>) => base.todo(name),
    fails: testIn({ register: base.fails, isToFail: true })
  })

const tests: SimulateTests = { simulate: inAllModes(simulateIn), replay: inAllModes(replayIn) }

/**
 * vitest's `it`, with `it.simulate` and `it.replay`.
 *
 * @category tests
 * @since 0.1.0
 */
export const it: typeof base & SimulateTests = Object.assign(base.extend({}), tests)
