/** The queues of the mediator's database, where acks have cut them into many pieces. */
import { assert, describe, it } from "@effect/vitest"
import { Option, Result } from "effect"
import { DatabaseSync } from "node:sqlite"
import { headBytes, putHeads } from "../src/node/StoreBlock.ts"
import { failureOf } from "../src/node/StoreFailure.ts"
import { migrate } from "../src/node/StoreMigrations.ts"
import { makeStoreQueues } from "../src/node/StoreQueues.ts"

const slot = 1
const perBlock = 256
const blocks = 16
const size = 200

/** A queue of full blocks, every second message of which was acked. */
const cutUp = () => {
  const db = new DatabaseSync(":memory:")
  migrate(db)
  const queues = makeStoreQueues(db)
  const messages = Array.from({ length: perBlock }, () => ({
    _tag: "Append" as const,
    flags: 0,
    timestamp: 1n,
    envelope: new Uint8Array(size),
    to: []
  }))
  const heads = new Uint8Array(perBlock * headBytes)
  putHeads(new DataView(heads.buffer), 0, messages)
  const left: Array<number> = []
  for (let block = 0; block < blocks; block++) {
    const first = 1 + block * perBlock
    const envelopes = Uint8Array.from({ length: perBlock * size }, (_, at) => Math.trunc(at / size))
    queues.append([{ slot, first }], { heads, envelopes })
    for (let position = first; position < first + perBlock; position += 2) {
      queues.ack(slot, position)
      left.push(position + 1)
    }
  }
  queues.settle()
  return { db, queues, left }
}

/** Bytes outside the heap that it takes, those included that it has let go of. */
const bytesOf = <A>(run: () => A): { readonly result: A; readonly bytes: number } => {
  const before = process.memoryUsage().arrayBuffers
  const result = run()
  return { result, bytes: process.memoryUsage().arrayBuffers - before }
}

describe("a queue that acks have cut up", () => {
  it("is listed without more memory for each piece than the piece is", () => {
    const { left, queues } = cutUp()
    const { bytes, result } = bytesOf(() => queues.list(slot))
    assert.deepStrictEqual(result, { positions: left, sizes: left.map(() => size) })
    assert.isBelow(bytes, 2 * blocks * perBlock * headBytes)
  })

  it("is read block by block, in whatever order", () => {
    const { left, queues } = cutUp()
    const { bytes, result } = bytesOf(() => queues.read(slot, left))
    assert.deepStrictEqual(
      result.map(({ envelope, position }) => [position, envelope.length, envelope[0], envelope.at(-1)]),
      left.map((position) => [position, size, (position - 1) % perBlock, (position - 1) % perBlock])
    )
    assert.isBelow(bytes, 2 * blocks * perBlock * (headBytes + size))
    const backwards = left.toReversed()
    assert.deepStrictEqual(
      queues.read(slot, backwards).map(({ position }) => position),
      backwards
    )
  })
})

it("a block that is missing is told as damage, in a list and in a read", () => {
  const { db, left, queues } = cutUp()
  db.exec("PRAGMA foreign_keys = OFF; DELETE FROM block WHERE id = 3")
  for (const use of [() => queues.list(slot), () => queues.read(slot, left)]) {
    const failure = Result.getFailure(Result.mapError(Result.try<unknown>(use), failureOf))
    assert.deepStrictEqual(failure, Option.some({ reason: "Corrupt", detail: "block 3 is missing" }))
  }
})
