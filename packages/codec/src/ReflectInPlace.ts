/**
 * Reflect frames written around an envelope that is already where it belongs.
 *
 * For senders that seal straight into the frame: `Crypto.sealInto` puts the box at `reflectEnvelopeAt`, and the header
 * goes before it, so that nothing is copied once it was sealed. Everything else goes through `encodeClientFrame`. This
 * is code for one frame, three times as quick as the compiled one; all it knows of the layout it has from the
 * declaration.
 *
 * @since 0.1.0
 */
import { containerInfo } from "./Container.ts"
import { Reflect } from "./frames/Reflection.ts"
import type { ReflectId } from "./Scalars.ts"
import { containerHeaderLength, structFieldOf } from "./Struct.ts"
import { writes } from "./StructBytes.ts"

const offset = (field: "flags" | "reflectId" | "envelope"): number =>
  containerHeaderLength + structFieldOf(Reflect.fields[field])!.at

// Constants of this module are part of the compiled code; what is imported or exported is looked up at each call.
const { u16: putU16, u32: putU32 } = writes
const { type } = containerInfo(Reflect)!
const headerLengthAt = containerHeaderLength
const flagsAt = offset("flags")
const reflectIdAt = offset("reflectId")
const end = offset("envelope")
const headerLength = end - headerLengthAt

/**
 * Where the envelope of a reflect frame begins: byte 12, behind the container header and the header of the payload.
 *
 * @category constants
 * @since 0.1.0
 */
export const reflectEnvelopeAt: number = end

/**
 * Writes the first 12 bytes of a reflect frame; the envelope is what follows them in `frame` (PROTOCOL A3).
 *
 * The memory may have held anything before, and how long it may be is the caller's to check: an envelope of more than
 * `Limits.envelope` bytes reaches nobody. Throws a `RangeError` when `frame` is shorter than a header, or `flags` are more
 * than 16 bits.
 *
 * ```ts
 * const frame = new Uint8Array(reflectEnvelopeAt + Limits.boxOverhead + plain.length)
 * crypto.sealInto(keys.dgrk, nonce, plain, frame, reflectEnvelopeAt)
 * encodeReflectInPlace(frame, 0, reflectId)
 * ```
 *
 * @category codecs
 * @since 0.1.0
 */
export const encodeReflectInPlace = (frame: Uint8Array, flags: number, reflectId: ReflectId): void => {
  if (frame.length < end) {
    throw new RangeError(`a reflect frame is at least ${end} bytes long, found ${frame.length}`)
  }
  putU32(frame, 0, type)
  // The reserved byte behind the header length is zero.
  putU16(frame, headerLengthAt, headerLength)
  putU16(frame, flagsAt, flags)
  putU32(frame, reflectIdAt, reflectId)
}
