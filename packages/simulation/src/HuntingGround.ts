/**
 * Kinds of schedules in which different bugs come out.
 *
 * Owns the rotation of them that a hunt goes through. Schedules are made by `Swarm`; a ground says which of its knobs are
 * set, and sharpens conditions that a swarm draws only now and then.
 *
 * @since 0.1.0
 */
import type { Operation } from "./Operation.ts"
import * as Prng from "./Prng.ts"
import { largestGroup, type Schedule, type ScheduledFault, type ScheduledOperation } from "./Schedule.ts"
import { chatter, chatWorkload, drawCondition, siblings, swarm, type SwarmOptions, type Workload } from "./Swarm.ts"
import { byTime, chatTrouble, standstill } from "./SwarmFaults.ts"

/**
 * One kind of schedules.
 *
 * @category models
 * @since 0.1.0
 */
export interface HuntingGround {
  readonly name: string
  /** What is likely to come out there. */
  readonly purpose: string
  readonly schedule: (seed: number) => Schedule
}

const { between } = Prng

/** Every device wants the lock all the time, and reflects and says ephemerals besides. */
const contendedWorkload: Workload = (prng, devices, duration) => {
  const operations: Array<ScheduledOperation> = []
  for (const { joinsAt, name } of devices) {
    for (let at = joinsAt + prng.below(2_000); at < duration; at += 200 + prng.below(6_000)) {
      const kind = prng.below(10)
      const operation: Operation =
        kind < 5
          ? {
              _tag: "Transaction",
              count: between(prng, 1, 4),
              bytes: prng.below(300),
              pause: prng.below(kind === 0 ? 4_000 : 400),
              ttl: kind < 2 ? between(prng, 1, 5) : 0,
              fails: prng.below(5) === 0,
              ...drawCondition(prng)
            }
          : kind < 8
            ? { _tag: "Reflect", count: between(prng, 1, 3), bytes: prng.below(300) }
            : { _tag: "Ephemeral", bytes: prng.below(100) }
      operations.push({ at, device: name, operation })
    }
  }
  return operations.sort((a, b) => a.at - b.at)
}

/** All devices want the lock at the same time, and nobody for some seconds after that. */
const occasionalWorkload: Workload = (prng, devices, duration) => {
  const operations: Array<ScheduledOperation> = []
  for (let from = 2_000; from < duration; from += between(prng, 8_000, 14_000)) {
    for (const { name } of devices) {
      const operation: Operation = {
        _tag: "Transaction",
        count: between(prng, 1, 2),
        bytes: prng.below(100),
        pause: between(prng, 300, 2_000),
        ttl: 0,
        fails: false
      }
      operations.push({ at: from + prng.below(600), device: name, operation })
    }
  }
  return operations.sort((a, b) => a.at - b.at)
}

/** Devices come and go, are dropped and register again, ask who is there, say what they share and ask for it. */
const restlessWorkload: Workload = (prng, devices, duration) => {
  const operations: Array<ScheduledOperation> = []
  for (const device of devices) {
    const { joinsAt, name } = device
    const targets = siblings(device, devices)
    for (let at = joinsAt + prng.below(4_000); at < duration; at += 200 + prng.below(5_000)) {
      const kind = prng.below(11)
      const operation: Operation =
        kind < 4
          ? { _tag: "Reflect", count: between(prng, 1, 6), bytes: prng.below(300) }
          : kind < 6
            ? { _tag: "Ephemeral", bytes: prng.below(100) }
            : kind < 7
              ? { _tag: "SwitchOff", lasts: between(prng, 200, 12_000) }
              : kind < 8
                ? { _tag: "SetSharedData", version: prng.below(1_000) }
                : kind < 9
                  ? { _tag: "GetSharedData" }
                  : kind < 10 || targets.length === 0
                    ? { _tag: "ListDevices" }
                    : { _tag: "Drop", target: prng.below(4) === 0 ? name : targets[prng.below(targets.length)]! }
      operations.push({ at, device: name, operation })
    }
  }
  return operations.sort((a, b) => a.at - b.at)
}

/** Sharpens a schedule with a source of its own, so that the rest of it stays what its seed says. */
const sharpened =
  (options: Omit<SwarmOptions, "seed">, sharpen: (schedule: Schedule, prng: Prng.Prng) => Partial<Schedule>) =>
  (seed: number): Schedule => {
    const schedule = swarm({ ...options, seed })
    return { ...schedule, ...sharpen(schedule, Prng.make(seed).fork("hunting ground")) }
  }

const plain = (options: Omit<SwarmOptions, "seed">) => (seed: number) => swarm({ ...options, seed })

