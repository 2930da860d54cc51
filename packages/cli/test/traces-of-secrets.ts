/**
 * Looks for bytes in text, however they may have got there: as hex, as base64 at any offset, as a list of numbers.
 */

const window = 12

const spellings = (bytes: Uint8Array): ReadonlyArray<string> => {
  const hex = Buffer.from(bytes).toString("hex")
  const base64 = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64")
    // Only what these bytes alone decide.
    return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6))
  })
  const urls = base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))
  return [hex, hex.toUpperCase(), ...base64, ...urls, bytes.join(","), bytes.join(", ")]
}

const isPlain = (bytes: Uint8Array): boolean => new Set(bytes).size < 4

/** The pieces of these secrets, 12 bytes each, that can be read in the text. */
export const readable = (text: string, secrets: Iterable<Uint8Array>): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const secret of secrets) {
    for (let at = 0; at + window <= secret.length; at += window) {
      const piece = secret.subarray(at, at + window)
      if (!isPlain(piece) && spellings(piece).some((spelling) => text.includes(spelling))) {
        found.push(Buffer.from(piece).toString("hex"))
      }
    }
  }
  return found
}
