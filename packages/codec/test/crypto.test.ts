import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result } from "effect"
import { createHash, createHmac } from "node:crypto"
import nacl from "tweetnacl"
import { Box } from "../src/Box.ts"
import { Crypto, makeCrypto } from "../src/Crypto.ts"
import { BoxKey, DeviceGroupKey } from "../src/DeviceGroupKey.ts"
import { Limits } from "../src/Limits.ts"
import { tweetNacl } from "../src/TweetNacl.ts"
import { bytes, hex, keysVector, vectors } from "./crypto-vectors.ts"
import { nodePrimitives, nodeX25519 } from "./node-primitives.ts"

const crypto = makeCrypto(tweetNacl)
const nonce = Uint8Array.from({ length: 24 }, (_, index) => 200 + index)
const key = BoxKey.make(
  "dgrk",
  Uint8Array.from({ length: 32 }, (_, index) => index * 7 + 1)
)
const message = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index * 31 + 5)

const opened = (result: ReturnType<typeof crypto.open>): Uint8Array =>
  Result.isSuccess(result) ? result.success : assert.fail(result.failure.message)

/** The lengths around every block and header boundary, and the largest. */
const lengths = [
  0,
  1,
  15,
  16,
  17,
  23,
  24,
  25,
  31,
  32,
  33,
  39,
  40,
  41,
  63,
  64,
  65,
  95,
  96,
  97,
  1024,
  Limits.plainEnvelope
]

describe("boxes of the vectors", () => {
  const boxes = [
    ...vectors.encrypted,
    ...vectors.envelopes.map((entry) => ({ ...entry, keyName: "dgrk" as const, key: keysVector(entry.keys).dgrk }))
  ]
  assert.strictEqual(boxes.length, 32)

  for (const entry of boxes) {
    it(`${entry.id}: opens, and seals again to the same bytes`, () => {
      const keys = crypto.deriveKeys(DeviceGroupKey.make(bytes(keysVector(entry.keys).dgk)))
      assert.strictEqual(hex(Redacted.value(keys[entry.keyName])), entry.key)
      assert.strictEqual(
        hex(opened(crypto.open(keys[entry.keyName], Box.make(entry.keyName, bytes(entry.ciphertext))))),
        entry.plaintext
      )
      assert.strictEqual(
        hex(crypto.seal(keys[entry.keyName], bytes(entry.nonce), bytes(entry.plaintext))),
        entry.ciphertext
      )
    })
  }
})

describe("seal and open", () => {
  it("agree with tweetnacl's own secretbox at every boundary", () => {
    for (const length of lengths) {
      const plain = message(length)
      const box = crypto.seal(key, nonce, plain)
      assert.strictEqual(box.length, length + Limits.boxOverhead)
      assert.strictEqual(hex(box.subarray(0, 24)), hex(nonce))
      assert.strictEqual(hex(box.subarray(24)), hex(nacl.secretbox(plain, nonce, Redacted.value(key))), `${length}`)
      assert.strictEqual(hex(opened(crypto.open(key, box))), hex(plain), `${length}`)
    }
  })

  it("leave their inputs as they were, and share no memory with them", () => {
    const plain = message(100)
    const ownNonce = nonce.slice()
    const box = crypto.seal(key, ownNonce, plain)
    assert.strictEqual(hex(plain), hex(message(100)))
    assert.strictEqual(hex(ownNonce), hex(nonce))
    const before = hex(box)
    const view = opened(crypto.open(key, box))
    assert.strictEqual(hex(box), before)
    box.fill(0)
    assert.strictEqual(hex(view), hex(plain))
  })

  it("open a box that is a view into a larger frame", () => {
    const frame = new Uint8Array(300).fill(0xee)
    frame.set(crypto.seal(key, nonce, message(99)), 20)
    assert.strictEqual(
      hex(opened(crypto.open(key, Box.make("dgrk", frame.subarray(20, 20 + 99 + 40))))),
      hex(message(99))
    )
  })

  it("leave no keystream in the memory around the plaintext", () => {
    const view = opened(crypto.open(key, crypto.seal(key, nonce, message(64))))
    const around = new Uint8Array(view.buffer)
    around.fill(0, view.byteOffset, view.byteOffset + view.length)
    assert.isTrue(around.every((byte) => byte === 0))
  })

  it("refuse a box with any one bit changed", () => {
    const box = crypto.seal(key, nonce, message(20))
    for (let bit = 0; bit < box.length * 8; bit++) {
      const altered = box.slice()
      altered[bit >> 3]! ^= 1 << (bit & 7)
      const result = crypto.open(key, Box.make("dgrk", altered))
      assert.isTrue(Result.isFailure(result) && result.failure.reason === "Forged", `bit ${bit}`)
    }
  })

  it("refuse another key, and a box that was cut or grew", () => {
    const box = crypto.seal(key, nonce, message(20))
    const other = BoxKey.make("dgrk", new Uint8Array(32).fill(9))
    for (const result of [
      crypto.open(other, box),
      crypto.open(key, Box.make("dgrk", box.subarray(0, box.length - 1))),
      crypto.open(key, Box.make("dgrk", Uint8Array.of(...box, 0))),
      crypto.open(key, Box.make("dgrk", box.subarray(0, 40)))
    ]) {
      assert.isTrue(Result.isFailure(result) && result.failure.reason === "Forged")
    }
  })

  it("say TooShort below 40 bytes, with the length", () => {
    for (let length = 0; length < 40; length++) {
      const result = crypto.open(key, Box.make("dgrk", new Uint8Array(length)))
      if (Result.isSuccess(result)) assert.fail(`${length}`)
      assert.strictEqual(result.failure.reason, "TooShort")
      assert.strictEqual(result.failure.length, length)
    }
    const result = crypto.open(key, Box.make("dgrk", new Uint8Array(40)))
    assert.isTrue(Result.isFailure(result) && result.failure.reason === "Forged")
  })

  it("throw for a nonce that is not 24 bytes", () => {
    for (const length of [0, 23, 25]) {
      assert.throws(() => crypto.seal(key, new Uint8Array(length), message(5)), RangeError)
      assert.throws(() => crypto.sealInto(key, new Uint8Array(length), message(5), new Uint8Array(99), 0), RangeError)
    }
  })
})

