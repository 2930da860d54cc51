/**
 * Programs of one's own in a simulated world: an application on devices that keep together whatever goes wrong.
 *
 * Owns what such a program has in its hands, and the seeds it is run under. What goes wrong is drawn by `Swarm`; who does
 * what, and whether the outcome is right, is the program's; how that is told is `Failure`'s. `vitest` makes tests of
 * programs.
 *
 * @since 0.1.0
 */
import { Device } from "@d2m/client"
import { Deferred, Effect, type Exit, Option } from "effect"
import type { SecureRandom } from "effect/crypto"
import { NotRepeated, NotReplayable, OutOfTime, SimulationFailed } from "./Failure.ts"
import type { Fault } from "./Fault.ts"
import { noDevice, strikeFor } from "./Faults.ts"
import { lanesText } from "./Lanes.ts"
import type { OracleMaker } from "./Oracle.ts"
import { arrivals } from "./oracles/Arrivals.ts"
import { standardOracles } from "./oracles/index.ts"
import { isEndless, run, type RunOptions, type RunResult, type Stage } from "./Run.ts"
import {
  checked,
  checkedFault,
  type Conditions,
  type InvalidSchedule,
  largestGroup,
  type Schedule
} from "./Schedule.ts"
import { isRepeated } from "./Repetition.ts"
import { whyNotReplayable } from "./Replayable.ts"
import { shrink } from "./Shrink.ts"
import type { MessageHandler } from "./TroubledHandler.ts"
import { withinBounds } from "./SimulateBounds.ts"
import { Story } from "./Story.ts"
import { reportOf, Summary } from "./Summary.ts"
import { type FaultLevel, roomFor, swarm } from "./Swarm.ts"
import type { World } from "./World.ts"

/**
 * A device group as a program has it in its hands.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatedGroup {
  /** The seed of this run. */
  readonly seed: number
  /** The names of the devices. */
  readonly devices: ReadonlyArray<string>
  /**
   * Says what the application of every device does with messages. Called before anything else; `make` is called whenever
   * a device starts: what it keeps to itself is memory, which a crash loses, and what is outside is the device's storage.
   */
  readonly onReflected: (make: (device: string) => MessageHandler) => void
  /**
   * Waits until every device has a place in the group. What is reflected before passes by those that have none, as the
   * protocol has it.
   */
  readonly joined: Effect.Effect<void>
  /**
   * Runs an effect on a device, when it is on. If the device crashes in the middle, it is run again from its start once
   * the device is back: at least once, as applications do it. `stop` is not for programs: a `Crash` ends a device, and
   * it comes back.
   */
  readonly on: <A, E>(device: string, use: (device: Device["Service"]) => Effect.Effect<A, E>) => Effect.Effect<A, E>
  /**
   * Makes a fault happen for as long as it lasts, on top of what the seed has drawn. Dies with an {@link InvalidSchedule}
   * when it is none that a schedule may have.
   */
  readonly strike: (fault: Fault) => Effect.Effect<void>
  /** Waits until faults are over, and nothing that was promised is owed any more. */
  readonly settled: Effect.Effect<void>
  /** Everything else, for who needs it. */
  readonly world: World
}

/**
 * What is to hold in every world: it runs in virtual time, and fails when something is not as it should be.
 *
 * @category models
 * @since 0.1.0
 */
export type Program<E = unknown> = (group: SimulatedGroup) => Effect.Effect<unknown, E, SecureRandom.SecureRandom>

/**
 * Under which circumstances a program is run.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulateOptions extends Pick<RunOptions, "deviceOptions" | "maxSteps" | "isOver"> {
  /** How many seeds, one at least: 100 unless given. */
  readonly seeds?: number
  /** The first seed, which the others follow: 0 unless given. */
  readonly seed?: number
  /**
   * Their names, or how many there are; 3 unless given: phone, desktop, tablet. They are one device group. No two have the
   * same name, none is empty, `mediator`, or has a `'` in it.
   */
  readonly devices?: number | ReadonlyArray<string>
  /** How long things go wrong, in ms of virtual time: a minute unless given. */
  readonly duration?: number
  /** What goes wrong: `swarm` unless given. */
  readonly faults?: FaultLevel
  /**
   * Whether that includes what makes a device miss messages for good, by the protocol's own rules: it loses its storage
   * or its slot, another machine takes its place, its handler fails until a message is set aside. Not unless given.
   */
  readonly losses?: boolean
  /** Judges besides those of the protocol. */
  readonly oracles?: ReadonlyArray<OracleMaker>
  /** Conditions that are not left to the seed. */
  readonly conditions?: Partial<Conditions>
  /** Runs that may be spent on a small reproduction: 300 unless given, 0 for none. */
  readonly shrinkRuns?: number
}

