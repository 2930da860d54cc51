/**
 * What every byte of an input is: a tree of fields whose leaves tile the input, each byte in exactly one of them.
 *
 * Owns the shape of the tree and how it is searched. What the fields are comes from the declarations; see
 * `FrameMap` and `MessageMap`.
 *
 * @since 0.1.0
 */
import type { Result } from "effect"
import type { BoxInfo } from "../Box.ts"
import type { Direction } from "../Container.ts"
import type { BoxError } from "../Crypto.ts"
import type { DecodeError } from "../DecodeError.ts"
import type { OpenEnum } from "../Protobuf.ts"

/**
 * What part a field plays.
 *
 * - `type`: the type byte of a frame
 * - `reserved`: bytes that are ignored
 * - `header-length`: the byte that says where an envelope begins
 * - `surplus`: bytes of a header that this version does not know, skipped
 * - `trailing`: bytes behind the last field of a struct, ignored
 * - `field`: a declared field; of protobuf it holds its tag, its length and its value
 * - `entry`: an entry of a protobuf map, with a field `key` and a field `value`
 * - `tag`, `length`, `value`: the parts of a protobuf field
 * - `unknown`: a protobuf field that the message does not declare, skipped
 * - `nonce`, `mac`, `ciphertext`: the parts of a box
 * - `payload`: the payload of a frame of unknown type, or the whole of a plaintext that is no message
 * - `unread`: bytes that nothing could be made of
 *
 * @category models
 * @since 0.1.0
 */
export type Role =
  | "type"
  | "reserved"
  | "header-length"
  | "surplus"
  | "trailing"
  | "field"
  | "entry"
  | "tag"
  | "length"
  | "value"
  | "unknown"
  | "nonce"
  | "mac"
  | "ciphertext"
  | "payload"
  | "unread"

/**
 * A decoded value. Bytes are a view of the input.
 *
 * @category models
 * @since 0.1.0
 */
export type Value = number | bigint | boolean | string | Uint8Array

/**
 * One field of an input.
 *
 * @category models
 * @since 0.1.0
 */
export interface ByteField {
  readonly role: Role
  /** As the declaration has it; for a part that has none, its role. */
  readonly name: string
  /** How the bytes are written: `u32`, `fixed64`, `bytes`, or the name of a message or an enum. */
  readonly type: string
  /** Where it begins, counted from the start of the input. */
  readonly offset: number
  /** In bytes; may be 0, as that of an empty string. */
  readonly length: number
  /** A view of the input. */
  readonly bytes: Uint8Array
  /** What the bytes say; a field that only holds others has none. */
  readonly value?: Value
  /** A sentence that says what the field means, without a full stop. */
  readonly meaning: string
  /** What is remarkable about these very bytes: why they could not be read, or are ignored. */
  readonly note?: string
  /** What it is made of, in the order of the input and without gaps; empty for a leaf. */
  readonly fields: ReadonlyArray<ByteField>
  /** The oneof that a field is a member of. */
  readonly oneof?: string
  /** The names of a number. */
  readonly values?: OpenEnum
  /** The names of a number's bits. */
  readonly bits?: Readonly<Record<string, number>>
  /** `ms`: the value is a time, in milliseconds since 1970. */
  readonly unit?: "ms"
  /** What the bytes are a box of; the field of such bytes holds `nonce`, `mac` and `ciphertext`. */
  readonly box?: BoxInfo
  /** Of a `ciphertext` whose key was given: what is inside, with offsets of its own, or why it did not open. */
  readonly opened?: Result.Result<ByteMap, BoxError>
}

/**
 * An input and all its fields.
 *
 * @category models
 * @since 0.1.0
 */
export interface ByteMap {
  /** The protocol's name of the frame or message; `unknown` for a type nobody defines, `malformed` for no frame. */
  readonly name: string
  readonly meaning: string
  /** Of a frame: its type byte. */
  readonly type?: number
  /** Of a frame: who sends it. */
  readonly direction?: Direction
  readonly bytes: Uint8Array
  readonly fields: ReadonlyArray<ByteField>
  /** Why the input cannot be decoded, exactly as the decoder says it. The fields then reach as far as they can. */
  readonly error?: DecodeError
}

/**
 * The fields that hold no others, in order: each byte of the input is in exactly one.
 *
 * Plaintexts are inputs of their own: their leaves are not among those of the box.
 *
 * @category getters
 * @since 0.1.0
 */
export const leaves = (map: Pick<ByteMap, "fields">): ReadonlyArray<ByteField> =>
  map.fields.flatMap((field) => (field.fields.length === 0 ? [field] : leaves(field)))

/**
 * The fields that a byte belongs to, from the outermost to the leaf; empty beyond the input.
 *
 * @category getters
 * @since 0.1.0
 */
export const fieldsAt = (map: Pick<ByteMap, "fields">, offset: number): ReadonlyArray<ByteField> => {
  const field = map.fields.find((field) => field.offset <= offset && offset < field.offset + field.length)
  return field === undefined ? [] : [field, ...fieldsAt(field, offset)]
}
