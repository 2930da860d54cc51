import { assert, describe, it } from "@effect/vitest"
import {
  Box,
  CloseCode,
  type DeviceId,
  DeviceSlotExpirationPolicy,
  encodeServerFrame,
  Limits,
  type ServerFrame
} from "@d2m/codec"
import { groupKeyOf } from "@d2m/server-sim"
import { ack, bytes, drive, groupId, hello, id, reflect, type Wire, twoOnSlowDisk } from "./drive.ts"

const listed = (wire: Wire): Extract<ServerFrame, { _tag: "DevicesInfo" }>["augmentedDeviceInfo"] => {
  wire.take()
  wire.send({ _tag: "GetDevicesInfo" })
  const [frame] = wire.take()
  assert(frame?._tag === "DevicesInfo")
  return frame.augmentedDeviceInfo
}
const drop = (n: number) => ({ _tag: "DropDevice", deviceId: id(n) }) as const

describe("devices", () => {
  it("are listed, the asking one too, with the time since when they are there or gone", () => {
    const d = drive()
    const a = d.join(1, { encryptedDeviceInfo: Box.make("dgdik", bytes(9, 9)) })
    d.advance(10)
    const b = d.join(2, { deviceSlotExpirationPolicy: 0 })
    d.advance(10)
    b.gone()
    assert.deepStrictEqual(
      [...listed(a)],
      [
        [
          id(1),
          {
            encryptedDeviceInfo: bytes(9, 9),
            deviceSlotExpirationPolicy: 1,
            connectionState: { _tag: "connectedSince", value: 1_000_000n }
          }
        ],
        [
          id(2),
          {
            encryptedDeviceInfo: bytes(2),
            deviceSlotExpirationPolicy: 0,
            connectionState: { _tag: "lastDisconnectAt", value: 1_000_020n }
          }
        ]
      ]
    )
  })

  it("are dropped with their queue, closed with 4113, and acked once that is durable", () => {
    const { a, b, d } = twoOnSlowDisk()
    a.send(drop(2))
    assert.deepStrictEqual([a.said(), b.closed()], [[], undefined])
    d.persisted()
    assert.deepStrictEqual(a.said(), ["DropDeviceAck 2"])
    assert.strictEqual(b.closed()?.code, CloseCode.Dropped)
    assert.deepStrictEqual([...d.group()!.slots.keys()], [id(1)])
  })

  it("have no slot for anybody before their drop is durable: a crash may bring it back", () => {
    const { a, b, d } = twoOnSlowDisk()
    const c = d.open()
    c.send(hello(3))
    d.persisted()
    c.take()
    a.send(drop(2))
    c.send(drop(2))
    const refused = d.rejoin(2)
    assert.deepStrictEqual([a.said(), c.said(), b.closed(), refused.closed()], [[], [], undefined, undefined])
    d.persisted()
    assert.deepStrictEqual([a.said(), c.said()], [["DropDeviceAck 2"], ["DropDeviceAck 2"]])
    assert.strictEqual(refused.closed()?.code, CloseCode.SlotStateMismatch)
    c.send(drop(2))
    assert.deepStrictEqual(c.said(), ["DropDeviceAck 2"])
  })

  it("are listed when that is durable: an older info that a crash brought back would seem to be replayed", () => {
    const { a, b, d } = twoOnSlowDisk()
    d.rejoin(2, { encryptedDeviceInfo: Box.make("dgdik", bytes(22)) })
    a.send({ _tag: "GetDevicesInfo" })
    assert.deepStrictEqual(a.said(), [])
    d.persisted()
    const [list] = a.take()
    assert(list?._tag === "DevicesInfo")
    assert.deepStrictEqual(list.augmentedDeviceInfo.get(id(2))?.encryptedDeviceInfo, Box.make("dgdik", bytes(22)))
    assert.strictEqual(b.closed()?.code, CloseCode.DuplicateDevice)
    a.send(drop(2), { _tag: "GetDevicesInfo" })
    assert.deepStrictEqual(a.said(), [])
    d.persisted()
    assert.deepStrictEqual(a.said(), ["DropDeviceAck 2", "DevicesInfo"])
    a.send({ _tag: "GetDevicesInfo" })
    assert.deepStrictEqual(a.said(), ["DevicesInfo"])
  })

  it("have a slot already when that is durable: a crash may take it back", () => {
    const { d } = twoOnSlowDisk()
    d.open().send(hello(3))
    const again = d.open()
    again.send(hello(3))
    assert.isUndefined(again.closed())
    d.persisted()
    assert.strictEqual(again.closed()?.code, CloseCode.SlotStateMismatch)
  })

  it("are acked when unknown, and get the ack before the close when they drop themselves", () => {
    const d = drive()
    const a = d.join(1)
    a.send(drop(77))
    assert.deepStrictEqual(a.said(), ["DropDeviceAck 77"])
    a.send(drop(1))
    assert.deepStrictEqual(a.said(), ["DropDeviceAck 1"])
    assert.strictEqual(a.closed()?.code, CloseCode.Dropped)
    assert.isUndefined(d.group(), "an empty group is forgotten")
  })

  it("may register anew after a drop and start with an empty queue", () => {
    const d = drive()
    const a = d.join(1)
    const b = d.join(2)
    a.send(reflect(1), drop(2))
    assert.strictEqual(b.closed()?.code, CloseCode.Dropped)
    assert.strictEqual(d.rejoin(2).closed()?.code, CloseCode.SlotStateMismatch)
    const again = d.open()
    again.send(hello(2))
    assert.deepInclude(again.take()[1], { deviceSlotState: 0, reflectionQueueLength: 0 })
  })

  it("share data that every later ServerInfo carries, over a restart and over the last slot", () => {
    const d = drive()
    const a = d.join(1)
    a.send({ _tag: "SetSharedDeviceData", encryptedSharedDeviceData: Box.make("dgsddk", bytes(1, 2, 3)) })
    assert.deepStrictEqual(a.said(), [])
    const shared = (wire: Wire) =>
      wire.take().flatMap((frame) => (frame._tag === "ServerInfo" ? [frame.encryptedSharedDeviceData] : []))
    assert.deepStrictEqual(shared(d.rejoin(1)), [bytes(1, 2, 3)])
    d.crash()
    const again = d.rejoin(1)
    assert.deepStrictEqual(shared(again), [bytes(1, 2, 3)])
    again.send(drop(1))
    const fresh = d.open()
    fresh.send(hello(3))
    assert.deepStrictEqual(shared(fresh), [bytes(1, 2, 3)])
  })

  it("can share just what fits every ServerInfo", () => {
    const longest = 65_506
    const serverInfo = encodeServerFrame({
      _tag: "ServerInfo",
      maxDeviceSlots: 0xffff_ffff,
      deviceSlotState: 1,
      encryptedSharedDeviceData: Box.make("dgsddk", new Uint8Array(longest)),
      currentTime: 2n ** 49n - 1n,
      reflectionQueueLength: 0xffff_ffff
    })
    assert.lengthOf(serverInfo, Limits.frame)
    const d = drive()
    d.join(1).send({
      _tag: "SetSharedDeviceData",
      encryptedSharedDeviceData: Box.make("dgsddk", new Uint8Array(longest))
    })
    assert.lengthOf(d.group()!.encryptedSharedDeviceData, longest)
    const b = d.join(2)
    b.send({ _tag: "SetSharedDeviceData", encryptedSharedDeviceData: Box.make("dgsddk", new Uint8Array(longest + 1)) })
    assert.strictEqual(b.closed()?.code, CloseCode.ProtocolError)
  })

  it("can lock with just what fits a Rejected", () => {
    const d = drive()
    const a = d.join(1)
    a.send({ _tag: "BeginTransaction", encryptedScope: Box.make("dgtsk", new Uint8Array(65_519)), ttl: 0 })
    assert.deepStrictEqual(a.said(), ["BeginTransactionAck"])
    const b = d.join(2)
    b.send({ _tag: "BeginTransaction", encryptedScope: Box.make("dgtsk", new Uint8Array(65_520)), ttl: 0 })
    assert.strictEqual(b.closed()?.code, CloseCode.ProtocolError)
  })

  // A policy of 0 takes no room, one below 0 takes 11 bytes.
  for (const [policy, longest] of [
    [0, 25_472],
    [1, 25_470],
    [-7, 25_461]
  ] as const) {
    it(`can tell just what fits every DevicesInfo, as devices of policy ${policy}`, () => {
      const infos = [new Uint8Array(40_000), new Uint8Array(longest)] as const
      const entry = (encryptedDeviceInfo: Uint8Array, deviceSlotExpirationPolicy: number) => ({
        encryptedDeviceInfo: Box.make("dgdik", encryptedDeviceInfo),
        deviceSlotExpirationPolicy,
        connectionState: { _tag: "connectedSince", value: 2n ** 49n - 1n } as const
      })
      const devicesInfo = encodeServerFrame({
        _tag: "DevicesInfo",
        augmentedDeviceInfo: new Map([
          [id(1), entry(infos[0], 1)],
          [id(2), entry(infos[1], policy)]
        ])
      })
      assert.lengthOf(devicesInfo, Limits.frame)
      const d = drive()
      d.join(1, { encryptedDeviceInfo: Box.make("dgdik", infos[0]) })
      const b = d.join(2, { encryptedDeviceInfo: Box.make("dgdik", infos[1]), deviceSlotExpirationPolicy: policy })
      assert.isUndefined(b.closed())
      b.gone()
      const longer = new Uint8Array(longest + 1)
      const again = d.rejoin(2, { encryptedDeviceInfo: Box.make("dgdik", longer), deviceSlotExpirationPolicy: policy })
      assert.strictEqual(again.closed()?.code, CloseCode.ProtocolError)
    })
  }
})

