import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Result, Schema } from "effect"
import { Box } from "../src/Box.ts"
import { ClientFrame, ClientFrameFromBytes, decodeClientFrame, encodeClientFrame } from "../src/ClientFrame.ts"
import { ClientUrlInfo, fromUrlPath, toUrlPath } from "../src/ClientUrlInfo.ts"
import { EncodeError } from "../src/EncodeError.ts"
import { AugmentedDeviceInfo, DevicesInfo } from "../src/frames/Devices.ts"
import { BeginTransaction } from "../src/frames/Transactions.ts"
import { ClientHello, ServerHello, ServerInfo } from "../src/frames/Handshake.ts"
import { Reflected } from "../src/frames/Reflection.ts"
import { mediatorUrl } from "../src/MediatorUrl.ts"
import * as D2d from "../src/messages/D2d.ts"
import * as D2dJoin from "../src/messages/D2dJoin.ts"
import * as Sync from "../src/messages/Sync.ts"
import type { MessageSchema } from "../src/Protobuf.ts"
import { decodeMessage, encodeMessage } from "../src/ProtobufCodec.ts"
import { DeviceId, ReflectedId, ReflectId, Timestamp, U16, U32, U64 } from "../src/Scalars.ts"
import { decodeServerFrame, encodeServerFrame, ServerFrame, ServerFrameFromBytes } from "../src/ServerFrame.ts"
import { bytes, failed, frameBytes, hex, succeeded, vectors } from "./frame-vectors.ts"

describe("frames from bytes", () => {
  const decodeClient = Schema.decodeUnknownResult(ClientFrameFromBytes)
  const decodeServer = Schema.decodeUnknownResult(ServerFrameFromBytes)

  it("decode and encode as the functions do", () => {
    for (const vector of vectors.frames) {
      const input = frameBytes(vector)
      if (!vector.valid) continue
      if (vector.direction === "c2s") {
        const frame = Result.getOrThrow(decodeClient(input))
        assert.deepStrictEqual(frame, succeeded(decodeClientFrame(input)))
        assert.deepStrictEqual(Schema.encodeSync(ClientFrameFromBytes)(frame), encodeClientFrame(frame))
      } else {
        const frame = Result.getOrThrow(decodeServer(input))
        assert.deepStrictEqual(frame, succeeded(decodeServerFrame(input)))
        assert.deepStrictEqual(Schema.encodeSync(ServerFrameFromBytes)(frame), encodeServerFrame(frame))
      }
    }
  })

  it("fail with what the functions say, and carry it", () => {
    const result = decodeServer(bytes("820000001000"))
    if (Result.isSuccess(result)) return assert.fail("decoded")
    assert.include(result.failure.message, "reflected.flags at byte 6: expected a frame of at least 20 bytes")
    const { issue } = result.failure
    assert.isTrue(issue._tag === "Encoding" && issue.issue._tag === "InvalidValue", issue._tag)
    const carried =
      issue._tag === "Encoding" && issue.issue._tag === "InvalidValue" ? issue.issue.annotations : undefined
    assert.deepStrictEqual(carried?.["decodeError"], failed(decodeServerFrame(bytes("820000001000"))))
  })

  it("refuse to encode what no frame can hold", () => {
    const encode = Schema.encodeUnknownResult(ClientFrameFromBytes)
    const wrong = [
      { _tag: "DropDevice", deviceId: -1n },
      { _tag: "DropDevice", deviceId: 2n ** 64n },
      { _tag: "DropDevice", deviceId: 1 },
      { _tag: "ReflectedAck", reflectedId: 2 ** 32 },
      { _tag: "ReflectedAck", reflectedId: -1 },
      { _tag: "ReflectedAck", reflectedId: 0.5 },
      { _tag: "Reflect", flags: 0x10000, reflectId: 1, envelope: new Uint8Array(0) },
      { _tag: "Unknown", type: 256, payload: new Uint8Array(0) },
      { _tag: "ReflectionQueueDry" }
    ]
    for (const frame of wrong) assert.isTrue(Result.isFailure(encode(frame)), JSON.stringify(frame._tag))
    assert.isTrue(Result.isSuccess(encode({ _tag: "DropDevice", deviceId: 1n })))
  })
})

