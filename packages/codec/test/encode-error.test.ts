import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import {
  Box,
  type ClientFrame,
  ClientFrameFromBytes,
  type DeviceId,
  EncodeError,
  encodeClientFrame,
  encodeClientFrameResult,
  encodeMessage,
  encodeMessageResult,
  encodeServerFrame,
  encodeServerFrameResult,
  Limits,
  type ReflectedId,
  type ReflectId,
  type ServerFrame,
  type Timestamp
} from "../src/index.ts"
import { hex } from "./frame-vectors.ts"
import { encode, Exact, inner, Outer, outer } from "./sample-messages.ts"
import { concat, fixed64, varint } from "./wire-bytes.ts"

const bytes = new Uint8Array(4)

const foundAs = (value: unknown): string =>
  typeof value === "bigint" ? `${value}n` : typeof value === "string" ? "a string" : String(value)

/** Why a message with such fields is not written, as text. */
const why = (fields: Record<string, unknown>): string => {
  const encoded = encodeMessageResult(Outer, { ...outer({}), ...fields })
  return Result.isFailure(encoded) ? encoded.failure.message : `written: ${hex(encoded.success)}`
}

describe("a value that its field cannot hold is not written", () => {
  it("a u32 that is negative, too large, a fraction, or no number", () => {
    for (const [value, found] of [
      [-1, "-1"],
      [2 ** 32, "4294967296"],
      [0.5, "0.5"],
      [Number.NaN, "NaN"],
      [Number.POSITIVE_INFINITY, "Infinity"],
      [5n, "5n"],
      ["5", "a string"],
      [null, "null"],
      [undefined, "undefined"],
      [Symbol(), "a symbol"]
    ]) {
      assert.strictEqual(
        why({ small: value }),
        `test.Outer.small: expected an integer of 0 to 4294967295, found ${String(found)}`
      )
    }
  })

  it("a u64 that is negative, too large, or no bigint", () => {
    const expected = "expected a bigint of 0 to 18446744073709551615"
    for (const [value, found] of [
      [-1n, "-1n"],
      [2n ** 64n, "18446744073709551616n"],
      [10n ** 60n, "a bigint of 61 digits"],
      [1, "1"],
      [undefined, "undefined"]
    ]) {
      for (const field of ["big", "id", "maybeBig"]) {
        if (value === undefined && field === "maybeBig") continue
        assert.strictEqual(why({ [field]: value }), `test.Outer.${field}: ${expected}, found ${String(found)}`)
      }
    }
  })

  it("a number of an enum that has more than 32 bits", () => {
    const expected = "expected an integer of -2147483648 to 2147483647"
    assert.strictEqual(why({ colour: 2 ** 31 }), `test.Outer.colour: ${expected}, found 2147483648`)
    assert.strictEqual(why({ maybeColour: -(2 ** 31) - 1 }), `test.Outer.maybeColour: ${expected}, found -2147483649`)
    assert.strictEqual(why({ colour: "RED" }), `test.Outer.colour: ${expected}, found a string`)
  })

  it("what is of another type", () => {
    assert.strictEqual(why({ flag: 1 }), "test.Outer.flag: expected a boolean, found 1")
    assert.strictEqual(why({ text: 7 }), "test.Outer.text: expected a string, found 7")
    assert.strictEqual(why({ maybeText: null }), "test.Outer.maybeText: expected a string, found null")
    assert.strictEqual(why({ blob: [1] }), "test.Outer.blob: expected a Uint8Array, found an array")
    assert.strictEqual(why({ blob: undefined }), "test.Outer.blob: expected a Uint8Array, found undefined")
    assert.strictEqual(why({ inner: "x" }), "test.Outer.inner: expected a test.Inner, found a string")
    assert.strictEqual(why({ texts: undefined }), "test.Outer.texts: expected an array, found undefined")
    assert.strictEqual(why({ texts: "text" }), "test.Outer.texts: expected an array, found a string")
    assert.strictEqual(why({ texts: ["a", 2] }), "test.Outer.texts: expected a string, found 2")
    assert.strictEqual(why({ byName: {} }), "test.Outer.byName: expected a Map, found an object")
  })

  it("in a message in a message, which is named", () => {
    const count = "test.Inner.count: expected an integer of 0 to 4294967295, found -2"
    assert.strictEqual(why({ inner: { ...inner(), count: -2 } }), count)
    assert.strictEqual(why({ inners: [inner(), { ...inner(), count: -2 }] }), count)
    assert.strictEqual(why({ choice: { _tag: "message", value: { ...inner(), count: -2 } } }), count)
    assert.strictEqual(why({ byDevice: new Map([[1n, { ...inner(), count: -2 }]]) }), count)
    assert.strictEqual(why({ inner: {} }), "test.Inner.name: expected a string, found undefined")
  })

  it("as key or value of a map", () => {
    assert.strictEqual(
      why({ byDevice: new Map([[-1n, inner()]]) }),
      "test.Outer.byDevice: expected a bigint of 0 to 18446744073709551615, found -1n"
    )
    assert.strictEqual(
      why({ byDevice: new Map([[1n, undefined]]) }),
      "test.Outer.byDevice: expected a test.Inner, found undefined"
    )
    assert.strictEqual(
      why({ byName: new Map([["a", 0.5]]) }),
      "test.Outer.byName: expected an integer of -2147483648 to 2147483647, found 0.5"
    )
  })

  it("a member that a oneof does not have, and one without a value", () => {
    const expected = "test.Outer.choice: expected one of word, number, message"
    assert.strictEqual(why({ choice: { _tag: "letter", value: "" } }), `${expected}, found "letter"`)
    assert.strictEqual(why({ choice: {} }), `${expected}, found an object`)
    assert.strictEqual(why({ choice: null }), `${expected}, found null`)
    assert.strictEqual(why({ choice: { _tag: "word" } }), "test.Outer.word: expected a string, found undefined")
    assert.strictEqual(
      why({ choice: { _tag: "number", value: -1 } }),
      "test.Outer.number: expected an integer of 0 to 4294967295, found -1"
    )
  })

  it("bytes of another length than the one", () => {
    const encoded = encodeMessageResult(Exact, { key: new Uint8Array(3) })
    assert.strictEqual(
      Result.getOrUndefined(Result.flip(encoded))?.message,
      "test.Exact.key: expected 4 bytes, found 3 bytes"
    )
    assert.isTrue(Result.isFailure(encodeMessageResult(Exact, { key: new Uint8Array(0) })))
    assert.strictEqual(hex(encodeMessage(Exact, { key: new Uint8Array(4) })), "120400000000")
  })

  it("no message, or of another type than its schema", () => {
    for (const [value, found] of [
      [undefined, "undefined"],
      [null, "null"],
      [3, "3"]
    ]) {
      assert.throws(
        () => encodeMessage(Outer, value as never),
        EncodeError,
        `test.Outer: expected an object, found ${String(found)}`
      )
    }
  })

  it("in a frame", () => {
    const begin = { _tag: "BeginTransaction", encryptedScope: Box.make("dgtsk", new Uint8Array(0)), ttl: -1 } as const
    assert.throws(
      () => encodeClientFrame(begin),
      EncodeError,
      "d2m.BeginTransaction.ttl: expected an integer of 0 to 4294967295, found -1"
    )
  })

  it("in a packed frame", () => {
    const [u16, u32, u64] = [
      "an integer of 0 to 65535",
      "an integer of 0 to 4294967295",
      "a bigint of 0 to 18446744073709551615"
    ]
    const reflected = {
      flags: 1,
      reflectedId: 2 as ReflectedId,
      timestamp: 3n as Timestamp,
      envelope: Box.make("dgrk", bytes)
    }
    const cases: ReadonlyArray<readonly [field: string, expected: string, values: ReadonlyArray<unknown>]> = [
      ["flags", u16, [-1, 65_536, 0.5, Number.NaN, 1n, "1", undefined]],
      ["reflectedId", u32, [-1, 2 ** 32, 0.5, Number.NaN, Infinity, 1n, "1", undefined]],
      ["timestamp", u64, [-1n, 2n ** 64n, 1, "1", undefined]]
    ]
    for (const [field, expected, values] of cases) {
      for (const value of values) {
        assert.throws(
          () => encodeServerFrame({ _tag: "Reflected", ...reflected, [field]: value }),
          EncodeError,
          `reflected.${field}: expected ${expected}, found ${foundAs(value)}`
        )
      }
    }
    assert.throws(
      () => encodeClientFrame({ _tag: "ReflectedAck", reflectedId: -1 as ReflectedId }),
      EncodeError,
      `reflected-ack.reflectedId: expected ${u32}, found -1`
    )
  })

  it("as the bytes that a packed frame ends with", () => {
    const reflect = { _tag: "Reflect", flags: 0, reflectId: 1 as ReflectId } as const
    for (const [value, found] of [
      ["hello", "a string"],
      [null, "null"],
      [undefined, "undefined"],
      [new ArrayBuffer(4), "an object"],
      [new Uint16Array(4), "an object"],
      [[1, 2], "an array"]
    ] as const) {
      const expected = `expected a Uint8Array, found ${found}`
      const write = (frame: object) => () => encodeClientFrame(frame as ClientFrame)
      assert.throws(write({ ...reflect, envelope: value }), EncodeError, `reflect.envelope: ${expected}`)
      assert.throws(write({ _tag: "Proxy", data: value }), EncodeError, `proxy.data: ${expected}`)
      assert.throws(write({ _tag: "Unknown", type: 7, payload: value }), EncodeError, `container.payload: ${expected}`)
    }
    assert.strictEqual(
      hex(encodeClientFrame({ ...reflect, envelope: Box.make("dgrk", Buffer.from([7])) })),
      "80000000080000000100000007"
    )
  })

  it("as a frame, also of the other direction", () => {
    for (const [value, found] of [
      [{ _tag: "Nope" }, '"Nope"'],
      [{ _tag: "ReflectAck", reflectId: 1, timestamp: 1n }, '"ReflectAck"'],
      [{}, "an object"],
      [undefined, "undefined"],
      [null, "null"]
    ] as const) {
      const expected = `container: expected a frame of this direction, found ${found}`
      assert.throws(() => encodeClientFrame(value as never), EncodeError, expected)
      const result = encodeClientFrameResult(value as never)
      assert.isTrue(Result.isFailure(result) && result.failure.message === expected)
    }
  })

  it("as the type of a frame that nobody knows", () => {
    for (const value of [256, -1, 0.5, Number.NaN, 1n, "1", undefined]) {
      assert.throws(
        () => encodeClientFrame({ _tag: "Unknown", type: value as number, payload: bytes }),
        EncodeError,
        `container.type: expected a byte, found ${foundAs(value)}`
      )
    }
  })
})

