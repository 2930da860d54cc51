import { assert, it } from "@effect/vitest"
import {
  appendMessage,
  dropMessage,
  dropQueue,
  makeMessageQueue,
  MessageMemory,
  type MemoryMessage,
  type MessageQueue,
  readMessages,
  sizesOf
} from "../src/MessageMemory.ts"

const read = new Uint8Array(65_536).map((_, n) => n * 31)

const message = (length: number, n = 0): MemoryMessage => ({
  envelope: read.subarray(n, n + length),
  flags: n,
  timestamp: BigInt(n)
})

const plain = ({ envelope, flags, timestamp }: MemoryMessage) => ({ envelope: [...envelope], flags, timestamp })

const findMessage = (queue: MessageQueue, position: number) => readMessages(queue, [position])[0]

/** Where messages lie: by themselves, or together with others. */
const placesOf = ({ places }: MessageQueue) => new Set(places.values.filter((place) => place !== undefined))

const append = (memory: MessageMemory, queue: MessageQueue, positions: ReadonlyArray<number>, length: number): void => {
  for (const position of positions) appendMessage(queue, position, memory.keep(message(length, position)))
}

const range = (from: number, to: number): ReadonlyArray<number> => Array.from({ length: to - from }, (_, n) => from + n)

it("keeps messages of any length apart from what they came in", () => {
  const memory = new MessageMemory()
  const queue = makeMessageQueue()
  const received = read.slice()
  const messages = range(0, 400).map((n) => ({
    envelope: received.subarray(n, n + ((n * 37) % 3000)),
    flags: 0xffff_ffff - n,
    timestamp: 0xffff_ffff_ffff_ffffn - BigInt(n)
  }))
  const expected = messages.map(plain)
  messages.forEach((message, n) => appendMessage(queue, 2 ** 32 + n, memory.keep(message)))
  received.fill(0)
  const positions = messages.map((_, n) => 2 ** 32 + n)
  assert.deepStrictEqual(readMessages(queue, positions).map(plain), expected)
})

it("keeps sixteen times the length of a message that is left alone, at most", () => {
  for (const [length, most] of [
    [1, 1],
    [511, 511],
    [512, 8192],
    [1100, 8192],
    [2048, 8192],
    [2049, 2049],
    [20_000, 20_000]
  ] as const) {
    const memory = new MessageMemory()
    const queue = makeMessageQueue()
    append(memory, queue, [1, 2, 3], length)
    const shared = placesOf(queue).size === 1
    const [alone] = placesOf(queue)
    const kept = shared ? 8192 : (alone as MemoryMessage).envelope.buffer.byteLength
    assert.strictEqual(kept, most, `length ${length}`)
    assert.isAtMost(kept, 16 * length)
  }
})

it("fills a piece of memory to its last byte, and begins another for a byte more", () => {
  for (const last of [2032, 2033]) {
    const memory = new MessageMemory()
    const queue = makeMessageQueue()
    // Four times 16 bytes more are 8192.
    append(memory, queue, [1, 2, 3], 2032)
    append(memory, queue, [4], last)
    assert.strictEqual(placesOf(queue).size, last - 2031)
    assert.deepStrictEqual(findMessage(queue, 4)!.envelope, message(last, 4).envelope.slice())
  }
})

it("leaves an envelope where it is if that is most of its memory", () => {
  const queue = makeMessageQueue()
  const own = new Uint8Array(1000)
  appendMessage(queue, 1, new MessageMemory().keep({ envelope: own.subarray(12), flags: 0, timestamp: 0n }))
  assert.strictEqual(findMessage(queue, 1)!.envelope.buffer, own.buffer)
})

it("finds, drops and lists messages of both kinds by their positions", () => {
  const memory = new MessageMemory()
  const queue = makeMessageQueue()
  for (const [n, length] of [0, 600, 10, 2048, 20_000, 700].entries()) append(memory, queue, [n + 1], length)
  for (const position of [2, 3, 3, 7]) dropMessage(queue, position)
  assert.deepStrictEqual(sizesOf(queue), { positions: [1, 4, 5, 6], sizes: [0, 2048, 20_000, 700] })
  assert.deepStrictEqual(
    readMessages(queue, [7, 6, 5, 4, 3, 2, 1]).map(({ flags, position }) => [position, flags]),
    [
      [6, 6],
      [5, 5],
      [4, 4],
      [1, 1]
    ]
  )
  for (const position of [1, 4, 5, 6]) dropMessage(queue, position)
  assert.strictEqual(queue.places.length, 0)
  assert.strictEqual(queue.offsets.length, 0)
})

