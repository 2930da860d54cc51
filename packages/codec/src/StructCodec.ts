/**
 * Compiles a declared struct into an encoder and a decoder of whole frames.
 *
 * Decoding yields views of the frame and never copies an envelope. Encoding writes the container header, zeros in
 * reserved bytes and exactly the header length of this version. How values are laid into objects is in `StructShape`.
 *
 * @since 0.1.0
 */
import { Result, type Schema } from "effect"
import { DecodeError } from "./DecodeError.ts"
import { containerHeaderLength, structFieldOf, structFieldSizes as sizes, type StructFiller } from "./Struct.ts"
import { structReader, structWriter } from "./StructShape.ts"

/**
 * The encoder and decoder of one struct frame, container header included.
 *
 * @category models
 * @since 0.1.0
 */
export interface StructCodec {
  readonly decode: (frame: Uint8Array) => Result.Result<unknown, DecodeError>
  readonly encode: (value: never) => Uint8Array
  /** Where the bytes begin that run to the end of a frame as this version writes it. */
  readonly restAt: number
  /** Writes all bytes before `restAt` into memory that is long enough and may hold anything. */
  readonly encodeHeader: (frame: Uint8Array, value: never) => void
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
  // What a header holds where no field is; a loop over few bytes beats a call of `set`.
  const blank = new Uint8Array(Math.min(headerEnd, ...fixed.map((field) => field.at)))
  blank[0] = type
  if (lengthByte !== undefined) blank[containerHeaderLength + lengthByte.at] = lengthByte.value

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

  const read = structReader(tag, fixed, rest)
  const write = structWriter(fixed, rest !== undefined)
  const lengthAt = lengthByte === undefined ? undefined : containerHeaderLength + lengthByte.at

  const encodeHeader = (frame: Uint8Array, value: never): void => {
    for (let at = 0; at < blank.length; at++) frame[at] = blank[at]!
    write(frame, value)
  }

  return {
    decode: (frame) => {
      const { length } = frame
      if (length < headerEnd) return Result.fail(truncated(length))
      let start = headerEnd
      if (lengthAt !== undefined) {
        const declared = frame[lengthAt]!
        start = containerHeaderLength + declared
        if (start < headerEnd || start > length) return Result.fail(badHeader(declared, length))
      }
      return Result.succeed(read(frame, start))
    },
    encode: (value) => {
      const body = rest === undefined ? undefined : (value[rest] as Uint8Array)
      const frame = new Uint8Array(headerEnd + (body === undefined ? 0 : body.length))
      encodeHeader(frame, value)
      if (body !== undefined) frame.set(body, headerEnd)
      return frame
    },
    restAt: headerEnd,
    encodeHeader
  }
}
