import { assert, describe, it } from "@effect/vitest"
import { makeCrypto } from "../src/Crypto.ts"
import { BoxKey } from "../src/DeviceGroupKey.ts"
import { Limits } from "../src/Limits.ts"
import { tweetNacl } from "../src/TweetNacl.ts"
import { vectors } from "./crypto-vectors.ts"

describe("Limits", () => {
  it("are the sizes that the vectors name", () => {
    const sizes = vectors.sizeLimits
    assert.strictEqual(Limits.frame, sizes.container)
    assert.strictEqual(Limits.payload, sizes.payload)
    assert.strictEqual(Limits.envelope, sizes.reflectedEnvelopeEncrypted)
    assert.strictEqual(Limits.reflectEnvelope, sizes.reflectEnvelopeEncrypted)
    assert.strictEqual(Limits.plainEnvelope, sizes.plainEnvelopeActual)
  })

  it("are the numbers of the protocol", () => {
    assert.deepStrictEqual(
      { ...Limits },
      {
        frame: 65_536,
        containerHeader: 4,
        payload: 65_532,
        reflectHeader: 8,
        reflectedHeader: 16,
        reflectEnvelope: 65_524,
        envelope: 65_516,
        plainEnvelope: 65_476,
        boxOverhead: 40,
        nonce: 24,
        mac: 16,
        key: 32,
        challenge: 32,
        response: 72,
        closeReason: 123
      }
    )
  })

  it("let the largest plain envelope fill a reflected frame exactly", () => {
    const key = BoxKey.make("dgrk", new Uint8Array(32).fill(1))
    const box = makeCrypto(tweetNacl).seal(key, new Uint8Array(Limits.nonce), new Uint8Array(Limits.plainEnvelope))
    assert.strictEqual(Limits.containerHeader + Limits.reflectedHeader + box.length, Limits.frame)
  })
})
