/**
 * Where a store in memory keeps envelopes apart from the reads of a socket that they came in.
 *
 * Owns the copies. Envelopes of usual length share pieces of memory, because an allocation for each costs more than all
 * else the store does with it; tiny and long ones have memory of their own, so that whoever acks all but one message keeps
 * at most sixteen times its length.
 *
 * @since 0.1.0
 */
import { own } from "./Turn.ts"

const pieceSize = 8192
const leastShared = pieceSize / 16
const mostShared = pieceSize / 4

/** Gives the bytes on their own, or in the company of other envelopes. */
export const makeEnvelopeMemory = (): ((envelope: Uint8Array) => Uint8Array) => {
  let piece = new Uint8Array(0)
  let used = 0
  return (envelope) => {
    const { length } = envelope
    const isAlone = length * 2 >= envelope.buffer.byteLength
    if (isAlone || length < leastShared || length > mostShared) return own(envelope)
    if (length > piece.length - used) {
      piece = new Uint8Array(pieceSize)
      used = 0
    }
    const kept = piece.subarray(used, used + length)
    kept.set(envelope)
    used += length
    return kept
  }
}
