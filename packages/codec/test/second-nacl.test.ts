import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result } from "effect"
import sodium, { ready } from "libsodium-wrappers"
import { Box } from "../src/Box.ts"
import { makeCrypto } from "../src/Crypto.ts"
import { BoxKey, DeviceGroupKey } from "../src/DeviceGroupKey.ts"
import { Limits } from "../src/Limits.ts"
import { bytes, bytesOfLength } from "../src/testing.ts"
import { tweetNacl } from "../src/TweetNacl.ts"

await ready

const crypto = makeCrypto(tweetNacl)
const key32 = bytesOfLength(32)
const nonce = bytesOfLength(24)
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex")
const joined = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(parts))
const altered = (data: Uint8Array, at: number): Uint8Array => {
  const other = data.slice()
  other[at % data.length]! ^= 1 << (at % 8)
  return other
}
const runs = { arbitrary: { runs: 150, size: 60, seed: 3 } }

describe("boxes, by libsodium", () => {
  const box = { key: key32, nonce, plain: bytes(Limits.plainEnvelope) }

  it.prop(
    "are the same, byte for byte, and open both ways",
    box,
    ({ key, nonce, plain }) => {
      const ours = crypto.seal(BoxKey.make("dgrk", key), nonce, plain)
      const theirs = Box.make("dgrk", joined(nonce, sodium.crypto_secretbox_easy(plain, nonce, key)))
      assert.strictEqual(hex(ours), hex(theirs))
      const opened = crypto.open(BoxKey.make("dgrk", key), theirs)
      assert.isTrue(Result.isSuccess(opened) && Buffer.compare(opened.success, plain) === 0)
      const sealed = ours.subarray(Limits.nonce)
      assert.strictEqual(Buffer.compare(sodium.crypto_secretbox_open_easy(sealed, nonce, key), plain), 0)
    },
    runs
  )

  it.prop(
    "are refused by both when a bit is changed",
    { ...box, plain: bytes(200), at: bytesOfLength(2) },
    ({ at, key, nonce, plain }) => {
      const forged = altered(crypto.seal(BoxKey.make("dgdik", key), nonce, plain), at[0]! * 256 + at[1]!)
      assert.isTrue(Result.isFailure(crypto.open(BoxKey.make("dgdik", key), Box.make("dgdik", forged))))
      assert.throws(() =>
        sodium.crypto_secretbox_open_easy(forged.subarray(Limits.nonce), forged.subarray(0, Limits.nonce), key)
      )
    },
    runs
  )
})

describe("the challenge, by libsodium", () => {
  const handshake = { dgk: key32, secret: key32, challenge: key32, nonce }

  it.prop(
    "is answered with the same bytes and verified both ways",
    handshake,
    ({ challenge, dgk, nonce, secret }) => {
      const keys = crypto.deriveKeys(DeviceGroupKey.make(dgk))
      const dgpk = Redacted.value(keys.dgpk)
      const esk = crypto.ephemeralKey(secret)
      assert.strictEqual(hex(keys.groupId), hex(sodium.crypto_scalarmult_base(dgpk)))
      assert.strictEqual(hex(esk.public), hex(sodium.crypto_scalarmult_base(secret)))

      const ours = Result.getOrThrow(crypto.answerChallenge(keys, { esk: esk.public, challenge }, nonce))
      const theirs = joined(nonce, sodium.crypto_box_easy(challenge, nonce, esk.public, dgpk))
      assert.strictEqual(hex(ours), hex(theirs))
      assert.isTrue(crypto.verifyResponse(keys.groupId, esk, challenge, theirs))
      const answer = ours.subarray(Limits.nonce)
      assert.strictEqual(hex(sodium.crypto_box_open_easy(answer, nonce, keys.groupId, secret)), hex(challenge))
      assert.isFalse(crypto.verifyResponse(keys.groupId, esk, altered(challenge, 5), theirs))
      assert.isFalse(crypto.verifyResponse(keys.groupId, esk, challenge, altered(theirs, 40)))
    },
    { arbitrary: { runs: 25, seed: 3 } }
  )

  it.prop(
    "has the same key between, which is that of the other side",
    { one: key32, other: key32 },
    ({ one, other }) => {
      const shared = tweetNacl.hsalsa20(tweetNacl.x25519(one, tweetNacl.x25519Public(other)))
      assert.strictEqual(hex(shared), hex(sodium.crypto_box_beforenm(sodium.crypto_scalarmult_base(other), one)))
      assert.strictEqual(hex(shared), hex(sodium.crypto_box_beforenm(sodium.crypto_scalarmult_base(one), other)))
    },
    { arbitrary: { runs: 25, seed: 3 } }
  )

  it("is not answered for a point of low order", () => {
    const keys = crypto.deriveKeys(DeviceGroupKey.make(new Uint8Array(32).fill(7)))
    for (const first of [0, 1]) {
      const point = new Uint8Array(32)
      point[0] = first
      const answer = crypto.answerChallenge(keys, { esk: point, challenge: point }, new Uint8Array(24))
      assert.isTrue(Result.isFailure(answer) && answer.failure._tag === "LowOrderPoint")
      assert.throws(() => sodium.crypto_box_easy(point, new Uint8Array(24), point, Redacted.value(keys.dgpk)))
    }
  })
})
