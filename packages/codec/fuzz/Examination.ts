/**
 * Decodes an input and looks for whatever a decoder must not do.
 *
 * An input lies in memory between bytes that are not its own. Every view of it must lie within it, what was decoded is
 * encoded and decoded again, and, where asked for, it is decoded once more among other bytes: with the same outcome.
 */
import { Result } from "effect"
import { DecodeError } from "../src/DecodeError.ts"
import { EncodeError } from "../src/EncodeError.ts"
import type { Codec } from "./Target.ts"

type Decoded = Result.Result<unknown, DecodeError>

/** Something that a decoder must not do. */
export interface Finding {
  /** Stays the same while an input is made smaller. */
  readonly rule: "throws" | "error" | "view" | "surroundings" | "input" | "round trip"
  readonly what: string
}

/** What came of an input. */
export type Outcome = Finding | DecodeError | "read"

/** Whether an outcome is something that a decoder must not do. */
export const isFinding = (outcome: Outcome): outcome is Finding => outcome !== "read" && "rule" in outcome

const finding = (rule: Finding["rule"], what: string): Finding => ({ rule, what })

const guard = 64

/** Memory in which an input is followed by `around`, and preceded by it. */
interface Arena {
  readonly bytes: Uint8Array
  readonly around: number
}

const makeArena = (longest: number, around: number): Arena => ({
  bytes: new Uint8Array(longest + 2 * guard).fill(around),
  around
})

/** Puts an input at the end of an arena, where nothing behind it was ever written to. */
const place = ({ around, bytes }: Arena, source: Uint8Array, length: number): Uint8Array => {
  const start = bytes.length - guard - length
  bytes.set(source.subarray(0, length), start)
  bytes.fill(around, start - guard, start)
  return bytes.subarray(start, start + length)
}

const bytesEqual = (a: Uint8Array, b: Uint8Array): boolean => {
  const { length } = a
  if (length !== b.length) return false
  if (length > 64) return Buffer.compare(a, b) === 0
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return false
  return true
}

const equal = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (a instanceof Uint8Array) return b instanceof Uint8Array && bytesEqual(a, b)
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index]))
  }
  if (a instanceof Map) {
    if (!(b instanceof Map) || a.size !== b.size) return false
    // The order of a map is the order of the wire.
    const others = b.entries()
    for (const [key, value] of a) {
      const [otherKey, otherValue] = others.next().value as [unknown, unknown]
      if (key !== otherKey || !equal(value, otherValue)) return false
    }
    return true
  }
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  let keys = 0
  for (const key in left) {
    keys++
    if (!equal(left[key], right[key])) return false
  }
  for (const _ in right) keys--
  return keys === 0
}

/** Looks for a view in a decoded value that does not lie within the input. */
const strayView = (value: unknown, input: Uint8Array): Finding | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  if (value instanceof Uint8Array) {
    if (value.length === 0) return undefined
    const at = value.byteOffset - input.byteOffset
    if (value.buffer === input.buffer && at >= 0 && at + value.length <= input.length) return undefined
    return finding("view", `a view of ${value.length} bytes at ${at} of an input of ${input.length}`)
  }
  if (Array.isArray(value) || value instanceof Map) {
    for (const item of value.values()) {
      const stray = strayView(item, input)
      if (stray !== undefined) return stray
    }
    return undefined
  }
  for (const key in value) {
    const stray = strayView((value as Record<string, unknown>)[key], input)
    if (stray !== undefined) return stray
  }
  return undefined
}

const sameError = (a: DecodeError, b: DecodeError): boolean =>
  a.kind === b.kind &&
  a.offset === b.offset &&
  a.within === b.within &&
  a.field === b.field &&
  a.expected === b.expected &&
  a.found === b.found

const errorFinding = (error: DecodeError, length: number): Finding | undefined => {
  if (!(error instanceof DecodeError)) return finding("error", "failed with something that is no DecodeError")
  if (!(error.offset >= 0 && error.offset <= length)) {
    return finding("error", `an error at byte ${error.offset} of ${length}: ${error.message}`)
  }
  return undefined
}

const thrown = (where: string, cause: unknown): Finding =>
  finding("throws", `${where}: ${cause instanceof Error ? (cause.stack ?? String(cause)) : String(cause)}`)

/** What was written short, such as a negative number in 5 bytes, can become too long for a frame. */
const isTooLong = (cause: unknown): boolean =>
  cause instanceof EncodeError && cause.within === "container" && cause.field === undefined

const roundTrip = (codec: Codec, value: unknown): Finding | undefined => {
  let where = "encoding what was decoded"
  try {
    const written = codec.encode(value as never)
    where = "decoding what was encoded"
    const again = codec.decode(written)
    if (Result.isFailure(again)) {
      return finding("round trip", `what was decoded and encoded is refused: ${again.failure.message}`)
    }
    if (!equal(value, again.success)) {
      return finding("round trip", `decoding, encoding and decoding gives another value than decoding`)
    }
  } catch (cause) {
    return isTooLong(cause) ? undefined : thrown(where, cause)
  }
  return undefined
}

/**
 * Examines inputs of at most `longest` bytes: the first `length` bytes of `source`; `thorough` asks for the second
 * decoding among other bytes.
 */
export const makeExaminer = (longest: number) => {
  const zeros = makeArena(longest, 0x00)
  const ones = makeArena(longest, 0xff)

  const inOtherPlace = (codec: Codec, source: Uint8Array, input: Uint8Array, before: Decoded): Finding | undefined => {
    const again = codec.decode(place(ones, source, input.length))
    const same = Result.isFailure(before)
      ? Result.isFailure(again) && sameError(before.failure, again.failure)
      : Result.isSuccess(again) && equal(before.success, again.success)
    return same ? undefined : finding("surroundings", "the outcome depends on the bytes around the input")
  }

  return (codec: Codec, source: Uint8Array, length: number, thorough: boolean): Outcome => {
    const input = place(zeros, source, length)
    let decoded: Decoded
    let elsewhere: Finding | undefined
    try {
      decoded = codec.decode(input)
      if (thorough) {
        if (!bytesEqual(input, source.subarray(0, length))) return finding("input", "the decoder changed its input")
        elsewhere = inOtherPlace(codec, source, input, decoded)
      }
    } catch (cause) {
      return thrown("decoding", cause)
    }
    if (Result.isFailure(decoded)) return errorFinding(decoded.failure, length) ?? elsewhere ?? decoded.failure
    return strayView(decoded.success, input) ?? elsewhere ?? roundTrip(codec, decoded.success) ?? "read"
  }
}
