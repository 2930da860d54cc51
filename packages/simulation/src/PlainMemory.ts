/**
 * The memory that opened boxes are copied to.
 *
 * Owns pieces that many plaintexts share, each behind the other: engines keep a longer array outside of their heap, and to
 * ask for it there takes longer than to fill it. No byte is handed out twice: whoever keeps a plaintext keeps its piece.
 *
 * @since 0.1.0
 */

const pieceSize = 65_536
/** Longer ones get memory of their own: they would leave much of a piece unused. */
const sharedSize = pieceSize / 8

let piece = new ArrayBuffer(pieceSize)
let used = 0

/** A copy of a plaintext, for the caller alone. */
export const plainCopy = (plain: Uint8Array): Uint8Array => {
  const { length } = plain
  if (length > sharedSize) return plain.slice()
  if (length > pieceSize - used) {
    piece = new ArrayBuffer(pieceSize)
    used = 0
  }
  const copy = new Uint8Array(piece, used, length)
  used += length
  copy.set(plain)
  return copy
}
