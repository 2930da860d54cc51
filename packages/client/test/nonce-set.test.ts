import { assert, describe, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import { NonceSet } from "../src/NonceSet.ts"

const hashed = (text: string) => new Uint8Array(createHash("sha256").update(text).digest())
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

describe("nonces in memory", () => {
  it("are found among thousands, and no others", () => {
    const set = new NonceSet()
    const known = new Set<string>()
    for (let n = 0; n < 5000; n++) {
      const nonce = hashed(`${n}`)
      assert.isFalse(set.has(nonce))
      set.add(nonce)
      known.add(hex(nonce))
    }
    for (let n = 0; n < 10_000; n++) {
      const nonce = hashed(`${n}`)
      assert.strictEqual(set.has(nonce), known.has(hex(nonce)))
    }
    assert.deepStrictEqual(set.toArray().map(hex), [...known])
  })

  it("are told apart by every byte, even where all begin alike", () => {
    const set = new NonceSet()
    const zeros = new Uint8Array(32)
    assert.isFalse(set.has(zeros))
    const variants = Array.from({ length: 28 * 4 }, (_, n) => {
      const nonce = hashed("alike")
      nonce[4 + (n >> 2)]! ^= 1 << (n & 3)
      return nonce
    })
    for (const nonce of variants) set.add(nonce)
    assert.strictEqual(set.toArray().length, variants.length)
    assert.isFalse(set.has(hashed("alike")))
    assert.isTrue(variants.every((nonce) => set.has(nonce)))
  })

  it("are one when they come twice, and copies of what was given", () => {
    const set = new NonceSet()
    const nonce = hashed("once")
    set.add(nonce)
    set.add(nonce)
    nonce.fill(0)
    assert.isTrue(set.has(hashed("once")))
    set.toArray()[0]!.fill(0)
    assert.deepStrictEqual(set.toArray().map(hex), [hex(hashed("once"))])
  })
})