it("takes no more memory for messages that come and go", () => {
  const memory = new MessageMemory()
  const queue = makeMessageQueue()
  const seen = new Set<unknown>()
  for (const position of range(1, 1000)) {
    append(memory, queue, [position], 1100)
    for (const place of placesOf(queue)) seen.add(place)
    // Three are there at a time.
    if (position > 3) dropMessage(queue, position - 3)
  }
  assert.isAtMost(seen.size, 3)
})

it("uses memory again when nobody's queue has a message in it", () => {
  const memory = new MessageMemory()
  const [one, other] = [makeMessageQueue(), makeMessageQueue()]
  for (const position of range(1, 8)) {
    const kept = memory.keep(message(1100, position))
    appendMessage(one, position, kept)
    appendMessage(other, position, kept)
  }
  append(memory, one, [8], 1100)
  const [shared, current] = placesOf(one)
  for (const position of range(1, 8)) dropMessage(one, position)
  // It is the other's still.
  append(memory, one, range(9, 16), 1100)
  assert.isFalse(placesOf(one).has(shared!))
  assert.deepStrictEqual(findMessage(other, 7)!.envelope, message(1100, 7).envelope.slice())
  dropQueue(other)
  append(memory, one, range(16, 23), 1100)
  assert.isTrue(placesOf(one).has(shared!))
  assert.isTrue(placesOf(one).has(current!))
})

it("gives back what is left of a long queue, but for 64 MiB", () => {
  const memory = new MessageMemory()
  const queue = makeMessageQueue()
  const pieces = 8192 + 100
  append(memory, queue, range(0, 4 * pieces), 2032)
  const before = placesOf(queue)
  assert.strictEqual(before.size, pieces)
  dropQueue(queue)
  const next = makeMessageQueue()
  append(memory, next, range(0, 4 * pieces), 2032)
  const again = [...placesOf(next)].filter((place) => before.has(place))
  // The one that was written last is no spare one.
  assert.strictEqual(again.length, 8192 + 1)
})

it.each([1, 2, 3, 4, 5])("reads what was appended and not dropped, and what was read stays as it is: %i", (seed) => {
  let state = seed
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  const memory = new MessageMemory()
  const fresh = () => ({ queue: makeMessageQueue(), model: new Map<number, unknown>() })
  const queues = [fresh(), fresh(), fresh()]
  const held: Array<{ readonly is: ReadonlyArray<MemoryMessage>; readonly was: ReadonlyArray<unknown> }> = []
  for (const position of range(1, 4000)) {
    const of = below(3)
    const { model, queue } = queues[of]!
    const chance = below(100)
    if (chance < 50) {
      const appended = message(below(10) === 0 ? below(3000) : 512 + below(1537), position)
      const kept = memory.keep(appended)
      for (const { model, queue } of below(2) === 0 ? queues : [queues[of]!]) {
        appendMessage(queue, position, kept)
        model.set(position, plain(appended))
      }
    } else if (chance < 90) {
      // Mostly the oldest, as acks do.
      const dropped = [...model.keys()][below(4) === 0 ? below(model.size) : 0] ?? position
      dropMessage(queue, dropped)
      model.delete(dropped)
    } else if (chance < 98) {
      const positions = [...model.keys()].slice(below(model.size), below(model.size) + 5)
      held.push({ is: readMessages(queue, positions), was: positions.map((position) => model.get(position)) })
    } else {
      dropQueue(queue)
      queues[of] = fresh()
    }
  }
  for (const { is, was } of held) assert.deepStrictEqual(is.map(plain), was)
  for (const { model, queue } of queues) {
    assert.deepStrictEqual(readMessages(queue, [...model.keys()]).map(plain), [...model.values()])
  }
})
