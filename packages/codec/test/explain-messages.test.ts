import { assert, describe, it } from "@effect/vitest"
import { Equal, Result } from "effect"
import { type ByteField, type ByteMap, explainMessage, leaves, messageRows, messages, words } from "../src/explain.ts"
import * as D2d from "../src/messages/D2d.ts"
import type { MessageSchema } from "../src/Protobuf.ts"
import { decodeMessage, encodeMessage } from "../src/ProtobufCodec.ts"
import { assertTiles, damaged, everyField, fieldNamed } from "./explain-support.ts"
import { bytes, hex, vectors } from "./frame-vectors.ts"
import { Exact, Inner, inner, Outer, outer } from "./sample-messages.ts"
import { concat, delimited, fixed32, fixed64, group, int, overlong, tag, varint } from "./wire-bytes.ts"

type Rebuilt = Record<string, unknown>

/** The message of a field's value, put together from the fields inside. */
const inside = (field: ByteField): ReadonlyArray<ByteField> =>
  field.fields.find(({ role }) => role === "value")?.fields ?? []

const schemaOf = (name: string): MessageSchema =>
  messages.get(name) ?? ({ "test.Inner": Inner, "test.Outer": Outer } as Record<string, MessageSchema>)[name]!

/** What a map says, as a message with the fields that were written. */
const rebuild = (schema: MessageSchema, fields: ReadonlyArray<ByteField>, into: Rebuilt = {}): Rebuilt => {
  const rows = messageRows(schema)
  for (const field of fields) {
    if (field.role !== "field" && field.role !== "entry") continue
    const row = rows.find(({ name }) => name === field.name)!
    const value = (part: ByteField, before: unknown): unknown =>
      row.element.type === "message"
        ? rebuild(schemaOf(row.element.schema === Inner ? "test.Inner" : part.type), inside(part), before as Rebuilt)
        : part.value
    if (row.label === "map") {
      const entries = (into[row.name] ??= new Map()) as Map<unknown, unknown>
      const parts = field.fields.filter(({ role }) => role === "field")
      const key = parts.findLast(({ name }) => name === "key")?.value ?? (row.key!.type === "string" ? "" : 0n)
      let entry: unknown
      for (const part of parts) if (part.name === "value") entry = value(part, entry)
      entries.delete(key)
      entries.set(key, entry)
    } else if (row.label === "repeated") {
      const items = (into[row.name] ??= []) as Array<unknown>
      items.push(value(field, undefined))
    } else if (row.oneof !== undefined) {
      const before = into[row.oneof.name] as { _tag: string; value: unknown } | undefined
      into[row.oneof.name] = {
        _tag: row.name,
        value: value(field, before?._tag === row.name ? before.value : undefined)
      }
    } else into[row.name] = value(field, into[row.name])
  }
  return into
}

const isDefault = (value: unknown): boolean =>
  value === undefined ||
  value === 0 ||
  value === 0n ||
  value === "" ||
  value === false ||
  (value instanceof Uint8Array && value.length === 0) ||
  (value instanceof Map && value.size === 0) ||
  (Array.isArray(value) && value.length === 0)

/** Whether a decoded value is what was rebuilt, defaults filled in. */
const agrees = (decoded: unknown, rebuilt: unknown): boolean => {
  if (decoded instanceof Map) {
    const entries = (rebuilt ?? new Map()) as Map<unknown, unknown>
    return decoded.size === entries.size && [...decoded].every(([key, value]) => agrees(value, entries.get(key)))
  }
  if (decoded instanceof Uint8Array) {
    return rebuilt === undefined ? decoded.length === 0 : Equal.equals([...decoded], [...(rebuilt as Uint8Array)])
  }
  if (Array.isArray(decoded)) {
    const items = (rebuilt ?? []) as ReadonlyArray<unknown>
    return decoded.length === items.length && decoded.every((value, index) => agrees(value, items[index]))
  }
  if (typeof decoded === "object" && decoded !== null) {
    const fields = (rebuilt ?? {}) as Rebuilt
    const names = new Set([...Object.keys(decoded), ...Object.keys(fields)])
    return [...names].every((name) => agrees((decoded as Rebuilt)[name], fields[name]))
  }
  return decoded === rebuilt || (rebuilt === undefined && isDefault(decoded))
}

