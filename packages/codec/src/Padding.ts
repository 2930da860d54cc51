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
 * Puts `length` bytes of zero padding ahead of an encoded message whose padding field is number 1 and empty.
 *
 * The padding shrinks until the whole fits `limit`, down to none; the caller checks that the message itself fits.
 *
 * @category codecs
 * @since 0.1.0
 */
export const padEncoded = (content: Uint8Array, length: number, limit: number): Uint8Array => {
  const fitting = Math.min(length, capacity(limit - content.length))
  if (fitting <= 0) return content
  const start = overhead(fitting) + fitting
  const bytes = new Uint8Array(start + content.length)
  bytes[0] = paddingTag
  let at = 1
  let rest = fitting
  for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80
  bytes[at] = rest
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
