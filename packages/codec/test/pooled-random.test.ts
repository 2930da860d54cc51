import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SecureRandom } from "effect/crypto"
import { layerSecureRandom } from "../src/node.ts"
import { pooledBytes } from "../src/node/PooledRandom.ts"

/** Bytes that tell how many were drawn before them, so that one handed out twice shows. */
const counted = () => {
  const draws: Array<number> = []
  let next = 0
  const draw = (size: number): Uint8Array => {
    draws.push(size)
    const bytes = new Uint8Array(size)
    const view = new DataView(bytes.buffer)
    for (let at = 0; at + 4 <= size; at += 4) view.setUint32(at, next++)
    return bytes
  }
  return { draw, draws }
}

/** Where in memory a slice is. */
const place = ({ buffer, byteLength, byteOffset }: Uint8Array) => ({
  buffer,
  from: byteOffset,
  to: byteOffset + byteLength
})

describe("pooled random bytes", () => {
  it("are as many as were asked for, and no byte is handed out twice", () => {
    const { draw, draws } = counted()
    const bytes = pooledBytes(draw)
    const sizes = Array.from({ length: 4000 }, (_, at) => (at * 7) % 65)
    const slices = sizes.map((size) => bytes(size))
    assert.deepStrictEqual(
      slices.map(({ length }) => length),
      sizes
    )
    const byBuffer = Map.groupBy(slices.filter(({ length }) => length > 0).map(place), ({ buffer }) => buffer)
    assert.strictEqual(byBuffer.size, draws.length)
    for (const places of byBuffer.values()) {
      const sorted = places.toSorted((a, b) => a.from - b.from)
      for (let at = 1; at < sorted.length; at++) assert.isAtLeast(sorted[at]!.from, sorted[at - 1]!.to)
    }
  })

  it("are drawn 32 KiB at a time, and nothing of a piece is wasted but its end", () => {
    const { draw, draws } = counted()
    const bytes = pooledBytes(draw)
    const nonces = Array.from({ length: 3000 }, () => bytes(24))
    assert.deepStrictEqual(
      draws,
      Array.from({ length: Math.ceil(3000 / Math.floor(32_768 / 24)) }, () => 32_768)
    )
    assert.strictEqual(new Set(nonces.map((nonce) => Buffer.from(nonce).toString("hex"))).size, 3000)
  })

  it("are drawn when the last ones are used up, and not before", () => {
    const { draw, draws } = counted()
    const bytes = pooledBytes(draw)
    for (let count = 0; count < 8; count++) bytes(4096)
    assert.deepStrictEqual(draws, [32_768])
    bytes(1)
    assert.deepStrictEqual(draws, [32_768, 32_768])
  })

  it("of which many are asked for have memory of their own", () => {
    const { draw, draws } = counted()
    const bytes = pooledBytes(draw)
    const long = bytes(4097)
    assert.deepStrictEqual(draws, [4097])
    assert.strictEqual(long.buffer.byteLength, 4097)
    const within = bytes(4096)
    assert.deepStrictEqual(draws, [4097, 32_768])
    within.fill(0)
    assert.isTrue(bytes(4096).some((byte) => byte !== 0))
    assert.isTrue(long.some((byte) => byte !== 0))
  })

  it("that one writes to leave all others as they are", () => {
    const { draw } = counted()
    const bytes = pooledBytes(draw)
    const [one, other] = [bytes(24), bytes(24)]
    const before = other.slice()
    one.fill(0xff)
    assert.deepStrictEqual(other, before)
    assert.isFalse(bytes(24).every((byte) => byte === 0xff))
  })
})

describe("the layer", () => {
  it.effect("draws from the system: 20 000 nonces, all different", () =>
    Effect.gen(function* () {
      const random = yield* SecureRandom.SecureRandom
      const seen = new Set<string>()
      for (let count = 0; count < 20_000; count++) {
        seen.add(Buffer.from(yield* random.randomBytes(24)).toString("hex"))
      }
      assert.strictEqual(seen.size, 20_000)
      assert.strictEqual((yield* random.randomBytes(0)).length, 0)
      assert.strictEqual((yield* random.randomBytes(9000)).length, 9000)
      assert.match(yield* random.uuidV4(), /^[0-9a-f-]{36}$/)
    }).pipe(Effect.provide(layerSecureRandom))
  )

  it.effect("built twice draws different bytes", () =>
    Effect.gen(function* () {
      const draw = SecureRandom.SecureRandom.use((random) => random.randomBytes(24)).pipe(
        Effect.provide(layerSecureRandom, { local: true })
      )
      const [one, other] = [yield* draw, yield* draw]
      assert.notStrictEqual(one.buffer, other.buffer)
      assert.notDeepEqual(one, other)
    })
  )
})
