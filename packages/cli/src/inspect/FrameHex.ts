/**
 * Frames as people and programs hand them over: hex in either case, with spaces, colons and `0x` as they like.
 *
 * Owns the reading of the text and its division into lines, bounded however long a line is. What the bytes are is the
 * codec's.
 *
 * @since 0.1.0
 */
import { Limits } from "@d2m/codec"
import { Result, Schema } from "effect"

/**
 * A text that is not the hex of a frame. Offsets count characters of the text, from 0.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotHex extends Schema.TaggedError<NotHex>()("NotHex", {
  offset: Schema.Int,
  expected: Schema.String,
  found: Schema.String
}) {
  override get message(): string {
    return `character ${this.offset}: expected ${this.expected}, found ${this.found}`
  }
}

/**
 * The longest line that is read, in characters: any frame fits, with several separators a byte.
 *
 * @category constants
 * @since 0.1.0
 */
export const longestLine = 16 * Limits.frame

const tooLong = (): NotHex =>
  new NotHex({
    offset: longestLine,
    expected: `the end by now, as a frame has at most ${Limits.frame} bytes`,
    found: "more"
  })

const digitOf = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

const isSeparator = (code: number): boolean => code === 0x20 || code === 0x3a || (code >= 0x09 && code <= 0x0d)

const shown = (text: string, at: number): string => {
  const code = text.codePointAt(at)!
  return code > 0x20 && code < 0x7f ? `"${text[at]!}"` : `U+${code.toString(16).toUpperCase().padStart(4, "0")}`
}

/**
 * Reads the bytes of a frame from hex digits. White space and colons may stand between bytes and `0x` before them; a
 * text of nothing else is a frame of no bytes.
 *
 * @category reading
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<Uint8Array, NotHex> => {
  if (text.length > longestLine) return Result.fail(tooLong())
  const bytes = new Uint8Array(text.length >> 1)
  let length = 0
  let high = -1
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const digit = digitOf(code)
    if (digit >= 0) {
      const startsByte = high === -1 && digit === 0 && (at === 0 || isSeparator(text.charCodeAt(at - 1)))
      if (startsByte && (text.charCodeAt(at + 1) | 0x20) === 0x78) at++
      else if (high === -1) high = digit
      else {
        bytes[length++] = (high << 4) | digit
        high = -1
      }
    } else if (!isSeparator(code)) {
      return Result.fail(new NotHex({ offset: at, expected: "hex digits", found: shown(text, at) }))
    } else if (high !== -1) {
      return Result.fail(new NotHex({ offset: at, expected: "the second hex digit of a byte", found: shown(text, at) }))
    }
  }
  return high === -1
    ? Result.succeed(bytes.subarray(0, length))
    : Result.fail(new NotHex({ offset: text.length, expected: "the second hex digit of a byte", found: "the end" }))
}

/**
 * Divides text that comes in pieces into lines. Of a line that is too long to be a frame it keeps only as much as shows
 * that it is.
 *
 * @category reading
 * @since 0.1.0
 */
export class Lines {
  private rest = ""

  /** The lines that a piece completes. Blank ones are left out: a frame has at least its type. */
  push(text: string): ReadonlyArray<string> {
    const lines = text.split("\n")
    const last = lines.pop()!
    const complete: Array<string> = []
    for (const line of lines) {
      this.keep(line)
      complete.push(...this.end())
    }
    this.keep(last)
    return complete
  }

  /** The line that no newline ended, if there is one. */
  end(): ReadonlyArray<string> {
    const line = this.rest
    this.rest = ""
    return line.trim() === "" ? [] : [line]
  }

  private keep(text: string): void {
    this.rest += text.slice(0, longestLine + 1 - this.rest.length)
  }
}
