/**
 * Makes a schedule from a seed.
 *
 * Owns which knobs there are and how a seed sets them. Every knob is itself drawn (swarm testing), so that bugs which need the
 * absence of something show too. Leaves what goes wrong to `SwarmFaults`.
 *
 * @since 0.1.0
 */
import type { Duration } from "effect"
import type { Operation } from "./Operation.ts"
import * as Prng from "./Prng.ts"
import { strictOptions } from "@d2m/server-sim"
import type { Conditions, DeviceSpec, Schedule, ScheduledFault, ScheduledOperation } from "./Schedule.ts"
import { drawnMillis } from "./SimulateBounds.ts"
import { byTime, chatTrouble, drawFaults, type FaultLevel, standstill } from "./SwarmFaults.ts"

/**
 * What a schedule is made from.
 *
 * @category models
 * @since 0.1.0
 */
export interface SwarmOptions {
  readonly seed: number
  /** How many of all groups together: 3 unless given. */
  readonly devices?: number
  /** How many device groups they are dealt out to: the seed's choice unless given, mostly one, now and then two or three. */
  readonly groups?: number
  /** Length of the safety phase, a year at most: a minute unless given. A number is milliseconds. */
  readonly duration?: Duration.Input
  /** `swarm` unless given. */
  readonly faults?: FaultLevel
  /** Whether the mediator does what a faithful one never does; not unless given. */
  readonly misbehaving?: boolean
  /** What devices do: {@link livelyWorkload} unless given. */
  readonly workload?: Workload
}

/**
 * What the devices of a schedule ask for, and when; `duration` is that of the schedule, in ms.
 *
 * @category models
 * @since 0.1.0
 */
export type Workload = (
  prng: Prng.Prng,
  devices: ReadonlyArray<DeviceSpec>,
  duration: number
) => ReadonlyArray<ScheduledOperation>

const { between, chance, pick } = Prng

/** Most messages are short, some are long, a few as long as can be. */
const bytesOf = (prng: Prng.Prng): number => {
  const kind = prng.below(100)
  if (kind < 80) return prng.below(300)
  if (kind < 97) return prng.below(8_000)
  return prng.below(64_000)
}

/**
 * Two of five transactions have a precondition: it holds all the time, never, or for about as long as it takes to get the
 * lock.
 *
 * @category constructors
 * @since 0.1.0
 */
export const drawCondition = (prng: Prng.Prng): { readonly holdsFor?: number } => {
  const kind = prng.below(10)
  if (kind >= 4) return {}
  return { holdsFor: kind === 0 ? 0 : kind < 3 ? prng.below(300) : 1_000_000 }
}

const operationOf = (prng: Prng.Prng, others: ReadonlyArray<string>): Operation => {
  const kind = prng.below(1000)
  if (kind < 705) return { _tag: "Reflect", count: chance(prng, 90) ? 1 : between(prng, 2, 12), bytes: bytesOf(prng) }
  if (kind < 805) return { _tag: "Ephemeral", bytes: prng.below(200) }
  if (kind < 895) {
    return {
      _tag: "Transaction",
      count: between(prng, 1, 4),
      bytes: prng.below(500),
      pause: chance(prng, 70) ? prng.below(50) : prng.below(4_000),
      ttl: chance(prng, 80) ? 0 : between(prng, 1, 5),
      fails: chance(prng, 10),
      ...drawCondition(prng)
    }
  }
  if (kind < 935) return { _tag: "ListDevices" }
  if (kind < 950) return { _tag: "SetSharedData", version: prng.below(100) }
  if (kind < 965) return { _tag: "GetSharedData" }
  if (kind < 985) return { _tag: "RetryNow" }
  if (kind < 993 || others.length === 0) return { _tag: "SwitchOff", lasts: between(prng, 500, 30_000) }
  return { _tag: "Drop", target: pick(prng, others) }
}

/**
 * The names of the other devices of its group.
 *
 * @category getters
 * @since 0.1.0
 */
export const siblings = ({ group, name }: DeviceSpec, devices: ReadonlyArray<DeviceSpec>): ReadonlyArray<string> =>
  devices.filter((other) => other.group === group && other.name !== name).map((other) => other.name)

/**
 * Devices as people have them: one is chatty, one quiet, one mostly switched off; all of them do everything that a
 * device can do, now and then.
 *
 * @category workloads
 * @since 0.1.0
 */
export const livelyWorkload: Workload = (prng, devices, duration) => {
  const operations: Array<ScheduledOperation> = []
  for (const device of devices) {
    const { joinsAt, name } = device
    const targets = siblings(device, devices)
    const temper = pick(prng, ["chatty", "chatty", "quiet", "away"] as const)
    const gap = temper === "chatty" ? between(prng, 1_000, 12_000) : between(prng, 12_000, 50_000)
    for (let at = joinsAt + prng.below(gap); at < duration; at += 1 + prng.below(2 * gap)) {
      operations.push({ at, device: name, operation: operationOf(prng, targets) })
      if (temper === "away" && chance(prng, 40)) {
        const lasts = between(prng, 5_000, 60_000)
        const off = at + 1 + prng.below(2_000)
        if (off < duration) operations.push({ at: off, device: name, operation: { _tag: "SwitchOff", lasts } })
        at += lasts
      }
    }
  }
  return operations.sort((a, b) => a.at - b.at)
}

