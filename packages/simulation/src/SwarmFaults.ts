/**
 * What goes wrong under a seed.
 *
 * Owns how a fault of each kind is drawn, and which kinds a run has of how many: some seeds have no faults and some are brutal,
 * and some have only one kind and much of it.
 *
 * @since 0.1.0
 */
import * as Prng from "./Prng.ts"
import type { DeviceSpec, ScheduledFault } from "./Schedule.ts"
import { ackDeeds, hasFrame, Misbehaviour, MisbehaviourFrame, type WorldFault } from "./WorldFault.ts"

/**
 * How much goes wrong: nothing, a little of the network, whatever the seed draws, or much of everything.
 *
 * @category models
 * @since 0.1.0
 */
export type FaultLevel = "none" | "light" | "swarm" | "brutal"

/** What the faults of a run are drawn for. */
interface FaultOptions {
  /** Length of the safety phase in ms. */
  readonly duration: number
  readonly faults: FaultLevel
  /** Whether the mediator does what a faithful one never does. */
  readonly misbehaving: boolean
}

const { between, chance, pick } = Prng

export const byTime = <A extends { readonly at: number }>(entries: ReadonlyArray<A>): ReadonlyArray<A> =>
  entries.toSorted((a, b) => a.at - b.at)

/** Most servers that refuse an upgrade say for how long they want to be left alone, and few for long. */
const refusedUpgrade = (prng: Prng.Prng, devices: ReadonlyArray<DeviceSpec>) =>
  ({
    _tag: "RefuseUpgrade",
    device: pick(prng, devices).name,
    status: pick(prng, [503, 503, 429, 502]),
    retryAfter: chance(prng, 30) ? 0 : 1_000 * between(prng, 1, chance(prng, 85) ? 20 : 120),
    lasts: prng.below(15_000)
  }) as const

/** A handler that stands still for so long that its device has to go on without it. */
export const standstill = (prng: Prng.Prng, devices: ReadonlyArray<DeviceSpec>) =>
  ({ _tag: "HandlerStalls", device: pick(prng, devices).name, lasts: between(prng, 20_000, 55_000) }) as const

/** The kinds of faults, each with a way to draw one. */
const faultKinds: Readonly<
  Record<
    WorldFault["_tag"],
    (prng: Prng.Prng, devices: ReadonlyArray<DeviceSpec>, misbehaviour: ReadonlyArray<Misbehaviour>) => WorldFault
  >