/** Whatever the bytes are: the map is whole, has the decoder's error, and says what the decoder read. */
const check = (schema: MessageSchema, input: Uint8Array): ByteMap => {
  const map = explainMessage(schema, input)
  assertTiles(map)
  const decoded = decodeMessage(schema, input)
  const broken = everyField(map).find(
    ({ note, role }) => role === "unread" || note === "Not UTF-8" || note?.startsWith("Must be") === true
  )
  if (Result.isFailure(decoded)) {
    assert.deepStrictEqual(map.error, decoded.failure)
    if (broken === undefined && !everyField(map).some(({ note }) => note !== undefined)) {
      assert.strictEqual(decoded.failure.kind, "FieldLength", hex(input))
    }
  } else {
    assert.isUndefined(map.error)
    assert.isUndefined(broken, `${hex(input)} ${broken?.note}`)
    if (!agrees(decoded.success, rebuild(schema, map.fields))) {
      assert.deepStrictEqual(rebuild(schema, map.fields), decoded.success as Rebuilt, hex(input))
      assert.fail(hex(input))
    }
  }
  return map
}

const everything = encodeMessage(
  Outer,
  outer({
    small: 300,
    big: 2n ** 63n,
    id: 7n,
    flag: true,
    text: "tëxt",
    blob: bytes("c0ffee"),
    colour: -3,
    maybeText: "",
    maybeColour: 1,
    inner: inner({ name: "in", tags: ["a", "b"] }),
    texts: ["one", ""],
    inners: [inner({ count: 1 }), inner()],
    byDevice: new Map([[5n, inner({ size: 9n })]]) as never,
    byName: new Map([["red", 0]]),
    choice: { _tag: "message", value: inner({ name: "chosen" }) },
    maybeBlob: bytes(""),
    maybeBig: 0n,
    blobs: [bytes("aa"), bytes("bbbb")]
  })
)

describe("messages that are right", () => {
  it("say what the decoder reads", () => {
    check(Outer, everything)
    for (const vector of vectors.envelopes) check(D2d.Envelope, bytes(vector.plaintext))
    check(D2d.Envelope, new Uint8Array(0))
  })

  it("one field of each kind", () => {
    const map = explainMessage(Outer, everything)
    assert.deepStrictEqual(
      map.fields.map(({ name, type }) => [name, type]),
      [
        ["small", "uint32"],
        ["big", "uint64"],
        ["id", "fixed64"],
        ["flag", "bool"],
        ["text", "string"],
        ["blob", "bytes"],
        ["colour", "test.Colour"],
        ["maybeText", "string"],
        ["maybeColour", "test.Colour"],
        ["inner", "test.Inner"],
        ["texts", "string"],
        ["texts", "string"],
        ["inners", "test.Inner"],
        ["inners", "test.Inner"],
        ["byDevice", "map<fixed64, test.Inner>"],
        ["byName", "map<string, test.Colour>"],
        ["message", "test.Inner"],
        ["maybeBlob", "bytes"],
        ["maybeBig", "uint64"],
        ["blobs", "bytes"],
        ["blobs", "bytes"]
      ]
    )
    const said = Object.fromEntries(map.fields.map((field) => [field.name, words(field)]))
    assert.deepInclude(said, {
      small: "300",
      big: "9223372036854775808",
      flag: "true",
      text: '"tëxt"',
      blob: "3 bytes",
      colour: "-3 (NEGATIVE)",
      inner: "",
      maybeText: '""',
      maybeBlob: "empty"
    })
    assert.strictEqual(fieldNamed(map, "message").oneof, "choice")
  })

  it("a field is its tag, its length and its value", () => {
    const map = explainMessage(Outer, delimited(5, "hey"))
    assert.deepStrictEqual(
      map.fields[0]!.fields.map(({ bytes, meaning, offset, role }) => [role, offset, hex(bytes), meaning]),
      [
        ["tag", 0, "2a", "Field 5 follows, written as length-delimited"],
        ["length", 1, "03", "Number of bytes that follow in this field"],
        ["value", 2, "686579", "A text"]
      ]
    )
    assert.deepStrictEqual(
      leaves(explainMessage(Outer, int(1, 300))).map(({ bytes, role, value }) => [role, hex(bytes), value]),
      [
        ["tag", "08", 8],
        ["value", "ac02", 300]
      ]
    )
  })

  it("a number has no more bits than its type, however many stand there", () => {
    const aboveAll = [...Array.from({ length: 9 }, () => 0x80), 0x02]
    const map = check(Outer, concat(tag(1, 0), aboveAll, tag(2, 0), aboveAll, tag(4, 0), aboveAll))
    assert.deepStrictEqual(map.fields.map(words), ["0", "0", "false"])
  })

  it("an entry of a map is a key and a value", () => {
    const map = check(Outer, delimited(13, fixed64(1, 5n), delimited(2, int(2, 6))))
    const [entry] = map.fields
    assert.strictEqual(entry!.role, "entry")
    assert.deepStrictEqual(
      entry!.fields.map(({ name, role, value }) => [role, name, value]),
      [
        ["tag", "tag", 106],
        ["length", "length", 13],
        ["field", "key", 5n],
        ["field", "value", undefined]
      ]
    )
    assert.strictEqual(fieldNamed(map, "count").value, 6)
  })
})

