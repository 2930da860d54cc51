import { assert, describe, it, vi } from "@effect/vitest"
import { MessageWriter, messageWriter } from "../src/MessageWriter.ts"
import { decodeMessage, encodeMessage } from "../src/ProtobufCodec.ts"
import { hex, succeeded } from "./frame-vectors.ts"
import { inner, Outer, outer } from "./sample-messages.ts"
import { concat, delimited, fixed64, int, varint } from "./wire-bytes.ts"

const filled = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, at) => at * 31 + seed)

describe("the memory of what is written", () => {
  it("is never written again, whatever is written later", () => {
    const sizes = Array.from({ length: 600 }, (_, at) => (at * 97) % 700)
    const written = sizes.map((size, at) => encodeMessage(Outer, outer({ blob: filled(size, at) })))
    for (const [at, size] of sizes.entries()) {
      assert.strictEqual(hex(written[at]!), size === 0 ? "" : hex(delimited(6, filled(size, at))))
    }
  })

  it("is shared by no two messages", () => {
    const written = Array.from({ length: 300 }, (_, at) => encodeMessage(Outer, outer({ blob: filled(200, at) })))
    const before = written.map(hex)
    for (let at = 0; at < written.length; at += 2) written[at]!.fill(0)
    for (let at = 1; at < written.length; at += 2) assert.strictEqual(hex(written[at]!), before[at])
  })

  it("of a long message is its own, and little longer than the message", () => {
    for (const size of [2049, 16_384, 70_000, 300_000]) {
      const written = encodeMessage(Outer, outer({ blob: filled(size, 1), text: "x" }))
      assert.isAtMost(written.buffer.byteLength, written.length + 256)
      assert.strictEqual(hex(written), hex(concat(delimited(5, "x"), delimited(6, filled(size, 1)))))
    }
  })

  it("that a long message took is not kept for those behind it", () => {
    const writer = new MessageWriter()
    writer.view(filled(100_000, 1))
    writer.finish()
    writer.bool(true)
    assert.strictEqual(writer.finish().buffer.byteLength, 16_384)
  })

  it("that a long message was written in holds nothing of it afterwards", () => {
    const writer = new MessageWriter()
    writer.view(filled(3000, 7).fill(0xaa))
    writer.finish()
    for (let at = 0; at < 40; at++) writer.bool(false)
    writer.view(new Uint8Array(0))
    const { buffer } = writer.finish()
    assert.isFalse(new Uint8Array(buffer).includes(0xaa))
  })
})

describe("the room of long messages", () => {
  it("is as long as the message where much comes behind a long field, too", () => {
    for (const [one, other] of [
      [16_384, 5000],
      [3000, 3000],
      [40_000, 300]
    ] as const) {
      const text = "x".repeat(one)
      const written = encodeMessage(Outer, outer({ text, blob: filled(other, 1) }))
      assert.isAtMost(written.buffer.byteLength, written.length + 256)
      assert.isTrue(Buffer.compare(written, concat(delimited(5, text), delimited(6, filled(other, 1)))) === 0)
    }
  })

  it("grows with a list of long fields by half at least, so that none is moved often", () => {
    const writer = new MessageWriter()
    const rooms = new Set<ArrayBufferLike>()
    const { set } = Uint8Array.prototype
    const spy = vi.spyOn(Uint8Array.prototype, "set").mockImplementation(function (this: Uint8Array, ...args) {
      rooms.add(this.buffer)
      return set.apply(this, args)
    })
    for (let count = 0; count < 400; count++) writer.view(filled(3000, count))
    spy.mockRestore()
    assert.strictEqual(writer.finish().length, 400 * 3002)
    assert.isAtMost(rooms.size, 12)
  })

  it("is the message's own, one behind the other", () => {
    const sizes = [9000, 40_000, 8193, 120_000, 200_000, 16_384, 10]
    const written = sizes.map((size, at) => encodeMessage(Outer, outer({ text: "x", blob: filled(size, at) })))
    for (const [at, size] of sizes.entries()) {
      assert.isTrue(
        Buffer.compare(written[at]!, concat(delimited(5, "x"), delimited(6, filled(size, at)))) === 0,
        `${size}`
      )
    }
    assert.strictEqual(new Set(written.map(({ buffer }) => buffer)).size, sizes.length)
  })

  it("leaves nothing behind in the piece that a message has outgrown", () => {
    const writer = new MessageWriter()
    writer.bool(true)
    const before = writer.finish()
    writer.view(new Uint8Array(100).fill(0xaa))
    writer.view(new Uint8Array(20_000))
    assert.strictEqual(writer.finish().length, 20_104)
    writer.view(new Uint8Array(99))
    const behind = writer.finish()
    assert.strictEqual(behind.buffer, before.buffer)
    assert.strictEqual(behind.byteOffset, 1)
    assert.isFalse(new Uint8Array(behind.buffer).includes(0xaa))
  })

  it("is none for a message of a few bytes of which much was expected", () => {
    const writer = new MessageWriter()
    writer.text("a".repeat(2800))
    assert.strictEqual(writer.finish().buffer.byteLength, 2802)
    writer.text("b")
    assert.strictEqual(hex(writer.finish()), "0162")
  })
})

