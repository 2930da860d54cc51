/**
 * What a WebSocket close frame has room for.
 * Owns how a reason is cut to fit.
 * Leaves which reason goes with which end to `ConnectionEnd`.
 */
import { Limits } from "@d2m/codec"

/**
 * The longest beginning of a reason that fits a close frame in UTF-8, whole characters only.
 *
 * @internal
 */
export const fitReason = (reason: string): string =>
  reason.slice(0, new TextEncoder().encodeInto(reason, new Uint8Array(Limits.closeReason)).read)
