import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import {
  detailOf,
  type Misbehaviour,
  MisbehaviourFrame,
  type Operation,
  run,
  ScheduleJson,
  swarm,
  type WorldFault
} from "../src/index.ts"
import { type Entry, even, play, type Played, reflect, type Seen } from "./worlds.ts"
import { plainDevice } from "../src/index.ts"

const at = (at: number, device: string, how: Misbehaviour, count = 1): Entry => ({
  at,
  fault: { _tag: "Misbehave", device, how, count }
})

/** Frames of a type, with the number that tells them from their like. */
const numbers = (events: ReadonlyArray<Seen<"DeviceReceived"> | Seen<"MediatorSent">>, tag: string) =>
  events.flatMap(({ connection, frame }) =>
    frame?._tag !== tag
      ? []
      : [[connection, "reflectId" in frame ? frame.reflectId : "reflectedId" in frame ? frame.reflectedId : 0] as const]
  )

/** What the mediator has sent to a device on the connection that it had when the misbehaviour began, and what it got. */
const traffic = ({ seen }: Played, device: string, tag: string) => {
  const first = seen("Opened", device)[0]!.connection
  const of = (events: ReadonlyArray<Seen<"DeviceReceived"> | Seen<"MediatorSent">>) =>
    numbers(events, tag).flatMap(([connection, number]) => (connection === first ? [number] : []))
  return { sent: of(seen("MediatorSent", device)), got: of(seen("DeviceReceived", device)) }
}

/** The types of the frames that a device was given, in order. */
const types = ({ seen }: Played, device: string, ...tags: ReadonlyArray<string>) =>
  seen("DeviceReceived", device).flatMap(({ frame }) =>
    frame !== undefined && tags.includes(frame._tag) ? [frame._tag] : []
  )

const happened = ({ seen }: Played, device: string) => seen("Happened", device).map(({ event }) => event)

const two = [reflect(4_000, "phone"), reflect(4_100, "phone")]

const late = { devices: [plainDevice("phone"), plainDevice("desktop", { joinsAt: 3_000 })] }

const transaction = (at: number, device: string, pause: number): Entry => ({
  at,
  device,
  operation: { _tag: "Transaction", count: 1, bytes: 10, pause, ttl: 0, fails: false }
})

const drop = (target: string): Operation => ({ _tag: "Drop", target })

