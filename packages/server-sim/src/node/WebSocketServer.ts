/**
 * A mediator on the network: HTTP upgrade, TLS, shutdown.
 *
 * Owns which requests become connections (PROTOCOL A1) and the end of them all. Who may connect is the admission's, what a
 * connection says the mediator's. A platform edge: this is where servers and sockets of Node live.
 *
 * @since 0.1.0
 */
import { type ClientUrlInfo, CloseCode, type DecodeError, fromUrlPath } from "@d2m/codec"
import { Clock, type Duration, Effect, Layer, Result, type Scope } from "effect"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { createServer as createSecureServer, Server as SecureServer } from "node:https"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { type ServerOptions, WebSocketServer } from "ws"
import type { Fault } from "../Fault.ts"
import { faultsOf } from "../FaultFunctions.ts"
import { makeForks } from "../Forks.ts"
import { GuardEvents } from "../GuardEvent.ts"
import { Mediator } from "../Mediator.ts"
import { InvalidOptions } from "../MediatorOptions.ts"
import { elapsedOf } from "../Moment.ts"
import { harmless, makeFailureLog } from "../observe/FailureLog.ts"
import { patienceOf } from "../OptionMillis.ts"
import { makeAdmission } from "./Admission.ts"
import { type Arrivals, makeArrivals } from "./Arrivals.ts"
import { areDescriptorsUsedUp, withinDescriptors } from "./Descriptors.ts"
import { type Guards, type GuardsInput, makeGuards } from "./Guards.ts"
import { badRequest, type HttpRefusal, guardRefusal, notAnUpgrade, refuseRequest, refuseSocket } from "./HttpRefusal.ts"
import { authorityOf, listen, ListenAddress, type ListenError } from "./ListenAddress.ts"
import { type OpenConnection, openConnection } from "./OpenConnection.ts"
import { readTls, type ServerTlsOptions, serveRenewed, type TlsPair } from "./ServerTlsOptions.ts"

/**
 * Where and how to listen.
 *
 * @category models
 * @since 0.1.0
 */
export interface WebSocketServerOptions {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** Absent: plain `ws`, for loopback and behind a proxy. */
  readonly tls?: ServerTlsOptions
  /**
   * How long a client may take for its part of a closing handshake, 0 or more: 2 seconds if absent. A device that must not come
   * back without its user (4112, 4113, 4114) has the time of a slow reader: its handler may not have got that far.
   */
  readonly closeTimeout?: Duration.Input
  /** What it puts up with; what is absent is as in `defaultGuards`. */
  readonly guards?: GuardsInput
  /** File descriptors that a connection may take: 1 if absent, which is its own; 2 with `layerTcpChat`. */
  readonly descriptorsEach?: number
  /**
   * Called for each connection that is admitted: faults that are in force on it from its opening on, so that they also hit
   * its handshake. `Unreachable`: TCP is reset before the upgrade is answered; with a fault that cannot happen, or when it
   * throws, the connection is closed with 1011 and the reason. None if absent.
   *
   * `skip` and `count` of a fault are about the connection that it is given: a fault that is given to each happens on each.
   *
   * @example
   * ```ts
   * import { Fault } from "@d2m/server-sim"
   * import type { WebSocketServerOptions } from "@d2m/server-sim/node"
   *
   * const lostAck = Fault.Drop({ direction: "down", match: { frame: "ReflectAck", count: 1 } })
   *
   * // Once and for all: the first connection has it, those that follow have none.
   * const faults = [[lostAck]].values()
   * export const options: WebSocketServerOptions = {
   *   host: "127.0.0.1",
   *   port: 0,
   *   faults: () => faults.next().value ?? []
   * }
   * ```
   */
  readonly faults?: (path: ClientUrlInfo) => ReadonlyArray<Fault>
}

const lastSegment = (url: string): string => {
  const path = url.split("?", 1)[0]!.replace(/\/+$/, "")
  return path.slice(path.lastIndexOf("/") + 1)
}

const pathOf = (request: IncomingMessage): Result.Result<ClientUrlInfo, DecodeError> =>
  fromUrlPath(lastSegment(request.url ?? ""))

/** The answer to a path without a device group, as that of an address alone. */
const noGroup = ({ message }: DecodeError): HttpRefusal =>
  badRequest(`the path is to end with the hex of a ClientUrlInfo: ${message}`)

