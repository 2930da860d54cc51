/**
 * A bare TCP or TLS client, for tests of what comes before a WebSocket: whatever it writes, and everything it gets.
 */
import { Effect, type Scope } from "effect"
import { connect as connectTcp, type NetConnectOpts, type Socket } from "node:net"
import { connect as connectTls, type ConnectionOptions } from "node:tls"

export interface RawSocket {
  readonly socket: Socket
  readonly write: (data: string | Uint8Array) => void
  /** Everything it has got, once the server has closed. */
  readonly closed: Effect.Effect<string>
  /** Everything it has got, once this is part of it. */
  readonly got: (text: string | RegExp) => Effect.Effect<string>
}

const opened = (socket: Socket, event: string): Effect.Effect<RawSocket, string, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<RawSocket, string>((resume) => {
      let text = ""
      let hasClosed = false
      const told = (isEnough: () => boolean): Effect.Effect<string> =>
        Effect.callback((resume) => {
          const look = (): void => {
            if (isEnough()) resume(Effect.succeed(text))
          }
          socket.on("data", look)
          socket.on("close", look)
          look()
        })
      socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")))
      socket.on("close", () => (hasClosed = true))
      socket.on("error", (error) => resume(Effect.fail(error.message)))
      socket.once(event, () =>
        resume(
          Effect.succeed({
            socket,
            write: (data) => void socket.write(data),
            closed: told(() => hasClosed),
            got: (part) => told(() => (typeof part === "string" ? text.includes(part) : part.test(text)))
          })
        )
      )
    }),
    () => Effect.sync(() => socket.destroy())
  )

/** A TCP connection to loopback. */
export const rawTcp = (port: number, options: Partial<NetConnectOpts> = {}) =>
  Effect.suspend(() => opened(connectTcp({ port, host: "127.0.0.1", ...options }), "connect"))

/** A TLS connection to loopback that trusts anybody. */
export const rawTls = (port: number, options: ConnectionOptions = {}) =>
  Effect.suspend(() =>
    opened(connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options }), "secureConnect")
  )

/** The head of an upgrade, with these headers changed or, if `undefined`, left out. */
export const upgradeHead = (path: string, changes: Readonly<Record<string, string | undefined>> = {}, method = "GET") =>
  [
    `${method} /${path} HTTP/1.1`,
    ...Object.entries({
      Host: "x",
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
      ...changes
    }).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`])),
    "\r\n"
  ].join("\r\n")