/** One or several faults at a time, each `gap` ms or so, drawn by `draw`. */
const faultsEvery = (
  prng: Prng.Prng,
  duration: number,
  gap: number,
  draw: () => ScheduledFault["fault"] | ReadonlyArray<ScheduledFault["fault"]>
): Array<ScheduledFault> => {
  const faults: Array<ScheduledFault> = []
  for (let at = prng.below(gap); at < duration; at += 1 + prng.below(2 * gap)) {
    for (const fault of [draw()].flat()) faults.push({ at, fault })
  }
  return faults
}

// What is stalled comes all at once, and who has vanished comes back while its old connection still stands.
const contended = sharpened(
  { faults: "swarm", workload: contendedWorkload },
  ({ devices, duration, faults }, prng) => ({
    faults: byTime([
      ...faults,
      ...faultsEvery(prng, duration, 5_000, () => {
        const device = devices[prng.below(devices.length)]!.name
        return prng.below(3) === 0
          ? { _tag: "Vanish", device }
          : { _tag: "Stall", device, ways: ["down"], lasts: prng.below(3_000) }
      })
    ])
  })
)

// A rejection and the end of what was in the way come at once, and nothing comes after them that would help.
const lulls = sharpened(
  { faults: "light", devices: 2, groups: 1, workload: occasionalWorkload },
  ({ devices, duration, faults }, prng) => ({
    faults: byTime([
      ...faults,
      ...faultsEvery(prng, duration, 2_000, () => ({
        _tag: "Stall",
        device: devices[prng.below(devices.length)]!.name,
        ways: ["down"],
        lasts: between(prng, 500, 3_500)
      }))
    ])
  })
)

/** Every other queue is short in bytes, whether it is in messages or not. */
const shortInBytes = (prng: Prng.Prng): { readonly queueBytes?: number } =>
  prng.below(2) === 0 ? { queueBytes: between(prng, 600, 4_000) } : {}

const narrow = sharpened({ faults: "swarm", workload: restlessWorkload }, ({ conditions, devices }, prng) => ({
  conditions: {
    ...conditions,
    mediator: {
      ...conditions.mediator,
      firstReflectedId: 0xffff_ffff - prng.below(12),
      volatileGrace: between(prng, 500, 6_000),
      deliveryMessages: between(prng, 1, 3),
      ...(prng.below(2) === 0 ? { queueMessages: between(prng, 3, 12) } : {}),
      ...shortInBytes(prng.fork("queue bytes")),
      ...(prng.below(3) === 0 ? { maxDeviceSlots: Math.max(1, largestGroup(devices) - 1) } : {}),
      ...(prng.below(2) === 0 ? { outgoingHighWater: between(prng, 200, 2_000), outgoingLowWater: 100 } : {})
    }
  },
  devices: devices.map((device) => ({ ...device, expiration: prng.below(2) === 0 ? "Volatile" : "Persistent" }))
}))

/** While a device registers, the others ask who is there. */
const listedAtJoins = ({ devices }: Schedule, prng: Prng.Prng): ReadonlyArray<ScheduledOperation> =>
  devices.flatMap((device) => {
    const others = siblings(device, devices)
    if (others.length === 0) return []
    return Array.from({ length: 6 }, () => ({
      at: device.joinsAt + prng.below(1_000),
      device: Prng.pick(prng, others),
      operation: { _tag: "ListDevices" } as const
    }))
  })

const slowStore = sharpened({ faults: "light" }, (schedule, prng) => ({
  conditions: { ...schedule.conditions, storeLatency: between(prng, 20, 400), diskLatency: prng.below(20) },
  faults: byTime([
    ...schedule.faults,
    ...faultsEvery(prng, schedule.duration, 12_000, () => {
      const kind = prng.below(4)
      return kind === 0
        ? { _tag: "StoreFails", lasts: prng.below(2_000) }
        : kind === 1
          ? { _tag: "MediatorRestart", downFor: prng.below(3_000) }
          : { _tag: "MediatorCrash", downFor: prng.below(3_000), kept: prng.below(2), isTold: true }
    })
  ]),
  operations: [...schedule.operations, ...listedAtJoins(schedule, prng)].sort((a, b) => a.at - b.at)
}))

const poorHandlers = sharpened({ faults: "light" }, ({ devices, duration, faults }, prng) => ({
  faults: byTime([
    ...faults,
    ...faultsEvery(prng, duration, 6_000, () => {
      const device = devices[prng.below(devices.length)]!.name
      const kind = prng.below(6)
      if (kind < 2) return { _tag: "HandlerStalls", device, lasts: prng.below(8_000) }
      if (kind < 4)
        return { _tag: "HandlerFails", device, how: kind === 2 ? "Fails" : "Dies", lasts: prng.below(5_000) }
      return kind === 4
        ? { _tag: "Crash", device, downFor: prng.below(3_000), withoutStorage: false, isTold: true }
        : { _tag: "Reset", device }
    })
  ])
}))

