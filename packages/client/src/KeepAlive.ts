/**
 * How a device finds out that an idle connection is dead.
 * Owns the probing of decision 15 and the reference that swaps it, e.g. for WebSocket pings where a platform has them.
 * Leaves closing and replacing the connection to whoever runs it, and late answers to the connection's own deadline.
 */
import { Context, Duration, Effect, Layer, Option, Result, Schema } from "effect"
import { type ConnectionEnd, DeadlinePassed } from "./ConnectionEnd.ts"
import { elapsedMillis } from "./Elapsed.ts"
import { checkWith, durationAboveZero } from "./OptionCheck.ts"
import { WebSocketPing } from "./WebSocketPing.ts"

/**
 * What a keep-alive can see of a connection and do to it.
 *
 * Listening time stands still while the device itself does not read, so that a slow handler never makes a connection
 * look dead.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pulse {
  /** When the device last wrote a frame, in milliseconds on the monotonic clock. */
  readonly lastWriteAt: () => number
  /** How often something was read on this connection. */
  readonly reads: () => number
  /** Milliseconds on the listening clock. */
  readonly listeningTime: () => number
  /**
   * Sends GetDevicesInfo, whose answer nobody waits for. Once a write has failed it does not return: the reader is given time
   * to learn why, and the connection ends.
   */
  readonly probe: Effect.Effect<void, ConnectionEnd>
}

/**
 * Watches over one connection: never succeeds, and fails when the connection counts as dead.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeepAlive {
  readonly watch: (pulse: Pulse) => Effect.Effect<never, ConnectionEnd>
}

const check = checkWith(
  Schema.Struct({ idle: Schema.optional(durationAboveZero), patience: Schema.optional(durationAboveZero) })
)

/** How long a connection may be idle, and its peer take to answer, in milliseconds. */
const timesOf = (options: { readonly idle?: Duration.Input; readonly patience?: Duration.Input } = {}) => {
  Result.getOrThrow(check(options))
  return {
    idle: Duration.toMillis(options.idle ?? "20 seconds"),
    patience: Duration.toMillis(options.patience ?? "10 seconds")
  }
}

/**
 * Probes after so long without writing, and gives up when nothing was read for so long after the probe.
 *
 * By default 20 s and 10 s. A mediator closes connections that were silent for 60 s (decision 14). Throws
 * `InvalidDeviceOptions` where one is not finite and above 0.
 *
 * @category constructors
 * @since 0.1.0
 */
export const probing = (options?: {
  readonly idle?: Duration.Input
  readonly patience?: Duration.Input
}): KeepAlive => {
  const { idle, patience } = timesOf(options)
  return {
    watch: Effect.fnUntraced(function* (pulse) {
      let probedAt = -Infinity
      /** The first probe that nothing was read after. */
      let unheard: { readonly at: number; readonly reads: number } | undefined
      for (;;) {
        if (unheard !== undefined && pulse.reads() !== unheard.reads) unheard = undefined
        const patient = unheard === undefined ? Infinity : patience - (pulse.listeningTime() - unheard.at)
        if (patient <= 0) return yield* new DeadlinePassed({ waitedFor: "sign of life", millis: patience })
        const now = yield* elapsedMillis
        const silent = now - Math.max(pulse.lastWriteAt(), probedAt)
        if (silent < idle) {
          yield* Effect.sleep(Math.min(idle - silent, patient))
          continue
        }
        // The mediator wants a sign of life as well, also while nothing is read here.
        probedAt = now
        unheard ??= { at: pulse.listeningTime(), reads: pulse.reads() }
        // A socket that takes no more bytes must not hold up the verdict.
        yield* Effect.timeoutOption(pulse.probe, patience)
      }
    })
  }
}

/**
 * The same with WebSocket pings in the place of GetDevicesInfo, for platforms that have them. Where a ping fails, of a
 * socket that is not this device's own perhaps, it goes on with GetDevicesInfo for the rest of the connection. Throws as
 * {@link probing} does.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerPinging = (options?: {
  readonly idle?: Duration.Input
  readonly patience?: Duration.Input
}): Layer.Layer<never, never, WebSocketPing> => {
  const { idle, patience } = timesOf(options)
  const probes = probing({ idle, patience })
  return Layer.effect(
    KeepAlive,
    Effect.map(WebSocketPing, ({ ping }) => ({
      watch: Effect.fnUntraced(function* (pulse) {
        let pingedAt = -Infinity
        for (;;) {
          const silent = (yield* elapsedMillis) - Math.max(pulse.lastWriteAt(), pingedAt)
          if (silent < idle) {
            yield* Effect.sleep(idle - silent)
            continue
          }
          pingedAt = yield* elapsedMillis
          const pong = yield* Effect.timeoutOption(Effect.result(ping), patience)
          if (Option.isNone(pong)) return yield* new DeadlinePassed({ waitedFor: "sign of life", millis: patience })
          // Of a connection that has ended its reader has the last word; any other one would be kept alive by nobody.
          if (Result.isFailure(pong.value)) return yield* probes.watch(pulse)
        }
      })
    }))
  )
}

/**
 * No probing: for transports that notice dead connections themselves.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noKeepAlive: KeepAlive = { watch: () => Effect.never }

/**
 * The keep-alive in force; {@link probing} unless another is provided.
 *
 * @category references
 * @since 0.1.0
 */
export const KeepAlive = Context.Reference<KeepAlive>("@d2m/client/KeepAlive", { defaultValue: () => probing() })
