/**
 * The queues of the slots in the mediator's database.
 *
 * Owns stretches: runs of positions in the queue of one slot, whose envelopes follow one another in a block (`StoreBlock`). An
 * ack cuts its stretch, and a block goes with the last stretch of it.
 *
 * @since 0.1.0
 */
import type { DatabaseSync } from "node:sqlite"
import type { StoredMessage } from "../MediatorStore.ts"
import type { Position } from "../PositionQueue.ts"
import type { SlotSnapshot } from "../StoreCommand.ts"
import { type Block, headBytes, readHeads } from "./StoreBlock.ts"

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

const statements = (db: DatabaseSync) => ({
  addBlock: db.prepare("INSERT INTO block (heads, envelopes) VALUES (?, ?)"),
  addStretch: db.prepare("INSERT INTO stretch VALUES (?, ?, ?, ?, ?)"),
  endStretch: db.prepare("UPDATE stretch SET last = ? WHERE slot_id = ? AND first = ?"),
  stretchAt: db.prepare(
    "SELECT first, last, block_id, skipped FROM stretch WHERE slot_id = ? AND first <= ? ORDER BY first DESC LIMIT 1"
  ),
  dropStretches: db.prepare("DELETE FROM stretch WHERE slot_id = ? AND first BETWEEN ? AND ?"),
  blocksBetween: db.prepare("SELECT DISTINCT block_id FROM stretch WHERE slot_id = ? AND first BETWEEN ? AND ?"),
  dropBlock: db.prepare(
    "DELETE FROM block WHERE id = ? AND NOT EXISTS (SELECT 1 FROM stretch WHERE block_id = block.id)"
  ),
  block: db.prepare("SELECT heads, envelopes FROM block WHERE id = ?"),
  queue: db.prepare(
    `SELECT first, last, skipped, heads FROM stretch JOIN block ON block.id = block_id
     WHERE slot_id = ? ORDER BY first`
  )
})

/** The queues of an open database that has the tables of the latest version. */
export const makeStoreQueues = (db: DatabaseSync): StoreQueues => {
  const sql = statements(db)
  /** What has been acked, slot by slot, as runs of positions. */
  const acked = new Map<SlotRow, Array<{ first: Position; last: Position }>>()

  const stretchAt = (slot: SlotRow, position: Position) => {
    const row = sql.stretchAt.get(slot, position)
    if (row === undefined || Number(row["last"]) < position) return undefined
    return {
      first: Number(row["first"]),
      last: Number(row["last"]),
      blockId: Number(row["block_id"]),
      skipped: Number(row["skipped"])
    }
  }

  /** Sees to it that no stretch holds both this position and the one ahead of it. */
  const cut = (slot: SlotRow, position: Position): void => {
    const stretch = stretchAt(slot, position)
    if (stretch === undefined || stretch.first === position) return
    const { blockId, first, last, skipped } = stretch
    sql.endStretch.run(position - 1, slot, first)
    sql.addStretch.run(slot, position, last, blockId, skipped + position - first)
  }

  /** Of stretches that lie within these positions or outside. */
  const remove = (slot: SlotRow, first: Position, last: Position): void => {
    const blocks = sql.blocksBetween.all(slot, first, last)
    sql.dropStretches.run(slot, first, last)
    for (const { block_id } of blocks) sql.dropBlock.run(block_id!)
  }

  const removeAcked = (slot: SlotRow, first: Position, last: Position): void => {
    cut(slot, first)
    cut(slot, last + 1)
    remove(slot, first, last)
  }

  return {
    append: (to, { envelopes, heads }) => {
      const { lastInsertRowid } = sql.addBlock.run(heads, envelopes)
      const further = heads.length / headBytes - 1
      for (const { first, slot } of to) sql.addStretch.run(slot, first, first + further, lastInsertRowid, 0)
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
      for (const [slot, runs] of acked) for (const { first, last } of runs) removeAcked(slot, first, last)
      acked.clear()
    },

    discard: () => acked.clear(),

    list: (slot) => {
      const positions: Array<Position> = []
      const sizes: Array<number> = []
      for (const row of sql.queue.all(slot)) {
        const heads = readHeads(row["heads"] as Uint8Array)
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
      for (let n = 0; n < positions.length;) {
        const stretch = stretchAt(slot, positions[n]!)
        if (stretch === undefined) {
          n++
          continue
        }
        const { blockId, first, last, skipped } = stretch
        const block = sql.block.get(blockId)!
        const heads = readHeads(block["heads"] as Uint8Array)
        const envelopes = block["envelopes"] as Uint8Array
        let index = 0
        let offset = 0
        for (; positions[n]! <= last && skipped + positions[n]! - first >= index; n++) {
          const position = positions[n]!
          for (const end = skipped + position - first; index < end; index++) offset += heads.sizeAt(index)
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
