import { assert, describe, it } from "@effect/vitest"
import { Equal, Result } from "effect"
import { decodeMessage } from "../src/ProtobufCodec.ts"
import { failed, succeeded } from "./frame-vectors.ts"
import { decode, inner, Outer, outer, refused } from "./sample-messages.ts"
import { concat, delimited, fixed32, fixed64, group, int, tag } from "./wire-bytes.ts"

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
        assert.strictEqual(error.field, `#${number}`)
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
    assert.deepStrictEqual(decode(...nested(101)), outer({}))
    for (const depth of [102, 20_000]) {
      assert.deepInclude(refused(...nested(depth)), { kind: "Malformed", offset: 0 })
    }
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
    // The rest of these varints would be there, but it is not theirs.
    for (const number of [4, 99]) {
      const varint = refused(delimited(10, tag(number, 0), [0x80]), [0x01], int(1, 1))
      assert.deepInclude(varint, { kind: "Truncated", within: "test.Inner", offset: 2 })
    }
    const longer = refused(delimited(13, tag(2, 2), [4]), delimited(5, "more than enough to read"))
    assert.deepInclude(longer, { kind: "Truncated", within: "test.Outer", field: "byDevice", offset: 2 })
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
    assert.strictEqual(refused([0x07]).message, "test.Outer at byte 0: expected a field number above 0, found 0")
  })

  it("come as results, and nothing is thrown", () => {
    for (const bytes of [[0x07], [0x0a, 0x05], [0xff], [0x08], [0x80]]) {
      assert.isTrue(Result.isFailure(decodeMessage(Outer, Uint8Array.from(bytes))))
    }
  })
})
