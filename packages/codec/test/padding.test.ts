import { assert, describe, it } from "@effect/vitest"
import { Limits } from "../src/Limits.ts"
import * as D2d from "../src/messages/D2d.ts"
import { encodePadded } from "../src/Padding.ts"
import { decodeMessage, encodeMessage } from "../src/ProtobufCodec.ts"
import { hex, succeeded } from "./frame-vectors.ts"
import { delimited } from "./wire-bytes.ts"

const envelope = (body: number, padding = new Uint8Array(0)): D2d.Envelope =>
  D2d.Envelope.make({
    padding,
    deviceId: 7n,
    content: { _tag: "outgoingMessage", value: D2d.OutgoingMessage.make({ body: new Uint8Array(body).fill(0xbb) }) }
  })

const decode = (bytes: Uint8Array): D2d.Envelope => succeeded(decodeMessage(D2d.Envelope, bytes))

it("is the padding field ahead of the others, zeros of the asked length", () => {
  for (let length = 0; length <= 255; length++) {
    const bare = encodeMessage(D2d.Envelope, envelope(3))
    const padded = encodePadded(D2d.Envelope, envelope(3), length, Limits.plainEnvelope)
    const field = length === 0 ? "" : hex(delimited(1, new Uint8Array(length)))
    assert.strictEqual(hex(padded), field + hex(bare))
    assert.deepStrictEqual(decode(padded), envelope(3, new Uint8Array(length)))
  }
})

it("can be long", () => {
  for (const length of [256, 16_383, 16_384, 60_000]) {
    const padded = encodePadded(D2d.Envelope, envelope(3), length, Limits.plainEnvelope)
    assert.strictEqual(decode(padded).padding.length, length)
  }
})

it("replaces padding that is there", () => {
  const value = envelope(3, new Uint8Array(9).fill(9))
  assert.deepStrictEqual(decode(encodePadded(D2d.Envelope, value, 2, 1000)), envelope(3, new Uint8Array(2)))
  assert.deepStrictEqual(decode(encodePadded(D2d.Envelope, value, 0, 1000)), envelope(3))
  assert.strictEqual(value.padding.length, 9)
})

it("works for each message that is padded", () => {
  const info = D2d.DeviceInfo.make({ label: "PC" })
  assert.strictEqual(hex(encodePadded(D2d.DeviceInfo, info, 2, 100)), "0a0200002a025043")
  const shared = D2d.SharedDeviceData.make({ version: 3 })
  assert.strictEqual(hex(encodePadded(D2d.SharedDeviceData, shared, 1, 100)), "0a01001003")
})

describe("near the limit", () => {
  const content = encodeMessage(D2d.Envelope, envelope(10)).length

  it("shrinks so that the whole never exceeds it, and fills it where it can", () => {
    const rooms = Array.from({ length: 400 }, (_, room) => room)
    for (const room of [...rooms, 16_385, 16_386, 16_387, 16_388, 16_389]) {
      for (const length of [0, 1, 2, 125, 126, 127, 128, 129, 255, 300, 20_000]) {
        const padded = encodePadded(D2d.Envelope, envelope(10), length, content + room)
        assert.isAtMost(padded.length, content + room)
        const value = decode(padded)
        assert.isAtMost(value.padding.length, length)
        if (value.padding.length < length) {
          // One byte too many for a length of one byte, or two, and one too few for a longer one.
          const free = room <= 2 ? room : room === 130 || room === 16_387 ? 1 : 0
          assert.strictEqual(padded.length, content + room - free, `${length} in ${room}`)
        }
      }
    }
  })

  it("fills an envelope of the largest size exactly", () => {
    for (const length of [1, 126, 127, 128, 255]) {
      const overhead = length < 128 ? 2 : 3
      const wanted = Limits.plainEnvelope - length - overhead
      const value = envelope(wanted - (encodeMessage(D2d.Envelope, envelope(60_000)).length - 60_000))
      assert.strictEqual(encodeMessage(D2d.Envelope, value).length, wanted)
      assert.strictEqual(encodePadded(D2d.Envelope, value, 255, Limits.plainEnvelope).length, Limits.plainEnvelope)
    }
  })

  it("is none where there is no room, or less than none", () => {
    const bare = hex(encodeMessage(D2d.Envelope, envelope(10)))
    for (const limit of [content + 2, content + 1, content, content - 1, 0]) {
      assert.strictEqual(hex(encodePadded(D2d.Envelope, envelope(10), 255, limit)), bare)
    }
  })
})
