import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect } from "effect"
import { isFinding, makeExaminer } from "../fuzz/Examination.ts"
import { clientCodec, type Codec, serverCodec } from "../fuzz/Target.ts"
import { decodeClientFrame, encodeClientFrame } from "../src/ClientFrame.ts"
import { containerInfo } from "../src/Container.ts"
import { clientFrames as clientSchemas, serverFrames as serverSchemas } from "../src/frames/index.ts"
import { messageInfo, type MessageSchema } from "../src/Protobuf.ts"
import { decodeServerFrame, encodeServerFrame } from "../src/ServerFrame.ts"
import * as Testing from "../src/testing.ts"
import { checkCanonical } from "./canonical.ts"
import { declared } from "./declared.ts"
import { succeeded } from "./frame-vectors.ts"
import { concat, delimited, fixed64, int, overlong, tag } from "./wire-bytes.ts"

type Decoded = ReturnType<Codec["decode"]>

/** One direction, whatever its frames are. */
interface Side {
  readonly name: string
  readonly codec: Codec
  readonly decode: (bytes: Uint8Array) => Decoded
  readonly encode: (frame: object) => Uint8Array
  readonly frames: Readonly<Record<string, Arbitrary.Arbitrary<object>>>
  readonly almost: Arbitrary.Arbitrary<Uint8Array>
}

const sides: ReadonlyArray<Side> = [
  {
    name: "client",
    codec: clientCodec,
    decode: decodeClientFrame,
    encode: (frame) => encodeClientFrame(frame as never),
    frames: Testing.clientFrames,
    almost: Testing.almostClientFrame
  },
  {
    name: "server",
    codec: serverCodec,
    decode: decodeServerFrame,
    encode: (frame) => encodeServerFrame(frame as never),
    frames: Testing.serverFrames,
    almost: Testing.almostServerFrame
  }
]

const schemas = new Map<string, MessageSchema>(
  [...clientSchemas, ...serverSchemas].map((schema) => [schema.fields._tag.schema.literal, schema])
)

/** What the header of a frame is, by type: its length, and the bytes of it that are fixed. */
const headers: Readonly<Record<number, readonly [length: number, fixed: Readonly<Record<number, number>>]>> = {
  0x00: [4, {}],
  0x80: [12, { 4: 8, 5: 0 }],
  0x81: [20, { 4: 0, 5: 0, 6: 0, 7: 0 }],
  0x82: [20, { 4: 16, 5: 0 }],
  0x83: [12, { 4: 0, 5: 0, 6: 0, 7: 0 }]
}

const checkCanonicalFrame = (tag: string, bytes: Uint8Array): void => {
  assert.isAtMost(bytes.length, 65_536)
  assert.deepStrictEqual([...bytes.subarray(1, 4)], [0, 0, 0])
  const schema = schemas.get(tag)
  if (schema === undefined) return assert.strictEqual(tag, "Unknown")
  const info = containerInfo(schema)!
  assert.strictEqual(bytes[0], info.type)
  const header = headers[info.type]
  if (header === undefined) return checkCanonical(messageInfo(schema).name, bytes.subarray(4))
  const [length, fixed] = header
  assert.isAtLeast(bytes.length, length)
  for (const [at, value] of Object.entries(fixed)) assert.strictEqual(bytes[Number(at)], value, `${tag} byte ${at}`)
}

