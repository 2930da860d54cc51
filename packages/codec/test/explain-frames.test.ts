import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { type ClientFrame, decodeClientFrame } from "../src/ClientFrame.ts"
import type { DecodeError } from "../src/DecodeError.ts"
import { type ByteMap, directionOf, explainClientFrame, explainServerFrame, fieldsAt, leaves } from "../src/explain.ts"
import { decodeServerFrame, type ServerFrame } from "../src/ServerFrame.ts"
import { assertTiles, damaged, everyField, fieldNamed } from "./explain-support.ts"
import { bytes, frameBytes, type FrameVector, frameVector, hex, vectors } from "./frame-vectors.ts"

const explain = ({ direction }: Pick<FrameVector, "direction">, input: Uint8Array): ByteMap =>
  direction === "c2s" ? explainClientFrame(input) : explainServerFrame(input)

const decode = (
  { direction }: Pick<FrameVector, "direction">,
  input: Uint8Array
): Result.Result<ClientFrame | ServerFrame, DecodeError> =>
  direction === "c2s" ? decodeClientFrame(input) : decodeServerFrame(input)

/** Offset and bytes of each leaf. */
const places = (map: ByteMap): ReadonlyArray<readonly [string, number, string]> =>
  leaves(map).map(({ bytes, name, offset }) => [name, offset, hex(bytes)])

describe("every frame of the vectors", () => {
  for (const vector of vectors.frames) {
    it(`${vector.id}: each byte is in one field, and the error is the decoder's`, () => {
      const input = frameBytes(vector)
      const map = explain(vector, input)
      assertTiles(map)
      assert.strictEqual(map.name, vector.name)
      assert.strictEqual(map.error === undefined, vector.valid)
      const decoded = decode(vector, input)
      assert.deepStrictEqual(map.error, Result.isFailure(decoded) ? decoded.failure : undefined)
      assert.strictEqual(map.type, input.length < 4 ? undefined : Number(vector.type))
      for (const field of everyField(map)) assert.match(field.meaning, /^[A-Zd].*[^.]$/s, field.name)
    })
  }

  it("says the values that were recorded", () => {
    for (const vector of vectors.frames) {
      if (!vector.valid || vector.fields["augmentedDeviceInfo"] !== undefined) continue
      const map = explain(vector, frameBytes(vector))
      for (const [name, stated] of Object.entries(vector.fields)) {
        const plain = name.replace(/Hex$|^(envelope)Length$/, "$1")
        const field = everyField(map).find((field) => field.name === plain)
        // Only a default may be left unwritten.
        if (field === undefined) assert.include([0, "0", ""], stated, `${vector.id} ${name}`)
        else if (name === "envelopeLength") assert.strictEqual(field.length, stated, vector.id)
        else if (name.endsWith("Hex")) assert.strictEqual(hex(field.value as Uint8Array), stated, vector.id)
        else assert.strictEqual(String(field.value), String(stated as string | number), `${vector.id} ${name}`)
      }
    }
  })
})

// The offsets of PROTOCOL A3, four bytes of container before them.
describe("structs", () => {
  it("reflect", () => {
    const input = bytes("80010203080a0100adde0000ee")
    assert.deepStrictEqual(places(explainClientFrame(input)), [
      ["type", 0, "80"],
      ["reserved", 1, "010203"],
      ["header-length", 4, "08"],
      ["reserved", 5, "0a"],
      ["flags", 6, "0100"],
      ["reflectId", 8, "adde0000"],
      ["envelope", 12, "ee"]
    ])
    const map = explainClientFrame(input)
    assert.deepStrictEqual([fieldNamed(map, "flags").value, fieldNamed(map, "reflectId").value], [1, 0xdead])
    assert.deepStrictEqual(fieldNamed(map, "flags").bits, { ephemeral: 1 })
    assert.include(fieldNamed(map, "envelope").note, "No box")
  })

  it("reflected, with a header longer than this version knows", () => {
    const map = explainServerFrame(bytes(`82000000120001000200000003000000000000000b0b${"ee".repeat(41)}`))
    assert.deepStrictEqual(
      leaves(map).map(({ length, name, offset }) => [name, offset, length]),
      [
        ["type", 0, 1],
        ["reserved", 1, 3],
        ["header-length", 4, 1],
        ["reserved", 5, 1],
        ["flags", 6, 2],
        ["reflectedId", 8, 4],
        ["timestamp", 12, 8],
        ["surplus", 20, 2],
        ["nonce", 22, 24],
        ["tag", 46, 16],
        ["ciphertext", 62, 1]
      ]
    )
    assert.deepStrictEqual(fieldNamed(map, "timestamp").value, 3n)
    assert.strictEqual(fieldNamed(map, "timestamp").unit, "ms")
  })

  it("reflect-ack and reflected-ack, with bytes behind them", () => {
    assert.deepStrictEqual(places(explainServerFrame(frameBytes(frameVector("reflect-ack-trailing-bytes")))), [
      ["type", 0, "81"],
      ["reserved", 1, "000000"],
      ["reserved", 4, "00000000"],
      ["reflectId", 8, "01000000"],
      ["timestamp", 12, "0500000000000000"],
      ["trailing", 20, "ffff"]
    ])
    assert.deepStrictEqual(places(explainClientFrame(bytes("83000000000000006b02000001"))), [
      ["type", 0, "83"],
      ["reserved", 1, "000000"],
      ["reserved", 4, "00000000"],
      ["reflectedId", 8, "6b020000"],
      ["trailing", 12, "01"]
    ])
  })

  it("proxy, even when empty", () => {
    assert.deepStrictEqual(places(explainClientFrame(bytes("00000000"))).at(-1), ["data", 4, ""])
  })

  it("a field that is cut off keeps its name and says how much is missing", () => {
    const map = explainServerFrame(frameBytes(frameVector("reflected-truncated")))
    const cut = leaves(map).at(-1)!
    assert.deepStrictEqual([cut.role, cut.name, cut.offset, cut.length], ["unread", "timestamp", 12, 2])
    assert.include(cut.note, "6 bytes too soon")
  })

  it("a header length that cannot be leaves the envelope unread", () => {
    const short = explainClientFrame(frameBytes(frameVector("reflect-short-header")))
    assert.include(fieldNamed(short, "header-length").note, "at least 8")
    assert.deepStrictEqual([leaves(short).at(-1)!.role, leaves(short).at(-1)!.offset], ["unread", 12])
    const long = explainClientFrame(bytes("80000000ff00000001000000eeee"))
    assert.include(fieldNamed(long, "header-length").note, "only 10 bytes")
    assert.deepStrictEqual([leaves(long).at(-1)!.role, leaves(long).at(-1)!.offset], ["unread", 12])
    const nothing = explainClientFrame(bytes("800000000900000001000000"))
    assert.strictEqual(leaves(nothing).at(-1)!.name, "reflectId")
  })
})

