/**
 * Bugs in the mediator's transactions: the lock, the buffer, the commit, and who is told of the end.
 *
 * @since 0.1.0
 */
import type { Mutant } from "./Mutant.ts"

export const locks: ReadonlyArray<Mutant> = [
  {
    name: "lock-kept-after-ttl",
    side: "mediator",
    flaw: "A transaction may take longer than its TTL.",
    breaks: "decision 12, PROTOCOL D20",
    patches: [
      {
        file: "Transaction.ts",
        find: `invariant(lock !== undefined, "the deadline of a transaction goes with it")`,
        replace: "if (lock !== undefined || group.slots.size >= 0) return"
      }
    ]
  },
  {
    name: "ttl-of-client-ignored",
    side: "mediator",
    flaw: "The TTL that a client asks for is ignored in favour of the longest.",
    breaks: "PROTOCOL D20",
    patches: [
      {
        file: "Transaction.ts",
        find: "frame.ttl === 0 ? longest : Math.min(frame.ttl * 1000, longest)",
        replace: "longest"
      }
    ]
  },
  {
    name: "lock-kept-after-disconnect",
    side: "mediator",
    flaw: "The lock outlives the connection of its holder, until its TTL.",
    breaks: "decision 12",
    patches: [
      {
        file: "TransactionLock.ts",
        find: "if (lock?.holder !== session) return\n  invariant",
        replace: `if (lock?.holder !== session || why === "Disconnected") return\n  invariant`
      },
      {
        file: "Transaction.ts",
        find: `invariant(lock !== undefined, "the deadline of a transaction goes with it")`,
        replace: `if (lock === undefined) return
  if (!group.sessions.includes(lock.holder)) {
    lockReleased(turn.state, group, lock)
    return tellOthers(turn, group, lock, durable)
  }`
      }
    ]
  },
  {
    name: "transaction-survives-replacement",
    side: "mediator",
    flaw: "When the holder of the lock connects again, its old transaction goes on until its TTL.",
    breaks: "decision 12, PROTOCOL D8",
    patches: [
      {
        file: "TransactionLock.ts",
        find: "if (lock?.holder !== session) return\n  invariant",
        replace: `if (lock?.holder !== session || why === "Replaced") return\n  invariant`
      },
      {
        file: "Transaction.ts",
        find: `invariant(lock !== undefined, "the deadline of a transaction goes with it")`,
        replace: `if (lock === undefined) return
  if (!group.sessions.includes(lock.holder)) {
    lockReleased(turn.state, group, lock)
    return tellOthers(turn, group, lock, durable)
  }`
      }
    ]
  },
  {
    name: "visible-before-commit",
    side: "mediator",
    flaw: "What the holder of the lock reflects is stored for the others at once.",
    breaks: "decision 12",
    patches: [
      {
        file: "Reflect.ts",
        find: "if (lock !== undefined && lock.holder === session) {",
        replace: "if (lock !== undefined && lock.holder === session && ephemeral) {"
      }
    ]
  },
  {
    name: "lost-transaction-committed",
    side: "mediator",
    flaw: "The buffer of a transaction that is lost is stored for the others.",
    breaks: "decision 12",
    patches: [
      {
        file: "TransactionLock.ts",
        find: "import { lockReleased }",
        replace: `import { storeForOthers } from "./FanOut.ts"\nimport { lockReleased }`
      },
      {
        file: "TransactionLock.ts",
        find: "lockReleased(turn.state, group, lock)\n  tellOthers(turn, group, lock, durable)",
        replace: `lockReleased(turn.state, group, lock)
  for (const message of lock.messages) storeForOthers(turn, group, session.slot, message, true)
  tellOthers(turn, group, lock, durable)`
      }
    ]
  },
  {
    name: "buffer-reversed",
    side: "mediator",
    flaw: "At the commit, the buffer is stored last message first.",
    breaks: "decision 12",
    patches: [
      {
        file: "Transaction.ts",
        find: "for (const message of lock.messages) {",
        replace: "for (const message of [...lock.messages].reverse()) {"
      }
    ]
  },
  {
    name: "commit-ack-before-durable",
    side: "mediator",
    flaw: "CommitTransactionAck goes out before the buffer is durable.",
    breaks: "decision 12",
    patches: [
      {
        file: "Transaction.ts",
        find: `{ _tag: "CommitTransactionAck" }, after)`,
        replace: `{ _tag: "CommitTransactionAck" })`
      }
    ]
  },
  {
    name: "ended-to-nobody",
    side: "mediator",
    flaw: "Nobody is told that a transaction was committed.",
    breaks: "PROTOCOL D19",
    patches: [{ file: "Transaction.ts", find: "tellOthers(turn, group, lock, after)", replace: "" }]
  },
  {
    name: "loss-told-to-nobody",
    side: "mediator",
    flaw: "Nobody is told that a transaction was lost.",
    breaks: "PROTOCOL D20",
    patches: [{ file: "TransactionLock.ts", find: "tellOthers(turn, group, lock, durable)", replace: "" }]
  },
  {
    name: "ended-before-rejected",
    side: "mediator",
    flaw: "A device that asks for the lock in vain is told first that the transaction has ended, and then that it is in the way.",
    breaks: "decision 12, PROTOCOL D21",
    patches: [
      {
        file: "Transaction.ts",
        find: "const holder = held.holder.slot.deviceId",
        replace: `const holder = held.holder.slot.deviceId
    send(turn, connection, { _tag: "TransactionEnded", deviceId: holder, encryptedScope: held.encryptedScope })`
      }
    ]
  },
  {
    name: "ended-overtakes-messages",
    side: "mediator",
    flaw: "A device that is behind is told of the end of a transaction before it is given the messages of it.",
    breaks: "PROTOCOL D19",
    patches: [
      {
        file: "ReflectedStream.ts",
        find: "if (isNext(session, slot.issued + 1)) return sendEnded(turn, session, ended)",
        replace: "if (slot.issued >= 0) return sendEnded(turn, session, ended)"
      }
    ]
  },
  {
    name: "transactions-not-limited",
    side: "mediator",
    flaw: "A transaction may have any number of messages.",
    breaks: "decision 12",
    patches: [
      {
        file: "Transaction.ts",
        find: "if (lock.messages.length >= transactionMessages || bytes > transactionBytes) {",
        replace: "if (transactionMessages < 0 || bytes > transactionBytes) {"
      }
    ]
  },
  {
    name: "transaction-bytes-not-limited",
    side: "mediator",
    flaw: "The messages of a transaction may have any number of bytes together.",
    breaks: "decision 12",
    patches: [
      {
        file: "Transaction.ts",
        find: "if (lock.messages.length >= transactionMessages || bytes > transactionBytes) {",
        replace: "if (lock.messages.length >= transactionMessages || transactionBytes < 0) {"
      }
    ]
  }
]
