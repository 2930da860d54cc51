/**
 * One client's connection to the chat server, kept by the shell.
 *
 * Owns the fiber that opens and pumps it and the bounds in both directions. How its end closes the client is the core's
 * (`ChatProxy`).
 *
 * @since 0.1.0
 */
import { Cause, Effect, Exit, Latch, Queue, Result } from "effect"
import type { ChatCaller, ChatConnection, ChatError, ChatUpstream } from "./ChatUpstream.ts"
import type { Cancel, Forks } from "./Forks.ts"
import type { ChatGone, ConnectionId, Input } from "./Input.ts"
import { own } from "./Turn.ts"

/** What the shell does with the chat connection of a client. */
export interface ShellChat {
  /** Passes on bytes of the client; `false` if the chat server does not take them fast enough. */
  readonly send: (data: Uint8Array) => boolean
  /** Whether the client can take more: the chat server is not read while it cannot. */
  readonly clientHasRoom: (hasRoom: boolean) => void
  readonly close: Cancel
}

const howItEnded = (exit: Exit.Exit<never, ChatError>): ChatGone["how"] => {
  if (Exit.isSuccess(exit)) return "Failed"
  const error = Cause.findError(exit.cause)
  return Result.isSuccess(error) ? error.success.reason : "Failed"
}

/** What a piece costs besides its bytes, so that many small ones are bounded too. */
const overhead = 64

/** Opens the chat connection of a client and pumps until it is over or closed. */
const startChat = (
  forks: Forks,
  upstream: ChatUpstream["Service"],
  caller: ChatCaller,
  highWater: number,
  onMessages: (messages: ReadonlyArray<Uint8Array>) => void,
  onGone: (how: ChatGone["how"]) => void
): ShellChat => {
  const room = Latch.makeUnsafe(true)
  const waiting: Array<Uint8Array> = []
  let bytes = 0
  let bell: Queue.Queue<void> | undefined

  const converse = (bell: Queue.Dequeue<void>, chat: ChatConnection): Effect.Effect<never, ChatError> => {
    const pass: Effect.Effect<void, ChatError> = Effect.suspend(() => {
      const data = waiting.shift()
      if (data === undefined) return Effect.void
      bytes -= data.length + overhead
      return Effect.andThen(chat.send(data), pass)
    })
    // There may be a last word for a client that is behind (PROTOCOL D31): the end is told when that has been received.
    const toServer = Effect.catch(Effect.forever(Effect.andThen(Queue.take(bell), pass)), () =>
      Effect.forever(
        Effect.suspend(() => {
          waiting.length = bytes = 0
          return Queue.take(bell)
        })
      )
    )
    // It yields behind each read: what the client has no room for is known by then.
    const toClient = Effect.forever(Effect.map(Effect.andThen(room.await, chat.receive), onMessages))
    return Effect.raceFirst(toServer, toClient)
  }

  const pump = Effect.flatMap(Queue.sliding<void>(1), (queue) => {
    bell = queue
    // What came before the bell was there.
    if (waiting.length > 0) Queue.offerUnsafe(queue, undefined)
    return Effect.flatMap(upstream.open(caller), (chat) => converse(queue, chat))
  })

  return {
    close: forks.start(Effect.scoped(pump), (exit) => onGone(howItEnded(exit))),
    clientHasRoom: (hasRoom) => {
      if (hasRoom) room.openUnsafe()
      else room.closeUnsafe()
    },
    send: (data) => {
      bytes += data.length + overhead
      if (bytes > highWater) return false
      waiting.push(own(data))
      if (bell !== undefined) Queue.offerUnsafe(bell, undefined)
      return true
    }
  }
}

/** A client that talks to a chat server. */
export interface ChatClient {
  readonly id: ConnectionId
  readonly serverGroup: string
  /** Absent before it has said something. */
  chat: ShellChat | undefined
}

/** What the chat connections of a mediator have in common. */
export interface ChatHost {
  readonly forks: Forks
  readonly upstream: ChatUpstream["Service"]
  /** Bytes that may wait for a chat server. */
  readonly highWater: number
  /** Something for the core. */
  readonly tell: (inputs: ReadonlyArray<Input>) => void
}

/** Passes on what clients say to their chat servers: the first of it opens the connection. */
export const makeChats =
  ({ forks, highWater, tell, upstream }: ChatHost) =>
  (client: ChatClient, data: Uint8Array): void => {
    const connection = client.id
    const gone = (how: ChatGone["how"]): void => tell([{ _tag: "ChatGone", connection, how }])
    client.chat ??= startChat(
      forks,
      upstream,
      { connection, serverGroup: client.serverGroup },
      highWater,
      (messages) => tell(messages.map((data) => ({ _tag: "ChatReceived", connection, data }))),
      gone
    )
    if (!client.chat.send(data)) gone("Failed")
  }
