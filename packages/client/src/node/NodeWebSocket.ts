/**
 * The transport for Node: Effect's `Socket` over `ws`, one binary message a D2M frame, with the server's key pinned.
 * Owns the options and what they permit to be dialled.
 * Leaves reconnecting, keep-alive and the protocol to the device.
 */
import { Clock, Context, Duration, Effect, Layer, Result, Schema } from "effect"
import { Socket } from "effect/socket"
import type { InvalidDeviceOptions } from "../DeviceOptionsError.ts"
import { bytes, checkWith, durationAboveZero, finiteDuration } from "../OptionCheck.ts"
import {
  Closed,
  NoPinFor,
  type OpenError,
  openFailed,
  OpenTimeout,
  PlaintextRefused,
  writeFailed
} from "../TransportError.ts"
import { makeSocket } from "../WebSocketConnection.ts"
import { WebSocketPing } from "../WebSocketPing.ts"
import { parseWebSocketUrl } from "../WebSocketUrl.ts"
import { dial, type Target, type TlsOptions } from "./Dial.ts"
import { type PinRule, pinsFor } from "./Pins.ts"
import { upgrade, type WsConnection, type WsOptions } from "./WsConnection.ts"

/**
 * How a server on `wss:` earns trust. A host that a pin rule names must always show a pinned key.
 *
 * - `chain-and-pin`: the certificate is verified (authorities, dates, host name) and its key is pinned. The default.
 * - `pinned-only`: the pin is the only proof, for servers with a certificate of their own making. Neither authorities
 *   nor dates nor the host name in the certificate matter.
 * - `system-trust`: a host that no rule names is trusted on a verified certificate alone.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerTrust = "chain-and-pin" | "pinned-only" | "system-trust"

/**
 * Where to dial, whom to trust there, how long things may take, and how much may wait.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeWebSocketOptions {
  /** The full address, path included (PROTOCOL A1); see `mediatorUrl` of `@d2m/codec`. */
  readonly url: string
  readonly pins?: ReadonlyArray<PinRule>
  readonly trust?: ServerTrust
  readonly tls?: TlsOptions
  /** Permits `ws:` to other machines. Never for a host that is pinned. */
  readonly allowPlaintext?: boolean
  /** Further headers of the opening request. */
  readonly headers?: Readonly<Record<string, string>>
  /** From the first packet to the open WebSocket; 10 seconds (decision 15). */
  readonly openTimeout?: Duration.Input
  /** How long a peer may take over the closing handshake before it is cut off; 2 seconds. */
  readonly closeTimeout?: Duration.Input
  /**
   * The longest message accepted, in bytes; 66560, so that a frame a little over the protocol's 65536 is still named by
   * the decoder. A longer one ends the connection with 1009.
   */
  readonly maxPayload?: number
  /** Bytes received and not yet pulled at which reading pauses; 256 KiB. */
  readonly readHighWaterMark?: number
  /** Bytes written and not yet sent above which a writer waits; 512 KiB. */
  readonly writeHighWaterMark?: number
}

const targetOf = (options: NodeWebSocketOptions): Result.Result<Target, OpenError> =>
  Result.gen(function* () {
    const url = yield* parseWebSocketUrl(options.url, options.allowPlaintext === true)
    const pins = yield* pinsFor(url.host, options.pins ?? [])
    const trust = options.trust ?? "chain-and-pin"
    if (!url.secure && pins !== undefined) {
      return yield* Result.fail(
        new PlaintextRefused({ host: url.host, detail: "the host is pinned, and only wss: can show a pinned key" })
      )
    }
    if (url.secure && pins === undefined && trust !== "system-trust") {
      return yield* Result.fail(new NoPinFor({ host: url.host }))
    }
    return { url, pins, tls: options.tls ?? {}, verifyChain: trust !== "pinned-only" }
  })

const check = checkWith(
  Schema.Struct({
    openTimeout: Schema.optional(durationAboveZero),
    closeTimeout: Schema.optional(finiteDuration),
    maxPayload: Schema.optional(bytes(1)),
    readHighWaterMark: Schema.optional(bytes(1)),
    writeHighWaterMark: Schema.optional(bytes(0))
  })
)

const make = (options: NodeWebSocketOptions) => {
  const openTimeout = Duration.fromInputUnsafe(options.openTimeout ?? "10 seconds")
  const wsOptions: WsOptions = {
    headers: options.headers ?? {},
    maxPayload: options.maxPayload ?? 66_560,
    readHighWaterMark: options.readHighWaterMark ?? 256 * 1024,
    writeHighWaterMark: options.writeHighWaterMark ?? 512 * 1024,
    closeTimeout: Duration.fromInputUnsafe(options.closeTimeout ?? "2 seconds")
  }

  const connect = Effect.gen(function* () {
    const target = yield* Effect.fromResult(targetOf(options))
    let phase: OpenTimeout["phase"] = "connect"
    let hangUp = () => {}
    let refusal: (() => OpenError) | undefined
    const clock = yield* Clock.Clock
    yield* Effect.addFinalizer(() => Effect.sync(() => hangUp()))
    return yield* dial(target, {
      socket: (socket) => {
        hangUp = () => socket.destroy()
      },
      phase: (next) => {
        phase = next
      }
    }).pipe(
      Effect.flatMap((socket) =>
        upgrade(target, socket, wsOptions, clock, {
          hold: (next) => {
            hangUp = next
          },
          refused: (known) => {
            refusal = known
          }
        })
      ),
      Effect.timeoutOrElse({
        duration: openTimeout,
        orElse: () => {
          hangUp()
          const timeout = Duration.toMillis(openTimeout)
          return Effect.fail(refusal?.() ?? new OpenTimeout({ address: target.url.address, phase, timeout }))
        }
      })
    )
  }).pipe(Effect.mapError(openFailed))

  return makeSocket<WsConnection>(connect)
}

/**
 * Effect's `Socket` over `ws`, and its ping. Every acquisition of the reader dials anew.
 *
 * One element of a pull is one WebSocket message; a text message comes as a string. Bytes are views into what was read
 * from the network: copy what outlives its batch. A burst comes as one batch; reading pauses while nobody pulls, and a
 * write waits while the server does not read. A write to a connection that has ended fails. Closing the reader's scope
 * closes with 1000. `transportError` turns a `SocketError` into what happened. The ping is that of the one connection that
 * is open: devices that share a layer have none.
 *
 * Fails where a time or a number of bytes is none that can be waited for or held; what is wrong with URL and pins is told by
 * the connection.
 *
 * No sub-protocol, no permessage-deflate, no redirects, no TLS session resumption.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerNodeWebSocket = (
  options: NodeWebSocketOptions
): Layer.Layer<Socket.Socket | WebSocketPing, InvalidDeviceOptions> =>
  Layer.effectContext(
    Effect.map(Effect.fromResult(check(options)), () => {
      const { only, socket } = make(options)
      const ping = Effect.suspend(
        () =>
          only()?.ping ??
          Effect.fail(
            writeFailed(new Closed({ code: 1006, reason: "no connection is open, or more than one", by: "network" }))
          )
      )
      return Context.make(Socket.Socket, socket).pipe(Context.add(WebSocketPing, WebSocketPing.of({ ping })))
    })
  )
