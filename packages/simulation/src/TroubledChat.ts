/**
 * The application's chat handler on a simulated device.
 *
 * Owns its sessions: what is seen of them, that troubles befall the handler between two messages, and what else is said in the
 * one at hand. What the handler does is the application's; what can be the matter with it, `HandlerTroubles`'.
 *
 * @since 0.1.0
 */
import type { ChatClosed, ChatDuplex, ChatEnd } from "@d2m/client"
import { Cause, Effect, Exit, Fiber, type Pull, Stream } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { ChatHandler } from "./Application.ts"
import { HandlerTroubles } from "./HandlerTroubles.ts"
import type { Kernel } from "./Kernel.ts"
import type { Witness, WorldEvent } from "./WorldEvent.ts"

type Outcome = Extract<WorldEvent, { readonly _tag: "ChatOver" }>["outcome"]

const outcomeOf = (exit: Exit.Exit<ChatEnd>): Outcome => {
  if (Exit.isSuccess(exit)) return exit.value._tag
  return Cause.hasInterruptsOnly(exit.cause) ? "Interrupted" : "Died"
}

type Listening = Pull.Pull<NonEmptyReadonlyArray<Uint8Array>>

/** Who listens, as long as the session lasts. */
interface Ear {
  listen: ((pull: Listening) => Listening) | undefined
}

/** Closes over nothing that outlasts the session: V8 keeps what a stream closes over until a major collection. */
const heardBy = (ear: Ear, incoming: ChatDuplex["incoming"]): ChatDuplex["incoming"] =>
  Stream.transformPull(incoming, (pull) => Effect.succeed(Effect.suspend(() => ear.listen?.(pull) ?? pull)))

/** The chat handler of one device, over all its lives. */
export class TroubledChat {
  readonly troubles: HandlerTroubles
  readonly #kernel: Kernel
  readonly #witness: Witness
  readonly #device: string
  /** The session at hand. */
  #io: ChatDuplex | undefined
  /** Those that have not ended, in earlier lives as well. */
  readonly #running = new Set<Fiber.Fiber<unknown, unknown>>()

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

  /**
   * Ends what goes on in all lives, unseen, when the world is over: who waits in a stream is kept, and everything with it,
   * until a major collection.
   */
  end(): void {
    for (const fiber of this.#running) fiber.interruptUnsafe()
  }

  /** The handler as it does in a life, with all that befalls it; `connection` numbers the one that was opened last. */
  handlerIn(life: number, handler: ChatHandler, connection: () => number): ChatHandler {
    return (io) => {
      const place = { device: this.#device, life, connection: connection() }
      const tell = (_tag: "ChatBegun" | "ChatListens") => this.#witness({ _tag, at: this.#kernel.now, ...place })
      const ear: Ear = {
        listen: (pull) => {
          tell("ChatListens")
          return Effect.flatMap(pull, (messages) => {
            for (const message of messages) {
              this.#witness({ _tag: "ChatHeard", at: this.#kernel.now, ...place, message })
            }
            return this.troubles.befall(Effect.succeed(messages), Cause.done())
          })
        }
      }
      const fiber = Fiber.getCurrent()!
      this.#running.add(fiber)
      this.#io = io
      tell("ChatBegun")
      return Effect.onExit(handler({ incoming: heardBy(ear, io.incoming), send: io.send }), (exit) =>
        Effect.sync(() => {
          ear.listen = undefined
          this.#running.delete(fiber)
          if (this.#io === io) this.#io = undefined
          this.#witness({ _tag: "ChatOver", at: this.#kernel.now, ...place, outcome: outcomeOf(exit) })
        })
      )
    }
  }
}
