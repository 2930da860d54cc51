import { assert, describe, it } from "@effect/vitest"
import { Equal, Result, Schema } from "effect"
import type { DecodeError } from "../src/DecodeError.ts"
import * as Protobuf from "../src/Protobuf.ts"
import { decodeMessage, encodeMessage } from "../src/ProtobufCodec.ts"
import { DeviceId } from "../src/Scalars.ts"
import { failed, hex, succeeded } from "./frame-vectors.ts"
import { concat, delimited, fixed32, fixed64, group, int, overlong, tag, varint } from "./wire-bytes.ts"

const Colour = Protobuf.openEnum("test.Colour", { RED: 0, GREEN: 1, NEGATIVE: -3 })

class Inner extends Schema.Opaque<Inner>()(
  Protobuf.message("test.Inner", "A message in a message", {
    name: Protobuf.string(1, "A name"),
    count: Protobuf.uint32(2, "A count"),
    tags: Protobuf.repeated(Protobuf.string(3, "Tags"))
  })
) {}

class Outer extends Schema.Opaque<Outer>()(
  Protobuf.message("test.Outer", "One field of each kind", {
    small: Protobuf.uint32(1, "A u32"),
    big: Protobuf.uint64(2, "A u64"),
    id: Protobuf.fixed64(3, "A u64 of 8 bytes"),
    flag: Protobuf.bool(4, "A flag"),
    text: Protobuf.string(5, "A text"),
    blob: Protobuf.bytes(6, "Bytes"),
    colour: Protobuf.enumeration(Colour, 7, "A colour"),
    maybeText: Protobuf.optional(Protobuf.string(8, "A text, if any")),
    maybeColour: Protobuf.optional(Protobuf.enumeration(Colour, 9, "A colour, if any")),
    inner: Protobuf.embed(Inner, 10, "A message"),
    texts: Protobuf.repeated(Protobuf.string(11, "Texts")),
    inners: Protobuf.repeated(Protobuf.embed(Inner, 12, "Messages")),
    byDevice: Protobuf.mapByDeviceId(Protobuf.embed(Inner, 13, "Messages by device")),
    byName: Protobuf.mapByString(Protobuf.enumeration(Colour, 14, "Colours by name")),
    choice: Protobuf.oneof("One of three", {
      word: Protobuf.string(15, "A word"),
      number: Protobuf.uint32(16, "A number"),
      message: Protobuf.embed(Inner, 17, "A message")
    }),
    maybeBlob: Protobuf.optional(Protobuf.bytes(18, "Bytes, if any")),
    maybeBig: Protobuf.optional(Protobuf.uint64(19, "A u64, if any")),
    blobs: Protobuf.repeated(Protobuf.bytes(20, "Several bytes"))
  })
) {}

class Exact extends Schema.Opaque<Exact>()(
  Protobuf.message("test.Exact", "Bytes of one length", { key: Protobuf.fixedBytes(4, 2, "A key") })
) {}

const decode = (...parts: ReadonlyArray<Uint8Array | ReadonlyArray<number>>): Outer =>
  succeeded(decodeMessage(Outer, concat(...parts)))

const refused = (...parts: ReadonlyArray<Uint8Array | ReadonlyArray<number>>): DecodeError =>
  failed(decodeMessage(Outer, concat(...parts)))

const outer = (fields: Parameters<typeof Outer.make>[0]): Outer => Outer.make(fields)

const encode = (fields: Parameters<typeof Outer.make>[0]): string => hex(encodeMessage(Outer, outer(fields)))

const inner = (fields: Parameters<typeof Inner.make>[0] = {}): Inner => Inner.make(fields)

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
    assert.strictEqual(refused(tag(5, 2), overlong(1, 6), [0x61]).kind, "Malformed")
    // 2^31 and above: no length can be that, and it must not wrap to a small one.
    assert.strictEqual(refused(tag(5, 2), varint(2n ** 32n + 1n), [0x61]).kind, "Malformed")
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

describe("unknown fields", () => {
  const unknown = [
    int(100, 2n ** 64n - 1n),
    fixed64(101, 1n),
    delimited(102, "anything", [0xff, 0x00]),
    fixed32(103, 7),
    group(104, int(1, 1), group(1, delimited(2, "deep"), fixed64(3, 0n)), fixed32(9, 1)),
    int(2 ** 29 - 1, 1)
  ]

  it("are skipped, whatever their wire type and wherever they are", () => {
    const known = [int(1, 3), delimited(10, ...unknown, delimited(1, "n")), delimited(11, "x")]
    const mixed = known.flatMap((part, index) => [unknown[index]!, part, ...unknown])
    assert.deepStrictEqual(decode(...mixed), outer({ small: 3, inner: inner({ name: "n" }), texts: ["x"] }))
    for (const part of unknown) assert.deepStrictEqual(decode(part), outer({}))
  })

  it("include known ones of another wire type", () => {
    assert.deepStrictEqual(
      decode(
        delimited(1, "a"),
        fixed64(2, 1n),
        int(3, 1),
        fixed32(4, 1),
        int(5, 1),
        group(10, int(1, 1)),
        int(11, 1),
        fixed64(13, 1n),
        int(15, 1),
        delimited(16, "a")
      ),
      outer({})
    )
  })

  it("are refused when they are no fields", () => {
    for (const number of [1, 99]) {
      for (const wireType of [4, 6, 7]) {
        const error = refused(
          int(1, 1),
          tag(number, wireType),
          Array.from({ length: 16 }, () => 0)
        )
        assert.deepInclude(error, { kind: "Malformed", within: "test.Outer", offset: 2 })
        assert.isUndefined(error.field)
      }
    }
    for (const wireType of [0, 1, 2, 3, 4, 5]) {
      const error = refused(
        [wireType],
        Array.from({ length: 16 }, () => 0)
      )
      assert.deepInclude(error, { kind: "Malformed", within: "test.Outer", offset: 0 })
    }
  })

  it("are refused when a group does not end as it began", () => {
    assert.strictEqual(refused(tag(99, 3), int(1, 1)).kind, "Truncated")
    assert.strictEqual(refused(tag(99, 3), tag(98, 4)).kind, "Malformed")
    assert.strictEqual(refused(tag(99, 3), [0x00, 0x00], tag(99, 4)).kind, "Malformed")
    // The end of a group outside of the message that it began in.
    assert.strictEqual(refused(delimited(10, tag(99, 3)), tag(99, 4)).kind, "Truncated")
  })

  it("may be groups in groups, but not without end", () => {
    const nested = (depth: number) => [
      ...Array.from({ length: depth }, () => tag(99, 3)),
      ...Array.from({ length: depth }, () => tag(99, 4))
    ]
    assert.deepStrictEqual(decode(...nested(100)), outer({}))
    const error = refused(...nested(20_000))
    assert.deepInclude(error, { kind: "Malformed", offset: 0 })
  })
})