describe("a frame longer than 65536 bytes is not written", () => {
  const room = Limits.frame - encodeClientFrame({ _tag: "Proxy", data: new Uint8Array(0) }).length
  const reflect = (length: number): ClientFrame => ({
    _tag: "Reflect",
    flags: 0,
    reflectId: 1 as ReflectId,
    envelope: Box.make("dgrk", new Uint8Array(length))
  })
  const begin = (length: number): ClientFrame => ({
    _tag: "BeginTransaction",
    encryptedScope: Box.make("dgtsk", new Uint8Array(length)),
    ttl: 0
  })
  const ended = (length: number): ServerFrame => ({
    _tag: "TransactionEnded",
    deviceId: 1n as DeviceId,
    encryptedScope: Box.make("dgtsk", new Uint8Array(length))
  })
  const cases = [
    ["a reflect", Limits.reflectEnvelope, (length: number) => encodeClientFrameResult(reflect(length))],
    ["a BeginTransaction", room - 4, (length: number) => encodeClientFrameResult(begin(length))],
    ["a TransactionEnded", room - 13, (length: number) => encodeServerFrameResult(ended(length))]
  ] as const
  for (const [name, longest, encode] of cases) {
    it(`${name} with ${longest} bytes is the longest`, () => {
      assert.lengthOf(Result.getOrThrow(encode(longest)), Limits.frame)
      const { message } = Result.getOrThrow(Result.flip(encode(longest + 1)))
      assert.strictEqual(message, "container: expected at most 65536 bytes, found 65537 bytes")
    })
  }

  it("is thrown by the functions and told by the schema", () => {
    const long = reflect(Limits.frame)
    assert.throws(() => encodeClientFrame(long), EncodeError, "at most 65536 bytes")
    const told = Schema.encodeResult(ClientFrameFromBytes)(long)
    if (Result.isSuccess(told)) return assert.fail("encoded")
    assert.include(told.failure.message, "container: expected at most 65536 bytes, found 65548 bytes")
  })

  it("unless it is of an unknown type: such frames are written for those who try what a peer does with them", () => {
    const frame = { _tag: "Unknown", type: 0x77, payload: new Uint8Array(Limits.frame) } as const
    assert.lengthOf(encodeClientFrame(frame), Limits.frame + 4)
  })
})