/** What each misbehaviour makes of what a faithful mediator sends. */
const deeds: Readonly<Record<Misbehaviour, () => Played>> = {
  LoseAcks: () => {
    const played = play([at(3_000, "phone", "LoseAcks"), ...two])
    assert.deepStrictEqual(traffic(played, "phone", "ReflectAck"), { sent: [1, 2], got: [2] })
    return played
  },
  DuplicateAcks: () => {
    const played = play([at(3_000, "phone", "DuplicateAcks"), ...two])
    assert.deepStrictEqual(traffic(played, "phone", "ReflectAck"), { sent: [1, 2], got: [1, 1, 2] })
    return played
  },
  ReorderAcks: () => {
    const played = play([at(3_000, "phone", "ReorderAcks"), ...two])
    assert.deepStrictEqual(traffic(played, "phone", "ReflectAck"), { sent: [1, 2], got: [2, 1] })
    return played
  },
  LoseReflected: () => {
    const played = play([at(3_000, "desktop", "LoseReflected"), ...two])
    assert.deepStrictEqual(traffic(played, "desktop", "Reflected"), { sent: [1, 2], got: [2] })
    // It was never acked: it comes on the next connection.
    assert.sameMembers(
      played
        .seen("Handling", "desktop")
        .flatMap(({ messages }) => messages.map(({ reflectedId }) => Number(reflectedId))),
      [1, 2]
    )
    return played
  },
  DuplicateReflected: () => {
    const played = play([at(3_000, "desktop", "DuplicateReflected"), ...two])
    assert.deepStrictEqual(traffic(played, "desktop", "Reflected"), { sent: [1, 2], got: [1, 1, 2] })
    return played
  },
  AlteredReflected: () => {
    const played = play([at(3_000, "desktop", "AlteredReflected"), ...two])
    assert.deepStrictEqual(traffic(played, "desktop", "Reflected"), { sent: [1, 2], got: [1, 2] })
    assert.deepStrictEqual(
      played
        .seen("Handling", "desktop")
        .flatMap(({ messages }) => messages.map(({ reflectedId }) => Number(reflectedId))),
      [2]
    )
    const { event } = played.seen("Happened", "desktop").find(({ event }) => event._tag === "Quarantined")!
    assert.deepInclude(event, { reflectedId: 1, reason: "Undecryptable" } as never)
    return played
  },
  ReplayNonces: () => {
    const played = play([at(3_000, "desktop", "ReplayNonces"), ...two])
    assert.deepStrictEqual(traffic(played, "desktop", "Reflected"), { sent: [1, 2], got: [1, 2, 1_002] })
    assert.deepInclude(happened(played, "desktop"), {
      _tag: "Duplicate",
      reflectedId: 1_002,
      ephemeral: false
    } as never)
    return played
  },
  AlteredBlobs: () => {
    const played = play([
      at(3_000, "phone", "AlteredBlobs"),
      { at: 2_000, device: "phone", operation: { _tag: "ListDevices" } },
      { at: 4_000, device: "phone", operation: { _tag: "ListDevices" } }
    ])
    const rejected = played.seen("Happened", "phone").filter(({ event }) => event._tag === "BlobRejected")
    assert.isAbove(rejected.length, 0)
    assert.isAtLeast(rejected[0]!.at, 4_000)
    return played
  },
  EndedBeforeRejected: () => {
    const entries = [transaction(4_000, "phone", 1_000), transaction(4_500, "desktop", 0)]
    const played = play([at(3_000, "desktop", "EndedBeforeRejected"), ...entries])
    const tags = ["TransactionEnded", "TransactionRejected"]
    assert.deepStrictEqual(types(played, "desktop", ...tags).slice(0, 2), tags)
    assert.deepStrictEqual(types(play(entries), "desktop", ...tags).slice(0, 2), tags.toReversed())
    return played
  },
  LeaderBeforeDry: () => {
    const played = play([at(1_000, "desktop", "LeaderBeforeDry")], late)
    const tags = ["RolePromotedToLeader", "ReflectionQueueDry"]
    assert.deepStrictEqual(types(played, "desktop", ...tags).slice(0, 2), tags)
    return played
  },
  SecondDry: () => {
    const played = play([at(1_000, "desktop", "SecondDry")], late)
    assert.deepStrictEqual(traffic(played, "desktop", "ReflectionQueueDry"), { sent: [0], got: [0, 0] })
    return played
  },
  LongHeaders: () => {
    const played = play([at(3_000, "desktop", "LongHeaders"), ...two])
    const headers = played
      .seen("DeviceReceived", "desktop")
      .flatMap(({ frame, message }) => (frame?._tag === "Reflected" ? [(message as Uint8Array)[4]] : []))
    assert.deepStrictEqual(headers, [20, 16])
    assert.lengthOf(
      played.seen("Handling", "desktop").flatMap(({ messages }) => messages),
      2
    )
    return played
  },
  UnknownTypes: () => {
    const played = play([at(3_000, "desktop", "UnknownTypes"), ...two])
    const [frame] = played
      .seen("DeviceReceived", "desktop")
      .flatMap(({ frame }) => (frame?._tag === "Unknown" ? [frame] : []))
    const { payload, type } = frame!
    assert.deepInclude(happened(played, "desktop"), { _tag: "UnknownFrame", type, length: payload.length } as never)
    return played
  },
  WrongSlotState: () => {
    const played = play([
      at(3_000, "phone", "WrongSlotState"),
      { at: 4_000, fault: { _tag: "Reset", device: "phone" } }
    ])
    const asked = played
      .seen("StateChanged", "phone")
      .flatMap(({ state }) => (state._tag === "NeedsUser" ? [state.reason._tag] : []))
    assert.include(asked, "SlotMismatch")
    return played
  },
  Garbage: () => {
    const played = play([at(3_000, "desktop", "Garbage"), ...two])
    const garbage = played.seen("DeviceReceived", "desktop").filter(({ frame }) => frame === undefined)
    assert.lengthOf(garbage, 1)
    assert.instanceOf(garbage[0]!.message, Uint8Array)
    return played
  },
  StrayAnswers: () => {
    const played = play([at(3_000, "phone", "StrayAnswers"), ...two])
    assert.deepStrictEqual(traffic(played, "phone", "ReflectAck"), { sent: [1, 2], got: [1, 77_778, 2] })
    assert.deepInclude(happened(played, "phone"), { _tag: "StrayFrame", frame: "ReflectAck" } as never)
    return played
  },
  TextMessages: () => {
    const played = play([at(3_000, "desktop", "TextMessages"), ...two])
    const texts = played.seen("DeviceReceived", "desktop").filter(({ message }) => typeof message === "string")
    assert.lengthOf(texts, 1)
    return played
  }
}

