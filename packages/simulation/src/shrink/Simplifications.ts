/**
 * What can be made simpler in a schedule without taking anything out: fewer and shorter messages, shorter waits, earlier
 * and rounder times, conditions in which nothing is out of the ordinary.
 *
 * Every step makes some number smaller or some option default, so that the search comes to an end.
 *
 * @since 0.1.0
 */
import type { Operation } from "../Operation.ts"
import { calm, type Conditions, type DeviceSpec, type Schedule } from "../Schedule.ts"
import type { WorldFault } from "../WorldFault.ts"
import type { Attempt } from "./Attempt.ts"

/** Simpler values for a number, the simplest first. */
const smaller = (value: number, least: number): ReadonlyArray<number> => {
  const half = Math.floor(value / 2)
  // The coarsest grid that the number is not on yet.
  const grid = [1_000, 100, 10, 1].map((size) => Math.floor(value / size) * size)
  return [...new Set([least, ...(half > least ? [half] : []), ...grid])].filter(
    (candidate) => candidate >= least && candidate < value
  )
}

/** Tries variants until one will do, and goes on from there, until none of them does. */
const settle = (
  schedule: Schedule,
  attempt: Attempt,
  variants: (schedule: Schedule) => Iterable<Schedule>
): Schedule => {
  let simplest = schedule
  search: for (;;) {
    for (const variant of variants(simplest)) {
      const found = attempt(variant)
      if (found === undefined) continue
      simplest = found
      continue search
    }
    return simplest
  }
}

/** Fields of operations and faults that can be smaller, and how small. */
const least: Readonly<Record<string, number>> = {
  count: 1,
  bytes: 0,
  pause: 0,
  ttl: 0,
  version: 0,
  lasts: 0,
  downFor: 0,
  by: 0,
  holdsFor: 0,
  gap: 1,
  retryAfter: 0,
  kept: 0
}

/** Fields that are simpler one way than the other. */
const plain: Readonly<Record<string, boolean>> = { fails: false, withoutStorage: false, isTold: true }

/** What an operation or a fault could be instead. */
function* simplerValues<A extends Operation | WorldFault>(value: A): Generator<A> {
  for (const [key, field] of Object.entries(value)) {
    const minimum = least[key]
    if (typeof field === "number" && minimum !== undefined) {
      // A clock that was set back is simpler when it was set back by less.
      const sign = field < 0 ? -1 : 1
      for (const number of smaller(Math.abs(field), minimum)) {
        if (number !== 0 || key !== "by") yield { ...value, [key]: sign * number }
      }
    } else if (typeof field === "boolean" && plain[key] !== undefined && field !== plain[key]) {
      yield { ...value, [key]: plain[key] }
    }
  }
  if (value._tag === "Transaction" && value.holdsFor !== undefined) {
    const { holdsFor: _, ...unconditional } = value
    yield unconditional as A
  }
  if (value._tag === "Misbehave" && value.frame !== undefined) {
    const { frame: _, ...ofReflects } = value
    yield ofReflects as A
  }
  if (value._tag === "Stall" && value.ways.length > 1) {
    for (const way of value.ways) yield { ...value, ways: [way] }
  }
}

const replaced = <A>(list: ReadonlyArray<A>, index: number, value: A): ReadonlyArray<A> =>
  list.map((other, at) => (at === index ? value : other))

function* simplerEvents(schedule: Schedule): Generator<Schedule> {
  const { faults, operations } = schedule
  for (const [index, scheduled] of operations.entries()) {
    for (const operation of simplerValues(scheduled.operation)) {
      yield { ...schedule, operations: replaced(operations, index, { ...scheduled, operation }) }
    }
  }
  for (const [index, scheduled] of faults.entries()) {
    for (const fault of simplerValues(scheduled.fault)) {
      yield { ...schedule, faults: replaced(faults, index, { ...scheduled, fault }) }
    }
  }
}

