/**
 * Where a store in memory keeps messages apart from the reads of a socket that they came in.
 *
 * Owns the copies. Messages of usual length share pieces of memory, because an allocation for each costs more than all
 * else the store does with it, and are no objects, because collections would move all that wait. Tiny and long ones are
 * kept by themselves, so that whoever acks all but one message keeps at most sixteen times its length.
 *
 * @since 0.1.0
 */
import { append, find, forEach, makePositionQueue, type Position, type PositionQueue, take } from "./PositionQueue.ts"
import type { Append } from "./StoreCommand.ts"
import { isOwn, own } from "./Turn.ts"

/** A message as all slots share it that it is stored for. */
export type MemoryMessage = Pick<Append, "flags" | "timestamp" | "envelope">

const pieceSize = 8192
/** Ahead of each envelope in a piece: its length, flags and timestamp, little endian. */
const headerSize = 16
const leastShared = pieceSize / 16
const mostShared = pieceSize / 4

/** Memory that messages share, each behind the other. */
class Piece {
  private readonly bytes = new Uint8Array(pieceSize)
  private readonly view = new DataView(this.bytes.buffer)
  private used = 0

  hasRoomFor({ envelope }: MemoryMessage): boolean {
    return headerSize + envelope.length <= pieceSize - this.used
  }

  /** Says where it is. */
  put({ envelope, flags, timestamp }: MemoryMessage): number {
    const at = this.used
    this.view.setUint32(at, envelope.length, true)
    this.view.setUint32(at + 4, flags, true)
    this.view.setBigUint64(at + 8, timestamp, true)
    this.bytes.set(envelope, at + headerSize)
    this.used += headerSize + envelope.length
    return at
  }

  sizeAt(at: number): number {
    return this.view.getUint32(at, true)
  }

  messageAt(at: number): MemoryMessage {
    const from = at + headerSize
    return {
      flags: this.view.getUint32(at + 4, true),
      timestamp: this.view.getBigUint64(at + 8, true),
      envelope: this.bytes.subarray(from, from + this.sizeAt(at))
    }
  }
}

/** A message that is kept: where in a piece, or by itself. */
export interface Kept {
  readonly in: Piece | MemoryMessage
  readonly at: number
}

/** The messages of one slot. Updated in place by the functions of this module. */
export interface MessageQueue {
  readonly places: PositionQueue<Piece | MemoryMessage>
  readonly offsets: PositionQueue<number>
}

export const makeMessageQueue = (): MessageQueue => ({ places: makePositionQueue(), offsets: makePositionQueue() })

/** Appends a message behind all others. */
export const appendMessage = ({ offsets, places }: MessageQueue, position: Position, kept: Kept): void => {
  append(places, position, kept.in)
  append(offsets, position, kept.at)
}

/** The message at `position`; `undefined` if there is none (any more). */
export const findMessage = ({ offsets, places }: MessageQueue, position: Position): MemoryMessage | undefined => {
  const place = find(places, position)
  return place instanceof Piece ? place.messageAt(find(offsets, position)!) : place
}

/** Takes the message at `position` out, if there is one. */
export const dropMessage = ({ offsets, places }: MessageQueue, position: Position): void => {
  take(places, position)
  take(offsets, position)
}

/** The positions of all messages in order, and how long their envelopes are. */
export const sizesOf = ({
  offsets,
  places
}: MessageQueue): { readonly positions: Array<Position>; readonly sizes: Array<number> } => {
  const positions: Array<Position> = []
  const sizes: Array<number> = []
  forEach(places, (position, place) => {
    positions.push(position)
    sizes.push(place instanceof Piece ? place.sizeAt(find(offsets, position)!) : place.envelope.length)
  })
  return { positions, sizes }
}

/** Keeps messages, by themselves or in the company of others. */
export const makeMessageMemory = (): ((message: MemoryMessage) => Kept) => {
  let piece: Piece | undefined
  return (message) => {
    const { envelope, flags, timestamp } = message
    const { length } = envelope
    if (isOwn(envelope) || length < leastShared || length > mostShared) {
      return { in: { flags, timestamp, envelope: own(envelope) }, at: 0 }
    }
    if (piece?.hasRoomFor(message) !== true) piece = new Piece()
    return { in: piece, at: piece.put(message) }
  }
}
