/**
 * The HTTP server for operators: `/metrics`, `/healthz`, `/readyz`.
 *
 * Owns paths and answers. It is a server of its own, on an address of its own, so that whoever reaches the mediator does
 * not reach this.
 *
 * @since 0.1.0
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Context, Effect, Layer } from "effect"
import { HttpMiddleware, HttpRouter, HttpServer, type HttpServerError, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { createServer, type Server } from "node:http"
import type { Socket } from "node:net"
import { authorityOf, checkPort, ListenError, reasonOf } from "./ListenAddress.ts"
import { Readiness } from "./Readiness.ts"

/**
 * Where operators find a mediator.
 *
 * @category services
 * @since 0.1.0
 */
export class AdminAddress extends Context.Service<
  AdminAddress,
  {
    /** As it was asked for. */
    readonly host: string
    /** The port in use: a free one if 0 was asked for. */
    readonly port: number
    /** `http://host:port/`, on this machine: the loopback address for a host that means all addresses. */
    readonly url: string
  }
>()("@d2m/server-sim/AdminAddress") {}

/** What it takes, devices do not get. */
const maxConnections = 16

/** Who comes last gets in: a place is taken from who has asked or been answered nothing for longest. */
const boundedServer = (): Server => {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 })
  // Least recently heard of first.
  const sockets = new Set<Socket>()
  const heardOf = (socket: Socket): void => {
    if (sockets.delete(socket)) sockets.add(socket)
  }
  server.on("connection", (socket: Socket) => {
    const [longest] = sockets
    if (longest !== undefined && sockets.size === maxConnections) {
      sockets.delete(longest)
      longest.destroy()
    }
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  server.on("request", ({ socket }, response) => {
    heardOf(socket)
    response.once("finish", () => heardOf(socket))
  })
  return server
}

const plain = (status: number, text: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(`${text}\n`, { status, headers: { "cache-control": "no-store" } })

const routes = Layer.mergeAll(
  PrometheusMetrics.layerHttp({ path: "/metrics" }),
  HttpRouter.use((router) =>
    Effect.gen(function* () {
      const { status } = yield* Readiness
      const readyz = Effect.map(status, (readiness) => plain(readiness === "Ready" ? 200 : 503, readiness))
      yield* router.add("GET", "/healthz", plain(200, "Alive"))
      yield* router.add("GET", "/readyz", readyz)
    })
  )
)

const listenError = (host: string, port: number, { cause }: HttpServerError.ServeError): ListenError => {
  const { code, message } = cause as NodeJS.ErrnoException
  return new ListenError({ reason: reasonOf(code), host, port, detail: message })
}

/**
 * Serves operators at `host` and `port` (0 for any free one), in the clear:
 *
 * - `GET /metrics`: every metric in the registry, in Prometheus's text format
 * - `GET /healthz`: 200 while the process answers
 * - `GET /readyz`: 200 and `Ready` while devices can be sent here; otherwise 503 and one word that says why
 *
 * It has 16 connections at a time at most; the one that has been quiet for longest gives way to the next. Build it before the mediator's server, so that it still tells of a shutdown.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAdmin = (options: {
  readonly host: string
  readonly port: number
}): Layer.Layer<AdminAddress, ListenError, Readiness> => {
  const { host, port } = options
  const server = NodeHttpServer.layer(boundedServer, {
    host,
    port,
    gracefulShutdownTimeout: "500 millis"
  })
  return Layer.effect(
    AdminAddress,
    Effect.map(HttpServer.HttpServer, ({ address }) => {
      const bound = "port" in address ? address.port : port
      return { host, port: bound, url: `http://${authorityOf(host, bound)}/` }
    })
  ).pipe(
    Layer.provide(HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true })),
    // A scrape is no part of any device's story.
    Layer.provide(Layer.succeed(HttpMiddleware.TracerDisabledWhen)(() => true)),
    Layer.provide(server),
    Layer.catch((error) => Layer.effect(AdminAddress, Effect.fail(listenError(host, port, error)))),
    Layer.provide(Layer.effectDiscard(checkPort(host, port)))
  )
}
