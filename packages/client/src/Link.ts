/**
 * One open connection as frames: what was read is decoded, what is written is encoded.
 * Owns the order of frames, the split of chat bytes from frames, the listening clock, and that a write after the end fails.
 * Leaves the order of the handshake to `Handshake` and everything after it to `Session`.
 */
import { type ClientFrame, decodeServerFrame, encodeClientFrame, type ServerFrame } from "@d2m/codec"
import { Array as Arr, Clock, Deferred, Effect, Result, Scope } from "effect"
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import { Socket } from "effect/socket"
import { deadlineMillis } from "./Bounds.ts"
import { closeCodeOf, closeReasonOf, type ConnectionEnd, DeadlinePassed, ProtocolViolation } from "./ConnectionEnd.ts"
import { elapsedMillisUnsafe } from "./Elapsed.ts"
import { Closed, type TransportError, transportError } from "./TransportError.ts"

/**
 * The frames that the mediator speaks to the device with; chat bytes and unknown types have gone their own way.
 *
 * @category models
 * @since 0.1.0
 */
export type MediatorFrame = Exclude<ServerFrame, { readonly _tag: "Proxy" | "Unknown" }>

/**
 * The frames that a device may send on a connection that is no session: the ClientHello, and chat bytes, which need no
 * handshake (decision 18).
 *
 * @category models
 * @since 0.1.0
 */
export type LinkFrame = Extract<ClientFrame, { readonly _tag: "ClientHello" | "Proxy" }>

/**
 * Writes what only a session may send.
 *
 * @internal
 */
export interface SessionWriter {
  readonly send: (frames: NonEmptyReadonlyArray<ClientFrame>) => Effect.Effect<void, TransportError>
  /** The same for frames that were encoded where they were sealed. */
  readonly sendEncoded: (frames: NonEmptyReadonlyArray<Uint8Array>) => Effect.Effect<void, TransportError>
}

/**
 * Where a link keeps its `SessionWriter`, for `Session` alone: the package does not export it.
 *
 * @internal
 */
export const sessionWriter: unique symbol = Symbol.for("@d2m/client/Link/sessionWriter")

/**
 * One open connection. The rest of the protocol is sent by the `Session` that a handshake makes of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link {
  readonly [sessionWriter]: SessionWriter
  /** The next frame. */
  readonly next: Effect.Effect<MediatorFrame, ConnectionEnd>
  /** All frames that are there, at least one. What precedes a frame that cannot be read comes before the failure. */
  readonly frames: Effect.Effect<NonEmptyReadonlyArray<MediatorFrame>, ConnectionEnd>
  /** Writes frames in one go, with the socket's backpressure. Fails once the connection has ended. */
  readonly send: (frames: NonEmptyReadonlyArray<LinkFrame>) => Effect.Effect<void, TransportError>
  /** Succeeds when a write has failed: what is read from then on cannot be answered. */
  readonly unanswerable: Effect.Effect<void>
  /** Fails when a write has failed and the reader had time to learn why. */
  readonly broken: Effect.Effect<never, TransportError>
  /** Tells the peer why the device hangs up; the connection itself ends with its scope. */
  readonly close: (end: ConnectionEnd) => Effect.Effect<void>
  /** When a frame was last written, in milliseconds on the monotonic clock. */
  readonly lastWriteAt: () => number
  /** How often something was read. */
  readonly reads: () => number
  /** Milliseconds on a clock that stands still while the device does not read by its own will. */
  readonly listeningTime: () => number
  /** Runs an effect that holds up the reading; the listening clock stands still meanwhile. */
  readonly holdUp: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

const decode = (message: Uint8Array | string): Result.Result<ServerFrame, ConnectionEnd> =>
  typeof message === "string"
    ? Result.fail(new ProtocolViolation({ expected: "a binary message", found: "a text message" }))
    : decodeServerFrame(message)

const hungUp = () => new Closed({ code: 1000, reason: "the connection has ended", by: "client" })

