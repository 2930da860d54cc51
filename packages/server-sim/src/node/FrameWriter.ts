/**
 * Writes a mediator's frames to a WebSocket's socket: all that is there at once, in one piece.
 *
 * Owns the framing of whole binary messages that a server sends (RFC 6455, 5.2), which is a length ahead of each. Through
 * `ws` every message costs objects, two buffers and two writes of the stream, more than all else a mediator does with it.
 * Control frames and the closing handshake are `ws`'s, on the same socket: it too writes each frame at once.
 *
 * @since 0.1.0
 */
import type { Duplex } from "node:stream"

/** Writes frames. */
export interface FrameWriter {
  /** Takes a frame; it leaves with the next `flush`. */
  readonly push: (frame: Uint8Array) => void
  /** Writes what was taken. */
  readonly flush: () => void
  /** Bytes that the network has not taken. */
  readonly waiting: () => number
}

/** FIN, and the opcode of a binary message. */
const wholeBinary = 0x82

const headerLength = (length: number): number => (length < 126 ? 2 : length < 0x1_0000 ? 4 : 10)

/** Writes a frame at `at`, and says where it ends. */
const putFrame = (target: Buffer, at: number, frame: Uint8Array): number => {
  const { length } = frame
  target[at] = wholeBinary
  if (length < 126) {
    target[at + 1] = length
  } else if (length < 0x1_0000) {
    target[at + 1] = 126
    target[at + 2] = length >>> 8
    target[at + 3] = length & 0xff
  } else {
    target[at + 1] = 127
    target.writeBigUInt64BE(BigInt(length), at + 2)
  }
  const start = at + headerLength(length)
  target.set(frame, start)
  return start + length
}

/** A writer to this socket. `onDrained` is told when what waits has sunk to `lowWater` after it was more. */
export const makeFrameWriter = (socket: Duplex, lowWater: number, onDrained: () => void): FrameWriter => {
  let pending: Array<Uint8Array> = []
  let pendingBytes = 0
  let isAboveLowWater = false

  const written = (): void => {
    if (!isAboveLowWater || socket.writableLength > lowWater) return
    isAboveLowWater = false
    onDrained()
  }

  return {
    push: (frame) => {
      pending.push(frame)
      pendingBytes += headerLength(frame.length) + frame.length
    },
    flush: () => {
      if (pendingBytes === 0) return
      const frames = pending
      const bytes = Buffer.allocUnsafe(pendingBytes)
      pending = []
      pendingBytes = 0
      let at = 0
      for (const frame of frames) at = putFrame(bytes, at, frame)
      // Only a write above the mark tells when it has gone: nobody asks about the others.
      if (socket.writableLength + bytes.length <= lowWater) {
        socket.write(bytes)
      } else {
        isAboveLowWater = true
        socket.write(bytes, written)
      }
    },
    waiting: () => socket.writableLength + pendingBytes
  }
}
