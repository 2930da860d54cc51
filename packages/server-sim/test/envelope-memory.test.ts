import { assert, it } from "@effect/vitest"
import { makeEnvelopeMemory } from "../src/EnvelopeMemory.ts"

it("keeps envelopes of any length apart from what they came in, at sixteen times their length at most", () => {
  const keep = makeEnvelopeMemory()
  const read = new Uint8Array(65_536).map((_, n) => n * 31)
  const lengths = Array.from({ length: 400 }, (_, n) => (n * 37) % 3000)
  const kept = lengths.map((length, n) => keep(read.subarray(n, n + length)))
  const expected = lengths.map((length, n) => Buffer.from(read.slice(n, n + length)).toString("hex"))
  read.fill(0)
  assert.deepStrictEqual(
    kept.map((bytes) => Buffer.from(bytes).toString("hex")),
    expected
  )
  for (const { buffer, length } of kept) assert.isAtMost(buffer.byteLength, Math.max(16 * length, 0))
})

it("leaves an envelope where it is if that is most of its memory", () => {
  const read = new Uint8Array(1000)
  assert.strictEqual(makeEnvelopeMemory()(read.subarray(12)).buffer, read.buffer)
})
