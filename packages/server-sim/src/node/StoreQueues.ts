/**
 * The queues of the slots in the mediator's database.
 *
 * Owns stretches: runs of positions in the queue of one slot, whose envelopes follow one another in a block (`StoreBlock`). An
 * ack cuts its stretch, and a block goes with the last stretch of it.
 *
 * @since 0.1.0
 */
import type { DatabaseSync } from "node:sqlite"
import type { Position } from "../PositionQueue.ts"
import type { SlotSnapshot, StoredMessage } from "../StoreCommand.ts"
import { StoreRefusal } from "./StoreFailure.ts"
import { type Block, blockMessages, countOf, type Heads, readHeads } from "./StoreBlock.ts"

/** A slot's row. */
export type SlotRow = number

/** All that is written here is part of a transaction of whoever calls. */
export interface StoreQueues {
  /** Appends a block to the queues of these slots, each at the position of its first message. */
  readonly append: (
    to: ReadonlyArray<{ readonly slot: SlotRow; readonly first: Position }>,
    block: Pick<Block, "heads" | "envelopes">
  ) => void
  /** Removes a message in `settle`, whether it was appended before or after: acks one after the other are carried out as one. */
  readonly ack: (slot: SlotRow, position: Position) => void
  /** Empties the queue of a slot. */
  readonly drop: (slot: SlotRow) => void
  /** Carries out the acks that wait. */
  readonly settle: () => void
  /** Forgets the acks that wait. */
  readonly discard: () => void
  readonly list: (slot: SlotRow) => SlotSnapshot["queue"]
  /** The messages at these positions, those that are not there left out. Envelopes are views. */
  readonly read: (slot: SlotRow, positions: ReadonlyArray<Position>) => Array<StoredMessage>
}

interface Stretch {
  readonly first: Position
  readonly last: Position
  readonly blockId: number
  /** Messages of the block ahead of its first. */
  readonly skipped: number
  /** Whether the block was for several slots. */
  readonly shared: number
}

/** A block that is gone through from its first message on. */
interface OpenBlock {
  readonly id: number
  readonly heads: Heads
  readonly envelopes: Uint8Array
  /** Of the message that is next, and where its envelope begins. */
  index: number
  offset: number
}

const noHeads = readHeads(new Uint8Array(0))

const statements = (db: DatabaseSync) => ({
  addBlock: db.prepare("INSERT INTO block (heads, envelopes) VALUES (?, ?)"),
  addStretch: db.prepare("INSERT INTO stretch VALUES (?, ?, ?, ?, ?, ?)"),
  endStretch: db.prepare("UPDATE stretch SET last = ? WHERE slot_id = ? AND first = ?"),
  dropStretch: db.prepare("DELETE FROM stretch WHERE slot_id = ? AND first = ?"),
  // From the last one that begins at a position or ahead of it, up to another. Without numbers in the parameters: Node 22 takes
  // those for names.
  stretches: db.prepare(
    `SELECT first, last, block_id, skipped, shared FROM stretch
     WHERE slot_id = ? AND first >= ifnull((SELECT max(first) FROM stretch WHERE slot_id = ? AND first <= ?), 0)
     AND first <= ?`
  ),
  dropShared: db.prepare(
    "DELETE FROM block WHERE id = ? AND NOT EXISTS (SELECT 1 FROM stretch WHERE shared AND block_id = block.id)"
  ),
  dropAlone: db.prepare(
    `DELETE FROM block WHERE id = ? AND NOT EXISTS
     (SELECT 1 FROM stretch WHERE slot_id = ? AND first BETWEEN ? AND ? AND block_id = block.id)`
  ),
  block: db.prepare("SELECT heads, envelopes FROM block WHERE id = ?"),
  heads: db.prepare("SELECT heads FROM block WHERE id = ?"),
  queue: db.prepare("SELECT first, last, block_id, skipped FROM stretch WHERE slot_id = ? ORDER BY first")
})

