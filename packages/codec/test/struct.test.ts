import { assert, describe, it } from "@effect/vitest"
import { Box } from "../src/Box.ts"
import { decodeClientFrame, encodeClientFrame } from "../src/ClientFrame.ts"
import { Proxy, Reflect, ReflectAck, Reflected, ReflectedAck } from "../src/frames/Reflection.ts"
import { ReflectedId, ReflectId, Timestamp } from "../src/Scalars.ts"
import { decodeServerFrame, encodeServerFrame } from "../src/ServerFrame.ts"
import { structFieldOf } from "../src/Struct.ts"
import { failed, hex, succeeded } from "./frame-vectors.ts"

/** Little-endian bytes of a number. */
const le = (value: bigint | number, length: number): ReadonlyArray<number> =>
  Array.from({ length }, (_, index) => Number((BigInt(value) >> BigInt(8 * index)) & 0xffn))

const bytes = (...parts: ReadonlyArray<number | ReadonlyArray<number>>): Uint8Array => Uint8Array.from(parts.flat())

const envelope = [0xe0, 0xe1, 0xe2, 0xe3]

interface Reflecting {
  readonly header?: number
  readonly flags?: number
  readonly id?: number
  readonly surplus?: ReadonlyArray<number>
  readonly reserved?: number
  readonly container?: ReadonlyArray<number>
}

const reflect = (of: Reflecting = {}): Uint8Array =>
  bytes(
    0x80,
    of.container ?? [0, 0, 0],
    of.header ?? 8,
    of.reserved ?? 0,
    le(of.flags ?? 0, 2),
    le(of.id ?? 7, 4),
    of.surplus ?? [],
    envelope
  )

const reflected = (of: Reflecting & { readonly timestamp?: bigint } = {}): Uint8Array =>
  bytes(
    0x82,
    of.container ?? [0, 0, 0],
    of.header ?? 16,
    of.reserved ?? 0,
    le(of.flags ?? 0, 2),
    le(of.id ?? 7, 4),
    le(of.timestamp ?? 9n, 8),
    of.surplus ?? [],
    envelope
  )

const u32s = [0, 1, 0xff, 0x100, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x0403_0201]
const u64s = [0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n, 0x0807060504030201n]

describe("numbers", () => {
  it("u16 flags keep every bit", () => {
    for (const flags of [0, 1, 2, 0xff, 0x100, 0x8000, 0xfffe, 0xffff, 0x0201]) {
      const client = succeeded(decodeClientFrame(reflect({ flags })))
      assert.deepInclude(client, { _tag: "Reflect", flags })
      assert.strictEqual(hex(encodeClientFrame(client)), hex(reflect({ flags })))
      const server = succeeded(decodeServerFrame(reflected({ flags })))
      assert.deepInclude(server, { _tag: "Reflected", flags })
      assert.strictEqual(hex(encodeServerFrame(server)), hex(reflected({ flags })))
    }
  })

  it("u32 ids keep every bit", () => {
    for (const id of u32s) {
      assert.deepInclude(succeeded(decodeClientFrame(reflect({ id }))), { reflectId: ReflectId.make(id) })
      assert.strictEqual(
        hex(
          encodeClientFrame(
            Reflect.make({ flags: 0, reflectId: ReflectId.make(id), envelope: Box.make("dgrk", bytes(envelope)) })
          )
        ),
        hex(reflect({ id }))
      )
      const ack = bytes(0x83, [0, 0, 0], [0, 0, 0, 0], le(id, 4))
      assert.deepStrictEqual(
        succeeded(decodeClientFrame(ack)),
        ReflectedAck.make({ reflectedId: ReflectedId.make(id) })
      )
      assert.strictEqual(hex(encodeClientFrame(succeeded(decodeClientFrame(ack)))), hex(ack))
    }
  })

  it("u64 timestamps keep every bit", () => {
    for (const timestamp of u64s) {
      assert.deepInclude(succeeded(decodeServerFrame(reflected({ timestamp }))), {
        timestamp: Timestamp.make(timestamp)
      })
      const ack = bytes(0x81, [0, 0, 0], [0, 0, 0, 0], le(0xfffffffe, 4), le(timestamp, 8))
      assert.deepStrictEqual(
        succeeded(decodeServerFrame(ack)),
        ReflectAck.make({ reflectId: ReflectId.make(0xfffffffe), timestamp: Timestamp.make(timestamp) })
      )
      assert.strictEqual(hex(encodeServerFrame(succeeded(decodeServerFrame(ack)))), hex(ack))
    }
  })
})

