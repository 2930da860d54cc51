/**
 * Where a mediator listens, and why it does not.
 *
 * @since 0.1.0
 */
import { Context, Effect, Schema } from "effect"
import type { AddressInfo, Server } from "node:net"

/**
 * The address a mediator listens on.
 *
 * @category services
 * @since 0.1.0
 */
export class ListenAddress extends Context.Service<
  ListenAddress,
  {
    /** As it was asked for. */
    readonly host: string
    /** The port in use: a free one if 0 was asked for. */
    readonly port: number
    readonly isSecure: boolean
    /**
     * `ws://host:port/` or `wss://host:port/`: a base for `mediatorUrl`, on this machine. For a host that means all addresses,
     * `0.0.0.0` or `::`, it has the loopback address.
     */
    readonly url: string
  }
>()("@d2m/server-sim/ListenAddress") {}

/**
 * A mediator that cannot listen.
 *
 * - `PortOutOfRange`: the port is no integer of 0 to 65535
 * - `PortInUse`: another process listens there
 * - `NotPermitted`: the port needs rights that the process does not have
 * - `HostUnavailable`: the host is no address of this machine, or does not resolve
 * - `TlsUnreadable`: the key or certificate file cannot be read
 * - `TlsInvalid`: key and certificate are not PEM, or do not belong together
 * - `Failed`: anything else
 *
 * @category errors
 * @since 0.1.0
 */
export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  reason: Schema.Literals([
    "PortOutOfRange",
    "PortInUse",
    "NotPermitted",
    "HostUnavailable",
    "TlsUnreadable",
    "TlsInvalid",
    "Failed"
  ]),
  host: Schema.String,
  /** As it was asked for. */
  port: Schema.Number,
  detail: Schema.String
}) {
  override get message(): string {
    return `cannot listen on ${this.host}:${this.port}: ${this.reason}: ${this.detail}`
  }
}

/** Why a socket could not listen, by the code of Node's error. */
export const reasonOf = (code: string | undefined): ListenError["reason"] => {
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

/** What of a URL leads to a host from this machine: there is no dialling of all addresses. */
export const authorityOf = (host: string, port: number): string => {
  const name = host.includes(":") ? `[${host}]` : host
  const { hostname } = URL.parse(`http://${name}`) ?? { hostname: name }
  if (hostname === "0.0.0.0") return `127.0.0.1:${port}`
  return hostname === "[::]" ? `[::1]:${port}` : `${name}:${port}`
}

/** Fails for a port that no socket has: Node's `listen` would throw. */
export const checkPort = (host: string, port: number): Effect.Effect<void, ListenError> =>
  Number.isInteger(port) && port >= 0 && port <= 65_535
    ? Effect.void
    : Effect.fail(
        new ListenError({ reason: "PortOutOfRange", host, port, detail: "a port is an integer of 0 to 65535" })
      )

/** Makes a server listen; succeeds with the port. */
export const listen = (server: Server, host: string, port: number): Effect.Effect<number, ListenError> =>
  Effect.andThen(checkPort(host, port), bind(server, host, port))

const bind = (server: Server, host: string, port: number): Effect.Effect<number, ListenError> =>
  Effect.callback((resume) => {
    const failed = (error: NodeJS.ErrnoException): void =>
      resume(new ListenError({ reason: reasonOf(error.code), host, port, detail: error.message }))
    server.once("error", failed)
    server.listen(port, host, () => {
      server.off("error", failed)
      resume(Effect.succeed((server.address() as AddressInfo).port))
    })
  })
