/**
 * A chat server reached over TCP.
 *
 * Owns cutting its byte stream into single messages, which clients insist on (PROTOCOL C12: exactly one a proxy frame), and
 * backpressure in both directions. A platform edge: this is where sockets of Node live.
 *
 * @since 0.1.0
 */
import { type Duration, Effect, Layer, Queue, Result, type Scope } from "effect"
import { connect, type Socket } from "node:net"
import { type ChatConnection, ChatError, ChatUpstream } from "../ChatUpstream.ts"
import { InvalidOptions } from "../MediatorOptions.ts"
import { patienceOf } from "../OptionMillis.ts"
import { makeCspFraming } from "./CspFraming.ts"

/**
 * Which chat server, and how it marks its messages.
 *
 * @category models
 * @since 0.1.0
 */
export interface TcpChatOptions {
  /** `{serverGroup}` stands for the server group of the client's URL. */
  readonly host: string
  readonly port: number
  /**
   * - `csp` (default): a server-hello of 80 bytes, a login-ack of 32, then frames with a u16le length ahead
   * - `none`: what arrives together is passed on together, for a server that frames in its own way
   */
  readonly framing?: "csp" | "none"
  /** The longest that connecting may take, 0 or more: 10 seconds if absent. */
  readonly connectTimeout?: Duration.Input
}

/** Bytes of messages that may wait for a client before the server is read no further. */
const highWater = 2 ** 18

/** What a message costs besides its bytes, so that many small ones are bounded too. */
const overhead = 1024

const dial = (host: string, port: number, timeout: number): Effect.Effect<Socket, ChatError, Scope.Scope> => {
  const connected = Effect.callback<Socket, ChatError>((resume) => {
    const socket = connect({ host, port, noDelay: true })
    const failed = (error: Error): void => resume(new ChatError({ reason: "Unreachable", detail: error.message }))
    socket.once("error", failed)
    socket.once("connect", () => {
      socket.off("error", failed)
      // Whatever comes before somebody listens must not bring the process down.
      socket.on("error", () => {})
      resume(Effect.succeed(socket))
    })
    return Effect.sync(() => socket.destroy())
  })
  const inTime = Effect.timeoutOrElse(connected, {
    duration: timeout,
    orElse: () => Effect.fail(new ChatError({ reason: "Unreachable", detail: `no connection in ${timeout} ms` }))
  })
  return Effect.acquireRelease(inTime, (socket) => Effect.sync(() => socket.destroy()), { interruptible: true })
}

const connectionOf = Effect.fnUntraced(function* (socket: Socket, framing: "csp" | "none") {
  const messages = yield* Queue.unbounded<Uint8Array, ChatError>()
  let waiting = 0
  const cut = framing === "csp" ? makeCspFraming() : (bytes: Uint8Array) => [bytes]

  socket.on("data", (buffer: Buffer) => {
    const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    for (const message of cut(bytes)) {
      waiting += message.length + overhead
      Queue.offerUnsafe(messages, message)
    }
    if (waiting > highWater) socket.pause()
  })
  socket.once("close", (hadError) => {
    const end = hadError
      ? new ChatError({ reason: "Failed", detail: "the connection broke" })
      : new ChatError({ reason: "Ended", detail: "the server closed the connection" })
    Effect.runSync(Queue.fail(messages, end))
  })

  const connection: ChatConnection = {
    send: (bytes) =>
      Effect.callback<void, ChatError>((resume) => {
        // Also between the server's end and the close, where a write would make a broken connection of it.
        if (!socket.writable) return resume(new ChatError({ reason: "Ended", detail: "the connection is closed" }))
        if (socket.write(bytes)) return resume(Effect.void)
        const drained = (): void => {
          socket.off("drain", drained)
          socket.off("close", drained)
          resume(Effect.void)
        }
        socket.on("drain", drained)
        socket.on("close", drained)
      }),
    receive: Effect.map(Queue.takeAll(messages), (batch) => {
      for (const message of batch) waiting -= message.length + overhead
      socket.resume()
      return batch
    })
  }
  return connection
})

/**
 * A chat server over TCP: one connection for each client that proxies, 4001 when there is none. Throws `InvalidOptions` where
 * `connectTimeout` is no such duration.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTcpChat = (options: TcpChatOptions): Layer.Layer<ChatUpstream> => {
  const { connectTimeout = "10 seconds", framing = "csp", host, port } = options
  const timeout = Result.getOrThrowWith(
    patienceOf("connectTimeout", connectTimeout),
    (detail) => new InvalidOptions({ detail })
  )
  return Layer.succeed(ChatUpstream, {
    open: ({ serverGroup }) =>
      Effect.flatMap(dial(host.replaceAll("{serverGroup}", serverGroup), port, timeout), (socket) =>
        connectionOf(socket, framing)
      )
  })
}