describe("a mediator that misbehaves", () => {
  for (const how of Object.keys(deeds) as Array<Misbehaviour>) {
    it(`${how}: once, towards one device, and no rule is broken`, () => {
      const played = deeds[how]()
      assert.strictEqual(played.acted(`Misbehave:${how}`), 1)
      assert.isUndefined(played.result.violation)
    })
  }

  it("makes up other bytes each time, the same again under the same seed", () => {
    const received = (how: "Garbage" | "UnknownTypes", seed: number) =>
      play(
        [at(1_000, "desktop", how, 12), ...Array.from({ length: 40 }, (_, n) => reflect(2_000 + 400 * n, "phone"))],
        {
          seed
        }
      )
        .seen("DeviceReceived", "desktop")
        .flatMap(({ frame, message }) =>
          (how === "Garbage" ? frame === undefined : frame?._tag === "Unknown") ? [message as Uint8Array] : []
        )
    for (const how of ["Garbage", "UnknownTypes"] as const) {
      const made = received(how, 1)
      assert.isAtLeast(made.length, 3)
      assert.lengthOf(new Set(made.map((message) => message.join())), made.length)
      assert.deepStrictEqual(received(how, 1), made)
      assert.notDeepEqual(received(how, 2), made)
    }
    const twice = play([
      at(1_000, "desktop", "UnknownTypes"),
      at(8_000, "desktop", "UnknownTypes"),
      ...two,
      reflect(9_000, "phone")
    ])
    const [first, second] = twice
      .seen("DeviceReceived", "desktop")
      .flatMap(({ frame, message }) => (frame?._tag === "Unknown" ? [message] : []))
    assert.isDefined(second)
    assert.notDeepEqual(second, first)
    const unknown = new Set(received("UnknownTypes", 1).map(([type]) => type))
    assert.isAbove(unknown.size, 5)
    const lengths = [1, 2, 3, 4, 5, 6].flatMap((seed) => received("Garbage", seed).map(({ length }) => length))
    assert.isTrue(lengths.some((length) => length < 20))
    assert.isTrue(lengths.some((length) => length > 65_536))
  })

  it("does not fill the socket of the real one with what it makes up", () => {
    const many = { _tag: "Reflect", count: 8, bytes: 10 } as const
    let longest = 0
    for (let seed = 1; seed <= 20; seed++) {
      const entries = Array.from({ length: 12 }, (_, n) => ({
        at: 2_000 + 1_500 * n,
        device: "phone",
        operation: many
      }))
      const played = play([at(1_000, "desktop", "Garbage", 60), ...entries], { seed })
      for (const { message } of played.seen("DeviceReceived", "desktop")) longest = Math.max(longest, message.length)
      for (const { buffered } of played.seen("MediatorSent", "desktop")) assert.isBelow(buffered, 65_536)
    }
    assert.isAbove(longest, 65_536, "nothing too long was made up")
  })

  it("gives a replayed message a number that a frame can hold, where numbers wrap", () => {
    const conditions = { ...even.conditions, mediator: { firstReflectedId: 0xffff_fffe } }
    const played = play([at(3_000, "desktop", "ReplayNonces"), ...two], { conditions })
    assert.isUndefined(played.result.violation)
    assert.include(traffic(played, "desktop", "Reflected").got, 0xffff_ffff + 1_000 - 2 ** 32)
  })

  it("does so as often as there is an occasion, up to its count", () => {
    const entries = Array.from({ length: 5 }, (_, n) => reflect(4_000 + 100 * n, "phone"))
    const played = play([at(3_000, "desktop", "DuplicateReflected", 3), ...entries])
    assert.deepStrictEqual(traffic(played, "desktop", "Reflected").got, [1, 1, 2, 2, 3, 3, 4, 5])
  })
})

/** Where a device waits for each of the frames that acks stand for, and with whom. */
const waits: Readonly<
  Record<MisbehaviourFrame, { readonly device: string; readonly entries: ReadonlyArray<Entry>; readonly from?: number }>
> = {
  ReflectAck: { device: "phone", entries: two },
  BeginTransactionAck: { device: "phone", entries: [transaction(4_000, "phone", 0)] },
  CommitTransactionAck: { device: "phone", entries: [transaction(4_000, "phone", 0)] },
  TransactionRejected: {
    device: "desktop",
    entries: [transaction(4_000, "phone", 1_000), transaction(4_500, "desktop", 0)]
  },
  TransactionEnded: {
    device: "desktop",
    entries: [transaction(4_000, "phone", 1_000), transaction(4_500, "desktop", 0)]
  },
  DropDeviceAck: { device: "phone", entries: [{ at: 4_000, device: "phone", operation: drop("desktop") }] },
  DevicesInfo: { device: "phone", entries: [{ at: 4_000, device: "phone", operation: { _tag: "ListDevices" } }] },
  ReflectionQueueDry: { device: "desktop", entries: [], from: 1_000 },
  RolePromotedToLeader: {
    device: "desktop",
    entries: [{ at: 4_000, device: "phone", operation: { _tag: "SwitchOff", lasts: 5_000 } }]
  }
}

const ackDeeds = ["LoseAcks", "DuplicateAcks", "ReorderAcks"] as const

