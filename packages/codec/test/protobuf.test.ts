import { assert, describe, it } from "@effect/vitest"
import * as Protobuf from "../src/Protobuf.ts"
import { decodeMessage, encodeMessage } from "../src/ProtobufCodec.ts"
import { DeviceId } from "../src/Scalars.ts"
import { failed, hex, succeeded } from "./frame-vectors.ts"
import { Colour, decode, encode, Exact, inner, Outer, outer, refused } from "./sample-messages.ts"
import { concat, delimited, fixed64, int, overlong, tag, varint } from "./wire-bytes.ts"

const none: ReadonlyArray<string> = []

describe("presence", () => {
  it("nothing on the wire is every default, and no key that can be absent", () => {
    const value = decode()
    assert.deepStrictEqual(
      { ...value },
      {
        small: 0,
        big: 0n,
        id: 0n,
        flag: false,
        text: "",
        blob: new Uint8Array(0),
        colour: 0,
        texts: none,
        inners: [],
        byDevice: new Map(),
        byName: new Map(),
        blobs: []
      }
    )
    assert.deepStrictEqual(value, outer({}))
    assert.strictEqual(encode({}), "")
  })

  it("an optional default is kept and written", () => {
    const value = decode(delimited(8), int(9, 0), delimited(18), int(19, 0))
    assert.deepStrictEqual(value, outer({ maybeText: "", maybeColour: 0, maybeBlob: new Uint8Array(0), maybeBig: 0n }))
    assert.strictEqual(
      hex(encodeMessage(Outer, value)),
      hex(concat(delimited(8), int(9, 0), delimited(18), int(19, 0)))
    )
  })

  it("an implicit default is read and not written", () => {
    const written = concat(int(1, 0), int(2, 0), fixed64(3, 0n), int(4, 0), delimited(5), delimited(6), int(7, 0))
    assert.deepStrictEqual(decode(written), outer({}))
    assert.strictEqual(hex(encodeMessage(Outer, decode(written))), "")
  })

  it("an empty message is a message, and a chosen default is a choice", () => {
    assert.deepStrictEqual(decode(delimited(10)), outer({ inner: inner() }))
    assert.deepStrictEqual(decode(delimited(15)), outer({ choice: { _tag: "word", value: "" } }))
    assert.deepStrictEqual(decode(int(16, 0)), outer({ choice: { _tag: "number", value: 0 } }))
    assert.strictEqual(encode({ inner: inner() }), "5200")
    assert.strictEqual(encode({ choice: { _tag: "number", value: 0 } }), "800100")
    assert.strictEqual(encode({ texts: ["", "a"] }), "5a005a0161")
  })
})

