/**
 * The chat server's bytes through the mediator, as a duplex that an application runs its chat protocol over.
 * Owns the proxy frames of one connection from its opening on, and the word of the chat handler on reconnecting (decisions
 * 18, 26).
 * Leaves the chat protocol to the application, and the verdict to `ReconnectVerdict`.
 */
import { Limits, type Proxy } from "@d2m/codec"
import { Array as Arr, type Cause, Effect, Exit, Fiber, Option, Queue, Schema, Stream, type Scope } from "effect"
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import { ChatOver, FellBehind } from "./ConnectionEnd.ts"
import type { Link } from "./Link.ts"

/**
 * How a chat session ended.
 *
 * `Ended` says nothing about reconnecting: the mediator's close code decides. `CloseError` is the chat server's own word,
 * which decides alone.
 *
 * @category models
 * @since 0.1.0
 */
export const ChatEnd = Schema.TaggedUnion({ Ended: {}, CloseError: { canReconnect: Schema.Boolean } })

/**
 * How the chat with the server behind the mediator ended.
 *
 * @category models
 * @since 0.1.0
 */
export type ChatEnd = typeof ChatEnd.Type

/**
 * The connection under a chat session has ended.
 *
 * @category errors
 * @since 0.1.0
 */
export class ChatClosed extends Schema.TaggedError<ChatClosed>("@d2m/client/ChatClosed")("ChatClosed", {}) {
  override get message(): string {
    return "the connection to the mediator has ended"
  }
}

/**
 * The two directions of one chat session, open as long as its connection to the mediator.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChatDuplex {
  /**
   * What the chat server sends, one chat message an element (views; copy what is kept). Ends with the connection. What one
   * run of it has not taken stays for the next. A reader that falls behind holds up everything on the connection.
   */
  readonly incoming: Stream.Stream<Uint8Array>
  /** Sends bytes of the stream to the chat server, in frames of at most 65532 bytes. */
  readonly send: (bytes: Uint8Array) => Effect.Effect<void, ChatClosed>
}

/**
 * The chat proxy of one connection.
 *
 * @internal
 */
export interface ChatProxy {
  readonly accept: (link: Link, data: NonEmptyReadonlyArray<Uint8Array>) => Effect.Effect<void, FellBehind>
  /** Starts the handler on an open link. */
  readonly start: (link: Link) => Effect.Effect<void>
  /** Fails some time after the handler reported a close-error, should the mediator not close the connection. */
  readonly over: Effect.Effect<never, ChatOver>
  /** Whether there is a handler to be asked for its verdict. */
  readonly isRunning: () => boolean
  /** The connection has ended: what the handler has to say about it, if it does so in time. Interrupts it otherwise. */
  readonly verdict: Effect.Effect<ChatEnd | undefined>
}

/** @internal */
export const noChat: ChatProxy = {
  accept: () => Effect.void,
  start: () => Effect.void,
  over: Effect.never,
  isRunning: () => false,
  verdict: Effect.succeed(undefined)
}

/** `Stream.fromQueue` would take all that is there, and a run that ends early would throw away what it has not used. */
const oneByOne = <A, E>(queue: Queue.Dequeue<A, E>): Stream.Stream<A, Exclude<E, Cause.Done>> =>
  Stream.fromPull(Effect.succeed(Effect.map(Queue.take(queue), Arr.of)))

/**
 * Makes the chat proxy of one connection. Its handler is interrupted when its time for a verdict is over, which nobody waits
 * for, and when the scope closes.
 *
 * @internal
 */
export const makeChatProxy = Effect.fnUntraced(function* (options: {
  readonly handler: (io: ChatDuplex) => Effect.Effect<ChatEnd>
  readonly capacity: number
  /** Milliseconds given to the handler after the connection has ended, and to the mediator after a close-error. */
  readonly patience: number
  readonly stall: number
  readonly isAwaiting: () => boolean
  readonly onDefect: (cause: Cause.Cause<never>) => void
}): Effect.fn.Return<ChatProxy, never, Scope.Scope> {
  const { capacity, patience } = options
  const scope = yield* Effect.scope
  const queue = yield* Queue.bounded<Uint8Array, Cause.Done>(capacity)
  let running: Fiber.Fiber<ChatEnd> | undefined

  const send = (link: Link) => (bytes: Uint8Array) => {
    const frames: Array<Proxy> = []
    for (let at = 0; at < bytes.length; at += Limits.payload) {
      frames.push({ _tag: "Proxy", data: bytes.subarray(at, at + Limits.payload) })
    }
    return isReadonlyArrayNonEmpty(frames) ? Effect.mapError(link.send(frames), () => new ChatClosed({})) : Effect.void
  }

  const stalled: Effect.Effect<void, FellBehind> = Effect.suspend(() =>
    Effect.andThen(
      Effect.sleep(options.stall),
      Effect.suspend(() => (options.isAwaiting() ? Effect.fail(new FellBehind()) : stalled))
    )
  )

  const accept = (link: Link, data: NonEmptyReadonlyArray<Uint8Array>): Effect.Effect<void, FellBehind> =>
    Effect.suspend(() => {
      const rest = Queue.offerAllUnsafe(queue, data)
      if (rest.length === 0) return Effect.void
      return link.holdUp(Effect.raceFirst(Effect.asVoid(Queue.offerAll(queue, rest)), stalled))
    })

  const incoming = oneByOne(queue)

  const start = (link: Link): Effect.Effect<void> =>
    Effect.suspend(() => options.handler({ incoming, send: send(link) })).pipe(
      Effect.exit,
      Effect.map((exit): ChatEnd => {
        if (Exit.isSuccess(exit)) return exit.value
        options.onDefect(exit.cause)
        return { _tag: "Ended" }
      }),
      // Nobody takes chat bytes any more: they must not hold up the connection.
      Effect.ensuring(Queue.shutdown(queue)),
      Effect.forkIn(scope),
      Effect.map((fiber) => {
        running = fiber
      })
    )

  const over: Effect.Effect<never, ChatOver> = Effect.suspend(() =>
    running === undefined ? Effect.never : Fiber.join(running)
  ).pipe(
    Effect.flatMap((end) =>
      end._tag === "CloseError"
        ? Effect.delay(Effect.fail(new ChatOver({ canReconnect: end.canReconnect })), patience)
        : Effect.never
    )
  )

  const verdict = Effect.suspend(() => {
    const handler = running
    if (handler === undefined) return Effect.succeed(undefined)
    return Queue.end(queue).pipe(
      Effect.andThen(Effect.timeoutOption(Fiber.join(handler), patience)),
      Effect.map((end) => {
        if (Option.isSome(end)) return end.value
        handler.interruptUnsafe()
        return undefined
      })
    )
  })

  return { accept, start, over, isRunning: () => running !== undefined, verdict }
})
