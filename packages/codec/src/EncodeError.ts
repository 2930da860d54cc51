/**
 * The one error that writing a message can fail with, or making one.
 *
 * Says which field of which message got a value that it cannot hold. It carries numbers, lengths and the names of types
 * only, never text or bytes of the message, so it may be logged even when the message is to be sealed.
 *
 * @since 0.1.0
 */
import { Result, Schema } from "effect"

/**
 * A value that the wire has no form for: written anyway, it would arrive as another one, or make the message unreadable.
 * Encoders fail with it or throw it; `make` of frames, messages and scalars throws it.
 *
 * @category errors
 * @since 0.1.0
 */
export class EncodeError extends Schema.TaggedError<EncodeError>()("EncodeError", {
  /** The message that was being written, by its protocol name, or the scalar that was being made. */
  within: Schema.String,
  /** The field, or the member of a oneof; absent where the message itself is none. */
  field: Schema.optionalKey(Schema.String),
  expected: Schema.String,
  found: Schema.String
}) {
  override get message(): string {
    const where = this.field === undefined ? this.within : `${this.within}.${this.field}`
    return `${where}: expected ${this.expected}, found ${this.found}`
  }
}

/** What `write` gives or fails with; whatever else it throws, such as a getter's own, comes through. */
export const encoded = <A>(write: () => A): Result.Result<A, EncodeError> => {
  try {
    return Result.succeed(write())
  } catch (thrown) {
    if (thrown instanceof EncodeError) return Result.fail(thrown)
    throw thrown
  }
}

/** What a number on the wire can hold, in words. */
export const ranges = {
  u16: "an integer of 0 to 65535",
  u32: "an integer of 0 to 4294967295",
  u64: "a bigint of 0 to 18446744073709551615",
  i32: "an integer of -2147483648 to 2147483647"
} as const

const mostDigits = 20

/** What a value is, without telling what text or bytes it holds. */
export const kindOf = (value: unknown): string => {
  switch (typeof value) {
    case "undefined":
      return "undefined"
    case "number":
      return String(value)
    case "bigint": {
      const text = String(value)
      return text.length > mostDigits ? `a bigint of ${text.length} digits` : `${text}n`
    }
    case "object":
      if (value === null) return "null"
      if (value instanceof Uint8Array) return `${value.length} bytes`
      return Array.isArray(value) ? "an array" : "an object"
    default:
      return `a ${typeof value}`
  }
}
