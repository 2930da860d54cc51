import { assert, it } from "@effect/vitest"
import {
  appendMessage,
  dropMessage,
  findMessage,
  makeMessageMemory,
  makeMessageQueue,
  type MemoryMessage,
  sizesOf
} from "../src/MessageMemory.ts"

const plain = ({ envelope, flags, timestamp }: MemoryMessage) => ({ envelope: [...envelope], flags, timestamp })

it("keeps messages of any length apart from what they came in, at sixteen times their length at most", () => {
  const keep = makeMessageMemory()
  const queue = makeMessageQueue()
  const read = new Uint8Array(65_536).map((_, n) => n * 31)
  const lengths = Array.from({ length: 400 }, (_, n) => (n * 37) % 3000)
  const messages = lengths.map((length, n) => ({
    envelope: read.subarray(n, n + length),
    flags: 0xffff_ffff - n,
    timestamp: 0xffff_ffff_ffff_ffffn - BigInt(n)
  }))
  const expected = messages.map(plain)
  messages.forEach((message, n) => appendMessage(queue, 2 ** 32 + n, keep(message)))
  read.fill(0)
  const kept = messages.map((_, n) => findMessage(queue, 2 ** 32 + n)!)
  assert.deepStrictEqual(kept.map(plain), expected)
  for (const { envelope } of kept) assert.isAtMost(envelope.buffer.byteLength, 16 * envelope.length)
})

it("has messages of a KiB share their memory", () => {
  const keep = makeMessageMemory()
  const queue = makeMessageQueue()
  const read = new Uint8Array(65_536)
  for (let n = 1; n <= 7; n++) {
    appendMessage(queue, n, keep({ envelope: read.subarray(0, 1100), flags: 0, timestamp: 0n }))
  }
  const buffers = [1, 2, 3, 4, 5, 6, 7].map((position) => findMessage(queue, position)!.envelope.buffer)
  assert.strictEqual(new Set(buffers).size, 1)
  assert.notStrictEqual(buffers[0], read.buffer)
})

it("fills a piece of memory to its last byte, and begins another for a byte more", () => {
  for (const last of [2032, 2033]) {
    const keep = makeMessageMemory()
    const queue = makeMessageQueue()
    const read = new Uint8Array(65_536).fill(last)
    // Four times 16 bytes more are 8192.
    for (const [n, length] of [2032, 2032, 2032, last].entries()) {
      appendMessage(queue, n, keep({ envelope: read.subarray(0, length), flags: 0, timestamp: 0n }))
    }
    const kept = [0, 1, 2, 3].map((position) => findMessage(queue, position)!.envelope)
    assert.strictEqual(new Set(kept.map(({ buffer }) => buffer)).size, last - 2031)
    assert.deepStrictEqual(kept[3], read.slice(0, last))
  }
})

it("leaves an envelope where it is if that is most of its memory", () => {
  const queue = makeMessageQueue()
  const read = new Uint8Array(1000)
  appendMessage(queue, 1, makeMessageMemory()({ envelope: read.subarray(12), flags: 0, timestamp: 0n }))
  assert.strictEqual(findMessage(queue, 1)!.envelope.buffer, read.buffer)
})

it("finds, drops and lists messages of both kinds by their positions", () => {
  const keep = makeMessageMemory()
  const queue = makeMessageQueue()
  const read = new Uint8Array(65_536)
  const lengths = [0, 600, 10, 2048, 20_000, 700]
  lengths.forEach((length, n) =>
    appendMessage(queue, n + 1, keep({ envelope: read.subarray(0, length), flags: n, timestamp: BigInt(n) }))
  )
  dropMessage(queue, 2)
  dropMessage(queue, 3)
  dropMessage(queue, 3)
  dropMessage(queue, 7)
  assert.deepStrictEqual(sizesOf(queue), { positions: [1, 4, 5, 6], sizes: [0, 2048, 20_000, 700] })
  assert.deepStrictEqual(
    [1, 2, 3, 4, 5, 6, 7].map((position) => findMessage(queue, position)?.flags),
    [0, undefined, undefined, 3, 4, 5, undefined]
  )
  for (const position of [1, 4, 5, 6]) dropMessage(queue, position)
  assert.strictEqual(queue.places.length, 0)
  assert.strictEqual(queue.offsets.length, 0)
})
