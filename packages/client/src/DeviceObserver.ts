/**
 * Whoever wants to know of everything a device goes through, at once and without loss.
 *
 * Owns the reference under which one is given. Streams (`Device.events`, `Device.state`) are for everybody else: they may be
 * late, begin when they are subscribed to, and lose the oldest when nobody reads.
 */
import { type Cause, Context } from "effect"
import type { ConnectionState } from "./ConnectionState.ts"
import type { DeviceEvent } from "./DeviceEvent.ts"

/**
 * Called synchronously in the middle of the device's work, in the order in which things happen: for logs, counters and
 * simulations. Must not call the device; what it throws is logged as an error and does the device no harm.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeviceObserver {
  readonly onState: (state: ConnectionState) => void
  readonly onEvent: (event: DeviceEvent) => void
  /**
   * The device ends by a defect of its own, or by a defect or interruption of what it was given, such as its store or socket:
   * why, ahead of `Stopped`. Logged as an error unless somebody listens.
   */
  readonly onDefect?: (cause: Cause.Cause<never>) => void
  /** A handler of reflected messages died, which counts as a failed try: why. Logged as an error unless somebody listens. */
  readonly onHandlerDefect?: (cause: Cause.Cause<unknown>) => void
  /** The chat handler died, which counts as the end of its session: why. Logged as an error unless somebody listens. */
  readonly onChatDefect?: (cause: Cause.Cause<unknown>) => void
}

/**
 * The observer, whose defects are its own.
 *
 * @internal
 */
export const guarded = (observer: DeviceObserver, onThrow: (error: unknown) => void): DeviceObserver => {
  const guard = (tell: () => void): void => {
    try {
      tell()
    } catch (error) {
      onThrow(error)
    }
  }
  return {
    onState: (state) => guard(() => observer.onState(state)),
    onEvent: (event) => guard(() => observer.onEvent(event)),
    ...(observer.onDefect === undefined ? {} : { onDefect: (cause) => guard(() => observer.onDefect?.(cause)) }),
    ...(observer.onHandlerDefect === undefined
      ? {}
      : { onHandlerDefect: (cause) => guard(() => observer.onHandlerDefect?.(cause)) }),
    ...(observer.onChatDefect === undefined
      ? {}
      : { onChatDefect: (cause) => guard(() => observer.onChatDefect?.(cause)) })
  }
}

/**
 * The observer in force; nobody unless another is provided.
 *
 * @category references
 * @since 0.1.0
 */
export const DeviceObserver = Context.Reference<DeviceObserver>("@d2m/client/DeviceObserver", {
  defaultValue: () => ({ onState: () => {}, onEvent: () => {} })
})
