/**
 * A protobufjs reader that remembers which message and field it is in.
 *
 * Owns the translation of whatever reading throws into a `DecodeError`; nothing thrown leaves the codec.
 *
 * @since 0.1.0
 */
import protobufjs from "protobufjs/minimal.js"
import { DecodeError, type DecodeErrorKind } from "./DecodeError.ts"

/** What a rule that protobufjs does not know throws; caught where decoding began. */
export class Violation {
  readonly kind: DecodeErrorKind
  readonly expected: string
  readonly found: string
  readonly offset: number
  constructor(kind: DecodeErrorKind, offset: number, expected: string, found: string) {
    this.kind = kind
    this.expected = expected
    this.found = found
    this.offset = offset
  }
}

/** A protobufjs reader that remembers where it is, for the error message. */
export class MessageReader extends protobufjs.Reader {
  within: string
  field: string | undefined = undefined
  /** Where the element that is being read began. */
  start = 0

  constructor(bytes: Uint8Array, offset: number, within: string) {
    super(bytes)
    this.pos = offset
    this.within = within
  }

  /** Describes whatever was thrown while reading. */
  failure(thrown: unknown): DecodeError {
    const at = { within: this.within, ...(this.field === undefined ? {} : { field: this.field }) }
    if (thrown instanceof Violation) {
      return new DecodeError({
        kind: thrown.kind,
        ...at,
        offset: thrown.offset,
        expected: thrown.expected,
        found: thrown.found
      })
    }
    if (thrown instanceof RangeError) {
      return new DecodeError({
        kind: "Truncated",
        ...at,
        offset: this.start,
        expected: this.field === undefined ? "a field" : "the rest of the field",
        found: `the end of the input at byte ${this.len}`
      })
    }
    return new DecodeError({
      kind: "Malformed",
      ...at,
      offset: this.start,
      expected: this.field === undefined ? "a protobuf field" : "a well-formed value",
      found: "bytes that are not protobuf"
    })
  }
}
