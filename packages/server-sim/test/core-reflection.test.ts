import { assert, describe, it } from "@effect/vitest"
import { Box, CloseCode, type ServerFrame } from "@d2m/codec"
import { ack, bytes, drive, ephemeral, hello, id, reflect, twoOnSlowDisk } from "./drive.ts"

const reflected = (frames: ReadonlyArray<ServerFrame>) =>
  frames.filter((frame): frame is Extract<ServerFrame, { _tag: "Reflected" }> => frame._tag === "Reflected")

describe("reflect", () => {
  it("goes to every other device with the timestamp of its ack, acks in order", () => {
    const d = drive()
    const a = d.join(1)
    const b = d.join(2)
    const c = d.join(3)
    d.advance(17)
    a.send(reflect(7, { flags: 0xfff0 }), reflect(7))
    const acks = a.take()
    assert.deepStrictEqual(acks, [
      { _tag: "ReflectAck", reflectId: 7 as never, timestamp: 1_000_017n as never },
      { _tag: "ReflectAck", reflectId: 7 as never, timestamp: 1_000_017n as never }
    ])
    for (const wire of [b, c]) {
      assert.deepStrictEqual(wire.take(), [
        {
          _tag: "Reflected",
          flags: 0xfff0,
          reflectedId: 1 as never,
          timestamp: 1_000_017n as never,
          envelope: Box.make("dgrk", bytes(7))
        },
        {
          _tag: "Reflected",
          flags: 0,
          reflectedId: 2 as never,
          timestamp: 1_000_017n as never,
          envelope: Box.make("dgrk", bytes(7))
        }
      ])
    }
  })

  it("is acked only when it is durable", () => {
    const { a, b, d } = twoOnSlowDisk()
    a.send(reflect(1))
    assert.deepStrictEqual([a.said(), b.said()], [[], []])
    d.persisted()
    assert.deepStrictEqual([a.said(), b.said()], [["ReflectAck 1"], ["Reflected 1"]])
  })

  it("is acked to the last device of a group when nothing can bring another one back", () => {
    const { a, b, d } = twoOnSlowDisk()
    b.send({ _tag: "DropDevice", deviceId: id(2) })
    a.send(reflect(1))
    assert.deepStrictEqual(a.said(), [], "after a crash, device 2 has its slot again, and the message is owed to it")
    d.persisted()
    assert.deepStrictEqual(a.said(), ["ReflectAck 1"])
    a.send(reflect(2))
    assert.deepStrictEqual(a.said(), ["ReflectAck 2"])
  })

  it("is refused with 4010 when its envelope could not be delivered", () => {
    const d = drive()
    const a = d.join(1)
    a.send(reflect(1, { envelope: new Uint8Array(65_516) }))
    assert.deepStrictEqual(a.said(), ["ReflectAck 1"])
    a.send(reflect(2, { envelope: new Uint8Array(65_517) }))
    assert.strictEqual(a.closed()?.code, CloseCode.ProtocolError)
  })

  it("waits in the queue of an absent device, in order, until acked there", () => {
    const d = drive()
    const a = d.join(1)
    d.join(2).gone()
    a.send(reflect(1), reflect(2), reflect(3))
    const first = d.rejoin(2)
    const frames = first.take()
    assert.deepInclude(frames[1], { _tag: "ServerInfo", deviceSlotState: 1, reflectionQueueLength: 3 })
    assert.deepStrictEqual(
      frames.slice(2).map((frame) => frame._tag),
      ["Reflected", "Reflected", "Reflected", "ReflectionQueueDry"]
    )
    first.send(ack(2))
    first.gone()
    d.advance(5000)
    // Redelivered with the same id and timestamp; the acked one is gone.
    assert.deepStrictEqual(reflected(d.rejoin(2).take()), [reflected(frames)[0]!, reflected(frames)[2]!])
  })
})

