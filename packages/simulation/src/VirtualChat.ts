/**
 * The chat server behind the simulated mediator.
 *
 * Owns an echo that can be out of reach, end, or fail (PROTOCOL D31).
 *
 * @since 0.1.0
 */
import { ChatError, type ChatUpstream } from "@d2m/server-sim"
import { Cause, Effect, Queue } from "effect"
import { Reasons, type Undo } from "./Reasons.ts"

/**
 * The chat server.
 *
 * @category models
 * @since 0.1.0
 */
export class VirtualChat {
  /** Why nobody can open a connection, while there is a reason. */
  readonly #trouble = new Reasons<ChatError["reason"]>()
  readonly #open = new Set<Queue.Queue<Uint8Array, ChatError>>()

  /** The server, for one life of the mediator after the other. */
  readonly service: ChatUpstream["Service"] = {
    open: () =>
      Effect.suspend(() => {
        const reason = this.#trouble.values.at(-1)
        if (reason !== undefined) {
          this.#trouble.act()
          return Effect.fail(new ChatError({ reason, detail: "the virtual chat server is out of reach" }))
        }
        return Effect.gen({ self: this }, function* () {
          const queue = yield* Effect.acquireRelease(Queue.bounded<Uint8Array, ChatError>(64), (queue) =>
            Effect.sync(() => this.#open.delete(queue))
          )
          this.#open.add(queue)
          return {
            send: (bytes: Uint8Array) => Effect.asVoid(Queue.offer(queue, bytes)),
            receive: Queue.takeAll(queue)
          }
        })
      })
  }

  /** The mediator has crashed: nobody is left at its end of the open connections. */
  abandon(): void {
    this.#open.clear()
  }

  /** Ends every open connection, and refuses new ones until it is taken back; `acted` is called for each of them. */
  fail(reason: ChatError["reason"], acted: () => void): Undo {
    const open = [...this.#open]
    this.#open.clear()
    for (const queue of open) {
      acted()
      const error = new ChatError({ reason, detail: "the virtual chat server fails" })
      Queue.failCauseUnsafe(queue, Cause.fail(error))
    }
    return this.#trouble.add(acted, reason)
  }
}
