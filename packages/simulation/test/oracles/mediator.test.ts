import { assert, describe, it } from "@effect/vitest"
import { type AugmentedDeviceInfo, Box, type DeviceId } from "@d2m/codec"
import { type Conditions, run, swarm } from "../../src/index.ts"
import { mediator } from "../../src/oracles/mediator/MediatorModel.ts"
import { envelope, ids, type Line, type Name, start, Story } from "./Story.ts"

const told = (tell: (story: Story) => unknown, conditions: Partial<Conditions> = {}): ReadonlyArray<string> => {
  const story = new Story(mediator, conditions)
  tell(story)
  return story.end()
}

const right = (tell: (story: Story) => unknown, conditions?: Partial<Conditions>): void =>
  assert.deepStrictEqual(told(tell, conditions), [])

const breaks = (rule: string, tell: (story: Story) => unknown, conditions?: Partial<Conditions>): void =>
  assert.deepStrictEqual(told(tell, conditions), [rule])

const pair = (story: Story): readonly [phone: Line, desktop: Line] => [
  story.live("phone").say({ _tag: "RolePromotedToLeader" }),
  story.live("desktop")
]

const ended = (deviceId: bigint, scope = 1) =>
  ({
    _tag: "TransactionEnded",
    deviceId: deviceId as DeviceId,
    encryptedScope: Box.make("dgtsk", envelope(scope, 42))
  }) as const
const rejected = (deviceId: bigint, scope = 1) =>
  ({
    _tag: "TransactionRejected",
    deviceId: deviceId as DeviceId,
    encryptedScope: Box.make("dgtsk", envelope(scope, 42))
  }) as const

