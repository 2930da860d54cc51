/**
 * A mediator on the network: HTTP upgrade, TLS, shutdown.
 *
 * Owns which requests become connections (PROTOCOL A1) and the end of them all. What a connection says is the mediator's.
 * A platform edge: this is where servers and sockets of Node live.
 *
 * @since 0.1.0
 */
import { type ClientUrlInfo, CloseCode, type DecodeError, fromUrlPath } from "@d2m/codec"
import { Effect, Layer, Result, type Scope } from "effect"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { createServer as createSecureServer } from "node:https"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { type ServerOptions, WebSocketServer } from "ws"
import { Mediator } from "../Mediator.ts"
import type { Attachment } from "../Transport.ts"
import { ListenAddress, ListenError } from "./ListenAddress.ts"
import { readTls, type TlsOptions, type TlsPair } from "./TlsOptions.ts"
import { attachWebSocket } from "./WebSocketTransport.ts"

/**
 * Where and how to listen.
 *
 * @category models
 * @since 0.1.0
 */
export interface WebSocketOptions {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** Absent: plain `ws`, for loopback and behind a proxy. */
  readonly tls?: TlsOptions
  /**
   * The largest WebSocket message that is read, in bytes: 1 MiB if absent. It lies above the 65536 of a frame so that an
   * oversized one is answered with 4010; what is even larger ends with 1009.
   */
  readonly maxMessageBytes?: number
  /** How long a client may take for its part of a closing handshake, in ms: 2000 if absent. */
  readonly closeTimeout?: number
}

const lastSegment = (url: string): string => {
  const path = url.split("?", 1)[0]!.replace(/\/+$/, "")
  return path.slice(path.lastIndexOf("/") + 1)
}

const pathOf = (request: IncomingMessage): Result.Result<ClientUrlInfo, DecodeError> =>
  fromUrlPath(lastSegment(request.url ?? ""))

/** What a request is answered that does not become a connection. */
const refusal = (
  request: IncomingMessage
): { readonly status: number; readonly phrase: string; readonly text: string } => {
  const path = pathOf(request)
  return Result.isFailure(path)
    ? { status: 400, phrase: "Bad Request", text: `${path.failure.message}\n` }
    : { status: 426, phrase: "Upgrade Required", text: "this is a WebSocket endpoint\n" }
}

const refuseRequest = (request: IncomingMessage, response: ServerResponse): void => {
  const { status, text } = refusal(request)
  response.writeHead(status, { "content-type": "text/plain", connection: "close" })
  response.end(text)
}

const refuseUpgrade = (request: IncomingMessage, socket: Duplex): void => {
  const { phrase, status, text } = refusal(request)
  const head = [
    `HTTP/1.1 ${status} ${phrase}`,
    "Connection: close",
    "Content-Type: text/plain",
    `Content-Length: ${Buffer.byteLength(text)}`
  ]
  socket.end(`${head.join("\r\n")}\r\n\r\n${text}`)
}

const reasonOf = (code: string | undefined): ListenError["reason"] => {
  switch (code) {
    case "EADDRINUSE":
      return "PortInUse"
    case "EACCES":
    case "EPERM":
      return "NotPermitted"
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EINVAL":
      return "HostUnavailable"
    default:
      return "Failed"
  }
}

const listen = (server: Server, host: string, port: number): Effect.Effect<number, ListenError> =>
  Effect.callback((resume) => {
    const failed = (error: NodeJS.ErrnoException): void =>
      resume(new ListenError({ reason: reasonOf(error.code), host, port, detail: error.message }))
    server.once("error", failed)
    server.listen(port, host, () => {
      server.off("error", failed)
      resume(Effect.succeed((server.address() as AddressInfo).port))
    })
  })

/** Closes what is open with 1001, in bounded time. */
const stop = (
  server: Server,
  sockets: WebSocketServer,
  attachments: ReadonlySet<Attachment>,
  closeTimeout: number
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const closed = Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
    })
    for (const attachment of attachments) attachment.requestClose(CloseCode.GoingAway, "the mediator is shutting down")
    server.closeIdleConnections()
    // `ws` gives up on a client by itself after this time; the rest is for sockets that are not WebSockets.
    yield* Effect.timeoutOption(closed, closeTimeout)
    for (const client of sockets.clients) client.terminate()
    server.closeAllConnections()
  })

const serve = (
  mediator: Mediator["Service"],
  options: WebSocketOptions,
  tls: TlsPair | undefined
): Effect.Effect<number, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const { closeTimeout = 2_000, host, maxMessageBytes = 1024 * 1024, port } = options
    const attachments = new Set<Attachment>()
    // The option is younger than the types of `ws`.
    const socketOptions: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      perMessageDeflate: false,
      // None is spoken, and without this `ws` would accept the first one offered.
      handleProtocols: () => false,
      maxPayload: maxMessageBytes,
      skipUTF8Validation: true,
      closeTimeout
    }
    const sockets = new WebSocketServer(socketOptions)
    const server: Server =
      tls === undefined ? createServer(refuseRequest) : createSecureServer({ ...tls }, refuseRequest)
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on("error", () => socket.destroy())
      const path = pathOf(request)
      if (Result.isFailure(path)) return refuseUpgrade(request, socket)
      sockets.handleUpgrade(request, socket, head, (ws) => {
        const attachment = attachWebSocket(mediator, path.success, ws, socket)
        attachments.add(attachment)
        ws.on("close", () => attachments.delete(attachment))
      })
    })
    return yield* Effect.acquireRelease(listen(server, host, port), () =>
      stop(server, sockets, attachments, closeTimeout)
    )
  })

/**
 * Serves the mediator over WebSockets at `/…/<hex ClientUrlInfo>`, whatever the segments before; anything else is answered
 * with HTTP 400. Declines permessage-deflate and sub-protocols. When the layer ends, every connection is closed with 1001.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWebSocket = (options: WebSocketOptions): Layer.Layer<ListenAddress, ListenError, Mediator> =>
  Layer.effect(
    ListenAddress,
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const { host, tls } = options
      const pair = tls === undefined ? undefined : yield* readTls(tls, { host, port: options.port })
      const port = yield* serve(mediator, options, pair)
      const isSecure = pair !== undefined
      const authority = host.includes(":") ? `[${host}]` : host
      return { host, port, isSecure, url: `${isSecure ? "wss" : "ws"}://${authority}:${port}/` }
    })
  )
