/**
 * Why the mediator's database does not do what it was asked, as plain data that crosses threads.
 *
 * Owns the reading of SQLite's result codes. Becomes a `MediatorStoreError` on the mediator's side.
 *
 * @since 0.1.0
 */
import type { MediatorStoreError } from "../MediatorStore.ts"

/** A failure without its operation. */
export interface StoreFailure {
  readonly reason: MediatorStoreError["reason"]
  readonly detail: string
}

/** A file that is refused: thrown by the store's own checks. */
export class StoreRefusal extends Error {
  readonly failure: StoreFailure
  constructor(reason: MediatorStoreError["reason"], detail: string) {
    super(detail)
    this.failure = { reason, detail }
  }
}

// https://sqlite.org/rescode.html, primary codes.
const reasonOf = (code: number): MediatorStoreError["reason"] => {
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

const reasonOfSystem = (code: unknown): MediatorStoreError["reason"] | undefined => {
  switch (code) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
    case "EISDIR":
    case "ENOTDIR":
    case "EEXIST":
    case "ENOENT":
      return "Unwritable"
    case "ENOSPC":
    case "EDQUOT":
      return "Full"
    case "EFBIG":
    case "EIO":
      return "DiskFailed"
    case "ERR_UNKNOWN_BUILTIN_MODULE":
      return "Unsupported"
    default:
      return undefined
  }
}

/** What a thrown value means. */
export const failureOf = (cause: unknown): StoreFailure => {
  if (cause instanceof StoreRefusal) return cause.failure
  if (!(cause instanceof Error)) return { reason: "Failed", detail: String(cause) }
  const { code, errcode } = cause as { readonly code?: unknown; readonly errcode?: unknown }
  const reason = reasonOfSystem(code) ?? (typeof errcode === "number" ? reasonOf(errcode) : "Failed")
  if (reason === "InUse") return { reason, detail: "another process has it open" }
  // Which of some thirty calls of the system failed, SQLite tells by this number only.
  if (reason === "DiskFailed" && typeof errcode === "number") {
    return { reason, detail: `${cause.message} (${errcode})` }
  }
  return { reason, detail: cause.message }
}
