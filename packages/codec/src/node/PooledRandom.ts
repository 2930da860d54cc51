/**
 * `SecureRandom` that asks the system for much at a time and hands it out in slices.
 *
 * A nonce of 24 bytes costs as much to ask for as some KiB do. No byte is handed out twice, so slices of one piece share
 * its memory but never a byte; a piece that is used up belongs to whoever holds slices of it. Long requests get memory
 * of their own.
 *
 * @since 0.1.0
 */
import { Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { randomFillSync } from "node:crypto"

const pieceSize = 32_768
const longest = 4096

const drawn = (size: number): Uint8Array => randomFillSync(new Uint8Array(size))

/**
 * A source of random bytes with a piece of its own; `draw` fills memory of the length it is asked for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const pooledBytes = (draw: (size: number) => Uint8Array = drawn): ((size: number) => Uint8Array) => {
  let piece: Uint8Array = new Uint8Array(0)
  let used = 0
  return (size) => {
    if (size > longest) return draw(size)
    if (size > piece.length - used) {
      piece = draw(pieceSize)
      used = 0
    }
    const slice = piece.subarray(used, used + size)
    used += size
    return slice
  }
}

/**
 * Random bytes by `node:crypto`, 32 KiB at a time.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSecureRandom: Layer.Layer<SecureRandom.SecureRandom> = Layer.sync(SecureRandom.SecureRandom, () =>
  SecureRandom.make(pooledBytes())
)
