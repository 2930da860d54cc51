/**
 * All planted bugs, by name.
 *
 * @since 0.1.0
 */
import { answers } from "./Answers.ts"
import { chat } from "./Chat.ts"
import { chatHandlers } from "./ChatHandlers.ts"
import { connections } from "./Connections.ts"
import { inbound } from "./Inbound.ts"
import { locks } from "./Locks.ts"
import type { Mutant } from "./Mutant.ts"
import { outbound } from "./Outbound.ts"
import { slots } from "./Slots.ts"
import { streams } from "./Streams.ts"
import { transactions } from "./Transactions.ts"

/**
 * Every mutant: first those of the client, then those of the mediator.
 *
 * @category mutants
 * @since 0.1.0
 */
export const mutants: ReadonlyArray<Mutant> = [
  ...inbound,
  ...chatHandlers,
  ...outbound,
  ...transactions,
  ...answers,
  ...connections,
  ...locks,
  ...streams,
  ...slots,
  ...chat
]

const byName: ReadonlyMap<string, Mutant> = new Map(mutants.map((mutant) => [mutant.name, mutant]))

/**
 * The mutant of that name, if there is one.
 *
 * @category getters
 * @since 0.1.0
 */
export const mutantNamed = (name: string): Mutant | undefined => byName.get(name)