const backlog = sharpened(
  { faults: "light", groups: 1, workload: contendedWorkload },
  ({ conditions, devices, duration, faults, operations }, prng) => ({
    conditions: {
      ...conditions,
      mediator: {
        ...conditions.mediator,
        deliveryMessages: between(prng, 1, 4),
        outgoingHighWater: between(prng, 200, 1_000),
        outgoingLowWater: prng.below(200)
      }
    },
    operations: operations.map((entry, at) =>
      at % 12 === 0
        ? { ...entry, operation: { _tag: "SwitchOff" as const, lasts: between(prng, 2_000, 15_000) } }
        : entry
    ),
    faults: byTime([
      ...faults,
      ...faultsEvery(prng, duration, 2_000, () => {
        const device = devices[prng.below(devices.length)]!.name
        const kind = prng.below(8)
        if (kind < 5) {
          return {
            _tag: "Slow",
            device,
            way: "down",
            bytesPerMilli: between(prng, 1, 16) / 16,
            lasts: prng.below(8_000)
          }
        }
        if (kind < 7) return { _tag: "HandlerStalls", device, lasts: prng.below(10_000) }
        return { _tag: "MediatorRestart", downFor: prng.below(2_000) }
      })
    ])
  })
)

const siege = sharpened(
  { faults: "light", devices: 2, groups: 1, duration: 40 * 60_000 },
  ({ devices, duration, operations }, prng) => ({
    operations: operations.filter((_, at) => at % 16 === 0),
    faults: byTime([
      {
        at: prng.below(60_000),
        fault: { _tag: "Refuse", device: devices[0]!.name, lasts: between(prng, 60_000, duration) }
      },
      ...faultsEvery(prng, duration, 5 * 60_000, () => ({ _tag: "Reset", device: devices[1]!.name })),
      // Longer than the mediator puts up with silence: nobody comes back meanwhile to replace what was left behind.
      ...faultsEvery(prng, duration, 10 * 60_000, () => ({
        _tag: "Crash",
        device: devices[1]!.name,
        downFor: between(prng, 50_000, 180_000),
        withoutStorage: false,
        isTold: false
      }))
    ])
  })
)

// While the chat server has said goodbye and not ended, the mediator closes for a reason of its own.
const goodbyes = sharpened({ faults: "light", groups: 1 }, ({ devices, duration, faults }, prng) => ({
  devices: devices.map((device) => ({ ...device, chats: true })),
  faults: byTime([
    ...faults,
    ...faultsEvery(prng, duration, 5_000, () => ({
      _tag: "ChatFails",
      how: prng.below(3) === 0 ? "CannotReconnect" : "CanReconnect",
      lasts: between(prng, 100, 6_000)
    })),
    ...faultsEvery(prng, duration, 4_000, () => ({
      _tag: "Twin",
      device: devices[prng.below(devices.length)]!.name,
      lasts: between(prng, 500, 3_000)
    }))
  ])
}))

// Between a write that has been done and the next one, which belongs with it, a device dies or its disk is full.
const dyingDevices = sharpened({ faults: "light" }, ({ conditions, devices, duration, faults }, prng) => ({
  conditions: { ...conditions, diskLatency: between(prng, 100, 1_500) },
  faults: byTime([
    ...faults,
    ...faultsEvery(prng, duration, 6_000, () => ({
      _tag: "HandlerFails",
      device: devices[prng.below(devices.length)]!.name,
      how: prng.below(2) === 0 ? "Fails" : "Dies",
      lasts: between(prng, 4_000, 12_000)
    })),
    ...faultsEvery(prng, duration, 4_000, () => {
      const device = devices[prng.below(devices.length)]!.name
      return prng.below(3) === 0
        ? { _tag: "DiskFull", device, lasts: prng.below(2_000) }
        : { _tag: "Crash", device, downFor: prng.below(2_000), withoutStorage: false, isTold: true }
    })
  ])
}))

// What devices share can be read on one connection and not on the next, and is asked for on both.
const misbehaving = sharpened(
  { faults: "light", misbehaving: true },
  ({ devices, duration, faults, operations }, prng) => ({
    operations: [
      ...operations,
      ...devices.flatMap(({ joinsAt, name }) => {
        const asked: Array<ScheduledOperation> = []
        for (let at = joinsAt + prng.below(8_000); at < duration; at += between(prng, 500, 12_000)) {
          const operation: Operation =
            prng.below(4) === 0 ? { _tag: "SetSharedData", version: prng.below(1_000) } : { _tag: "GetSharedData" }
          asked.push({ at, device: name, operation })
        }
        return asked
      })
    ].sort((a, b) => a.at - b.at),
    faults: byTime([
      ...faults,
      ...faultsEvery(prng, duration, 10_000, () => {
        const device = devices[prng.below(devices.length)]!.name
        return [
          { _tag: "Misbehave", device, how: "AlteredBlobs", count: 1 },
          { _tag: "Reset", device }
        ]
      })
    ])
  })
)

