/**
 * The world that a program is run in under a seed: what goes wrong, and in which conditions.
 *
 * Owns what is taken out of what `Swarm` draws: no device is left without a slot, and none misses anything for good unless
 * that is asked for. What is done in the world is up to the program.
 *
 * @since 0.1.0
 */
import type { Duration } from "effect"
import { type Conditions, largestGroup, type Schedule } from "./Schedule.ts"
import { wrongOptions } from "./SimulateBounds.ts"
import { roomFor, swarm } from "./Swarm.ts"
import type { FaultLevel } from "./SwarmFaults.ts"
import type { Misbehaviour, WorldFault } from "./WorldFault.ts"

/**
 * In which worlds a program is run.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProgramScheduleOptions {
  /**
   * Their names, or how many there are; 3 unless given: phone, desktop, tablet. They are one device group. No two have the
   * same name, none is empty, `mediator`, or has a `'` in it.
   */
  readonly devices?: number | ReadonlyArray<string>
  /** How long things go wrong, in virtual time, a week at most: a minute unless given. A number is milliseconds. */
  readonly duration?: Duration.Input
  /** What goes wrong: `swarm` unless given. */
  readonly faults?: FaultLevel
  /**
   * Whether that includes what makes a device miss messages for good, by the protocol's own rules: it loses its storage
   * or its slot, another machine takes its place, its handler fails until a message is set aside, another device writes what
   * nobody can read. Not unless given.
   */
  readonly losses?: boolean
  /** Whether the mediator also does what a faithful one never does, see `Misbehaviour`. Not unless given. */
  readonly misbehaving?: boolean
  /** Whether every device talks to a chat server: some do under some seeds unless given, and none with `false`. */
  readonly chats?: boolean
  /** Conditions that are not left to the seed; there is a slot for each device. */
  readonly conditions?: Partial<Conditions>
}

/** A message that does not open, and a slot of which nobody knows what it has missed. */
const losing: ReadonlyArray<Misbehaviour> = ["AlteredReflected", "WrongSlotState"]

const lossy: ReadonlySet<WorldFault["_tag"]> = new Set(["Twin", "HandlerFails", "Garble"])

/** Faults after which no device has missed a message once it is back. */
const isWithoutLoss = (fault: WorldFault): boolean =>
  fault._tag === "Misbehave" ? !losing.includes(fault.how) : !lossy.has(fault._tag)

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
    transactionBytes: _transactionBytes,
    transactionMessages: _transactionMessages,
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
 * What goes wrong under a seed, and in which conditions; what is done is up to the program. Throws an
 * `InvalidSimulateOptions` for options that nothing can be drawn with.
 *
 * @category constructors
 * @since 0.1.0
 */
export const programSchedule = (seed: number, options: ProgramScheduleOptions = {}): Schedule => {
  const {
    chats,
    conditions,
    devices = 3,
    duration = "1 minute",
    faults = "swarm",
    losses = false,
    misbehaving = false
  } = options
  const invalid = wrongOptions({ ...options, seed, seeds: 1 })
  if (invalid !== undefined) throw invalid
  const count = typeof devices === "number" ? devices : devices.length
  const drawn = swarm({ seed, devices: count, groups: 1, duration, faults, misbehaving, workload: () => [] })
  const named = withRoom({ ...(typeof devices === "number" ? drawn : renamed(drawn, devices)), program: true })
  const spared = losses ? named : withoutLosses(named)
  const schedule =
    chats === undefined ? spared : { ...spared, devices: spared.devices.map((device) => ({ ...device, chats })) }
  if (conditions === undefined) return schedule
  const mediator = conditions.mediator === undefined ? {} : { mediator: { ...roomFor(count), ...conditions.mediator } }
  return { ...schedule, conditions: { ...schedule.conditions, ...conditions, ...mediator } }
}
