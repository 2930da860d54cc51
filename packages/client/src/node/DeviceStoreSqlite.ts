/**
 * The device store that survives its process: one SQLite file for one device, over `node:sqlite`.
 * Owns the tables, their versions, and the promise that what was written is on the disk.
 * Leaves the meaning of what it keeps to `DeviceStore`.
 */
import { ReflectedId, Timestamp } from "@d2m/codec"
import { Effect, Layer, Option, Stream } from "effect"
import { accessSync, closeSync, constants, openSync } from "node:fs"
import type { DatabaseSync, StatementSync } from "node:sqlite"
import {
  blobSourceKey,
  defaultQuarantineCapacity,
  DeviceStore,
  type LatestBlob,
  type QuarantineEntry,
  QuarantineFull,
  type QuarantineReason,
  sentBlobsKept,
  type SlotExpectation,
  DeviceStoreError
} from "../DeviceStore.ts"
import { platformError } from "../TransportError.ts"

/**
 * Where the file of a device is, and how much it may keep aside.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeviceStoreSqliteOptions {
  /** The file, made when it is missing; its folder is not. While open, a file beside it that ends in `-wal` belongs to it. */
  readonly filename: string
  /**
   * Tells the device from every other, e.g. by the ids of its group and its own. It is written into a file that has none; one
   * of another device fails with `Foreign`, so that no two devices take each other's nonces and slot for their own.
   */
  readonly owner?: string
  /** How many messages the quarantine holds; 1000. */
  readonly quarantineCapacity?: number
}

// Entry n brings a file from version n to n + 1. Once released, an entry is never changed, only followed by another.
// u64 values are decimal text, because SQLite's integers are signed; free text is UTF-8 in a blob, because Node 22 cuts
// text at a zero character.
const migrations: ReadonlyArray<string> = [
  `CREATE TABLE slot (id INTEGER PRIMARY KEY CHECK (id = 0), expectation TEXT NOT NULL) STRICT;
   CREATE TABLE nonce (hashed BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
   CREATE TABLE blob (source TEXT PRIMARY KEY, nonce BLOB NOT NULL, hash BLOB NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE quarantine (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     reflected_id INTEGER NOT NULL,
     flags INTEGER NOT NULL,
     timestamp TEXT NOT NULL,
     envelope BLOB NOT NULL,
     reason TEXT NOT NULL,
     detail BLOB NOT NULL,
     quarantined_at INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX quarantine_message ON quarantine (reflected_id, timestamp);`,
  `CREATE TABLE owner (id INTEGER PRIMARY KEY CHECK (id = 0), name TEXT NOT NULL) STRICT;`,
  // Whether shared data on record was served or only sent is not known: taken for sent, either may still be served.
  `CREATE TABLE sent_blob (
     id INTEGER PRIMARY KEY, source TEXT NOT NULL, nonce BLOB NOT NULL, hash BLOB NOT NULL
   ) STRICT;
   CREATE TABLE blob_nonce (hashed BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
   INSERT INTO blob_nonce SELECT DISTINCT nonce FROM blob;
   INSERT INTO sent_blob (source, nonce, hash) SELECT source, nonce, hash FROM blob WHERE source = 'shared-device-data';
   DELETE FROM blob WHERE source = 'shared-device-data';`
]

// "D2M1": tells a device store from any other program's SQLite file.
const applicationId = 0x44_32_4d_31

const noncesPerPage = 512

// https://sqlite.org/rescode.html, primary codes.
const reasonOf = (code: number): DeviceStoreError["reason"] => {
  switch (code & 0xff) {
    case 5: // BUSY
    case 6: // LOCKED
      return "InUse"
    case 3: // PERM
    case 8: // READONLY
    case 14: // CANTOPEN
      return "Unwritable"
    case 11: // CORRUPT
      return "Corrupt"
    case 26: // NOTADB
      return "Foreign"
    case 13: // FULL
      return "Full"
    case 10: // IOERR
      return "DiskFailed"
    default:
      return "Failed"
  }
}

