/**
 * `Persist`s on their way to the thread of the store, and stored messages on their way back: bytes in one buffer that
 * changes hands, because cloning a view would clone all of the buffer it was received in. Appends go as the blocks that are
 * written, so that the thread does nothing for each message.
 *
 * Owns the layout, which never leaves the process. All numbers little-endian, but for the heads of a block.
 *
 * @since 0.1.0
 */
import type { DeviceId } from "@d2m/codec"
import type { Persist } from "../Output.ts"
import type { Append, GroupKey, StoreCommand, StoredMessage } from "../StoreCommand.ts"
import { sizeOf } from "../StoreCommandSize.ts"
import { type Block, continuesBlock, headBytes, putHeads } from "./StoreBlock.ts"

/** Appends messages that follow one another. */
export interface AppendBlock extends Block {
  readonly _tag: "AppendBlock"
}

/** What the thread is told. */
export type BatchCommand = Exclude<StoreCommand, Append> | AppendBlock

/** Commands of several groups, each run of them behind the index of its group in `groups`. */
export interface StoreBatch {
  readonly groups: ReadonlyArray<GroupKey>
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** Writes or reads one value after the other. Positions and times are whole numbers that a double holds exactly. */
class Cursor {
  readonly bytes: Uint8Array<ArrayBuffer>
  private readonly view: DataView
  private offset = 0
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
  /** Leaves room for a u32 that is known later, and gives the place. */
  skipU32(): number {
    this.offset += 4
    return this.offset - 4
  }
  putU32At(place: number, value: number): void {
    this.view.setUint32(place, value, true)
  }
  /** All that was put. */
  written(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.offset)
  }
  isAtEnd(): boolean {
    return this.offset === this.bytes.length
  }
  putU32(value: number): void {
    this.view.setUint32(this.offset, value, true)
    this.offset += 4
  }
  putU64(value: bigint): void {
    this.view.setBigUint64(this.offset, value, true)
    this.offset += 8
  }
  putF64(value: number): void {
    this.view.setFloat64(this.offset, value, true)
    this.offset += 8
  }
  putBytes(value: Uint8Array): void {
    this.putU32(value.length)
    this.bytes.set(value, this.offset)
    this.offset += value.length
  }
  putBlock(block: ReadonlyArray<Append>, bytes: number): void {
    const { to } = block[0]!
    this.putU32(to.length)
    for (const { deviceId, position } of to) {
      this.putU64(deviceId)
      this.putF64(position)
    }
    this.putU32(block.length * headBytes)
    putHeads(this.view, this.offset, block)
    this.offset += block.length * headBytes
    this.putU32(bytes)
    for (const { envelope } of block) {
      this.bytes.set(envelope, this.offset)
      this.offset += envelope.length
    }
  }
  u32(): number {
    const value = this.view.getUint32(this.offset, true)
    this.offset += 4
    return value
  }
  u64(): bigint {
    const value = this.view.getBigUint64(this.offset, true)
    this.offset += 8
    return value
  }
  f64(): number {
    const value = this.view.getFloat64(this.offset, true)
    this.offset += 8
    return value
  }
  /** A view. */
  blob(): Uint8Array {
    const length = this.u32()
    this.offset += length
    return this.bytes.subarray(this.offset - length, this.offset)
  }
}

const tags = [
  "RegisterSlot",
  "DisconnectSlot",
  "DropSlot",
  "AppendBlock",
  "IssueId",
  "Ack",
  "SetSharedData"
] as const satisfies ReadonlyArray<BatchCommand["_tag"]>

const tagNumbers: { readonly [Tag in BatchCommand["_tag"]]: number } = {
  RegisterSlot: 0,
  DisconnectSlot: 1,
  DropSlot: 2,
  AppendBlock: 3,
  IssueId: 4,
  Ack: 5,
  SetSharedData: 6
}

const put = (out: Cursor, command: Exclude<StoreCommand, Append>): void => {
  out.putU32(tagNumbers[command._tag])
  switch (command._tag) {
    case "RegisterSlot":
      out.putU64(command.deviceId)
      out.putF64(command.expirationPolicy)
      out.putBytes(command.encryptedDeviceInfo)
      return out.putF64(command.issued)
    case "DropSlot":
      return out.putU64(command.deviceId)
    case "DisconnectSlot":
      out.putU64(command.deviceId)
      return out.putF64(command.at)
    case "IssueId":
      out.putU64(command.deviceId)
      return out.putF64(command.issued)
    case "Ack":
      out.putU64(command.deviceId)
      return out.putF64(command.position)
    case "SetSharedData":
      return out.putBytes(command.encryptedSharedDeviceData)
  }
}

