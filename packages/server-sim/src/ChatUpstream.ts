/**
 * The chat server behind a mediator.
 *
 * Owns the face and the stand-ins that need no network; the TCP one is in `@d2m/server-sim/node`. What the bytes mean is
 * between client and chat server (decision 18; PROTOCOL C12, D31).
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer, Queue, Schema, type Scope } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { ConnectionId } from "./Input.ts"

/**
 * The connection to a chat server is over, or never was. The client is closed with 4001 (`Unreachable`), 4000 (`Ended`)
 * or 4009 (`Failed`).
 *
 * @category errors
 * @since 0.1.0
 */
export class ChatError extends Schema.TaggedError<ChatError>()("ChatError", {
  reason: Schema.Literals(["Unreachable", "Ended", "Failed"]),
  detail: Schema.String
}) {
  override get message(): string {
    return `chat server: ${this.reason}: ${this.detail}`
  }
}

/**
 * On whose behalf a connection to a chat server is opened.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChatCaller {
  readonly connection: ConnectionId
  /** Verbatim from the URL: in practice two hex digits. */
  readonly serverGroup: string
}

/**
 * One connection to a chat server.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChatConnection {
  /**
   * Sends bytes of the client's stream; they may be cut anywhere. Once it fails nothing more is sent, and `receive` has to
   * fail as well, behind the last message.
   */
  readonly send: (bytes: Uint8Array) => Effect.Effect<void, ChatError>
  /** The next messages of the chat server, each element exactly one (decision 18). Never ends but by failing. */
  readonly receive: Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, ChatError>
}

/**
 * One turn of a scripted chat server.
 *
 * - `Expect`: wait until the client has sent so many bytes since the last turn that expected some
 * - `Say`: send one message
 * - `Wait`: do nothing for a while, in ms
 * - `End`: end the connection
 *
 * After the last turn the connection stays open and silent.
 *
 * @category models
 * @since 0.1.0
 */
export type ChatTurn =
  | { readonly _tag: "Expect"; readonly bytes: number }
  | { readonly _tag: "Say"; readonly message: Uint8Array }
  | { readonly _tag: "Wait"; readonly millis: number }
  | { readonly _tag: "End"; readonly reason: "Ended" | "Failed" }

const echo: Effect.Effect<ChatConnection> = Effect.map(Queue.bounded<Uint8Array>(256), (queue) => ({
  send: (bytes) => Effect.asVoid(Queue.offer(queue, bytes)),
  receive: Queue.takeAll(queue)
}))

const playScript = Effect.fnUntraced(function* (script: ReadonlyArray<ChatTurn>) {
  const heard = yield* Queue.bounded<number>(256)
  const said = yield* Queue.unbounded<Uint8Array, ChatError>()
  const play = Effect.gen(function* () {
    let bytes = 0
    for (const turn of script) {
      switch (turn._tag) {
        case "Expect":
          while (bytes < turn.bytes) bytes += yield* Queue.take(heard)
          bytes -= turn.bytes
          break
        case "Say":
          yield* Queue.offer(said, turn.message)
          break
        case "Wait":
          yield* Effect.sleep(turn.millis)
          break
        case "End":
          return yield* Queue.fail(said, new ChatError({ reason: turn.reason, detail: "the script says so" }))
      }
    }
    // What nobody waits for any more is let go, so that the client never blocks.
    return yield* Effect.forever(Queue.takeAll(heard))
  })
  yield* Effect.forkScoped(play)
  const connection: ChatConnection = {
    send: (bytes) => Effect.asVoid(Queue.offer(heard, bytes.length)),
    receive: Queue.takeAll(said)
  }
  return connection
})

/**
 * Opens connections to a chat server: one for a client connection, at its first proxy frame.
 *
 * @category services
 * @since 0.1.0
 */
export class ChatUpstream extends Context.Service<
  ChatUpstream,
  {
    /** Fails with `Unreachable` when there is nobody to talk to. The connection is closed with its scope. */
    readonly open: (caller: ChatCaller) => Effect.Effect<ChatConnection, ChatError, Scope.Scope>
  }
>()("@d2m/server-sim/ChatUpstream") {
  /** No chat server: whoever proxies is closed with 4001. */
  static readonly layerNone: Layer.Layer<ChatUpstream> = Layer.succeed(ChatUpstream, {
    open: () => Effect.fail(new ChatError({ reason: "Unreachable", detail: "none is configured" }))
  })

  /**
   * Takes what it is sent and never says a word, like a chat server that hangs: clients that talk to theirs first thing, as the
   * shipped ones do, go on to their mediator.
   */
  static readonly layerSilent: Layer.Layer<ChatUpstream> = Layer.succeed(ChatUpstream, { open: () => playScript([]) })

  /** Sends back what it gets, one message for each piece. */
  static readonly layerEcho: Layer.Layer<ChatUpstream> = Layer.succeed(ChatUpstream, { open: () => echo })

  /** Plays the same script on every connection. */
  static readonly layerScripted = (script: ReadonlyArray<ChatTurn>): Layer.Layer<ChatUpstream> =>
    Layer.succeed(ChatUpstream, { open: () => playScript(script) })
}
