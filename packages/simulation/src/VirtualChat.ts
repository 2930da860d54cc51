/**
 * The chat server behind the simulated mediator.
 *
 * Owns an echo that can be out of reach, end, or fail, and a close-error ahead of its end (PROTOCOL C12, D31).
 *
 * @since 0.1.0
 */
import { ChatError, type ChatUpstream } from "@d2m/server-sim"
import { Cause, Effect, Queue } from "effect"
import { once, Reasons, type Undo } from "./Reasons.ts"
import type { WorldFault } from "./WorldFault.ts"

/** What can be wrong with the chat server. */
export type ChatTrouble = Extract<WorldFault, { readonly _tag: "ChatFails" }>["how"]

type Line = Queue.Queue<Uint8Array, ChatError>

/** The type of a chat message that says that the connection will be closed, and whether one may come back (PROTOCOL C12). */
const closeErrorType = 0xe0

const isCloseError = (trouble: ChatTrouble): trouble is "CanReconnect" | "CannotReconnect" =>
  trouble === "CanReconnect" || trouble === "CannotReconnect"

/** Whether a close-error permits to come back; nothing when the message is none. */
export const canReconnectBy = (message: Uint8Array): boolean | undefined =>
  message[0] === closeErrorType ? message[1] === 1 : undefined

const errorOf = (reason: ChatError["reason"]): ChatError =>
  new ChatError({ reason, detail: "the virtual chat server fails" })

/**
 * The chat server.
 *
 * @category models
 * @since 0.1.0
 */
export class VirtualChat {
  /** What is wrong, while something is. */
  readonly #trouble = new Reasons<ChatTrouble>()
  readonly #open = new Set<Line>()
  /** Those that were sent a close-error, and have not ended yet. */
  readonly #told = new Set<Line>()

  /** The server, for one life of the mediator after the other. */
  readonly service: ChatUpstream["Service"] = {
    open: () =>
      Effect.suspend(() => {
        const trouble = this.#trouble.values.at(-1)
        if (trouble !== undefined) this.#trouble.act()
        if (trouble !== undefined && !isCloseError(trouble)) return Effect.fail(errorOf(trouble))
        const line = Effect.acquireRelease(Queue.bounded<Uint8Array, ChatError>(64), (line) =>
          Effect.sync(() => {
            this.#open.delete(line)
            this.#told.delete(line)
          })
        )
        return Effect.map(line, (line) => {
          this.#open.add(line)
          if (trouble !== undefined) this.#tell(line, trouble)
          return {
            send: (bytes: Uint8Array) => Effect.asVoid(Queue.offer(line, bytes)),
            receive: Queue.takeAll(line)
          }
        })
      })
  }

  /** The mediator has crashed: nobody is left at its end of the open connections. */
  abandon(): void {
    this.#open.clear()
    this.#told.clear()
  }

  /**
   * Puts the server into trouble until it is taken back; `acted` is called for each connection that is hit. A close-error
   * is sent to those that are open and to newcomers, and they end with the trouble; all other trouble ends every connection
   * at once and refuses new ones.
   */
  fail(trouble: ChatTrouble, acted: () => void): Undo {
    for (const line of this.#open) {
      acted()
      if (isCloseError(trouble)) this.#tell(line, trouble)
      else this.#end(line, trouble)
    }
    const undo = this.#trouble.add(acted, trouble)
    return once(() => {
      undo()
      if (isCloseError(trouble)) for (const line of this.#told) this.#end(line, "Ended")
    })
  }

  #tell(line: Line, trouble: "CanReconnect" | "CannotReconnect"): void {
    this.#told.add(line)
    Queue.offerUnsafe(line, Uint8Array.of(closeErrorType, trouble === "CanReconnect" ? 1 : 0))
  }

  #end(line: Line, reason: ChatError["reason"]): void {
    this.#open.delete(line)
    this.#told.delete(line)
    Queue.failCauseUnsafe(line, Cause.fail(errorOf(reason)))
  }
}
