/**
 * The hot frames read and written by hand: what one would write for a program that speaks only these five.
 *
 * As quick as I know how, and with the same checks and the same objects as the codec: it does not make a DataView for
 * each frame, which costs as much as all the rest. Those whose names end in `WithView` do, for comparison.
 */
import type { Reflect, ReflectAck, Reflected, ReflectedAck } from "@d2m/codec"

const wide = new DataView(new ArrayBuffer(8))

const u32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0

const u64 = (bytes: Uint8Array, at: number): bigint => {
  wide.setUint32(0, u32(bytes, at), true)
  wide.setUint32(4, u32(bytes, at + 4), true)
  return wide.getBigUint64(0, true)
}

const putU32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

const putU64 = (bytes: Uint8Array, at: number, value: bigint): void => {
  wide.setBigUint64(0, value, true)
  putU32(bytes, at, wide.getUint32(0, true))
  putU32(bytes, at + 4, wide.getUint32(4, true))
}

const envelopeOf = (frame: Uint8Array, minimum: number): Uint8Array => {
  const start = 4 + frame[4]!
  if (start < minimum || start > frame.length) throw new RangeError("header length")
  return new Uint8Array(frame.buffer, frame.byteOffset + start, frame.length - start)
}

const expect = (frame: Uint8Array, type: number, length: number): void => {
  if (frame.length < length || frame.length > 65_536 || frame[0] !== type) throw new RangeError("frame")
}

export const readReflect = (frame: Uint8Array) => {
  expect(frame, 0x80, 12)
  return {
    _tag: "Reflect",
    flags: frame[6]! | (frame[7]! << 8),
    reflectId: u32(frame, 8),
    envelope: envelopeOf(frame, 12)
  }
}

export const readReflected = (frame: Uint8Array) => {
  expect(frame, 0x82, 20)
  return {
    _tag: "Reflected",
    flags: frame[6]! | (frame[7]! << 8),
    reflectedId: u32(frame, 8),
    timestamp: u64(frame, 12),
    envelope: envelopeOf(frame, 20)
  }
}

export const readReflectedWithView = (frame: Uint8Array) => {
  expect(frame, 0x82, 20)
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  return {
    _tag: "Reflected",
    flags: view.getUint16(6, true),
    reflectedId: view.getUint32(8, true),
    timestamp: view.getBigUint64(12, true),
    envelope: envelopeOf(frame, 20)
  }
}

export const readReflectAck = (frame: Uint8Array) => {
  expect(frame, 0x81, 20)
  return { _tag: "ReflectAck", reflectId: u32(frame, 8), timestamp: u64(frame, 12) }
}

export const readReflectedAck = (frame: Uint8Array) => {
  expect(frame, 0x83, 12)
  return { _tag: "ReflectedAck", reflectedId: u32(frame, 8) }
}

export const writeReflect = ({ envelope, flags, reflectId }: Reflect): Uint8Array => {
  const frame = new Uint8Array(12 + envelope.length)
  frame[0] = 0x80
  frame[4] = 8
  frame[6] = flags
  frame[7] = flags >>> 8
  putU32(frame, 8, reflectId)
  frame.set(envelope, 12)
  return frame
}

/** The envelope stands at byte 12 already; what was there before the frame may be anything. */
export const writeReflectAround = (frame: Uint8Array, flags: number, reflectId: number): void => {
  if (frame.length < 12) throw new RangeError("frame")
  frame[0] = 0x80
  frame[1] = 0
  frame[2] = 0
  frame[3] = 0
  frame[4] = 8
  frame[5] = 0
  frame[6] = flags
  frame[7] = flags >>> 8
  putU32(frame, 8, reflectId)
}

export const writeReflectAroundWithView = (frame: Uint8Array, flags: number, reflectId: number): void => {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  view.setUint32(0, 0x80, true)
  view.setUint16(4, 8, true)
  view.setUint16(6, flags, true)
  view.setUint32(8, reflectId, true)
}

export const writeReflected = ({ envelope, flags, reflectedId, timestamp }: Reflected): Uint8Array => {
  const frame = new Uint8Array(20 + envelope.length)
  frame[0] = 0x82
  frame[4] = 16
  frame[6] = flags
  frame[7] = flags >>> 8
  putU32(frame, 8, reflectedId)
  putU64(frame, 12, timestamp)
  frame.set(envelope, 20)
  return frame
}

export const writeReflectAck = ({ reflectId, timestamp }: ReflectAck): Uint8Array => {
  const frame = new Uint8Array(20)
  frame[0] = 0x81
  putU32(frame, 8, reflectId)
  putU64(frame, 12, timestamp)
  return frame
}

export const writeReflectedAck = ({ reflectedId }: ReflectedAck): Uint8Array => {
  const frame = new Uint8Array(12)
  frame[0] = 0x83
  putU32(frame, 8, reflectedId)
  return frame
}
