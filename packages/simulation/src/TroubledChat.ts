/**
 * The application's chat handler on a simulated device.
 *
 * Owns its sessions: what is seen of them, that troubles befall the handler between two messages, and what else is said in the
 * one at hand. What the handler does is the application's; what can be the matter with it, `HandlerTroubles`'.
 *
 * @since 0.1.0
 */
import type { ChatClosed, ChatDuplex, ChatEnd } from "@d2m/client"
import { Cause, Effect, Exit, Stream } from "effect"
import type { ChatHandler } from "./Application.ts"
import { HandlerTroubles } from "./HandlerTroubles.ts"
import type { Kernel } from "./Kernel.ts"
import type { Witness, WorldEvent } from "./WorldEvent.ts"

type Outcome = Extract<WorldEvent, { readonly _tag: "ChatOver" }>["outcome"]

const outcomeOf = (exit: Exit.Exit<ChatEnd>): Outcome => {
  if (Exit.isSuccess(exit)) return exit.value._tag
  return Cause.hasInterruptsOnly(exit.cause) ? "Interrupted" : "Died"
}

/** The chat handler of one device, over all its lives. */
export class TroubledChat {
  readonly troubles: HandlerTroubles
  readonly #kernel: Kernel
  readonly #witness: Witness
  readonly #device: string
  /** The session at hand. */
  #io: ChatDuplex | undefined

  constructor(kernel: Kernel, witness: Witness, device: string) {
    this.#kernel = kernel
    this.#witness = witness
    this.#device = device
    this.troubles = new HandlerTroubles(kernel)
  }

  /** Nobody waits any more, and there is no session: the life in which they were is over. */
  renew(): void {
    this.#io = undefined
    this.troubles.renew()
  }

  /** Says something in the session at hand, if there is one, in messages of their own. */
  say(messages: ReadonlyArray<Uint8Array>): Effect.Effect<void, ChatClosed> {
    const io = this.#io
    return io === undefined ? Effect.void : Effect.forEach(messages, io.send, { discard: true })
  }

  /** The handler as it does in a life, with all that befalls it; `connection` numbers the one that was opened last. */
  handlerIn(life: number, handler: ChatHandler, connection: () => number): ChatHandler {
    return (io) => {
      const place = { device: this.#device, life, connection: connection() }
      const tell = (_tag: "ChatBegun" | "ChatListens") => this.#witness({ _tag, at: this.#kernel.now, ...place })
      const incoming = Stream.transformPull(io.incoming, (pull) =>
        Effect.succeed(
          Effect.suspend(() => {
            tell("ChatListens")
            return Effect.flatMap(pull, (messages) => {
              for (const message of messages) {
                this.#witness({ _tag: "ChatHeard", at: this.#kernel.now, ...place, message })
              }
              return this.troubles.befall(Effect.succeed(messages), Cause.done())
            })
          })
        )
      )
      this.#io = io
      tell("ChatBegun")
      return Effect.onExit(handler({ incoming, send: io.send }), (exit) =>
        Effect.sync(() => {
          if (this.#io === io) this.#io = undefined
          this.#witness({ _tag: "ChatOver", at: this.#kernel.now, ...place, outcome: outcomeOf(exit) })
        })
      )
    }
  }
}