/** Faults after which no device has missed a message once it is back. */
const isWithoutLoss = ({ _tag }: Fault): boolean => _tag !== "Twin" && _tag !== "HandlerFails"

/** Who joins late misses what was said before, in ms. */
const latestJoin = 500

/** Each device finds a slot: a program waits for those that have none in vain. */
const withRoom = (schedule: Schedule): Schedule => {
  const { maxDeviceSlots: _slots, ...mediator } = schedule.conditions.mediator
  const room = roomFor(largestGroup(schedule.devices))
  return { ...schedule, conditions: { ...schedule.conditions, mediator: { ...mediator, ...room } } }
}

/** What the protocol itself lets devices miss messages for is taken out, and the limits that an application would hit. */
const withoutLosses = (schedule: Schedule): Schedule => {
  const {
    queueBytes: _bytes,
    queueMessages: _messages,
    transactionMessages: _transactions,
    ...mediator
  } = schedule.conditions.mediator
  return {
    ...schedule,
    conditions: { ...schedule.conditions, mediator },
    devices: schedule.devices.map((device) => ({
      ...device,
      joinsAt: Math.min(device.joinsAt, latestJoin),
      expiration: "Persistent",
      exhausted: "Reject"
    })),
    faults: schedule.faults
      .filter(({ fault }) => isWithoutLoss(fault))
      .map(({ at, fault }) => ({ at, fault: fault._tag === "Crash" ? { ...fault, withoutStorage: false } : fault }))
  }
}

const renamed = (schedule: Schedule, names: ReadonlyArray<string>): Schedule => {
  const nameOf = new Map(schedule.devices.map(({ name }, index) => [name, names[index]!]))
  return {
    ...schedule,
    devices: schedule.devices.map((device, index) => ({ ...device, name: names[index]! })),
    faults: schedule.faults.map(({ at, fault }) => ({
      at,
      fault: "device" in fault ? { ...fault, device: nameOf.get(fault.device)! } : fault
    }))
  }
}

/**
 * What goes wrong under a seed, and in which conditions; what is done is up to the program.
 *
 * @category constructors
 * @since 0.1.0
 */
export const programSchedule = (seed: number, options: SimulateOptions = {}): Schedule => {
  const { conditions, devices = 3, duration = 60_000, faults = "swarm", losses = false } = options
  const count = typeof devices === "number" ? devices : devices.length
  const drawn = swarm({ seed, devices: count, groups: 1, duration, faults, workload: () => [] })
  const named = withRoom({ ...(typeof devices === "number" ? drawn : renamed(drawn, devices)), program: true })
  const schedule = losses ? named : withoutLosses(named)
  if (conditions === undefined) return schedule
  const mediator = conditions.mediator === undefined ? {} : { mediator: { ...roomFor(count), ...conditions.mediator } }
  return { ...schedule, conditions: { ...schedule.conditions, ...conditions, ...mediator } }
}

/** How often it is looked whether something has come about, in ms of virtual time. */
const glance = 50

/** Runs an effect on a device until one of its lives has seen it through. */
const seeThrough = <A, E>(
  world: World,
  name: string,
  use: (device: Device["Service"]) => Effect.Effect<A, E>
): Effect.Effect<A, E> => {
  const attempt = Effect.callback<Option.Option<Exit.Exit<A, E>>>((resume) => {
    const device = world.devices.get(name)
    if (device === undefined) return resume(Effect.die(new Error(noDevice(name))))
    const { machine } = device
    const given = Deferred.makeUnsafe<never>()
    let isOver = false
    const end = (exit: Option.Option<Exit.Exit<A, E>>) => {
      isOver = true
      resume(Effect.succeed(exit))
    }
    const isBegun = device.run(
      () => (isOver ? undefined : Effect.raceFirst(Device.use(use), Deferred.await(given))),
      (exit) => end(Option.some(exit))
    )
    const look = () => {
      if (isOver) return
      if (!isBegun || device.machine !== machine) end(Option.none())
      else world.after(glance, look)
    }
    world.after(glance, look)
    return Effect.sync(() => {
      isOver = true
      Deferred.doneUnsafe(given, Effect.interrupt)
    })
  })
  return Effect.flatMap(attempt, (exit) => (Option.isSome(exit) ? exit.value : seeThrough(world, name, use)))
}

