import { DeviceSlotState, ReflectedId } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import type { WorldFault } from "../src/index.ts"
import { type Entry, even, play, type Played, reflect } from "./worlds.ts"
import { plainDevice } from "../src/index.ts"

/** Something goes wrong at 3 s. */
const at3 = (fault: WorldFault): Entry => ({ at: 3_000, fault })

/** When the mediator was given the reflects of a device. */
const reflects = ({ seen }: Played, device: string) =>
  seen("MediatorReceived", device).flatMap(({ at, frame }) => (frame?._tag === "Reflect" ? [at] : []))

/** When a device was given frames of a type. */
const got = ({ seen }: Played, device: string, tag: string) =>
  seen("DeviceReceived", device).flatMap(({ at, frame }) => (frame?._tag === tag ? [at] : []))

const states = ({ seen }: Played, device: string) =>
  seen("StateChanged", device).flatMap(({ state }) =>
    state._tag === "NeedsUser" ? [state.reason._tag] : state._tag === "Waiting" ? [state.because._tag] : []
  )

/** Whether a device believed to have a slot, for each of its hellos. */
const hellos = ({ seen }: Played, device: string) =>
  seen("DeviceSent", device).flatMap(({ frame }) =>
    frame?._tag === "ClientHello" ? [frame.expectedDeviceSlotState === DeviceSlotState.EXISTING] : []
  )

/** The phone talks to the chat server, which says the same again. */
const chatting = (entries: ReadonlyArray<Entry>): Played =>
  play(entries, { devices: [plainDevice("phone", { chats: true }), ...even.devices.slice(1)] })

const said = (at: number, count: number): Entry => ({ at, device: "phone", operation: { _tag: "Chat", count } })

/** When the chat handler of the phone was given what has been said by operations. */
const heard = ({ seen }: Played) =>
  seen("ChatHeard", "phone").flatMap(({ at, message }) => (message.length === 8 ? [at] : []))

const crash = (change: Partial<Extract<WorldFault, { readonly _tag: "Crash" }>>) =>
  play([at3({ _tag: "Crash", device: "phone", downFor: 2_000, withoutStorage: false, isTold: true, ...change })])

const mediatorCrash = (isTold: boolean) =>
  play([at3({ _tag: "MediatorCrash", downFor: 2_000, kept: 0, isTold }), reflect(4_000, "phone")])

const lossesOf = ({ seen }: Played, device: string) => seen("DeviceLost", device).map(({ at, code }) => [at, code])