describe("what nobody reads", () => {
  it("unknown fields of every wire type are named by their number", () => {
    const input = concat(
      int(100, 7),
      fixed64(101, 1n),
      delimited(102, [1, 2]),
      fixed32(103, 1),
      group(104, int(1, 1), group(2, delimited(3, "x")))
    )
    const map = check(Outer, input)
    assert.deepStrictEqual(
      map.fields.map(({ name, role, type }) => [role, name, type]),
      [
        ["unknown", "field 100", "varint"],
        ["unknown", "field 101", "64-bit"],
        ["unknown", "field 102", "length-delimited"],
        ["unknown", "field 103", "32-bit"],
        ["unknown", "field 104", "group"]
      ]
    )
    for (const field of map.fields) assert.strictEqual(field.meaning, "Not a field of test.Outer: skipped")
    assert.strictEqual(map.fields[0]!.value, 7n)
  })

  it("a known field of another wire type keeps its name", () => {
    const map = check(Outer, concat(int(5, 1), delimited(1, "x")))
    assert.deepStrictEqual(
      map.fields.map(({ meaning, name, role }) => [role, name, meaning]),
      [
        ["unknown", "text", "Field 5 of test.Outer, but not written as length-delimited: skipped"],
        ["unknown", "small", "Field 1 of test.Outer, but not written as varint: skipped"]
      ]
    )
  })

  it("what a later field overrides says so", () => {
    const input = concat(
      int(1, 1),
      int(1, 2),
      delimited(15, "word"),
      int(16, 5),
      delimited(10, int(2, 1)),
      delimited(10, int(2, 2)),
      delimited(11, "kept"),
      delimited(11, "kept too"),
      delimited(14, delimited(1, "k"), int(2, 1)),
      delimited(14, delimited(1, "k"), int(2, 0)),
      delimited(14, delimited(1, "other"), int(2, 0))
    )
    assert.deepStrictEqual(
      check(Outer, input).fields.map(({ name, note }) => [name, note]),
      [
        ["small", "A later one replaces it"],
        ["small", undefined],
        ["word", "A later number replaces it"],
        ["number", undefined],
        ["inner", "A later field of the same number is merged into it"],
        ["inner", undefined],
        ["texts", undefined],
        ["texts", undefined],
        ["byName", "A later entry of the same key replaces it"],
        ["byName", undefined],
        ["byName", undefined]
      ]
    )
  })
})

