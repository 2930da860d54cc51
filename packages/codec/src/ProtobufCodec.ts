/**
 * The encoder and decoder of a declared message.
 *
 * Everything that is not protobuf becomes a `DecodeError`; decoding never throws. Encoding throws an `EncodeError` at a
 * value that its field cannot hold.
 *
 * @since 0.1.0
 */
import { Result } from "effect"
import type { DecodeError } from "./DecodeError.ts"
import { encoded, EncodeError, kindOf } from "./EncodeError.ts"
import { MessageReader } from "./MessageReader.ts"
import { messageWriter } from "./MessageWriter.ts"
import { messageInfo, type MessageSchema } from "./Protobuf.ts"
import { compileDecoder, type Message, messageDecoder } from "./ProtobufDecoder.ts"
import { messageEncoder } from "./ProtobufEncoder.ts"

/**
 * How to frame a message: bytes ahead of it, and the tag that its value carries.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageFraming {
  /** Written ahead of the message as a little-endian u32, and skipped when reading. */
  readonly header: number
  readonly tag: string
}

/**
 * The encoder and decoder of one message.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageCodec<A> {
  /** Reads a whole input; never throws. Byte fields are views of `bytes`. */
  readonly decode: (bytes: Uint8Array) => Result.Result<A, DecodeError>
  /** Writes a value as canonical proto3; throws an `EncodeError`. */
  readonly encode: (value: A) => Uint8Array
}

const headerLength = 4

/**
 * Makes the codec of a declared message, behind a 4-byte header when framed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const messageCodec = <S extends MessageSchema>(schema: S, framing?: MessageFraming): MessageCodec<S["Type"]> => {
  const decoder = framing === undefined ? messageDecoder(schema) : compileDecoder(schema, framing.tag)
  const write = messageEncoder(schema)
  const { name } = messageInfo(schema)
  const start = framing === undefined ? 0 : headerLength
  return {
    decode: (bytes) => {
      const reader = new MessageReader(bytes, start, name)
      try {
        return Result.succeed(decoder.read(reader, decoder.create()))
      } catch (thrown) {
        return Result.fail(reader.failure(thrown))
      }
    },
    encode: (value) => {
      if (typeof value !== "object" || value === null) {
        throw new EncodeError({ within: name, expected: "an object", found: kindOf(value) })
      }
      const writer = messageWriter()
      if (framing !== undefined) writer.header(framing.header)
      write(writer, value as Message)
      return writer.finish()
    }
  }
}

const codecs = new WeakMap<object, MessageCodec<unknown>>()

const codecOf = (schema: MessageSchema): MessageCodec<unknown> => {
  let codec = codecs.get(schema.ast)
  if (codec === undefined) {
    codec = messageCodec(schema)
    codecs.set(schema.ast, codec)
  }
  return codec
}

/**
 * Reads one protobuf message from the whole of `bytes`; byte fields are views of it.
 *
 * ```ts
 * const envelope = decodeMessage(D2d.Envelope, plaintext)
 * if (Result.isSuccess(envelope)) console.log(envelope.success.content?._tag)
 * ```
 *
 * @category codecs
 * @since 0.1.0
 */
export const decodeMessage = <S extends MessageSchema>(
  schema: S,
  bytes: Uint8Array
): Result.Result<S["Type"], DecodeError> => codecOf(schema).decode(bytes)

/**
 * Writes one protobuf message as canonical proto3: fields by number, defaults left out. Throws an `EncodeError` at a value
 * that its field cannot hold.
 *
 * @category codecs
 * @since 0.1.0
 */
export const encodeMessage = <S extends MessageSchema>(schema: S, value: S["Type"]): Uint8Array =>
  codecOf(schema).encode(value)

/**
 * Writes one protobuf message as {@link encodeMessage} does; for values that nobody has checked.
 *
 * @category codecs
 * @since 0.1.0
 */
export const encodeMessageResult = <S extends MessageSchema>(
  schema: S,
  value: S["Type"]
): Result.Result<Uint8Array, EncodeError> => encoded(() => encodeMessage(schema, value))
