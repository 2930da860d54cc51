/**
 * The mediator's database: one SQLite file in a directory of its own, over `node:sqlite`.
 *
 * Owns the file, its lock and what each command does to it; synchronous, as `node:sqlite` is. Write-ahead log and
 * `synchronous = FULL`: what `apply` did is on the disk when it returns. Its thread is `StoreThread`'s.
 *
 * @since 0.1.0
 */
import type { DeviceId } from "@d2m/codec"
import { accessSync, closeSync, constants, fsyncSync, mkdirSync, openSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import type { Position } from "../PositionQueue.ts"
import type { GroupKey, GroupSnapshot, RegisterSlot, SlotSnapshot, StoredMessage } from "../StoreCommand.ts"
import { type AppendBlock, type BatchCommand, type StoreBatch, unpackBatch } from "./StoreBatch.ts"
import { countOf } from "./StoreBlock.ts"
import { StoreRefusal } from "./StoreFailure.ts"
import { checkOwner, migrate } from "./StoreMigrations.ts"
import { makeStoreQueues, type SlotRow } from "./StoreQueues.ts"

/** An open database. Every function throws what `failureOf` reads; none leaves a transaction open. */
export interface StoreFile {
  readonly load: (groupKey: GroupKey) => GroupSnapshot | undefined
  readonly read: (groupKey: GroupKey, deviceId: DeviceId, positions: ReadonlyArray<Position>) => Array<StoredMessage>
  readonly groupsWithPolicy: (expirationPolicy: number) => Array<GroupKey>
  /** All of the batches in one transaction. */
  readonly apply: (batches: ReadonlyArray<StoreBatch>) => void
  /** What a pragma answers. */
  readonly pragma: (pragma: string) => unknown
  readonly close: () => void
}

/** The database's name in its directory. */
export const storeFileName = "mediator.sqlite"

/** Bytes of a page of a new file: seven messages of a KiB lie in one, where three lie in half of it. */
const pageSize = 8_192

/** Pages in the log before they are brought into the file: about 32 MiB of appends a checkpoint. */
const checkpointPages = 2 ** 25 / pageSize

/** Groups whose row ids are remembered. */
const rememberedGroups = 10_000

/** Not Node's own recursion, which never ends in a file system that makes no directories, such as `/proc`. */
const makeDirectory = (directory: string): void => {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return
  const parent = dirname(directory)
  if (parent !== directory) makeDirectory(parent)
  mkdirSync(directory, { mode: 0o700 })
  // The entry must outlive a power cut, too; SQLite sees to those within the directory.
  const opened = openSync(parent, "r")
  fsyncSync(opened)
  closeSync(opened)
}

const inTransaction = (db: DatabaseSync, run: () => void): void => {
  db.exec("BEGIN IMMEDIATE")
  try {
    run()
    db.exec("COMMIT")
  } catch (cause) {
    // After some failures, a full disk among them, SQLite has done so itself.
    if (db.isTransaction) db.exec("ROLLBACK")
    throw cause
  }
}

/**
 * For nobody else to read: the ids of its groups are all that it takes to connect as one of them. SQLite gives its log the
 * mode of the file. A file that exists is not opened here, because closing it would drop this process's locks on it.
 */
const makeFile = (file: string): void => {
  try {
    closeSync(openSync(file, "wx", 0o600))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause
    // SQLite would open it to read, and call its locks a failure of the disk.
    accessSync(file, constants.R_OK | constants.W_OK)
  }
}

/**
 * Refuses to go on without the file that was opened, deleted or replaced meanwhile: what is written to it would be gone with
 * the process, and whoever starts here would find nothing of it.
 */
const makePlaceCheck = (file: string): (() => void) => {
  const opened = statSync(file)
  return () => {
    const found = statSync(file, { throwIfNoEntry: false })
    if (found?.ino === opened.ino && found.dev === opened.dev) return
    throw new StoreRefusal("DiskFailed", "the database is not the file any more that was opened")
  }
}

const openDatabase = (file: string): DatabaseSync => {
  const db = new DatabaseSync(file)
  try {
    // Exclusive: two mediators on one file would each promise what the other forgets.
    db.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = ${pageSize}`)
    checkOwner(db)
    const mode = Object.values(db.prepare("PRAGMA journal_mode = WAL").get() ?? {})[0]
    if (mode !== "wal") throw new StoreRefusal("Unwritable", "no write-ahead log is possible there")
    db.exec(`PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${checkpointPages}`)
    inTransaction(db, () => migrate(db))
    return db
  } catch (cause) {
    db.close()
    throw cause
  }
}

const statements = (db: DatabaseSync) => {
  const slots = db.prepare("SELECT id, device_id FROM slot WHERE group_id = ? ORDER BY id")
  slots.setReadBigInts(true)
  return {
    slots,
    group: db.prepare("SELECT id, shared_data FROM device_group WHERE key = ?"),
    addGroup: db.prepare("INSERT INTO device_group (key, shared_data) VALUES (?, x'')"),
    setSharedData: db.prepare("UPDATE device_group SET shared_data = ? WHERE id = ?"),
    forgetGroup: db.prepare("DELETE FROM device_group WHERE id = ? AND length(shared_data) = 0"),
    slot: db.prepare(
      `SELECT expiration_policy, device_info, disconnected_at, issued FROM slot JOIN counter ON slot_id = id
       WHERE id = ?`
    ),
    addSlot: db.prepare("INSERT INTO slot (group_id, device_id, expiration_policy, device_info) VALUES (?, ?, ?, ?)"),
    renewSlot: db.prepare(
      "UPDATE slot SET expiration_policy = ?, device_info = ?, disconnected_at = NULL WHERE id = ?"
    ),
    disconnectSlot: db.prepare("UPDATE slot SET disconnected_at = ? WHERE id = ?"),
    dropSlot: db.prepare("DELETE FROM slot WHERE id = ?"),
    groupsWithPolicy: db.prepare(
      `SELECT DISTINCT key FROM slot JOIN device_group ON device_group.id = group_id
       WHERE expiration_policy = ? ORDER BY device_group.id`
    ),
    addCounter: db.prepare("INSERT INTO counter VALUES (?, ?)"),
    setCounter: db.prepare("UPDATE counter SET issued = ? WHERE slot_id = ?"),
    dropCounter: db.prepare("DELETE FROM counter WHERE slot_id = ?")
  }
}

/** A group's rows. */
interface GroupRows {
  readonly id: number
  readonly slots: Map<DeviceId, SlotRow>
}

const signed = (u64: bigint): bigint => BigInt.asIntN(64, u64)
const unsigned = (i64: unknown): bigint => BigInt.asUintN(64, i64 as bigint)

// A copy in a buffer of its own, whatever `node:sqlite` hands out.
const bytes = (value: unknown): Uint8Array<ArrayBuffer> => new Uint8Array(value as Uint8Array)

/** Opens the database in this directory; makes both when they are missing. */
export const openStoreFile = (directory: string): StoreFile => {
  makeDirectory(directory)
  const file = join(directory, storeFileName)
  makeFile(file)
  const db = openDatabase(file)
  const checkPlace = makePlaceCheck(file)
  const sql = statements(db)
  const queues = makeStoreQueues(db)
  const groups = new Map<GroupKey, GroupRows>()
  /** Counters that the present transaction has moved: written once for each slot, at its end. */
  const moved = new Map<SlotRow, Position>()

  const rowsOf = (groupKey: GroupKey): GroupRows | undefined => {
    const known = groups.get(groupKey)
    if (known !== undefined) return known
    const id = sql.group.get(groupKey)?.["id"]
    return id === undefined ? undefined : remember(groupKey, Number(id))
  }

  const remember = (groupKey: GroupKey, id: number): GroupRows => {
    const slots = sql.slots.all(id).map((row) => [unsigned(row["device_id"]) as DeviceId, Number(row["id"])] as const)
    const rows: GroupRows = { id, slots: new Map(slots) }
    if (groups.size >= rememberedGroups) groups.clear()
    groups.set(groupKey, rows)
    return rows
  }

  const slotOf = (rows: GroupRows, deviceId: DeviceId): SlotRow => {
    const slot = rows.slots.get(deviceId)
    if (slot === undefined) throw new StoreRefusal("Failed", "a command concerns a slot that is not there")
    return slot
  }

  const registerSlot = (rows: GroupRows, command: RegisterSlot): void => {
    const { deviceId, encryptedDeviceInfo, expirationPolicy, issued } = command
    const known = rows.slots.get(deviceId)
    if (known !== undefined) return void sql.renewSlot.run(expirationPolicy, encryptedDeviceInfo, known)
    const added = sql.addSlot.run(rows.id, signed(deviceId), expirationPolicy, encryptedDeviceInfo)
    const slot = Number(added.lastInsertRowid)
    sql.addCounter.run(slot, issued)
    rows.slots.set(deviceId, slot)
  }

  const dropSlot = (rows: GroupRows, deviceId: DeviceId): void => {
    const slot = rows.slots.get(deviceId)
    if (slot === undefined) return
    rows.slots.delete(deviceId)
    moved.delete(slot)
    sql.dropSlot.run(slot)
    sql.dropCounter.run(slot)
    queues.drop(slot)
  }

  const append = (rows: GroupRows, block: AppendBlock): void => {
    const further = countOf(block.heads) - 1
    const to = block.to.map(({ deviceId, position }) => ({ slot: slotOf(rows, deviceId), first: position }))
    for (const { first, slot } of to) moved.set(slot, first + further)
    queues.append(to, block)
  }

  const applyCommand = (rows: GroupRows, command: BatchCommand): void => {
    switch (command._tag) {
      case "RegisterSlot":
        return registerSlot(rows, command)
      case "DisconnectSlot":
        return void sql.disconnectSlot.run(command.at, slotOf(rows, command.deviceId))
      case "DropSlot":
        return dropSlot(rows, command.deviceId)
      case "AppendBlock":
        return append(rows, command)
      case "IssueId":
        return void moved.set(slotOf(rows, command.deviceId), command.issued)
      case "Ack":
        return queues.ack(slotOf(rows, command.deviceId), command.position)
      case "SetSharedData":
        return void sql.setSharedData.run(command.encryptedSharedDeviceData, rows.id)
    }
  }

  const forgetIfEmpty = (groupKey: GroupKey, rows: GroupRows): void => {
    if (rows.slots.size === 0 && sql.forgetGroup.run(rows.id).changes !== 0) groups.delete(groupKey)
  }

  const applyBatch = (batch: StoreBatch): void => {
    for (const { commands, groupKey } of unpackBatch(batch)) {
      const rows = rowsOf(groupKey) ?? remember(groupKey, Number(sql.addGroup.run(groupKey).lastInsertRowid))
      for (const command of commands) applyCommand(rows, command)
      forgetIfEmpty(groupKey, rows)
    }
    // Ahead of the next batch, which may need the room.
    queues.settle()
  }

  const snapshotOf = (deviceId: DeviceId, slot: SlotRow): SlotSnapshot => {
    const row = sql.slot.get(slot)!
    const disconnectedAt = row["disconnected_at"]
    return {
      deviceId,
      expirationPolicy: Number(row["expiration_policy"]),
      encryptedDeviceInfo: bytes(row["device_info"]),
      issued: Number(row["issued"]),
      ...(disconnectedAt === null ? {} : { lastDisconnectAt: Number(disconnectedAt) }),
      queue: queues.list(slot)
    }
  }

  return {
    load: (groupKey) => {
      checkPlace()
      const rows = rowsOf(groupKey)
      const group = sql.group.get(groupKey)
      if (rows === undefined || group === undefined) return undefined
      return {
        encryptedSharedDeviceData: bytes(group["shared_data"]),
        slots: Array.from(rows.slots, ([deviceId, slot]) => snapshotOf(deviceId, slot))
      }
    },

    read: (groupKey, deviceId, positions) => {
      const slot = rowsOf(groupKey)?.slots.get(deviceId)
      return slot === undefined ? [] : queues.read(slot, positions)
    },

    groupsWithPolicy: (expirationPolicy) => sql.groupsWithPolicy.all(expirationPolicy).map(({ key }) => String(key)),

    apply: (batches) => {
      checkPlace()
      try {
        inTransaction(db, () => {
          for (const batch of batches) applyBatch(batch)
          for (const [slot, issued] of moved) sql.setCounter.run(issued, slot)
        })
      } catch (cause) {
        // What was remembered may have been rolled back.
        groups.clear()
        throw cause
      } finally {
        moved.clear()
        queues.discard()
      }
    },

    pragma: (pragma) => Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0],
    close: () => db.close()
  }
}