/** What each fault does to those it strikes, and to nobody else; misbehaviours have their own tests. */
const effects: Readonly<Record<Exclude<WorldFault["_tag"], "Misbehave">, () => void>> = {
  Stall: () => {
    const down = play([at3({ _tag: "Stall", device: "phone", ways: ["down"], lasts: 4_000 }), reflect(4_000, "phone")])
    assert.deepStrictEqual(reflects(down, "phone"), [4_001])
    assert.deepStrictEqual(got(down, "phone", "ReflectAck"), [7_000])
    assert.deepStrictEqual(got(down, "desktop", "Reflected"), [4_002])
    const up = play([at3({ _tag: "Stall", device: "phone", ways: ["up"], lasts: 4_000 }), reflect(4_000, "phone")])
    assert.deepStrictEqual(reflects(up, "phone"), [7_000])
    assert.deepStrictEqual([down.acted("Stall:down"), up.acted("Stall:up")], [1, 1])
  },
  Delay: () => {
    const up = play([
      at3({ _tag: "Delay", device: "phone", way: "up", by: 500, lasts: 2_000 }),
      reflect(4_000, "phone")
    ])
    assert.deepStrictEqual(reflects(up, "phone"), [4_501])
    assert.deepStrictEqual(got(up, "phone", "ReflectAck"), [4_502])
    const down = play([
      at3({ _tag: "Delay", device: "phone", way: "down", by: 500, lasts: 2_000 }),
      reflect(4_000, "phone")
    ])
    assert.deepStrictEqual(reflects(down, "phone"), [4_001])
    assert.deepStrictEqual(got(down, "phone", "ReflectAck"), [4_502])
    assert.deepStrictEqual([down.acted("Delay:down"), up.acted("Delay:up")], [1, 1])
  },
  Slow: () => {
    const played = play([
      at3({ _tag: "Slow", device: "phone", way: "up", bytesPerMilli: 0.5, lasts: 2_000 }),
      reflect(4_000, "phone"),
      reflect(6_000, "phone")
    ])
    const [slow, fast] = reflects(played, "phone")
    const { message } = played.seen("MediatorReceived", "phone").find(({ frame }) => frame?._tag === "Reflect")!
    assert.strictEqual(slow, 4_001 + 2 * message.length)
    assert.strictEqual(fast, 6_001)
    assert.strictEqual(played.acted("Slow:up"), 1)
  },
  Refuse: () => {
    const played = play([
      at3({ _tag: "Refuse", device: "phone", lasts: 4_000 }),
      { at: 3_500, fault: { _tag: "Reset", device: "phone" } },
      { at: 3_500, fault: { _tag: "Reset", device: "desktop" } }
    ])
    const failed = played.seen("DialFailed").map(({ at, device }) => [device, at < 7_000])
    assert.isAbove(failed.length, 0)
    for (const failure of failed) assert.deepStrictEqual(failure, ["phone", true])
    assert.isAbove(played.seen("Opened", "phone")[1]!.at, 7_000)
    assert.isBelow(played.seen("Opened", "desktop")[1]!.at, 7_000)
    assert.strictEqual(played.acted("Refuse"), 1)
  },
  RefuseUpgrade: () => {
    const refused = (retryAfter: number) =>
      play([
        at3({ _tag: "RefuseUpgrade", device: "phone", status: 503, retryAfter, lasts: 4_000 }),
        { at: 3_500, fault: { _tag: "Reset", device: "phone" } },
        { at: 3_500, fault: { _tag: "Reset", device: "desktop" } }
      ])
    const later = refused(9_000)
    const [first, ...others] = later.seen("DialFailed")
    assert.deepStrictEqual(others, [])
    assert.deepStrictEqual([first!.device, first!.refusal], ["phone", { status: 503, retryAfter: 9_000 }])
    assert.deepStrictEqual(states(later, "phone"), ["Closed", "UpgradeRefused"])
    const again = later.seen("Dialed", "phone")[2]!.at
    assert.isAtLeast(again, first!.at + 9_000)
    assert.isBelow(again, first!.at + 9_100)
    assert.isBelow(later.seen("Opened", "desktop")[1]!.at, 7_000)
    assert.strictEqual(later.acted("RefuseUpgrade:withRetryAfter"), 1)

    const atWill = refused(0)
    assert.isBelow(atWill.seen("Opened", "phone")[1]!.at, 3_500 + 9_000)
    assert.strictEqual(atWill.acted("RefuseUpgrade:withoutRetryAfter"), 1)
  },
  Reset: () => {
    const played = play([at3({ _tag: "Reset", device: "phone" })])
    assert.deepStrictEqual(lossesOf(played, "phone"), [[3_000, 1006]])
    assert.deepStrictEqual(
      played.seen("MediatorLost").map(({ at, device }) => [at, device]),
      [[3_000, "phone"]]
    )
    assert.strictEqual(played.acted("Reset"), 1)
  },
  Vanish: () => {
    const played = play([at3({ _tag: "Vanish", device: "phone" }), reflect(4_000, "phone")], { duration: 60_000 })
    const written = played.seen("DeviceSent", "phone").filter(({ frame }) => frame?._tag === "Reflect")
    const [vanished, again] = written.map(({ at, connection }) => ({ at, connection }))
    assert.strictEqual(vanished!.at, 4_000)
    assert.isAbove(again!.connection, vanished!.connection)
    assert.deepStrictEqual(reflects(played, "phone"), [again!.at + 1])
    assert.strictEqual(played.acted("Vanish"), 1)
  },
  LoseCloseCodes: () => {
    const restart: Entry = { at: 4_000, fault: { _tag: "MediatorRestart", downFor: 1_000 } }
    const played = play([at3({ _tag: "LoseCloseCodes", device: "phone", lasts: 2_000 }), restart])
    assert.deepStrictEqual(
      played.seen("MediatorClosed").map(({ code }) => code),
      [1001, 1001]
    )
    assert.deepStrictEqual(lossesOf(played, "phone"), [[4_001, 1006]])
    assert.deepStrictEqual(lossesOf(played, "desktop"), [[4_001, 1001]])
    assert.strictEqual(played.acted("LoseCloseCodes"), 1)
  },
  SlowReader: () => {
    const messages: Entry = { at: 4_000, device: "phone", operation: { _tag: "Reflect", count: 4, bytes: 10 } }
    const played = play([at3({ _tag: "SlowReader", device: "desktop", gap: 300, lasts: 4_000 }), messages])
    assert.deepStrictEqual(got(played, "desktop", "Reflected"), [4_002, 4_302, 4_602, 4_902])
    assert.deepStrictEqual(got(play([messages]), "desktop", "Reflected"), [4_002, 4_002, 4_002, 4_002])
    assert.strictEqual(played.acted("SlowReader"), 1)
  },
  Crash: () => {
    const told = crash({})
    assert.deepStrictEqual(
      told.seen("Machine", "phone").map(({ at, change, life }) => [at, change, life]),
      [
        [0, "Started", 1],
        [3_000, "Crashed", 1],
        [5_000, "Started", 2]
      ]
    )
    assert.deepStrictEqual(
      told.seen("MediatorLost").map(({ at }) => at),
      [3_001]
    )
    assert.deepStrictEqual(hellos(told, "phone"), [false, true])
    const untold = crash({ isTold: false })
    assert.lengthOf(untold.seen("MediatorLost"), 0)
    const lost = crash({ withoutStorage: true })
    assert.deepStrictEqual(hellos(lost, "phone").slice(0, 2), [false, false])
    assert.deepStrictEqual([told.acted("Crash:withStorage"), lost.acted("Crash:withoutStorage")], [1, 1])
  },
  Pause: () => {
    const played = play([at3({ _tag: "Pause", device: "desktop", lasts: 4_000 }), reflect(4_000, "phone")])
    assert.deepStrictEqual(got(played, "phone", "ReflectAck"), [4_002])
    assert.deepStrictEqual(got(played, "desktop", "Reflected"), [7_000])
    assert.strictEqual(played.acted("Pause"), 1)
  },
  ClockJump: () => {
    const reset: Entry = { at: 4_000, fault: { _tag: "Reset", device: "phone" } }
    const played = play([at3({ _tag: "ClockJump", device: "phone", by: 7_200_000 }), reset])
    assert.include(states(played, "phone"), "ClockSkew")
    assert.notInclude(states(play([reset]), "phone"), "ClockSkew")
    assert.strictEqual(played.acted("ClockJump:ahead"), 1)
  },
  Twin: () => {
    const played = play([at3({ _tag: "Twin", device: "phone", lasts: 2_000 })])
    const closes = played.seen("MediatorClosed").map(({ code, device }) => [device, code])
    assert.deepInclude(closes, ["phone", 4112])
    assert.deepStrictEqual(
      played.seen("Machine", "phone'1").map(({ at, change }) => [at, change]),
      [
        [3_000, "Started"],
        [5_000, "Stopped"]
      ]
    )
    assert.strictEqual(played.acted("Twin"), 1)
  },
  DiskFull: () => {
    const played = play([at3({ _tag: "DiskFull", device: "desktop", lasts: 2_000 }), reflect(4_000, "phone")])
    assert.include(states(played, "desktop"), "DeviceStoreError")
    assert.deepStrictEqual(states(played, "phone"), [])
    assert.strictEqual(played.acted("DiskFull"), 1)
  },
  HandlerFails: () => {
    for (const [how, outcome] of [
      ["Fails", "Failed"],
      ["Dies", "Died"]
    ] as const) {
      const played = play([
        at3({ _tag: "HandlerFails", device: "desktop", how, lasts: 1_500 }),
        reflect(4_000, "phone")
      ])
      const outcomes = played.seen("Handled", "desktop").map((handled) => handled.outcome)
      assert.strictEqual(outcomes[0], outcome)
      assert.strictEqual(outcomes.at(-1), "Done")
      assert.strictEqual(played.acted(`HandlerFails:${how}`), 1)
    }
  },
  HandlerStalls: () => {
    const played = play([at3({ _tag: "HandlerStalls", device: "desktop", lasts: 4_000 }), reflect(4_000, "phone")])
    assert.deepStrictEqual(
      played.seen("Handled", "desktop").map(({ at, outcome }) => [at, outcome]),
      [[7_000, "Done"]]
    )
    assert.strictEqual(played.acted("HandlerStalls"), 1)
  },
  ChatHandlerFails: () => {
    for (const [how, outcome] of [
      ["Ends", "Ended"],
      ["Dies", "Died"]
    ] as const) {
      const played = chatting([at3({ _tag: "ChatHandlerFails", how, device: "phone", lasts: 4_000 }), said(4_000, 3)])
      assert.deepStrictEqual(
        played.seen("ChatOver", "phone").map((over) => [over.at, over.outcome]),
        [[4_002, outcome]]
      )
      // Its connection goes on without it, and what else the chat server says is for nobody.
      assert.lengthOf(played.seen("DeviceLost", "phone"), 0)
      assert.lengthOf(got(played, "phone", "Proxy"), 4)
      assert.strictEqual(played.acted(`ChatHandlerFails:${how}`), 1)
    }
  },
  ChatHandlerStalls: () => {
    const played = chatting([at3({ _tag: "ChatHandlerStalls", device: "phone", lasts: 4_000 }), said(4_000, 3)])
    assert.deepStrictEqual(heard(played), [4_002, 7_000, 7_000])
    assert.strictEqual(played.acted("ChatHandlerStalls"), 1)
  },
  ChatHandlerSlow: () => {
    const fault = at3({ _tag: "ChatHandlerSlow", device: "phone", by: 300, lasts: 4_000 })
    const played = chatting([fault, said(4_000, 3)])
    assert.deepStrictEqual(heard(played), [4_002, 4_302, 4_602])
    assert.strictEqual(played.acted("ChatHandlerSlow"), 1)
  },
  Garble: () => {
    const written = Array.from({ length: 12 }, (_, at) => 4_000 + 100 * at)
    const played = play([
      at3({ _tag: "Garble", device: "phone", count: 11 }),
      { at: 3_500, device: "phone", operation: { _tag: "Ephemeral", bytes: 10 } },
      ...written.map((at) => reflect(at, "phone")),
      reflect(4_050, "desktop")
    ])
    // It opens and is no message, whatever is wrong with it: the handler gets the two that were left alone.
    const kept = played.seen("Kept", "desktop")
    assert.deepStrictEqual(
      kept.map(({ reason, reflectedId }) => [reason, reflectedId]),
      Array.from({ length: 11 }, (_, at) => ["Malformed", at + 1])
    )
    assert.isAbove(new Set(kept.map(({ envelope }) => envelope.length)).size, 3)
    const events = played.seen("Happened", "desktop").filter(({ event }) => event._tag === "Quarantined")
    assert.lengthOf(events, 11)
    const acked = played
      .seen("MediatorReceived", "desktop")
      .flatMap(({ frame }) => (frame?._tag === "ReflectedAck" ? [frame.reflectedId as number] : []))
    assert.deepStrictEqual(
      acked,
      Array.from({ length: 12 }, (_, at) => at + 2),
      "all but the ephemeral"
    )
    assert.deepStrictEqual(
      played.seen("Handling", "desktop").flatMap(({ messages }) => messages.map(({ reflectedId }) => reflectedId)),
      [12, 13].map((id) => ReflectedId.make(id))
    )
    assert.lengthOf(played.seen("Handling", "phone"), 1)
    assert.deepStrictEqual(states(played, "desktop"), [])
    assert.strictEqual(played.acted("Garble"), 1)
  },
  HandlerSlow: () => {
    const played = play([
      at3({ _tag: "HandlerSlow", device: "desktop", by: 700, lasts: 2_000 }),
      reflect(4_000, "phone")
    ])
    assert.deepStrictEqual(
      played.seen("Handling", "desktop").map(({ at }) => at),
      [4_002]
    )
    assert.deepStrictEqual(
      played.seen("Handled", "desktop").map(({ at, outcome }) => [at, outcome]),
      [[4_702, "Done"]]
    )
    assert.strictEqual(played.acted("HandlerSlow"), 1)
  },
  MediatorCrash: () => {
    const told = mediatorCrash(true)
    assert.deepStrictEqual(
      told.seen("Machine", "mediator").map(({ at, change }) => [at, change]),
      [
        [0, "Started"],
        [3_000, "Crashed"],
        [5_000, "Started"]
      ]
    )
    assert.deepStrictEqual(lossesOf(told, "phone"), [[3_001, 1006]])
    const untold = mediatorCrash(false)
    // It learns of it when it writes to a host that is back.
    assert.isAbove(untold.seen("DeviceLost", "phone")[0]!.at, 5_000)
    assert.deepStrictEqual([told.acted("MediatorCrash:told"), untold.acted("MediatorCrash:untold")], [1, 1])
  },
  MediatorRestart: () => {
    const played = play([at3({ _tag: "MediatorRestart", downFor: 2_000 })])
    assert.deepStrictEqual(
      played.seen("Machine", "mediator").map(({ at, change }) => [at, change]),
      [
        [0, "Started"],
        [3_000, "Stopped"],
        [5_000, "Started"]
      ]
    )
    assert.deepStrictEqual(lossesOf(played, "phone"), [[3_001, 1001]])
    assert.strictEqual(played.acted("MediatorRestart"), 1)
  },
  StoreFails: () => {
    const played = play([at3({ _tag: "StoreFails", lasts: 2_000 }), reflect(4_000, "phone")])
    assert.deepInclude(
      played.seen("MediatorClosed").map(({ code, device }) => [device, code]),
      ["phone", 1011]
    )
    assert.isAbove(got(played, "phone", "ReflectAck")[0]!, 5_000)
    assert.strictEqual(played.acted("StoreFails"), 1)
  },
  StoreSlow: () => {
    const played = play([at3({ _tag: "StoreSlow", by: 600, lasts: 2_000 }), reflect(4_000, "phone")])
    assert.deepStrictEqual(reflects(played, "phone"), [4_001])
    assert.deepStrictEqual(got(played, "phone", "ReflectAck"), [4_602])
    assert.strictEqual(played.acted("StoreSlow"), 1)
  },
  ChatFails: () => {
    const devices = [plainDevice("phone", { chats: true }), ...even.devices.slice(1)]
    const codes = (["Unreachable", "Ended", "Failed"] as const).map((how) => {
      const played = play([at3({ _tag: "ChatFails", how, lasts: 1_000 })], { devices })
      assert.isAbove(played.acted(`ChatFails:${how}`), 0)
      const [closed] = played.seen("MediatorClosed", "phone")
      assert.isAtMost(closed!.at, 3_001)
      return closed!.code
    })
    // Could not connect; a clean end; an internal failure (PROTOCOL D31).
    assert.deepStrictEqual(codes, [4001, 4000, 4009])
    for (const how of ["CanReconnect", "CannotReconnect"] as const) {
      const played = play([at3({ _tag: "ChatFails", how, lasts: 2_000 })], { devices })
      const [goodbye] = played.seen("ChatClosed", "phone")
      assert.deepStrictEqual([goodbye?.at, goodbye?.canReconnect], [3_001, how === "CanReconnect"])
      assert.strictEqual(played.seen("MediatorClosed", "phone")[0]!.at, 5_000)
      const asked = played.seen("StateChanged", "phone").some(({ state }) => state._tag === "NeedsUser")
      assert.strictEqual(asked, how === "CannotReconnect")
      assert.strictEqual(played.acted(`ChatFails:${how}`) > 0, true)
    }
  }
}

describe("a fault of its own", () => {
  for (const [kind, check] of Object.entries(effects)) {
    it(`${kind} does what it says`, check)
  }
})