describe("input that ends too early", () => {
  const whole = concat(
    int(1, 300),
    int(2, 2n ** 60n),
    fixed64(3, 5n),
    int(4, 1),
    delimited(5, "text"),
    delimited(6, [1, 2, 3]),
    int(7, -1),
    delimited(10, delimited(1, "name"), int(2, 300)),
    delimited(13, fixed64(1, 5n), delimited(2, delimited(1, "n"))),
    delimited(17, int(2, 1)),
    fixed32(99, 1),
    group(98, int(1, 1))
  )
  const boundaries = new Set<number>([0, 3, 13, 22, 24, 30, 35, 46, 57, 73, 78, 84, 90])

  it("fails at every byte that is inside a field, and only there", () => {
    assert.isTrue(boundaries.has(whole.length))
    let start = 0
    for (let length = 0; length <= whole.length; length++) {
      const result = decodeMessage(Outer, whole.subarray(0, length))
      if (boundaries.has(length)) {
        start = length
        succeeded(result)
        continue
      }
      const error = failed(result)
      assert.strictEqual(error.kind, "Truncated", `${length}: ${error.message}`)
      assert.isAtLeast(error.offset, start)
      assert.isBelow(error.offset, length)
    }
  })

  it("says which field of which message it is", () => {
    const at = (length: number) => failed(decodeMessage(Outer, whole.subarray(0, length)))
    assert.deepInclude(at(2), { within: "test.Outer", field: "small", offset: 0 })
    assert.deepInclude(at(12), { within: "test.Outer", field: "big", offset: 3 })
    assert.deepInclude(at(29), { within: "test.Outer", field: "text", offset: 24, found: "the end at byte 29" })
    // A message is longer than what is left: it is not even begun.
    assert.deepInclude(at(56), { within: "test.Outer", field: "inner", offset: 46, expected: "9 bytes" })
  })

  it("a field may not run past the message that it is in", () => {
    const beyond = concat(
      tag(1, 2),
      [9],
      "name".split("").map((char) => char.charCodeAt(0))
    )
    const error = refused(int(1, 1), delimited(10, int(2, 1), beyond), delimited(5, "more than enough to read"))
    assert.deepInclude(error, { kind: "Truncated", within: "test.Inner", field: "name", offset: 6 })
    const cut = refused(delimited(10, tag(2, 0), [0x80]), [0x01], int(1, 1))
    assert.deepInclude(cut, { kind: "Truncated", within: "test.Inner", field: "count", offset: 2 })
    const entry = refused(delimited(13, tag(1, 1), [0, 0, 0, 0]), fixed64(3, 0n))
    assert.deepInclude(entry, { kind: "Truncated", within: "test.Outer", field: "byDevice", offset: 2 })
    const skipped = refused(delimited(10, tag(99, 5), [0, 0]), fixed64(3, 0n))
    assert.deepInclude(skipped, { kind: "Truncated", within: "test.Inner", offset: 2 })
  })

  it("after a message, the outer one goes on where it was", () => {
    const value = decode(delimited(10, delimited(1, "n")), delimited(13, delimited(2)), delimited(17), int(1, 5))
    assert.strictEqual(value.small, 5)
    const error = refused(delimited(10, delimited(1, "n")), tag(5, 2), [4])
    assert.deepInclude(error, { kind: "Truncated", within: "test.Outer", field: "text", offset: 5 })
    const after = refused(delimited(12, delimited(1, "n")), [0x07])
    assert.deepInclude(after, { kind: "Malformed", within: "test.Outer", offset: 5 })
    assert.isUndefined(after.field)
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

describe("errors", () => {
  it("are equal for equal inputs and differ for others", () => {
    const error = () => refused(int(1, 1), tag(5, 2), [4, 0x61])
    assert.deepStrictEqual(error(), error())
    assert.isTrue(Equal.equals(error(), error()))
    assert.isFalse(Equal.equals(error(), refused(tag(5, 2), [4, 0x61])))
  })

  it("are read as a sentence", () => {
    assert.strictEqual(
      refused(int(1, 1), tag(5, 2), [4, 0x61]).message,
      "test.Outer.text at byte 2: expected the rest of the field, found the end at byte 5"
    )
    assert.strictEqual(
      refused([0x07]).message,
      "test.Outer at byte 0: expected a protobuf field, found bytes that are not protobuf"
    )
  })

  it("come as results, and nothing is thrown", () => {
    for (const bytes of [[0x07], [0x0a, 0x05], [0xff], [0x08], [0x80]]) {
      assert.isTrue(Result.isFailure(decodeMessage(Outer, Uint8Array.from(bytes))))
    }
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
