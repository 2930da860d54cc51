import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Box } from "../src/Box.ts"
import { makeCrypto } from "../src/Crypto.ts"
import { BoxKey, DeviceGroupKey } from "../src/DeviceGroupKey.ts"
import {
  type ByteField,
  type ByteMap,
  explainClientFrame,
  explainServerFrame,
  frameFieldsJson,
  messageFieldsJson,
  openedJson,
  openWith
} from "../src/explain.ts"
import { decodeClientFrame } from "../src/ClientFrame.ts"
import { DevicesInfo } from "../src/frames/Devices.ts"
import { DeviceId } from "../src/Scalars.ts"
import * as D2d from "../src/messages/D2d.ts"
import { decodeMessage } from "../src/ProtobufCodec.ts"
import { decodeServerFrame, encodeServerFrame } from "../src/ServerFrame.ts"
import { tweetNacl } from "../src/TweetNacl.ts"
import { keysVector } from "./crypto-vectors.ts"
import { assertTiles, everyField, fieldNamed } from "./explain-support.ts"
import { bytes, type Fields, frameBytes, frameVector, hex, mentioned, succeeded, vectors } from "./frame-vectors.ts"

const crypto = makeCrypto(tweetNacl)
const openerOf = (id: string) => openWith(crypto, crypto.deriveKeys(DeviceGroupKey.make(bytes(keysVector(id).dgk))))
const open = openerOf("dgk1")

const plaintextOf = (field: ByteField): ByteMap => {
  if (field.opened === undefined || Result.isFailure(field.opened)) return assert.fail("not opened")
  return field.opened.success
}

describe("boxes in byte maps", () => {
  it("are nonce, tag and ciphertext, closed without a key", () => {
    const map = explainServerFrame(frameBytes(frameVector("reflected")))
    assertTiles(map)
    assert.deepStrictEqual(
      fieldNamed(map, "envelope").fields.map(({ length, name, offset, role }) => [role, name, offset, length]),
      [
        ["nonce", "nonce", 20, 24],
        ["mac", "tag", 44, 16],
        ["ciphertext", "ciphertext", 60, 114]
      ]
    )
    assert.isUndefined(fieldNamed(map, "ciphertext").opened)
  })

  it("open into the tree of their plaintext, which has offsets of its own", () => {
    const map = explainServerFrame(frameBytes(frameVector("reflected")), { open })
    assertTiles(map)
    const plaintext = plaintextOf(fieldNamed(map, "ciphertext"))
    assertTiles(plaintext)
    assert.strictEqual(plaintext.name, "d2d.Envelope")
    assert.strictEqual(hex(plaintext.bytes), vectors.envelopes[0]!.plaintext)
    assert.strictEqual(fieldNamed(plaintext, "contact").value, "ECHOECHO")
    assert.strictEqual(fieldNamed(plaintext, "padding").offset, 0)
  })

  it("say why they do not open", () => {
    const map = explainServerFrame(frameBytes(frameVector("reflected")), { open: openerOf("dgk2") })
    const { opened } = fieldNamed(map, "ciphertext")
    assert.isTrue(opened !== undefined && Result.isFailure(opened) && opened.failure.reason === "Forged")
  })

  it("of ClientHello: the device info opens, the answer to the challenge needs the mediator's key", () => {
    const map = explainClientFrame(frameBytes(frameVector("client-hello-reject-volatile-new")), { open })
    const [response, info] = everyField(map).filter(({ role }) => role === "ciphertext")
    assert.isUndefined(response!.opened)
    assert.include(response!.meaning, "DGPK and ESK")
    assert.strictEqual(fieldNamed(plaintextOf(info!), "label").value, "PC at Work")
  })

  it("too short or empty are no boxes", () => {
    const short = explainClientFrame(bytes(`400000000a03${"aa".repeat(3)}`), { open })
    assertTiles(short)
    assert.include(fieldNamed(short, "encryptedScope").note, "40 bytes")
    const empty = explainServerFrame(bytes("120000001a00"), { open })
    assertTiles(empty)
    assert.isUndefined(fieldNamed(empty, "encryptedSharedDeviceData").note)
  })

  it("with a plaintext that is no message show as much of it as can be read", () => {
    const dgtsk = BoxKey.make("dgtsk", bytes(keysVector("dgk1").dgtsk))
    const box = crypto.seal(dgtsk, new Uint8Array(24), Uint8Array.of(0x08, 0x05, 0xff))
    const map = explainClientFrame(Uint8Array.of(0x40, 0, 0, 0, 0x0a, box.length, ...box), { open })
    const plaintext = plaintextOf(fieldNamed(map, "ciphertext"))
    assertTiles(plaintext)
    assert.strictEqual(fieldNamed(plaintext, "scope").value, 5)
    assert.strictEqual(plaintext.error?.within, "d2d.TransactionScope")
    assert.strictEqual(fieldNamed(plaintext, "unread").offset, 2)
    // Of the frame itself nothing is wrong.
    assert.isUndefined(map.error)
  })
})

