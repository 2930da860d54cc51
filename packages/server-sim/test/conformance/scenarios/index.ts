/** All scenarios, and what of PROTOCOL cannot be shown by any. */
import type { Claim, Scenario } from "../Scenario.ts"
import { acks } from "./acks.ts"
import { chat } from "./chat.ts"
import { devices } from "./devices.ts"
import { ephemerals } from "./ephemerals.ts"
import { handshake } from "./handshake.ts"
import { leader } from "./leader.ts"
import { limits } from "./limits.ts"
import { protocolErrors } from "./protocolErrors.ts"
import { queues } from "./queues.ts"
import { reflect } from "./reflect.ts"
import { slots } from "./slots.ts"
import { transactionLoss } from "./transactionLoss.ts"
import { transactions } from "./transactions.ts"
import { transport } from "./transport.ts"

export const themes: Readonly<Record<string, ReadonlyArray<Scenario>>> = {
  transport,
  handshake,
  slots,
  reflect,
  queues,
  acks,
  ephemerals,
  transactions,
  "lost transactions": transactionLoss,
  leader,
  devices,
  limits,
  chat,
  "protocol errors": protocolErrors
}

/** Rows and decisions that no faithful mediator can show at its wire, each with the reason. */
export const notAtTheWire: Readonly<Partial<Record<Claim, string>>> = {
  D34: "faults on purpose: a mediator that keeps to the protocol does none of it",
  "0.13": "what our client writes in a transaction",
  "0.15": "keep-alive of our client",
  "0.20": "what our client does with what it cannot handle",
  "0.21": "when our client acks",
  "0.22": "what our client reflects again",
  "0.23": "nonces that our client keeps: the mediator cannot read a box",
  "0.24": "our client's judgement of the mediator's clock",
  "0.25": "what our client expects of its slot; 4115 itself is shown under D5",
  "0.26": "when our client connects again",
  "0.28": "which servers our client trusts"
}