describe("writing", () => {
  it("in the middle of writing disturbs neither", () => {
    const blob = filled(40, 1)
    let nested = ""
    const value = {
      ...outer({ blob }),
      get text() {
        nested = hex(encodeMessage(Outer, outer({ small: 300, texts: ["y".repeat(500)] })))
        return "outside"
      }
    }
    const written = encodeMessage(Outer, value)
    assert.strictEqual(hex(written), hex(concat(delimited(5, "outside"), delimited(6, blob))))
    assert.strictEqual(nested, hex(concat(int(1, 300), delimited(11, "y".repeat(500)))))
  })

  it("goes on after a value that was none", () => {
    assert.throws(() => encodeMessage(Outer, { ...outer({ blob: filled(9, 1) }), big: "no number" as never }))
    assert.strictEqual(hex(encodeMessage(Outer, outer({ id: 5n }))), hex(fixed64(3, 5n)))
  })

  it("puts a length of any size ahead, wherever the message ends in its piece of memory", () => {
    for (const size of [0, 1, 126, 127, 128, 129, 16_380, 16_381, 16_384]) {
      for (let before = 0; before < 3; before++) {
        encodeMessage(Outer, outer({ blob: filled(before * 53, 1) }))
        const value = outer({ inner: inner({ name: "n".repeat(size) }), small: 1 })
        const written = encodeMessage(Outer, value)
        const expected = concat(int(1, 1), delimited(10, ...(size === 0 ? [] : [delimited(1, "n".repeat(size))])))
        assert.isTrue(Buffer.compare(written, expected) === 0, `${size}`)
        assert.deepStrictEqual(succeeded(decodeMessage(Outer, written)), value)
      }
    }
  })

  it("finds room for a length where the piece of memory is full", () => {
    for (let size = 370; size < 395; size++) {
      const writer = new MessageWriter()
      // What is left of 16 KiB behind 16 messages of 1000 bytes is as long as the message that comes next, or nearly.
      for (let count = 0; count < 16; count++) {
        writer.view(filled(998, count))
        writer.finish()
      }
      const start = writer.begin(1)
      writer.view(filled(size, 3))
      writer.end(start, 1)
      const inside = concat(varint(size), filled(size, 3))
      assert.strictEqual(hex(writer.finish()), hex(concat(varint(inside.length), inside)), `${size}`)
    }
  })

  it("puts the right length ahead after one that took more bytes, or fewer", () => {
    const sizes = [0, 130, 5, 20_000, 127, 128, 3, 16_400, 16_300, 0, 2 ** 21, 1]
    for (const [at, size] of [...sizes, ...sizes.toReversed()].entries()) {
      const written = encodeMessage(Outer, outer({ inner: inner({ name: "n".repeat(size) }), small: at }))
      const within = size === 0 ? [] : [delimited(1, "n".repeat(size))]
      const expected = concat(...(at === 0 ? [] : [int(1, at)]), delimited(10, ...within))
      assert.isTrue(Buffer.compare(written, expected) === 0, `${size}`)
    }
  })

  it("leaves nothing where a length was expected to take more", () => {
    const writer = new MessageWriter()
    const start = writer.begin(4)
    writer.view(new Uint8Array(20).fill(0xaa))
    assert.strictEqual(writer.end(start, 4), 1)
    const { buffer } = writer.finish()
    assert.strictEqual(new Uint8Array(buffer).lastIndexOf(0xaa), 21)
  })

  it("puts a length of four bytes ahead too", () => {
    const value = outer({ inner: inner({ name: "n".repeat(2 ** 21) }) })
    const written = encodeMessage(Outer, value)
    assert.strictEqual(hex(written.subarray(0, 10)), "52858080010a80808001")
    assert.strictEqual(written.length, 10 + 2 ** 21)
    assert.deepStrictEqual(succeeded(decodeMessage(Outer, written)), value)
  })

  it("one writer at a time for whoever asks, and the same one again once it is done", () => {
    const [one, other] = [messageWriter(), messageWriter()]
    assert.notStrictEqual(one, other)
    one.bool(true)
    other.bool(false)
    assert.strictEqual(hex(one.finish()) + hex(other.finish()), "0100")
    assert.strictEqual(messageWriter(), other)
  })
})
