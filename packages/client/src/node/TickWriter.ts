/**
 * What a device writes in one tick, in as few writes to the network as it takes.
 * Owns the cork, and the memory in which frames are put together.
 * Leaves framing to `MaskedFrames`, and text, control frames and the closing handshake to `ws`, on the same socket.
 */
import type * as Net from "node:net"
import { maskedLength, putMasked } from "./MaskedFrames.ts"

/** @internal */
export interface TickWriter {
  /** So many messages are about to be written: those of a tick leave in one write, unless they are much. */
  readonly begin: (messages: number) => void
  /** Writes binary messages. Behind `begin`, as is what `ws` writes. */
  readonly write: (messages: ReadonlyArray<Uint8Array>) => void
  /** Lets go what has been written and is much. */
  readonly end: () => void
  /** Lets go what has been written. */
  readonly uncork: () => void
}

/** So many bytes leave at once: the mediator works on them while the device seals the next. */
const fullWrite = 32 * 1024

/**
 * Bytes in which writes are put together, over and over: neither asked for nor collected, and in the caches. A draw of 64 KiB
 * with its last frame, and acks.
 */
const roomLength = 160 * 1024
/** A shorter write is not worth the room of a device that is mostly silent. */
const leastInRoom = 2048

/** Behind so many ticks of one message each the next one leaves at once: to cork for nothing takes 3 us of a round trip. */
const loneTicks = 4

/** Memory for a short write, a part of the pool of all buffers, which is quicker, where that begins with a word. */
const fromPool = (length: number): Buffer => {
  const bytes = Buffer.allocUnsafe(length)
  return bytes.byteOffset % 4 === 0 ? bytes : Buffer.allocUnsafeSlow(length)
}

/** @internal */
export const makeTickWriter = (socket: Net.Socket): TickWriter => {
  let isCorked = false
  /** Messages of this tick. */
  let written = 0
  /** Ticks of one message, one behind the other. */
  let lone = 0

  /** Free again when all that was written has left; what would wait is put elsewhere. */
  let room: Buffer | undefined
  let used = 0
  let isRoomFree = false

  const memoryFor = (length: number): Buffer => {
    if (length < leastInRoom) return fromPool(length)
    if (!isRoomFree || used + length > roomLength) return Buffer.allocUnsafeSlow(length)
    room ??= Buffer.allocUnsafeSlow(roomLength)
    const memory = room.subarray(used, used + length)
    used = (used + length + 3) & ~3
    return memory
  }

  const uncork = (): void => {
    if (!isCorked) return
    isCorked = false
    socket.uncork()
  }

  const endTick = (): void => {
    lone = written === 1 ? lone + 1 : 0
    written = 0
    uncork()
  }

  return {
    begin: (messages) => {
      if (written === 0) process.nextTick(endTick)
      written += messages
      if (isCorked) return
      isRoomFree = socket.writableLength === 0
      used = 0
      if (written === 1 && lone >= loneTicks) return
      isCorked = true
      socket.cork()
    },
    write: (messages) => {
      const bytes = memoryFor(maskedLength(messages))
      putMasked(messages, bytes)
      socket.write(bytes)
    },
    end: () => {
      if (socket.writableLength >= fullWrite) uncork()
    },
    uncork
  }
}
