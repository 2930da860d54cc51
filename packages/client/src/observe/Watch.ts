/**
 * What watches a device from within, where the events and states of an observer do not tell enough.
 * Owns the face that metrics and spans have for the device, and that nobody pays for a watcher who is not there.
 * Leaves names and formats to `Metrics` and `DeviceSpans`.
 */
import type { DeviceId, GroupId } from "@d2m/codec"
import { Context, Effect, type Scope } from "effect"
import type { ConnectionState } from "../ConnectionState.ts"
import { DeviceObserver, guarded } from "../DeviceObserver.ts"
import type { RunTransaction } from "../Transaction.ts"
import type { Meter } from "./Meter.ts"

/**
 * What of a device can be looked at whenever somebody wants to know.
 *
 * @internal
 */
export interface Level {
  readonly state: () => ConnectionState["_tag"]
  readonly pendingReflects: () => number
  readonly pendingBytes: () => number
  readonly unhandled: () => number
}

/**
 * A watcher of one device.
 *
 * @internal
 */
export interface Watcher {
  readonly observer: DeviceObserver
  readonly meter?: Meter
  /** Runs the transactions of the device. */
  readonly transaction: (run: RunTransaction) => RunTransaction
  /** The device can be looked at, until the result is called. */
  readonly attach?: (level: Level) => () => void
}

/**
 * Who is watched.
 *
 * @internal
 */
export interface Watched {
  readonly groupId: GroupId
  readonly deviceId: DeviceId
}

type MakeWatcher = ((watched: Watched) => Watcher) | undefined

/**
 * What `layerMetrics` puts in force; nothing unless it is provided.
 *
 * @internal
 */
export const MetricsInForce = Context.Reference<MakeWatcher>("@d2m/client/observe/MetricsInForce", {
  defaultValue: () => undefined
})

/**
 * What `layerSpans` puts in force; nothing unless it is provided.
 *
 * @internal
 */
export const SpansInForce = Context.Reference<MakeWatcher>("@d2m/client/observe/SpansInForce", {
  defaultValue: () => undefined
})

/**
 * Everybody who watches one device, behind one face.
 *
 * @internal
 */
export interface Watch {
  readonly observer: DeviceObserver
  readonly meter: Meter | undefined
  readonly transaction: (run: RunTransaction) => RunTransaction
  /** The device can be looked at, as long as the scope. */
  readonly attach: (level: Level) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * The watch over a device: the observer in force, and whatever the layers brought. What an observer throws is told to
 * `onThrow` and keeps nothing from the others.
 *
 * @internal
 */
export const makeWatch = Effect.fnUntraced(function* (
  watched: Watched,
  onThrow: (error: unknown) => void
): Effect.fn.Return<Watch> {
  const observer = guarded(yield* DeviceObserver, onThrow)
  const watchers = [yield* MetricsInForce, yield* SpansInForce].flatMap((make) => (make ? [make(watched)] : []))
  if (watchers.length === 0) {
    return { observer, meter: undefined, transaction: (run) => run, attach: () => Effect.void }
  }
  const observers = [observer, ...watchers.map((watcher) => guarded(watcher.observer, onThrow))]
  return {
    observer: {
      ...observer,
      onState: (state) => observers.forEach(({ onState }) => onState(state)),
      onEvent: (event) => observers.forEach(({ onEvent }) => onEvent(event))
    },
    meter: watchers.find(({ meter }) => meter !== undefined)?.meter,
    transaction: (run) => watchers.reduce((inner, watcher) => watcher.transaction(inner), run),
    attach: (level) =>
      Effect.forEach(
        watchers,
        ({ attach }) =>
          attach === undefined
            ? Effect.void
            : Effect.acquireRelease(
                Effect.sync(() => attach(level)),
                (detach) => Effect.sync(detach)
              ),
        { discard: true }
      )
  }
})
