/**
 * Messages that lie together in the mediator's database: what is reflected in one go to the same slots costs a row, not a row a
 * message.
 *
 * Owns what makes a block, and the layout of its heads. Loads neither Effect nor the protocol.
 *
 * @since 0.1.0
 */
import type { Append } from "../StoreCommand.ts"

/** Messages to the same slots, in each of which position follows on position. */
export interface Block {
  /** The slots, each with the position of the first message. */
  readonly to: Append["to"]
  /** For each message u32 bytes of its envelope, u32 flags and u64 timestamp. Big-endian, as hexadecimal digits are, which SQL can make. */
  readonly heads: Uint8Array
  /** One after the other. */
  readonly envelopes: Uint8Array
}

/** Bytes of the head of a message. */
export const headBytes = 16

/**
 * Bytes of the envelopes in a block of more than one. A block goes with the last of its messages, so that a message takes no
 * more of the disk than the longest that there may be, whatever was acked around it.
 */
const blockBytes = 65_536
/** The most messages in a block: who reads one goes through the heads of those before it. */
export const blockMessages = 256

/** Whether this message goes on where the others of a block end, which have so many bytes of envelopes. */
export const continuesBlock = (block: ReadonlyArray<Append>, bytes: number, { envelope, to }: Append): boolean => {
  const first = block[0]!.to
  if (first.length !== to.length || bytes + envelope.length > blockBytes || block.length >= blockMessages) return false
  for (let n = 0; n < to.length; n++) {
    if (to[n]!.deviceId !== first[n]!.deviceId || to[n]!.position !== first[n]!.position + block.length) return false
  }
  return true
}

/** How many messages these heads are of. */
export const countOf = (heads: Uint8Array): number => heads.length / headBytes

/** Writes the heads of these messages. */
export const putHeads = (into: DataView, offset: number, block: ReadonlyArray<Append>): void => {
  for (let n = 0, at = offset; n < block.length; n++, at += headBytes) {
    const { envelope, flags, timestamp } = block[n]!
    into.setUint32(at, envelope.length)
    into.setUint32(at + 4, flags)
    into.setBigUint64(at + 8, timestamp)
  }
}

/** The heads of a block, message by message. */
export interface Heads {
  readonly sizeAt: (index: number) => number
  readonly flagsAt: (index: number) => number
  readonly timestampAt: (index: number) => bigint
}

/** What these bytes say. */
export const readHeads = ({ buffer, byteLength, byteOffset }: Uint8Array): Heads => {
  const view = new DataView(buffer, byteOffset, byteLength)
  return {
    sizeAt: (index) => view.getUint32(index * headBytes),
    flagsAt: (index) => view.getUint32(index * headBytes + 4),
    timestampAt: (index) => view.getBigUint64(index * headBytes + 8)
  }
}