/**
 * Dials, and hangs up with 1000 when the scope closes.
 *
 * `onProxy` gets the chat bytes of each read in order, and holds up the reading while it runs.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openLink = Effect.fnUntraced(function* (options: {
  readonly onProxy: (link: Link, data: NonEmptyReadonlyArray<Uint8Array>) => Effect.Effect<void, ConnectionEnd>
  readonly onUnknown: (type: number, length: number) => void
}): Effect.fn.Return<Link, ConnectionEnd, Socket.Socket | Scope.Scope> {
  const socket = yield* Socket.Socket
  const clock = yield* Clock.Clock
  const deadlines = yield* deadlineMillis
  // By a scope of their own a socket that others dial too knows which writer goes with this reader.
  const scope = yield* Scope.fork(yield* Effect.scope)
  const { pull } = yield* socket.reader.pipe(
    Scope.provide(scope),
    Effect.mapError(transportError),
    Effect.timeoutOrElse({
      duration: deadlines.open,
      orElse: () => Effect.fail(new DeadlinePassed({ waitedFor: "open connection", millis: deadlines.open }))
    })
  )
  // The stock writer parks what is written while disconnected: it is taken only where a connection is open.
  const writer = yield* Scope.provide(socket.writer, scope)
  const now = () => elapsedMillisUnsafe(clock)

  let ended = false
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      ended = true
    })
  )

  let lastWriteAt = now()
  let reads = 0
  let held = 0
  let heldSince: number | undefined
  let waiting: Array<MediatorFrame> = []
  let failure: ConnectionEnd | undefined

  /** Decodes what was read into `waiting`, up to what cannot be read, and gives the chat bytes. */
  const sort = (messages: NonEmptyReadonlyArray<Uint8Array | string>): ReadonlyArray<Uint8Array> => {
    reads++
    const proxied: Array<Uint8Array> = []
    for (const message of messages) {
      const frame = decode(message)
      if (Result.isFailure(frame)) {
        failure = frame.failure
        break
      }
      switch (frame.success._tag) {
        case "Proxy":
          proxied.push(frame.success.data)
          break
        case "Unknown":
          options.onUnknown(frame.success.type, frame.success.payload.length)
          break
        default:
          waiting.push(frame.success)
      }
    }
    return proxied
  }

  const settle = (): Effect.Effect<void, ConnectionEnd> =>
    waiting.length > 0 ? Effect.void : failure === undefined ? read : Effect.fail(failure)
  const read: Effect.Effect<void, ConnectionEnd> = Effect.flatMap(Effect.mapError(pull, transportError), (messages) => {
    const proxied = sort(messages)
    return isReadonlyArrayNonEmpty(proxied) ? Effect.flatMap(options.onProxy(link, proxied), settle) : settle()
  })
  const settled = Effect.suspend(settle)

  const broke = yield* Deferred.make<never, TransportError>()
  const writeBroke = (cause: Socket.SocketError): Effect.Effect<never, TransportError> => {
    const error = transportError(cause)
    Deferred.doneUnsafe(broke, Effect.fail(error))
    return Effect.fail(error)
  }
  const sendEncoded = (frames: NonEmptyReadonlyArray<Uint8Array>): Effect.Effect<void, TransportError> =>
    Effect.suspend(() => {
      if (ended) return Effect.fail(hungUp())
      lastWriteAt = now()
      return Effect.catch(writer.writeAll(frames), writeBroke)
    })

  const send = (frames: NonEmptyReadonlyArray<ClientFrame>): Effect.Effect<void, TransportError> =>
    Effect.suspend(() => sendEncoded(Arr.map(frames, encodeClientFrame)))

  /**
   * A peer that closes breaks a write before its close code has been read, and the code decides what to do next, as does the
   * chat server's last word. Who holds up the reading has until a stall to let it go on.
   */
  const readersTurn = Effect.suspend(() => {
    const since = link.listeningTime()
    const heard: Effect.Effect<void> = Effect.suspend(() => {
      const left = deadlines.close - (link.listeningTime() - since)
      return left <= 0 ? Effect.void : Effect.andThen(Effect.sleep(left), heard)
    })
    return Effect.timeoutOption(heard, deadlines.stall)
  })

  const link: Link = {
    [sessionWriter]: { send, sendEncoded },
    next: Effect.map(settled, () => waiting.shift()!),
    frames: Effect.map(settled, () => {
      const frames = waiting as [MediatorFrame, ...Array<MediatorFrame>]
      waiting = []
      return frames
    }),
    send,
    unanswerable: Effect.ignore(Deferred.await(broke)),
    broken: Effect.catch(Deferred.await(broke), (error) => Effect.andThen(readersTurn, Effect.fail(error))),
    close: (end) =>
      writer
        .write(new Socket.CloseEvent(closeCodeOf(end), closeReasonOf(end)))
        .pipe(Effect.timeoutOption(deadlines.close), Effect.ignore),
    lastWriteAt: () => lastWriteAt,
    reads: () => reads,
    listeningTime: () => (heldSince ?? now()) - held,
    holdUp: (effect) =>
      Effect.suspend(() => {
        heldSince ??= now()
        return effect
      }).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            if (heldSince !== undefined) held += now() - heldSince
            heldSince = undefined
          })
        )
      )
  }
  return link
})
