import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Box } from "../src/Box.ts"
import { ClientFrame, decodeClientFrame, encodeClientFrame } from "../src/ClientFrame.ts"
import { containerInfo } from "../src/Container.ts"
import type { DecodeError } from "../src/DecodeError.ts"
import { type AugmentedDeviceInfo, DevicesInfo, GetDevicesInfo } from "../src/frames/Devices.ts"
import { clientFrames, serverFrames } from "../src/frames/index.ts"
import { isEphemeral, ReflectFlags } from "../src/frames/Reflection.ts"
import { Limits } from "../src/Limits.ts"
import { DeviceId } from "../src/Scalars.ts"
import { decodeServerFrame, encodeServerFrame, ServerFrame } from "../src/ServerFrame.ts"
import { bytes, failed, hex, succeeded } from "./frame-vectors.ts"
import { concat, delimited, fixed64, int } from "./wire-bytes.ts"

/** Who sends which type (PROTOCOL A3): to the server, to the client, or both. */
const types: Readonly<Record<number, readonly [name: string, direction: string]>> = {
  0x00: ["proxy", "both"],
  0x10: ["ServerHello", "server-to-client"],
  0x11: ["ClientHello", "client-to-server"],
  0x12: ["ServerInfo", "server-to-client"],
  0x20: ["ReflectionQueueDry", "server-to-client"],
  0x21: ["RolePromotedToLeader", "server-to-client"],
  0x30: ["GetDevicesInfo", "client-to-server"],
  0x31: ["DevicesInfo", "server-to-client"],
  0x32: ["DropDevice", "client-to-server"],
  0x33: ["DropDeviceAck", "server-to-client"],
  0x34: ["SetSharedDeviceData", "client-to-server"],
  0x40: ["BeginTransaction", "client-to-server"],
  0x41: ["BeginTransactionAck", "server-to-client"],
  0x42: ["CommitTransaction", "client-to-server"],
  0x43: ["CommitTransactionAck", "server-to-client"],
  0x44: ["TransactionRejected", "server-to-client"],
  0x45: ["TransactionEnded", "server-to-client"],
  0x80: ["reflect", "client-to-server"],
  0x81: ["reflect-ack", "server-to-client"],
  0x82: ["reflected", "server-to-client"],
  0x83: ["reflected-ack", "client-to-server"]
}

interface Side {
  readonly to: string
  readonly decode: (bytes: Uint8Array) => Result.Result<ClientFrame | ServerFrame, DecodeError>
  readonly frames: typeof clientFrames | typeof serverFrames
}

const sides: ReadonlyArray<Side> = [
  { to: "server-to-client", decode: decodeServerFrame, frames: serverFrames },
  { to: "client-to-server", decode: decodeClientFrame, frames: clientFrames }
]

describe("types", () => {
  it("are declared once, with name and direction", () => {
    const declared = new Map([...clientFrames, ...serverFrames].map((schema) => [schema, containerInfo(schema)!]))
    assert.deepStrictEqual(
      Object.fromEntries([...declared.values()].map(({ direction, name, type }) => [type, [name, direction]])),
      { ...types } as never
    )
    assert.strictEqual(declared.size, 21)
    for (const { meaning } of declared.values()) assert.match(meaning, /^[A-Z].*[^.]$/)
  })

  it("lead to their frame, to Unknown, or to WrongDirection", () => {
    for (let type = 0; type < 256; type++) {
      for (const { decode, frames, to } of sides) {
        const result = decode(Uint8Array.of(type, 0, 0, 0))
        const [name, direction] = types[type] ?? []
        if (direction === undefined) {
          assert.deepStrictEqual(succeeded(result), { _tag: "Unknown", type, payload: new Uint8Array(0) })
        } else if (direction === to || direction === "both") {
          if (Result.isSuccess(result)) {
            const index = frames.findIndex((schema) => containerInfo(schema)!.name === name)
            assert.strictEqual(result.success._tag, frames[index]!.fields._tag.schema.literal)
          } else assert.include(["Truncated", "FieldLength"], failed(result).kind)
        } else {
          assert.deepInclude(failed(result), {
            kind: "WrongDirection",
            within: "container",
            field: "type",
            offset: 0,
            expected: `a type that ${to === "client-to-server" ? "a client" : "the mediator"} sends`,
            found: `0x${type.toString(16).padStart(2, "0")} (${name})`
          })
        }
      }
    }
  })

  it("that nobody defines keep their payload, and are written as they came but for reserved bytes", () => {
    const input = bytes("7f010203aabb")
    for (const [frame, written] of [
      [succeeded(decodeServerFrame(input)), encodeServerFrame],
      [succeeded(decodeClientFrame(input)), encodeClientFrame]
    ] as const) {
      if (frame._tag !== "Unknown") return assert.fail(frame._tag)
      assert.strictEqual(frame.payload.buffer, input.buffer)
      assert.strictEqual(hex(written(frame)), "7f000000aabb")
    }
  })
})

