import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Box } from "../src/Box.ts"
import { encodeClientFrame } from "../src/ClientFrame.ts"
import { makeCrypto } from "../src/Crypto.ts"
import { BoxKey } from "../src/DeviceGroupKey.ts"
import { Reflect } from "../src/frames/Reflection.ts"
import { Limits } from "../src/Limits.ts"
import { encodeReflectInPlace, reflectEnvelopeAt } from "../src/ReflectInPlace.ts"
import { bytes, clientFrames } from "../src/testing.ts"
import { tweetNacl } from "../src/TweetNacl.ts"
import { hex } from "./frame-vectors.ts"

const encoded = encodeClientFrame

describe("a reflect around an envelope in its place", () => {
  it.prop(
    "is the frame that the compiled encoder writes, whatever was in memory before",
    { frame: clientFrames.Reflect, before: bytes(12) },
    ({ before, frame }) => {
      const memory = new Uint8Array(reflectEnvelopeAt + frame.envelope.length).fill(0xee)
      memory.set(before)
      memory.set(frame.envelope, reflectEnvelopeAt)
      encodeReflectInPlace(memory, frame.flags, frame.reflectId)
      assert.strictEqual(hex(memory), hex(encoded(frame)))
    },
    { arbitrary: { runs: 500, size: 60, seed: 12 } }
  )

  it("may lie anywhere in a larger piece of memory", () => {
    const memory = new Uint8Array(100).fill(0xaa)
    const frame = Reflect.make({
      flags: 0xfeff,
      reflectId: 0x8765_4321 as never,
      envelope: Box.make("dgrk", memory.slice(0, 30))
    })
    encodeReflectInPlace(memory.subarray(10, 52), frame.flags, frame.reflectId)
    assert.strictEqual(hex(memory.subarray(10, 52)), hex(encoded(frame)))
    assert.isTrue(memory.subarray(0, 10).every((byte) => byte === 0xaa))
    assert.isTrue(memory.subarray(52).every((byte) => byte === 0xaa))
  })

  it("can be sealed straight into the frame", () => {
    const crypto = makeCrypto(tweetNacl)
    const key = BoxKey.make("dgrk", new Uint8Array(32).fill(3))
    const nonce = new Uint8Array(24).fill(4)
    const plain = new Uint8Array(200).fill(5)
    const memory = new Uint8Array(reflectEnvelopeAt + Limits.boxOverhead + plain.length)
    crypto.sealInto(key, nonce, plain, memory, reflectEnvelopeAt)
    encodeReflectInPlace(memory, 1, 7 as never)
    const envelope = crypto.seal(key, nonce, plain)
    assert.strictEqual(hex(memory), hex(encoded(Reflect.make({ flags: 1, reflectId: 7 as never, envelope }))))
    assert.deepStrictEqual(
      Result.getOrThrow(crypto.open(key, Box.make("dgrk", memory.subarray(reflectEnvelopeAt)))),
      plain
    )
  })

  it("needs room for its header", () => {
    assert.throws(() => encodeReflectInPlace(new Uint8Array(11), 0, 0 as never), RangeError)
    encodeReflectInPlace(new Uint8Array(12), 0, 0 as never)
  })
})
