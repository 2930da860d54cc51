/**
 * What every WebSocket of ours promises, whatever the platform: a write reaches its own connection or fails.
 * Owns the writer's contract and the way from connections to Effect's `Socket`.
 * Leaves dialling, sending and holding back to the platform's link.
 */
import { isSendable } from "@d2m/codec"
import { type Duration, Effect, type Scope } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { Socket } from "effect/socket"
import { fitReason } from "./CloseReason.ts"
import { Closed, writeFailed } from "./TransportError.ts"
import type { Inbox, Message } from "./WebSocketInbox.ts"

/**
 * The sending half of one open connection, as the platform gives it.
 *
 * @internal
 */
export interface Link {
  readonly isOpen: () => boolean
  /** Hands messages to the platform, in their order; called only while open. */
  readonly send: (messages: ReadonlyArray<Message>) => void
  /** Waits while more is buffered than may be; undefined when nothing has to be waited for. */
  readonly drained: () => Effect.Effect<void> | undefined
  /** Starts the closing handshake, which the platform ends within a bounded time. */
  readonly close: (code: number, reason: string) => void
  /** How long a write to a closing connection waits to learn why it closes. */
  readonly closeTimeout: Duration.Duration
}

/** @internal */
export interface Connection {
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Message>, Socket.SocketError>
  readonly write: Socket.Writer["write"]
  readonly writeAll: Socket.Writer["writeAll"]
}

const unsent = (detail: string): Socket.SocketError =>
  writeFailed(new Closed({ code: 1006, reason: detail, by: "client" }))

/** @internal */
export const makeConnection = (inbox: Inbox, link: Link): Connection => {
  const failEnded = (closed: Closed) => Effect.fail(writeFailed(closed))

  // A connection that is closing will not send any more, and the reason for it is about to be known.
  const failClosing = Effect.flatMap(
    Effect.timeoutOrElse(inbox.ended, {
      duration: link.closeTimeout,
      orElse: () =>
        Effect.succeed(new Closed({ code: 1006, reason: "the closing handshake did not end", by: "network" }))
    }),
    failEnded
  )

  const settled = Effect.suspend(() => {
    const closed = inbox.closed()
    return closed === undefined ? Effect.void : failEnded(closed)
  })

  const whileOpen = (act: () => Effect.Effect<void, Socket.SocketError>): Effect.Effect<void, Socket.SocketError> =>
    Effect.suspend(() => {
      const closed = inbox.closed()
      if (closed !== undefined) return failEnded(closed)
      if (!link.isOpen()) return failClosing
      try {
        return act()
      } catch (cause) {
        return Effect.fail(unsent(cause instanceof Error ? cause.message : String(cause)))
      }
    })

  const sent = (): Effect.Effect<void, Socket.SocketError> => {
    const drained = link.drained()
    return drained === undefined ? Effect.void : Effect.andThen(drained, settled)
  }

  const close = (code: number, reason: string) =>
    whileOpen(() => {
      link.close(code, reason)
      inbox.end(new Closed({ code, reason, by: "client" }))
      return Effect.void
    })

  return {
    pull: inbox.pull,
    write: (chunk) => {
      if (Socket.isCloseEvent(chunk)) {
        return isSendable(chunk.code)
          ? close(chunk.code, fitReason(chunk.reason ?? ""))
          : Effect.fail(unsent(`${chunk.code} is not a close code that may be sent`))
      }
      return whileOpen(() => {
        link.send([chunk])
        return sent()
      })
    },
    writeAll: (chunks) =>
      whileOpen(() => {
        link.send(chunks)
        return sent()
      })
  }
}

const notConnected = Effect.suspend(() =>
  Effect.fail(writeFailed(new Closed({ code: 1006, reason: "no connection is open", by: "network" })))
)

/**
 * A `Socket` that dials `connect` for each reader. A writer belongs to the connection that was dialled in its scope; without
 * one, to the latest that is open when it is acquired or, acquired earlier, when it first writes. It never moves on to the
 * next one. `only` is the one connection that is open.
 *
 * @internal
 */
export const makeSocket = <C extends Connection>(
  connect: Effect.Effect<C, Socket.SocketError, Scope.Scope>
): { readonly socket: Socket.Socket; readonly only: () => C | undefined } => {
  let current: C | undefined
  const open = new Set<C>()
  /** By the scope of their readers: whoever shares this socket may dial before the writer to a reader is acquired. */
  const dialled = new WeakMap<Scope.Scope, C>()

  const reader: Socket.Socket["reader"] = Effect.gen(function* () {
    let own: C | undefined
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (current === own) current = undefined
        if (own !== undefined) open.delete(own)
      })
    )
    own = yield* connect
    current = own
    dialled.set(yield* Effect.scope, own)
    open.add(own)
    return { pull: own.pull, upgrade: Socket.SocketUpgradeError.unsupported }
  })

  const writer: Socket.Socket["writer"] = Effect.map(Effect.scope, (scope) => {
    let bound = dialled.get(scope) ?? current
    const withBound = (write: (connection: C) => Effect.Effect<void, Socket.SocketError>) =>
      Effect.suspend(() => {
        bound ??= dialled.get(scope) ?? current
        return bound === undefined ? notConnected : write(bound)
      })
    return {
      write: (chunk) => withBound((connection) => connection.write(chunk)),
      writeAll: (chunks) => withBound((connection) => connection.writeAll(chunks))
    }
  })

  return { socket: Socket.make({ reader, writer }), only: () => (open.size === 1 ? [...open][0] : undefined) }
}
