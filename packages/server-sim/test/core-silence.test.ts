import { assert, describe, it } from "@effect/vitest"
import { InvariantViolation } from "@d2m/server-sim"
import { drive, hello, reflect, type Wire } from "./drive.ts"

const idle = { code: 4013, reason: "the client was silent too long" }
const handshake = { code: 4013, reason: "no ClientHello in time" }

describe("silence", () => {
  const hold = (d: ReturnType<typeof drive>, wire: Wire, _tag: "Held" | "Released"): void =>
    void d.feed({ _tag, connection: wire.connection })

  it("closes after 60 s without a frame or a ping", () => {
    const d = drive()
    const a = d.join(1)
    d.advance(59_000)
    a.send(reflect(1))
    d.advance(59_000)
    d.feed({ _tag: "Pinged", connection: a.connection })
    d.advance(59_999)
    assert.isUndefined(a.closed())
    d.advance(1)
    assert.deepStrictEqual(a.closed(), idle)
  })

  it("does not count while nothing is read, and goes on where it was", () => {
    const d = drive()
    const a = d.join(1)
    d.advance(40_000)
    hold(d, a, "Held")
    d.advance(300_000)
    hold(d, a, "Released")
    d.advance(19_999)
    assert.isUndefined(a.closed())
    d.advance(1)
    assert.deepStrictEqual(a.closed(), idle)
  })

  it("counts anew from what was heard while little was read", () => {
    const d = drive()
    const a = d.join(1)
    hold(d, a, "Held")
    d.advance(100_000)
    // What had been read before it was held.
    a.send(reflect(1))
    d.advance(10_000)
    hold(d, a, "Released")
    d.advance(59_999)
    assert.isUndefined(a.closed())
    d.advance(1)
    assert.deepStrictEqual(a.closed(), idle)
  })

  it("before the ClientHello does not count either while nothing is read", () => {
    const d = drive()
    const a = d.open()
    d.advance(4_000)
    for (let n = 0; n < 3; n++) {
      hold(d, a, "Held")
      d.advance(50_000)
      hold(d, a, "Released")
      d.advance(1_999)
    }
    assert.isUndefined(a.closed())
    d.advance(3)
    assert.deepStrictEqual(a.closed(), handshake)
  })

  it("has one deadline of a kind for a connection, however often it is held", () => {
    const d = drive()
    const a = d.join(1)
    for (let n = 0; n < 1_000; n++) {
      hold(d, a, "Held")
      d.advance(100)
      hold(d, a, "Released")
    }
    assert.isAtMost(d.state().deadlines.heap.length, 2)
    a.send(hello(1))
    assert.strictEqual(a.closed()?.code, 4010)
  })
})

describe("a deadline that fails", () => {
  it("does not keep others from being reached", () => {
    const d = drive()
    const a = d.join(1)
    const b = d.open(new Uint8Array(32).fill(8))
    b.send(hello(1))
    d.advance(30_000)
    d.feed({ _tag: "Pinged", connection: b.connection })
    // No peer can bring this about.
    const group = d.group()!
    group.connections.delete(a.connection)
    assert.throws(() => d.advance(30_000), InvariantViolation)
    d.feed({ _tag: "GroupFailed", groupKey: group.key })
    d.state().connections.delete(a.connection)
    d.advance(60_000)
    assert.deepStrictEqual(b.closed(), idle)
  })
})