const forwardedFor = ({ headers }: IncomingMessage): string | undefined => {
  const header = headers["x-forwarded-for"]
  return Array.isArray(header) ? header.join(",") : header
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0

const plainMethods: ReadonlySet<string | undefined> = new Set(["GET", "HEAD", "OPTIONS"])

/** Whether somebody only looks what is here: a health check, a browser, a monitor. */
const isLook = (request: IncomingMessage): boolean =>
  plainMethods.has(request.method) && !hasBody(request) && request.headers.expect === undefined

/** How `ws` is to read and to close. The option `closeTimeout` and its like are younger than the types. */
const socketOptions = (
  guards: Guards
): ServerOptions & {
  readonly closeTimeout: number
  readonly maxFragments: number
  readonly maxBufferedChunks: number
} => ({
  noServer: true,
  perMessageDeflate: false,
  // None is spoken, and without this `ws` would accept the first one offered.
  handleProtocols: () => false,
  maxPayload: guards.maxMessageBytes,
  maxFragments: guards.maxFragments,
  maxBufferedChunks: guards.maxFragments,
  skipUTF8Validation: true,
  // Those who do not close are looked for with the slow readers.
  closeTimeout: 2 ** 31 - 1
})

/** Who is late, slow or does not close is looked for so often, in ms: a deadline is kept to a quarter, and to a second. */
const lookInterval = ({ slowReaderDeadline, upgradeDeadline }: Guards, closeTimeout: number): number =>
  Math.max(1, Math.min(1_000, Math.floor(Math.min(slowReaderDeadline, upgradeDeadline, closeTimeout) / 4)))

const sayGoodbye = ({ attachment }: OpenConnection): void =>
  attachment.requestClose(CloseCode.GoingAway, "the mediator is shutting down")

/** Closes what is open with 1001, in bounded time. */
const stop = (
  server: Server,
  connections: ReadonlySet<OpenConnection>,
  arrivals: Arrivals,
  closeTimeout: number
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const closed = Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
    })
    for (const connection of connections) sayGoodbye(connection)
    server.closeIdleConnections()
    yield* Effect.timeoutOption(closed, closeTimeout)
    arrivals.end()
  })

/** What cannot be read as HTTP; nothing if there is nobody to answer. */
const refusalOf = ({ code = "" }: NodeJS.ErrnoException): HttpRefusal | undefined => {
  if (code === "HPE_HEADER_OVERFLOW") return badRequest("the head of the request is too large", 431)
  return code.startsWith("HPE_") ? badRequest("this is no HTTP") : undefined
}

const httpServer = (guards: Guards, tls: TlsPair | undefined): Server => {
  // Deadlines are kept by the arrivals, from the TCP handshake on.
  const options = { maxHeaderSize: guards.maxHeaderBytes, headersTimeout: 0, requestTimeout: 0 }
  return tls === undefined ? createServer(options) : createSecureServer({ ...tls, ...options })
}