describe("sealInto", () => {
  it("writes the box at its offset and nothing beside it", () => {
    for (const length of lengths.slice(0, -1)) {
      for (const offset of [0, 1, 12, 20]) {
        const target = new Uint8Array(offset + 40 + length + 7).fill(0xaa)
        crypto.sealInto(key, nonce, message(length), target, offset)
        const box = hex(crypto.seal(key, nonce, message(length)))
        assert.strictEqual(hex(target), "aa".repeat(offset) + box + "aa".repeat(7))
      }
    }
  })

  it("fills its target to the last byte", () => {
    const target = new Uint8Array(12 + 40 + 100)
    crypto.sealInto(key, nonce, message(100), target, 12)
    assert.strictEqual(hex(target.subarray(12)), hex(crypto.seal(key, nonce, message(100))))
  })

  it("seals a plaintext that is in place already, or overlaps its place", () => {
    for (const start of [12 + 40, 12, 12 + 39, 12 + 60]) {
      const target = new Uint8Array(400)
      target.set(message(100), start)
      crypto.sealInto(key, nonce, target.subarray(start, start + 100), target, 12)
      assert.strictEqual(hex(target.subarray(12, 12 + 140)), hex(crypto.seal(key, nonce, message(100))))
    }
  })

  it("throws where the box does not fit", () => {
    const target = new Uint8Array(100)
    for (const offset of [-1, 56, 0.5, 100, 1000, Number.NaN]) {
      assert.throws(() => crypto.sealInto(key, nonce, message(5), target, offset), /does not fit/)
    }
    assert.isTrue(target.every((byte) => byte === 0))
    crypto.sealInto(key, nonce, message(5), target, 55)
  })
})

