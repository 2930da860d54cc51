import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Logger, References, Redacted, Result } from "effect"
import { Box } from "../src/Box.ts"
import { Crypto, makeCrypto } from "../src/Crypto.ts"
import type { CryptoPrimitives } from "../src/CryptoPrimitives.ts"
import { BoxKey, DeviceGroupKey } from "../src/DeviceGroupKey.ts"
import {
  CryptoProvider,
  layerCrypto,
  layerCryptoNode,
  layerCryptoSodium,
  loadSodium,
  nodePrimitives,
  SodiumUnavailable
} from "../src/node.ts"
import { layerCryptoBy } from "../src/node/NodeCrypto.ts"
import { bytes as someBytes, bytesOfLength } from "../src/testing.ts"
import { tweetNacl } from "../src/TweetNacl.ts"
import { bytes, hex, keysVector, vectors } from "./crypto-vectors.ts"

const sodiumPrimitives = Result.getOrThrow(loadSodium())
const providers: ReadonlyArray<readonly [string, CryptoPrimitives]> = [
  ["sodium-native", sodiumPrimitives],
  ["node", nodePrimitives]
]
const portable = makeCrypto(tweetNacl)
const runs = { arbitrary: { runs: 150, size: 60, seed: 6 } }

/** The points of small order, and those that are them once the highest bit is ignored. */
const lowOrder = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}ff`
]

describe.each(providers)("%s and tweetnacl", (_, primitives) => {
  const crypto = makeCrypto(primitives)

  it("agree on the vectors: keys", () => {
    for (const entry of vectors.keys) {
      const keys = crypto.deriveKeys(DeviceGroupKey.make(bytes(entry.dgk)))
      assert.strictEqual(hex(Redacted.value(keys.dgpk)), entry.dgpk)
      assert.strictEqual(hex(Redacted.value(keys.dgrk)), entry.dgrk)
      assert.strictEqual(hex(Redacted.value(keys.dghek)), entry.dghek)
      assert.strictEqual(hex(keys.groupId), entry.dgid)
    }
  })

  it("agree on the vectors: boxes", () => {
    const boxes = [
      ...vectors.encrypted,
      ...vectors.envelopes.map((entry) => ({ ...entry, key: keysVector(entry.keys).dgrk }))
    ]
    assert.strictEqual(boxes.length, 32)
    for (const entry of boxes) {
      const key = BoxKey.make("dgrk", bytes(entry.key))
      assert.strictEqual(hex(crypto.seal(key, bytes(entry.nonce), bytes(entry.plaintext))), entry.ciphertext)
      assert.strictEqual(
        hex(Result.getOrThrow(crypto.open(key, Box.make("dgrk", bytes(entry.ciphertext))))),
        entry.plaintext
      )
    }
  })

  it("agree on the vectors: the challenge, answered and forged", () => {
    const { negative, positive } = vectors.challenge
    for (const entry of positive) {
      const { dgpk } = crypto.deriveKeys(DeviceGroupKey.make(bytes(keysVector(entry.keys).dgk)))
      const hello = { esk: bytes(entry.eskPublic), challenge: bytes(entry.challenge) }
      const answer = Result.getOrThrow(crypto.answerChallenge({ dgpk }, hello, bytes(entry.nonce)))
      assert.strictEqual(hex(answer), entry.response)
      assert.strictEqual(
        hex(primitives.hsalsa20(primitives.x25519(bytes(entry.dgpkSecret), bytes(entry.eskPublic)))),
        entry.sharedKeyX25519HSalsa20
      )
    }
    for (const [entry, expected] of [
      ...positive.map((entry) => [entry, true] as const),
      ...negative.map((entry) => [entry, false] as const)
    ]) {
      const esk = crypto.ephemeralKey(bytes(entry.eskSecret))
      const proof = [bytes(entry.dgid), esk, bytes(entry.challenge), bytes(entry.response)] as const
      assert.strictEqual(crypto.verifyResponse(...proof), expected)
      assert.strictEqual(portable.verifyResponse(...proof), expected)
    }
  })

  it.prop(
    "seal and open to the same bytes, at any place in memory",
    { key: bytesOfLength(32), nonce: bytesOfLength(24), plain: someBytes(3000), before: someBytes(40) },
    ({ before, key, nonce, plain }) => {
      const box = portable.seal(BoxKey.make("dgrk", key), nonce, plain)
      assert.strictEqual(hex(crypto.seal(BoxKey.make("dgrk", key), nonce, plain)), hex(box))
      // Within a larger piece of memory, of which the rest is left alone.
      const memory = new Uint8Array(before.length + box.length + 8).fill(0xcc)
      crypto.sealInto(BoxKey.make("dgrk", key), nonce, plain, memory, before.length)
      assert.strictEqual(hex(memory), "cc".repeat(before.length) + hex(box) + "cc".repeat(8))
      const view = Box.make("dgrk", memory.subarray(before.length, before.length + box.length))
      const opened = Result.getOrThrow(crypto.open(BoxKey.make("dgrk", key), view))
      assert.strictEqual(hex(opened), hex(plain))
      assert.notStrictEqual(opened.buffer, memory.buffer)
      assert.strictEqual(hex(view), hex(box))
    },
    runs
  )

  it("seal what is in the target already, wherever it is", () => {
    const key = BoxKey.make("dgrk", new Uint8Array(32).fill(7))
    const nonce = Uint8Array.from({ length: 24 }, (_, index) => index)
    for (const length of [0, 1, 16, 31, 32, 33, 64, 100, 1024]) {
      const plain = Uint8Array.from({ length }, (_, index) => index * 31 + 5)
      const box = portable.seal(key, nonce, plain)
      for (const at of [0, 1, 8, 23, 24, 25, 39, 40, 41, 60]) {
        const target = new Uint8Array(200 + length)
        target.set(plain, at)
        crypto.sealInto(key, nonce, target.subarray(at, at + length), target, 0)
        assert.strictEqual(hex(target.subarray(0, box.length)), hex(box), `${length} bytes at ${at}`)
      }
    }
  })

  it.prop(
    "refuse the same boxes",
    { key: bytesOfLength(32), nonce: bytesOfLength(24), plain: someBytes(120), at: bytesOfLength(2) },
    ({ at, key, nonce, plain }) => {
      const boxKey = BoxKey.make("dgrk", key)
      const box = portable.seal(boxKey, nonce, plain)
      const forged = box.slice()
      forged[(at[0]! * 256 + at[1]!) % box.length]! ^= 1 << (at[0]! % 8)
      const refusals = [forged, box.subarray(0, -1), box.subarray(0, 40), box.subarray(0, 39), new Uint8Array(0)]
      for (const bytes of plain.length === 0 ? refusals.filter(({ length }) => length !== 40) : refusals) {
        const refused = Box.make("dgrk", bytes)
        const ours = crypto.open(boxKey, refused)
        assert.isTrue(Result.isFailure(ours))
        assert.deepStrictEqual(ours, portable.open(boxKey, refused))
      }
      const other = BoxKey.make(
        "dgrk",
        Uint8Array.from(key, (byte) => byte ^ 1)
      )
      assert.isTrue(Result.isFailure(crypto.open(other, box)))
    },
    runs
  )

  it.prop(
    "agree on every other algorithm",
    { a: bytesOfLength(32), b: bytesOfLength(32), salt: bytesOfLength(16), data: someBytes(300) },
    ({ a, b, data, salt }) => {
      assert.strictEqual(hex(primitives.x25519Public(a)), hex(tweetNacl.x25519Public(a)))
      assert.strictEqual(hex(primitives.x25519(a, b)), hex(tweetNacl.x25519(a, b)))
      assert.strictEqual(hex(primitives.hsalsa20(a)), hex(tweetNacl.hsalsa20(a)))
      assert.strictEqual(hex(primitives.blake2b(a, salt, salt)), hex(tweetNacl.blake2b(a, salt, salt)))
      assert.strictEqual(hex(primitives.sha256(data)), hex(tweetNacl.sha256(data)))
      assert.strictEqual(hex(primitives.hmacSha256(a)(data)), hex(tweetNacl.hmacSha256(a)(data)))
      assert.isTrue(primitives.equals(data, data.slice()))
      assert.isFalse(
        primitives.equals(
          a,
          Uint8Array.from(a, (byte, at) => (at === 31 ? byte ^ 1 : byte))
        )
      )
      assert.isFalse(primitives.equals(a, data.length === 32 ? salt : data))
    },
    { arbitrary: { runs: 25, size: 60, seed: 6 } }
  )

  it("make zeros of a point of low order, and nobody answers one", () => {
    const secret = new Uint8Array(32).fill(9)
    const { dgpk } = crypto.deriveKeys(DeviceGroupKey.make(secret))
    for (const point of lowOrder) {
      assert.strictEqual(hex(primitives.x25519(secret, bytes(point))), "00".repeat(32), point)
      const hello = { esk: bytes(point), challenge: secret }
      const answer = crypto.answerChallenge({ dgpk }, hello, new Uint8Array(24))
      assert.isTrue(Result.isFailure(answer) && answer.failure._tag === "LowOrderPoint")
      assert.isFalse(crypto.verifyResponse(bytes(point), crypto.ephemeralKey(secret), secret, new Uint8Array(72)))
    }
  })

  it("leave their inputs as they are", () => {
    const [key, nonce, plain] = [32, 24, 50].map((length) => new Uint8Array(length).fill(length))
    const box = new Uint8Array(90)
    primitives.secretboxSeal(key!, nonce!, plain!, box, 0)
    primitives.secretboxOpen(key!, box)
    primitives.x25519(key!, key!)
    primitives.x25519Public(key!)
    for (const input of [key!, nonce!, plain!]) assert.isTrue(input.every((byte) => byte === input.length))
  })
})

describe("layers", () => {
  const provider = <E>(layer: Layer.Layer<Crypto | CryptoProvider, E>) =>
    Effect.gen(function* () {
      const crypto = yield* Crypto
      const key = BoxKey.make("dgrk", new Uint8Array(32))
      const box = crypto.seal(key, new Uint8Array(24), Uint8Array.of(1, 2, 3))
      assert.strictEqual(hex(Result.getOrThrow(portable.open(key, box))), "010203")
      return yield* CryptoProvider
    }).pipe(Effect.provide(layer))

  it.effect("say who does the work, and the best one is sodium-native where it loads", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* provider(layerCrypto), { name: "sodium-native" })
      assert.deepStrictEqual(yield* provider(layerCryptoSodium), { name: "sodium-native" })
      assert.deepStrictEqual(yield* provider(layerCryptoNode), { name: "node" })
    })
  )

  it.effect("where sodium-native does not load, Node does the work, and the reason is told", () =>
    Effect.gen(function* () {
      const load = () =>
        loadSodium(() => {
          throw new RangeError("no build for this platform")
        })
      const unavailable = new SodiumUnavailable({ reason: "no build for this platform" })
      assert.deepStrictEqual(load(), Result.fail(unavailable))
      const lines: Array<unknown> = []
      const taken = yield* provider(layerCryptoBy(load)).pipe(
        Effect.provide(Logger.layer([Logger.make(({ message }) => lines.push(message))])),
        Effect.provideService(References.MinimumLogLevel, "Debug")
      )
      assert.strictEqual(taken.name, "node")
      assert.deepStrictEqual(taken.unavailable, unavailable)
      assert.deepStrictEqual(lines, [
        ["cryptography by node", "sodium-native does not load: no build for this platform"]
      ])
    })
  )
})
