/**
 * Compiles a declared struct into an encoder and a decoder of whole frames.
 *
 * Decoding yields views of the frame and never copies an envelope. Encoding writes the container header, zeros in
 * reserved bytes and exactly the header length of this version.
 *
 * @since 0.1.0
 */
import { Result, type Schema } from "effect"
import { DecodeError } from "./DecodeError.ts"
import { containerHeaderLength, type StructField, structFieldOf, type StructFiller } from "./Struct.ts"

type Struct = Record<string, unknown>

const wide = new DataView(new ArrayBuffer(8))

const u16At = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8)

const u32At = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0

// One scratch view: making a DataView for each frame would cost more than the rest of the decoding.
const u64At = (bytes: Uint8Array, at: number): bigint => {
  wide.setUint32(0, u32At(bytes, at), true)
  wide.setUint32(4, u32At(bytes, at + 4), true)
  return wide.getBigUint64(0, true)
}

const putU16 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
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

const sizes = { u16: 2, u32: 4, u64: 8, rest: 0 } satisfies Record<StructField["type"], number>

/**
 * The encoder and decoder of one struct frame, container header included.
 *
 * @category models
 * @since 0.1.0
 */
export interface StructCodec {
  readonly decode: (frame: Uint8Array) => Result.Result<unknown, DecodeError>
  readonly encode: (value: never) => Uint8Array
}

/**
 * Compiles a struct.
 *
 * @category codecs
 * @since 0.1.0
 */
export const structCodec = (options: {
  readonly tag: string
  readonly name: string
  readonly type: number
  readonly fields: Schema.Struct.Fields
  readonly fillers: ReadonlyArray<StructFiller>
}): StructCodec => {
  const { fillers, name, tag, type } = options
  const fields = Object.entries(options.fields).flatMap(([key, schema]) => {
    const field = structFieldOf(schema as Schema.Top)
    return field === undefined ? [] : [{ key, ...field, at: field.at + containerHeaderLength }]
  })
  const fixed = fields.filter((field) => field.type !== "rest")
  const tail = fields.find((field) => field.type === "rest")
  const lengthByte = fillers.find((filler) => filler.name === "header-length")
  const headerEnd = Math.max(
    containerHeaderLength,
    ...fixed.map((field) => field.at + sizes[field.type]),
    ...fillers.map((filler) => filler.at + filler.length + containerHeaderLength)
  )

  const truncated = (length: number): DecodeError => {
    const cut = fixed.find((field) => field.at + sizes[field.type] > length)
    return new DecodeError({
      kind: "Truncated",
      within: name,
      ...(cut === undefined ? {} : { field: cut.key }),
      offset: Math.min(cut?.at ?? length, length),
      expected: `a frame of at least ${headerEnd} bytes`,
      found: `${length} bytes`
    })
  }

  const badHeader = (found: number, length: number): DecodeError =>
    new DecodeError({
      kind: "HeaderLength",
      within: name,
      field: "header-length",
      offset: containerHeaderLength,
      expected: `${headerEnd - containerHeaderLength} to ${Math.min(0xff, length - containerHeaderLength)}`,
      found: String(found)
    })

  const readers = fixed.map(({ at, key, type }) => {
    switch (type) {
      case "u16":
        return (frame: Uint8Array, into: Struct) => {
          into[key] = u16At(frame, at)
        }
      case "u32":
        return (frame: Uint8Array, into: Struct) => {
          into[key] = u32At(frame, at)
        }
      default:
        return (frame: Uint8Array, into: Struct) => {
          into[key] = u64At(frame, at)
        }
    }
  })

  const writers = fixed.map(({ at, key, type }) => {
    switch (type) {
      case "u16":
        return (frame: Uint8Array, from: Struct) => putU16(frame, at, from[key] as number)
      case "u32":
        return (frame: Uint8Array, from: Struct) => putU32(frame, at, from[key] as number)
      default:
        return (frame: Uint8Array, from: Struct) => putU64(frame, at, from[key] as bigint)
    }
  })

  return {
    decode: (frame) => {
      const length = frame.length
      if (length < headerEnd) return Result.fail(truncated(length))
      const value: Struct = { _tag: tag }
      for (const read of readers) read(frame, value)
      if (tail !== undefined) {
        let start = tail.at
        if (lengthByte !== undefined) {
          const declared = frame[containerHeaderLength + lengthByte.at]!
          start = containerHeaderLength + declared
          if (start < headerEnd || start > length) return Result.fail(badHeader(declared, length))
        }
        value[tail.key] = frame.subarray(start)
      }
      return Result.succeed(value)
    },
    encode: (value: Struct) => {
      const body = tail === undefined ? undefined : (value[tail.key] as Uint8Array)
      const frame = new Uint8Array(headerEnd + (body === undefined ? 0 : body.length))
      frame[0] = type
      if (lengthByte !== undefined) frame[containerHeaderLength + lengthByte.at] = lengthByte.value
      for (const write of writers) write(frame, value)
      if (body !== undefined) frame.set(body, headerEnd)
      return frame
    }
  }
}