/** How a schedule is run with a program, if there is one, anew for each run. */
const runOptionsOf = (program: Program | undefined, options: SimulateOptions): RunOptions => {
  const { deviceOptions, isOver, maxSteps, oracles = [] } = options
  const common: RunOptions = {
    oracles: [...standardOracles, ...oracles],
    ...(deviceOptions === undefined ? {} : { deviceOptions }),
    ...(isOver === undefined ? {} : { isOver }),
    ...(maxSteps === undefined ? {} : { maxSteps })
  }
  if (program === undefined) return common
  // Of the run that is under way; runs do not overlap.
  let make: (device: string) => MessageHandler = () => () => Effect.void
  const members = new Set<string>()
  const joinedOf = (devices: ReadonlyArray<string>): Effect.Effect<void> =>
    Effect.suspend(() =>
      devices.every((name) => members.has(name)) ? Effect.void : Effect.andThen(Effect.sleep(glance), joinedOf(devices))
    )
  // It judges nothing: a run that is repeated for the stack of a defect keeps its oracles, and not its witnesses.
  const membership: OracleMaker = {
    name: "membership",
    make: () => ({
      see: (event) => {
        if (event._tag === "StateChanged" && event.state._tag === "Live") members.add(event.device)
      }
    })
  }
  const play = ({ settled, world }: Stage) =>
    Effect.suspend(() => {
      make = () => () => Effect.void
      members.clear()
      // Before anything goes wrong: later there may be twins, which come and go.
      const devices = [...world.devices.keys()]
      return program({
        seed: world.seed,
        devices,
        onReflected: (given) => {
          make = given
        },
        joined: joinedOf(devices),
        on: (name, use) => seeThrough(world, name, use),
        strike: (fault) =>
          Effect.flatMap(
            Effect.suspend(() => Effect.orDie(checkedFault(fault, [...world.devices.keys()]))),
            (sound) => strikeFor(world, sound)
          ),
        settled,
        world
      })
    })
  return {
    ...common,
    oracles: [...standardOracles, arrivals, membership, ...oracles],
    handler: (device) => make(device.name),
    program: play
  }
}

/**
 * Runs a program in one world.
 *
 * @category running
 * @since 0.1.0
 */
export const runProgram = (schedule: Schedule, program: Program, options: SimulateOptions = {}): RunResult =>
  run(schedule, runOptionsOf(program, options))

const never = (): boolean => false

/** So much of a story fits an error. */
const rows = 60

/** What is told of a run that broke a rule: first whether it does so again, and then how, with as little as it takes. */
const failureOf = (
  failed: RunResult,
  program: Program | undefined,
  options: SimulateOptions
): SimulationFailed | NotRepeated => {
  const runOptions = runOptionsOf(program, options)
  const { seed } = failed.schedule
  const { expected, found, oracle, rule } = failed.violation!
  const tell = (schedule: Schedule, bounds: Pick<RunOptions, "isOver"> = {}) => {
    const story = new Story()
    const witnesses = [...(runOptions.witnesses ?? []), story.see]
    return { story, told: run(schedule, { ...runOptions, isOver: never, ...bounds, witnesses }) }
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
  return new SimulationFailed({
    seed,
    digest: shrunk?.result.digest ?? failed.digest,
    oracle,
    rule,
    found: violation.found,
    expected,
    schedule: shrunk?.schedule ?? { ...failed.schedule, violates: { oracle, rule } },
    story: lanesText(story.entries, violation, { last: rows })
  })
}

const outOfTime = ({ elapsed, schedule, steps }: RunResult, clean: number): OutOfTime =>
  new OutOfTime({ seed: schedule.seed, clean, elapsed, steps })

/**
 * Runs a schedule again, and fails if an oracle objects, or the program if there is one: what a failure is replayed with.
 * Without a program, it runs as `d2m simulate` and `d2m replay` do. A schedule whose failure could not show here is refused
 * with {@link NotReplayable}: its program is not given, or not the oracle that objected, or a bug was planted in its run.
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
    yield* checked(schedule)
    const runOptions = runOptionsOf(program, options)
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
    yield* withinBounds(options)
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