describe("slots", () => {
  const slots = (d: ReturnType<typeof drive>): ReadonlyArray<DeviceId> => [...d.group()!.slots.keys()]

  it("are taken from the device that left first, then from the one connected longest", () => {
    const d = drive({ maxDeviceSlots: 3 })
    const a = d.join(1)
    d.advance(1)
    const b = d.join(2)
    d.advance(1)
    const c = d.join(3)
    d.advance(1)
    c.gone()
    d.advance(1)
    a.gone()
    const dropping = { deviceSlotsExhaustedPolicy: 1 }
    d.join(4, dropping)
    assert.deepStrictEqual(slots(d), [id(1), id(2), id(4)])
    d.advance(1)
    d.join(5, dropping)
    assert.deepStrictEqual(slots(d), [id(2), id(4), id(5)])
    assert.isUndefined(b.closed())
    d.advance(1)
    d.join(6, dropping)
    assert.strictEqual(b.closed()?.code, CloseCode.Dropped)
    assert.deepStrictEqual(slots(d), [id(4), id(5), id(6)])
  })

  it("of volatile devices end after the grace, of persistent ones do not", () => {
    const d = drive()
    const a = d.join(1, { deviceSlotExpirationPolicy: 0 })
    d.join(2).gone()
    d.join(3, { deviceSlotExpirationPolicy: 9 }).gone()
    a.gone()
    d.advance(5 * 60_000 - 1)
    assert.deepStrictEqual(slots(d), [id(1), id(2), id(3)])
    d.advance(1)
    assert.deepStrictEqual(slots(d), [id(2), id(3)])
  })

  it("survive when the volatile device comes back in time, and its grace starts anew", () => {
    const d = drive({ idleTimeout: 3_600_000 })
    d.join(1, { deviceSlotExpirationPolicy: 0 }).gone()
    d.advance(200_000)
    const again = d.rejoin(1, { deviceSlotExpirationPolicy: 0 })
    d.advance(200_000)
    again.gone()
    d.advance(299_999)
    assert.deepStrictEqual(slots(d), [id(1)])
    d.advance(1)
    assert.isUndefined(d.group())
  })

  it("are not ended by the grace of an earlier absence", () => {
    const d = drive()
    d.join(1, { deviceSlotExpirationPolicy: 0 }).gone()
    d.advance(100_000)
    d.rejoin(1, { deviceSlotExpirationPolicy: 0 }).gone()
    d.advance(299_999)
    assert.deepStrictEqual(slots(d), [id(1)])
    d.advance(1)
    assert.isUndefined(d.group())
  })

  it("of volatile devices count their grace over a restart, from the restart for who was connected", () => {
    const d = drive({ idleTimeout: 3_600_000 })
    d.join(1, { deviceSlotExpirationPolicy: 0 }).gone()
    d.join(2, { deviceSlotExpirationPolicy: 0 })
    d.join(3)
    d.advance(200_000)
    d.crash()
    const c = d.rejoin(3)
    assert.deepStrictEqual(
      [...listed(c).values()].map(({ connectionState }) => connectionState),
      [
        { _tag: "lastDisconnectAt", value: 1_000_000n },
        { _tag: "lastDisconnectAt", value: 1_200_000n },
        { _tag: "connectedSince", value: 1_200_000n }
      ]
    )
    d.advance(100_000)
    assert.deepStrictEqual(slots(d), [id(2), id(3)])
    d.advance(200_000)
    assert.deepStrictEqual(slots(d), [id(3)])
  })
})