describe("messages that are wrong", () => {
  /** Name and note of what could not be read. */
  const unread = (schema: MessageSchema, input: Uint8Array) => {
    const map = check(schema, input)
    assert.isDefined(map.error, hex(input))
    const field = everyField(map).find(({ role }) => role === "unread")
    return [field?.offset, field?.length, field?.note]
  }

  it("say where reading ended and why", () => {
    const end = "The input, or the message this is a part of, ends"
    for (const [input, expected] of [
      [concat(int(1, 1), tag(5, 2), [5], [1, 2]), [4, 2, `${end} 3 bytes too soon`]],
      [concat(tag(3, 1), [1, 2, 3]), [1, 3, `${end} 5 bytes too soon`]],
      [concat(tag(1, 0), [0x80]), [1, 1, `${end} inside a number`]],
      [Uint8Array.of(0x80), [0, 1, `${end} inside a number`]],
      [concat(tag(0, 0), [1]), [0, 2, "A tag of field 0, which does not exist"]],
      [concat(tag(1, 6)), [0, 1, "A tag of wire type 6, which does not exist"]],
      [concat(tag(100, 7), [0]), [0, 3, "A tag of wire type 7, which does not exist"]],
      [concat(tag(1, 4)), [0, 1, "The end of a group that did not begin"]],
      [concat(tag(2, 0), overlong(1, 11)), [1, 11, "A number of more than 10 bytes"]],
      [concat(overlong(8, 6), [0]), [0, 7, "A tag of more than 5 bytes"]],
      [concat(tag(5, 2), overlong(1, 6), [0]), [1, 7, "A length of more than 5 bytes"]],
      [concat(tag(5, 2), varint(2n ** 31n)), [1, 5, "A length that is too large"]],
      [concat(tag(100, 3), int(1, 1)), [2, 2, `${end} inside a number`]],
      [concat(tag(100, 3), tag(101, 4)), [2, 2, "The end of another group than the one that began"]],
      [concat(tag(100, 3), tag(0, 0)), [2, 1, "A tag of field 0, which does not exist"]]
    ] as const) {
      assert.deepStrictEqual(unread(Outer, input), [...expected], hex(input))
    }
  })

  it("go on behind the message in which reading ended", () => {
    const map = check(Outer, concat(delimited(10, [0xff]), int(1, 5)))
    assert.isDefined(map.error)
    assert.strictEqual(fieldNamed(map, "small").value, 5)
    assert.strictEqual(fieldNamed(map, "unread").offset, 2)
  })

  it("say which text is not UTF-8 and which bytes have the wrong length", () => {
    const text = check(Outer, delimited(5, [0xff, 0x41]))
    assert.strictEqual(fieldNamed(text, "text").note, "Not UTF-8")
    assert.isDefined(text.error)
    const short = check(Exact, delimited(2, [1, 2, 3]))
    assert.strictEqual(fieldNamed(short, "key").note, "Must be 4 bytes long")
    assert.isDefined(check(Exact, int(9, 1)).error)
  })

  it("nest groups as deep as the decoder does, and no deeper", () => {
    for (const depth of [1, 99, 100, 101, 102, 103, 200]) {
      let nested: Uint8Array = new Uint8Array(0)
      for (let level = 0; level < depth; level++) nested = group(100, nested)
      check(Outer, nested)
      let filled: Uint8Array = int(1, 1)
      for (let level = 0; level < depth; level++) filled = group(100, filled)
      check(Outer, filled)
    }
  })

  it("whatever the bytes are, the map is whole and says what the decoder says", () => {
    for (let seed = 1; seed <= 12; seed++) {
      for (const input of damaged(everything, seed)) check(Outer, input)
      for (const vector of vectors.envelopes) {
        if (vector.plaintext.length < 400)
          for (const input of damaged(bytes(vector.plaintext), seed)) check(D2d.Envelope, input)
      }
    }
  })
})

describe("words", () => {
  it("keep control characters away from a terminal", () => {
    const map = explainMessage(Outer, delimited(5, 'a\u001b[31m\u202e\u0007\n"\\é🐈'))
    assert.strictEqual(words(map.fields[0]!), '"a\\u{1b}[31m\\u{202e}\\u{7}\\n\\"\\\\é🐈"')
  })

  it("name times, and numbers without a name", () => {
    const sent = explainMessage(D2d.OutgoingMessage, concat(int(3, 1_732_347_000_500n), int(4, 0x77)))
    assert.deepStrictEqual(sent.fields.map(words), [
      "1732347000500 (2024-11-23T07:30:00.500Z)",
      "119 (a number without a name)"
    ])
    const never = explainMessage(D2d.OutgoingMessage, concat(int(3, 2n ** 64n - 1n), int(3, 0)))
    assert.deepStrictEqual(never.fields.map(words), ["18446744073709551615", "0"])
  })
})
