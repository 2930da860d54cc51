/**
 * Bugs in what a device reflects: order, ids, nonces, acks, and what a lost connection leaves behind.
 *
 * @since 0.1.0
 */
import type { Mutant } from "./Mutant.ts"

export const outbound: ReadonlyArray<Mutant> = [
  {
    name: "reflects-unbounded",
    side: "client",
    flaw: "Reflects that wait for their acks have no bound.",
    breaks: "principle 7",
    patches: [
      {
        file: "ReflectionLedger.ts",
        find: "return this.weight === 0 || this.weight + weight <= this.capacity",
        replace: "return true"
      }
    ]
  },
  {
    name: "pending-dropped-on-reconnect",
    side: "client",
    flaw: "Reflects that had no ack when the connection ended are not sent again.",
    breaks: "decision 22",
    patches: [{ file: "ReflectionLedger.ts", find: "again.push(entry)", replace: "" }]
  },
  {
    name: "resent-out-of-order",
    side: "client",
    flaw: "Reflects that had no ack when the connection ended are sent again last first.",
    breaks: "decision 22",
    patches: [{ file: "ReflectionLedger.ts", find: "again.push(entry)", replace: "again.unshift(entry)" }]
  },
  {
    name: "reflect-ids-collide",
    side: "client",
    flaw: "Reflect-ids are taken from 0 to 3 whether or not a reflect with that id still waits for its ack.",
    breaks: "decision 11",
    patches: [
      {
        file: "ReflectionLedger.ts",
        find: "this.nextId = (reflectId + 1) >>> 0",
        replace: "this.nextId = (reflectId + 1) & 3"
      }
    ]
  },
  {
    name: "foreign-reflect-in-transaction",
    side: "client",
    flaw: "While a transaction runs, what else the application reflects is written too, and becomes part of it.",
    breaks: "decision 13",
    patches: [
      {
        file: "ReflectionLedger.ts",
        find: "(this.transactional ?? this.ordinary).next()",
        replace: "this.transactional?.next() ?? this.ordinary.next()"
      }
    ]
  },
  {
    name: "ephemeral-awaits-ack",
    side: "client",
    flaw: "An ephemeral that was written waits for an ack that never comes, and is sent again on the next connection.",
    breaks: "decision 22",
    patches: [
      {
        file: "ReflectionLedger.ts",
        find: `if (item.kind === "Ephemeral") {\n        item.place = "Done"\n        item.lane`,
        replace: `if (item.weight < 0) {\n        item.place = "Done"\n        item.lane`
      }
    ]
  },
  {
    name: "ephemerals-kept-for-next-connection",
    side: "client",
    flaw: "Ephemerals that had not been written when the connection ended are sent on the next one.",
    breaks: "decision 22",
    patches: [
      {
        file: "ReflectionLedger.ts",
        find: `else if (item.kind === "Ephemeral") {\n        item.place = "Done"\n        freed`,
        replace: `else if (item.weight < 0) {\n        item.place = "Done"\n        freed`
      }
    ]
  },
  {
    name: "transactional-resent-singly",
    side: "client",
    flaw: "Reflects of a transaction that had no ack when the connection ended are sent again outside of it.",
    breaks: "decision 13",
    patches: [
      {
        file: "ReflectionLedger.ts",
        find: `if (entry.kind === "Transactional") lost(entry)\n      else if`,
        replace: "if"
      },
      {
        file: "ReflectionLedger.ts",
        find: `if (entry.cancelled || entry.place === "Done") return`,
        replace: `if (entry.cancelled || entry.place === "Done" || entry.kind === "Transactional") return`
      }
    ]
  },
  {
    name: "done-before-ack",
    side: "client",
    flaw: "A reflect counts as done when it is written, before the mediator has promised to keep it.",
    breaks: "decision 11",
    patches: [
      {
        file: "Reflection.ts",
        find: "plain: entry.value.plain,",
        replace: "plain: (entry.value.acked(entry.value, 0n as Timestamp), entry.value.plain),"
      }
    ]
  },
  {
    name: "first-ack-counts-for-all",
    side: "client",
    flaw: "Reflects that are said together all resolve with the time of the first.",
    breaks: "decision 11",
    patches: [
      {
        file: "Reflection.ts",
        find: "timestamps[at] = timestamp",
        replace: "timestamps[at] = timestamps[0] ?? timestamp"
      }
    ]
  },
  {
    name: "line-forgotten-behind-acks",
    side: "client",
    flaw: "What is reflected because of an ack is not written until the application asks for something else.",
    breaks: "decision 11",
    patches: [{ file: "Reflection.ts", find: "least = 1\n        noteWork()", replace: "least = 1" }]
  },
  {
    name: "nonce-used-twice",
    side: "client",
    flaw: "Envelopes that are sealed together share one nonce.",
    breaks: "decision 23",
    patches: [
      {
        file: "Reflection.ts",
        find: "const unsealed = reflects.map(",
        replace: `for (let n = 1; n < reflects.length; n++) entropy.copyWithin(n * envelopeEntropy, 0, envelopeEntropy)
          const unsealed = reflects.map(`
      }
    ]
  }
]
