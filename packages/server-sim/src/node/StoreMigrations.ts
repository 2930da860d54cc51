/**
 * The tables of the mediator's database, from the first version on.
 *
 * Owns the schema and its versions (`user_version`), and tells the mediator's file from every other (`application_id`).
 *
 * @since 0.1.0
 */
import type { DatabaseSync } from "node:sqlite"
import { StoreRefusal } from "./StoreFailure.ts"

/** "D2Mm": the store of a mediator, and not any other program's SQLite file. */
const applicationId = 0x44_32_4d_6d

/**
 * Entry n brings a file from version n to n + 1. Once released, an entry is never changed, only followed by another.
 *
 * An envelope is stored once, however many queues it stands in; what the queue limits and a listing need stands beside
 * each reference, so that neither touches an envelope. A slot's counter, written with every message, has a row of its
 * own, apart from the device info of up to 64 KiB. 64-bit numbers of the protocol are unsigned and stored as the signed
 * number of the same bits. Slots are in the order of their registration.
 */
export const migrations: ReadonlyArray<string> = [
  `CREATE TABLE device_group (
     id INTEGER PRIMARY KEY,
     key TEXT NOT NULL UNIQUE,
     shared_data BLOB NOT NULL
   ) STRICT;
   CREATE TABLE slot (
     id INTEGER PRIMARY KEY,
     group_id INTEGER NOT NULL,
     device_id INTEGER NOT NULL,
     expiration_policy INTEGER NOT NULL,
     device_info BLOB NOT NULL,
     disconnected_at INTEGER,
     UNIQUE (group_id, device_id)
   ) STRICT;
   CREATE INDEX slot_policy ON slot (expiration_policy);
   CREATE TABLE counter (slot_id INTEGER PRIMARY KEY, issued INTEGER NOT NULL) STRICT;
   CREATE TABLE envelope (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
   CREATE TABLE queued (
     slot_id INTEGER NOT NULL,
     position INTEGER NOT NULL,
     envelope_id INTEGER NOT NULL,
     size INTEGER NOT NULL,
     flags INTEGER NOT NULL,
     timestamp INTEGER NOT NULL,
     PRIMARY KEY (slot_id, position)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX queued_envelope ON queued (envelope_id);`,
  // A message for one slot alone, as of a group of two devices, stands with its envelope in one row. The index holds all that a
  // listing needs.
  `CREATE TABLE alone (
     id INTEGER PRIMARY KEY,
     slot_id INTEGER NOT NULL,
     position INTEGER NOT NULL,
     size INTEGER NOT NULL,
     flags INTEGER NOT NULL,
     timestamp INTEGER NOT NULL,
     bytes BLOB NOT NULL
   ) STRICT;
   CREATE UNIQUE INDEX alone_place ON alone (slot_id, position, size);`,
  // Messages that are reflected in one go to the same slots lie together in one block. Each of those that are on record becomes
  // a block of its own, those for one slot behind all others. What is left of a block in one slot alone is found by its
  // positions, so that the messages of a group of two devices are in no index.
  `CREATE TABLE block (id INTEGER PRIMARY KEY, heads BLOB NOT NULL, envelopes BLOB NOT NULL) STRICT;
   CREATE TABLE stretch (
     slot_id INTEGER NOT NULL,
     first INTEGER NOT NULL,
     last INTEGER NOT NULL,
     block_id INTEGER NOT NULL,
     skipped INTEGER NOT NULL,
     shared INTEGER NOT NULL,
     PRIMARY KEY (slot_id, first)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX stretch_block ON stretch (block_id) WHERE shared;
   INSERT INTO block
     SELECT envelope.id, unhex(printf('%08x%08x%016x', size, flags, timestamp)), bytes
     FROM envelope JOIN queued ON envelope_id = envelope.id GROUP BY envelope.id;
   INSERT INTO stretch SELECT slot_id, position, position, envelope_id, 0, 1 FROM queued;
   INSERT INTO block
     SELECT id + (SELECT coalesce(max(id), 0) FROM envelope),
       unhex(printf('%08x%08x%016x', size, flags, timestamp)), bytes
     FROM alone;
   INSERT INTO stretch
     SELECT slot_id, position, position, id + (SELECT coalesce(max(id), 0) FROM envelope), 0, 0 FROM alone;
   DROP TABLE queued;
   DROP TABLE envelope;
   DROP TABLE alone;`
]

/** The one number that a query answers. */
export const number = (db: DatabaseSync, sql: string): number =>
  Number(Object.values(db.prepare(sql).get() ?? {})[0] ?? 0)

/** Throws unless the file is a mediator's or empty. Comes before anything is written to it. */
export const checkOwner = (db: DatabaseSync): void => {
  const id = number(db, "PRAGMA application_id")
  if (id === applicationId) return
  const isEmpty = id === 0 && number(db, "SELECT count(*) FROM sqlite_schema") === 0
  if (!isEmpty) throw new StoreRefusal("Foreign", "the file belongs to another program")
}

/** Brings the file to the latest version. Runs inside a transaction. */
export const migrate = (db: DatabaseSync, steps: ReadonlyArray<string> = migrations): void => {
  const version = number(db, "PRAGMA user_version")
  if (version > steps.length) {
    throw new StoreRefusal("NewerVersion", `the data has version ${version}, this release knows ${steps.length}`)
  }
  for (const step of steps.slice(version)) db.exec(step)
  db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${steps.length}`)
}
