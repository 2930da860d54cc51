/**
 * Bugs in how a device carries out its transactions.
 *
 * @since 0.1.0
 */
import type { Mutant } from "./Mutant.ts"

export const transactions: ReadonlyArray<Mutant> = [
  {
    name: "commit-before-acks",
    side: "client",
    flaw: "Reflects of a transaction count as acked when they are written, and Commit does not wait for their acks.",
    breaks: "decision 13, PROTOCOL C5",
    patches: [
      {
        file: "Transaction.ts",
        find: "Effect.raceFirst(reflection.transactionDrained, lost).pipe(",
        replace: "Effect.void.pipe("
      },
      {
        file: "Reflection.ts",
        find: "plain: entry.value.plain,",
        replace: `plain:
              (entry.kind === "Transactional" && entry.value.acked(entry.value, 0n as Timestamp), entry.value.plain),`
      }
    ]
  },
  {
    name: "wake-up-lost",
    side: "client",
    flaw: "A device that was rejected begins to listen for the end of the transaction too late, and sleeps through it.",
    breaks: "PROTOCOL D21, E",
    patches: [
      { file: "Transaction.ts", find: "connection.lockReleased.closeUnsafe()", replace: "" },
      {
        file: "Transaction.ts",
        find: "Effect.raceFirst(connection.lockReleased.await, Effect.exit(connection.over))",
        replace: `Effect.raceFirst(
      Effect.suspend(() => {
        connection.lockReleased.closeUnsafe()
        return connection.lockReleased.await
      }),
      Effect.exit(connection.over)
    )`
      }
    ]
  },
  {
    name: "ended-ignored",
    side: "client",
    flaw: "A TransactionEnded wakes nobody; only patience gets a rejected device its turn.",
    breaks: "PROTOCOL C5",
    patches: [{ file: "Connection.ts", find: "live.lockReleased.openUnsafe()", replace: "" }]
  },
  {
    name: "begins-anew-unasked",
    side: "client",
    flaw: "A device that was rejected asks for the lock again without asking for the precondition again.",
    breaks: "PROTOCOL C5",
    patches: [
      {
        file: "Transaction.ts",
        find: "const encryptedScope = yield* steps.sealedScope",
        replace: "const encryptedScope = yield* steps.sealedScope\n  let isAgain = false"
      },
      {
        file: "Transaction.ts",
        find: "yield* restore(steps.precondition)",
        replace: "if (!isAgain) yield* restore(steps.precondition)\n          isAgain = false"
      },
      {
        file: "Transaction.ts",
        find: "yield* restore(steps.waitForRelease(connection))",
        replace: "isAgain = true\n            yield* restore(steps.waitForRelease(connection))"
      }
    ]
  },
  {
    name: "lost-told-as-committed",
    side: "client",
    flaw: "A transaction whose connection is lost before the CommitTransactionAck is told to have been committed.",
    breaks: "decision 13",
    patches: [
      {
        file: "Transaction.ts",
        find: "if (Deferred.isDoneUnsafe(asking.committed)) return Effect.void",
        replace: "if (asking.commitWritten) return Effect.void"
      }
    ]
  },
  {
    name: "unknown-told-as-no",
    side: "client",
    flaw: "A transaction whose Commit was written and got no ack is told not to have been committed.",
    breaks: "decision 13",
    patches: [{ file: "Transaction.ts", find: `asking.commitWritten ? "unknown" : "no"`, replace: `"no"` }]
  },
  {
    name: "failed-body-committed",
    side: "client",
    flaw: "A transaction whose body failed is committed instead of thrown away.",
    breaks: "PROTOCOL C5",
    patches: [
      {
        file: "Transaction.ts",
        find: "if (reflected) connection.end(new TransactionAborted({}))\n        else reflection.commit(asking.outgoing)",
        replace: "reflection.commit(asking.outgoing)"
      }
    ]
  },
  {
    name: "precondition-ahead-of-handler",
    side: "client",
    flaw: "The precondition is asked under the lock before the handler is done with what came ahead of the lock.",
    breaks: "decision 29",
    patches: [
      {
        file: "Transaction.ts",
        find: "connection.arrivals.settled(Math.max(dryAfter, asking.grantedAfter))",
        replace: "connection.arrivals.settled(dryAfter)"
      }
    ]
  },
  {
    name: "precondition-before-dry",
    side: "client",
    flaw: "A transaction with a precondition gets the lock and asks under it while the mediator still sends its queue.",
    breaks: "decision 29",
    patches: [
      {
        file: "Transaction.ts",
        find: "yield* restore(steps.backlogHandled(current))",
        replace: ""
      },
      {
        file: "Transaction.ts",
        find: "Effect.flatMap(Deferred.await(connection.dry), (dryAfter) =>",
        replace: "Effect.flatMap(Effect.succeed(0), (dryAfter) =>"
      }
    ]
  },
  {
    name: "no-patience-for-lock",
    side: "client",
    flaw: "A rejected device waits without end for a TransactionEnded that is lost.",
    breaks: "decision 15",
    patches: [{ file: "Transaction.ts", find: "Effect.timeoutOption(options.lockPatience)", replace: "Effect.asSome" }]
  }
]