describe("challenge and response", () => {
  for (const entry of vectors.challenge.positive) {
    for (const [name, primitives] of Object.entries({ tweetNacl, nodePrimitives })) {
      const service = makeCrypto(primitives)

      it(`${entry.id}: answers and verifies, on ${name}`, () => {
        const keys = service.deriveKeys(DeviceGroupKey.make(bytes(keysVector(entry.keys).dgk)))
        assert.strictEqual(hex(Redacted.value(keys.dgpk)), entry.dgpkSecret)
        const esk = service.ephemeralKey(bytes(entry.eskSecret))
        assert.strictEqual(hex(esk.public), entry.eskPublic)
        assert.strictEqual(hex(Redacted.value(esk.secret)), entry.eskSecret)
        const hello = { esk: esk.public, challenge: bytes(entry.challenge) }
        const response = service.answerChallenge(keys, hello, bytes(entry.nonce))
        if (Result.isFailure(response)) return assert.fail(response.failure.message)
        assert.strictEqual(hex(response.success), entry.response)
        assert.isTrue(service.verifyResponse(bytes(entry.dgid), esk, bytes(entry.challenge), bytes(entry.response)))
      })
    }

    it(`${entry.id}: shared key from both sides, raw point as Node has it`, () => {
      const raw = nodeX25519(bytes(entry.dgpkSecret), bytes(entry.eskPublic))
      assert.strictEqual(hex(tweetNacl.x25519(bytes(entry.dgpkSecret), bytes(entry.eskPublic))), hex(raw))
      assert.strictEqual(hex(tweetNacl.x25519(bytes(entry.eskSecret), bytes(entry.dgid))), hex(raw))
      assert.strictEqual(hex(tweetNacl.hsalsa20(raw)), entry.sharedKeyX25519HSalsa20)
    })

    it(`${entry.id}: proves nothing when cut, grown, or for another challenge, group or ephemeral key`, () => {
      const esk = crypto.ephemeralKey(bytes(entry.eskSecret))
      const groupId = bytes(entry.dgid)
      const challenge = bytes(entry.challenge)
      const response = bytes(entry.response)
      const verify = crypto.verifyResponse
      assert.isTrue(verify(groupId, esk, challenge, response))
      for (const length of [0, 23, 24, 39, 40, 71]) {
        assert.isFalse(verify(groupId, esk, challenge, response.subarray(0, length)), `${length}`)
      }
      assert.isFalse(verify(groupId, esk, challenge, Uint8Array.of(...response, 0)))
      assert.isFalse(
        verify(
          groupId,
          esk,
          challenge.map((byte) => byte ^ 1),
          response
        )
      )
      assert.isFalse(verify(groupId, esk, challenge.subarray(1), response))
      assert.isFalse(verify(groupId, esk, new Uint8Array(0), response))
      assert.isFalse(verify(groupId.subarray(1), esk, challenge, response))
      assert.isFalse(
        verify(
          groupId.map((byte) => byte ^ 1),
          esk,
          challenge,
          response
        )
      )
      assert.isFalse(verify(groupId, crypto.ephemeralKey(message(32)), challenge, response))
    })

    it(`${entry.id}: a good box of the challenge with something behind it proves nothing`, () => {
      const esk = crypto.ephemeralKey(bytes(entry.eskSecret))
      const shared = bytes(entry.sharedKeyX25519HSalsa20)
      const longer = new Uint8Array(73)
      tweetNacl.secretboxSeal(shared, nonce, Uint8Array.of(...bytes(entry.challenge), 0), longer, 0)
      assert.isFalse(crypto.verifyResponse(bytes(entry.dgid), esk, bytes(entry.challenge), longer))
    })
  }

  for (const entry of vectors.challenge.negative) {
    it(`${entry.id}: is refused`, () => {
      const esk = crypto.ephemeralKey(bytes(entry.eskSecret))
      assert.isFalse(crypto.verifyResponse(bytes(entry.dgid), esk, bytes(entry.challenge), bytes(entry.response)))
    })
  }

  it("challenge-wrong-plaintext opens, so that only the comparison refuses it", () => {
    const entry = vectors.challenge.negative.find(({ id }) => id === "challenge-wrong-plaintext")!
    const shared = tweetNacl.hsalsa20(tweetNacl.x25519(bytes(entry.eskSecret), bytes(entry.dgid)))
    const answer = tweetNacl.secretboxOpen(shared, bytes(entry.response))
    assert.strictEqual(answer?.length, 32)
  })

  it("throws for an argument of the wrong length", () => {
    const keys = crypto.deriveKeys(DeviceGroupKey.make(bytes(keysVector("dgk1").dgk)))
    const esk = crypto.ephemeralKey(message(32)).public
    assert.throws(() => crypto.ephemeralKey(message(31)), RangeError)
    assert.throws(
      () => crypto.answerChallenge(keys, { esk: esk.subarray(1), challenge: message(32) }, nonce),
      RangeError
    )
    assert.throws(() => crypto.answerChallenge(keys, { esk, challenge: message(31) }, nonce), RangeError)
    assert.throws(() => crypto.answerChallenge(keys, { esk, challenge: message(32) }, nonce.subarray(1)), RangeError)
  })

  it("copies the ephemeral secret", () => {
    const secret = message(32)
    const esk = crypto.ephemeralKey(secret)
    secret.fill(0)
    assert.strictEqual(hex(Redacted.value(esk.secret)), hex(message(32)))
  })
})

