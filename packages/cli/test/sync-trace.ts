/**
 * Preloaded into every thread of a `d2m serve`: writes down what must stand in one order, each on a line of the file that
 * `SYNC_TRACE` names.
 *
 * - `synced`: a transaction has been committed by a database that syncs its log before COMMIT returns
 * - `unsynced`: one has been committed by a database that does not
 * - `ack`: a reflect-ack is about to be given to its socket
 *
 * What a COMMIT does at `synchronous = FULL` is SQLite's word; that a kernel sees the same is shown with `strace`.
 */
import { closeSync, openSync, writeSync } from "node:fs"
import { Socket } from "node:net"
import { DatabaseSync } from "node:sqlite"

const place = process.env["SYNC_TRACE"]

/** One write of an appending file for each line: no line of another thread comes in between or late. */
const line = (text: string): void => {
  if (place === undefined) return
  const file = openSync(place, "a")
  writeSync(file, `${text}\n`)
  closeSync(file)
}

/** A whole unmasked binary message of 20 bytes that begins as a reflect-ack does. */
const ackBegins = Buffer.of(0x82, 0x14, 0x81, 0, 0, 0)

const answer = (db: DatabaseSync, pragma: string): unknown =>
  Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]

const { exec } = DatabaseSync.prototype
DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string): void {
  exec.call(this, sql)
  if (sql !== "COMMIT") return
  const syncs = answer(this, "journal_mode") === "wal" && Number(answer(this, "synchronous")) >= 2
  line(syncs ? "synced" : "unsynced")
}

Socket.prototype.write = new Proxy(Socket.prototype.write, {
  apply: (write, socket, args) => {
    const chunk: unknown = args[0]
    if (chunk instanceof Uint8Array && Buffer.from(chunk).includes(ackBegins)) line("ack")
    return Reflect.apply(write, socket, args)
  }
})
