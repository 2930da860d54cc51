/**
 * What the transport tests share: certificates made on the spot, loopback servers, and waiting for events.
 * Owns nothing that is tested. Every wait is for an event of a real socket; none is for time.
 */
// @peculiar/x509 resolves its parts by decorators and refuses to load without this.
import "reflect-metadata"
import * as x509 from "@peculiar/x509"
import { Context, Effect, Fiber, Layer, Queue, Redacted, type Scope } from "effect"
import { Socket } from "effect/socket"
import { createHash, webcrypto } from "node:crypto"
import type { EventEmitter } from "node:events"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import { type WebSocket, WebSocketServer } from "ws"
import { layerNodeWebSocket, type NodeWebSocketOptions } from "../src/node.ts"
import { WebSocketPing } from "../src/WebSocketPing.ts"
import { type TransportError, transportError } from "../src/TransportError.ts"

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }
const pem = (label: string, der: ArrayBuffer) =>
  `-----BEGIN ${label}-----\n${Buffer.from(der)
    .toString("base64")
    .match(/.{1,64}/g)!
    .join("\n")}\n-----END ${label}-----\n`

export interface Certificate {
  readonly cert: string
  readonly key: string
  readonly pin: string
}

/** A self-signed P-256 certificate for the given host names and addresses. */
export const certificate = (
  names: ReadonlyArray<string> = ["127.0.0.1", "localhost"],
  dates: { readonly from: string; readonly to: string } = { from: "2020-01-01", to: "2120-01-01" }
): Effect.Effect<Certificate> =>
  Effect.promise(async () => {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])
    const made = await x509.X509CertificateGenerator.createSelfSigned({
      name: "CN=D2M test",
      notBefore: new Date(dates.from),
      notAfter: new Date(dates.to),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.SubjectAlternativeNameExtension(
          names.map((value) => ({ type: Net.isIP(value) === 0 ? "dns" : "ip", value }))
        )
      ]
    })
    return {
      cert: made.toString("pem"),
      key: pem("PRIVATE KEY", await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)),
      // By another road than the product's: the key's own export, not the certificate.
      pin: createHash("sha256")
        .update(Buffer.from(await webcrypto.subtle.exportKey("spki", keys.publicKey)))
        .digest("base64")
    }
  })

/** Succeeds with the arguments of the emitter's next event of this name. */
export const event = <A extends ReadonlyArray<unknown>>(emitter: EventEmitter, name: string): Effect.Effect<A> =>
  Effect.callback((resume) => {
    const on = (...args: Array<unknown>) => resume(Effect.succeed(args as unknown as A))
    emitter.once(name, on)
    return Effect.sync(() => emitter.off(name, on))
  })

/** Lets the event loop run its phases so often. */
export const turns = (count: number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const next = (left: number): unknown => (left === 0 ? resume(Effect.void) : setImmediate(next, left - 1))
    next(count)
  })

/** Waits until a number has not changed for many turns of the event loop, and gives it. */
export const standstill = (number: () => number): Effect.Effect<number> =>
  Effect.gen(function* () {
    for (let still = 0, last = number(); ;) {
      yield* turns(20)
      const now = number()
      still = now === last ? still + 1 : 0
      last = now
      if (still === 50) return now
    }
  })

const listen = (server: Net.Server) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as Net.AddressInfo).port)))
    }),
    () => Effect.sync(() => server.close())
  )

/** A server that speaks bytes only; its connections come out of the queue and die with the test. */
export const serveTcp: Effect.Effect<
  { readonly port: number; readonly accepted: Queue.Dequeue<Net.Socket> },
  never,
  Scope.Scope
> = Effect.gen(function* () {
  const accepted = yield* Queue.unbounded<Net.Socket>()
  const server = Net.createServer((socket) => {
    socket.on("error", () => undefined)
    Queue.offerUnsafe(accepted, socket)
  })
  const sockets = new Set<Net.Socket>()
  server.on("connection", (socket) => sockets.add(socket))
  const port = yield* listen(server)
  yield* Effect.addFinalizer(() => Effect.sync(() => sockets.forEach((socket) => socket.destroy())))
  return { port, accepted }
})

export interface Accepted {
  readonly ws: WebSocket
  readonly request: Http.IncomingMessage
  /** The TCP or TLS socket below. */
  readonly socket: Net.Socket
}