> = {
  Stall: (prng, devices) => ({
    _tag: "Stall",
    device: pick(prng, devices).name,
    ways: pick(prng, [["up"], ["down"], ["up", "down"]] as const),
    lasts: chance(prng, 70) ? prng.below(5_000) : prng.below(50_000)
  }),
  Delay: (prng, devices) => ({
    _tag: "Delay",
    device: pick(prng, devices).name,
    way: pick(prng, ["up", "down"] as const),
    by: between(prng, 50, 8_000),
    lasts: prng.below(20_000)
  }),
  Slow: (prng, devices) => ({
    _tag: "Slow",
    device: pick(prng, devices).name,
    way: pick(prng, ["up", "down"] as const),
    bytesPerMilli: between(prng, 1, 200) / 16,
    lasts: prng.below(20_000)
  }),
  Refuse: (prng, devices) => ({ _tag: "Refuse", device: pick(prng, devices).name, lasts: prng.below(15_000) }),
  RefuseUpgrade: (prng, devices) => refusedUpgrade(prng, devices),
  Reset: (prng, devices) => ({ _tag: "Reset", device: pick(prng, devices).name }),
  Vanish: (prng, devices) => ({ _tag: "Vanish", device: pick(prng, devices).name }),
  LoseCloseCodes: (prng, devices) => ({
    _tag: "LoseCloseCodes",
    device: pick(prng, devices).name,
    lasts: prng.below(60_000)
  }),
  SlowReader: (prng, devices) => ({
    _tag: "SlowReader",
    device: pick(prng, devices).name,
    gap: between(prng, 5, 1_500),
    lasts: prng.below(20_000)
  }),
  Crash: (prng, devices) => ({
    _tag: "Crash",
    device: pick(prng, devices).name,
    downFor: chance(prng, 80) ? prng.below(5_000) : prng.below(40_000),
    withoutStorage: chance(prng, 10),
    isTold: chance(prng, 60)
  }),
  Pause: (prng, devices) => ({
    _tag: "Pause",
    device: pick(prng, devices).name,
    lasts: chance(prng, 70) ? prng.below(5_000) : prng.below(90_000)
  }),
  ClockJump: (prng, devices) => ({
    _tag: "ClockJump",
    device: pick(prng, devices).name,
    by: (chance(prng, 60) ? between(prng, -60_000, 60_000) : between(prng, -7_200_000, 7_200_000)) | 0
  }),
  Twin: (prng, devices) => ({ _tag: "Twin", device: pick(prng, devices).name, lasts: between(prng, 500, 20_000) }),
  DiskFull: (prng, devices) => ({ _tag: "DiskFull", device: pick(prng, devices).name, lasts: prng.below(10_000) }),
  HandlerFails: (prng, devices) => ({
    _tag: "HandlerFails",
    device: pick(prng, devices).name,
    how: pick(prng, ["Fails", "Dies"] as const),
    lasts: prng.below(10_000)
  }),
  HandlerStalls: (prng, devices) => ({
    _tag: "HandlerStalls",
    device: pick(prng, devices).name,
    lasts: prng.below(40_000)
  }),
  HandlerSlow: (prng, devices) => ({
    _tag: "HandlerSlow",
    device: pick(prng, devices).name,
    by: between(prng, 10, 5_000),
    lasts: prng.below(30_000)
  }),
  ChatHandlerFails: (prng, devices) => ({
    _tag: "ChatHandlerFails",
    device: pick(prng, devices).name,
    how: pick(prng, ["Ends", "Dies"] as const),
    lasts: prng.below(5_000)
  }),
  ChatHandlerStalls: (prng, devices) => ({
    _tag: "ChatHandlerStalls",
    device: pick(prng, devices).name,
    lasts: chance(prng, 60) ? between(prng, 15_000, 55_000) : prng.below(8_000)
  }),
  ChatHandlerSlow: (prng, devices) => ({
    _tag: "ChatHandlerSlow",
    device: pick(prng, devices).name,
    by: between(prng, 10, 6_000),
    lasts: prng.below(30_000)
  }),
  Garble: (prng, devices) => ({
    _tag: "Garble",
    device: pick(prng, devices).name,
    count: chance(prng, 70) ? 1 : between(prng, 2, 5)
  }),
  MediatorCrash: (prng) => ({
    _tag: "MediatorCrash",
    downFor: prng.below(8_000),
    kept: prng.below(4),
    isTold: chance(prng, 70)
  }),
  MediatorRestart: (prng) => ({ _tag: "MediatorRestart", downFor: prng.below(8_000) }),
  StoreFails: (prng) => ({ _tag: "StoreFails", lasts: prng.below(5_000) }),
  StoreSlow: (prng) => ({ _tag: "StoreSlow", by: between(prng, 5, 3_000), lasts: prng.below(15_000) }),
  ChatFails: (prng) => ({
    _tag: "ChatFails",
    how: pick(prng, ["Unreachable", "Ended", "Failed", "CanReconnect", "CannotReconnect"] as const),
    lasts: prng.below(10_000)
  }),
  Misbehave: (prng, devices, misbehaviour) => ({
    _tag: "Misbehave",
    device: pick(prng, devices).name,
    how: pick(prng, misbehaviour),
    count: chance(prng, 80) ? 1 : between(prng, 2, 10)
  })
}

const networkOnly: ReadonlyArray<WorldFault["_tag"]> = ["Stall", "Delay", "Slow", "Refuse", "Reset", "LoseCloseCodes"]
/** Drawn apart from the others, each from a source of its own. */
const apart: ReadonlySet<WorldFault["_tag"]> = new Set([
  "Misbehave",
  "RefuseUpgrade",
  "Garble",
  "ChatHandlerFails",
  "ChatHandlerStalls",
  "ChatHandlerSlow"
])
const faithful = (Object.keys(faultKinds) as Array<WorldFault["_tag"]>).filter((kind) => !apart.has(kind))

const misbehaviours = Misbehaviour.literals

/** Which kinds of faults a run has, and how long it takes from one to the next, in ms. */
const drawAppetite = (
  prng: Prng.Prng,
  level: FaultLevel
): { readonly kinds: ReadonlyArray<WorldFault["_tag"]>; readonly gap: number } => {
  switch (level) {
    case "none":
      return { kinds: [], gap: Infinity }
    case "light":
      return { kinds: networkOnly, gap: between(prng, 10_000, 60_000) }
    case "brutal":
      return { kinds: faithful, gap: between(prng, 500, 4_000) }
    case "swarm": {
      const appetite = pick(prng, [0, 15, 40, 80])
      return {
        kinds: faithful.filter(() => chance(prng, appetite)),
        gap: pick(prng, [2_000, 6_000, 15_000, 30_000])
      }
    }
  }
}

/** A handler that stands still comes twice as often as the others. */
const chatTroubles = ["ChatHandlerStalls", "ChatHandlerStalls", "ChatHandlerSlow", "ChatHandlerFails"] as const

/** What befalls the chat handler of one of the devices. */
export const chatTrouble = (prng: Prng.Prng, devices: ReadonlyArray<DeviceSpec>): WorldFault =>
  faultKinds[pick(prng, chatTroubles)](prng, devices, [])