const storeError = (operation: string, cause: unknown): DeviceStoreError => {
  if (cause instanceof DeviceStoreError) return cause
  const { code, detail } = platformError(cause)
  if (code === "ERR_INVALID_STATE") return new DeviceStoreError({ reason: "Closed", operation, detail })
  const errcode = typeof cause === "object" && cause !== null && "errcode" in cause ? Number(cause.errcode) : 0
  const reason = reasonOf(errcode)
  return new DeviceStoreError({
    reason,
    operation,
    detail: reason === "InUse" ? "another device store has it open, in this process or another" : detail
  })
}

const attempt = <A>(operation: string, run: () => A): Effect.Effect<A, DeviceStoreError> =>
  Effect.try({ try: run, catch: (cause) => storeError(operation, cause) })

const inTransaction = <A>(db: DatabaseSync, run: () => A): A => {
  db.exec("BEGIN IMMEDIATE")
  try {
    const result = run()
    db.exec("COMMIT")
    return result
  } catch (cause) {
    if (db.isTransaction) db.exec("ROLLBACK")
    throw cause
  }
}

const number = (db: DatabaseSync, sql: string): number => Number(Object.values(db.prepare(sql).get() ?? {})[0] ?? 0)

const refused = (reason: DeviceStoreError["reason"], detail: string): DeviceStoreError =>
  new DeviceStoreError({ reason, operation: "open its file", detail })

const isEmpty = (db: DatabaseSync): boolean => number(db, "SELECT count(*) FROM sqlite_schema") === 0

const migrate = (db: DatabaseSync): void => {
  if (isEmpty(db)) {
    db.exec(`PRAGMA application_id = ${applicationId};
      CREATE TABLE schema_version (id INTEGER PRIMARY KEY CHECK (id = 0), version INTEGER NOT NULL) STRICT;
      INSERT INTO schema_version VALUES (0, 0)`)
  }
  const version = number(db, "SELECT version FROM schema_version")
  if (version > migrations.length) {
    throw refused("NewerVersion", `the file has version ${version}, this release knows ${migrations.length}`)
  }
  for (const migration of migrations.slice(version)) db.exec(migration)
  db.prepare("UPDATE schema_version SET version = ?").run(migrations.length)
}

/**
 * For nobody else to read: it tells who is in the group, and when messages came. SQLite gives its log the mode of the file.
 * A file that exists is not opened here, because closing it would drop this process's locks on it.
 */
const makeFile = (filename: string): void => {
  if (filename === ":memory:") return
  try {
    closeSync(openSync(filename, "wx", 0o600))
  } catch (cause) {
    const { code } = platformError(cause)
    if (code === "EEXIST") return checkAccess(filename)
    throw refused(code === "ENOSPC" ? "Full" : "Unwritable", `${JSON.stringify(filename)} cannot be opened: ${code}`)
  }
}

/** SQLite would open what may only be read, and call its locks a failure of the disk. */
const checkAccess = (filename: string): void => {
  try {
    accessSync(filename, constants.R_OK | constants.W_OK)
  } catch (cause) {
    throw refused("Unwritable", `${JSON.stringify(filename)} cannot be opened: ${platformError(cause).code}`)
  }
}

const claim = (db: DatabaseSync, owner: string): void => {
  db.prepare("INSERT INTO owner VALUES (0, ?) ON CONFLICT DO NOTHING").run(owner)
  if (db.prepare("SELECT name FROM owner").get()?.["name"] !== owner) {
    throw refused("Foreign", "the file belongs to another device")
  }
}

const open = (Sqlite: typeof DatabaseSync, { filename, owner }: DeviceStoreSqliteOptions): DatabaseSync => {
  makeFile(filename)
  const db = new Sqlite(filename)
  try {
    // Exclusive: two processes with one store would each ack what the other still handles.
    db.exec("PRAGMA locking_mode = EXCLUSIVE")
    const id = number(db, "PRAGMA application_id")
    if (id !== applicationId && !(id === 0 && isEmpty(db))) {
      throw refused("Foreign", "the file belongs to another program")
    }
    const mode = Object.values(db.prepare("PRAGMA journal_mode = WAL").get() ?? {})[0]
    if (mode !== "wal") {
      throw refused("Unwritable", `no write-ahead log is possible at ${JSON.stringify(filename)}`)
    }
    db.exec("PRAGMA synchronous = FULL")
    inTransaction(db, () => {
      migrate(db)
      if (owner !== undefined) claim(db, owner)
    })
    return db
  } catch (cause) {
    db.close()
    throw cause
  }
}