/** Every time of a schedule, in order, each once. */
const timesOf = ({ devices, faults, operations }: Schedule): ReadonlyArray<number> =>
  [
    ...new Set([
      ...devices.map(({ joinsAt }) => joinsAt),
      ...operations.map(({ at }) => at),
      ...faults.map(({ at }) => at)
    ])
  ].sort((a, b) => a - b)

/** Closes the gaps between what happens, wholly or in part; all that comes later comes earlier by as much. */
function* earlier(schedule: Schedule): Generator<Schedule> {
  let previous = 0
  for (const time of timesOf(schedule)) {
    for (const gap of smaller(time - previous, 0)) {
      const shift = time - previous - gap
      const moved = (at: number): number => (at >= time ? at - shift : at)
      yield {
        ...schedule,
        duration: Math.max(1, schedule.duration - shift),
        devices: schedule.devices.map((device) => ({ ...device, joinsAt: moved(device.joinsAt) })),
        operations: schedule.operations.map((operation) => ({ ...operation, at: moved(operation.at) })),
        faults: schedule.faults.map((fault) => ({ ...fault, at: moved(fault.at) }))
      }
    }
    previous = time
  }
}

/** Ends the faults sooner. */
function* shorter(schedule: Schedule): Generator<Schedule> {
  const end = Math.ceil(timesOf(schedule).at(-1) ?? 0) + 1
  for (const duration of smaller(schedule.duration, end)) yield { ...schedule, duration }
}

function* calmer(schedule: Schedule): Generator<Schedule> {
  const { conditions } = schedule
  const { client = {} } = conditions
  const { base } = conditions.latency
  const knobs: ReadonlyArray<Partial<Conditions>> = [
    calm,
    { preempt: 0 },
    { crypto: "bulk" },
    { latency: calm.latency },
    { latency: { base: Math.round(base), spread: 0, tailChance: 0, tail: 0 } },
    { latency: { ...conditions.latency, tailChance: 0, tail: 0 } },
    { storeLatency: 0 },
    { diskLatency: 0 },
    { userDelay: calm.userDelay },
    { mediator: {} },
    { client: {} },
    ...Object.keys(client).map((name) => ({
      client: Object.fromEntries(Object.entries(client).filter(([other]) => other !== name))
    })),
    ...Object.keys(conditions.mediator).map((name) => ({
      mediator: Object.fromEntries(Object.entries(conditions.mediator).filter(([other]) => other !== name))
    }))
  ]
  const before = JSON.stringify(conditions)
  for (const knob of knobs) {
    const { client: held = {}, ...rest } = { ...conditions, ...knob }
    const changed: Conditions = Object.keys(held).length === 0 ? rest : { ...rest, client: held }
    if (JSON.stringify(changed) !== before) yield { ...schedule, conditions: changed }
  }
}

function* plainerDevices(schedule: Schedule): Generator<Schedule> {
  const { devices } = schedule
  const ordinary: ReadonlyArray<Partial<DeviceSpec>> = [
    { group: 0 },
    { skew: 0 },
    { chats: false },
    { expiration: "Persistent" },
    { exhausted: "Reject" }
  ]
  for (const [index, device] of devices.entries()) {
    for (const change of ordinary) {
      const plainer = { ...device, ...change }
      const isPlainer = Object.entries(change).some(([key, value]) => device[key as keyof DeviceSpec] !== value)
      if (isPlainer) yield { ...schedule, devices: replaced(devices, index, plainer) }
    }
  }
}

/**
 * Makes everything as simple as it goes.
 *
 * @category shrinking
 * @since 0.1.0
 */
export const simplify = (schedule: Schedule, attempt: Attempt): Schedule => {
  let simplest = schedule
  for (const variants of [calmer, plainerDevices, simplerEvents, earlier, shorter]) {
    simplest = settle(simplest, attempt, variants)
  }
  return simplest
}
