/**
 * Carries out a schedule: first with faults, then without, until nothing is owed any more.
 *
 * Owns the two phases and the verdict. Safety: whatever goes wrong, no rule is broken. Liveness: once nothing goes wrong
 * any more, everything that was promised comes true in bounded time.
 *
 * @since 0.1.0
 */
import { Cause, Effect, Exit } from "effect"
import type { SecureRandom } from "effect/crypto"
import { namesNobody } from "./CheckedSchedule.ts"
import { lastingOf, staysInForce, strike } from "./Faults.ts"
import type { Rest } from "./Kernel.ts"
import { timeText } from "./Lanes.ts"
import { Machine } from "./Machine.ts"
import { livenessBound, owedWithin } from "./LivenessBound.ts"
import type { Oracle, OracleMaker, Violation } from "./Oracle.ts"
import { standardOracles } from "./oracles/index.ts"
import type { Schedule } from "./Schedule.ts"
import { noHandlerDies } from "./SimulatedDevice.ts"
import { newYear2026 } from "./Simulation.ts"
import { errorText, thrownText, valueText, withStacks } from "./Stacks.ts"
import { Tally } from "./Tally.ts"
import { staysAway } from "./User.ts"
import { World, type WorldOptions } from "./World.ts"
import type { Witness } from "./WorldEvent.ts"

/**
 * Where a program plays.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stage {
  readonly world: World
  /** Waits until faults are over and nothing is owed any more, the program itself aside. */
  readonly settled: Effect.Effect<void>
}

/**
 * How a schedule is carried out.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunOptions extends Pick<WorldOptions, "handler" | "chat" | "deviceOptions" | "onLog"> {
  /** Who judges: {@link standardOracles} unless given. */
  readonly oracles?: ReadonlyArray<OracleMaker>
  /** Who else looks on. */
  readonly witnesses?: ReadonlyArray<Witness>
  /** What happens besides the schedule's operations, from the beginning on. The run does not end before it. */
  readonly program?: (stage: Stage) => Effect.Effect<unknown, unknown, SecureRandom.SecureRandom>
  /** Does something to the world before anything happens in it: plants a bug, adds an application. */
  readonly prepare?: (world: World) => void
  /**
   * Steps after which a run that does not end is given up. Unless given, many times what it takes: 20 million, and 100 000
   * for each hour of virtual time and each two devices that may have something to say to each other.
   */
  readonly maxSteps?: number
  /**
   * Asked every fifty steps; `true` ends the run then and there, without a verdict. For bounds in real time, which is none
   * of a simulation's.
   */
  readonly isOver?: () => boolean
}

/**
 * What became of a run.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunResult {
  readonly schedule: Schedule
  /** The same for every run of the schedule, on every engine. */
  readonly digest: string
  /** Absent when no rule was broken. */
  readonly violation: Violation | undefined
  /** Whether it went on to where everything has come to rest, or a rule was broken; not when it was told that it is over. */
  readonly isComplete: boolean
  /** Virtual ms. */
  readonly elapsed: number
  readonly steps: number
  readonly tally: Tally
}

/** Steps between two questions whether a run is over, and devices before its first step. */
const slice = 50

const mostSteps = ({ devices, duration }: Schedule): number =>
  20_000_000 + Math.ceil((duration / 3_600_000) * devices.length ** 2 * 100_000)

/** How often it is asked whether anything is still owed, in ms of virtual time. */
const pollInterval = 250

/** Why the world has not come to rest, or nothing when it has. */
const unrest = (world: World, tally: Tally, oracles: ReadonlyArray<Oracle>): string | undefined => {
  for (const device of world.devices.values()) {
    if (device.isStarting) return `${device.name} has not stopped yet`
    if (!device.isOn) continue
    const state = tally.latest.get(device.name)
    if (state === undefined) return `${device.name} has not come up`
    if (state._tag === "NeedsUser" && staysAway(state.reason)) continue
    if (state._tag !== "Live" || !state.dry) return `${device.name} is ${state._tag}, not Live and dry`
    for (const asker of tally.open.values()) if (asker === device.name) return `a call of ${device.name} has no answer`
  }
  for (const oracle of oracles) {
    const owed = oracle.owes?.()
    if (owed !== undefined) return owed
  }
  return undefined
}

/**
 * The name under which a program that fails is told.
 *
 * @category constants
 * @since 0.1.0
 */
export const programOracle = "program"

/** The oracle that what does not come to rest or to an end is told under, which is not one of those that look on. */
const liveness = "liveness"

/** The rule that a run breaks which is given up for its length: so are all runs that are like it. */
const endless = "the world comes to an end"