describe("reflected-ack", () => {
  it("is not cumulative, and a repeated one changes nothing", () => {
    const d = drive()
    const a = d.join(1)
    const b = d.join(2)
    a.send(reflect(1), reflect(2), reflect(3))
    b.send(ack(3), ack(3), ack(1))
    assert.isUndefined(b.closed())
    assert.strictEqual(d.group()?.slots.get(id(2))?.queue.length, 1)
    b.gone()
    assert.deepStrictEqual(d.rejoin(2).said().slice(2), ["Reflected 2", "ReflectionQueueDry"])
  })

  it("of an ephemeral changes nothing", () => {
    const d = drive()
    const a = d.join(1)
    const b = d.join(2)
    a.send(ephemeral(1), reflect(2))
    b.send(ack(1))
    assert.isUndefined(b.closed())
    assert.strictEqual(d.group()?.slots.get(id(2))?.queue.length, 1)
  })

  const strange: ReadonlyArray<readonly [string, number]> = [
    ["never sent", 4],
    ["zero", 0],
    ["a wrapped one", 0xffff_ffff]
  ]
  for (const [name, reflectedId] of strange) {
    it(`of an id that is ${name} closes with 4012, lenient or not`, () => {
      for (const strict of [true, false]) {
        const d = drive({ strict })
        const a = d.join(1)
        const b = d.join(2)
        a.send(reflect(1), reflect(2), reflect(3))
        b.send(ack(reflectedId))
        assert.strictEqual(b.closed()?.code, CloseCode.UnknownAck)
      }
    })
  }

  it("before anything was sent closes with 4012", () => {
    const d = drive()
    const a = d.join(1)
    a.send(ack(1))
    assert.strictEqual(a.closed()?.code, CloseCode.UnknownAck)
  })

  for (const strict of [true, false]) {
    it(`of an id of an earlier connection is ${strict ? "refused when strict" : "overlooked when lenient"}`, () => {
      const d = drive({ strict })
      const a = d.join(1)
      const b = d.join(2)
      a.send(reflect(1), reflect(2))
      b.send(ack(1))
      b.gone()
      const again = d.rejoin(2)
      again.send(ack(1))
      assert.strictEqual(again.closed()?.code, strict ? CloseCode.UnknownAck : undefined)
      assert.strictEqual(d.group()?.slots.get(id(2))?.queue.length, 1)
    })
  }

  it("of an id that stands before the first of all is refused even when lenient", () => {
    for (const first of [0, 1, 1_000, 0xffff_ffff]) {
      const d = drive({ strict: false, firstReflectedId: first })
      const a = d.join(1)
      const b = d.join(2)
      a.send(reflect(1), reflect(2))
      b.send(ack(first), ack((first + 1) >>> 0))
      b.gone()
      const again = d.rejoin(2)
      again.send(ack(first), ack((first + 1) >>> 0))
      assert.isUndefined(again.closed(), `${first}`)
      again.send(ack((first - 1) >>> 0))
      assert.strictEqual(again.closed()?.code, CloseCode.UnknownAck, `${first}`)
    }
  })
})

