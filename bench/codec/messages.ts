/**
 * Messages: the codec beside protobufjs and protobuf-es, over the same bytes.
 */
import { Box, ClientHello, D2d, decodeMessage, DeviceId, DevicesInfo, encodeMessage, type Protobuf } from "@d2m/codec"
import * as Assert from "node:assert/strict"
import type { Comparison } from "../Rounds.ts"
import { protobufEsPeer, protobufjsPeer } from "./peers.ts"

const filled = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index * 37 + 11)

/** What is decoded goes here, so that nobody may get by without making it. */
const kept: Array<unknown> = Array.from({ length: 16 }, () => null)
const sink = { total: 0 }

const compared = <S extends Protobuf.MessageSchema>(
  name: string,
  schema: S,
  value: S["Type"]
): ReadonlyArray<Comparison> => {
  const bytes = encodeMessage(schema, value)
  const protobufjs = protobufjsPeer(schema)
  const protobufEs = protobufEsPeer(schema)
  const ofProtobufjs = protobufjs.decode(bytes)
  const ofProtobufEs = protobufEs.decode(bytes)
  Assert.deepEqual(Buffer.from(protobufjs.encode(ofProtobufjs)), Buffer.from(bytes))
  Assert.deepEqual(Buffer.from(protobufEs.encode(ofProtobufEs)), Buffer.from(bytes))
  const decoded = decodeMessage(schema, bytes)
  Assert.ok(decoded._tag === "Success")
  Assert.deepEqual({ ...(decoded.success as object), _tag: undefined }, { ...(value as object), _tag: undefined })
  return [
    {
      name: `encode ${name}, ${bytes.length} bytes`,
      contenders: [
        {
          name: "protobufjs static",
          run: (times) => {
            let total = 0
            for (let i = 0; i < times; i++) total += protobufjs.encode(ofProtobufjs).length
            sink.total += total
          }
        },
        {
          name: "protobuf-es",
          run: (times) => {
            let total = 0
            for (let i = 0; i < times; i++) total += protobufEs.encode(ofProtobufEs).length
            sink.total += total
          }
        },
        {
          name: "@d2m/codec",
          run: (times) => {
            let total = 0
            for (let i = 0; i < times; i++) total += encodeMessage(schema, value).length
            sink.total += total
          }
        }
      ]
    },
    {
      name: `decode ${name}, ${bytes.length} bytes`,
      contenders: [
        {
          name: "protobufjs static",
          run: (times) => {
            for (let i = 0; i < times; i++) kept[i & 15] = protobufjs.decode(bytes)
          }
        },
        {
          name: "protobuf-es",
          run: (times) => {
            for (let i = 0; i < times; i++) kept[i & 15] = protobufEs.decode(bytes)
          }
        },
        {
          name: "@d2m/codec",
          run: (times) => {
            for (let i = 0; i < times; i++) {
              const result = decodeMessage(schema, bytes)
              if (result._tag === "Failure") throw result.failure
              kept[i & 15] = result.success
            }
          }
        }
      ]
    }
  ]
}

const clientHello = ClientHello.make({
  version: 0,
  response: filled(72),
  deviceId: DeviceId.make(0x0123_4567_89ab_cdefn),
  deviceSlotsExhaustedPolicy: 1,
  deviceSlotExpirationPolicy: 1,
  encryptedDeviceInfo: Box.make("dgdik", filled(160)),
  expectedDeviceSlotState: 1
})

const devicesInfo = DevicesInfo.make({
  augmentedDeviceInfo: new Map(
    Array.from({ length: 8 }, (_, at) => [
      DeviceId.make(0xfedc_ba98_7654_3210n + BigInt(at)),
      {
        encryptedDeviceInfo: Box.make("dgdik", filled(120 + at)),
        connectionState: {
          _tag: at % 2 === 0 ? ("connectedSince" as const) : ("lastDisconnectAt" as const),
          value: 1_800_000_000_000n + BigInt(at)
        },
        deviceSlotExpirationPolicy: 1
      }
    ])
  )
})

const envelope = D2d.Envelope.make({
  padding: filled(100),
  content: {
    _tag: "outgoingMessage",
    value: D2d.OutgoingMessage.make({
      conversation: { id: { _tag: "contact", value: "ECHOECHO" } },
      messageId: 0x1122_3344_5566_7788n,
      createdAt: 1_800_000_000_000n,
      type: 1,
      body: filled(500),
      nonces: [filled(24)]
    })
  },
  protocolVersion: 3,
  deviceId: 0x0123_4567_89ab_cdefn
})

export const messages = (): ReadonlyArray<Comparison> => [
  ...compared("ClientHello", ClientHello, clientHello),
  ...compared("DevicesInfo of 8 devices", DevicesInfo, devicesInfo),
  ...compared("Envelope with a body of 500", D2d.Envelope, envelope)
]