/**
 * Whether a run was given up for its length.
 *
 * @category getters
 * @since 0.1.0
 */
export const isEndless = ({ oracle, rule }: Violation): boolean => oracle === liveness && rule === endless

const notEnded = "the program has not ended"

/** Everything else is at rest, and the program has no timer that would wake it. */
const waitsOutside = (at: number): Violation => ({
  oracle: programOracle,
  rule: "the program ends",
  at,
  device: undefined,
  found: "it waits for a promise or something else outside of the world, or for what does not happen in it any more",
  expected: "a program that waits only for time to pass, and for what the world brings about"
})

/** So long has a handler been at its latest batch that it is told, in ms: it may have come by it when faults were over. */
const busyFor = livenessBound / 2

/** A handler that has not ended in much of the time that everything else was given. */
const busyHandler = ({ devices, kernel }: World): string => {
  for (const { handling, name } of devices.values()) {
    const { busySince } = handling
    if (busySince === undefined || kernel.now - busySince < busyFor) continue
    return `; the handler of ${name} has been busy since ${timeText(busySince - newYear2026)}: perhaps with a promise, or something else outside of the world`
  }
  return ""
}

/** All failures of a program break the same rule: an assertion that fails does not say the same each time. */
const programFailed = (cause: Cause.Cause<unknown>, at: number): Violation => {
  const error = Cause.squash(cause)
  return {
    oracle: programOracle,
    rule: "the program succeeds",
    at,
    device: undefined,
    found: error instanceof Error ? errorText(error) : valueText(error),
    expected: "no failure",
    cause: error
  }
}

/** The oracle that a defect is told under, which is not one of those that look on. */
const defects = "defects"

/**
 * The names of all that may object to a run.
 *
 * @category getters
 * @since 0.1.0
 */
export const judgesOf = ({
  oracles = standardOracles,
  program
}: Pick<RunOptions, "oracles" | "program">): ReadonlyArray<string> => [
  ...oracles.map(({ name }) => name),
  defects,
  liveness,
  ...(program === undefined ? [] : [programOracle])
]

/**
 * Carries out a schedule.
 *
 * Throws an `InvalidSchedule` where an operation or a fault names a device that there is not; everything else that is
 * `checked` of a schedule is not looked at here.
 *
 * A run that ends with a defect of client or mediator is carried out once more, without the given witnesses, to tell where
 * it was thrown.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (schedule: Schedule, options: RunOptions = {}): RunResult => {
  const nobody = namesNobody(schedule)
  if (nobody !== undefined) throw nobody
  const result = withStacks(false, () => carryOut(schedule, options))
  const { violation } = result
  if (violation?.oracle !== defects || violation.found.includes("\n")) return result
  const again = runWithStacks(schedule, { ...options, witnesses: [] }).violation
  return again?.oracle === defects && again.rule === violation.rule ? { ...result, violation: again } : result
}

/** Carries out a schedule in which errors know where they were made, which takes longer: what is told of a failure. */
export const runWithStacks = (schedule: Schedule, options: RunOptions): RunResult =>
  withStacks(true, () => carryOut(schedule, options))

/** Of what `make` gives, which types vouch for as long as they are heeded. */
const isOracle = (made: unknown): boolean =>
  typeof made === "object" && made !== null && "see" in made && typeof made.see === "function"

/** An oracle; one that looks at nothing where none can be made. */
const judgeOf = (make: () => Oracle, onDefect: (defect: unknown) => void): Oracle => {
  try {
    const made = make()
    if (isOracle(made)) return made
    onDefect(`make has returned no oracle, which has a function see, but ${valueText(made)}`)
  } catch (defect) {
    onDefect(defect)
  }
  return { see: () => {} }
}