// Loops: `Array.from` with a length costs more than all else that is done here with a command.
const take = (from: Cursor): BatchCommand => {
  const _tag = tags[from.u32()]!
  switch (_tag) {
    case "RegisterSlot": {
      const deviceId = from.u64() as DeviceId
      const expirationPolicy = from.f64()
      const encryptedDeviceInfo = from.blob()
      return { _tag, deviceId, expirationPolicy, encryptedDeviceInfo, issued: from.f64() }
    }
    case "DropSlot":
      return { _tag, deviceId: from.u64() as DeviceId }
    case "DisconnectSlot":
      return { _tag, deviceId: from.u64() as DeviceId, at: from.f64() }
    case "IssueId":
      return { _tag, deviceId: from.u64() as DeviceId, issued: from.f64() }
    case "Ack":
      return { _tag, deviceId: from.u64() as DeviceId, position: from.f64() }
    case "AppendBlock": {
      const to: Array<Append["to"][number]> = []
      for (let left = from.u32(); left > 0; left--) to.push({ deviceId: from.u64() as DeviceId, position: from.f64() })
      return { _tag, to, heads: from.blob(), envelopes: from.blob() }
    }
    case "SetSharedData":
      return { _tag, encryptedSharedDeviceData: from.blob() }
  }
}

/** Puts the commands of a group one after the other, and appends that follow one another as blocks. */
class GroupWriter {
  private block: Array<Append> = []
  private blockBytes = 0
  private written = 0
  private readonly out: Cursor
  private readonly place: number
  constructor(out: Cursor) {
    this.out = out
    this.place = out.skipU32()
  }
  add(command: StoreCommand): void {
    if (command._tag === "Append") return this.append(command)
    // The thread carries acks out behind the appends of a batch.
    if (command._tag !== "Ack") this.endBlock()
    this.written++
    put(this.out, command)
  }
  end(): void {
    this.endBlock()
    this.out.putU32At(this.place, this.written)
  }
  private append(command: Append): void {
    if (command.to.length === 0) return
    if (this.block.length > 0 && !continuesBlock(this.block, this.blockBytes, command)) this.endBlock()
    this.block.push(command)
    this.blockBytes += command.envelope.length
  }
  private endBlock(): void {
    if (this.block.length === 0) return
    this.written++
    this.out.putU32(tagNumbers.AppendBlock)
    this.out.putBlock(this.block, this.blockBytes)
    this.block = []
    this.blockBytes = 0
  }
}

/** Bytes that are all written before they are read: zeros for a batch of 100 KiB would take as long as the copies into it. */
const room = (size: number): Uint8Array<ArrayBuffer> => Buffer.allocUnsafeSlow(size)

/** Copies what the `Persist`s hold; their buffers may be reused. */
export const packBatch = (persists: ReadonlyArray<Persist>): StoreBatch => {
  // At most: what stands together of a group is one run, and what goes as a block has the places of one message.
  let size = 0
  for (const { commands } of persists) {
    size += 8
    for (const command of commands) size += sizeOf(command)
  }
  const out = new Cursor(room(size))
  const indexes = new Map<GroupKey, number>()
  for (let at = 0; at < persists.length;) {
    const { groupKey } = persists[at]!
    let index = indexes.get(groupKey)
    if (index === undefined) indexes.set(groupKey, (index = indexes.size))
    out.putU32(index)
    const writer = new GroupWriter(out)
    for (; persists[at]?.groupKey === groupKey; at++) for (const command of persists[at]!.commands) writer.add(command)
    writer.end()
  }
  return { groups: [...indexes.keys()], bytes: out.written() }
}

/** Commands of a group, in their order but for acks among appends. */
export interface GroupCommands {
  readonly groupKey: GroupKey
  readonly commands: ReadonlyArray<BatchCommand>
}

/** What a batch has of a group at a time. Bytes in it are views of the batch. */
export function* unpackBatch(batch: StoreBatch): Generator<GroupCommands> {
  const from = new Cursor(batch.bytes)
  while (!from.isAtEnd()) {
    const groupKey = batch.groups[from.u32()]!
    const commands: Array<BatchCommand> = []
    for (let left = from.u32(); left > 0; left--) commands.push(take(from))
    yield { groupKey, commands }
  }
}

/** Messages as bytes. */
export const packMessages = (messages: ReadonlyArray<StoredMessage>): Uint8Array<ArrayBuffer> => {
  const out = new Cursor(room(messages.reduce((size, { envelope }) => size + 24 + envelope.length, 0)))
  for (const { envelope, flags, position, timestamp } of messages) {
    out.putF64(position)
    out.putU32(flags)
    out.putU64(timestamp)
    out.putBytes(envelope)
  }
  return out.bytes
}

/** The messages of these bytes; their envelopes are views. */
export const unpackMessages = (bytes: Uint8Array<ArrayBuffer>): ReadonlyArray<StoredMessage> => {
  const from = new Cursor(bytes)
  const messages: Array<StoredMessage> = []
  while (!from.isAtEnd()) {
    const position = from.f64()
    const flags = from.u32()
    const timestamp = from.u64()
    messages.push({ position, flags, timestamp, envelope: from.blob() })
  }
  return messages
}
