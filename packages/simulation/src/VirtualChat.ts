/**
 * The chat server behind the simulated mediator.
 *
 * Owns an echo that can be out of reach, end, or fail (PROTOCOL D31).
 *
 * @since 0.1.0
 */
import { ChatError, type ChatUpstream } from "@d2m/server-sim"
import { Effect, Queue } from "effect"

/**
 * The chat server.
 *
 * @category models
 * @since 0.1.0
 */
export class VirtualChat {
  /** Why nobody can open a connection, while that is so. */
  trouble: ChatError["reason"] | undefined
  /** Called when the trouble has hit somebody. */
  onTrouble: () => void = () => {}
  readonly #open = new Set<Queue.Queue<Uint8Array, ChatError>>()

  /** The server, for one life of the mediator after the other. */
  readonly service: ChatUpstream["Service"] = {
    open: () =>
      Effect.suspend(() => {
        if (this.trouble !== undefined) return this.#refuse(this.trouble)
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

  /** Ends every open connection, and refuses new ones until the trouble is taken away. */
  fail(reason: ChatError["reason"]): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.trouble = reason
      const open = [...this.#open]
      this.#open.clear()
      return Effect.forEach(
        open,
        (queue) => {
          this.onTrouble()
          return Queue.fail(queue, new ChatError({ reason, detail: "the virtual chat server fails" }))
        },
        { discard: true }
      )
    })
  }

  #refuse(reason: ChatError["reason"]) {
    this.onTrouble()
    return Effect.fail(new ChatError({ reason, detail: "the virtual chat server is out of reach" }))
  }
}