/** Every other crash of the mediator comes while its disk is slow: otherwise next to none meets a write under way. */
const drawSlowDisks = (prng: Prng.Prng, drawn: ReadonlyArray<ScheduledFault>): ReadonlyArray<ScheduledFault> =>
  drawn.flatMap(({ at, fault }) => {
    if (fault._tag !== "MediatorCrash" || chance(prng, 50)) return []
    const lasts = Math.min(at, between(prng, 200, 4_000))
    return [{ at: at - lasts, fault: { _tag: "StoreSlow", by: 10_000, lasts } }]
  })

/** A server that sends devices away before it listens to them: in some runs of a swarm, and in all that are brutal. */
const drawRefusals = (
  prng: Prng.Prng,
  { duration, faults }: FaultOptions,
  devices: ReadonlyArray<DeviceSpec>
): Array<ScheduledFault> => {
  const drawn: Array<ScheduledFault> = []
  if (faults !== "brutal" && (faults !== "swarm" || !chance(prng, pick(prng, [0, 0, 20, 60])))) return drawn
  const gap = faults === "brutal" ? between(prng, 8_000, 40_000) : pick(prng, [6_000, 15_000, 30_000])
  for (let at = prng.below(2 * gap); at < duration; at += 1 + prng.below(2 * gap)) {
    const fault = refusedUpgrade(prng, devices)
    drawn.push({ at, fault })
    // Whoever is connected and stays so would not notice.
    if (chance(prng, 30)) drawn.push({ at, fault: { _tag: "Reset", device: fault.device } })
  }
  return drawn
}

/** A device that writes what nobody can read: in a few runs of a swarm, and in some that are brutal. */
const drawGarbles = (
  prng: Prng.Prng,
  { duration, faults }: FaultOptions,
  devices: ReadonlyArray<DeviceSpec>
): Array<ScheduledFault> => {
  const drawn: Array<ScheduledFault> = []
  if ((faults !== "brutal" && faults !== "swarm") || !chance(prng, faults === "brutal" ? 30 : 12)) return drawn
  for (let at = prng.below(15_000); at < duration; at += 1 + prng.below(30_000)) {
    drawn.push({ at, fault: faultKinds.Garble(prng, devices, []) })
  }
  return drawn
}

/**
 * What is done to acks is mostly done to those of reflects. In some runs it is all that the mediator does wrong, and to a few
 * kinds of frames: nothing else ends a connection then, and who waits for what is lost has to notice.
 */
const aimMisbehaviour = (prng: Prng.Prng, faults: ReadonlyArray<ScheduledFault>): Array<ScheduledFault> => {
  const isOnlyAcks = chance(prng, 15)
  const some = MisbehaviourFrame.literals.filter(() => chance(prng, isOnlyAcks ? 25 : 80))
  const frames = some.length === 0 ? [pick(prng, MisbehaviourFrame.literals)] : some
  return faults.map((scheduled) => {
    const { at, fault } = scheduled
    if (fault._tag !== "Misbehave") return scheduled
    if (isOnlyAcks) return { at, fault: { ...fault, how: pick(prng, ackDeeds), frame: pick(prng, frames) } }
    const isAimed = hasFrame(fault.how) && chance(prng, 40)
    return isAimed ? { at, fault: { ...fault, frame: pick(prng, frames) } } : scheduled
  })
}

/** What goes wrong in a run, in the order of time. */
export const drawFaults = (
  prng: Prng.Prng,
  options: FaultOptions,
  devices: ReadonlyArray<DeviceSpec>
): Array<ScheduledFault> => {
  const { duration, faults, misbehaving } = options
  const { gap, kinds } = drawAppetite(prng, faults)
  const drawn: Array<ScheduledFault> = []
  if (devices.length === 0) return drawn
  if (kinds.length > 0) {
    for (let at = prng.below(2 * gap); at < duration; at += 1 + prng.below(2 * gap)) {
      drawn.push({ at, fault: faultKinds[pick(prng, kinds)](prng, devices, misbehaviours) })
    }
  }
  if (misbehaving) {
    const some = misbehaviours.filter(() => chance(prng, 30))
    const kinds = some.length === 0 ? [pick(prng, misbehaviours)] : some
    const gap = between(prng, 1_000, 15_000)
    const misdeeds: Array<ScheduledFault> = []
    for (let at = prng.below(gap); at < duration; at += 1 + prng.below(2 * gap)) {
      misdeeds.push({ at, fault: faultKinds.Misbehave(prng, devices, kinds) })
    }
    drawn.push(...aimMisbehaviour(prng.fork("aimed misbehaviour"), misdeeds))
  }
  drawn.push(...drawSlowDisks(prng.fork("slow disks"), drawn))
  drawn.push(...drawRefusals(prng.fork("refused upgrades"), options, devices))
  drawn.push(...drawGarbles(prng.fork("garbled envelopes"), options, devices))
  return drawn.sort((a, b) => a.at - b.at)
}
