/**
 * Everything a mediator may send to a client, as one tagged union with its codec.
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
 * A frame that travels from the mediator to a client (PROTOCOL A3).
 *
 * @category schemas
 * @since 0.1.0
 */
export const ServerFrame = Schema.Union([...serverFrames, Unknown]).pipe(Schema.toTaggedUnion("_tag"))

/**
 * A frame that travels from the mediator to a client (PROTOCOL A3).
 *
 * @category models
 * @since 0.1.0
 */
export type ServerFrame = typeof ServerFrame.Type

const codec = frameCodec<ServerFrame>(serverFrames, clientFrames)

/**
 * Reads a frame that the mediator sent: one WebSocket binary message of 4…65536 bytes.
 *
 * Byte fields are views of `bytes`. A type that nobody defines is an `Unknown` frame; a type that only a client
 * sends fails with `WrongDirection`.
 *
 * @category codecs
 * @since 0.1.0
 */
export const decodeServerFrame: (bytes: Uint8Array) => Result.Result<ServerFrame, DecodeError> = codec.decode

/**
 * Writes a frame as the mediator sends it: reserved bytes zero, header length 16, canonical proto3. Throws an
 * `EncodeError` at a value that its field cannot hold, and at a frame of more than 65536 bytes unless it is an `Unknown`
 * one.
 *
 * @category codecs
 * @since 0.1.0
 */
export const encodeServerFrame: (frame: ServerFrame) => Uint8Array = codec.encode

/**
 * Writes a frame as {@link encodeServerFrame} does; for values that nobody has checked.
 *
 * @category codecs
 * @since 0.1.0
 */
export const encodeServerFrameResult: (frame: ServerFrame) => Result.Result<Uint8Array, EncodeError> =
  codec.encodeResult

/**
 * The type byte of every frame that the mediator sends, by its tag: for tables and counters.
 *
 * @category constants
 * @since 0.1.0
 */
export const serverFrameTypes: ReadonlyMap<ServerFrame["_tag"], number> = codec.types as ReadonlyMap<
  ServerFrame["_tag"],
  number
>

/**
 * {@link decodeServerFrame} and {@link encodeServerFrame} as a Schema; an issue carries the `DecodeError` as the
 * annotation `decodeError`, or the `EncodeError` as `encodeError`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ServerFrameFromBytes = Schema.Uint8Array.pipe(
  Schema.decodeTo(Schema.toType(ServerFrame), frameTransformation(codec))
)