const serve = (
  mediator: Mediator["Service"],
  options: WebSocketServerOptions,
  guards: Guards,
  closeTimeout: number,
  tls: TlsPair | undefined
): Effect.Effect<number, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const { faults: faultsFor = () => [], host, port } = options
    const clock = yield* Clock.Clock
    const forks = yield* makeForks
    const failed = makeFailureLog(forks, clock)
    const report = harmless(yield* GuardEvents, "a listener of the mediator's guards failed", failed)
    const now = (): number => elapsedOf(clock)
    const admission = makeAdmission(guards)
    const arrivals = makeArrivals(admission, guards.upgradeDeadline, tls !== undefined, now, report)
    const connections = new Set<OpenConnection>()
    let isStopping = false
    const connectionHost = {
      mediator,
      guards,
      closeTimeout,
      forks,
      now,
      report,
      reset: arrivals.reset,
      onFailed: (address: string) => admission.failed(address, now())
    }

    const refuse = (socket: Socket, refusal: HttpRefusal, request?: IncomingMessage): void => {
      arrivals.refused(socket, refusal.reason, request && forwardedFor(request))
      refuseSocket(socket, refusal)
    }

    const sockets = new WebSocketServer(socketOptions(guards))
    sockets.on("wsClientError", (error: Error, duplex: Duplex, request: IncomingMessage) => {
      const socket = duplex as Socket
      refuse(socket, badRequest(error.message, request.method === "GET" ? 400 : 405), request)
    })

    const upgrade = (request: IncomingMessage, _duplex: Duplex, head: Buffer): void => {
      // Of a request with a body, Node may give another stream in the socket's place.
      const { socket } = request
      socket.on("error", () => socket.destroy())
      if (hasBody(request)) return refuse(socket, badRequest("an upgrade has no body"), request)
      const arrival = arrivals.of(socket)
      if (arrival === undefined) return void socket.destroy()
      const path = pathOf(request)
      if (Result.isFailure(path)) return refuse(socket, noGroup(path.failure), request)
      const { deviceGroupId: groupId } = path.success
      const refusal = admission.admit(arrival, { groupId, forwardedFor: forwardedFor(request) }, now())
      if (refusal !== undefined) return refuse(socket, guardRefusal(refusal), request)
      const faults = faultsOf(() => faultsFor(path.success))
      const isReachable = Result.getOrElse(faults, () => []).every(({ _tag }) => _tag !== "Unreachable")
      if (!isReachable) return arrivals.reset(socket)
      sockets.handleUpgrade(request, socket, head, (ws) => {
        arrivals.upgraded(socket)
        const connection = openConnection(connectionHost, path.success, arrival.address, ws, socket, faults)
        connections.add(connection)
        ws.on("close", () => connections.delete(connection))
        // Its request was on the way when the others were told.
        if (isStopping) sayGoodbye(connection)
      })
    }

    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      const path = pathOf(request)
      const answer = Result.isFailure(path) ? noGroup(path.failure) : notAnUpgrade
      const refusal: HttpRefusal = { ...answer, reason: isLook(request) ? "NotAnUpgrade" : "BadRequest" }
      response.on("finish", () => arrivals.answered(request.socket))
      arrivals.refused(request.socket, refusal.reason, forwardedFor(request))
      refuseRequest(response, refusal)
    }

    const tunnel = (request: IncomingMessage): void => {
      request.socket.on("error", () => request.socket.destroy())
      refuse(request.socket, badRequest("this is no proxy"), request)
    }

    const server = httpServer(guards, tls)
    server.on("connection", arrivals.accept)
    server.on("request", answer)
    server.on("checkExpectation", answer)
    server.on("connect", tunnel)
    server.on("upgrade", upgrade)
    server.on("clientError", (error: NodeJS.ErrnoException, duplex: Duplex) => {
      const socket = duplex as Socket
      const refusal = refusalOf(error)
      if (refusal === undefined) return void socket.destroy()
      if (socket.writableEnded) return
      refuse(socket, refusal)
    })
    server.on("secureConnection", arrivals.secured)

    const bound = yield* Effect.acquireRelease(listen(server, host, port), () => {
      isStopping = true
      return stop(server, connections, arrivals, closeTimeout)
    })
    if (options.tls !== undefined && tls !== undefined && server instanceof SecureServer) {
      const renew = (pair: TlsPair): void => server.setSecureContext({ ...pair })
      yield* Effect.forkScoped(serveRenewed(options.tls, { host, port: bound }, tls, renew))
    }
    const look = Effect.sync(() => {
      const time = now()
      if (areDescriptorsUsedUp()) report({ _tag: "OutOfDescriptors" })
      arrivals.look(time)
      for (const connection of connections) connection.look(time)
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(lookInterval(guards, closeTimeout)), look)))
    return bound
  })

/**
 * Serves the mediator over WebSockets at `/…/<hex ClientUrlInfo>`, whatever the segments before; anything else is answered
 * with HTTP 400. Declines permessage-deflate and sub-protocols. When the layer ends, every connection is closed with 1001.
 *
 * Guarded by {@link Guards}, with no more connections than the process has file descriptors for; what the guards do is told
 * to `GuardEvents`. A client that is cut for not reading gets no close
 * frame, which would wait behind what it does not read: it sees 1006, and what it missed comes on its next connection.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWebSocketServer = (
  options: WebSocketServerOptions
): Layer.Layer<ListenAddress, ListenError | InvalidOptions, Mediator> =>
  Layer.effect(
    ListenAddress,
    Effect.gen(function* () {
      const mediator = yield* Mediator
      const guards = yield* withinDescriptors(yield* makeGuards(options.guards), options.descriptorsEach ?? 1)
      const { closeTimeout: patience = "2 seconds", host, tls } = options
      const closeTimeout = yield* Effect.mapError(
        Effect.fromResult(patienceOf("closeTimeout", patience)),
        (detail) => new InvalidOptions({ detail })
      )
      const pair = tls === undefined ? undefined : yield* readTls(tls, { host, port: options.port })
      const port = yield* serve(mediator, options, guards, closeTimeout, pair)
      const isSecure = pair !== undefined
      return { host, port, isSecure, url: `${isSecure ? "wss" : "ws"}://${authorityOf(host, port)}/` }
    })
  )
