/**
 * Where a mediator listens, and why it does not.
 *
 * @since 0.1.0
 */
import { Context, Schema } from "effect"

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
    /** `ws://host:port/` or `wss://host:port/`: a base for `mediatorUrl`. */
    readonly url: string
  }
>()("@d2m/server-sim/ListenAddress") {}

/**
 * A mediator that cannot listen.
 *
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
  reason: Schema.Literals(["PortInUse", "NotPermitted", "HostUnavailable", "TlsUnreadable", "TlsInvalid", "Failed"]),
  host: Schema.String,
  port: Schema.Int,
  detail: Schema.String
}) {
  override get message(): string {
    return `cannot listen on ${this.host}:${this.port}: ${this.reason}: ${this.detail}`
  }
}
