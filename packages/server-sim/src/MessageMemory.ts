/**
 * Where a store in memory keeps messages apart from the reads of a socket that they came in.
 *
 * Owns the copies. Messages of usual length share pieces of memory, because an allocation for each costs more than all
 * else the store does with it, and are no objects, because collections would move all that wait. A piece is used again when
 * all of its messages have gone: where devices are connected, a few of them serve for good. Tiny and long messages are
 * kept by themselves, so that whoever acks all but one message keeps at most sixteen times its length.
 *
 * @since 0.1.0
 */
import { append, find, forEach, makePositionQueue, type Position, type PositionQueue, take } from "./PositionQueue.ts"
import type { Append, StoredMessage } from "./StoreCommand.ts"
import { isOwn, own } from "./Turn.ts"

/** A message as all slots share it that it is stored for. */
export type MemoryMessage = Pick<Append, "flags" | "timestamp" | "envelope">

const pieceSize = 8192
/** Ahead of each envelope in a piece: its length, flags and timestamp, little endian. */
const headerSize = 16
const leastShared = pieceSize / 16
const mostShared = pieceSize / 4

/** Pieces that are kept though nothing lies in them, 64 MiB: what is left of a longer queue is given back. */
const mostSpare = 8192

/** Memory that messages share, each behind the other. */
class Piece {
  private readonly bytes = new Uint8Array(pieceSize)
  private readonly view = new DataView(this.bytes.buffer)
  private readonly memory: MessageMemory
  private used = 0
  /** Places in queues that lie here. */
  private places = 0

  constructor(memory: MessageMemory) {
    this.memory = memory
  }

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

  hold(): void {
    this.places++
  }

  letGo(): void {
    if (--this.places > 0) return
    this.used = 0
    this.memory.takeBack(this)
  }

  sizeAt(at: number): number {
    return this.view.getUint32(at, true)
  }

  /** The message, with its envelope copied to the start of `into`. */
  messageAt(at: number, into: Uint8Array): MemoryMessage {
    const from = at + headerSize
    const size = this.sizeAt(at)
    into.set(this.bytes.subarray(from, from + size))
    return {
      flags: this.view.getUint32(at + 4, true),
      timestamp: this.view.getBigUint64(at + 8, true),
      envelope: into.subarray(0, size)
    }
  }
}

/** A message that is kept: where in a piece, or by itself. Until it has been appended to a queue, nothing else is kept or dropped. */
export interface Kept {
  readonly in: Piece | MemoryMessage
  readonly at: number
}

/** Keeps the messages of a store, by themselves or in the company of others. */
export class MessageMemory {
  private current: Piece | undefined
  private readonly spare: Array<Piece> = []

  /** Takes a message in, for one queue at least. */
  keep(message: MemoryMessage): Kept {
    const { envelope, flags, timestamp } = message
    const { length } = envelope
    if (isOwn(envelope) || length < leastShared || length > mostShared) {
      return { in: { flags, timestamp, envelope: own(envelope) }, at: 0 }
    }
    // What went last is the likeliest to lie in a cache.
    if (this.current?.hasRoomFor(message) !== true) this.current = this.spare.pop() ?? new Piece(this)
    return { in: this.current, at: this.current.put(message) }
  }

  /** Has a piece for other messages, as nothing lies in it any more. */
  takeBack(piece: Piece): void {
    if (piece !== this.current && this.spare.length < mostSpare) this.spare.push(piece)
  }
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
  if (kept.in instanceof Piece) kept.in.hold()
}

/** Takes the message at `position` out, if there is one. */
export const dropMessage = ({ offsets, places }: MessageQueue, position: Position): void => {
  const place = take(places, position)
  take(offsets, position)
  if (place instanceof Piece) place.letGo()
}

/** Lets go of all messages, of a queue that is not used any more. */
export const dropQueue = ({ places }: MessageQueue): void =>
  forEach(places, (_, place) => {
    if (place instanceof Piece) place.letGo()
  })

/**
 * The messages at these positions, in this order, without those that are not there. What lay in pieces is copied, all of it
 * to one buffer: its place may be another message's by the time that it is looked at.
 */
export const readMessages = (
  { offsets, places }: MessageQueue,
  positions: ReadonlyArray<Position>
): ReadonlyArray<StoredMessage> => {
  let bytes = 0
  for (const position of positions) {
    const place = find(places, position)
    if (place instanceof Piece) bytes += place.sizeAt(find(offsets, position)!)
  }
  let into = new Uint8Array(bytes)
  return positions.flatMap((position) => {
    const place = find(places, position)
    if (place === undefined) return []
    if (!(place instanceof Piece)) return { position, ...place }
    const message = place.messageAt(find(offsets, position)!, into)
    into = into.subarray(message.envelope.length)
    return { position, ...message }
  })
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
