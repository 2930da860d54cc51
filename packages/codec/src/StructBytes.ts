/**
 * Numbers in packed little-endian structs, and the view that a frame ends with.
 *
 * Owns how bytes are read and written where it must be fast. Offsets have been checked by whoever calls.
 *
 * @since 0.1.0
 */

import { ranges } from "./EncodeError.ts"

/** Reads a value of a frame from an offset on. */
export type Read = (frame: Uint8Array, at: number) => unknown

/** Writes a value into a frame from an offset on; throws a `RangeError` when it does not fit. */
export type Write = (frame: Uint8Array, at: number, value: never) => void

// One scratch view: making a DataView for each frame would cost more than the rest of the decoding.
const wide = new DataView(new ArrayBuffer(8))

const u16At = (frame: Uint8Array, at: number): number => frame[at]! | (frame[at + 1]! << 8)

const u32At = (frame: Uint8Array, at: number): number =>
  (frame[at]! | (frame[at + 1]! << 8) | (frame[at + 2]! << 16) | (frame[at + 3]! << 24)) >>> 0

const u64At = (frame: Uint8Array, at: number): bigint => {
  wide.setUint32(0, u32At(frame, at), true)
  wide.setUint32(4, u32At(frame, at + 4), true)
  return wide.getBigUint64(0, true)
}

const refuse = (type: keyof typeof ranges): never => {
  throw new RangeError(`expected ${ranges[type]}`)
}

const putU16 = (frame: Uint8Array, at: number, value: number): void => {
  if ((value & 0xffff) !== value) refuse("u16")
  frame[at] = value
  frame[at + 1] = value >>> 8
}

const putU32 = (frame: Uint8Array, at: number, value: number): void => {
  if (value >>> 0 !== value) refuse("u32")
  frame[at] = value
  frame[at + 1] = value >>> 8
  frame[at + 2] = value >>> 16
  frame[at + 3] = value >>> 24
}

const putU64 = (frame: Uint8Array, at: number, value: bigint): void => {
  wide.setBigUint64(0, value, true)
  if (wide.getBigUint64(0, true) !== value) refuse("u64")
  putU32(frame, at, wide.getUint32(0, true))
  putU32(frame, at + 4, wide.getUint32(4, true))
}

/** How numbers are read. */
export const reads = { u16: u16At, u32: u32At, u64: u64At } satisfies Record<string, Read>

/** How numbers are written. */
export const writes = { u16: putU16, u32: putU32, u64: putU64 } satisfies Record<string, Write>

/** A view of a frame's end; `subarray` makes the same one at twice the price. */
export const viewFrom = (frame: Uint8Array, start: number): Uint8Array =>
  new Uint8Array(frame.buffer, frame.byteOffset + start, frame.length - start)
