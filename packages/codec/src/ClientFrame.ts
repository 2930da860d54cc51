/**
 * Everything a client may send to the mediator, as one tagged union with its codec.
 *
 * @since 0.1.0
 */
import { type Result, Schema } from "effect"
import type { DecodeError } from "./DecodeError.ts"
import type { EncodeError } from "./EncodeError.ts"
import { frameCodec, frameTransformation } from "./FrameCodec.ts"
import { clientFrames, serverFrames } from "./frames/index.ts"
import { Unknown } from "./frames/Unknown.ts"

/**
 * A frame that travels from a client to the mediator (PROTOCOL A3).
 *
 * @category schemas
 * @since 0.1.0
 */
export const ClientFrame = Schema.Union([...clientFrames, Unknown]).pipe(Schema.toTaggedUnion("_tag"))

/**
 * A frame that travels from a client to the mediator (PROTOCOL A3).
 *
 * @category models
 * @since 0.1.0
 */
export type ClientFrame = typeof ClientFrame.Type

const codec = frameCodec<ClientFrame>(clientFrames, serverFrames)

/**
 * Reads a frame that a client sent: one WebSocket binary message of 4…65536 bytes.
 *
 * Byte fields are views of `bytes`. A type that nobody defines is an `Unknown` frame; a type that only the mediator
 * sends fails with `WrongDirection`.
 *
 * @category codecs
 * @since 0.1.0
 */
export const decodeClientFrame: (bytes: Uint8Array) => Result.Result<ClientFrame, DecodeError> = codec.decode

/**
 * Writes a frame as a client sends it: reserved bytes zero, header length 8, canonical proto3. Throws an
 * `EncodeError` at a value that its field cannot hold, and at a frame of more than 65536 bytes unless it is an `Unknown`
 * one.
 *
 * @category codecs
 * @since 0.1.0
 */
export const encodeClientFrame: (frame: ClientFrame) => Uint8Array = codec.encode

/**
 * Writes a frame as {@link encodeClientFrame} does; for values that nobody has checked.
 *
 * @category codecs
 * @since 0.1.0
 */
export const encodeClientFrameResult: (frame: ClientFrame) => Result.Result<Uint8Array, EncodeError> =
  codec.encodeResult

/**
 * The type byte of every frame that a client sends, by its tag: for tables and counters.
 *
 * @category constants
 * @since 0.1.0
 */
export const clientFrameTypes: ReadonlyMap<ClientFrame["_tag"], number> = codec.types as ReadonlyMap<
  ClientFrame["_tag"],
  number
>

/**
 * {@link decodeClientFrame} and {@link encodeClientFrame} as a Schema; an issue carries the `DecodeError` as the
 * annotation `decodeError`, or the `EncodeError` as `encodeError`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ClientFrameFromBytes = Schema.Uint8Array.pipe(
  Schema.decodeTo(Schema.toType(ClientFrame), frameTransformation(codec))
)