// A copy in a buffer of its own, whatever `node:sqlite` hands out.
const bytes = (value: unknown): Uint8Array => new Uint8Array(value as Uint8Array)

type Row = ReturnType<StatementSync["all"]>[number]

const blobOf = (row: Row): LatestBlob => ({ nonce: bytes(row["nonce"]), hash: bytes(row["hash"]) })

const entryOf = (row: Row): QuarantineEntry => ({
  id: Number(row["id"]),
  reflectedId: ReflectedId.make(Number(row["reflected_id"])),
  flags: Number(row["flags"]),
  timestamp: Timestamp.make(BigInt(String(row["timestamp"]))),
  envelope: bytes(row["envelope"]),
  reason: String(row["reason"]) as QuarantineReason,
  detail: new TextDecoder().decode(bytes(row["detail"])),
  quarantinedAt: Number(row["quarantined_at"])
})

const make = Effect.fnUntraced(function* (options: DeviceStoreSqliteOptions) {
  const capacity = options.quarantineCapacity ?? defaultQuarantineCapacity
  const { DatabaseSync: Sqlite } = yield* Effect.tryPromise({
    // Not at the top: an application without this store need not have `node:sqlite`, nor see its warning.
    try: () => import("node:sqlite"),
    catch: (cause) =>
      new DeviceStoreError({ reason: "Unsupported", operation: "open its file", detail: platformError(cause).detail })
  })
  const db = yield* Effect.acquireRelease(
    attempt("open its file", () => open(Sqlite, options)),
    (opened) => Effect.sync(() => opened.close())
  )
  const sql = yield* attempt("open its file", () => ({
    slot: db.prepare("SELECT expectation FROM slot"),
    setSlot: db.prepare("INSERT INTO slot VALUES (0, ?) ON CONFLICT DO UPDATE SET expectation = excluded.expectation"),
    hasNonce: db.prepare("SELECT 1 FROM nonce WHERE hashed = ?"),
    addNonce: db.prepare("INSERT INTO nonce VALUES (?) ON CONFLICT DO NOTHING"),
    nonces: db.prepare(`SELECT hashed FROM nonce WHERE hashed > ? ORDER BY hashed LIMIT ${noncesPerPage}`),
    blob: db.prepare("SELECT nonce, hash FROM blob WHERE source = ?"),
    setBlob: db.prepare(`INSERT INTO blob VALUES (?, ?, ?)
      ON CONFLICT DO UPDATE SET nonce = excluded.nonce, hash = excluded.hash`),
    sentBlobs: db.prepare("SELECT nonce, hash FROM sent_blob WHERE source = ? ORDER BY id"),
    addSentBlob: db.prepare("INSERT INTO sent_blob (source, nonce, hash) VALUES (?, ?, ?)"),
    trimSentBlobs: db.prepare(`DELETE FROM sent_blob WHERE source = ? AND id <=
      (SELECT id FROM sent_blob WHERE source = ? ORDER BY id DESC LIMIT 1 OFFSET ${sentBlobsKept})`),
    clearSentBlobs: db.prepare("DELETE FROM sent_blob WHERE source = ?"),
    hasBlobNonce: db.prepare("SELECT 1 FROM blob_nonce WHERE hashed = ?"),
    addBlobNonce: db.prepare("INSERT INTO blob_nonce VALUES (?) ON CONFLICT DO NOTHING"),
    known: db.prepare("SELECT id FROM quarantine WHERE reflected_id = ? AND timestamp = ? AND envelope = ?"),
    count: db.prepare("SELECT count(*) AS n FROM quarantine"),
    quarantine: db.prepare(`INSERT INTO quarantine
      (reflected_id, flags, timestamp, envelope, reason, detail, quarantined_at) VALUES (?, ?, ?, ?, ?, ?, ?)`),
    quarantined: db.prepare("SELECT * FROM quarantine ORDER BY id"),
    quarantineEntry: db.prepare("SELECT * FROM quarantine WHERE id = ?"),
    release: db.prepare("DELETE FROM quarantine WHERE id = ?")
  }))

  const keepAside = (entry: Omit<QuarantineEntry, "id">): number | undefined => {
    const { envelope, flags, reason, reflectedId } = entry
    const timestamp = entry.timestamp.toString()
    const known = sql.known.get(reflectedId, timestamp, envelope)
    if (known !== undefined) return Number(known["id"])
    if (Number(sql.count.get()?.["n"]) >= capacity) return undefined
    const detail = new TextEncoder().encode(entry.detail)
    const at = Math.trunc(entry.quarantinedAt)
    return Number(sql.quarantine.run(reflectedId, flags, timestamp, envelope, reason, detail, at).lastInsertRowid)
  }

  const addBlobNonce = (nonce: Uint8Array): void => {
    sql.addNonce.run(nonce)
    sql.addBlobNonce.run(nonce)
  }

  const page = (after: Uint8Array) =>
    Effect.map(
      attempt("list its nonces", () => sql.nonces.all(after).map((row) => bytes(row["hashed"]))),
      (hashed) => [hashed, hashed.length < noncesPerPage ? Option.none() : Option.fromNullishOr(hashed.at(-1))] as const
    )

  return DeviceStore.of({
    slot: attempt("read its slot", () => (sql.slot.get()?.["expectation"] ?? "New") as SlotExpectation),
    setSlot: (slot) => attempt("keep its slot", () => void sql.setSlot.run(slot)),
    hasNonces: (hashed) =>
      attempt("look up nonces", () => hashed.map((nonce) => sql.hasNonce.get(nonce) !== undefined)),
    addNonces: (hashed) =>
      attempt("keep nonces", () => {
        if (hashed.length === 0) return
        inTransaction(db, () => {
          for (const nonce of hashed) sql.addNonce.run(nonce)
        })
      }),
    nonces: Stream.paginate(new Uint8Array(), page),
    latestBlob: (source) =>
      attempt("read a latest blob", () =>
        Option.map(Option.fromNullishOr(sql.blob.get(blobSourceKey(source))), blobOf)
      ),
    setLatestBlob: (source, blob) =>
      attempt("keep a latest blob", () =>
        inTransaction(db, () => {
          addBlobNonce(blob.nonce)
          sql.setBlob.run(blobSourceKey(source), blob.nonce, blob.hash)
          sql.clearSentBlobs.run(blobSourceKey(source))
        })
      ),
    sentBlobs: (source) => attempt("read sent blobs", () => sql.sentBlobs.all(blobSourceKey(source)).map(blobOf)),
    addSentBlob: (source, blob) =>
      attempt("keep a sent blob", () =>
        inTransaction(db, () => {
          addBlobNonce(blob.nonce)
          const key = blobSourceKey(source)
          sql.addSentBlob.run(key, blob.nonce, blob.hash)
          sql.trimSentBlobs.run(key, key)
        })
      ),
    hasBlobNonce: (hashed) => attempt("look up a blob's nonce", () => sql.hasBlobNonce.get(hashed) !== undefined),
    quarantine: (entry, nonce) =>
      Effect.flatMap(
        attempt("quarantine a message", () =>
          inTransaction(db, () => {
            const id = keepAside(entry)
            if (id !== undefined && nonce !== undefined) sql.addNonce.run(nonce)
            return id
          })
        ),
        (id) => (id === undefined ? Effect.fail(new QuarantineFull({ capacity })) : Effect.succeed(id))
      ),
    quarantined: attempt("list its quarantine", () => sql.quarantined.all().map(entryOf)),
    quarantineEntry: (id) =>
      attempt("read a quarantined message", () =>
        Option.map(Option.fromNullishOr(sql.quarantineEntry.get(id)), entryOf)
      ),
    release: (id) => attempt("release a message", () => void sql.release.run(id))
  })
})

/**
 * A `DeviceStore` in one SQLite file, for one device and one process at a time.
 *
 * What a write promises is on the disk when the write returns (write-ahead log, `synchronous = FULL`). Building the layer
 * fails with `InUse` when another store has the file open, `Unwritable`, `Corrupt`, `Foreign`, `NewerVersion`, or `Unsupported`
 * where the platform has no `node:sqlite`. A file of an earlier release is brought up to date.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDeviceStoreSqlite = (options: DeviceStoreSqliteOptions): Layer.Layer<DeviceStore, DeviceStoreError> =>
  Layer.effect(DeviceStore, make(options))
