/**
 * Random padding that hides the length of what is in a box (PROTOCOL A6).
 *
 * The random length is the caller's to draw; this module has no randomness.
 *
 * @since 0.1.0
 */
import type { MessageSchema } from "./Protobuf.ts"
import { encodeMessage } from "./ProtobufCodec.ts"

/** A message with the padding field that hides its length. */
type Padded = MessageSchema & { readonly Type: { readonly padding: Uint8Array } }

const paddingTag = 0x0a

/** Bytes that the padding field takes on top of the padding itself: its tag and its length. */
const overhead = (length: number): number => (length < 0x80 ? 2 : length < 0x4000 ? 3 : 4)

/** The longest padding whose field fits into so many bytes, by the bytes that its length takes; below 0 for none. */
const capacity = (room: number): number => Math.max(Math.min(room - 2, 0x7f), Math.min(room - 3, 0x3fff), room - 4)

/**
 * Bytes that the padding field takes, its tag and length included, when `length` bytes of padding are asked for and the
 * whole may be `limit` bytes long; 0 for none.
 *
 * @category codecs
 * @since 0.1.0
 */
export const paddingFieldLength = (contentLength: number, length: number, limit: number): number => {
  const fitting = Math.min(length, capacity(limit - contentLength))
  return fitting <= 0 ? 0 : overhead(fitting) + fitting
}

/**
 * Writes a padding field of `fieldLength` bytes, as {@link paddingFieldLength} gives it, at `at`; what is there must be
 * zero. For whoever lays a message out in memory of their own: the content follows the field.
 *
 * @category codecs
 * @since 0.1.0
 */
export const putPadding = (target: Uint8Array, at: number, fieldLength: number): void => {
  if (fieldLength === 0) return
  // A field of n bytes holds n - 2 bytes of padding, or fewer when their number takes more than a byte.
  let rest = fieldLength - (fieldLength < 0x82 ? 2 : fieldLength < 0x4003 ? 3 : 4)
  target[at++] = paddingTag
  for (; rest > 0x7f; rest >>>= 7) target[at++] = (rest & 0x7f) | 0x80
  target[at] = rest
}

/**
 * Puts `length` bytes of zero padding ahead of an encoded message whose padding field is number 1 and empty.
 *
 * The padding shrinks until the whole fits `limit`, down to none; the caller checks that the message itself fits.
 *
 * @category codecs
 * @since 0.1.0
 */
export const padEncoded = (content: Uint8Array, length: number, limit: number): Uint8Array => {
  const start = paddingFieldLength(content.length, length, limit)
  if (start === 0) return content
  const bytes = new Uint8Array(start + content.length)
  putPadding(bytes, 0, start)
  bytes.set(content, start)
  return bytes
}

/**
 * Writes a message with `length` bytes of zero padding ahead of its other fields, as {@link padEncoded} does.
 *
 * @category codecs
 * @since 0.1.0
 */
export const encodePadded = <S extends Padded>(
  schema: S,
  value: S["Type"],
  length: number,
  limit: number
): Uint8Array => padEncoded(encodeMessage(schema, { ...value, padding: new Uint8Array(0) }), length, limit)
