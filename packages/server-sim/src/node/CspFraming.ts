/**
 * Where the messages of the chat server protocol end.
 *
 * Owns the three lengths that a stand-in between client and chat server has to know (PROTOCOL C12): nothing is opened.
 *
 * @since 0.1.0
 */

/** The server-hello and the login-ack come first and carry no length. */
const handshakeLengths = [80, 32] as const

const lengthBytes = 2

/**
 * Cuts a chat server's stream, fed piece by piece, into whole messages: server-hello (80 bytes), login-ack (32 bytes), then
 * frames with their u16 little-endian length ahead. Keeps the bytes of a message that is not complete yet.
 */
export const makeCspFraming = (): ((bytes: Uint8Array) => ReadonlyArray<Uint8Array>) => {
  let rest = new Uint8Array(0)
  let handshakes = 0

  const nextLength = (bytes: Uint8Array): number | undefined => {
    const handshake = handshakeLengths[handshakes]
    if (handshake !== undefined) return handshake
    return bytes.length < lengthBytes ? undefined : lengthBytes + bytes[0]! + bytes[1]! * 256
  }

  return (bytes) => {
    const stream = new Uint8Array(rest.length + bytes.length)
    stream.set(rest)
    stream.set(bytes, rest.length)
    const messages: Array<Uint8Array> = []
    let offset = 0
    for (;;) {
      const length = nextLength(stream.subarray(offset))
      if (length === undefined || offset + length > stream.length) break
      messages.push(stream.subarray(offset, offset + length))
      offset += length
      if (handshakes < handshakeLengths.length) handshakes++
    }
    rest = stream.slice(offset)
    return messages
  }
}
