/**
 * The memory that frames are written in.
 *
 * Owns pieces that many small frames share, each behind the other: an allocation for each would cost more than writing
 * it, and a socket that takes a view of it would first have to move it. What is handed out is zero, and no byte is handed
 * out twice.
 *
 * @since 0.1.0
 */

const pieceSize = 16_384
/** Longer frames get memory of their own, so that keeping one keeps no others. */
const sharedSize = 2048

let piece = new ArrayBuffer(pieceSize)
let used = 0

/** Zeros for a frame of this length, for the caller alone. */
export const frameMemory = (length: number): Uint8Array => {
  if (length > sharedSize) return new Uint8Array(length)
  if (length > pieceSize - used) {
    piece = new ArrayBuffer(pieceSize)
    used = 0
  }
  const memory = new Uint8Array(piece, used, length)
  used += length
  return memory
}
