/**
 * Compiles a declared struct into an encoder and a decoder of whole frames.
 *
 * Decoding yields views of the frame and never copies an envelope. Encoding writes the container header, zeros in
 * reserved bytes and exactly the header length of this version, and throws an `EncodeError` for a value that its field
 * cannot hold. How values are laid into objects is in `StructShape`.
 *
 * @since 0.1.0
 */
import type { Result, Schema } from "effect"
import { DecodeError } from "./DecodeError.ts"
import { EncodeError, kindOf, ranges } from "./EncodeError.ts"
import { frameMemory } from "./FrameMemory.ts"
import { containerHeaderLength, structFieldOf, structFieldSizes as sizes, type StructFiller } from "./Struct.ts"
import { type Write, writes } from "./StructBytes.ts"
import { structDecoder, structWriter } from "./StructShape.ts"

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

const nothing = new Uint8Array(0)

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
    return field === undefined ? [] : [{ key, type: field.type, at: field.at + containerHeaderLength }]
  })
  const fixed = fields.flatMap(({ at, key, type }) => (type === "rest" ? [] : [{ at, key, type }]))
  const rest = fields.find((field) => field.type === "rest")?.key
  const lengthByte = fillers.find((filler) => filler.name === "header-length")
  const headerEnd = Math.max(
    containerHeaderLength,
    ...fixed.map((field) => field.at + sizes[field.type]),
    ...fillers.map((filler) => filler.at + filler.length + containerHeaderLength)
  )
  const lengthAt = lengthByte === undefined ? -1 : containerHeaderLength + lengthByte.at

  const truncated = (length: number): DecodeError => {
    const cut = fixed.find((field) => field.at + sizes[field.type] > length)
    return DecodeError.new({
      kind: "Truncated",
      within: name,
      ...(cut === undefined ? {} : { field: cut.key }),
      offset: Math.min(cut?.at ?? length, length),
      expected: `a frame of at least ${headerEnd} bytes`,
      found: `${length} bytes`
    })
  }

  const badHeader = (found: number, length: number): DecodeError =>
    DecodeError.new({
      kind: "HeaderLength",
      within: name,
      field: "header-length",
      offset: containerHeaderLength,
      expected: `a header of ${headerEnd - containerHeaderLength} to ${Math.min(0xff, length - containerHeaderLength)} bytes`,
      found: String(found)
    })

  const error = (frame: Uint8Array): DecodeError =>
    frame.length < headerEnd ? truncated(frame.length) : badHeader(frame[lengthAt]!, frame.length)

  const write = structWriter(fixed, rest !== undefined)

  /** Writing went wrong: names the field that it went wrong with. */
  const misfit = (value: Record<string, unknown>, cause: unknown): unknown => {
    const scratch = new Uint8Array(8)
    for (const { key, type } of fixed) {
      const write: Write = writes[type]
      try {
        write(scratch, 0, value[key] as never)
      } catch {
        return new EncodeError({ within: name, field: key, expected: ranges[type], found: kindOf(value[key]) })
      }
    }
    return cause
  }

  const noBytes = (body: unknown): EncodeError =>
    new EncodeError({ within: name, field: rest!, expected: "a Uint8Array", found: kindOf(body) })

  return {
    decode: structDecoder(tag, fixed, rest, { headerEnd, lengthAt, error }),
    encode: (value) => {
      const body = rest === undefined ? nothing : (value[rest] as unknown)
      if (!(body instanceof Uint8Array)) throw noBytes(body)
      const frame = frameMemory(headerEnd + body.length)
      frame[0] = type
      if (lengthByte !== undefined) frame[lengthAt] = lengthByte.value
      try {
        write(frame, value)
      } catch (cause) {
        throw misfit(value, cause)
      }
      if (rest !== undefined) frame.set(body, headerEnd)
      return frame
    }
  }
}
