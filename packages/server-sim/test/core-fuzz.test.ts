import { assert, describe, it } from "@effect/vitest"
import type { ServerFrame } from "@d2m/codec"
import { ack, begin, bytes, commit, drive, hello, id, reflect, type Wire } from "./drive.ts"

/** A reproducible sequence of numbers in 0...1. */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

const number = (envelope: Uint8Array): number => envelope[0]! + envelope[1]! * 256
const envelopeOf = (n: number): Uint8Array => bytes(n & 0xff, n >> 8)
const devices = [1, 2, 3, 4] as const

/** What one device knows about one of its connections. */
interface Seen {
  readonly device: number
  readonly wire: Wire
  /** Ids in the order of their arrival. */
  readonly ids: Array<number>
  inTransaction: boolean
  /** Message numbers by reflect-id, in the order they were sent. */
  readonly unacked: Array<{ readonly reflectId: number; readonly n: number; readonly provisional: boolean }>
  readonly provisional: Array<number>
  isReady: boolean
  isDry: boolean
}

/**
 * Random devices against the core. The oracle knows only what travelled: what was promised to whom, and who got what.
 */
const run = (seed: number) => {
  const next = random(seed)
  const pick = (n: number) => Math.floor(next() * n)
  const wrapsSoon = next() < 0.5
  const d = drive({
    holdDrains: next() < 0.7,
    deliveryMessages: 1 + pick(4),
    maxDeviceSlots: 2 + pick(3),
    idleGroups: pick(2),
    ...(wrapsSoon ? { firstReflectedId: 0xffff_fff0 } : {})
  })
  const open = new Map<number, Seen>()
  /** Message numbers that are owed to each registered device. */
  const owed = new Map<number, Set<number>>()
  /** Message numbers that each registered device got, in the order of their first arrival. */
  const got = new Map<number, Array<number>>()
  const ephemerals = new Set<number>()
  const hidden = new Map<number, number>()
  let nextNumber = 1
  let read = 0

  const promise = (sender: number, n: number): void => {
    for (const [device, messages] of owed) if (device !== sender) messages.add(n)
  }

  const hear = (seen: Seen, frame: ServerFrame): void => {
    const { device } = seen
    if (frame._tag !== "ServerHello") assert.isTrue(seen.isReady || frame._tag === "ServerInfo", "ServerInfo is first")
    switch (frame._tag) {
      case "ServerInfo":
        assert.isFalse(seen.isReady)
        seen.isReady = true
        return
      case "ReflectionQueueDry":
        assert.isFalse(seen.isDry, "Dry comes once")
        seen.isDry = true
        return
      case "RolePromotedToLeader":
        assert.isTrue(seen.isDry, "no leader before Dry")
        return
      case "ReflectAck": {
        const first = seen.unacked.shift()
        assert.strictEqual(frame.reflectId, first?.reflectId, "acks come in the order of the reflects")
        return
      }
      case "CommitTransactionAck":
        seen.inTransaction = false
        seen.provisional.length = 0
        return
      case "BeginTransactionAck":
        seen.inTransaction = true
        return
      case "Reflected": {
        const n = number(frame.envelope)
        const last = seen.ids.at(-1)
        assert.isTrue(last === undefined || ((frame.reflectedId - last) | 0) > 0, "ids rise, over the wrap too")
        seen.ids.push(frame.reflectedId)
        assert.isFalse(hidden.has(n), "nothing shows before its commit")
        const list = got.get(device)!
        if (ephemerals.has(n)) assert.isFalse(list.includes(n), "an ephemeral arrives once")
        if (!list.includes(n)) list.push(n)
        return
      }
    }
  }

  /** Reads what the core put out since the last time: what became of slots, and what devices were sent. */
  const settle = (): void => {
    for (const output of d.outputs.slice(read)) {
      if (output._tag !== "Decided") continue
      const { decision } = output
      if (decision._tag === "SlotFreed") {
        owed.delete(Number(decision.deviceId))
        got.delete(Number(decision.deviceId))
      }
      if (decision._tag === "Registered" && decision.isNew) {
        owed.set(Number(decision.deviceId), new Set())
        got.set(Number(decision.deviceId), [])
      }
      if (decision._tag === "TransactionDiscarded") {
        for (const [n, holder] of hidden) if (holder === Number(decision.deviceId)) hidden.delete(n)
      }
    }
    read = d.outputs.length
    for (const [device, seen] of open) {
      if (got.has(device)) for (const frame of seen.wire.take()) hear(seen, frame)
      if (seen.wire.closed() !== undefined) open.delete(device)
    }
  }

  const connect = (device: number): void => {
    const known = owed.has(device)
    const wire = d.open()
    const seen: Seen = {
      device,
      wire,
      ids: [],
      inTransaction: false,
      unacked: [],
      provisional: [],
      isReady: false,
      isDry: false
    }
    wire.send(
      hello(device, {
        expectedDeviceSlotState: known ? 1 : 0,
        deviceSlotsExhaustedPolicy: pick(2),
        deviceSlotExpirationPolicy: pick(2)
      })
    )
    // Old connections are told first that they are over.
    settle()
    if (wire.closed() === undefined) open.set(device, seen)
    settle()
  }

  const act = (): void => {
    const device = devices[pick(devices.length)]!
    const seen = open.get(device)
    const kind = pick(20)
    if (seen === undefined) return connect(device)
    const { wire } = seen
    if (kind < 7) {
      const n = nextNumber++
      const reflectId = pick(3)
      seen.unacked.push({ reflectId, n, provisional: seen.inTransaction })
      if (seen.inTransaction) hidden.set(n, device)
      else promise(device, n)
      if (seen.inTransaction) seen.provisional.push(n)
      return wire.send(reflect(reflectId, { envelope: envelopeOf(n) }))
    }
    if (kind < 9) {
      const n = nextNumber++
      ephemerals.add(n)
      if (seen.inTransaction) hidden.set(n, device)
      return wire.send(reflect(0, { flags: 1, envelope: envelopeOf(n) }))
    }
    if (kind < 12) {
      const unacked = seen.ids.splice(0, seen.ids.length)
      const last = unacked.at(-1)
      for (const reflectedId of unacked) if (next() < 0.7) wire.send(ack(reflectedId))
      if (last !== undefined) seen.ids.push(last)
      return
    }
    if (kind < 14) {
      if (!seen.inTransaction) return wire.send(begin(device))
      for (const n of seen.provisional) promise(device, n)
      for (const [n, holder] of hidden) if (holder === device) hidden.delete(n)
      return wire.send(commit)
    }
    if (kind === 14) return (wire.gone(), void open.delete(device))
    if (kind === 15) return connect(device)
    if (kind === 16) return wire.send({ _tag: "DropDevice", deviceId: id(devices[pick(devices.length)]!) })
    if (kind === 17) return void d.feed({ _tag: "Congested", connection: wire.connection })
    if (kind === 18) return void d.feed({ _tag: "Drained", connection: wire.connection })
    if (next() < 0.5) return d.drain()
    if (next() < 0.3) {
      d.crash()
      open.clear()
      hidden.clear()
      return
    }
    d.advance(pick(100_000))
  }

  for (let turn = 0; turn < 250; turn++) {
    act()
    settle()
  }

  // Peace: everybody who is registered comes back and reads everything.
  for (const { wire } of open.values()) wire.gone()
  open.clear()
  hidden.clear()
  settle()
  for (const device of owed.keys()) connect(device)
  for (let round = 0; round < 600; round++) {
    d.drain()
    for (const { wire } of open.values()) d.feed({ _tag: "Drained", connection: wire.connection })
    settle()
  }
  for (const [device, messages] of owed) {
    const arrived = got.get(device)!
    for (const n of messages) assert.include(arrived, n, `seed ${seed}: device ${device} was promised ${n}`)
    assert.isTrue(open.get(device)?.isDry, `seed ${seed}: device ${device} is dry`)
  }
  // Any two devices saw what both of them got in the same order.
  const stored = [...got].map(([device, list]) => [device, list.filter((n) => !ephemerals.has(n))] as const)
  for (const [a, left] of stored) {
    for (const [b, right] of stored) {
      const common = left.filter((n) => right.includes(n))
      assert.deepStrictEqual(
        common,
        right.filter((n) => left.includes(n)),
        `seed ${seed}: order of ${a} and ${b}`
      )
    }
  }
  return { messages: nextNumber, arrived: stored.reduce((sum, [, list]) => sum + list.length, 0) }
}

describe("the core under random devices", () => {
  it("keeps its promises, its order and its invariants", () => {
    let messages = 0
    let arrived = 0
    for (let seed = 1; seed <= 150; seed++) {
      const result = run(seed)
      messages += result.messages
      arrived += result.arrived
    }
    // The workload is one in which things happen.
    assert.isAbove(messages, 5_000)
    assert.isAbove(arrived, 3_000)
  }, 60_000)
})