describe("numbers", () => {
  it("64-bit numbers keep every bit", () => {
    const values = [0n, 1n, 0x7fn, 0x80n, 2n ** 28n - 1n, 2n ** 28n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 35n]
    for (const value of [...values, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 0x0123456789abcdefn]) {
      const written = value === 0n ? [] : concat(int(2, value), fixed64(3, value))
      assert.strictEqual(encode({ big: value, id: value }), hex(Uint8Array.from(written)))
      assert.deepStrictEqual(decode(int(2, value), fixed64(3, value)), outer({ big: value, id: value }))
    }
  })

  it("a u64 of 10 bytes drops the bits that do not fit", () => {
    const bytes = [...tag(2, 0), ...Array.from({ length: 9 }, () => 0xff), 0x7f]
    assert.strictEqual(decode(bytes).big, 2n ** 64n - 1n)
  })

  it("32-bit numbers keep every bit, and drop those of a longer varint", () => {
    for (const value of [1, 0x7f, 0x80, 2 ** 21, 2 ** 28, 2 ** 31, 2 ** 32 - 1]) {
      assert.strictEqual(encode({ small: value }), hex(int(1, value)))
      assert.strictEqual(decode(int(1, value)).small, value)
    }
    assert.strictEqual(decode(int(1, 2n ** 32n + 5n)).small, 5)
    assert.strictEqual(decode(int(1, 2n ** 64n - 1n)).small, 2 ** 32 - 1)
  })

  it("enum numbers nobody named survive, negative ones in 10 bytes", () => {
    for (const value of [99, -1, -3, -(2 ** 31), 2 ** 31 - 1]) {
      const written = int(7, value)
      assert.strictEqual(written.length, value < 0 ? 11 : varint(value).length + 1)
      assert.strictEqual(decode(written).colour, value)
      assert.strictEqual(encode({ colour: value }), hex(written))
    }
    // Written by somebody who took the enum for unsigned.
    assert.strictEqual(decode(int(7, 2 ** 32 - 3)).colour, Colour.NEGATIVE)
  })

  it("any number but 0 is true", () => {
    for (const value of [1, 2, 0x80, 2n ** 63n]) assert.isTrue(decode(int(4, value)).flag)
    assert.isFalse(decode(tag(4, 0), overlong(0, 10)).flag)
    // The tenth byte has one bit of the 64; what stands above it is dropped here as in a u64.
    for (const [last, flag] of [
      [1, true],
      [2, false],
      [0x7e, false],
      [0x7f, true]
    ] as const) {
      const bytes = [...Array.from({ length: 9 }, () => 0x80), last]
      assert.strictEqual(decode(tag(4, 0), bytes).flag, flag)
      assert.strictEqual(decode(tag(2, 0), bytes).big !== 0n, flag)
    }
    assert.strictEqual(encode({ flag: true }), "2001")
  })

  it("a varint may be longer than it need be, up to 10 bytes", () => {
    for (let length = 2; length <= 10; length++) {
      const bytes = overlong(5, length)
      assert.strictEqual(decode(tag(1, 0), bytes).small, 5)
      assert.strictEqual(decode(tag(2, 0), bytes).big, 5n)
      assert.strictEqual(decode(tag(7, 0), bytes).colour, 5)
      assert.deepStrictEqual(decode(tag(99, 0), bytes), outer({}))
    }
    for (const number of [1, 2, 4, 7, 99]) {
      const error = refused(tag(number, 0), overlong(5, 11))
      assert.deepInclude(error, { kind: "Malformed", within: "test.Outer", offset: 0 })
    }
  })

  it("a tag or a length may be longer than it need be, up to 5 bytes", () => {
    assert.strictEqual(decode(overlong(8, 5), [3]).small, 3)
    assert.strictEqual(decode(tag(5, 2), overlong(1, 5), [0x61]).text, "a")
    assert.strictEqual(refused(overlong(8, 6), [3]).kind, "Malformed")
    assert.strictEqual(refused(varint(2n ** 32n + 8n), [3]).kind, "Malformed", "a tag does not wrap")
    assert.strictEqual(refused(tag(5, 2), overlong(1, 6), [0x61]).kind, "Malformed")
    // 2^31 and above: no length can be that, and it must not wrap to a small one.
    for (const length of [2n ** 31n, 2n ** 32n + 1n]) {
      assert.strictEqual(refused(tag(5, 2), varint(length), [0x61]).kind, "Malformed")
    }
    assert.strictEqual(refused(tag(5, 2), varint(2 ** 31 - 1), [0x61]).kind, "Truncated")
  })
})

describe("text", () => {
  it("is UTF-8 of any length, and a byte order mark is a character of it", () => {
    for (const text of ["ä", "🦊", "\u0000", "\ufeffabc", "abcdefgh\ufeff", "x".repeat(70) + "é", "🦊".repeat(50)]) {
      assert.strictEqual(decode(delimited(5, text)).text, text)
      assert.strictEqual(encode({ text }), hex(delimited(5, text)))
    }
  })

  it("is refused when it is not UTF-8", () => {
    const invalid = [[0x80], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff]]
    for (const bytes of invalid) {
      for (const before of [0, 7, 8, 63, 64, 200]) {
        const error = refused(int(1, 1), delimited(5, "x".repeat(before), bytes, "x"))
        assert.deepInclude(error, { kind: "Malformed", within: "test.Outer", field: "text", offset: 2 })
        assert.strictEqual(error.expected, "UTF-8")
      }
    }
    assert.strictEqual(refused(delimited(14, delimited(1, [0xff]))).kind, "Malformed")
  })

  it("is written as UTF-8 even when it is half a character", () => {
    for (const text of ["\ud83e", "a\udd8a", "x".repeat(200) + "\ud83e"]) {
      const written = encodeMessage(Outer, outer({ text, texts: [text] }))
      const whole = text.replace(/[\ud800-\udfff]/, "\ufffd")
      assert.deepStrictEqual(succeeded(decodeMessage(Outer, written)), outer({ text: whole, texts: [whole] }))
    }
  })

  it("is written as any encoder writes it, at the borders of every length and of every half", () => {
    const whole = ["\u007f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"]
    const halves = ["\ud800", "\udbff", "\udc00", "\udfff"]
    for (const first of [...whole, ...halves]) {
      for (const second of [...whole, ...halves]) {
        const text = first + second
        assert.strictEqual(encode({ text }), hex(delimited(5, [...new TextEncoder().encode(text)])))
      }
    }
  })

  it("is written to its end, however long and whatever its characters take", () => {
    for (const character of ["a", "é", "€", "🦊"]) {
      for (const length of [5461, 8192, 16_384, 40_000]) {
        const text = character.repeat(length)
        assert.isTrue(Buffer.compare(encodeMessage(Outer, outer({ text })), delimited(5, text)) === 0, character)
      }
    }
  })
})