describe("what a field can hold is written", () => {
  it("to the ends of its range", () => {
    const most = 0xffff_ffff_ffff_ffffn
    assert.strictEqual(encode({ small: 0xffff_ffff }), hex(concat([8], varint(0xffff_ffff))))
    assert.strictEqual(encode({ id: most }), hex(fixed64(3, most)))
    assert.strictEqual(encode({ big: most }), hex(concat([16], [255, 255, 255, 255, 255, 255, 255, 255, 255, 1])))
    assert.strictEqual(
      encode({ colour: -(2 ** 31) }),
      hex(Uint8Array.of(56, 128, 128, 128, 128, 248, 255, 255, 255, 255, 1))
    )
    assert.strictEqual(encode({ small: -0, colour: -0, maybeColour: -0 }), "4800")
  })

  it("in a packed frame, too", () => {
    const frame = {
      _tag: "Reflected",
      flags: 0xffff,
      reflectedId: 0xffff_ffff as ReflectedId,
      timestamp: 0xffff_ffff_ffff_ffffn as Timestamp,
      envelope: Box.make("dgrk", new Uint8Array(0))
    } as const
    assert.strictEqual(hex(encodeServerFrame(frame)), `820000001000${"ff".repeat(14)}`)
  })

  it("whatever a getter throws comes through", () => {
    const own = new RangeError("mine")
    const value = {
      ...outer({}),
      get text(): string {
        throw own
      }
    }
    for (const write of [encodeMessage, encodeMessageResult]) {
      try {
        write(Outer, value)
        assert.fail("written")
      } catch (thrown) {
        assert.strictEqual(thrown, own)
      }
    }
  })
})
