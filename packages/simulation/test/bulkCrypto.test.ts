import { Box, type BoxKey, Crypto, DeviceGroupKey } from "@d2m/codec"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { layerBulkCrypto, Prng } from "../src/index.ts"

type Service = Crypto["Service"]

const serviceOf = (kind: "real" | "bulk"): Service =>
  Effect.runSync(Effect.provide(Crypto, kind === "real" ? Crypto.layer : layerBulkCrypto))

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

/** What becomes of these bytes under this key, taken for a box that it seals. */
const opens = (crypto: Service, key: BoxKey, bytes: Uint8Array): string => {
  const opened = crypto.open(key, Box.make(key.label, bytes))
  return Result.isSuccess(opened) ? hex(opened.success) : opened.failure._tag
}

const lengths = [0, 1, 2, 3, 4, 5, 31, 32, 33, 255, 1_000]

/** Everything that can be seen of a service without knowing which it is. */
for (const kind of ["real", "bulk"] as const) {
  describe(`${kind} cryptography`, () => {
    const crypto = serviceOf(kind)
    const prng = Prng.make(7)
    const groupOf = (byte: number) => crypto.deriveKeys(DeviceGroupKey.make(new Uint8Array(32).fill(byte)))
    const keys = groupOf(1)
    const others = groupOf(2)

    it("makes boxes that are 40 bytes longer, begin with the nonce, and open to what was sealed", () => {
      for (const length of lengths) {
        const plain = prng.bytes(length)
        const nonce = prng.bytes(24)
        const box = crypto.seal(keys.dgrk, nonce, plain)
        assert.strictEqual(box.length, length + 40)
        assert.strictEqual(hex(box.subarray(0, 24)), hex(nonce))
        const before = hex(box)
        assert.strictEqual(opens(crypto, keys.dgrk, box), hex(plain))
        assert.strictEqual(hex(box), before)
      }
    })

    it("opens each box into memory of its own, which nobody writes to again", () => {
      const opened = Array.from({ length: 400 }, (_, n) => {
        const plain = prng.bytes([0, 1, 100, 1_000, 8_192, 8_193][n % 6]!)
        const box = crypto.seal(keys.dgrk, prng.bytes(24), plain)
        const kept = Result.getOrThrow(crypto.open(keys.dgrk, box))
        box.fill(0xff)
        return { plain, kept }
      })
      opened.forEach(({ kept }, n) => n % 2 === 0 && kept.fill(0xee))
      opened.forEach(({ kept, plain }, n) => n % 2 === 1 && assert.strictEqual(hex(kept), hex(plain), `box ${n}`))
    })

    it("seals the same into a place, from outside of it and within", () => {
      const plain = prng.bytes(100)
      const nonce = prng.bytes(24)
      const box = hex(crypto.seal(keys.dgrk, nonce, plain))
      const target = new Uint8Array(160)
      crypto.sealInto(keys.dgrk, nonce, plain, target, 7)
      assert.strictEqual(hex(target.subarray(7, 147)), box)
      assert.strictEqual(hex(target.subarray(147)), "00".repeat(13))
      for (const shift of [0, 3, 40]) {
        const place = new Uint8Array(200)
        place.set(plain, shift)
        crypto.sealInto(keys.dgrk, nonce, place.subarray(shift, shift + 100), place, 0)
        assert.strictEqual(hex(place.subarray(0, 140)), box, `plain at ${shift}`)
      }
    })

    it("opens no box in which a single bit was changed, wherever it is", () => {
      for (const length of [0, 1, 60, 61, 62, 63]) {
        const box = crypto.seal(keys.dgrk, prng.bytes(24), prng.bytes(length))
        for (let bit = 0; bit < 8 * box.length; bit++) {
          const altered = new Uint8Array(box)
          altered[bit >> 3]! ^= 1 << (bit & 7)
          assert.strictEqual(opens(crypto, keys.dgrk, altered), "BoxError", `bit ${bit} of ${length} bytes`)
        }
      }
    })

    it("opens no box that was cut, made longer, or is none", () => {
      const box = crypto.seal(keys.dgrk, prng.bytes(24), prng.bytes(60))
      for (let length = 0; length < box.length; length++) {
        assert.strictEqual(opens(crypto, keys.dgrk, box.subarray(0, length)), "BoxError", `${length} bytes`)
      }
      const longer = new Uint8Array(box.length + 1)
      longer.set(box)
      assert.strictEqual(opens(crypto, keys.dgrk, longer), "BoxError")
      assert.strictEqual(opens(crypto, keys.dgrk, new Uint8Array(40)), "BoxError")
    })

    it("opens no box with another key, of the same group or of another", () => {
      const box = crypto.seal(keys.dgrk, prng.bytes(24), prng.bytes(60))
      for (const key of [keys.dgdik, keys.dgsddk, keys.dgtsk, others.dgrk]) {
        assert.strictEqual(opens(crypto, key, box), "BoxError")
      }
    })

    it("proves membership of a group to the mediator, of no other, and once", () => {
      const esk = crypto.ephemeralKey(prng.bytes(32))
      const challenge = prng.bytes(32)
      const answered = crypto.answerChallenge(keys, { esk: esk.public, challenge }, prng.bytes(24))
      const response = Result.getOrThrow(answered)
      assert.strictEqual(response.length, 72)
      assert.isTrue(crypto.verifyResponse(keys.groupId, esk, challenge, response))
      assert.isFalse(crypto.verifyResponse(others.groupId, esk, challenge, response))
      assert.isFalse(crypto.verifyResponse(keys.groupId, esk, prng.bytes(32), response))
      assert.isFalse(crypto.verifyResponse(keys.groupId, crypto.ephemeralKey(prng.bytes(32)), challenge, response))
      assert.isFalse(crypto.verifyResponse(keys.groupId, esk, challenge, response.subarray(1)))
      const lowOrder = { esk: new Uint8Array(32), challenge }
      assert.isTrue(Result.isFailure(crypto.answerChallenge(keys, lowOrder, prng.bytes(24))))
    })

    it("tells nonces, groups, identities and bytes apart", () => {
      const seen = new Set<string>()
      const count = 20_000
      for (let n = 0; n < count; n++) seen.add(hex(crypto.hashNonce("ECHOECHO", prng.bytes(24))))
      assert.strictEqual(seen.size, count)
      const nonce = prng.bytes(24)
      assert.strictEqual(crypto.hashNonce("ECHOECHO", nonce).length, 32)
      assert.strictEqual(hex(crypto.hashNonce("ECHOECHO", nonce)), hex(crypto.hashNonce("ECHOECHO", nonce)))
      assert.notStrictEqual(hex(crypto.hashNonce("ECHOECHO", nonce)), hex(crypto.hashNonce("OTHEROTH", nonce)))
      const groups = new Set(Array.from({ length: 200 }, (_, byte) => hex(groupOf(byte).groupId)))
      assert.strictEqual(groups.size, 200)
      const digests = new Set(Array.from({ length: 1_000 }, (_, length) => hex(crypto.sha256(new Uint8Array(length)))))
      assert.strictEqual(digests.size, 1_000)
    })

    it("throws for a nonce of the wrong length", () => {
      assert.throws(() => crypto.seal(keys.dgrk, new Uint8Array(23), new Uint8Array(1)), RangeError)
    })
  })
}
