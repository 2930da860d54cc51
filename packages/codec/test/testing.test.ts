import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Result, Schema } from "effect"
import { ClientFrame, decodeClientFrame, encodeClientFrame } from "../src/ClientFrame.ts"
import type { DecodeError } from "../src/DecodeError.ts"
import { Limits } from "../src/Limits.ts"
import * as D2d from "../src/messages/D2d.ts"
import * as Sync from "../src/messages/Sync.ts"
import { decodeMessage, encodeMessage } from "../src/ProtobufCodec.ts"
import { decodeServerFrame, encodeServerFrame, ServerFrame } from "../src/ServerFrame.ts"
import * as Testing from "../src/testing.ts"
import { replace } from "../src/testing/WireEdit.ts"
import { declared } from "./declared.ts"
import { Colour, Outer } from "./sample-messages.ts"

type Decode = (bytes: Uint8Array) => Result.Result<{ readonly _tag: string }, DecodeError>

const decodeClient: Decode = decodeClientFrame
const decodeServer: Decode = decodeServerFrame

const sample = <A>(arbitrary: Arbitrary.Arbitrary<A>, count: number): ReadonlyArray<A> =>
  Effect.runSync(Arbitrary.sampleEffect(arbitrary, { count, seed: 20 }))

describe("messages", () => {
  const outers = sample(Testing.message(Outer), 600)
  const some = (what: (value: Outer) => boolean) => assert.isTrue(outers.some(what), what.toString())

  it("fit their schema, all of them", () => {
    for (const { name, schema, values } of declared) {
      const fits = Schema.is(schema)
      for (const value of sample(values, 30)) assert.isTrue(fits(value), name)
    }
    assert.isTrue(outers.every(Schema.is(Outer)))
  })

  it("have numbers at the ends of their range and on both sides of a longer varint", () => {
    for (const edge of [0, 1, 127, 128, 2 ** 21 - 1, 2 ** 21, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
      some(({ small }) => small === edge)
    }
    for (const edge of [0n, 127n, 128n, 2n ** 35n - 1n, 2n ** 35n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      some(({ big }) => big === edge)
      some(({ id }) => id === edge)
    }
    some(({ small }) => small > 1000 && small < 2 ** 20)
    some(({ flag }) => flag)
    some(({ flag }) => !flag)
  })

  it("have enum numbers with a name, without one, and below zero", () => {
    for (const value of [...Object.values(Colour), 99, -1, 2 ** 31 - 1, -(2 ** 31)]) {
      some(({ colour }) => colour === value)
    }
    some(({ colour }) => ![...Object.values(Colour), 99, -1].includes(colour) && Math.abs(colour) < 2 ** 31 - 40)
  })

  it("have bytes and text of no length, of edge lengths, and of the longest", () => {
    for (const length of [0, 1, 5, 63, 64, 127, 128, 16_383, 16_384, Limits.plainEnvelope]) {
      some(({ blob }) => blob.length === length)
    }
    const lengths = new Set(sample(Testing.text(Limits.plainEnvelope), 3000).map((text) => Buffer.byteLength(text)))
    for (const length of [0, 1, 63, 64, 127, 128, 16_383, 16_384, Limits.plainEnvelope]) {
      assert.isTrue(lengths.has(length), `${length}`)
    }
    assert.isTrue(outers.every(({ text }) => Buffer.byteLength(text) <= Limits.plainEnvelope))
    const short = sample(Testing.message(Outer, { maxBytes: 7 }), 200)
    assert.strictEqual(Math.max(...short.map(({ blob }) => blob.length)), 7)
    assert.isTrue(short.every(({ text, texts }) => [text, ...texts].every((part) => Buffer.byteLength(part) <= 7)))
  })

  it("have text of characters of one to four bytes, odd ones too, and no half ones", () => {
    const all = outers.flatMap(({ byName, text, texts }) => [text, ...texts, ...byName.keys()])
    for (const character of [/[a-z]/, /[\u0080-\u07ff]/, /[\u0800-\uffff]/, /\p{Surrogate}|[\u{10000}-\u{10ffff}]/u]) {
      assert.isTrue(all.some((part) => character.test(part)))
    }
    for (const odd of ["\0", "\ufeff", "\ufffd", "\uffff", "\u{10ffff}"]) {
      assert.isTrue(all.some((part) => part.includes(odd)))
    }
    assert.isTrue(all.every((part) => part.isWellFormed()))
  })

  it("have optionals that are absent, present, and present with their default", () => {
    for (const name of ["maybeText", "maybeColour", "maybeBlob", "maybeBig"] as const) {
      some((value) => !(name in value))
      some((value) => name in value)
    }
    some(({ maybeText }) => maybeText === "")
    some(({ maybeColour }) => maybeColour === 0)
    some(({ maybeBlob }) => maybeBlob?.length === 0)
    some(({ maybeBig }) => maybeBig === 0n)
    some((value) => !("inner" in value))
    some(({ inner }) => inner !== undefined && inner.count > 0)
  })

  it("have every member of a oneof, with its default too, and none", () => {
    for (const member of ["word", "number", "message"]) some(({ choice }) => choice?._tag === member)
    some((value) => !("choice" in value))
    some(({ choice }) => choice?._tag === "word" && choice.value === "")
    some(({ choice }) => choice?._tag === "number" && choice.value === 0)
    const contents = new Set(sample(Testing.message(D2d.Envelope), 400).map(({ content }) => content?._tag))
    assert.strictEqual(contents.size, 11)
  })

  it("have lists and maps with none, one and several entries", () => {
    for (const name of ["texts", "inners", "blobs"] as const) {
      for (const count of [0, 1, 4]) some((value) => value[name].length === count)
    }
    for (const name of ["byDevice", "byName"] as const) {
      for (const count of [0, 1, 4]) some((value) => value[name].size === count)
    }
    some(({ byDevice }) => byDevice.has(0n as never) && byDevice.size > 1)
    some(({ byDevice }) => byDevice.has((2n ** 64n - 1n) as never))
    some(({ byName }) => byName.has(""))
  })

  it("come out the same for the same seed, and shrink to what matters", () => {
    const profile = Testing.message(Sync.UserProfile)
    assert.deepStrictEqual(sample(profile, 20), sample(profile, 20))
    const result = Effect.runSync(
      Arbitrary.checkEffect(
        Testing.message(Outer),
        ({ choice }) => choice?._tag !== "word" || [...choice.value].length < 3,
        {
          runs: 300,
          seed: 20
        }
      )
    )
    if (result._tag !== "Falsified") return assert.fail(result._tag)
    const { choice, ...rest } = result.shrunkInput
    assert.isTrue(choice?._tag === "word" && /^a{3,64}$/.test(choice.value), JSON.stringify(choice))
    assert.strictEqual(encodeMessage(Outer, rest as Outer).length, 0)
  })
})

describe("frames", () => {
  it("are there for every case of both unions, and fit them", () => {
    assert.deepStrictEqual(Object.keys(Testing.clientFrames), Object.keys(ClientFrame.cases))
    assert.deepStrictEqual(Object.keys(Testing.serverFrames), Object.keys(ServerFrame.cases))
    for (const [tag, frames] of Object.entries(Testing.clientFrames)) {
      for (const frame of sample<ClientFrame>(frames, 50)) {
        assert.strictEqual(frame._tag, tag)
        assert.isTrue(Schema.is(ClientFrame)(frame))
      }
    }
    for (const [tag, frames] of Object.entries(Testing.serverFrames)) {
      for (const frame of sample<ServerFrame>(frames, 50)) {
        assert.strictEqual(frame._tag, tag)
        assert.isTrue(Schema.is(ServerFrame)(frame))
      }
    }
    const clients = new Set(sample(Testing.clientFrame, 300).map(({ _tag }) => _tag))
    const servers = new Set(sample(Testing.serverFrame, 300).map(({ _tag }) => _tag))
    assert.deepStrictEqual([clients.size, servers.size], [10, 14])
  })

  it("go up to the limit of 65536 bytes, and not beyond", () => {
    const lengths = {
      proxies: sample(Testing.clientFrames.Proxy, 300).map((frame) => encodeClientFrame(frame).length),
      reflects: sample(Testing.clientFrames.Reflect, 300).map((frame) => encodeClientFrame(frame).length),
      reflecteds: sample(Testing.serverFrames.Reflected, 300).map((frame) => encodeServerFrame(frame).length),
      unknowns: sample(Testing.serverFrames.Unknown, 300).map((frame) => encodeServerFrame(frame).length)
    }
    for (const [name, found] of Object.entries(lengths)) assert.strictEqual(Math.max(...found), Limits.frame, name)
    for (const frame of sample(Testing.serverFrames.DevicesInfo, 300)) {
      assert.isAtMost(encodeServerFrame(frame).length, Limits.frame)
    }
  })

  it("of an unknown type have a type that nobody defines", () => {
    for (const frame of sample(Testing.clientFrames.Unknown, 300)) {
      for (const decode of [decodeClient, decodeServer]) {
        const decoded = decode(encodeClientFrame(frame))
        assert.isTrue(Result.isSuccess(decoded) && decoded.success._tag === "Unknown")
      }
    }
  })
})

describe("near misses", () => {
  const kinds = (inputs: ReadonlyArray<Uint8Array>, decode: Decode): ReadonlySet<string> =>
    new Set(inputs.map(decode).map((result) => (Result.isFailure(result) ? result.failure.kind : result.success._tag)))

  it("are read and refused in every way there is", () => {
    const refusals = ["FrameTooShort", "Truncated", "HeaderLength", "FieldLength", "Malformed", "WrongDirection"]
    const server = kinds(sample(Testing.almostServerFrame, 3000), decodeServer)
    const client = kinds(sample(Testing.almostClientFrame, 3000), decodeClient)
    for (const kind of [...refusals, ...Object.keys(ServerFrame.cases)]) assert.isTrue(server.has(kind), kind)
    for (const kind of [...refusals, ...Object.keys(ClientFrame.cases)]) assert.isTrue(client.has(kind), kind)
  })

  it("of messages are near them", () => {
    const schema = D2d.OutgoingMessage
    const almost = sample(Testing.almostMessage(schema), 500)
    const whole = sample(Testing.message(schema), 500).map((value) => encodeMessage(schema, value))
    const mean = (all: ReadonlyArray<Uint8Array>) =>
      all.reduce((sum, { length }) => sum + Math.min(length, 500), 0) / 500
    assert.isBelow(Math.abs(mean(almost) / mean(whole) - 1), 0.25)
  })

  const specimen = Testing.messageSpecimen(new Uint8Array(Buffer.from("0a030896011202ffff", "hex")))

  it("are nothing new when chance says nothing", () => {
    assert.deepStrictEqual(
      Testing.mutate(specimen, specimen, () => 0),
      specimen.bytes
    )
  })

  it("know where fields are", () => {
    const places = specimen.spans.map(({ at, end, number, parent }) => [number, at, end, parent])
    assert.deepStrictEqual(places, [
      [1, 0, 5, -1],
      [1, 2, 5, 0],
      [2, 5, 9, -1]
    ])
    // What does not read as fields to its end is no message, and what is no field has no spans.
    assert.strictEqual(Testing.wireSpans(Uint8Array.of(0x0a, 2, 0x08, 0x80), 0).length, 1)
    assert.strictEqual(Testing.wireSpans(Uint8Array.of(0x0a, 9, 0x08), 0).length, 0)
  })

  it("make the lengths around a change fit, where they are to", () => {
    const update = {
      conversation: { id: { _tag: "group" as const, value: { groupId: 7n, creatorIdentity: "" } } },
      messageId: 2n,
      update: { _tag: "sent" as const, value: {} }
    }
    const unknown = [0x98, 0x06, 0x01]
    const longer = [0x9a, 0x06, 60, ...Array.from({ length: 60 }, () => 0xff)]
    const target = new Uint8Array(Testing.mutationRoom)
    let grown = 0
    for (let count = 1; count <= 12; count++) {
      const updates = Array.from({ length: count }, () => update)
      const value = D2d.OutgoingMessageUpdate.make({ updates })
      const envelope = D2d.Envelope.make({ content: { _tag: "outgoingMessageUpdate", value } })
      const whole = Testing.messageSpecimen(encodeMessage(D2d.Envelope, envelope))
      for (const { at, parent } of whole.spans) {
        for (const inserted of [unknown, longer]) {
          const length = replace(target, whole, at, at, inserted, parent)
          assert.deepStrictEqual(decodeMessage(D2d.Envelope, target.subarray(0, length)), Result.succeed(envelope))
          if (length > whole.bytes.length + inserted.length) grown++
        }
        // Left alone, a length that is wrong is noticed.
        if (parent < 0) continue
        const wrong = target.subarray(0, replace(target, whole, at, at, unknown, -1))
        assert.notDeepEqual(decodeMessage(D2d.Envelope, wrong), Result.succeed(envelope))
      }
    }
    // A length around it took a byte more now and then.
    assert.isAbove(grown, 5)
  })
})