describe("decoding undoes encoding, and what is written is canonical", () => {
  for (const { decode, encode, frames, name } of sides) {
    for (const [frameTag, values] of Object.entries(frames)) {
      it.prop(
        `${name} ${frameTag}`,
        { frame: values },
        ({ frame }) => {
          const written = encode(frame)
          const read = succeeded(decode(written)) as object
          assert.deepStrictEqual(read, frame)
          assert.isTrue(Buffer.from(encode(read)).equals(written))
          checkCanonicalFrame(frameTag, written)
        },
        { arbitrary: { runs: 150, seed: 3 } }
      )
    }
  }

  for (const { decode, encode, name, values } of declared) {
    it.prop(
      name,
      { value: values },
      ({ value }) => {
        const written = encode(value)
        const read = succeeded(decode(written))
        assert.deepStrictEqual(read, value)
        assert.isTrue(Buffer.from(encode(read)).equals(written))
        checkCanonical(name, written)
      },
      { arbitrary: { runs: 100, size: 16, seed: 3 } }
    )
  }

  it("and the check for canonical bytes notices what is not", () => {
    const refused = (message: string, ...parts: ReadonlyArray<Uint8Array | ReadonlyArray<number>>) =>
      assert.throws(() => checkCanonical(message, concat(...parts)))
    const identity = (...parts: ReadonlyArray<Uint8Array>) => delimited(1, ...parts)
    checkCanonical("d2m.BeginTransaction", concat(delimited(1, "a"), int(2, 5)))
    refused("d2m.BeginTransaction", int(2, 5), delimited(1, "a"))
    refused("d2m.BeginTransaction", int(2, 5), int(2, 5))
    refused("d2m.BeginTransaction", int(2, 0))
    refused("d2m.BeginTransaction", delimited(1))
    refused("d2m.BeginTransaction", int(3, 1))
    refused("d2m.BeginTransaction", fixed64(2, 1n))
    refused("d2m.BeginTransaction", tag(2, 0), overlong(5, 2))
    refused("d2m.BeginTransaction", overlong(16, 2), [5])
    refused("d2m.BeginTransaction", tag(1, 2), overlong(1, 2), [0])
    refused("d2m.BeginTransaction", int(2, 2 ** 32))
    refused("d2m.DropDevice", fixed64(1, 0n))
    refused("d2m.ServerInfo", int(2, 2n ** 32n - 1n))
    refused("d2m.DevicesInfo.AugmentedDeviceInfo", int(2, 1), int(4, 1))
    refused("d2m.DevicesInfo", delimited(1, fixed64(1, 0n), delimited(2)))
    refused("d2m.DevicesInfo", delimited(1, delimited(2), fixed64(1, 1n)))
    refused("d2d.ConversationId", delimited(1, [0xff]))
    refused("d2d_sync.Settings", delimited(9, identity(Uint8Array.of(0xff))))
    // Present where presence is told: these are canonical.
    checkCanonical("d2d_sync.Group", concat(delimited(2), int(3, 0)))
    checkCanonical("d2d_sync.MdmParameters.Parameter", int(2, 0))
    checkCanonical("common.Identities", concat(delimited(1), delimited(1)))
  })
})

const examine = makeExaminer(Testing.longestMutation)

const expectHarmless = (codec: Codec, input: Uint8Array): void => {
  const outcome = examine(codec, input, input.length, true)
  if (isFinding(outcome)) assert.fail(`${outcome.rule}: ${outcome.what}\n${Buffer.from(input).toString("hex")}`)
}

const values = [0x00, 0x01, 0x07, 0x08, 0x7f, 0x80, 0xc0, 0xff]

/** Every prefix, and every byte set to some edges and with each of its bits flipped. */
const disturb = (codec: Codec, whole: Uint8Array, changes: (byte: number) => Iterable<number>): number => {
  let count = 0
  for (let length = 0; length <= whole.length; length++, count++) expectHarmless(codec, whole.subarray(0, length))
  const changed = whole.slice()
  for (let at = 0; at < whole.length; at++) {
    const byte = whole[at]!
    for (const value of changes(byte)) {
      changed[at] = value
      expectHarmless(codec, changed)
      count++
    }
    changed[at] = byte
  }
  return count
}

const some = (byte: number) => new Set([...values, ...Array.from({ length: 8 }, (_, bit) => byte ^ (1 << bit))])
const every = () => Array.from({ length: 0x100 }, (_, value) => value).values()

/** Longer ones have nothing in them that shorter ones have not. */
const longest = 300

describe("whatever is changed is read or refused, and nothing outside of it is looked at", () => {
  for (const { almost, codec, encode, frames, name } of sides) {
    for (const [frameTag, values] of Object.entries(frames)) {
      const short = Arbitrary.filter(
        Arbitrary.map(values, (frame) => encode(frame)),
        ({ length }) => length <= longest
      )
      it.prop(
        `${name} ${frameTag}: every prefix, every byte`,
        { whole: short },
        ({ whole }) => {
          disturb(codec, whole, some)
        },
        { arbitrary: { runs: 10, seed: 3 } }
      )

      it(`${name} ${frameTag}: every value of every byte`, () => {
        const sampled = Effect.runSync(Arbitrary.sampleEffect(short, { count: 12, seed: 5 }))
        const whole = sampled.toSorted((a, b) => b.length - a.length).find(({ length }) => length <= 90) ?? sampled[0]!
        assert.strictEqual(disturb(codec, whole, every), whole.length * 0x100 + whole.length + 1)
      })
    }

    it.prop(`${name}: several changes at once`, { input: almost }, ({ input }) => expectHarmless(codec, input), {
      arbitrary: { runs: 2000, size: 30, seed: 3 }
    })
  }

  const messages = new Map(Testing.messageSchemas.map((schema) => [messageInfo(schema).name, schema]))
  for (const { decode, encode, name } of declared) {
    const schema = messages.get(name)
    if (schema === undefined) continue
    const codec: Codec = { name, decode, encode }
    it.prop(
      `${name}: several changes at once`,
      { input: Testing.almostMessage(schema, { maxBytes: 200 }) },
      ({ input }) => expectHarmless(codec, input),
      { arbitrary: { runs: 60, seed: 3 } }
    )
  }
})
