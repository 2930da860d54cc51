import { assert, describe, it } from "@effect/vitest"
import {
  chatWorkload,
  Misbehaviour,
  MisbehaviourFrame,
  reportOf,
  run,
  Summary,
  swarm,
  type SwarmOptions,
  type Workload,
  WorldFault
} from "../src/index.ts"

/** The kinds of faults that are several, with what sets them apart. */
const details: Readonly<Record<string, ReadonlyArray<string>>> = {
  Stall: ["up", "down", "both"],
  Delay: ["up", "down"],
  Slow: ["up", "down"],
  RefuseUpgrade: ["withRetryAfter", "withoutRetryAfter"],
  Crash: ["withStorage", "withoutStorage"],
  ClockJump: ["ahead", "back"],
  HandlerFails: ["Fails", "Dies"],
  ChatHandlerFails: ["Ends", "Dies"],
  MediatorCrash: ["told", "untold"],
  ChatFails: ["Unreachable", "Ended", "Failed", "CanReconnect", "CannotReconnect"],
  Misbehave: Misbehaviour.literals
}

/** Everything that can go wrong, as a summary counts it. */
const names: ReadonlyArray<string> = [
  ...Object.keys(WorldFault.cases).flatMap((kind) => details[kind]?.map((detail) => `${kind}:${detail}`) ?? [kind]),
  "ClockSkew",
  "MidWrite:kept",
  "MidWrite:lost",
  "MidWrite:device",
  "SlotLost:dropped",
  "SlotLost:expired",
  "SlotLost:ousted",
  "PassedOver"
]

/** Short worlds: what goes wrong in one mostly does so in its first seconds, and the next seed is another beginning. */
const short = { duration: 8_000, devices: 2 } as const

/** What the deeds to acks are done to besides acks of reflects, as a summary counts it. */
const aimed = new Map(
  MisbehaviourFrame.literals
    .filter((frame) => frame !== "ReflectAck")
    .map((frame) => [frame, ["LoseAcks", "DuplicateAcks", "ReorderAcks"].map((how) => `Misbehave:${how}:${frame}`)])
)

/**
 * Both want the lock all the time, so that one of them is rejected; they ask who is there besides, and in the end one of them
 * is dropped.
 */
const contention: Workload = (prng, devices, duration) =>
  devices.flatMap(({ name }, index) => [
    ...Array.from({ length: Math.floor(duration / 1_000) }, (_, second) => ({
      at: 1_000 * second + prng.below(1_000),
      device: name,
      operation: { _tag: "Transaction", count: 2, bytes: 50, pause: 400, ttl: 0, fails: false } as const
    })),
    ...Array.from({ length: 3 }, () => ({
      at: prng.below(duration),
      device: name,
      operation: { _tag: "ListDevices" } as const
    })),
    ...devices.slice(0, index).map(({ name: target }) => ({
      at: duration - prng.below(2_000),
      device: name,
      operation: { _tag: "Drop", target } as const
    }))
  ])

const kinds: ReadonlyArray<Omit<SwarmOptions, "seed"> & { readonly seeds: number }> = [
  { ...short, seeds: 100, faults: "none" },
  { ...short, seeds: 200, faults: "light" },
  { ...short, seeds: 700, faults: "swarm" },
  { ...short, seeds: 300, faults: "swarm", devices: 3 },
  { ...short, seeds: 300, faults: "brutal" },
  { ...short, seeds: 200, faults: "swarm", misbehaving: true },
  { ...short, seeds: 100, faults: "none", misbehaving: true, workload: contention },
  { ...short, seeds: 100, faults: "brutal", misbehaving: true, devices: 3 },
  { ...short, seeds: 250, faults: "none", misbehaving: true, workload: contention, groups: 1 },
  // A connection begins only now and then.
  { seeds: 150, faults: "none", misbehaving: true },
  // A handler has to stand still for long, in front of messages that find no room.
  { seeds: 100, faults: "swarm", devices: 2, groups: 1, workload: chatWorkload("2 seconds") }
]

const runAll = (first: number): Summary => {
  const summary = new Summary()
  let seed = first
  for (const { seeds, ...options } of kinds) {
    for (let n = 0; n < seeds; n++) {
      const report = reportOf(run(swarm({ ...options, seed: seed++ })))
      summary.add(report)
      assert.isUndefined(report.violation, `seed ${report.seed} with ${JSON.stringify(options)}`)
    }
  }
  return summary
}

describe("more than two thousand seeds", { timeout: 180_000 }, () => {
  it("break no rule, and see everything act that can go wrong", () => {
    const summary = runAll(1)
    assert.strictEqual(summary.seeds, 2_500)
    const acted = new Set(summary.faults.map(([kind]) => kind))
    assert.deepStrictEqual(
      names.filter((name) => !acted.has(name)),
      [],
      "have never acted"
    )
    const neverAimedAt = [...aimed].filter(([, deeds]) => !deeds.some((deed) => acted.has(deed)))
    assert.deepStrictEqual(neverAimedAt, [], "were never lost, doubled or late")
    const known = [...names, ...aimed.values()].flat()
    const strangers = [...acted].filter((name) => !name.startsWith("close ") && !known.includes(name))
    assert.deepStrictEqual(strangers, [], "are not known here")
    assert.isAbove(summary.frames, 40_000)
    assert.isAbove(summary.states, 12)
  })
})