describe("leader", () => {
  it("is the first that is dry, until it disconnects; then the oldest dry connection", () => {
    const d = drive({ holdDrains: true, deliveryMessages: 1 })
    d.join(1).gone()
    const b = d.join(2)
    b.send(reflect(1), reflect(2))
    const a = d.rejoin(1)
    assert.notInclude(a.said(), "ReflectionQueueDry")
    const c = d.join(3)
    b.gone()
    assert.deepStrictEqual(a.said(), [])
    assert.deepStrictEqual(c.said(), ["RolePromotedToLeader"])
    d.drain()
    assert.deepStrictEqual(a.said(), ["Reflected 2", "ReflectionQueueDry"])
    c.gone()
    assert.deepStrictEqual(a.said(), ["RolePromotedToLeader"])
    a.send(ack(1))
    a.gone()
    const late = d.rejoin(3)
    assert.include(late.said(), "RolePromotedToLeader")
  })
})

describe("deadlines", () => {
  it("close whoever says no ClientHello in 10 s, proxying or not", () => {
    const d = drive()
    const a = d.open()
    d.advance(9_000)
    a.send({ _tag: "Proxy", data: bytes(1) })
    assert.isUndefined(a.closed())
    d.advance(1_000)
    assert.strictEqual(a.closed()?.code, CloseCode.Idle)
  })

  it("close whoever is silent for 60 s, a ping or a frame starting it anew", () => {
    const d = drive()
    const a = d.join(1)
    d.advance(59_999)
    a.send({ _tag: "GetDevicesInfo" })
    d.advance(59_999)
    d.feed({ _tag: "Pinged", connection: a.connection })
    d.advance(59_999)
    assert.isUndefined(a.closed())
    d.advance(1)
    assert.deepStrictEqual(a.closed(), { code: CloseCode.Idle, reason: "the client was silent too long" })
  })

  it("ask for one wake-up at a time, the earliest", () => {
    const d = drive()
    d.join(1)
    d.advance(1_000)
    d.join(2)
    const wakes = d.outputs.flatMap((output) => (output._tag === "WakeAt" ? [output.at] : []))
    assert.deepStrictEqual(wakes, [60_000])
  })
})