describe("order and repetition", () => {
  it("fields come in any order, and are written by number", () => {
    const parts = [int(1, 3), delimited(5, "t"), delimited(10, delimited(1, "n")), delimited(11, "x"), int(16, 4)]
    assert.deepStrictEqual(decode(...parts.toReversed()), decode(...parts))
    assert.strictEqual(hex(encodeMessage(Outer, decode(...parts.toReversed()))), hex(concat(...parts)))
  })

  it("of a scalar that is there twice the last wins", () => {
    assert.strictEqual(decode(int(1, 3), int(1, 4)).small, 4)
    assert.strictEqual(decode(int(1, 3), int(1, 0)).small, 0)
    assert.strictEqual(decode(delimited(8, "a"), delimited(8)).maybeText, "")
  })

  it("a message that is there twice is merged", () => {
    const value = decode(
      delimited(10, delimited(1, "a"), int(2, 1), delimited(3, "x")),
      delimited(10, delimited(1, "b"), delimited(3, "y"))
    )
    assert.deepStrictEqual(value.inner, inner({ name: "b", count: 1, tags: ["x", "y"] }))
  })

  it("repeated fields keep their order, and messages in them are not merged", () => {
    const value = decode(delimited(12, int(2, 1)), delimited(11, "b"), delimited(12), delimited(11, "a"))
    assert.deepStrictEqual(value.texts, ["b", "a"])
    assert.deepStrictEqual(value.inners, [inner({ count: 1 }), inner()])
  })

  it("of the members of a oneof the last wins", () => {
    assert.deepStrictEqual(decode(delimited(15, "a"), int(16, 7)).choice, { _tag: "number", value: 7 })
    assert.deepStrictEqual(decode(int(16, 7), delimited(15, "a")).choice, { _tag: "word", value: "a" })
    assert.deepStrictEqual(decode(delimited(17, int(2, 1)), int(16, 7)).choice, { _tag: "number", value: 7 })
  })

  it("a message in a oneof that is there twice is merged, but not across another member", () => {
    const first = delimited(17, int(2, 1))
    const second = delimited(17, delimited(1, "b"))
    assert.deepStrictEqual(decode(first, second).choice, { _tag: "message", value: inner({ name: "b", count: 1 }) })
    assert.deepStrictEqual(decode(first, int(16, 7), second).choice, { _tag: "message", value: inner({ name: "b" }) })
  })
})

describe("maps", () => {
  const entry = (key: bigint, ...value: ReadonlyArray<Uint8Array>) =>
    delimited(13, fixed64(1, key), ...(value.length === 0 ? [] : [delimited(2, ...value)]))

  it("keys are whole u64s, in the order of the wire", () => {
    const keys = [2n ** 64n - 1n, 0n, 1n, 0x0123456789abcdefn]
    const value = decode(...keys.map((key, index) => entry(key, int(2, index + 1))))
    assert.deepStrictEqual([...value.byDevice.keys()], keys)
    const written = encodeMessage(Outer, value)
    assert.deepStrictEqual(succeeded(decodeMessage(Outer, written)), value)
    assert.strictEqual(
      hex(written.subarray(0, 16)),
      hex(delimited(13, fixed64(1, keys[0]!), delimited(2, int(2, 1)))) + "6a"
    )
  })

  it("of equal keys the last wins, whole", () => {
    const value = decode(entry(1n, int(2, 1)), entry(2n), entry(1n, delimited(1, "b")))
    assert.deepStrictEqual(
      value.byDevice,
      new Map([
        [1n, inner({ name: "b" })],
        [2n, inner()]
      ]) as never
    )
  })

  it("an entry without key or value has their defaults, which are not written", () => {
    assert.deepStrictEqual(decode(delimited(13)).byDevice, new Map([[0n, inner()]]) as never)
    assert.deepStrictEqual(decode(delimited(14)).byName, new Map([["", 0]]))
    assert.deepStrictEqual(decode(delimited(14, int(2, 1))).byName, new Map([["", 1]]))
    assert.strictEqual(encode({ byName: new Map([["", 0]]) }), "7200")
    assert.strictEqual(encode({ byDevice: new Map([[DeviceId.make(0n), inner()]]) }), "6a021200")
  })

  it("inside an entry, order is free, the last of a field wins and others are skipped", () => {
    const value = decode(delimited(14, int(2, 9), int(2, 1), delimited(3, "?"), delimited(1, "x"), delimited(1, "y")))
    assert.deepStrictEqual(value.byName, new Map([["y", 1]]))
    // What is skipped looks like a value itself.
    const strange = [delimited(3, int(2, 7)), fixed64(4, 0x0710_0710_0710_0710n), int(5, 16), int(6, 7)]
    assert.deepStrictEqual(decode(delimited(14, int(2, 1), ...strange)).byName, new Map([["", 1]]))
    const merged = decode(delimited(13, delimited(2, int(2, 1)), delimited(2, delimited(1, "n")), fixed64(1, 5n)))
    assert.deepStrictEqual(merged.byDevice, new Map([[5n, inner({ name: "n", count: 1 })]]) as never)
  })

  it("a key is only ever a key", () => {
    const names = ["__proto__", "constructor", "toString", "_tag", "size"]
    const value = decode(...names.map((name) => delimited(14, delimited(1, name), int(2, 1))))
    assert.deepStrictEqual([...value.byName.keys()], names)
    assert.isUndefined((Object.prototype as { readonly [key: string]: unknown })["1"])
    assert.strictEqual(Object.getPrototypeOf(value), Object.prototype)
    assert.deepStrictEqual(succeeded(decodeMessage(Outer, encodeMessage(Outer, value))), value)
  })
})

