/**
 * The receiving half of one WebSocket connection: messages in the order they came, then the connection's end.
 * Owns batching (one hand-over for a burst), the count of bytes that nobody has taken yet, and the first end, which wins.
 * Leaves to the platform how reading is held back while the inbox is full.
 */
import { Deferred, Effect, Exit } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { Socket } from "effect/socket"
import { type Closed, readEnded } from "./TransportError.ts"

/**
 * One WebSocket message: bytes of a binary one (views of what was read; copy what you keep), text of a text one.
 *
 * @internal
 */
export type Message = Uint8Array | string

/** @internal */
export interface InboxOptions {
  /** Bytes held, each message counted with a small surcharge, from which on the inbox is full. */
  readonly highWaterMark: number
  /** Told once when the inbox gets full: hold the platform's reading back. */
  readonly onFull: () => void
  /** Told when a full inbox was taken. */
  readonly onTaken: () => void
  /** Runs its argument once the burst of messages at hand has been pushed. */
  readonly defer: (deliver: () => void) => void
}

/** @internal */
export interface Inbox {
  /** Adds a message; one that comes after the end is dropped. */
  readonly push: (message: Message) => void
  /** Ends the inbox; what is in it can still be pulled. Only the first end counts. */
  readonly end: (closed: Closed) => void
  readonly closed: () => Closed | undefined
  /** Everything there is, or the next burst; fails once empty and ended. For one reader. */
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Message>, Socket.SocketError>
  readonly ended: Effect.Effect<Closed>
}

// So that a flood of empty messages fills the inbox too.
const surcharge = 64

/** @internal */
export const makeInbox = (options: InboxOptions): Inbox => {
  type Resume = (effect: Effect.Effect<NonEmptyReadonlyArray<Message>, Socket.SocketError>) => void
  const ended = Deferred.makeUnsafe<Closed>()
  let messages: Array<Message> = []
  let size = 0
  let full = false
  let deferred = false
  let waiter: Resume | undefined
  let closed: Closed | undefined
  let failure: Socket.SocketError | undefined

  const take = (): NonEmptyReadonlyArray<Message> => {
    const batch = messages as [Message, ...Array<Message>]
    messages = []
    size = 0
    if (full) {
      full = false
      options.onTaken()
    }
    return batch
  }

  const deliver = () => {
    deferred = false
    if (waiter === undefined || messages.length === 0) return
    const resume = waiter
    waiter = undefined
    resume(Effect.succeed(take()))
  }

  return {
    push: (message) => {
      if (closed !== undefined) return
      messages.push(message)
      size += message.length + surcharge
      if (waiter !== undefined && !deferred) {
        deferred = true
        options.defer(deliver)
      }
      if (!full && size >= options.highWaterMark) {
        full = true
        options.onFull()
      }
    },
    end: (reason) => {
      if (closed !== undefined) return
      closed = reason
      failure = readEnded(reason)
      Deferred.doneUnsafe(ended, Exit.succeed(reason))
      if (waiter === undefined) return
      const resume = waiter
      waiter = undefined
      resume(messages.length > 0 ? Effect.succeed(take()) : Effect.fail(failure))
    },
    closed: () => closed,
    pull: Effect.callback((resume) => {
      if (messages.length > 0) return resume(Effect.succeed(take()))
      if (failure !== undefined) return resume(Effect.fail(failure))
      waiter = resume
      return Effect.sync(() => {
        if (waiter === resume) waiter = undefined
      })
    }),
    ended: Deferred.await(ended)
  }
}