describe("a mediator that misbehaves with what somebody waits for", () => {
  for (const frame of MisbehaviourFrame.literals) {
    for (const how of ackDeeds) {
      it(`${how}, of ${frame}: once, and the device goes on`, () => {
        const { device, entries, from = 3_000 } = waits[frame]
        const fault: WorldFault = { _tag: "Misbehave", device, how, count: 1, frame }
        const played = play([{ at: from, fault }, ...entries], late)
        assert.strictEqual(detailOf(fault), frame === "ReflectAck" ? how : `${how}:${frame}`)
        assert.strictEqual(played.acted(`Misbehave:${detailOf(fault)}`), 1)
        const first = played.seen("Opened", device)[0]!.connection
        const times = (tag: "MediatorSent" | "DeviceReceived") =>
          played
            .seen(tag, device)
            .flatMap((event) =>
              event.frame?._tag === frame && event.connection === first && event.at >= from ? [event.at] : []
            )
        const [sent, got] = [times("MediatorSent"), times("DeviceReceived")]
        assert.lengthOf(got, sent.length + { LoseAcks: -1, DuplicateAcks: 1, ReorderAcks: 0 }[how])
        if (how === "ReorderAcks")
          assert.include(
            got.map((at) => Math.round(at - sent[0]!)),
            251
          )
        // Whoever asked has its answer, or is told why not, in the time that a device waits at most.
        assert.isUndefined(played.result.violation)
        const asked = entries.flatMap((entry) => ("operation" in entry ? [entry.operation._tag] : []))
        const answered = played
          .seen("Answered")
          .filter(({ at }) => at < 4_500 + (frame === "TransactionEnded" ? 66_000 : 45_000))
        assert.sameMembers(
          answered.map(({ operation }) => operation._tag),
          asked.filter((tag) => tag !== "SwitchOff")
        )
        for (const { answer } of answered) {
          if (answer._tag === "Failed") assert.include(["TransactionLost", "NotLive"], answer.error)
        }
        const states = played.seen("StateChanged", device).map(({ state }) => state)
        assert.isFalse(states.some(({ _tag }) => _tag === "NeedsUser"))
        assert.deepInclude(states.findLast(({ _tag }) => _tag === "Live") as object, { dry: true })
      })
    }
  }

  it("lets a device that a lost end of a transaction keeps waiting go on by itself", () => {
    const { device, entries } = waits.TransactionEnded
    const fault: WorldFault = { _tag: "Misbehave", device, how: "LoseAcks", count: 9, frame: "TransactionEnded" }
    const played = play([{ at: 3_000, fault }, ...entries])
    assert.lengthOf(played.seen("Opened", device), 1, "undoing it has reset the connection")
    assert.deepStrictEqual(types(played, device, "TransactionRejected", "BeginTransactionAck"), [
      "TransactionRejected",
      "BeginTransactionAck"
    ])
  })

  it("is not counted where nobody waits", () => {
    const fault: WorldFault = { _tag: "Misbehave", device: "phone", how: "LoseAcks", count: 1, frame: "DropDeviceAck" }
    const played = play([{ at: 3_000, fault }, ...two])
    assert.lengthOf(
      played.seen("Fault").filter(({ phase }) => phase === "Fired"),
      0
    )
  })

  it("reads files in which no frame is named, and plays them as those of reflects", () => {
    const faults = [{ at: 3_000, fault: { _tag: "Misbehave", device: "phone", how: "LoseAcks", count: 1 } as const }]
    const old = { ...even, operations: [], faults }
    const json = Schema.encodeSync(ScheduleJson)(old)
    assert.notInclude(json, "frame")
    assert.deepStrictEqual(Schema.decodeSync(ScheduleJson)(json), old)
    const named = { ...old, faults: [{ at: 3_000, fault: { ...faults[0]!.fault, frame: "ReflectAck" } as const }] }
    assert.deepStrictEqual(Schema.decodeSync(ScheduleJson)(Schema.encodeSync(ScheduleJson)(named)), named)
    assert.strictEqual(run(named).digest, run(old).digest)
    assert.throws(() => Schema.decodeSync(ScheduleJson)(json.replace('"count":1', '"count":1,"frame":"ServerInfo"')))
  })

  it("draws a frame for deeds to acks alone, and mostly none", () => {
    const drawn = Array.from({ length: 200 }, (_, seed) => swarm({ seed, misbehaving: true }).faults).flatMap(
      (faults) => faults.flatMap(({ fault }) => (fault._tag === "Misbehave" ? [fault] : []))
    )
    const aimed = drawn.filter(({ frame }) => frame !== undefined)
    assert.isBelow(aimed.length, drawn.length / 2)
    for (const { how } of aimed) assert.include(ackDeeds, how as never)
    assert.sameMembers([...new Set(aimed.map(({ frame }) => frame))], [...MisbehaviourFrame.literals])
  })
})