describe("bytes", () => {
  it("are views of the input, however deep", () => {
    const backing = new Uint8Array(64)
    const message = concat(delimited(6, [1, 2, 3]), delimited(18, [4]), delimited(20, [5, 6]))
    backing.set(message, 7)
    const input = backing.subarray(7, 7 + message.length)
    const value = succeeded(decodeMessage(Outer, input))
    for (const [view, at] of [
      [value.blob, 9],
      [value.maybeBlob!, 15],
      [value.blobs[0]!, 19]
    ] as const) {
      assert.strictEqual(view.buffer, backing.buffer)
      assert.strictEqual(view.byteOffset, at)
    }
    backing[9] = 0xff
    assert.deepStrictEqual([...value.blob], [0xff, 2, 3])
  })

  it("written are a copy", () => {
    const blob = Uint8Array.of(1, 2, 3)
    const written = encodeMessage(Outer, outer({ blob }))
    blob.fill(0)
    assert.strictEqual(hex(written), "3203010203")
  })

  it("of one length have that length or are refused", () => {
    const value = succeeded(decodeMessage(Exact, delimited(2, [1, 2, 3, 4])))
    assert.deepStrictEqual(value, Exact.make({ key: Uint8Array.of(1, 2, 3, 4) }))
    for (const length of [0, 3, 5]) {
      const error = failed(decodeMessage(Exact, concat(int(1, 1), delimited(2, new Uint8Array(length)))))
      assert.deepInclude(error, {
        kind: "FieldLength",
        within: "test.Exact",
        field: "key",
        offset: 2,
        expected: "4 bytes",
        found: `${length} bytes`
      })
    }
    const missing = failed(decodeMessage(Exact, int(1, 1)))
    assert.deepInclude(missing, { kind: "FieldLength", field: "key", offset: 2, found: "no such field" })
  })
})

describe("values", () => {
  it("share nothing that can be changed", () => {
    const [one, other] = [decode(), decode()]
    assert.notStrictEqual(one.byDevice, other.byDevice)
    assert.notStrictEqual(outer({}).byDevice, outer({}).byDevice)
    assert.throws(() => (one.texts as Array<string>).push("x"), TypeError)
    ;(outer({}).texts as Array<string>).push("x")
    assert.deepStrictEqual(outer({}).texts, [])
    const [left, right] = [decode(delimited(11, "x")), decode(delimited(11, "x"))]
    ;(left.texts as Array<string>).push("y")
    assert.deepStrictEqual(right.texts, ["x"])
  })

  it("are refused by the Schema when they are out of range", () => {
    const wrong: ReadonlyArray<Parameters<typeof Outer.make>[0]> = [
      { small: -1 },
      { small: 2 ** 32 },
      { small: 0.5 },
      { big: -1n },
      { big: 2n ** 64n },
      { id: 2n ** 64n },
      { colour: 2 ** 31 },
      { colour: -(2 ** 31) - 1 },
      { choice: { _tag: "number", value: -1 } },
      { byName: new Map([["x", 0.5]]) }
    ]
    for (const fields of wrong) assert.throws(() => outer(fields))
    assert.throws(() => Exact.make({ key: new Uint8Array(3) }))
  })
})

describe("enums", () => {
  it("know their names", () => {
    assert.strictEqual(Protobuf.enumName(Colour), "test.Colour")
    assert.strictEqual(Protobuf.nameOf(Colour, 1), "GREEN")
    assert.strictEqual(Protobuf.nameOf(Colour, -3), "NEGATIVE")
    assert.isUndefined(Protobuf.nameOf(Colour, 99))
    assert.deepStrictEqual(Object.keys(Colour), ["RED", "GREEN", "NEGATIVE"])
    assert.isFrozen(Colour)
  })
})
