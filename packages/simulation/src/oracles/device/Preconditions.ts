/**
 * That a transaction asks for its precondition before it asks for the lock, and again once it holds it (PROTOCOL C5).
 *
 * Owns: the body runs only when both answers were yes, the first no is the last question, and an application is told of it,
 * and on which side of the lock it came. That the lock is held is seen on the wire: a BeginTransactionAck has been read since
 * the question before, and nothing was begun, committed or dialled since. And: who was rejected asks once more before it begins
 * anew. Transactions of a device take turns, so that a BeginTransaction is that of the one that has asked and has no answer;
 * of a program's nobody tells how they came out, and whose it is that begins is not known.
 *
 * @since 0.1.0
 */
import type { Oracle, OracleMaker, Report } from "../../Oracle.ts"
import { only, type Answer } from "../../WorldEvent.ts"
import { Tracks } from "./Tracks.ts"

/** The latest answer to the question of one transaction. */
interface Check {
  readonly number: number
  readonly holds: boolean
  /** Whether it was asked before, and has got the lock since. */
  readonly isUnderLock: boolean
}

interface Transaction {
  /** Whether it will be told how it came out. */
  readonly hasAsked: boolean
  check: Check | undefined
  /** What has become of it on this connection since that answer. */
  stage: "Asked" | "Begun" | "Rejected"
}

interface Track {
  connection: number
  /** Which of the events it was that the lock was granted, while it is held. */
  grantedAt: number | undefined
  readonly transactions: Map<number, Transaction>
}

const fresh = (): Track => ({ connection: 0, grantedAt: undefined, transactions: new Map() })

const unchecked = (hasAsked: boolean): Transaction => ({ hasAsked, check: undefined, stage: "Asked" })

/** Whether a BeginTransaction can be that of this one. */
const mayBegin = ({ check, hasAsked }: Transaction): boolean => hasAsked && check?.holds === true

const sideOf = (isUnderLock: boolean): string => (isUnderLock ? "under the lock" : "before the lock")

const checkText = (check: Check | undefined): string =>
  check === undefined
    ? "not asked for"
    : `${check.holds ? "true" : "false"} ${check.isUnderLock ? "once the lock was held" : "before the lock was held"}`

class Preconditions implements Oracle {
  readonly #report: Report
  readonly #tracks = new Tracks(fresh)
  /** Numbers what is seen, so that it is known what came first. */
  #number = 0

  constructor(report: Report) {
    this.#report = report
  }

  readonly see = only(
    ["DeviceSent", "DeviceReceived", "Opened", "Asked", "Checked", "Entered", "Answered", "Machine"],
    (event) => {
      switch (event._tag) {
        case "DeviceSent": {
          const track = this.#tracks.of(event.device)
          if (track.connection !== event.connection) return
          track.grantedAt = undefined
          if (event.frame._tag === "BeginTransaction") this.#begins(event.device, track)
          return
        }
        case "DeviceReceived": {
          const track = this.#tracks.of(event.device)
          if (track.connection !== event.connection) return
          if (event.frame._tag === "BeginTransactionAck") track.grantedAt = ++this.#number
          else this.#rejected(track)
          return
        }
        case "Opened": {
          const track = this.#tracks.of(event.device)
          track.connection = event.connection
          track.grantedAt = undefined
          for (const transaction of track.transactions.values()) transaction.stage = "Asked"
          return
        }
        case "Asked": {
          const { operation } = event
          if (operation._tag !== "Transaction" || operation.holdsFor === undefined) return
          this.#tracks.of(event.device).transactions.set(event.call, unchecked(true))
          return
        }
        case "Checked":
          return this.#checked(event.device, event.call, event.holds)
        case "Entered":
          if (event.isUnconditional !== true) this.#entered(event.device, event.call)
          return
        case "Answered":
          if (event.operation._tag === "Transaction") this.#answered(event.device, event.call, event.answer)
          return
        case "Machine":
          if (event.change === "Started" || event.change === "Crashed") this.#tracks.renew(event.device)
          return
      }
    },
    {
      DeviceSent: ["BeginTransaction", "CommitTransaction"],
      DeviceReceived: ["BeginTransactionAck", "TransactionRejected"]
    }
  )

  #transaction(device: string, call: number): Transaction {
    const { transactions } = this.#tracks.of(device)
    const known = transactions.get(call)
    if (known !== undefined) return known
    const transaction = unchecked(false)
    transactions.set(call, transaction)
    return transaction
  }

  #begins(device: string, { transactions }: Track): void {
    for (const [call, transaction] of transactions) {
      if (!mayBegin(transaction)) continue
      const { stage } = transaction
      transaction.stage = "Begun"
      if (stage !== "Rejected") continue
      this.#report({
        rule: "who was rejected asks for the precondition again before the lock",
        device,
        found: `transaction ?${call} begins anew`,
        expected: "its question first"
      })
    }
  }

  #rejected({ transactions }: Track): void {
    for (const transaction of transactions.values()) if (transaction.stage === "Begun") transaction.stage = "Rejected"
  }

  #checked(device: string, call: number, holds: boolean): void {
    const { grantedAt } = this.#tracks.of(device)
    const transaction = this.#transaction(device, call)
    const before = transaction.check
    if (before?.holds === false) {
      this.#report({
        rule: "a precondition that does not hold is not asked for again",
        device,
        found: `transaction ?${call} asks once more`,
        expected: "PreconditionFailed"
      })
    }
    const isUnderLock = before !== undefined && grantedAt !== undefined && grantedAt > before.number
    transaction.check = { number: ++this.#number, holds, isUnderLock }
    transaction.stage = "Asked"
  }

  #entered(device: string, call: number): void {
    const { check } = this.#transaction(device, call)
    if (check?.holds === true && check.isUnderLock) {
      // All of it was right; of a program's nobody will tell how it came out.
      this.#tracks.of(device).transactions.delete(call)
      return
    }
    this.#report({
      rule: "a body runs when its precondition has held before the lock was asked for, and holds once the lock is held",
      device,
      found: `transaction ?${call}, its precondition ${checkText(check)}`,
      expected: check?.holds === false ? "PreconditionFailed" : "a question on each side of the lock"
    })
  }

  #answered(device: string, call: number, answer: Answer): void {
    const { transactions } = this.#tracks.of(device)
    const check = transactions.get(call)?.check
    transactions.delete(call)
    if (answer._tag === "Done") {
      if (check === undefined) return
      this.#report({
        rule: "a transaction that is done has run its body",
        device,
        found: `transaction ?${call} done, its precondition ${checkText(check)}`,
        expected: check.holds ? "its body first" : "PreconditionFailed"
      })
      return
    }
    const { error, lockHeld } = answer
    if (error !== "PreconditionFailed") return
    if (check?.holds === false && check.isUnderLock === lockHeld) return
    this.#report({
      rule: "an application is told of a precondition that did not hold, and on which side of the lock",
      device,
      found: `PreconditionFailed ${sideOf(lockHeld === true)}`,
      expected: check?.holds === false ? sideOf(check.isUnderLock) : `another answer, as it was ${checkText(check)}`
    })
  }
}

/**
 * Judges when transactions ask for their preconditions, and what follows.
 *
 * @category oracles
 * @since 0.1.0
 */
export const preconditions: OracleMaker = {
  name: "preconditions",
  make: (report) => new Preconditions(report)
}