describe("containers", () => {
  it("too short", () => {
    for (const [input, names] of [
      ["", []],
      ["82", ["type"]],
      ["820000", ["type", "reserved"]]
    ] as const) {
      const map = explainServerFrame(bytes(input))
      assertTiles(map)
      assert.strictEqual(map.name, "malformed")
      assert.strictEqual(map.error?.kind, "FrameTooShort")
      assert.deepStrictEqual(
        leaves(map).map(({ name }) => name),
        [...names]
      )
    }
  })

  it("too long: nothing is made of the payload", () => {
    const input = new Uint8Array(65_537)
    input[0] = 0x45
    input[4] = 0x08
    const map = explainServerFrame(input)
    assertTiles(map)
    assert.strictEqual(map.name, "TransactionEnded")
    assert.strictEqual(map.error?.kind, "FrameTooLong")
    assert.deepStrictEqual(
      leaves(map).map(({ length, role }) => [role, length]),
      [
        ["type", 1],
        ["reserved", 3],
        ["unread", 65_533]
      ]
    )
  })

  it("of a type nobody defines", () => {
    const map = explainServerFrame(bytes("7f000000aabb"))
    assert.deepStrictEqual([map.name, map.type, map.error], ["unknown", 0x7f, undefined])
    assert.deepStrictEqual(places(map).at(-1), ["payload", 4, "aabb"])
  })

  it("from the wrong side: explained all the same, and refused", () => {
    const map = explainServerFrame(bytes("83000000000000006b020000"))
    assert.strictEqual(map.error?.kind, "WrongDirection")
    assert.deepStrictEqual([map.name, map.direction], ["reflected-ack", "client-to-server"])
    assert.strictEqual(fieldNamed(map, "reflectedId").value, 619)
  })

  it("the direction follows from the type, or does not", () => {
    assert.deepStrictEqual([0x00, 0x10, 0x11, 0x7f, 0x80, 0x81].map(directionOf), [
      "both",
      "server-to-client",
      "client-to-server",
      undefined,
      "client-to-server",
      "server-to-client"
    ])
  })
})

describe("finding a byte", () => {
  const map = explainServerFrame(frameBytes(frameVector("server-hello-canonical")))

  it("gives the fields around it, outermost first", () => {
    assert.deepStrictEqual(
      [0, 3, 4, 5, 6, 37, 38].map((at) =>
        fieldsAt(map, at)
          .map(({ name }) => name)
          .join("/")
      ),
      ["type", "reserved", "esk/tag", "esk/length", "esk/value", "esk/value", "challenge/tag"]
    )
    assert.deepStrictEqual(fieldsAt(map, map.bytes.length), [])
  })
})

describe("damaged frames", () => {
  it("each byte is in one field, and the error is the decoder's, whatever the bytes are", () => {
    for (const [index, vector] of vectors.frames.entries()) {
      if (vector.build !== undefined) continue
      for (const input of damaged(frameBytes(vector), index)) {
        const map = explain(vector, input)
        assertTiles(map)
        const decoded = decode(vector, input)
        assert.deepStrictEqual(map.error, Result.isFailure(decoded) ? decoded.failure : undefined)
        const unread = everyField(map).some(
          ({ note, role }) => role === "unread" || note?.startsWith("Must be") === true
        )
        if (unread) assert.isDefined(map.error, hex(input))
        // A field that is not there at all, or a header length at the very end: nothing that could be pointed at.
        else if (map.error !== undefined && map.error.kind !== "WrongDirection" && input.length >= 4) {
          assert.include(["Truncated", "HeaderLength", "FieldLength"], map.error.kind, hex(input))
        }
      }
    }
  })
})