describe("points of low order", () => {
  const canonical = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
  ].map(bytes)
  // X25519 ignores the top bit of a public key.
  const points = [
    ...canonical,
    ...canonical.map((point) => point.map((byte, index) => (index === 31 ? byte | 0x80 : byte)))
  ]
  const keys = crypto.deriveKeys(DeviceGroupKey.make(bytes(keysVector("dgk1").dgk)))

  for (const point of points) {
    it(`${hex(point).slice(0, 8)}…${hex(point).slice(-2)} as ESK is a typed error, as group id proves nothing`, () => {
      assert.throws(() => nodeX25519(Redacted.value(keys.dgpk), point))
      for (const primitives of [tweetNacl, nodePrimitives]) {
        const service = makeCrypto(primitives)
        const answer = service.answerChallenge(keys, { esk: point, challenge: message(32) }, nonce)
        assert.isTrue(Result.isFailure(answer) && answer.failure._tag === "LowOrderPoint")

        const guessed = new Uint8Array(72)
        tweetNacl.secretboxSeal(tweetNacl.hsalsa20(new Uint8Array(32)), nonce, message(32), guessed, 0)
        const esk = service.ephemeralKey(message(32))
        assert.isFalse(service.verifyResponse(point, esk, message(32), guessed))
      }
    })
  }
})

describe("hashes", () => {
  const hmac = (identity: string, data: Uint8Array): string => createHmac("sha256", identity).update(data).digest("hex")

  it("hashNonce is Node's HMAC-SHA-256 under the identity, whatever identities come in between", () => {
    const identities = [
      "ECHOECHO",
      "ECHOECHO",
      "*SUPPORT",
      "",
      "ECHOECHO",
      "ü-8",
      "x".repeat(64),
      "x".repeat(65),
      "*SUPPORT"
    ]
    for (const [index, identity] of identities.entries()) {
      const data = nonce.map((byte) => byte + index)
      assert.strictEqual(hex(crypto.hashNonce(identity, data)), hmac(identity, data), identity)
    }
  })

  it("hashNonce gives fresh memory each time", () => {
    const first = crypto.hashNonce("ECHOECHO", nonce)
    const before = hex(first)
    crypto.hashNonce("ECHOECHO", message(24))
    assert.strictEqual(hex(first), before)
  })

  it("sha256 is Node's", () => {
    for (const length of lengths) {
      assert.strictEqual(
        hex(crypto.sha256(message(length))),
        createHash("sha256").update(message(length)).digest("hex")
      )
    }
  })

  it("equals compares content and length", () => {
    assert.isTrue(tweetNacl.equals(message(0), message(0)))
    assert.isTrue(tweetNacl.equals(message(32), message(32)))
    assert.isFalse(tweetNacl.equals(message(32), message(31)))
    for (let index = 0; index < 32; index++) {
      const other = message(32)
      other[index]! ^= 0x80
      assert.isFalse(tweetNacl.equals(message(32), other), `${index}`)
    }
  })
})

describe("makeCrypto", () => {
  it("asks the primitives for all it does", () => {
    const asked = new Set<string>()
    const spied = new Proxy(tweetNacl, {
      get: (target, name: keyof typeof tweetNacl) => {
        const primitive: unknown = target[name]
        return (...args: ReadonlyArray<unknown>) => {
          asked.add(name)
          return (primitive as (...args: ReadonlyArray<unknown>) => unknown)(...args)
        }
      }
    })
    const service = makeCrypto(spied)
    const keys = service.deriveKeys(DeviceGroupKey.make(message(32)))
    const esk = service.ephemeralKey(message(32))
    const response = service.answerChallenge(keys, { esk: esk.public, challenge: message(32) }, nonce)
    if (Result.isFailure(response)) return assert.fail(response.failure.message)
    assert.isTrue(service.verifyResponse(keys.groupId, esk, message(32), response.success))
    service.hashNonce("ECHOECHO", nonce)
    service.sha256(nonce)
    assert.deepStrictEqual([...asked].sort(), Object.keys(tweetNacl).sort())
  })

  it("reports what an implementation cannot open as Forged", () => {
    const service = makeCrypto({ ...tweetNacl, secretboxOpen: () => undefined })
    const result = service.open(key, crypto.seal(key, nonce, message(3)))
    assert.isTrue(Result.isFailure(result) && result.failure.reason === "Forged")
  })

  it.effect("stands behind Crypto.layer", () =>
    Effect.gen(function* () {
      const service = yield* Crypto
      const box = service.seal(key, nonce, message(10))
      assert.strictEqual(hex(yield* Effect.fromResult(service.open(key, box))), hex(message(10)))
    }).pipe(Effect.provide(Crypto.layer))
  )
})