describe("constructors", () => {
  it("fill in proto3 defaults", () => {
    const none = new Uint8Array(0)
    assert.deepStrictEqual(BeginTransaction.make({}), {
      _tag: "BeginTransaction",
      encryptedScope: Box.make("dgtsk", none),
      ttl: 0
    })
    assert.deepStrictEqual(ServerInfo.make({}), {
      _tag: "ServerInfo",
      maxDeviceSlots: 0,
      deviceSlotState: 0,
      encryptedSharedDeviceData: Box.make("dgsddk", none),
      currentTime: 0n,
      reflectionQueueLength: 0
    })
    assert.deepStrictEqual(ServerFrame.cases.DevicesInfo.make({}), DevicesInfo.make({ augmentedDeviceInfo: new Map() }))
    assert.deepStrictEqual(D2d.Envelope.make({ deviceId: 7n }), { padding: none, protocolVersion: 0, deviceId: 7n })
  })

  it("demand what has no default", () => {
    const hello = { esk: new Uint8Array(32), challenge: new Uint8Array(32) }
    assert.strictEqual(ServerHello.make(hello).version, 0)
    assert.throws(() => ServerHello.make({ ...hello, esk: new Uint8Array(31) }))
    assert.throws(() => ServerHello.make({ ...hello, challenge: new Uint8Array(33) }))
    assert.throws(() => ClientHello.make({ response: new Uint8Array(71) }))
    assert.strictEqual(ClientHello.make({ response: new Uint8Array(72) }).deviceId, 0n)
    const without = { esk: hello.esk } as typeof hello
    assert.throws(() => ServerHello.make(without))
  })

  it("refuse ids and numbers out of range", () => {
    assert.throws(() => DeviceId.make(-1n))
    assert.throws(() => DeviceId.make(2n ** 64n))
    assert.strictEqual(DeviceId.make(2n ** 64n - 1n), 2n ** 64n - 1n)
    for (const id of [ReflectId, ReflectedId, U32]) {
      assert.throws(() => id.make(-1))
      assert.throws(() => id.make(2 ** 32))
      assert.throws(() => id.make(1.5))
      assert.strictEqual(id.make(2 ** 32 - 1), 2 ** 32 - 1)
    }
    for (const time of [Timestamp, U64]) {
      assert.throws(() => time.make(-1n))
      assert.throws(() => time.make(2n ** 64n))
    }
    assert.throws(() => U16.make(0x10000))
    assert.throws(() => AugmentedDeviceInfo.make({ connectionState: { _tag: "connectedSince", value: -1n } }))
    const envelope = Box.make("dgrk", new Uint8Array(0))
    assert.throws(() =>
      Reflected.make({ flags: -1, reflectedId: ReflectedId.make(0), timestamp: Timestamp.make(0n), envelope })
    )
  })
})

describe("what is written is read", () => {
  const isUnknown = (frame: { readonly _tag: string }) => frame._tag === "Unknown"
  const options = { arbitrary: { runs: 300, size: 60, seed: 20 } }

  // An Unknown frame is only that when its type byte is nobody's.
  const clientFrame = Schema.Union(
    Object.values(ClientFrame.cases).filter((schema) => schema !== ClientFrame.cases.Unknown)
  )
  const serverFrame = Schema.Union(
    Object.values(ServerFrame.cases).filter((schema) => schema !== ServerFrame.cases.Unknown)
  )

  it.effect.prop(
    "client frames",
    { frame: clientFrame },
    ({ frame }) =>
      Effect.gen(function* () {
        assert.isFalse(isUnknown(frame))
        const written = yield* Schema.encodeEffect(ClientFrameFromBytes)(frame)
        assert.deepStrictEqual(yield* Schema.decodeEffect(ClientFrameFromBytes)(written), frame)
      }),
    options
  )

  it.effect.prop(
    "server frames",
    { frame: serverFrame },
    ({ frame }) =>
      Effect.gen(function* () {
        const written = yield* Schema.encodeEffect(ServerFrameFromBytes)(frame)
        assert.deepStrictEqual(yield* Schema.decodeEffect(ServerFrameFromBytes)(written), frame)
      }),
    options
  )

  /** Half a character cannot be written: it becomes U+FFFD. */
  const wellFormed = (value: unknown): unknown =>
    typeof value === "string"
      ? value.toWellFormed()
      : Array.isArray(value)
        ? value.map(wellFormed)
        : value instanceof Map
          ? new Map([...value].map(([key, entry]) => [wellFormed(key), wellFormed(entry)]))
          : typeof value === "object" && value !== null && !(value instanceof Uint8Array)
            ? Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, wellFormed(entry)]))
            : value

  const roundTrip =
    <S extends MessageSchema>(schema: S) =>
    (value: S["Type"]) =>
      Effect.sync(() => {
        const written = encodeMessage(schema, value)
        assert.deepStrictEqual(succeeded(decodeMessage(schema, written)), wellFormed(value))
      })

  it.effect.prop("envelopes", { value: D2d.Envelope }, ({ value }) => roundTrip(D2d.Envelope)(value), options)
  it.effect.prop("contacts", { value: Sync.Contact }, ({ value }) => roundTrip(Sync.Contact)(value), options)
  it.effect.prop(
    "device management parameters",
    { value: Sync.MdmParameters },
    ({ value }) => roundTrip(Sync.MdmParameters)(value),
    { arbitrary: { runs: 100, size: 40, seed: 20 } }
  )
  it.effect.prop("joins", { value: D2dJoin.EdToNd }, ({ value }) => roundTrip(D2dJoin.EdToNd)(value), {
    arbitrary: { runs: 100, size: 30, seed: 20 }
  })

  it.effect.prop(
    "and any bytes are read or refused",
    { input: Schema.Uint8Array },
    ({ input }) =>
      Effect.gen(function* () {
        const exits: ReadonlyArray<Exit.Exit<unknown, unknown>> = [
          yield* Effect.exit(Schema.decodeEffect(ClientFrameFromBytes)(input)),
          yield* Effect.exit(Schema.decodeEffect(ServerFrameFromBytes)(input)),
          yield* Effect.exit(Effect.suspend(() => Effect.fromResult(decodeMessage(D2d.Envelope, input))))
        ]
        for (const exit of exits) assert.isFalse(Exit.hasDies(exit))
      }),
    { arbitrary: { runs: 1000, size: 200, seed: 20 } }
  )
})

