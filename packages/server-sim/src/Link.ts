/**
 * A device's way to an in-memory mediator, as Effect's `Socket`.
 *
 * Owns dialing, what a writer belongs to and which faults are in force. All time comes from the Clock, and all chance from
 * Random: a link replays under a deterministic scheduler.
 *
 * @since 0.1.0
 */
import { ClientUrlInfo, encodeMessageResult, fromUrlPath } from "@d2m/codec"
import { Effect, Latch, Queue, Result, type Scope } from "effect"
import { Hex } from "effect/encoding"
import { Socket } from "effect/socket"
import { type Fault, type InjectError, invalidFault } from "./Fault.ts"
import type { Message } from "./FrameRule.ts"
import { type ActiveFault, activate, connect, type LinkConnection, type LinkHost } from "./LinkConnection.ts"
import { latencySampler, type LinkOptions, wrongLatency } from "./LinkOptions.ts"

/**
 * A device's way to the mediator: any number of connections, one after the other.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link {
  /**
   * One element of `pull` is one message, and a pull returns everything that has arrived. Every end is a `SocketError`. A
   * writer belongs to the connection that was dialed in its scope, or else to the latest that was open when it was acquired,
   * or else to the next one: writing fails once that has ended. Messages are not copied: what was written must not be changed
   * afterwards.
   */
  readonly socket: Socket.Socket
  /** Puts a fault in force for the open connection and those to come, until the scope closes; fails if it is `Invalid`. */
  readonly inject: (fault: Fault) => Effect.Effect<void, InjectError, Scope.Scope>
  /** How often the link was dialed. */
  readonly dials: Effect.Effect<number>
}

const openError = (cause: unknown): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause }) })

/** A link to the host. Nothing happens before its socket is dialed. */
export const makeLink = (host: LinkHost, path: ClientUrlInfo, options: LinkOptions): Link => {
  const given = (options.faults ?? []).map(activate)
  const injected = new Set<ActiveFault>()
  const isOpen = Latch.makeUnsafe(false)
  const moves = Latch.makeUnsafe(true)
  const latencies = [
    latencySampler(options.latencyUp ?? options.latency, host.random),
    latencySampler(options.latencyDown ?? options.latency, host.random)
  ]
  let current: LinkConnection | undefined
  /** By the scope of their readers: another device may dial before the writer to a reader is acquired. */
  const dialed = new WeakMap<Scope.Scope, LinkConnection>()
  let dials = 0

  const inForce = (): ReadonlyArray<ActiveFault> => [...given, ...injected]
  const isInForce = (tag: Fault["_tag"]): boolean => inForce().some(({ fault }) => fault._tag === tag)

  const letGo = (connection: LinkConnection): void => {
    connection.hangUp()
    if (current !== connection) return
    current = undefined
    isOpen.closeUnsafe()
  }

  const reader = Effect.gen(function* () {
    dials++
    const checked = Result.flatMap(encodeMessageResult(ClientUrlInfo, path), (bytes) => fromUrlPath(Hex.encode(bytes)))
    if (Result.isFailure(checked)) return yield* openError(checked.failure)
    const error = options.faults?.map(invalidFault).find((error) => error !== undefined)
    if (error !== undefined) return yield* openError(error)
    const latency = wrongLatency(options)
    if (latency !== undefined) return yield* openError(latency)
    const wait = latencies.reduce((sum, latency) => sum + (latency?.() ?? 0), 0)
    if (wait > 0) yield* Effect.sleep(wait)
    yield* moves.await
    if (isInForce("Unreachable")) return yield* openError("the mediator cannot be reached")
    const inbox = yield* Queue.unbounded<Message, Socket.SocketError>()
    const scope = yield* Effect.scope
    const { pull } = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const connection = connect(host, path, options, inForce(), inbox)
        current = connection
        dialed.set(scope, connection)
        isOpen.openUnsafe()
        return connection
      }),
      (connection) => Effect.sync(() => letGo(connection))
    )
    return { pull, upgrade: Socket.SocketUpgradeError.unsupported }
  })

  const writer = Effect.map(Effect.scope, (scope): Socket.Writer => {
    let own = dialed.get(scope) ?? current
    const withOwn = (
      use: (connection: LinkConnection) => Effect.Effect<void, Socket.SocketError>
    ): Effect.Effect<void, Socket.SocketError> =>
      Effect.suspend(() => {
        own ??= dialed.get(scope) ?? current
        return own === undefined ? Effect.andThen(isOpen.await, withOwn(use)) : use(own)
      })
    return {
      write: (chunk) =>
        withOwn((connection) =>
          Socket.isCloseEvent(chunk)
            ? Effect.sync(() => connection.close(chunk.code, chunk.reason))
            : connection.write([chunk])
        ),
      writeAll: (chunks) => withOwn((connection) => connection.write(chunks))
    }
  })

  const inject = (fault: Fault): Effect.Effect<void, InjectError, Scope.Scope> =>
    Effect.asVoid(
      Effect.acquireRelease(
        Effect.suspend(() => {
          const error = invalidFault(fault)
          if (error !== undefined) return error
          const active = activate(fault)
          current?.inject(active)
          // What happens at once is over at once.
          if (fault._tag !== "Cut" && fault._tag !== "Close") injected.add(active)
          if (isInForce("Stall")) moves.closeUnsafe()
          return Effect.succeed(active)
        }),
        (active) =>
          Effect.sync(() => {
            injected.delete(active)
            current?.lift(active)
            if (!isInForce("Stall")) moves.openUnsafe()
          })
      )
    )

  if (isInForce("Stall")) moves.closeUnsafe()

  return { socket: Socket.make({ reader, writer }), inject, dials: Effect.sync(() => dials) }
}