const carryOut = (schedule: Schedule, options: RunOptions): RunResult => {
  const tally = new Tally()
  let violation: Violation | undefined
  // Oracles are made before there is a world, and may object at once.
  let now = () => newYear2026
  const judges = (options.oracles ?? standardOracles).map(({ make, name }) =>
    judgeOf(
      () =>
        make((found) => {
          violation ??= { ...found, oracle: name, at: now() }
        }, schedule),
      (defect) => {
        const rule = "whoever looks on can be made"
        const found = `the oracle ${name}: ${thrownText(defect)}`
        violation ??= { oracle: defects, rule, at: now(), device: undefined, found, expected: "an oracle" }
      }
    )
  )
  const world = new World({
    seed: schedule.seed,
    conditions: schedule.conditions,
    witnesses: [tally.see, ...judges.map(({ see }) => see), ...(options.witnesses ?? [])],
    ...(options.handler === undefined ? {} : { handler: options.handler }),
    ...(options.chat === undefined ? {} : { chat: options.chat }),
    ...(options.deviceOptions === undefined ? {} : { deviceOptions: options.deviceOptions }),
    onLog: options.onLog,
    onDefect: (rule, defect, device) => {
      violation ??= {
        oracle: defects,
        rule,
        at: world.kernel.now,
        device,
        found: thrownText(defect),
        expected:
          rule === noHandlerDies
            ? "a handler that ends, or fails with a HandlerError"
            : "no defect in client, mediator or world"
      }
    }
  })
  const { kernel, mediator } = world
  const { onLog } = options
  now = () => kernel.now
  const phase = (name: "Safety" | "Liveness" | "Over") => world.witness({ _tag: "Phase", at: kernel.now, phase: name })

  phase("Safety")
  const { isOver: isTold = () => false, maxSteps = mostSteps(schedule) } = options
  let isCut = false
  for (const [index, spec] of schedule.devices.entries()) {
    // A world of many takes its time.
    if (index > 0 && index % slice === 0 && (isCut = isTold())) break
    const device = world.addDevice(spec)
    world.after(spec.joinsAt, () => device.start())
  }
  if (!isCut) options.prepare?.(world)
  mediator.start()
  for (const { at, device, operation } of schedule.operations) {
    world.after(at, () => {
      world.devices.get(device)!.perform(operation)
    })
  }
  for (const { at, fault } of schedule.faults) {
    world.after(at, () => {
      const undo = strike(world, fault)
      if (!staysInForce(fault)) world.after(lastingOf(fault), undo)
    })
  }

  /** Of the program, until it has ended. */
  let stage: Machine | undefined
  const settled: Effect.Effect<void> = Effect.suspend(() =>
    world.isLiveness && unrest(world, tally, judges) === undefined
      ? Effect.void
      : Effect.andThen(Effect.sleep(pollInterval), settled)
  )
  if (options.program !== undefined) {
    const machine = (stage = new Machine(kernel, {
      name: "program",
      prng: world.prng.fork("program"),
      preempt: schedule.conditions.preempt,
      onLog: onLog === undefined ? undefined : (text) => onLog(kernel.now, undefined, text)
    }))
    machine.fork(options.program({ world, settled }), (exit) => {
      stage = undefined
      if (Exit.isFailure(exit)) violation ??= programFailed(exit.cause, kernel.now)
    })
  }

  let isOver = false
  let restless: string | undefined
  const poll = () => {
    restless = unrest(world, tally, judges) ?? (stage === undefined ? undefined : notEnded)
    if (restless === undefined) isOver = true
    else world.after(pollInterval, poll)
  }
  world.after(schedule.duration, () => {
    world.isLiveness = true
    phase("Liveness")
    for (const undo of world.inForce) undo()
    mediator.start()
    for (const device of world.devices.values()) if (schedule.devices.includes(device.spec)) device.start()
    poll()
    const bound = owedWithin(schedule)
    world.after(bound, () => {
      if (isOver) return
      if (restless === notEnded && stage !== undefined && !kernel.isBusy(stage)) {
        violation ??= waitsOutside(kernel.now)
        return
      }
      violation ??= {
        oracle: liveness,
        rule: "once faults are over, everything comes to rest",
        at: kernel.now,
        device: undefined,
        found: `${restless ?? ""}${busyHandler(world)}`,
        expected: `nothing is owed ${Math.ceil(bound / 1000)} s after the last fault`
      }
    })
  })

  try {
    const isReached = () => isOver || violation !== undefined
    let rest: Rest = "OutOfSteps"
    while (rest === "OutOfSteps" && kernel.steps < maxSteps && !(isCut ||= isTold())) {
      rest = kernel.runUntil(isReached, Math.min(kernel.steps + slice, maxSteps))
    }
    if (rest !== "Reached" && !isCut) {
      violation ??= {
        oracle: liveness,
        rule: rest === "Idle" ? "the world does not come to a standstill" : endless,
        at: kernel.now,
        device: undefined,
        found: rest === "Idle" ? "nothing can run, and nothing waits for time to pass" : `${kernel.steps} steps`,
        expected: "a run that ends"
      }
    }
  } catch (defect) {
    world.defect("nothing throws", defect, undefined)
  }
  phase("Over")
  const result: RunResult = {
    schedule,
    digest: world.digest,
    violation,
    isComplete: !isCut,
    elapsed: kernel.now - newYear2026,
    steps: kernel.steps,
    tally
  }
  world.end()
  return result
}