/**
 * A conversation: every device reflects one message each `period`. Throws an `InvalidSimulateOptions` where that is not finite
 * and above 0.
 *
 * @category workloads
 * @since 0.1.0
 */
export const chatWorkload = (period: Duration.Input, bytes = 100): Workload => {
  const gap = drawnMillis("period", period)
  return (prng, devices, duration) => {
    const operations: Array<ScheduledOperation> = []
    for (const { name } of devices) {
      for (let at = prng.below(gap); at < duration; at += gap) {
        operations.push({ at, device: name, operation: { _tag: "Reflect", count: 1, bytes } })
      }
    }
    return operations.sort((a, b) => a.at - b.at)
  }
}

/**
 * The option that gives every device of a group of so many a slot; empty where the mediator's usual slots suffice.
 *
 * @category getters
 * @since 0.1.0
 */
export const roomFor = (largest: number): Pick<Conditions["mediator"], "maxDeviceSlots"> =>
  largest > strictOptions.maxDeviceSlots ? { maxDeviceSlots: largest } : {}

/** A client that holds little: what it would wait with, or pass over, is more than short worlds have. */
const drawClient = (prng: Prng.Prng): Pick<Conditions, "client"> => {
  const client = {
    ...(chance(prng, 15) ? { reflects: between(prng, 200, 4_000) } : {}),
    ...(chance(prng, 15) ? { reflected: between(prng, 1, 8) } : {})
  }
  return Object.keys(client).length === 0 ? {} : { client }
}

/**
 * Limits in bytes, which few runs have: a queue holds some long messages or many short ones, and a transaction one or two.
 * Drawn from a source of their own, so that the rest stays what it was.
 */
const drawByteLimits = (prng: Prng.Prng): Pick<Conditions["mediator"], "queueBytes" | "transactionBytes"> => ({
  ...(chance(prng, 8) ? { queueBytes: between(prng, 1_000, chance(prng, 50) ? 6_000 : 60_000) } : {}),
  ...(chance(prng, 5) ? { transactionBytes: between(prng, 200, 1_200) } : {})
})

/**
 * A handler that stands still while its device has next to no room for what comes meanwhile, in a few runs: only there is the
 * reading held up for long, and what a device waits for comes behind it. Drawn from a source of its own.
 */
const drawStandstill = (
  prng: Prng.Prng,
  { duration, level }: { readonly duration: number; readonly level: FaultLevel },
  devices: ReadonlyArray<DeviceSpec>
): { readonly reflected: number; readonly fault: ScheduledFault } | undefined => {
  if ((level !== "swarm" && level !== "brutal") || devices.length === 0 || !chance(prng, 6)) return undefined
  const fault = standstill(prng, devices)
  if (fault.lasts >= duration) return undefined
  return { reflected: between(prng, 1, 2), fault: { at: prng.below(duration - fault.lasts), fault } }
}

/**
 * Devices say things to the chat server: a few at a time, each `gap` ms or so.
 *
 * @category workloads
 * @since 0.1.0
 */
export const chatter = (
  prng: Prng.Prng,
  devices: ReadonlyArray<DeviceSpec>,
  duration: number,
  gap: number
): ReadonlyArray<ScheduledOperation> => {
  const operations: Array<ScheduledOperation> = []
  for (const { joinsAt, name } of devices) {
    for (let at = joinsAt + prng.below(gap); at < duration; at += 1 + prng.below(2 * gap)) {
      operations.push({ at, device: name, operation: { _tag: "Chat", count: between(prng, 1, 8) } })
    }
  }
  return operations
}

/**
 * A device with next to no room for messages of the chat server, whose handler of them fails, stands still or is slow, in a few
 * runs. Drawn from a source of its own.
 */
const drawChatTroubles = (
  prng: Prng.Prng,
  { duration, level }: { readonly duration: number; readonly level: FaultLevel },
  devices: ReadonlyArray<DeviceSpec>
) => {
  if ((level !== "swarm" && level !== "brutal") || devices.length === 0 || !chance(prng, 8)) return undefined
  const device = { ...pick(prng, devices), chats: true }
  const faults: Array<ScheduledFault> = []
  for (let at = prng.below(10_000); at < duration; at += 1 + prng.below(30_000)) {
    faults.push({ at, fault: chatTrouble(prng, [device]) })
  }
  const operations = chatter(prng, [device], duration, pick(prng, [500, 2_000, 8_000]))
  return { device, chat: between(prng, 1, 6), faults, operations }
}

