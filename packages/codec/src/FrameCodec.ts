/**
 * Compiles the frames of one direction into an encoder and a decoder.
 *
 * Owns the container: length limits, the type byte, which types the other direction alone may send. Decoding never
 * throws and never copies; whoever keeps bytes of a decoded frame keeps the buffer it was read from.
 *
 * @since 0.1.0
 */
import { Effect, Predicate, Result, type Schema, SchemaIssue, SchemaTransformation } from "effect"
import { type ContainerInfo, containerInfo } from "./Container.ts"
import { DecodeError } from "./DecodeError.ts"
import { encoded, EncodeError, kindOf } from "./EncodeError.ts"
import type { Unknown } from "./frames/Unknown.ts"
import { Limits } from "./Limits.ts"
import { messageCodec } from "./ProtobufCodec.ts"
import { containerHeaderLength } from "./Struct.ts"
import { structCodec } from "./StructCodec.ts"

interface PayloadCodec {
  readonly decode: (frame: Uint8Array) => Result.Result<unknown, DecodeError>
  readonly encode: (value: never) => Uint8Array
}

interface FrameSchema extends Schema.Top {
  readonly fields: Schema.Struct.Fields & { readonly _tag: Schema.tag<string> }
}

const tagOf = ({ fields }: FrameSchema): string => fields._tag.schema.literal

const payloadCodec = (schema: FrameSchema, { body, name, type }: ContainerInfo): PayloadCodec => {
  const tag = tagOf(schema)
  return body._tag === "Struct"
    ? structCodec({ tag, name, type, fields: schema.fields, fillers: body.fillers })
    : // The container header is the type as a little-endian u32.
      messageCodec(schema, { header: type, tag })
}

const misfit = (field: keyof Unknown, expected: string, value: unknown): EncodeError =>
  new EncodeError({ within: "container", field, expected, found: kindOf(value) })

const encodeUnknown = ({ payload, type }: Unknown): Uint8Array => {
  if (typeof type !== "number" || (type & 0xff) !== type) throw misfit("type", "a byte", type)
  if (!(payload instanceof Uint8Array)) throw misfit("payload", "a Uint8Array", payload)
  const bytes = new Uint8Array(containerHeaderLength + payload.length)
  bytes[0] = type
  bytes.set(payload, containerHeaderLength)
  return bytes
}

const tooLong = (length: number): EncodeError =>
  new EncodeError({ within: "container", expected: `at most ${Limits.frame} bytes`, found: `${length} bytes` })

const noFrame = (value: unknown): EncodeError => {
  const tag = Predicate.hasProperty(value, "_tag") ? value._tag : undefined
  const found = typeof tag === "string" ? JSON.stringify(tag) : kindOf(value)
  return new EncodeError({ within: "container", expected: "a frame of this direction", found })
}

const hex = (type: number): string => `0x${type.toString(16).padStart(2, "0")}`

/**
 * The encoder and decoder of the frames of one direction.
 *
 * @category models
 * @since 0.1.0
 */
export interface FrameCodec<Frame> {
  readonly decode: (bytes: Uint8Array) => Result.Result<Frame, DecodeError>
  /** Throws an `EncodeError`. */
  readonly encode: (frame: Frame) => Uint8Array
  readonly encodeResult: (frame: Frame) => Result.Result<Uint8Array, EncodeError>
  /** The type byte of each frame by its tag, in the order of the declarations. */
  readonly types: ReadonlyMap<string, number>
}

/**
 * Compiles the frames that one side sends; `others` are those that only the other side does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const frameCodec = <Frame extends { readonly _tag: string }>(
  frames: ReadonlyArray<FrameSchema>,
  others: ReadonlyArray<FrameSchema>
): FrameCodec<Frame | Unknown> => {
  const byType: Array<PayloadCodec | undefined> = []
  const byTag = new Map<string, PayloadCodec>()
  const types = new Map<string, number>()
  for (const schema of frames) {
    const info = containerInfo(schema)
    if (info === undefined) continue
    const codec = payloadCodec(schema, info)
    byType[info.type] = codec
    byTag.set(tagOf(schema), codec)
    types.set(tagOf(schema), info.type)
  }
  const foreign: Array<ContainerInfo | undefined> = []
  for (const schema of others) {
    const info = containerInfo(schema)
    if (info !== undefined) foreign[info.type] = info
  }

  const decode = (bytes: Uint8Array): Result.Result<unknown, DecodeError> => {
    const { length } = bytes
    if (length < containerHeaderLength) {
      return Result.fail(
        DecodeError.new({
          kind: "FrameTooShort",
          within: "container",
          offset: length,
          expected: `at least ${containerHeaderLength} bytes`,
          found: `${length} bytes`
        })
      )
    }
    if (length > Limits.frame) {
      return Result.fail(
        DecodeError.new({
          kind: "FrameTooLong",
          within: "container",
          offset: Limits.frame,
          expected: `at most ${Limits.frame} bytes`,
          found: `${length} bytes`
        })
      )
    }
    const type = bytes[0]!
    const codec = byType[type]
    if (codec !== undefined) return codec.decode(bytes)
    const wrong = foreign[type]
    if (wrong !== undefined) {
      return Result.fail(
        DecodeError.new({
          kind: "WrongDirection",
          within: "container",
          field: "type",
          offset: 0,
          expected: `a type that ${wrong.direction === "client-to-server" ? "the mediator" : "a client"} sends`,
          found: `${hex(type)} (${wrong.name})`
        })
      )
    }
    return Result.succeed({ _tag: "Unknown", type, payload: bytes.subarray(containerHeaderLength) })
  }

  const encode = (frame: Frame | Unknown): Uint8Array => {
    // Values that nobody has checked may be anything.
    const tag = (frame as Frame | Unknown | null | undefined)?._tag
    // What a peer makes of a frame that is too long can be tried with an unknown one.
    if (tag === "Unknown") return encodeUnknown(frame as Unknown)
    const codec = byTag.get(tag!)
    if (codec === undefined) throw noFrame(frame)
    const bytes = codec.encode(frame as never)
    if (bytes.length > Limits.frame) throw tooLong(bytes.length)
    return bytes
  }

  return {
    decode: decode as FrameCodec<Frame | Unknown>["decode"],
    encode,
    encodeResult: (frame) => encoded(() => encode(frame)),
    types
  }
}

/**
 * The encoder and decoder as a Schema transformation, whose issue carries the `DecodeError` as its annotation
 * `decodeError`, or the `EncodeError` as `encodeError`.
 *
 * @category codecs
 * @since 0.1.0
 */
export const frameTransformation = <Frame>(
  codec: FrameCodec<Frame>
): SchemaTransformation.Transformation<Frame, Uint8Array> =>
  SchemaTransformation.transformEffect({
    decode: (bytes: Uint8Array) =>
      Result.match(codec.decode(bytes), {
        onFailure: (decodeError) =>
          Effect.fail(new SchemaIssue.InvalidValue({ message: decodeError.message, decodeError })),
        onSuccess: Effect.succeed
      }),
    encode: (frame: Frame) =>
      Result.match(codec.encodeResult(frame), {
        onFailure: (encodeError) =>
          Effect.fail(new SchemaIssue.InvalidValue({ message: encodeError.message, encodeError })),
        onSuccess: Effect.succeed
      })
  })