/** The queues of an open database that has the tables of the latest version. */
export const makeStoreQueues = (db: DatabaseSync): StoreQueues => {
  const sql = statements(db)
  /** What has been acked, slot by slot, as runs of positions. */
  const acked = new Map<SlotRow, Array<{ first: Position; last: Position }>>()

  /** Those that hold one of these positions at least, in their order. */
  const stretchesWith = (slot: SlotRow, first: Position, last: Position): Array<Stretch> => {
    const found: Array<Stretch> = []
    for (const row of sql.stretches.all(slot, slot, first, last)) {
      const stretch = {
        first: Number(row["first"]),
        last: Number(row["last"]),
        blockId: Number(row["block_id"]),
        skipped: Number(row["skipped"]),
        shared: Number(row["shared"])
      }
      if (stretch.last >= first) found.push(stretch)
    }
    return found
  }

  /** A row of a block, which is there as long as a stretch is: without it, the file is damaged. */
  const rowOf = (query: typeof sql.block, id: number) => {
    const row = query.get(id)
    if (row === undefined) throw new StoreRefusal("Corrupt", `block ${id} is missing`)
    return row
  }

  const openBlock = (id: number): OpenBlock => {
    const row = rowOf(sql.block, id)
    const heads = readHeads(row["heads"] as Uint8Array)
    return { id, heads, envelopes: row["envelopes"] as Uint8Array, index: 0, offset: 0 }
  }

  /** Removes a block of which a stretch was the last. */
  const dropBlock = (slot: SlotRow, { blockId, first, shared, skipped }: Stretch): void => {
    if (shared !== 0) return void sql.dropShared.run(blockId)
    const start = first - skipped
    sql.dropAlone.run(blockId, slot, start, start + blockMessages - 1)
  }

  const remove = (slot: SlotRow, first: Position, last: Position): void => {
    for (const stretch of stretchesWith(slot, first, last)) {
      const { blockId, shared, skipped } = stretch
      if (stretch.first < first) sql.endStretch.run(first - 1, slot, stretch.first)
      else sql.dropStretch.run(slot, stretch.first)
      if (stretch.last > last) {
        sql.addStretch.run(slot, last + 1, stretch.last, blockId, skipped + last + 1 - stretch.first, shared)
      } else if (stretch.first >= first) dropBlock(slot, stretch)
    }
  }

  return {
    append: (to, { envelopes, heads }) => {
      const { lastInsertRowid } = sql.addBlock.run(heads, envelopes)
      const further = countOf(heads) - 1
      const shared = to.length > 1 ? 1 : 0
      for (const { first, slot } of to) sql.addStretch.run(slot, first, first + further, lastInsertRowid, 0, shared)
    },

    ack: (slot, position) => {
      const runs = acked.get(slot)
      const run = runs?.at(-1)
      if (run?.last === position - 1) run.last = position
      else if (run?.first === position + 1) run.first = position
      else if (runs === undefined) acked.set(slot, [{ first: position, last: position }])
      else runs.push({ first: position, last: position })
    },

    drop: (slot) => {
      acked.delete(slot)
      remove(slot, 0, Number.MAX_SAFE_INTEGER)
    },

    settle: () => {
      for (const [slot, runs] of acked) for (const { first, last } of runs) remove(slot, first, last)
      acked.clear()
    },

    discard: () => acked.clear(),

    list: (slot) => {
      const positions: Array<Position> = []
      const sizes: Array<number> = []
      let blockId: number | undefined
      let heads = noHeads
      for (const row of sql.queue.all(slot)) {
        // Acks may leave a hundred pieces of a block: its heads are read once for all of them.
        if (blockId !== row["block_id"]) {
          blockId = Number(row["block_id"])
          heads = readHeads(rowOf(sql.heads, blockId)["heads"] as Uint8Array)
        }
        const first = Number(row["first"])
        const last = Number(row["last"])
        const skipped = Number(row["skipped"])
        for (let position = first; position <= last; position++) {
          positions.push(position)
          sizes.push(heads.sizeAt(skipped + position - first))
        }
      }
      return { positions, sizes }
    },

    read: (slot, positions) => {
      const found: Array<StoredMessage> = []
      let block: OpenBlock | undefined
      for (let n = 0; n < positions.length;) {
        const [stretch] = stretchesWith(slot, positions[n]!, positions[n]!)
        if (stretch === undefined) {
          n++
          continue
        }
        const { blockId, first, last, skipped } = stretch
        const indexOf = (position: Position): number => skipped + position - first
        if (block?.id !== blockId || indexOf(positions[n]!) < block.index) block = openBlock(blockId)
        const { envelopes, heads } = block
        for (; positions[n]! <= last && indexOf(positions[n]!) >= block.index; n++) {
          const position = positions[n]!
          for (const end = indexOf(position); block.index < end; block.index++)
            block.offset += heads.sizeAt(block.index)
          const { index, offset } = block
          found.push({
            position,
            flags: heads.flagsAt(index),
            timestamp: heads.timestampAt(index),
            envelope: envelopes.subarray(offset, offset + heads.sizeAt(index))
          })
        }
      }
      return found
    }
  }
}