describe("reflected-ids", () => {
  it("wrap past 0xffffffff to 0, over a reconnect, and are acked on both sides of it", () => {
    const d = drive({ firstReflectedId: 0xffff_fffe })
    const a = d.join(1)
    const b = d.join(2)
    a.send(reflect(1), reflect(2))
    assert.deepStrictEqual(b.said(), ["Reflected 4294967294", "Reflected 4294967295"])
    b.gone()
    a.send(reflect(3), ephemeral(9), reflect(4))
    const again = d.rejoin(2)
    assert.deepStrictEqual(again.said().slice(2), [
      "Reflected 4294967294",
      "Reflected 4294967295",
      "Reflected 0",
      "Reflected 1",
      "ReflectionQueueDry"
    ])
    again.send(ack(0), ack(0xffff_ffff))
    a.send(reflect(5))
    again.send(ack(2))
    assert.isUndefined(again.closed())
    again.gone()
    assert.deepStrictEqual(d.rejoin(2).said().slice(2), ["Reflected 4294967294", "Reflected 1", "ReflectionQueueDry"])
  })

  it("may begin anywhere, at 0 too, and wrap from there", () => {
    for (const first of [0, 1, 0xffff_ffff]) {
      const second = (first + 1) >>> 0
      const d = drive({ firstReflectedId: first })
      const a = d.join(1)
      const b = d.join(2)
      a.send(reflect(1), ephemeral(2), reflect(3))
      const third = (first + 2) >>> 0
      assert.deepStrictEqual(b.said(), [`Reflected ${first}`, `Reflected ${second}`, `Reflected ${third}`])
      b.send(ack(first), ack(second), ack(first))
      assert.isUndefined(b.closed())
      d.crash()
      const again = d.rejoin(2)
      assert.deepStrictEqual(again.said().slice(2, 4), [`Reflected ${third}`, "ReflectionQueueDry"])
      again.send(ack(third))
      assert.strictEqual(d.group()?.slots.get(id(2))?.queue.length, 0)
    }
  })

  it("go on where they were after a restart, ephemerals counted", () => {
    const d = drive()
    const a = d.join(1)
    const b = d.join(2)
    a.send(reflect(1), ephemeral(2), ephemeral(3))
    b.send(ack(1))
    d.crash()
    const again = d.rejoin(2)
    const sender = d.rejoin(1)
    sender.send(reflect(4))
    assert.deepStrictEqual(again.said().slice(2), ["ReflectionQueueDry", "RolePromotedToLeader", "Reflected 4"])
  })
})

describe("ephemerals", () => {
  it("reach connected devices only, are not acked, not counted and not redelivered", () => {
    const d = drive()
    const a = d.join(1)
    const b = d.join(2)
    d.join(3).gone()
    a.send(ephemeral(1))
    assert.deepStrictEqual([a.said(), b.said()], [[], ["Reflected 1"]])
    b.gone()
    for (const n of [2, 3]) {
      const frames = d.rejoin(n).take()
      assert.deepInclude(frames[1], { reflectionQueueLength: 0 })
      assert.lengthOf(reflected(frames), 0)
    }
  })

  it("keep their place behind what is still to be sent", () => {
    const d = drive({ holdDrains: true, deliveryMessages: 2 })
    const a = d.join(1)
    d.join(2).gone()
    a.send(reflect(1), reflect(2), reflect(3))
    const b = d.rejoin(2)
    a.send(ephemeral(4), reflect(5), ephemeral(6))
    assert.deepStrictEqual(b.said().slice(2), ["Reflected 1", "Reflected 2"])
    d.drain()
    // Dry follows what was queued at ServerInfo.
    assert.deepStrictEqual(b.said(), ["Reflected 3", "ReflectionQueueDry"])
    d.drain()
    assert.deepStrictEqual(b.said(), ["Reflected 4", "Reflected 5"])
    d.drain()
    assert.deepStrictEqual(b.said(), ["Reflected 6"])
  })

  for (const limit of [{ ephemeralBytes: 3 }, { ephemeralMessages: 3 }]) {
    it(`are thrown away with the connection they wait on, and when too many wait (${Object.keys(limit)[0]})`, () => {
      const d = drive({ holdDrains: true, ...limit })
      const a = d.join(1)
      d.join(2).gone()
      a.send(reflect(1))
      const b = d.rejoin(2)
      b.take()
      a.send(ephemeral(2), ephemeral(3), ephemeral(4), ephemeral(5))
      d.drain()
      assert.deepStrictEqual(b.said(), ["Reflected 2", "Reflected 3", "Reflected 4"])
      assert.isTrue(d.outputs.some((o) => o._tag === "Decided" && o.decision._tag === "EphemeralDropped"))
      b.send(ack(1))
      d.feed({ _tag: "Congested", connection: b.connection })
      a.send(ephemeral(6))
      b.gone()
      assert.lengthOf(reflected(d.rejoin(2).take()), 0)
    })
  }
})