describe("the model of a mediator", () => {
  it("finds nothing wrong with a conversation, a redelivery and a transaction", () => {
    right((story) => {
      const [phone, desktop] = pair(story)
      phone.reflect(1, envelope(1))
      desktop.reflected(1, envelope(1))
      phone.ack(1)
      story.wait(10)
      desktop.gone()
      phone.reflect(2, envelope(2)).ack(2)
      story.wait(100)
      const again = story.live("desktop", { existing: true }, 2)
      again.reflected(1, envelope(1), 0).reflected(2, envelope(2), 10).say({ _tag: "ReflectionQueueDry" })
      again.reflectedAck(1).reflectedAck(2)
      phone.begin().say({ _tag: "BeginTransactionAck" }).reflect(3, envelope(3)).ack(3)
      again.begin(0, 2).say(rejected(1n))
      phone.hear({ _tag: "CommitTransaction" })
      again.reflected(3, envelope(3))
      phone.say({ _tag: "CommitTransactionAck" })
      again.say(ended(1n)).reflectedAck(3)
      assert.isUndefined(story.owed)
    })
  })

  it("wants everything that was promised delivered", () => {
    const story = new Story(mediator)
    const [phone, desktop] = pair(story)
    phone.reflect(1, envelope(1)).ack(1)
    assert.match(story.owed ?? "", /desktop has not acked reflect 1 of phone/)
    phone.reflect(2, envelope(2))
    desktop.reflected(2, envelope(2))
    assert.deepStrictEqual(story.end(), ["nothing that was promised is left out"])

    breaks("Dry is sent when all that was queued at ServerInfo has been", (story) => {
      const [phone, desktop] = pair(story)
      desktop.gone()
      phone.reflect(1, envelope(1)).ack(1)
      story.live("desktop", { existing: true }, 1).say({ _tag: "ReflectionQueueDry" })
    })
    breaks("ServerInfo tells how many messages are queued: what was promised and not acked", (story) => {
      const [phone, desktop] = pair(story)
      desktop.gone()
      phone.reflect(1, envelope(1)).ack(1)
      story.open("desktop").greet({ existing: true }).info(true, 0).reflected(1, envelope(1))
    })
  })

  it("wants the mediator's order", () => {
    breaks("every slot sees messages in the mediator's order, each once on a connection", (story) => {
      const [phone, desktop] = pair(story)
      phone.reflect(1, envelope(1)).reflect(2, envelope(2))
      desktop.reflected(1, envelope(2)).reflected(2, envelope(1))
    })
    breaks("reflects are acked in the order in which they came, each once", (story) => {
      const [phone] = pair(story)
      phone.reflect(1, envelope(1)).reflect(2, envelope(2)).ack(2)
    })
  })

  it("wants a message as it was reflected, with its time and its id", () => {
    breaks("what is delivered is what was reflected", (story) => {
      const [phone, desktop] = pair(story)
      phone.reflect(1, envelope(1))
      const altered = envelope(1)
      altered[99]! ^= 1
      desktop.reflected(1, altered)
    })
    breaks("ack and reflected tell the same time: when the mediator took the message", (story) => {
      const [phone, desktop] = pair(story)
      phone.reflect(1, envelope(1)).ack(1)
      story.wait(5)
      desktop.reflected(1, envelope(1))
    })
    breaks("a message has the same reflected-id each time it comes", (story) => {
      const [phone, desktop] = pair(story)
      phone.reflect(1, envelope(1))
      desktop.reflected(1, envelope(1)).gone()
      story.live("desktop", { existing: true }, 1).reflected(2, envelope(1))
    })
    const jump = "reflected-ids of a slot rise by one with each message and wrap to 0"
    breaks(jump, (story) => {
      const [phone, desktop] = pair(story)
      phone.reflect(1, envelope(1)).reflect(2, envelope(2))
      desktop.reflected(1, envelope(1)).reflected(3, envelope(2))
    })
    right(
      (story) => {
        const [phone, desktop] = pair(story)
        phone.reflect(1, envelope(1)).reflect(2, envelope(2))
        desktop.reflected(0xffff_ffff, envelope(1)).reflected(0, envelope(2))
      },
      { mediator: { firstReflectedId: 0xffff_ffff } }
    )
    breaks("a device does not get its own messages", (story) => {
      const [phone] = pair(story)
      phone.reflect(1, envelope(1)).reflected(1, envelope(1))
    })
    breaks("a slot gets only what came after it was registered", (story) => {
      const phone = story.live("phone")
      phone.reflect(1, envelope(1)).ack(1)
      story.live("desktop").reflected(1, envelope(1))
    })
  })

  it("wants redelivery of what was not acked, and of nothing else", () => {
    const acked = (crash: boolean) => (story: Story) => {
      const [phone, desktop] = pair(story)
      phone.reflect(1, envelope(1))
      desktop.reflected(1, envelope(1)).reflectedAck(1)
      if (crash) story.machine("mediator", "Crashed").machine("mediator", "Started", 2)
      else desktop.gone()
      const again = story.open("desktop").greet({ existing: true })
      again.info(true, crash ? 1 : 0).reflected(1, envelope(1), 0)
    }
    breaks("what was acked does not come again", acked(false))
    // A store that takes its time may not have written the ack.
    right(acked(true), { storeLatency: 20 })
    // Nor has it when something is promised that need not be stored: an ephemeral, or what is for nobody.
    const promised = (promise: (desktop: Line, phone: Line) => unknown) => (story: Story) => {
      const [phone, desktop] = pair(story)
      phone.reflect(1, envelope(1))
      story.wait(20)
      phone.ack(1, 0)
      desktop.reflected(1, envelope(1), 0)
      promise(desktop, phone)
      story.machine("mediator", "Crashed").machine("mediator", "Started", 2)
      story.open("desktop").greet({ existing: true }).info(true, 1).reflected(1, envelope(1), 0)
    }
    right(
      promised((desktop) => {
        desktop.reflectedAck(1).begin().say({ _tag: "BeginTransactionAck" }).reflect(0, envelope(2), 1)
        desktop.hear({ _tag: "CommitTransaction" }).say({ _tag: "CommitTransactionAck" })
      }),
      { storeLatency: 20 }
    )
    right(
      promised((desktop, phone) => {
        desktop.hear({ _tag: "DropDevice", deviceId: 1n as DeviceId })
        phone.close(4113)
        desktop.story.wait(20)
        desktop.say({ _tag: "DropDeviceAck", deviceId: 1n as DeviceId }).say({ _tag: "RolePromotedToLeader" })
        desktop.reflectedAck(1).reflect(2, envelope(2)).ack(2)
      }),
      { storeLatency: 20 }
    )
    const forgotten = told(
      promised((desktop) => {
        desktop.reflectedAck(1).reflect(2, envelope(2))
        desktop.story.wait(20)
        desktop.ack(2, 20)
      }),
      { storeLatency: 20 }
    )
    assert.deepStrictEqual(forgotten, [
      "ServerInfo tells how many messages are queued: what was promised and not acked",
      "what was acked does not come again"
    ])
  })

  it("wants ephemerals to pass once, for who is there", () => {
    breaks("an ephemeral is never delivered again", (story) => {
      const [phone, desktop] = pair(story)
      phone.reflect(1, envelope(1), 1)
      desktop.reflected(1, envelope(1), 0, 1).gone()
      story.live("desktop", { existing: true }).reflected(1, envelope(1), 0, 1)
    })
    breaks("an ephemeral reaches only who was connected", (story) => {
      const [phone, desktop] = pair(story)
      desktop.gone()
      phone.reflect(1, envelope(1), 1)
      story.live("desktop", { existing: true }).reflected(1, envelope(1), 0, 1)
    })
  })

  it("wants nothing of a transaction before its commit, and nothing of a lost one", () => {
    const begun = (story: Story) => {
      const [phone, desktop] = pair(story)
      phone.begin().say({ _tag: "BeginTransactionAck" }).reflect(1, envelope(1)).ack(1)
      return [phone, desktop] as const
    }
    breaks("nothing is delivered before its transaction commits", (story) => {
      begun(story)[1].reflected(1, envelope(1))
    })
    breaks("what a transaction reflected is never delivered when it was lost", (story) => {
      const [phone, desktop] = begun(story)
      phone.gone()
      desktop.say(ended(1n)).reflected(1, envelope(1))
    })
    breaks("the end of a transaction keeps its place among the messages", (story) => {
      const [phone, desktop] = begun(story)
      phone.hear({ _tag: "CommitTransaction" }).say({ _tag: "CommitTransactionAck" }).reflect(2, envelope(2))
      desktop.reflected(1, envelope(1)).reflected(2, envelope(2))
    })
    const early = told((story) => {
      const [phone, desktop] = begun(story)
      phone.hear({ _tag: "CommitTransaction" }).say({ _tag: "CommitTransactionAck" })
      desktop.say(ended(1n))
      phone.reflect(2, envelope(2))
      desktop.reflected(1, envelope(2))
    })
    assert.deepStrictEqual(early, [
      "the end of a transaction keeps its place among the messages",
      "nothing that was promised is left out"
    ])
    // Who is far behind is told of one end for each holder: the last, in its place.
    right(
      (story) => {
        const [phone, desktop] = begun(story)
        phone.hear({ _tag: "CommitTransaction" })
        story.wait(20)
        phone.say({ _tag: "CommitTransactionAck" })
        phone.begin(1, 2).reflect(2, envelope(2))
        desktop.hear({ _tag: "GetDevicesInfo" })
        story.wait(1_000)
        desktop.reflected(1, envelope(1), 0).reflected(2, envelope(2), 20)
        phone.close(4011)
        desktop.say(ended(1n, 2)).say({ _tag: "RolePromotedToLeader" })
        assert.notMatch(story.owed ?? "", /the end of the transaction/)
      },
      { storeLatency: 20 }
    )
    const tooLate = (story: Story) => {
      const [phone] = pair(story)
      phone.begin(1).say({ _tag: "BeginTransactionAck" })
      story.wait(1_000)
      return phone.hear({ _tag: "CommitTransaction" })
    }
    breaks("a transaction ends with its TTL", (story) => tooLate(story).say({ _tag: "CommitTransactionAck" }))
    right((story) => tooLate(story).close(4011))
  })

  it("wants promises to wait for the store", () => {
    const rule = "nothing is promised before it is durable"
    const slow = { storeLatency: 20 }
    const reflected = (millis: number) => (story: Story) => {
      const [phone] = pair(story)
      phone.reflect(1, envelope(1))
      story.wait(millis)
      phone.ack(1, 0)
    }
    breaks(rule, reflected(19), slow)
    right(reflected(20), slow)
    const committed = (millis: number, flags: number) => (story: Story) => {
      const [phone] = pair(story)
      phone.begin().say({ _tag: "BeginTransactionAck" }).reflect(1, envelope(1), flags)
      if (flags === 0) phone.ack(1)
      story.wait(100)
      phone.hear({ _tag: "CommitTransaction" })
      story.wait(millis)
      phone.say({ _tag: "CommitTransactionAck" })
    }
    breaks(rule, committed(19, 0), slow)
    right(committed(20, 0), slow)
    // Nothing of an ephemeral is kept, and nothing for a group of one.
    right(committed(0, 1), slow)
    right((story) => story.live("phone").reflect(1, envelope(1)).ack(1), slow)
    const listed =
      (name: "desktop" | "tablet", millis: number, told = 1) =>
      (story: Story) => {
        const [phone] = pair(story)
        const info = (fill: number) => Box.make("dgdik", new Uint8Array(50).fill(fill))
        story.wait(100)
        story.open(name).greet({ existing: name === "desktop", info: info(1) })
        phone.hear({ _tag: "GetDevicesInfo" })
        story.wait(millis)
        const infos = { phone: info(0), desktop: info(0), [name]: info(told) }
        const augmentedDeviceInfo = new Map(
          Object.entries(infos).map(([name, encryptedDeviceInfo]) => [
            ids[name as Name] as DeviceId,
            {
              encryptedDeviceInfo,
              deviceSlotExpirationPolicy: 1,
              connectionState: { _tag: "connectedSince", value: BigInt(start) } as const
            }
          ])
        )
        phone.say({ _tag: "DevicesInfo", augmentedDeviceInfo })
      }
    for (const name of ["desktop", "tablet"] as const) {
      breaks(rule, listed(name, 19), slow)
      right(listed(name, 20), slow)
    }
    // What it has said before is durable.
    right(listed("desktop", 0, 0), slow)
  })

  it("wants one holder of the lock, named in rejections that come before the end", () => {
    breaks("at most one device holds the lock", (story) => {
      const [phone, desktop] = pair(story)
      phone.begin().say({ _tag: "BeginTransactionAck" })
      desktop.begin(0, 2).say({ _tag: "BeginTransactionAck" })
    })
    breaks("a rejection names who holds the lock, with its scope", (story) => {
      const [phone, desktop] = pair(story)
      phone.begin().say({ _tag: "BeginTransactionAck" })
      desktop.begin(0, 2).say(rejected(1n, 7))
    })
    breaks("a rejection is told before the end it waits for", (story) => {
      const [phone, desktop] = pair(story)
      phone.begin().say({ _tag: "BeginTransactionAck" })
      desktop.begin(0, 2)
      phone.gone()
      desktop.say(ended(1n)).say(rejected(1n))
    })
    breaks("the end of a transaction is told when it is over, with its scope", (story) => {
      const [phone, desktop] = pair(story)
      phone.begin().say({ _tag: "BeginTransactionAck" })
      desktop.say(ended(1n))
    })
    const story = new Story(mediator)
    const [phone, desktop] = pair(story)
    phone.begin().say({ _tag: "BeginTransactionAck" }).gone()
    desktop.say({ _tag: "RolePromotedToLeader" })
    assert.match(story.owed ?? "", /desktop was not told of the end/)
    breaks("a lock is granted to who asked for it", (story) => {
      pair(story)[0].say({ _tag: "BeginTransactionAck" })
    })
    breaks("a rejection answers who asked for the lock", (story) => {
      pair(story)[1].say(rejected(1n))
    })
    breaks("a commit is acked when it was asked for", (story) => {
      pair(story)[0].say({ _tag: "CommitTransactionAck" })
    })
  })

  it("wants one leader, after its Dry, the oldest first", () => {
    breaks("at most one device leads", (story) => {
      pair(story)[1].say({ _tag: "RolePromotedToLeader" })
    })
    breaks("nobody leads before its own Dry", (story) => {
      story.open("phone").greet().info(false).say({ _tag: "RolePromotedToLeader" })
    })
    breaks("a device is promoted once on a connection", (story) => {
      pair(story)[0].say({ _tag: "RolePromotedToLeader" })
    })
    breaks("the oldest connection leads next", (story) => {
      const [phone] = pair(story)
      story.wait(10)
      const tablet = story.live("tablet")
      story.wait(10)
      phone.gone()
      tablet.say({ _tag: "RolePromotedToLeader" })
    })
    const story = new Story(mediator)
    const [phone] = pair(story)
    phone.gone()
    assert.match(story.owed ?? "", /nobody leads/)
  })

  it("wants the truth about slots", () => {
    breaks("a registered slot stays until it is dropped or expires", (story) => {
      const [, desktop] = pair(story)
      desktop.gone()
      story.live("desktop")
    })
    const drop = (line: Line, deviceId: bigint) => line.hear({ _tag: "DropDevice", deviceId: deviceId as DeviceId })
    breaks("a slot that was dropped or has expired is not there any more", (story) => {
      const [phone, desktop] = pair(story)
      desktop.gone()
      drop(phone, 2n).say({ _tag: "DropDeviceAck", deviceId: 2n as DeviceId })
      story.live("desktop", { existing: true })
    })
    breaks("a slot that was dropped or has expired is not there any more", (story) => {
      story.live("desktop", { volatile: true }).gone()
      story.wait(5 * 60_000 + 10).live("desktop", { existing: true, volatile: true })
    })
    breaks("a ClientHello is accepted only when it expects the slot as it is", (story) => {
      story.open("phone").greet({ existing: true }).info(false)
    })
    breaks(
      "there are no more slots than the limit",
      (story) => {
        story.open("phone").greet().info(false, 0, { slots: 1 })
        story.open("desktop").greet().info(false, 0, { slots: 1 })
      },
      { mediator: { maxDeviceSlots: 1 } }
    )
    breaks("4111 is for a device that is new when all slots are taken", (story) => {
      pair(story)
      story.open("tablet").greet().close(4111)
    })
    breaks("4115 is for a slot that is not as expected", (story) => {
      story.open("phone").greet().close(4115)
    })
    breaks("a drop is acked when it was asked for, in order", (story) => {
      pair(story)[0].say({ _tag: "DropDeviceAck", deviceId: 2n as DeviceId })
    })
    breaks("ServerInfo tells the mediator's time", (story) => {
      story.open("phone").greet().info(false, 0, { time: 99 })
    })
    breaks("ServerInfo tells how many slots there are", (story) => {
      story.open("phone").greet().info(false, 0, { slots: 3 })
    })
    breaks("ServerInfo brings the shared data as it was last set", (story) => {
      const [phone, desktop] = pair(story)
      phone.hear({ _tag: "SetSharedDeviceData", encryptedSharedDeviceData: Box.make("dgsddk", envelope(5, 50)) })
      desktop.gone()
      story.live("desktop", { existing: true })
    })
  })

  it("wants the truth about who is there", () => {
    type Told = Partial<AugmentedDeviceInfo>
    const connected = (since: number) => ({ _tag: "connectedSince", value: BigInt(start + since) }) as const
    const gone = (since: number) => ({ _tag: "lastDisconnectAt", value: BigInt(start + since) }) as const
    const list = (line: Line, devices: Partial<Record<Name, Told>>) =>
      line.hear({ _tag: "GetDevicesInfo" }).say({
        _tag: "DevicesInfo",
        augmentedDeviceInfo: new Map(
          Object.entries(devices).map(([name, told]) => [
            ids[name as Name] as DeviceId,
            {
              encryptedDeviceInfo: Box.make("dgdik", new Uint8Array(50)),
              deviceSlotExpirationPolicy: 1,
              connectionState: connected(0),
              ...told
            }
          ])
        )
      })
    right((story) => {
      const [phone, desktop] = pair(story)
      list(phone, { phone: {}, desktop: {} })
      story.wait(100)
      desktop.gone()
      story.live("tablet", { volatile: true })
      const tablet = { connectionState: connected(100), deviceSlotExpirationPolicy: 0 }
      list(phone, { phone: {}, desktop: { connectionState: gone(100) }, tablet })
      phone.hear({ _tag: "DropDevice", deviceId: 2n as DeviceId })
      list(phone, { phone: {}, desktop: { connectionState: gone(100) }, tablet })
      phone.say({ _tag: "DropDeviceAck", deviceId: 2n as DeviceId })
      list(phone, { phone: {}, tablet })
    })
    const rule = "DevicesInfo lists whoever has a slot, the asker included, and nobody else"
    breaks(rule, (story) => list(pair(story)[0], { desktop: {} }))
    breaks(rule, (story) => list(pair(story)[0], { phone: {} }))
    breaks(rule, (story) => list(pair(story)[0], { phone: {}, desktop: {}, tablet: {} }))
    breaks(rule, (story) => {
      const [phone] = pair(story)
      phone.hear({ _tag: "DropDevice", deviceId: 2n as DeviceId })
      phone.say({ _tag: "DropDeviceAck", deviceId: 2n as DeviceId })
      list(phone, { phone: {}, desktop: {} })
    })
    const truth = "DevicesInfo tells of each device what it has said last, and since when it is connected or gone"
    for (const told of [
      { encryptedDeviceInfo: Box.make("dgdik", new Uint8Array(50).fill(1)) },
      { deviceSlotExpirationPolicy: 0 },
      { connectionState: connected(1) },
      { connectionState: gone(0) }
    ] satisfies ReadonlyArray<Told>) {
      breaks(truth, (story) => list(pair(story)[0], { phone: {}, desktop: told }))
    }
    breaks(truth, (story) => {
      const [phone, desktop] = pair(story)
      desktop.gone()
      list(phone, { phone: {}, desktop: {} })
    })
    // The mediator reckons in whole milliseconds: who is silent for too long may be gone before somebody else is answered.
    right((story) => {
      const [phone, desktop] = pair(story)
      story.wait(0.9)
      list(desktop, { phone: {}, desktop: {} })
      story.wait(30_000)
      list(phone, { phone: {}, desktop: {} })
      story.wait(29_999.5)
      list(phone, { phone: {}, desktop: { connectionState: gone(60_000) } })
      desktop.close(4013)
    })
    // So may a slot whose device has been away for as long as it may.
    right(
      (story) => {
        const phone = story.live("phone").say({ _tag: "RolePromotedToLeader" })
        const desktop = story.live("desktop", { volatile: true })
        story.wait(0.9)
        desktop.gone()
        story.wait(4_999.5)
        list(phone, { phone: {} })
      },
      { mediator: { volatileGrace: 5_000 } }
    )
    breaks("DevicesInfo answers who has asked for it, once", (story) => {
      pair(story)[0].say({ _tag: "DevicesInfo", augmentedDeviceInfo: new Map() })
    })
  })

  it("wants closes that have a reason, and silence closed", () => {
    for (const code of [1000, 1001, 1011, 4000, 4010, 4011, 4012, 4013, 4112, 4113, 4114, 4115]) {
      breaks("the mediator closes a connection for the reason it gives", (story) => {
        pair(story)[0].close(code)
      })
    }
    right((story) => {
      const [phone] = pair(story)
      story.live("phone'1" as "phone", { existing: true })
      phone.close(4112)
    })
    // Messages that came between ClientHello and ServerInfo may have been too many already.
    right(
      (story) => {
        const phone = story.live("phone")
        const desktop = story.open("desktop").greet()
        phone.reflect(1, envelope(1)).reflect(2, envelope(2))
        desktop.info(false).close(4114)
      },
      { mediator: { queueMessages: 1 }, storeLatency: 20 }
    )
    // A close for a store that has failed may stand behind a write that was begun before.
    const failedBefore = (wait: number) => (story: Story) => {
      const [phone] = pair(story)
      story.fault("StoreFails", "Begun").wait(100).fault("StoreFails", "Ended").wait(wait)
      phone.close(1011)
    }
    right(failedBefore(20), { storeLatency: 20 })
    breaks("the mediator closes a connection for the reason it gives", failedBefore(21), { storeLatency: 20 })
    // A deadline goes ahead of what is heard at the same time.
    right((story) => {
      story.open("phone").greet({ after: 10_000 }).close(4013)
    })
    right((story) => {
      const phone = story.live("phone")
      story.wait(60_000)
      phone.reflect(1, envelope(1)).close(4013)
    })
    breaks("the mediator closes a connection for the reason it gives", (story) => {
      story.open("phone").greet({ after: 9_999 }).close(4013)
    })
    // A close that has waited for the store tells of a session that was over before: its grace may be, too.
    right(
      (story) => {
        story.live("phone", { volatile: true }).begin(1).say({ _tag: "BeginTransactionAck" })
        story.wait(3_000)
        story.tell({ _tag: "MediatorClosed", ...story.place("phone"), connection: 1, code: 4011, reason: "" })
        story.wait(3_500).open("phone").greet({ existing: true, volatile: true }).close(4115)
      },
      { mediator: { volatileGrace: 5_000 }, storeLatency: 20 }
    )
    // The same where the network breaks before the close leaves.
    const brokenBefore = (ttl: number) => (story: Story) => {
      const phone = story.live("phone", { volatile: true }).begin(ttl)
      phone.say({ _tag: "BeginTransactionAck" })
      story.wait(3_000)
      phone.gone()
      story.wait(3_500).open("phone").greet({ existing: true, volatile: true }).close(4115)
    }
    right(brokenBefore(1), { mediator: { volatileGrace: 5_000 }, storeLatency: 20 })
    breaks("4115 is for a slot that is not as expected", brokenBefore(10), {
      mediator: { volatileGrace: 5_000 },
      storeLatency: 20
    })
    breaks("whoever is silent for too long is closed", (story) => {
      const phone = story.live("phone")
      story.wait(60_002)
      phone.reflect(1, envelope(1))
    })
    // It may never say anything again.
    breaks("whoever is silent for too long is closed", (story) => {
      const [, desktop] = pair(story)
      for (let at = 0; at < 3; at++) {
        story.wait(20_001)
        desktop.hear({ _tag: "GetDevicesInfo" })
      }
    })
    breaks("what no client may send closes its connection", (story) => {
      pair(story)[0].hear({ _tag: "CommitTransaction" })
    })
    breaks("what no client may send closes its connection", (story) => {
      pair(story)[0].reflectedAck(9)
    })
    right((story) => {
      pair(story)[0].reflectedAck(9).close(4012)
    })
    breaks("nothing is sent on a connection that is over", (story) => {
      pair(story)[0].gone().say({ _tag: "ReflectionQueueDry" })
    })
    breaks("ServerHello comes first, then ServerInfo, and then the rest", (story) => {
      story.open("phone").greet().say({ _tag: "ReflectionQueueDry" })
    })
    breaks("Dry is sent once on a connection, after ServerInfo", (story) => {
      pair(story)[0].say({ _tag: "ReflectionQueueDry" })
    })
  })
})

describe("seeds", () => {
  it("show a faithful mediator", () => {
    for (let seed = 0; seed < 10; seed++) {
      for (const faults of ["swarm", "brutal"] as const) {
        const { violation } = run(swarm({ seed, faults, duration: 20_000 }), { oracles: [mediator] })
        assert.isUndefined(violation, `${faults} ${seed}: ${JSON.stringify(violation)}`)
      }
    }
  })
})