describe("opened boxes as JSON", () => {
  const opened = (id: string, opener = open) => {
    const vector = frameVector(id)
    const input = frameBytes(vector)
    const frame = vector.direction === "c2s" ? decodeClientFrame(input) : decodeServerFrame(input)
    return openedJson(succeeded<Parameters<typeof openedJson>[0]>(frame), opener)
  }

  it("an envelope, by the name of its field", () => {
    const recorded = vectors.envelopes.find(({ id }) => id === "outgoing-text")!.fields
    for (const id of ["reflect", "reflected", "reflect-long-header", "reflected-ephemeral"]) {
      const { opened: boxes, unopened } = opened(id)
      assert.deepStrictEqual(Object.keys(boxes), ["envelope"])
      assert.deepStrictEqual(mentioned(boxes["envelope"] as Fields, recorded), recorded)
      assert.deepStrictEqual(unopened, {})
    }
  })

  it("device info, shared data, scopes", () => {
    assert.deepInclude(opened("client-hello-reject-volatile-new").opened["encryptedDeviceInfo"], { platform: 3 })
    assert.deepInclude(opened("server-info-existing").opened["encryptedSharedDeviceData"], { version: 3 })
    for (const id of ["begin-transaction-ttl0", "transaction-rejected"]) {
      assert.deepStrictEqual(opened(id).opened, { encryptedScope: { scope: 4 } })
    }
    assert.deepStrictEqual(opened("server-info-new"), { opened: {}, unopened: {} })
    assert.deepStrictEqual(opened("container-unknown-type"), { opened: {}, unopened: {} })
  })

  it("device infos by device", () => {
    const boxed = (bytes: Uint8Array) => Box.make("dgdik", bytes)
    const box = bytes(vectors.encrypted.find(({ id }) => id === "device-info-no-padding")!["ciphertext" as never])
    const frame = DevicesInfo.make({
      augmentedDeviceInfo: new Map([
        [DeviceId.make(7n), { encryptedDeviceInfo: boxed(box), deviceSlotExpirationPolicy: 1 }],
        [DeviceId.make(8n), { encryptedDeviceInfo: boxed(box.with(50, 0)), deviceSlotExpirationPolicy: 0 }],
        [DeviceId.make(9n), { encryptedDeviceInfo: boxed(new Uint8Array(0)), deviceSlotExpirationPolicy: 0 }]
      ])
    })
    const decoded = succeeded(decodeServerFrame(encodeServerFrame(frame)))
    const { opened: boxes, unopened } = openedJson(decoded, open)
    assert.deepStrictEqual(boxes, {
      augmentedDeviceInfo: {
        "7": {
          encryptedDeviceInfo: {
            paddingHex: "",
            platform: 3,
            platformDetails: "Electron 30 on Linux",
            appVersion: "2.0-beta46",
            label: "PC at Work"
          }
        }
      }
    })
    assert.deepStrictEqual(unopened, {
      augmentedDeviceInfo: {
        "8": {
          encryptedDeviceInfo: { _tag: "BoxError", reason: "a box of 88 bytes does not open with this key" }
        }
      }
    })
  })

  it("what does not open, or opens into no message, is told apart, and no error holds the plaintext", () => {
    const { opened: boxes, unopened } = opened("reflected", openerOf("dgk2"))
    assert.deepStrictEqual(boxes, {})
    assert.deepStrictEqual(unopened, {
      envelope: { _tag: "BoxError", reason: "a box of 154 bytes does not open with this key" }
    })
    const dgrk = BoxKey.make("dgrk", bytes(keysVector("dgk1").dgrk))
    const secret = "attack at dawn"
    const box = crypto.seal(dgrk, new Uint8Array(24), Uint8Array.from(Buffer.from(`\u0012\u007f${secret}`)))
    const garbage = openedJson({ _tag: "Reflect", flags: 0, reflectId: 1 as never, envelope: box }, open)
    assert.deepStrictEqual(garbage.opened, {})
    const text = JSON.stringify(garbage.unopened)
    assert.match(text, /"_tag":"DecodeError","offset":\d+,"reason":"d2d\.Envelope/)
    assert.notInclude(text, secret)
    assert.notInclude(text, hex(Uint8Array.from(Buffer.from(secret))))
    assert.notInclude(text, "attack")
  })
})

describe("fields as JSON", () => {
  it("are exactly what was recorded", () => {
    for (const vector of vectors.frames) {
      if (!vector.valid) continue
      const input = frameBytes(vector)
      const frame = succeeded<Parameters<typeof openedJson>[0]>(
        vector.direction === "c2s" ? decodeClientFrame(input) : decodeServerFrame(input)
      )
      // The record of the largest frame leaves out what is zero.
      const zeros = vector.build === undefined ? {} : { flags: 0, timestamp: "0" }
      assert.deepStrictEqual(
        frameFieldsJson(frame),
        { name: vector.name, fields: { ...zeros, ...vector.fields } },
        vector.id
      )
    }
  })

  it("an envelope of more than 1 KiB is told by its length", () => {
    const frame = (length: number) =>
      frameFieldsJson({
        _tag: "Reflect",
        flags: 0,
        reflectId: 1 as never,
        envelope: Box.make("dgrk", new Uint8Array(length))
      }).fields
    assert.deepStrictEqual(frame(1024), { flags: 0, reflectId: 1, envelopeHex: "00".repeat(1024) })
    assert.deepStrictEqual(frame(1025), { flags: 0, reflectId: 1, envelopeLength: 1025 })
    const proxy = frameFieldsJson({ _tag: "Proxy", data: new Uint8Array(2000) }).fields
    assert.deepStrictEqual(proxy, { dataHex: "00".repeat(2000) })
  })

  it("messages are written as the envelopes were recorded", () => {
    for (const vector of vectors.envelopes) {
      const decoded = succeeded(decodeMessage(D2d.Envelope, bytes(vector.plaintext)))
      const json = messageFieldsJson(D2d.Envelope, decoded) as Fields
      const { content, deviceId } = vector.fields
      assert.strictEqual(json["content"], content)
      if (deviceId !== undefined) assert.strictEqual(json["deviceId"], deviceId)
      // The record has the keys of a map in camel case, which are data: the bytes say `th_nickname`.
      if (vector.id === "mdm-parameter-sync") continue
      const member = vector.fields[content as string]
      if (member !== undefined) assert.deepStrictEqual(mentioned(json[content as string]!, member), member)
    }
  })

  it("map keys that mean something to JavaScript are keys like others", () => {
    const decoded = succeeded(
      decodeMessage(D2d.Envelope, bytes(vectors.envelopes.find(({ id }) => id === "mdm-parameter-sync")!.plaintext))
    )
    assert.include(JSON.stringify(messageFieldsJson(D2d.Envelope, decoded)), '"th_nickname":{"stringValue":"x"}')
    const info = DevicesInfo.make({ augmentedDeviceInfo: new Map() })
    assert.deepStrictEqual(frameFieldsJson(info).fields, { augmentedDeviceInfo: {} })
  })
})
