/**
 * How oracles tell one content from another, whatever is in it: what a program reflects has no number.
 *
 * Owns a number for what a content is on the wire. Contents that are the same there have the same; who must tell them apart
 * does so by their times.
 *
 * @since 0.1.0
 */
import type { Content } from "@d2m/client"
import { D2d, encodeMessageResult } from "@d2m/codec"
import { Result } from "effect"

const padding = new Uint8Array(0)

/** 53 bits of a hash over all bytes. */
const hashOf = (bytes: Uint8Array): number => {
  let low = bytes.length
  let high = ~bytes.length
  for (let at = 0; at < bytes.length; at++) {
    low = Math.imul(low ^ bytes[at]!, 0x01000193)
    high = Math.imul(high ^ bytes[at]! ^ (low >>> 15), 0x9e3779b1)
  }
  return (high & 0x1f_ffff) * 0x1_0000_0000 + (low >>> 0)
}

/** A number for a content; `undefined` for one that the wire has no form for. */
export const contentPrint = (content: Content): number | undefined => {
  const plain = encodeMessageResult(D2d.Envelope, { padding, content, deviceId: 0n, protocolVersion: 0 })
  return Result.isSuccess(plain) ? hashOf(plain.success) : undefined
}
