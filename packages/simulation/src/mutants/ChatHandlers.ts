/**
 * Bugs in what a device does with what the chat server says, and with a handler of it that does not take it.
 *
 * @since 0.1.0
 */
import type { Mutant } from "./Mutant.ts"

export const chatHandlers: ReadonlyArray<Mutant> = [
  {
    name: "chat-holds-up-without-end",
    side: "client",
    flaw: "A chat handler that stands still holds up the reading for as long as it does, though the device waits for an answer.",
    breaks: "decision 15",
    patches: [
      {
        file: "ChatProxy.ts",
        find: "options.isAwaiting() ? Effect.fail(new FellBehind()) : stalled",
        replace: "stalled"
      }
    ]
  },
  {
    name: "chat-given-up-too-soon",
    side: "client",
    flaw: "The connection is given up when its chat handler has held up the reading for a second.",
    breaks: "decision 15",
    patches: [
      { file: "ChatProxy.ts", find: "Effect.sleep(options.stall)", replace: "Effect.sleep(options.stall / 10)" }
    ]
  },
  {
    name: "chat-given-up-at-leisure",
    side: "client",
    flaw: "The connection is given up when its chat handler stands still, though the device waits for nothing.",
    breaks: "decision 15",
    patches: [
      {
        file: "ChatProxy.ts",
        find: "options.isAwaiting() ? Effect.fail(new FellBehind()) : stalled",
        replace: "Effect.fail(new FellBehind())"
      }
    ]
  },
  {
    name: "chat-dropped-when-full",
    side: "client",
    flaw: "What the chat server says is dropped while there is no room for it.",
    breaks: "decision 18",
    patches: [{ file: "ChatProxy.ts", find: "if (rest.length === 0) return", replace: "return" }]
  },
  {
    name: "chat-unbounded",
    side: "client",
    flaw: "What the chat server says waits for the handler without a bound.",
    breaks: "principle 7",
    patches: [
      {
        file: "ChatProxy.ts",
        find: "Queue.bounded<Uint8Array, Cause.Done>(capacity)",
        replace: "Queue.unbounded<Uint8Array, Cause.Done>()"
      }
    ]
  },
  {
    name: "chat-out-of-order",
    side: "client",
    flaw: "The chat handler is given what has come together last first.",
    breaks: "decision 18",
    patches: [
      {
        file: "ChatProxy.ts",
        find: "Queue.offerAllUnsafe(queue, data)",
        replace: "Queue.offerAllUnsafe(queue, data.toReversed())"
      }
    ]
  },
  {
    name: "chat-handler-outlives",
    side: "client",
    flaw: "A chat handler that has nothing to say on the end of its connection goes on behind the next one.",
    breaks: "decision 26",
    patches: [{ file: "ChatProxy.ts", find: "handler.interruptUnsafe()", replace: "" }]
  },
  {
    name: "chat-waits-for-nobody",
    side: "client",
    flaw: "What the chat server says is kept for a handler that has ended, until there is no room for it.",
    breaks: "decision 18",
    patches: [{ file: "ChatProxy.ts", find: "Effect.ensuring(Queue.shutdown(queue)),", replace: "" }]
  }
]
