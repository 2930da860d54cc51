import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import {
  ClientHello,
  D2d,
  DeviceId,
  DevicesInfo,
  EncodeError,
  encodeClientFrameResult,
  encodeMessageResult,
  encodeServerFrameResult,
  Reflect,
  Reflected,
  ReflectId,
  Sync,
  Timestamp,
  Unknown
} from "../src/index.ts"
import { Exact, Outer } from "./sample-messages.ts"

/** What a constructor says of a value that it does not take. */
const refusal = (make: (input: never) => unknown, input: unknown): string => {
  try {
    make(input as never)
  } catch (thrown) {
    assert.instanceOf(thrown, EncodeError)
    return thrown.message
  }
  return "made"
}

const written = (encoded: Result.Result<Uint8Array, EncodeError>): string =>
  Result.isFailure(encoded) ? encoded.failure.message : "written"

const bytes = (length: number) => new Uint8Array(length)

describe("a constructor says of a value that its field cannot hold what the encoder says of it", () => {
  const messages = [
    [D2d.OutgoingMessage, { messageId: -1n }, "d2d.OutgoingMessage.messageId"],
    [D2d.OutgoingMessage, { messageId: "secret" }, "d2d.OutgoingMessage.messageId"],
    [D2d.OutgoingMessage, { type: 2 ** 31 }, "d2d.OutgoingMessage.type"],
    [D2d.OutgoingMessage, { body: "secret" }, "d2d.OutgoingMessage.body"],
    [D2d.OutgoingMessage, { nonces: [bytes(2), 5] }, "d2d.OutgoingMessage.nonces"],
    [D2d.OutgoingMessage, { nonces: 5 }, "d2d.OutgoingMessage.nonces"],
    [D2d.OutgoingMessage, { conversation: null }, "d2d.OutgoingMessage.conversation"],
    [D2d.OutgoingMessage, { conversation: { id: { _tag: "contact", value: 5 } } }, "d2d.ConversationId.contact"],
    [D2d.OutgoingMessage, { conversation: { id: { _tag: "nobody", value: 5 } } }, "d2d.ConversationId.id"],
    [D2d.ConversationId, { id: 5 }, "d2d.ConversationId.id"],
    [Sync.Contact, { identity: 5 }, "d2d_sync.Contact.identity"],
    [Outer, { small: 0.5 }, "test.Outer.small"],
    [Outer, { small: Number.NaN }, "test.Outer.small"],
    [Exact, { key: bytes(3) }, "test.Exact.key"],
    [Exact, {}, "test.Exact.key"],
    [D2d.OutgoingMessage, null, "d2d.OutgoingMessage"],
    [D2d.OutgoingMessage, 5, "d2d.OutgoingMessage"]
  ] as const

  /** What the constructor would have filled in. */
  const defaults = (message: (typeof messages)[number][0]): object =>
    message === Exact ? {} : (message.make as (fields: object) => object)({})

  for (const [message, fields, place] of messages) {
    const said = refusal(message.make, fields)
    it(said, () => {
      assert.isTrue(said.startsWith(`${place}: expected `))
      const whole = typeof fields === "object" && fields !== null ? { ...defaults(message), ...fields } : fields
      assert.strictEqual(said, written(encodeMessageResult(message, whole as never)))
    })
  }

  const reflect = { _tag: "Reflect", flags: 0, reflectId: 1, envelope: bytes(0) }
  const info = (value: unknown, key: unknown = 1n) => ({
    _tag: "DevicesInfo",
    augmentedDeviceInfo: new Map([[key, value]])
  })
  const device = { encryptedDeviceInfo: bytes(0), connectionState: { _tag: "connectedSince", value: -1n } }
  const clientFrames = [
    [Reflect, { ...reflect, flags: 0x1_0000 }, "reflect.flags"],
    [Reflect, { ...reflect, envelope: 5 }, "reflect.envelope"],
    [Reflect, { ...reflect, reflectId: undefined }, "reflect.reflectId"],
    [Unknown, { _tag: "Unknown", type: 256, payload: bytes(0) }, "container.type"],
    [Unknown, { _tag: "Unknown", type: 255, payload: "" }, "container.payload"]
  ] as const
  const serverFrames = [
    [Reflected, { ...reflect, _tag: "Reflected", reflectedId: 1, timestamp: -1n }, "reflected.timestamp"],
    [DevicesInfo, info({}, -1n), "d2m.DevicesInfo.augmentedDeviceInfo"],
    [DevicesInfo, info(5), "d2m.DevicesInfo.augmentedDeviceInfo"],
    [
      DevicesInfo,
      info({ ...device, encryptedDeviceInfo: 5 }),
      "d2m.DevicesInfo.AugmentedDeviceInfo.encryptedDeviceInfo"
    ],
    [DevicesInfo, info(device), "d2m.DevicesInfo.AugmentedDeviceInfo.connectedSince"],
    [DevicesInfo, { _tag: "DevicesInfo", augmentedDeviceInfo: {} }, "d2m.DevicesInfo.augmentedDeviceInfo"]
  ] as const
  const frames = [
    ...clientFrames.map(([{ make }, frame, place]) => [make, frame, place, encodeClientFrameResult] as const),
    ...serverFrames.map(([{ make }, frame, place]) => [make, frame, place, encodeServerFrameResult] as const)
  ]
  for (const [make, frame, place, encode] of frames) {
    const said = refusal(make, frame)
    it(said, () => {
      assert.isTrue(said.startsWith(`${place}: expected `))
      assert.strictEqual(said, written(encode(frame as never)))
    })
  }
})

describe("constructors", () => {
  it("of ids and times name what they make", () => {
    assert.strictEqual(
      refusal(DeviceId.make, -1n),
      "DeviceId: expected a bigint of 0 to 18446744073709551615, found -1n"
    )
    assert.strictEqual(refusal(Timestamp.make, 5), "Timestamp: expected a bigint of 0 to 18446744073709551615, found 5")
    assert.strictEqual(
      refusal(ReflectId.make, 2 ** 32),
      "ReflectId: expected an integer of 0 to 4294967295, found 4294967296"
    )
  })

  it("of frames with a protobuf message name the message", () => {
    assert.strictEqual(
      refusal(ClientHello.make, { response: bytes(71) }),
      "d2m.ClientHello.response: expected 72 bytes, found 71 bytes"
    )
    assert.strictEqual(refusal(ClientHello.make, {}), "d2m.ClientHello.response: expected 72 bytes, found undefined")
  })

  it("let through what a getter of the input throws", () => {
    const input = {
      get messageId(): bigint {
        throw new RangeError("of the getter")
      }
    }
    assert.throws(() => D2d.OutgoingMessage.make(input))
    try {
      D2d.OutgoingMessage.make(input)
    } catch (thrown) {
      assert.notInstanceOf(thrown, EncodeError)
    }
  })

  it("take what is right, with defaults, and unchecked if told", () => {
    assert.strictEqual(DeviceId.make(5n), 5n)
    assert.deepInclude(D2d.OutgoingMessage.make({ messageId: 1n }), { messageId: 1n, type: 0, createdAt: 0n })
    assert.strictEqual(DeviceId.make(-1n, { disableChecks: true }), -1n)
  })
})
