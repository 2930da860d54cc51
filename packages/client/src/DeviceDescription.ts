/**
 * What a device says of itself, and that it fits the frame which says it.
 * Owns the description and its encoding (PROTOCOL A4, decision 1).
 * Leaves padding and box to `DeviceBlob`, which makes fresh ones for each connection.
 */
import { D2d, encodeMessageResult } from "@d2m/codec"
import { Result } from "effect"
import { DescriptionTooLarge, InvalidDeviceOptions } from "./DeviceOptionsError.ts"

/**
 * What a device says of itself, padding apart.
 *
 * @category models
 * @since 0.1.0
 */
export type DeviceDescription = Omit<D2d.DeviceInfo, "padding">

const padding = new Uint8Array(0)

/**
 * A description without padding, of at most `limit` bytes.
 *
 * @internal
 */
export const encodeDescription = (
  description: DeviceDescription,
  limit: number
): Result.Result<Uint8Array, DescriptionTooLarge | InvalidDeviceOptions> => {
  const plain = encodeMessageResult(D2d.DeviceInfo, { ...description, padding })
  if (Result.isFailure(plain)) return Result.fail(new InvalidDeviceOptions({ detail: plain.failure.message }))
  const { length } = plain.success
  return length > limit ? Result.fail(new DescriptionTooLarge({ length, limit })) : Result.succeed(plain.success)
}