const drawConditions = (prng: Prng.Prng, level: FaultLevel, largest: number): Conditions => {
  const mediator: { -readonly [K in keyof Conditions["mediator"]]: Conditions["mediator"][K] } = roomFor(largest)
  const isVaried = level === "swarm" || level === "brutal"
  if (isVaried) {
    if (chance(prng, 25)) mediator.firstReflectedId = 0xffff_ffff - prng.below(20)
    if (chance(prng, 10)) mediator.queueMessages = between(prng, 5, 60)
    if (chance(prng, 10)) mediator.maxDeviceSlots = Math.max(1, largest - 1)
    if (chance(prng, 30)) mediator.transactionTtl = between(prng, 1_000, 10_000)
    if (chance(prng, 5)) mediator.transactionMessages = between(prng, 1, 3)
    if (chance(prng, 40)) mediator.volatileGrace = between(prng, 2_000, 40_000)
    if (chance(prng, 30)) mediator.deliveryMessages = between(prng, 1, 8)
    if (chance(prng, 20)) {
      mediator.outgoingHighWater = between(prng, 200, 20_000)
      mediator.outgoingLowWater = prng.below(200)
    }
    if (chance(prng, 20)) mediator.strict = false
  }
  const far = chance(prng, 30)
  return {
    preempt: pick(prng, [0, 0, 0, 0.002, 0.02]),
    latency: {
      base: far ? between(prng, 20, 150) : between(prng, 0, 20),
      spread: pick(prng, [0, 5, 30, 200]),
      tailChance: chance(prng, 20) ? 1 / 32 : 0,
      tail: between(prng, 100, 2_000)
    },
    // A world with the real one takes four times as long.
    crypto: prng.below(256) === 0 ? "real" : "bulk",
    storeLatency: chance(prng, 30) ? between(prng, 1, 40) : 0,
    diskLatency: chance(prng, 30) ? between(prng, 1, pick(prng, [10, 1_500])) : 0,
    userDelay: between(prng, 500, 10_000),
    mediator: { ...mediator, ...(isVaried ? drawByteLimits(prng.fork("byte limits")) : {}) },
    ...(isVaried ? drawClient(prng.fork("client")) : {})
  }
}

/** Most worlds have one group; in the others, what is of one is none of the other's business. */
const drawGroups = (prng: Prng.Prng): number => (chance(prng, 75) ? 1 : chance(prng, 80) ? 2 : 3)

const drawDevice = (prng: Prng.Prng, index: number, group: number, level: FaultLevel, duration: number): DeviceSpec => {
  const isVaried = level === "swarm" || level === "brutal"
  return {
    name: ["phone", "desktop", "tablet"][index] ?? `device${index + 1}`,
    group,
    joinsAt: index === 0 || chance(prng, 70) ? prng.below(500) : prng.below(Math.max(1, Math.floor(duration / 2))),
    expiration: isVaried && chance(prng, 20) ? "Volatile" : "Persistent",
    exhausted: isVaried && chance(prng, 30) ? "DropLeastRecent" : "Reject",
    skew: isVaried && chance(prng, 20) ? between(prng, -600_000, 600_000) : 0,
    chats: isVaried && chance(prng, 15)
  }
}

/** Unless an option says otherwise, in ms: a minute. */
const usualDuration = 60_000

/**
 * Makes the schedule of a seed: the same for the same options, whatever the engine. Throws an `InvalidSimulateOptions` for a
 * duration that nothing can be drawn for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const swarm = (options: SwarmOptions): Schedule => {
  const { devices: count = 3, faults = "swarm", misbehaving = false, seed } = options
  const duration = options.duration === undefined ? usualDuration : drawnMillis("duration", options.duration)
  const prng = Prng.make(seed).fork("schedule")
  const groups = Math.max(1, Math.min(options.groups ?? drawGroups(prng.fork("groups")), count))
  const conditions = drawConditions(prng.fork("conditions"), faults, Math.ceil(count / groups))
  const specs = prng.fork("devices")
  const devices = Array.from({ length: count }, (_, index) =>
    drawDevice(specs, index, index % groups, faults, duration)
  )
  const knobs = { duration, level: faults }
  const standing = drawStandstill(prng.fork("standstill"), knobs, devices)
  const troubled = drawChatTroubles(prng.fork("chat handlers"), knobs, devices)
  const operations = (options.workload ?? livelyWorkload)(prng.fork("workload"), devices, duration)
  // A workload that was given is all that devices do.
  const isSaid = troubled !== undefined && options.workload === undefined
  const client = {
    ...conditions.client,
    ...(standing === undefined ? {} : { reflected: standing.reflected }),
    ...(troubled === undefined ? {} : { chat: troubled.chat })
  }
  return {
    version: 1,
    seed,
    duration,
    conditions: Object.keys(client).length === 0 ? conditions : { ...conditions, client },
    devices: devices.map((device) => (device.name === troubled?.device.name ? troubled.device : device)),
    operations: isSaid ? byTime([...operations, ...troubled.operations]) : operations,
    faults: byTime([
      ...drawFaults(prng.fork("faults"), { duration, faults, misbehaving }, devices),
      ...(standing === undefined ? [] : [standing.fault]),
      ...(troubled?.faults ?? [])
    ])
  }
}