describe("the header length", () => {
  it("says where the envelope begins, and what this version does not know is skipped", () => {
    for (const surplus of [0, 1, 4, 100, 255 - 16]) {
      const skipped = Array.from({ length: surplus }, () => 0xdd)
      const client = succeeded(decodeClientFrame(reflect({ header: 8 + surplus, surplus: skipped })))
      assert.deepStrictEqual(
        client,
        Reflect.make({ flags: 0, reflectId: ReflectId.make(7), envelope: Box.make("dgrk", bytes(envelope)) })
      )
      assert.strictEqual(hex(encodeClientFrame(client)), hex(reflect()))
      const server = succeeded(decodeServerFrame(reflected({ header: 16 + surplus, surplus: skipped })))
      assert.strictEqual(server._tag === "Reflected" ? hex(server.envelope) : "", "e0e1e2e3")
      assert.strictEqual(hex(encodeServerFrame(server)), hex(reflected()))
    }
  })

  it("may leave nothing of the envelope", () => {
    const client = succeeded(decodeClientFrame(reflect({ header: 12 })))
    assert.strictEqual(client._tag === "Reflect" ? client.envelope.length : -1, 0)
  })

  it("is refused below what this version knows", () => {
    for (let header = 0; header < 8; header++) {
      assert.deepInclude(failed(decodeClientFrame(reflect({ header }))), {
        kind: "HeaderLength",
        within: "reflect",
        field: "header-length",
        offset: 4,
        expected: "a header of 8 to 12 bytes",
        found: String(header)
      })
    }
    for (let header = 0; header < 16; header++) {
      const error = failed(decodeServerFrame(reflected({ header })))
      assert.deepInclude(error, { kind: "HeaderLength", within: "reflected", expected: "a header of 16 to 20 bytes" })
    }
  })

  it("is refused beyond the end of the frame", () => {
    const error = failed(decodeClientFrame(reflect({ header: 13 })))
    assert.deepInclude(error, { kind: "HeaderLength", found: "13" })
    assert.strictEqual(failed(decodeServerFrame(reflected({ header: 255 }))).kind, "HeaderLength")
  })
})

describe("reserved bytes", () => {
  it("are ignored, and written as zero", () => {
    const container = [0xaa, 0xbb, 0xcc]
    const client = succeeded(decodeClientFrame(reflect({ container, reserved: 0xff })))
    assert.deepStrictEqual(client, succeeded(decodeClientFrame(reflect())))
    assert.strictEqual(hex(encodeClientFrame(client)), hex(reflect()))
    const server = succeeded(decodeServerFrame(reflected({ container, reserved: 0xff })))
    assert.strictEqual(hex(encodeServerFrame(server)), hex(reflected()))
    const ack = bytes(0x83, container, [1, 2, 3, 4], le(5, 4))
    assert.strictEqual(hex(encodeClientFrame(succeeded(decodeClientFrame(ack)))), "830000000000000005000000")
    const proxied = succeeded(decodeClientFrame(bytes(0x00, container, [1])))
    assert.deepStrictEqual(proxied, Proxy.make({ data: bytes(1) }))
    assert.strictEqual(hex(encodeClientFrame(proxied)), "0000000001")
  })

  it("and bytes behind a struct without an envelope too", () => {
    const ack = bytes(0x83, [0, 0, 0], [0, 0, 0, 0], le(5, 4), [1, 2, 3])
    assert.deepStrictEqual(succeeded(decodeClientFrame(ack)), ReflectedAck.make({ reflectedId: ReflectedId.make(5) }))
  })
})

describe("frames that end too early", () => {
  it("say which field is missing, at an offset within the frame", () => {
    const fields: ReadonlyArray<readonly [until: number, field: string, offset: number]> = [
      [8, "flags", 6],
      [12, "reflectedId", 8],
      [20, "timestamp", 12]
    ]
    const frame = reflected()
    for (let length = 4; length < 20; length++) {
      const error = failed(decodeServerFrame(frame.subarray(0, length)))
      const [, field, offset] = fields.find(([until]) => length < until)!
      assert.deepInclude(error, {
        kind: "Truncated",
        within: "reflected",
        field,
        offset: Math.min(offset, length),
        expected: "a frame of at least 20 bytes",
        found: `${length} bytes`
      })
    }
    succeeded(decodeServerFrame(frame.subarray(0, 20)))
  })
})

describe("byte fields", () => {
  it("are views of the frame", () => {
    const backing = new Uint8Array(64)
    backing.set(reflected({ header: 18, surplus: [0, 0] }), 10)
    const frame = succeeded(decodeServerFrame(backing.subarray(10, 36)))
    if (frame._tag !== "Reflected") return assert.fail(frame._tag)
    assert.strictEqual(frame.envelope.buffer, backing.buffer)
    assert.strictEqual(frame.envelope.byteOffset, 10 + 22)
    assert.strictEqual(frame.envelope.length, 4)
  })

  it("written are a copy", () => {
    const frame = Proxy.make({ data: bytes(1, 2) })
    const written = encodeServerFrame(frame)
    frame.data.fill(9)
    assert.strictEqual(hex(written), "000000000102")
  })
})

it("fields say where they are", () => {
  assert.deepInclude(structFieldOf(Reflected.fields.timestamp), { at: 8, type: "u64" })
  assert.deepInclude(structFieldOf(Reflected.fields.envelope), { at: 16, type: "rest" })
  assert.isUndefined(structFieldOf(Reflected.fields._tag))
})
