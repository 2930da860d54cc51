/**
 * A ping of the WebSocket itself, where the platform has one: Node has, browsers have not.
 * Owns the face that a keep-alive may use instead of a D2M request.
 * Leaves the interval and the deadline to the keep-alive.
 */
import { Context, type Effect } from "effect"
import type { Socket } from "effect/socket"

/**
 * Asks the peer of the open connection for a sign of life, without a frame of the protocol (decision 15).
 *
 * Optional: take it with `Effect.serviceOption(WebSocketPing)`.
 *
 * @category services
 * @since 0.1.0
 */
export class WebSocketPing extends Context.Service<
  WebSocketPing,
  {
    /**
     * Sends a ping and succeeds when anything at all has come from the peer since; waits without a deadline, fails when
     * the connection ends, or when it cannot be told which one is meant. Succeeds at once while reading is paused by backpressure, because then the
     * answer may be there and cannot be seen.
     */
    readonly ping: Effect.Effect<void, Socket.SocketError>
  }
>()("@d2m/client/WebSocketPing") {}
