/**
 * The byte map of a frame.
 *
 * Owns the container: which frame it is, and what becomes of one that is too short, too long, of an unknown type or
 * from the wrong side. The error is always the decoder's own.
 *
 * @since 0.1.0
 */
import { Result } from "effect"
import { decodeClientFrame } from "../ClientFrame.ts"
import type { Direction } from "../Container.ts"
import type { DecodeError } from "../DecodeError.ts"
import { Limits } from "../Limits.ts"
import { decodeServerFrame } from "../ServerFrame.ts"
import { fieldOf } from "./BoxMap.ts"
import type { ByteField, ByteMap } from "./ByteMap.ts"
import { type FrameDeclaration, frames } from "./Declarations.ts"
import { containerRows, layoutOf } from "./Layout.ts"
import { type ExplainOptions, messageFields } from "./MessageMap.ts"
import { structFields } from "./StructMap.ts"

/**
 * Who sends the frames of a type: `both` for the chat proxy, `undefined` for a type nobody defines.
 *
 * @category getters
 * @since 0.1.0
 */
export const directionOf = (type: number): Direction | undefined => frames.get(type)?.direction

const headerLength = Limits.containerHeader

const payloadFields = (
  bytes: Uint8Array,
  frame: FrameDeclaration | undefined,
  options: ExplainOptions
): ReadonlyArray<ByteField> => {
  const header = structFields(containerRows, bytes.subarray(0, headerLength), options)
  if (bytes.length < headerLength) return header
  const rest = (field: Pick<ByteField, "role" | "name" | "meaning"> & Partial<ByteField>): ReadonlyArray<ByteField> => [
    ...header,
    fieldOf(bytes, headerLength, bytes.length, { type: "bytes", ...field })
  ]
  if (bytes.length > Limits.frame) {
    return rest({
      role: "unread",
      name: "unread",
      meaning: "The payload of a frame that is too long",
      note: `A frame is at most ${Limits.frame} bytes long`
    })
  }
  if (frame === undefined) {
    return rest({
      role: "payload",
      name: "payload",
      value: bytes.subarray(headerLength),
      meaning: "Payload of a type that this version does not know: kept as it came"
    })
  }
  return frame.body._tag === "Struct"
    ? structFields(layoutOf(frame), bytes, options)
    : [...header, ...messageFields(frame.schema, bytes, headerLength, options)]
}

const explainFrame = (
  bytes: Uint8Array,
  decoded: Result.Result<unknown, DecodeError>,
  direction: Direction,
  options: ExplainOptions
): ByteMap => {
  const isFrame = bytes.length >= headerLength
  const frame = isFrame ? frames.get(bytes[0]!) : undefined
  return {
    name: isFrame ? (frame?.name ?? "unknown") : "malformed",
    meaning: isFrame
      ? (frame?.meaning ?? "A frame of a type that this version does not know")
      : "Too short for a frame",
    ...(isFrame ? { type: bytes[0]! } : {}),
    direction: frame?.direction ?? direction,
    bytes,
    fields: payloadFields(bytes, frame, options),
    ...(Result.isFailure(decoded) ? { error: decoded.failure } : {})
  }
}

/**
 * Explains a frame that a client sent: what each byte is, as far as it can be said, and why it cannot be decoded if it
 * cannot. A frame that only the mediator sends is explained too, and its error says so.
 *
 * @category explaining
 * @since 0.1.0
 */
export const explainClientFrame = (bytes: Uint8Array, options: ExplainOptions = {}): ByteMap =>
  explainFrame(bytes, decodeClientFrame(bytes), "client-to-server", options)

/**
 * Explains a frame that the mediator sent: what each byte is, as far as it can be said, and why it cannot be decoded if
 * it cannot. A frame that only a client sends is explained too, and its error says so.
 *
 * @category explaining
 * @since 0.1.0
 */
export const explainServerFrame = (bytes: Uint8Array, options: ExplainOptions = {}): ByteMap =>
  explainFrame(bytes, decodeServerFrame(bytes), "server-to-client", options)
