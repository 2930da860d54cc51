import { assert, describe, it } from "@effect/vitest"
import { Box, CloseCode } from "@d2m/codec"
import { begin, bytes, commit, drive, ephemeral, id, reflect, twoOnSlowDisk } from "./drive.ts"

/** Devices 1, 2 and 3, connected; 4 registered and absent. */
const family = (options: Parameters<typeof drive>[0] = {}) => {
  const d = drive(options)
  const wires = [d.join(1), d.join(2), d.join(3)] as const
  d.join(4).gone()
  return { d, a: wires[0], b: wires[1], c: wires[2] }
}

describe("transaction", () => {
  it("shows others nothing before the commit, then everything in order, then Ended", () => {
    const { a, b, c, d } = family()
    a.send(begin(9), reflect(1), ephemeral(2), reflect(3))
    assert.deepStrictEqual(a.said(), ["BeginTransactionAck", "ReflectAck 1", "ReflectAck 3"])
    assert.deepStrictEqual([b.said(), c.said()], [[], []])
    assert.isFalse(d.outputs.some((o) => o._tag === "Persist" && o.commands.some((m) => m._tag === "Append")))
    d.advance(100)
    a.send(commit)
    assert.deepStrictEqual(a.said(), ["CommitTransactionAck"])
    const frames = b.take()
    assert.deepStrictEqual(frames.slice(0, 3), [
      {
        _tag: "Reflected",
        flags: 0,
        reflectedId: 1 as never,
        timestamp: 1_000_000n as never,
        envelope: Box.make("dgrk", bytes(1))
      },
      {
        _tag: "Reflected",
        flags: 1,
        reflectedId: 2 as never,
        timestamp: 1_000_000n as never,
        envelope: Box.make("dgrk", bytes(2))
      },
      {
        _tag: "Reflected",
        flags: 0,
        reflectedId: 3 as never,
        timestamp: 1_000_000n as never,
        envelope: Box.make("dgrk", bytes(3))
      }
    ])
    assert.deepStrictEqual(frames[3], {
      _tag: "TransactionEnded",
      deviceId: id(1),
      encryptedScope: Box.make("dgtsk", bytes(9))
    })
    assert.deepStrictEqual(d.rejoin(4).said().slice(2), ["Reflected 1", "Reflected 2", "ReflectionQueueDry"])
  })

  it("promises with the CommitTransactionAck: nothing leaves before all of it is durable at once", () => {
    const { a, b, d } = twoOnSlowDisk()
    a.send(begin(1), reflect(1), reflect(2))
    assert.deepStrictEqual(
      a.said(),
      ["BeginTransactionAck", "ReflectAck 1", "ReflectAck 2"],
      "provisional acks do not wait"
    )
    const before = d.outputs.length
    a.send(commit)
    assert.deepStrictEqual([a.said(), b.said()], [[], []])
    const persists = d.outputs.slice(before).filter((output) => output._tag === "Persist")
    assert.deepStrictEqual(
      persists.map(({ commands }) => commands.map(({ _tag }) => _tag)),
      [["Append", "Append"]]
    )
    d.persisted()
    assert.deepStrictEqual(a.said(), ["CommitTransactionAck"])
    assert.deepStrictEqual(b.said(), ["Reflected 1", "Reflected 2", "TransactionEnded 1"])
  })

  it("is stored for the slots registered at the commit; others reflect freely meanwhile", () => {
    const { a, b, d } = family()
    a.send(begin(1), reflect(1))
    const late = d.join(5)
    b.send(reflect(7))
    assert.deepStrictEqual(late.said(), ["Reflected 1"])
    assert.deepStrictEqual(b.said(), ["ReflectAck 7"])
    a.send(commit)
    assert.deepStrictEqual(late.said(), ["Reflected 2", "TransactionEnded 1"])
  })

  it("is rejected while another holds the lock, with its scope, and Ended comes later", () => {
    const { a, b, c } = family()
    a.send(begin(9))
    b.send(begin(8))
    assert.deepStrictEqual(b.take(), [
      { _tag: "TransactionRejected", deviceId: id(1), encryptedScope: Box.make("dgtsk", bytes(9)) }
    ])
    a.send(commit)
    assert.deepStrictEqual([b.said(), c.said()], [["TransactionEnded 1"], ["TransactionEnded 1"]])
    b.send(begin(8))
    assert.deepStrictEqual(b.said(), ["BeginTransactionAck"])
  })

  const losses: ReadonlyArray<readonly [string, (f: ReturnType<typeof family>) => void, number | undefined]> = [
    ["disconnects", ({ a }) => a.gone(), undefined],
    ["is replaced", ({ d }) => d.rejoin(1), CloseCode.DuplicateDevice],
    ["is dropped", ({ b }) => b.send({ _tag: "DropDevice", deviceId: id(1) }), CloseCode.Dropped],
    ["drops itself", ({ a }) => a.send({ _tag: "DropDevice", deviceId: id(1) }), CloseCode.Dropped],
    ["takes too long", ({ d }) => d.advance(60_000), CloseCode.TransactionTimeout],
    ["nests", ({ a }) => a.send(begin(2)), CloseCode.ProtocolError],
    ["breaks the protocol", ({ a }) => a.raw("text"), CloseCode.ProtocolError]
  ]
  for (const [name, lose, code] of losses) {
    it(`is discarded and ended when its holder ${name}`, () => {
      const f = family({ idleTimeout: 600_000 })
      f.a.send(begin(9), reflect(1), ephemeral(2))
      lose(f)
      assert.strictEqual(f.a.closed()?.code, code)
      for (const wire of [f.b, f.c]) {
        assert.deepStrictEqual(
          wire
            .said()
            .filter((frame) => !frame.startsWith("Drop"))
            .slice(0, 1),
          ["TransactionEnded 1"]
        )
      }
      assert.strictEqual(f.d.group()?.lock, undefined)
      assert.strictEqual(f.d.group()?.slots.get(id(4))?.issued, 0)
      f.b.send(begin(1))
      assert.include(f.b.said(), "BeginTransactionAck")
    })
  }

  it("ends at the device's own TTL, in seconds, but never later than the mediator's", () => {
    for (const [ttl, millis] of [
      [5, 5_000],
      [0, 60_000],
      [3600, 60_000]
    ] as const) {
      const { a, d } = family({ idleTimeout: 600_000 })
      a.send(begin(1, ttl))
      d.advance(millis - 1)
      assert.isUndefined(a.closed())
      d.advance(1)
      assert.strictEqual(a.closed()?.code, CloseCode.TransactionTimeout)
    }
  })

  it("does not inherit the deadline of the one before", () => {
    const { a, d } = family({ idleTimeout: 600_000 })
    a.send(begin(1, 10))
    d.advance(9_000)
    a.send(commit, begin(2, 10))
    d.advance(5_000)
    assert.isUndefined(a.closed())
    d.advance(5_000)
    assert.strictEqual(a.closed()?.code, CloseCode.TransactionTimeout)
  })

  it("buffers so many messages and bytes and no more", () => {
    for (const limit of [{ transactionMessages: 2 }, { transactionBytes: 2 }]) {
      const { a, b } = family(limit)
      a.send(begin(1), reflect(1), reflect(2))
      assert.isUndefined(a.closed())
      a.send(reflect(3))
      assert.deepStrictEqual(a.closed(), { code: CloseCode.ProtocolError, reason: "the transaction is too large" })
      assert.strictEqual(b.said()[0], "TransactionEnded 1")
    }
  })

  it("ends for a device behind its messages, however slowly that gets them", () => {
    const d = drive({ holdDrains: true, deliveryMessages: 1 })
    const [a, b, c] = [d.join(1), d.join(2), d.join(3)]
    a.send(begin(1), reflect(1), reflect(2), commit, begin(2), commit)
    c.send(begin(3))
    c.gone()
    assert.deepStrictEqual(b.said(), ["Reflected 1"])
    d.drain()
    assert.deepStrictEqual(b.said(), ["Reflected 2"])
    d.drain()
    assert.deepStrictEqual(b.said(), ["TransactionEnded 1", "TransactionEnded 3"])
  })

  it("cannot be committed by who does not hold it", () => {
    const { a, b } = family()
    a.send(begin(1))
    b.send(commit)
    assert.strictEqual(b.closed()?.code, CloseCode.ProtocolError)
    assert.deepStrictEqual(a.said(), ["BeginTransactionAck"])
  })

  it("drops a slot that it overfills, and commits for the others", () => {
    const { a, b, c, d } = family({ queueMessages: 3 })
    b.send({ _tag: "DropDevice", deviceId: id(4) })
    c.send({ _tag: "ReflectedAck", reflectedId: 0 as never })
    const again = d.rejoin(3)
    again.take()
    a.send(begin(1), reflect(1), reflect(2), reflect(3), reflect(4), commit)
    assert.strictEqual(b.closed()?.code, CloseCode.QueueLimit)
    assert.strictEqual(again.closed()?.code, CloseCode.QueueLimit)
    assert.include(a.said(), "CommitTransactionAck")
    assert.deepStrictEqual([...d.group()!.slots.keys()], [id(1)])
  })

  it("leaves no trace after a restart", () => {
    const { a, d } = family()
    a.send(begin(1), reflect(1))
    d.crash()
    const b = d.rejoin(2)
    assert.deepStrictEqual(b.said().slice(2), ["ReflectionQueueDry", "RolePromotedToLeader"])
    b.send(begin(1))
    assert.deepStrictEqual(b.said(), ["BeginTransactionAck"])
  })
})