describe("the URL path", () => {
  const info = ClientUrlInfo.make({ deviceGroupId: new Uint8Array(32).fill(0xab), serverGroup: "7a" })
  const path = `0a20${"ab".repeat(32)}1a023761`

  it("is the message in lowercase hex, read in either case", () => {
    assert.strictEqual(toUrlPath(info), path)
    assert.deepStrictEqual(succeeded(fromUrlPath(path)), info)
    assert.deepStrictEqual(succeeded(fromUrlPath(path.toUpperCase())), info)
    const letters = { ...info, serverGroup: "azAZ09" }
    assert.deepStrictEqual(succeeded(fromUrlPath(toUrlPath(letters))), letters)
    // The old numeric group, and anything else that is not known, is ignored.
    assert.deepStrictEqual(succeeded(fromUrlPath(`${path}1007`)), info)
    assert.deepStrictEqual(succeeded(fromUrlPath(`1007${path}`)), info)
  })

  it("is refused when it is not that", () => {
    for (const text of ["0a2", "zz", "0x0a", " 0a", "0a20%", "ı0", path.slice(0, -1)]) {
      assert.strictEqual(failed(fromUrlPath(text)).kind, "InvalidUrl", text)
    }
    assert.deepInclude(failed(fromUrlPath("")), { kind: "FieldLength", field: "deviceGroupId" })
    assert.deepInclude(failed(fromUrlPath(`0a1f${"ab".repeat(31)}1a023761`)), { kind: "FieldLength", offset: 0 })
    assert.strictEqual(failed(fromUrlPath(path.slice(0, -2))).kind, "Truncated")
    for (const group of ["", "7-", "ä", "7a\n", "../"]) {
      const error = failed(fromUrlPath(hex(encodeMessage(ClientUrlInfo, { ...info, serverGroup: group }))))
      assert.deepInclude(error, { kind: "InvalidUrl", field: "serverGroup" }, JSON.stringify(group))
    }
    assert.strictEqual(hex(info.deviceGroupId).length, 64)
  })

  it("says where it is not hex", () => {
    for (const [text, offset] of [
      ["zz", 0],
      ["0x0a", 1],
      ["0a20%", 4],
      ["0aı0", 2],
      [`${path}\n`, path.length]
    ] as const) {
      const message = `d2m.ClientUrlInfo at byte ${offset}: expected hex digits, found another character`
      assert.strictEqual(failed(fromUrlPath(text)).message, message)
    }
    const odd = failed(fromUrlPath(path.slice(0, -1)))
    assert.deepInclude(odd, { kind: "InvalidUrl", offset: path.length - 1, found: "an odd number of digits" })
  })

  it("says where the server group is, and what is wrong with it", () => {
    const id = `0a20${"ab".repeat(32)}`
    for (const [text, offset, found] of [
      [`${id}1a02372d`, 34, "another one as character 2 of 2"],
      [`${id}1a00`, 34, "no character"],
      [`1a012d${id}`, 0, "another one as character 1 of 1"],
      // The last one counts, and the old numeric group is another field.
      [`10071a023761${id}1a012d1007`, 40, "another one as character 1 of 1"],
      [id, 34, "no such field"]
    ] as const) {
      assert.deepInclude(failed(fromUrlPath(text)), {
        kind: "InvalidUrl",
        field: "serverGroup",
        offset,
        expected: "one or more ASCII letters or digits",
        found
      })
    }
  })

  it("is not written with a group that no mediator accepts", () => {
    for (const [serverGroup, found] of [
      ["", "no character"],
      ["7-", "another one as character 2 of 2"],
      ["ä", "another one as character 1 of 1"],
      ["7a\n", "another one as character 3 of 3"],
      ["../", "another one as character 1 of 3"]
    ] as const) {
      const message = `d2m.ClientUrlInfo.serverGroup: expected one or more ASCII letters or digits, found ${found}`
      for (const write of [toUrlPath, (bad: ClientUrlInfo) => mediatorUrl("wss://mediator.test/", bad)]) {
        assert.throws(() => write({ ...info, serverGroup }), EncodeError, message)
      }
    }
    const wrong = { ...info, serverGroup: 7 as unknown as string }
    assert.throws(() => toUrlPath(wrong), EncodeError, "expected a string, found 7")
  })
})
