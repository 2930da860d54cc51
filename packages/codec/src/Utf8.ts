/**
 * Text in protobuf messages: UTF-8, which must be valid when read and always is when written.
 *
 * @since 0.1.0
 */

const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

// Up to here a loop beats the call of a TextDecoder.
const short = 48

/** The text at `bytes[start…end]`, or `undefined` when it is not UTF-8. A byte order mark is a character. */
export const textAt = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  if (end - start <= short) {
    let text = ""
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!
      if (byte >= 0x80) return decoded(bytes, start, end)
      text += String.fromCharCode(byte)
    }
    return text
  }
  return decoded(bytes, start, end)
}

const decoded = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  try {
    return decoder.decode(bytes.subarray(start, end))
  } catch {
    return undefined
  }
}

/** The most bytes that a text of so many UTF-16 units can take. */
export const mostBytes = (units: number): number => units * 3

/**
 * Writes a text from `at` on, where there is room for the most that it can take, and says where it ends. Half a
 * surrogate pair becomes U+FFFD.
 */
export const putText = (bytes: Uint8Array, at: number, text: string): number => {
  for (let index = 0; index < text.length; index++) {
    let code = text.charCodeAt(index)
    if (code < 0x80) {
      bytes[at++] = code
      continue
    }
    if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6)
    } else {
      if (code >= 0xd800 && code < 0xe000) {
        const low = code < 0xdc00 ? text.charCodeAt(index + 1) : 0
        if (low >= 0xdc00 && low < 0xe000) {
          code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff)
          index++
        } else code = 0xfffd
      }
      if (code < 0x10000) bytes[at++] = 0xe0 | (code >> 12)
      else {
        bytes[at++] = 0xf0 | (code >> 18)
        bytes[at++] = 0x80 | ((code >> 12) & 0x3f)
      }
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f)
    }
    bytes[at++] = 0x80 | (code & 0x3f)
  }
  return at
}
