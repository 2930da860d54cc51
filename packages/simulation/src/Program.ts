/**
 * Programs of one's own in a simulated world: an application on devices that keep together whatever goes wrong.
 *
 * Owns what such a program has in its hands, and how it is run in one world. Which world that is, is said by its
 * `ProgramSchedule`; the seeds it is run under, and how it is told that it has failed, by `Simulate`.
 *
 * @since 0.1.0
 */
import { Device } from "@d2m/client"
import { Deferred, Effect, type Exit, Option } from "effect"
import type { SecureRandom } from "effect/crypto"
import type { ChatHandler } from "./Application.ts"
import { checkedDevice, checkedFault, InvalidSchedule } from "./CheckedSchedule.ts"
import { noDevice, strikeFor } from "./Faults.ts"
import type { OracleMaker } from "./Oracle.ts"
import { arrivals } from "./oracles/Arrivals.ts"
import { standardOracles } from "./oracles/index.ts"
import { ProgramHandlers } from "./ProgramHandlers.ts"
import { run, type RunOptions, type RunResult, type Stage } from "./Run.ts"
import { type DeviceSpec, plainDevice, type Schedule } from "./Schedule.ts"
import { membershipName, wrongOptions, wrongProgram } from "./SimulateBounds.ts"
import type { MessageHandler } from "./TroubledHandler.ts"
import type { World } from "./World.ts"
import type { WorldFault } from "./WorldFault.ts"

/**
 * What a device that joins a group may be, as in a `DeviceSpec`.
 *
 * @category models
 * @since 0.1.0
 */
export type NewcomerSpec = Partial<Pick<DeviceSpec, "expiration" | "exhausted" | "skew" | "chats">>

/**
 * A device group as a program has it in its hands.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatedGroup {
  /** The seed of this run. */
  readonly seed: number
  /** The names of the devices that there are from the start. */
  readonly devices: ReadonlyArray<string>
  /**
   * Says what the application of every device does with messages. Called once, and before anything else: dies when a
   * device has started. `make` is called whenever one does: what it keeps to itself is memory, which a crash loses, and
   * what is outside is the device's storage.
   */
  readonly onReflected: (make: (device: string) => MessageHandler) => void
  /**
   * Says what the application of every device that chats does on each chat session: all of them do with the option `chats`, and
   * otherwise those that the seed picks. Called and made like that of {@link onReflected}. The chat server says again what it is
   * told; the bytes E0 01 and E0 00 of it are a close-error, after which one may come back or not.
   */
  readonly onChat: (make: (device: string) => ChatHandler) => void
  /**
   * Waits until every device has a place in the group. What is reflected before passes by those that have none, as the
   * protocol has it.
   */
  readonly joined: Effect.Effect<void>
  /**
   * Adds a device to the group, switches it on, and waits until it has its place. It is out of the ordinary in nothing but what
   * is given; its handler is made by its name like all others, and it can be struck, but no fault that the seed has drawn is its.
   * Dies with an {@link InvalidSchedule} when a schedule could not have it besides those there are. Where the mediator has no
   * slot left, 8 unless `conditions` say otherwise, the run fails.
   */
  readonly addDevice: (name: string, spec?: NewcomerSpec) => Effect.Effect<void>
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
  readonly strike: (fault: WorldFault) => Effect.Effect<void>
  /**
   * Says what the program owes, in words, as long as it does: asked again and again once faults are over. Neither does
   * `settled` come nor the run end before nothing is owed any more, and a rule is broken when that takes longer than
   * `owedWithin`.
   */
  readonly owes: (what: () => string | undefined) => void
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
    if (device === undefined) return resume(Effect.die(new Error(noDevice(name, world))))
    const { machine } = device
    const given = Deferred.makeUnsafe<never>()
    const ended = Deferred.makeUnsafe<void>()
    let isGivenUp = false
    let isUnderWay = false
    const end = (exit: Option.Option<Exit.Exit<A, E>>) => {
      Deferred.doneUnsafe(ended, Effect.void)
      resume(Effect.succeed(exit))
    }
    const isBegun = device.run(
      () => {
        if (isGivenUp) return undefined
        isUnderWay = true
        return Effect.raceFirst(Device.use(use), Deferred.await(given))
      },
      (exit) => end(Option.some(exit))
    )
    const look = () => {
      if (Deferred.isDoneUnsafe(ended) || (isGivenUp && !isUnderWay)) return
      if (!isBegun || device.machine !== machine) end(Option.none())
      else world.after(glance, look)
    }
    world.after(glance, look)
    return Effect.suspend(() => {
      isGivenUp = true
      Deferred.doneUnsafe(given, Effect.interrupt)
      // What it ends with, its finalizers included, is waited for; what a crash ends has none.
      return isUnderWay ? Deferred.await(ended) : Effect.void
    })
  })
  return Effect.flatMap(attempt, (exit) => (Option.isSome(exit) ? exit.value : seeThrough(world, name, use)))
}

