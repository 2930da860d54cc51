/**
 * The one error that decoding bytes can fail with.
 *
 * Says what was expected, what was found, at which offset and inside which message and field. Equal inputs give equal
 * errors. It carries lengths and numbers only, never bytes of the input, so it may be logged even when the input is the
 * plaintext of a box.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * What kind of rule the bytes broke.
 *
 * - `FrameTooShort`, `FrameTooLong`: a container is 4…65536 bytes
 * - `Truncated`: the input, or the message that a field belongs to, ends inside the field
 * - `HeaderLength`: a struct's header-length byte is below the length this version knows, or beyond the frame
 * - `FieldLength`: a byte field of fixed length has another length
 * - `Malformed`: not protobuf (field number 0, overlong varint, unknown wire type, invalid UTF-8, nesting too deep)
 * - `WrongDirection`: a payload type that only the other side sends
 * - `InvalidUrl`: a URL path segment that is not the hex of a usable `ClientUrlInfo`
 *
 * @category models
 * @since 0.1.0
 */
export const DecodeErrorKind = Schema.Literals([
  "FrameTooShort",
  "FrameTooLong",
  "Truncated",
  "HeaderLength",
  "FieldLength",
  "Malformed",
  "WrongDirection",
  "InvalidUrl"
])

/**
 * What kind of rule the bytes broke.
 *
 * @category models
 * @since 0.1.0
 */
export type DecodeErrorKind = typeof DecodeErrorKind.Type

/**
 * Bytes that are not what the protocol says (PROTOCOL A3, A5; decision 2).
 *
 * `offset` counts bytes from the start of the decoded input: for a frame from its type byte.
 *
 * @category errors
 * @since 0.1.0
 */
export class DecodeError extends Schema.TaggedError<DecodeError>()("DecodeError", {
  kind: DecodeErrorKind,
  /** The frame or protobuf message that was being read, by its protocol name. */
  within: Schema.String,
  /** The field that was being read, if it had come that far; `#7` for field 7 of a message that declares no such. */
  field: Schema.optionalKey(Schema.String),
  offset: Schema.Int,
  expected: Schema.String,
  found: Schema.String
}) {
  /**
   * Makes one that has no stack. It says where in the input it is; the stack of a decoder would say less and cost three
   * times the rest, which whoever is sent much that is wrong would have to pay.
   */
  static new(parts: Schema.Struct<typeof DecodeError.fields>["~type.make.in"]): DecodeError {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    try {
      return new DecodeError(parts)
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
  }

  override get message(): string {
    const where = this.field === undefined ? this.within : `${this.within}.${this.field}`
    return `${where} at byte ${this.offset}: expected ${this.expected}, found ${this.found}`
  }
}