describe("lengths", () => {
  it("below the container header are refused", () => {
    for (let length = 0; length < 4; length++) {
      for (const { decode } of sides) {
        const error = failed(decode(new Uint8Array(length)))
        assert.deepInclude(error, { kind: "FrameTooShort", within: "container", offset: length })
        assert.strictEqual(error.found, `${length} bytes`)
      }
    }
  })

  it("up to the limit are read, and one more is refused", () => {
    for (const type of [0x00, 0x7f]) {
      const frame = new Uint8Array(Limits.frame + 1)
      frame[0] = type
      for (const { decode } of sides) {
        const largest = succeeded(decode(frame.subarray(0, Limits.frame)))
        const payload = largest._tag === "Proxy" ? largest.data : largest._tag === "Unknown" ? largest.payload : frame
        assert.strictEqual(payload.length, Limits.payload)
        const error = failed(decode(frame))
        assert.deepInclude(error, { kind: "FrameTooLong", within: "container", offset: Limits.frame })
        assert.deepInclude(error, { expected: "at most 65536 bytes", found: "65537 bytes" })
      }
    }
  })
})

describe("protobuf frames", () => {
  it("begin behind the container header, and offsets count from its start", () => {
    const frame = concat([0x45, 9, 9, 9], fixed64(1, 42n), delimited(2, [1, 2]))
    const backing = new Uint8Array(frame.length + 5)
    backing.set(frame, 5)
    const ended = succeeded(decodeServerFrame(backing.subarray(5)))
    assert.deepStrictEqual(ended, {
      _tag: "TransactionEnded",
      deviceId: DeviceId.make(42n),
      encryptedScope: Box.make("dgtsk", Uint8Array.of(1, 2))
    })
    if (ended._tag !== "TransactionEnded") return assert.fail(ended._tag)
    assert.strictEqual(ended.encryptedScope.buffer, backing.buffer)
    assert.strictEqual(ended.encryptedScope.byteOffset, 5 + 15)
    const error = failed(decodeServerFrame(frame.subarray(0, 15)))
    assert.deepInclude(error, {
      kind: "Truncated",
      within: "d2m.TransactionEnded",
      field: "encryptedScope",
      offset: 13
    })
  })

  it("without fields have an empty payload, but one is read past", () => {
    assert.strictEqual(hex(encodeClientFrame(GetDevicesInfo.make({}))), "30000000")
    assert.deepStrictEqual(succeeded(decodeClientFrame(bytes("300000000801"))), GetDevicesInfo.make({}))
    assert.strictEqual(failed(decodeClientFrame(bytes("3000000008"))).kind, "Truncated")
  })

  it("have their bytes of fixed length, or are refused", () => {
    const key = new Uint8Array(32)
    assert.deepInclude(failed(decodeServerFrame(concat([0x10, 0, 0, 0], delimited(2, key)))), {
      kind: "FieldLength",
      field: "challenge",
      found: "no such field"
    })
    assert.deepInclude(failed(decodeClientFrame(concat([0x11, 0, 0, 0], int(1, 0), delimited(2, key)))), {
      kind: "FieldLength",
      field: "response",
      offset: 6,
      expected: "72 bytes",
      found: "32 bytes"
    })
  })

  it("DevicesInfo: ids are whole, the state is a choice", () => {
    const entry = (id: bigint, ...value: ReadonlyArray<Uint8Array>) =>
      delimited(1, fixed64(1, id), delimited(2, ...value))
    const frame = concat(
      [0x31, 0, 0, 0],
      entry(2n ** 64n - 1n, delimited(1, [7]), int(2, 1_700_000_000_000n), int(3, 1)),
      entry(1n, int(4, 5)),
      entry(1n, int(4, 6), int(2, 7)),
      entry(3n)
    )
    const info = succeeded(decodeServerFrame(frame))
    const policy = { deviceSlotExpirationPolicy: 0, encryptedDeviceInfo: Box.make("dgdik", new Uint8Array(0)) }
    const expected = DevicesInfo.make({
      augmentedDeviceInfo: new Map<DeviceId, AugmentedDeviceInfo>([
        [
          DeviceId.make(2n ** 64n - 1n),
          {
            encryptedDeviceInfo: Box.make("dgdik", Uint8Array.of(7)),
            connectionState: { _tag: "connectedSince", value: 1_700_000_000_000n },
            deviceSlotExpirationPolicy: 1
          }
        ],
        [DeviceId.make(1n), { ...policy, connectionState: { _tag: "connectedSince", value: 7n } }],
        [DeviceId.make(3n), policy]
      ])
    })
    assert.deepStrictEqual(info, expected)
    assert.deepStrictEqual(succeeded(decodeServerFrame(encodeServerFrame(expected))), expected)
  })
})