/**
 * How a program is run in a world.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProgramOptions extends Pick<RunOptions, "deviceOptions" | "maxSteps" | "isOver"> {
  /** Judges besides those of the protocol, whose names are their own. */
  readonly oracles?: ReadonlyArray<OracleMaker>
}

/** How a schedule is run with a program, if there is one, anew for each run. */
export const programRun = (program: Program | undefined, options: ProgramOptions = {}): RunOptions => {
  const { deviceOptions, isOver, maxSteps, oracles = [] } = options
  const common: RunOptions = {
    oracles: [...standardOracles, ...oracles],
    ...(deviceOptions === undefined ? {} : { deviceOptions }),
    ...(isOver === undefined ? {} : { isOver }),
    ...(maxSteps === undefined ? {} : { maxSteps })
  }
  if (program === undefined) return common
  // Of the run that is under way; runs do not overlap.
  let handlers = new ProgramHandlers()
  const members = new Set<string>()
  const newcomers = new Set<string>()
  const owed: Array<() => string | undefined> = []
  const joinedOf = (devices: ReadonlyArray<string>): Effect.Effect<void> =>
    Effect.suspend(() =>
      devices.every((name) => members.has(name)) ? Effect.void : Effect.andThen(Effect.sleep(glance), joinedOf(devices))
    )
  // It sees no rule broken: a run that is repeated for the stack of a defect keeps its oracles, and not its witnesses.
  const membership: OracleMaker = {
    name: membershipName,
    make: () => ({
      see: (event) => {
        if (event._tag === "StateChanged" && event.state._tag === "Live") members.add(event.device)
      },
      owes: () => {
        for (const name of newcomers) if (!members.has(name)) return `${name} has not joined the group`
        for (const what of owed) {
          const words = what()
          if (words !== undefined) return words
        }
        return undefined
      }
    })
  }
  const play = ({ settled, world }: Stage) =>
    Effect.suspend(() => {
      handlers = new ProgramHandlers()
      members.clear()
      newcomers.clear()
      owed.length = 0
      // Before anything goes wrong: later there may be twins, which come and go.
      const devices = [...world.devices.keys()]
      const group = world.devices.get(devices[0]!)?.spec.group ?? 0
      return program({
        seed: world.seed,
        devices,
        onReflected: (make) => handlers.onReflected(make, world),
        onChat: (make) => handlers.onChat(make, world),
        joined: joinedOf(devices),
        addDevice: (name, spec) =>
          Effect.gen(function* () {
            const newcomer = plainDevice(name, { ...spec, group })
            world.addDevice(yield* Effect.orDie(checkedDevice(newcomer, [...world.devices.keys()]))).start()
            newcomers.add(name)
            yield* joinedOf([name])
          }),
        owes: (what) => {
          owed.push(what)
        },
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
    handler: (device) => handlers.handlerOf(device.name),
    chat: (device) => handlers.chatOf(device.name),
    program: play
  }
}

/**
 * Why no program can be run in the world of a schedule, if none can. Oracles that know what an application was asked for
 * would take what a program does on the same device for what nobody has asked for.
 */
export const unfitForProgram = ({ operations }: Schedule): InvalidSchedule | undefined =>
  operations.length === 0
    ? undefined
    : new InvalidSchedule({
        detail: `a schedule with operations of its own has no room for a program, at operations: ${operations.length}`
      })

/**
 * Runs a program in one world. Throws an `InvalidSchedule` where an operation or a fault names a device that there is not,
 * and where there are operations at all: what is done in the world is up to the program; and an `InvalidSimulateOptions`
 * where the program or the options are none.
 *
 * @category running
 * @since 0.1.0
 */
export const runProgram = (schedule: Schedule, program: Program, options: ProgramOptions = {}): RunResult => {
  const unfit = wrongProgram(program) ?? wrongOptions(options) ?? unfitForProgram(schedule)
  if (unfit !== undefined) throw unfit
  return run(schedule, programRun(program, options))
}