// An end of a transaction that is lost comes never again, and nothing else happens that would get a device out of its wait.
const lostEnds = sharpened(
  { faults: "none", devices: 2, groups: 1, duration: 3 * 60_000, workload: occasionalWorkload },
  ({ devices, duration }, prng) => ({
    faults: faultsEvery(prng, duration, 20_000, () => ({
      _tag: "Misbehave",
      device: devices[prng.below(devices.length)]!.name,
      how: "LoseAcks",
      count: between(prng, 1, 8),
      frame: "TransactionEnded"
    }))
  })
)

// Messages that find no room come in front of what a device waits for, unless it is one that has nothing to say.
const standstills = sharpened(
  { faults: "light", devices: 2, groups: 1, duration: 3 * 60_000, workload: chatWorkload("2 seconds") },
  ({ conditions, devices, duration, faults, operations }, prng) => {
    const isQuiet = prng.below(3) === 0
    return {
      conditions: { ...conditions, client: { reflected: between(prng, 1, 4) } },
      operations: isQuiet ? operations.filter(({ device }) => device === devices[0]!.name) : operations,
      faults: byTime([...faults, ...faultsEvery(prng, duration, 40_000, () => standstill(prng, devices))])
    }
  }
)

// What the chat server says finds no room in front of what a device waits for, unless it is one that has nothing to say.
const stuckChats = sharpened(
  { faults: "light", devices: 2, groups: 1, duration: 3 * 60_000, workload: chatWorkload("2 seconds") },
  ({ conditions, devices, duration, faults, operations }, prng) => {
    const isQuiet = prng.below(3) === 0
    const asked = isQuiet ? operations.filter(({ device }) => device === devices[0]!.name) : operations
    return {
      conditions: { ...conditions, client: { chat: between(prng, 1, 4) } },
      devices: devices.map((device) => ({ ...device, chats: true })),
      operations: byTime([...asked, ...chatter(prng, devices, duration, between(prng, 500, 4_000))]),
      faults: byTime([...faults, ...faultsEvery(prng, duration, 20_000, () => chatTrouble(prng, devices))])
    }
  }
)

/**
 * The grounds that a hunt goes through, one seed each and then from the first again.
 *
 * @category constants
 * @since 0.1.0
 */
export const huntingGrounds: ReadonlyArray<HuntingGround> = [
  { name: "swarm", purpose: "whatever the seed draws", schedule: plain({ faults: "swarm" }) },
  { name: "calm", purpose: "nothing goes wrong", schedule: plain({ faults: "none" }) },
  { name: "brutal", purpose: "much of everything goes wrong", schedule: plain({ faults: "brutal" }) },
  {
    name: "contended",
    purpose: "all devices want the lock, and connections are lost",
    schedule: contended
  },
  { name: "lulls", purpose: "a lock that is wanted now and then, and answers that come all at once", schedule: lulls },
  { name: "narrow", purpose: "ids that wrap, short queues, few slots, small chunks", schedule: narrow },
  { name: "slow store", purpose: "a slow store, and a mediator that crashes", schedule: slowStore },
  { name: "poor handlers", purpose: "handlers that stall, fail and die, and crashes", schedule: poorHandlers },
  {
    name: "misbehaving",
    purpose: "a mediator that does what a faithful one never does",
    schedule: misbehaving
  },
  { name: "backlog", purpose: "devices that are far behind, on slow connections with little room", schedule: backlog },
  { name: "dying devices", purpose: "slow disks, and crashes between two writes", schedule: dyingDevices },
  { name: "goodbyes", purpose: "a chat server that sends its users away, or lets them return", schedule: goodbyes },
  { name: "siege", purpose: "long outages, and connections that hold in between", schedule: siege },
  { name: "lost ends", purpose: "ends of transactions that are lost, and calm otherwise", schedule: lostEnds },
  {
    name: "standstills",
    purpose: "handlers that stand still for long, and little room for messages",
    schedule: standstills
  },
  {
    name: "stuck chats",
    purpose: "chat handlers that stand still, are slow or end, and little room for what the chat server says",
    schedule: stuckChats
  }
]

/**
 * The schedule of the `attempt`th try of a hunt, from 0.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attemptOf = (
  attempt: number,
  grounds: ReadonlyArray<HuntingGround> = huntingGrounds
): { readonly ground: HuntingGround; readonly schedule: Schedule } => {
  const ground = grounds[attempt % grounds.length]!
  return { ground, schedule: ground.schedule(attempt) }
}