describe("pacing", () => {
  it("hands out a long queue in chunks and Dry once, behind what was queued at ServerInfo", () => {
    const d = drive({ holdDrains: true, deliveryMessages: 4 })
    const a = d.join(1)
    d.join(2).gone()
    for (let n = 1; n <= 10; n++) a.send(reflect(n))
    const b = d.rejoin(2)
    assert.deepStrictEqual(b.said().slice(1), [
      "ServerInfo",
      "Reflected 1",
      "Reflected 2",
      "Reflected 3",
      "Reflected 4"
    ])
    a.send(reflect(11))
    assert.deepStrictEqual(b.said(), [])
    d.drain()
    assert.deepStrictEqual(b.said(), ["Reflected 5", "Reflected 6", "Reflected 7", "Reflected 8"])
    d.drain()
    assert.deepStrictEqual(b.said(), ["Reflected 9", "Reflected 10", "Reflected 11", "ReflectionQueueDry"])
    d.drain()
    a.send(reflect(12))
    assert.deepStrictEqual(b.said(), ["Reflected 12"])
  })

  it("leaves messages in the queue while the socket is full", () => {
    const d = drive({ holdDrains: true })
    const a = d.join(1)
    const b = d.join(2)
    d.feed({ _tag: "Congested", connection: b.connection })
    a.send(reflect(1), reflect(2))
    assert.deepStrictEqual(b.said(), [])
    assert.deepStrictEqual(a.said(), ["ReflectAck 1", "ReflectAck 2"])
    d.feed({ _tag: "Drained", connection: b.connection })
    assert.deepStrictEqual(b.said(), ["Reflected 1", "Reflected 2"])
  })

  it("begins with a socket that was full before its ClientHello", () => {
    for (const isDrained of [false, true]) {
      const d = drive({ holdDrains: true })
      const a = d.join(1)
      const b = d.open()
      d.feed({ _tag: "Congested", connection: b.connection })
      if (isDrained) d.feed({ _tag: "Drained", connection: b.connection })
      b.send(hello(2))
      // There is nothing to wait for.
      assert.deepStrictEqual(b.said(), ["ServerHello", "ServerInfo", "ReflectionQueueDry"])
      a.send(reflect(1), ephemeral(2), reflect(3))
      assert.deepStrictEqual(b.said(), isDrained ? ["Reflected 1", "Reflected 2", "Reflected 3"] : [])
      if (isDrained) continue
      for (let n = 0; n < 3; n++) {
        d.feed({ _tag: "Drained", connection: b.connection })
        d.drain()
      }
      assert.deepStrictEqual(b.said(), ["Reflected 1", "Reflected 2", "Reflected 3"])
    }
  })

  it("does not resend what was acked while it waited", () => {
    const d = drive({ holdDrains: true, deliveryMessages: 1 })
    const a = d.join(1)
    d.join(2).gone()
    a.send(reflect(1), reflect(2))
    const b = d.rejoin(2)
    b.send(ack(1))
    d.drain()
    d.drain()
    assert.deepStrictEqual(b.said().slice(2), ["Reflected 1", "Reflected 2", "ReflectionQueueDry"])
  })
})

describe("queue limits", () => {
  for (const limit of [{ queueMessages: 2 }, { queueBytes: 2 }]) {
    it(`drop a connected slot with 4114 (${Object.keys(limit)[0]})`, () => {
      const d = drive(limit)
      const a = d.join(1)
      const b = d.join(2)
      const c = d.join(3)
      a.send(reflect(1), reflect(2))
      c.send(ack(1))
      assert.isUndefined(b.closed())
      a.send(reflect(3))
      assert.strictEqual(b.closed()?.code, CloseCode.QueueLimit)
      assert.deepStrictEqual(a.said(), ["ReflectAck 1", "ReflectAck 2", "ReflectAck 3"])
      assert.deepStrictEqual(c.said(), ["Reflected 1", "Reflected 2", "Reflected 3"])
      assert.strictEqual(d.rejoin(2).closed()?.code, CloseCode.SlotStateMismatch)
    })
  }
})
