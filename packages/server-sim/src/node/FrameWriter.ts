/**
 * Writes a mediator's frames to a WebSocket's socket: all that is there at once in one piece, and much of it piece by piece.
 *
 * Owns the framing of whole binary messages that a server sends (RFC 6455, 5.2), which is a length ahead of each. Through
 * `ws` every message costs objects, two buffers and two writes of the stream, more than all else a mediator does with it.
 * Control frames and the closing handshake are `ws`'s, on the same socket: it too writes each frame at once.
 *
 * A socket tells of a write when all of it has left, and joins what waits behind it to one write. So that it can be seen of
 * a slow reader that it reads, the socket gets no more than about a piece ahead of what the network takes.
 *
 * @since 0.1.0
 */
import type { Duplex } from "node:stream"

/** Writes frames. */
export interface FrameWriter {
  /** Takes a frame, of which the end may lie elsewhere; it leaves with the next `flush`. */
  readonly push: (frame: Uint8Array, rest?: Uint8Array) => void
  /** Writes what was taken, as far as the network takes it; the rest follows by itself. */
  readonly flush: () => void
  /** Writes all that was taken, for a close frame is next. */
  readonly finish: () => void
  /** Bytes that the network has not taken. */
  readonly waiting: () => number
}

/** What is written at once, in bytes. One frame may be more: nothing may come in the middle of it. */
const pieceLength = 64 * 1024

/**
 * Where pieces are put together, for all sockets: most of the time the network takes a piece at once, and room that is used
 * again is neither asked for nor collected, and in the caches. A piece that has to wait keeps the room it is in.
 */
let room = Buffer.allocUnsafeSlow(2 * pieceLength)
/** Less is not worth the room that it keeps where it has to wait. */
const leastInRoom = 8 * 1024

/** FIN, and the opcode of a binary message. */
const wholeBinary = 0x82

const headerLength = (length: number): number => (length < 126 ? 2 : length < 0x1_0000 ? 4 : 10)

const framedLength = (frame: Uint8Array, rest: Uint8Array | undefined): number => {
  const length = frame.length + (rest === undefined ? 0 : rest.length)
  return headerLength(length) + length
}

/** Writes a frame of two pieces, the second perhaps none, at `at`, and says where it ends. */
const putFrame = (target: Buffer, at: number, frame: Uint8Array, rest: Uint8Array | undefined): number => {
  const length = frame.length + (rest === undefined ? 0 : rest.length)
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
  if (rest !== undefined) target.set(rest, start + frame.length)
  return start + length
}

/**
 * A writer to this socket. `onDrained` is told when what waits has sunk to `lowWater` after it was more; as soon as
 * `mayWrite` says no, nothing more is written.
 */
export const makeFrameWriter = (
  socket: Duplex,
  lowWater: number,
  mayWrite: () => boolean,
  onDrained: () => void
): FrameWriter => {
  let pending: Array<Uint8Array> = []
  /** The other piece of each of them, if it has one. */
  let rests: Array<Uint8Array | undefined> = []
  let pendingBytes = 0
  let isAboveLowWater = false
  /** Writes that tell when they have gone. */
  let told = 0
  /** Whether the last write left at once: the next one will not when something waits, and with TLS none does. */
  let takesAtOnce = true

  const waiting = (): number => socket.writableLength + pendingBytes

  const forgetAll = (): void => {
    pending = []
    rests = []
    pendingBytes = 0
  }

  const memoryFor = (length: number): Buffer =>
    takesAtOnce && length >= leastInRoom && length <= room.length
      ? room.subarray(0, length)
      : Buffer.allocUnsafe(length)

  /** So many frames, which are so many bytes with their lengths. */
  const take = (count: number, length: number): Buffer => {
    const bytes = memoryFor(length)
    let at = 0
    for (let n = 0; n < count; n++) at = putFrame(bytes, at, pending[n]!, rests[n])
    if (count === pending.length) {
      forgetAll()
    } else {
      // A reader that is always behind may never have taken all of them.
      pending.splice(0, count)
      rests.splice(0, count)
      pendingBytes -= length
    }
    return bytes
  }

  const takePiece = (): Buffer => {
    if (pendingBytes <= pieceLength) return take(pending.length, pendingBytes)
    let count = 0
    let length = 0
    do {
      length += framedLength(pending[count]!, rests[count])
      count++
    } while (count < pending.length && length < pieceLength)
    return take(count, length)
  }

  const write = (bytes: Buffer): void => {
    // Nobody asks about a write that leaves little behind.
    if (!isAboveLowWater && pendingBytes === 0) {
      socket.write(bytes)
    } else {
      told++
      socket.write(bytes, written)
    }
    takesAtOnce = socket.writableLength === 0
    if (!takesAtOnce && bytes.buffer === room.buffer) room = Buffer.allocUnsafeSlow(room.length)
  }

  /** While there is more, some write tells when it has gone. */
  const writeOn = (): void => {
    while (pendingBytes > 0 && (told === 0 || socket.writableLength < pieceLength)) write(takePiece())
  }

  const written = (error?: Error | null): void => {
    told--
    // What is not written by now goes with the connection.
    if (error || !mayWrite()) forgetAll()
    writeOn()
    if (!isAboveLowWater || waiting() > lowWater) return
    isAboveLowWater = false
    onDrained()
  }

  return {
    push: (frame, rest) => {
      pending.push(frame)
      rests.push(rest)
      pendingBytes += framedLength(frame, rest)
    },
    flush: () => {
      // Also where nothing can be written now: what is under way may be all that was too much.
      if (waiting() > lowWater) isAboveLowWater = true
      writeOn()
    },
    finish: () => {
      if (pendingBytes > 0) write(take(pending.length, pendingBytes))
    },
    waiting
  }
}