describe("chat proxy", () => {
  it("passes bytes both ways from the open socket on", () => {
    const d = drive()
    const a = d.open()
    a.send({ _tag: "Proxy", data: bytes(1, 2) })
    assert.deepInclude(d.outputs.at(-1), { _tag: "ToChat", connection: a.connection })
    d.feed({ _tag: "ChatReceived", connection: a.connection, data: bytes(3) })
    assert.deepStrictEqual(a.take().slice(1), [{ _tag: "Proxy", data: bytes(3) }])
  })

  const ends = [
    ["Ended", 4000],
    ["Unreachable", 4001],
    ["Failed", 4009]
  ] as const
  for (const [how, code] of ends) {
    it(`closes with ${code} when it is over: ${how}`, () => {
      const d = drive()
      const a = d.join(1)
      d.feed({ _tag: "ChatGone", connection: a.connection, how })
      assert.strictEqual(a.closed()?.code, code)
      assert.isUndefined(d.group()?.slots.get(id(1))?.session)
    })
  }

  it("closes with 4009 rather than split a chat message", () => {
    const d = drive()
    const a = d.join(1)
    d.feed({ _tag: "ChatReceived", connection: a.connection, data: new Uint8Array(65_533) })
    assert.strictEqual(a.closed()?.code, CloseCode.ChatInternal)
  })
})

describe("the end", () => {
  it("closes everybody with 1001, later comers too", () => {
    const d = drive()
    const [a, b] = [d.join(1), d.open()]
    d.feed({ _tag: "Shutdown" })
    const c = d.open()
    assert.deepStrictEqual(
      [a, b, c].map((wire) => wire.closed()?.code),
      [1001, 1001, 1001]
    )
  })

  it("of a group that its store failed is 1011, and what is stored counts afterwards", () => {
    const d = drive({ holdPersists: true })
    const a = d.open()
    a.send(hello(1))
    d.persisted()
    a.send(reflect(1))
    const key = d.group()!.key
    a.send({ _tag: "SetSharedDeviceData", encryptedSharedDeviceData: Box.make("dgsddk", bytes(1)) })
    d.feed({ _tag: "GroupFailed", groupKey: key })
    assert.strictEqual(a.closed()?.code, CloseCode.InternalError)
    assert.strictEqual(d.state().connections.size, 0)
    assert.isUndefined(d.group())
    const again = d.rejoin(1)
    d.persisted()
    assert.deepInclude(again.take()[1], { _tag: "ServerInfo", deviceSlotState: 1 })
  })

  it("of a group that its store failed is the end of its graces, too: its volatile device is back by then", () => {
    const d = drive({ volatileGrace: 1_000 })
    const a = d.join(1, { deviceSlotExpirationPolicy: DeviceSlotExpirationPolicy.VOLATILE })
    a.gone()
    d.advance(500)
    d.feed({ _tag: "GroupFailed", groupKey: groupKeyOf(groupId) })
    const again = d.rejoin(1, { deviceSlotExpirationPolicy: DeviceSlotExpirationPolicy.VOLATILE })
    d.advance(1_000)
    assert.isUndefined(again.closed())
    again.send({ _tag: "GetDevicesInfo" })
    assert.include(again.said(), "DevicesInfo")
  })

  it("of a group that its store failed while nobody was connected leaves nothing of it", () => {
    const d = drive()
    d.join(1).gone()
    d.feed({ _tag: "GroupFailed", groupKey: groupKeyOf(groupId) })
    assert.isUndefined(d.group())
    assert.strictEqual(d.state().idle.size, 0)
  })
})
