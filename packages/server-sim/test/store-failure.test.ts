import { assert, it } from "@effect/vitest"
import { failureOf } from "../src/node/StoreFailure.ts"

/** As `node:sqlite` and `node:fs` throw. */
const thrown = (code: string, errcode?: number) => Object.assign(new Error("so it is"), { code, errcode })

it("a failure of the disk or the file is told by what its operator can do about it", () => {
  // https://sqlite.org/rescode.html: primary codes, and extended ones that a store meets.
  const ofSqlite = {
    InUse: [5, 517, 6],
    Unwritable: [3, 8, 1032, 14, 526],
    Corrupt: [11, 267],
    Foreign: [26],
    Full: [13],
    DiskFailed: [10, 778, 1034],
    Failed: [1, 19, 787]
  }
  for (const [reason, codes] of Object.entries(ofSqlite)) {
    for (const code of codes) assert.strictEqual(failureOf(thrown("ERR_SQLITE_ERROR", code)).reason, reason, `${code}`)
  }
  const ofSystem = {
    Unwritable: ["EACCES", "EPERM", "EROFS", "EISDIR", "ENOTDIR", "EEXIST", "ENOENT"],
    Full: ["ENOSPC", "EDQUOT"],
    DiskFailed: ["EFBIG", "EIO"],
    Unsupported: ["ERR_UNKNOWN_BUILTIN_MODULE"],
    Failed: ["EMFILE"]
  }
  for (const [reason, codes] of Object.entries(ofSystem)) {
    for (const code of codes) assert.strictEqual(failureOf(thrown(code)).reason, reason, code)
  }
  assert.deepStrictEqual(failureOf(thrown("ERR_SQLITE_ERROR", 778)), {
    reason: "DiskFailed",
    detail: "so it is (778)"
  })
  assert.include(failureOf(thrown("ERR_SQLITE_ERROR", 5)).detail, "another process")
  assert.deepStrictEqual(failureOf("no error at all"), { reason: "Failed", detail: "no error at all" })
})