/** A WebSocket server on loopback, over TLS when it has a certificate. */
export const serve = (
  options: {
    readonly tls?: Certificate
    readonly autoPong?: boolean
    readonly refuse?: number
  } = {}
) =>
  Effect.gen(function* () {
    const accepted = yield* Queue.unbounded<Accepted>()
    const wss = new WebSocketServer({
      noServer: true,
      perMessageDeflate: true,
      autoPong: options.autoPong ?? true
    })
    let upgrades = 0
    const server: Net.Server = options.tls === undefined ? Http.createServer() : Https.createServer(options.tls)
    const sockets = new Set<Net.Socket>()
    server.on("connection", (socket: Net.Socket) => sockets.add(socket))
    server.on("tlsClientError", () => undefined)
    server.on("upgrade", (request: Http.IncomingMessage, socket: Net.Socket, head: Buffer) => {
      upgrades++
      if (options.refuse !== undefined) {
        socket.end(`HTTP/1.1 ${options.refuse} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
        return
      }
      wss.handleUpgrade(request, socket, head, (ws) => {
        ws.on("error", () => undefined)
        Queue.offerUnsafe(accepted, { ws, request, socket })
      })
    })
    const port = yield* listen(server)
    yield* Effect.addFinalizer(() => Effect.sync(() => sockets.forEach((socket) => socket.destroy())))
    const scheme = options.tls === undefined ? "ws" : "wss"
    return {
      port,
      server,
      accepted,
      upgrades: () => upgrades,
      connections: () => sockets.size,
      url: `${scheme}://127.0.0.1:${port}/0a0b`
    }
  })

/** Every message that comes in, as it comes. */
export const messagesOf = (ws: WebSocket): Array<Buffer> => {
  const messages: Array<Buffer> = []
  ws.on("message", (data: Buffer) => messages.push(data))
  return messages
}

/** The client's side: the socket and ping of the Node layer. */
export const client = (options: NodeWebSocketOptions) =>
  Effect.map(Layer.build(layerNodeWebSocket(options)), (context) => ({
    socket: Context.get(context, Socket.Socket),
    ping: Context.get(context, WebSocketPing).ping
  }))

/** Opens a connection in the current scope and gives both of its halves. */
export const open = (socket: Socket.Socket) =>
  Effect.gen(function* () {
    const { pull } = yield* socket.reader
    const writer = yield* socket.writer
    return { pull, ...writer }
  })

/** A client connected to a server, and the server's side of it. */
export const connected = (
  options: Partial<NodeWebSocketOptions> = {},
  serverOptions: Parameters<typeof serve>[0] = {}
) =>
  Effect.gen(function* () {
    const server = yield* serve(serverOptions)
    const { ping, socket } = yield* client({ url: server.url, ...options })
    const connection = yield* open(socket)
    const peer = yield* Queue.take(server.accepted)
    return { ...connection, ping, peer, server, socket }
  })

/** How an effect on a socket fails, as the typed error. */
export const failure = <A, R>(effect: Effect.Effect<A, Socket.SocketError, R>): Effect.Effect<TransportError, A, R> =>
  Effect.map(Effect.flip(effect), transportError)

/** How opening fails. */
export const refusal = (options: NodeWebSocketOptions) =>
  Effect.flatMap(client(options), ({ socket }) => failure(Effect.asVoid(Effect.scoped(socket.reader))))

export const redactedKey = (of: Certificate) => Redacted.make(of.key)

/** The opening answer of RFC 6455, by hand, for servers that then misbehave. */
export const answer = (request: string) => {
  const key = /sec-websocket-key: (.*)\r\n/i.exec(request)![1]!
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64")
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
}

/** Waits for the opening request and answers it. */
export const acceptByHand = (socket: Net.Socket) =>
  Effect.map(event<[Buffer]>(socket, "data"), ([request]) => {
    socket.write(answer(request.toString("latin1")))
  })

/** A connection whose other end is a bare TCP socket, past the upgrade. */
export const connectedByHand = (options: Partial<NodeWebSocketOptions> = {}) =>
  Effect.gen(function* () {
    const { accepted, port } = yield* serveTcp
    const { socket } = yield* client({ url: `ws://127.0.0.1:${port}/`, ...options })
    const opening = yield* Effect.forkChild(open(socket), { startImmediately: true })
    const peer = yield* Queue.take(accepted)
    yield* acceptByHand(peer)
    return { peer, ...(yield* Fiber.join(opening)) }
  })

/** A binary message of these bytes. */
export const frame = (...bytes: ReadonlyArray<number>) => Uint8Array.from(bytes)