describe("flags", () => {
  it("are ephemeral by their lowest bit", () => {
    assert.strictEqual(ReflectFlags.ephemeral, 1)
    assert.deepStrictEqual([0, 1, 2, 3, 0xfffe, 0xffff].map(isEphemeral), [false, true, false, true, false, true])
  })
})

describe("the unions", () => {
  it("have a case for each frame of their direction, and Unknown", () => {
    const tags = (
      frames: ReadonlyArray<{ readonly fields: { readonly _tag: { readonly schema: { literal: string } } } }>
    ) => frames.map(({ fields }) => fields._tag.schema.literal)
    assert.deepStrictEqual(Object.keys(ClientFrame.cases), [...tags(clientFrames), "Unknown"])
    assert.deepStrictEqual(Object.keys(ServerFrame.cases), [...tags(serverFrames), "Unknown"])
    assert.deepStrictEqual([clientFrames.length, serverFrames.length], [9, 13])
  })

  it("match and guard by tag", () => {
    const name = ClientFrame.match({
      Proxy: ({ data }) => `proxy ${data.length}`,
      ClientHello: () => "hello",
      GetDevicesInfo: () => "list",
      DropDevice: ({ deviceId }) => `drop ${deviceId}`,
      SetSharedDeviceData: () => "shared",
      BeginTransaction: ({ ttl }) => `begin ${ttl}`,
      CommitTransaction: () => "commit",
      Reflect: ({ reflectId }) => `reflect ${reflectId}`,
      ReflectedAck: ({ reflectedId }) => `ack ${reflectedId}`,
      Unknown: ({ type }) => `unknown ${type}`
    })
    assert.strictEqual(name(ClientFrame.cases.DropDevice.make({ deviceId: DeviceId.make(5n) })), "drop 5")
    assert.strictEqual(
      name(ClientFrame.cases.BeginTransaction.make({ encryptedScope: Box.make("dgtsk", bytes("00")) })),
      "begin 0"
    )
    assert.strictEqual(name(succeeded(decodeClientFrame(bytes("7f000000")))), "unknown 127")
    const dry = succeeded(decodeServerFrame(bytes("20000000")))
    assert.isTrue(ServerFrame.guards.ReflectionQueueDry(dry))
    assert.isFalse(ServerFrame.guards.RolePromotedToLeader(dry))
  })
})
