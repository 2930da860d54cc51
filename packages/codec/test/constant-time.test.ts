/**
 * What can be tested of "compares in constant time": that the challenge is compared by the primitive made for it and by
 * nothing else, and that this primitive looks at the same bytes wherever the first difference lies. No clock is read.
 */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { makeCrypto } from "../src/Crypto.ts"
import { DeviceGroupKey } from "../src/DeviceGroupKey.ts"
import { tweetNacl } from "../src/TweetNacl.ts"

const nonce = new Uint8Array(24).fill(3)
const challenge = Uint8Array.from({ length: 32 }, (_, index) => index)

/** Bytes that keep count of how often each of them is read. */
const counted = (bytes: Uint8Array) => {
  const reads = Array.from(bytes, () => 0)
  const proxy = new Proxy(bytes, {
    get: (target, name) => {
      if (typeof name === "string" && /^\d+$/.test(name)) reads[Number(name)]!++
      return Reflect.get(target, name)
    }
  })
  return { proxy, reads }
}

describe("comparing in constant time", () => {
  it("reads every byte once, whether the first differs, or the last, or none", () => {
    for (const differing of [undefined, 0, 15, 31]) {
      const other = challenge.slice()
      if (differing !== undefined) other[differing]! ^= 1
      const [a, b] = [counted(challenge), counted(other)]
      assert.strictEqual(tweetNacl.equals(a.proxy, b.proxy), differing === undefined)
      assert.deepStrictEqual(
        a.reads,
        Array.from({ length: 32 }, () => 1),
        `${differing}`
      )
      assert.deepStrictEqual(
        b.reads,
        Array.from({ length: 32 }, () => 1),
        `${differing}`
      )
    }
  })

  it("is the only thing that decides about the answer to a challenge", () => {
    const compared: Array<readonly [number, number]> = []
    let verdict = true
    const crypto = makeCrypto({
      ...tweetNacl,
      equals: (a, b) => {
        // The zero point of a low-order key is looked for by the same primitive.
        if (b.every((byte) => byte === 0)) return false
        compared.push([a.length, b.length])
        return verdict
      }
    })
    const keys = crypto.deriveKeys(DeviceGroupKey.make(new Uint8Array(32).fill(9)))
    const esk = crypto.ephemeralKey(new Uint8Array(32).fill(1))
    const answerTo = (question: Uint8Array) =>
      Result.getOrThrow(crypto.answerChallenge(keys, { esk: esk.public, challenge: question }, nonce))
    const verify = (question: Uint8Array) => crypto.verifyResponse(keys.groupId, esk, challenge, answerTo(question))

    // Whatever lies inside the box, first byte wrong or last byte wrong, gets to the comparison with all of its bytes.
    const questions = [challenge, ...[0, 31].map((at) => challenge.map((byte, index) => (index === at ? ~byte : byte)))]
    for (const question of questions) assert.isTrue(verify(question))
    verdict = false
    for (const question of questions) assert.isFalse(verify(question))
    assert.deepStrictEqual(
      compared,
      Array.from({ length: 6 }, () => [32, 32])
    )
  })
})
