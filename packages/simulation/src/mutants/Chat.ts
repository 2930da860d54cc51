/**
 * Bugs in how the mediator passes on what client and chat server say to each other.
 *
 * @since 0.1.0
 */
import type { Mutant } from "./Mutant.ts"

export const chat: ReadonlyArray<Mutant> = [
  {
    name: "chat-message-cut",
    side: "mediator",
    flaw: "The last byte of each message of the chat server is lost.",
    breaks: "decision 18",
    patches: [
      {
        file: "ChatProxy.ts",
        find: `{ _tag: "Proxy", data: input.data }`,
        replace: `{ _tag: "Proxy", data: input.data.subarray(0, -1) }`
      }
    ]
  },
  {
    name: "chat-bytes-reversed",
    side: "mediator",
    flaw: "What a client says reaches the chat server back to front.",
    breaks: "decision 18",
    patches: [{ file: "ChatProxy.ts", find: "data: frame.data })", replace: "data: frame.data.toReversed() })" }]
  }
]
