/**
 * What every client should live with, as faults to loop over.
 *
 * Owns the list; what its faults do is `Fault`'s.
 *
 * @since 0.1.0
 */
import { decodeServerFrame, DeviceSlotState, encodeServerFrame, type ServerFrame, Timestamp, Unknown } from "@d2m/codec"
import { Result } from "effect"
import { Fault } from "./Fault.ts"

/**
 * Something that a client should live with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hardship {
  readonly name: string
  /** For one connection, from its opening on. Frames are hit once, so that they also fit a link of many connections. */
  readonly faults: ReadonlyArray<Fault>
  /** Whether a client may have to ask its user before it connects again, as it does at a slot state that it did not expect. */
  readonly mayAsk: boolean
}

const count = 1
const once = <Tag extends ServerFrame["_tag"]>(frame: Tag) => ({ direction: "down", match: { frame, count } }) as const

type ServerInfo = Extract<ServerFrame, { readonly _tag: "ServerInfo" }>

const otherServerInfo = (alter: (frame: ServerInfo) => ServerInfo): Fault =>
  Fault.Rewrite({
    ...once("ServerInfo"),
    with: (message) => {
      const frame = Result.getOrThrow(decodeServerFrame(message))
      return [frame._tag === "ServerInfo" ? encodeServerFrame(alter(frame)) : message]
    }
  })

const otherSlotState = (state: DeviceSlotState): DeviceSlotState =>
  state === DeviceSlotState.NEW ? DeviceSlotState.EXISTING : DeviceSlotState.NEW

/** Where the number of bytes before the envelope stands, and what it is in this version of the protocol. */
const headerAt = 4
const headerLength = 16

const withLongHeader = (message: Uint8Array): Uint8Array => {
  const longer = new Uint8Array(message.length + 4)
  longer.set(message.subarray(0, headerAt + headerLength))
  longer.set(message.subarray(headerAt + headerLength), headerAt + headerLength + 4)
  longer[headerAt] = headerLength + 4
  return longer
}

const unknown = encodeServerFrame(Unknown.make({ type: 0xee, payload: new Uint8Array(8) }))

const hour = 3_600_000n

/**
 * What every client should live with: give the faults of each to the first connection of a client under test, by `faults`
 * of `layerWebSocketServer`, and end that connection a while later. On its next connections everything that the client was
 * asked to reflect must get its ack and reach the others, and everything that was reflected to it must be handled, once at
 * least.
 *
 * @category constants
 * @since 0.1.0
 */
export const hardships: ReadonlyArray<Hardship> = [
  { name: "a lost ServerInfo", mayAsk: true, faults: [Fault.Drop(once("ServerInfo"))] },
  { name: "a lost ack", mayAsk: false, faults: [Fault.Drop(once("ReflectAck"))] },
  { name: "an ack that comes twice", mayAsk: false, faults: [Fault.Duplicate(once("ReflectAck"))] },
  { name: "a message that comes twice", mayAsk: false, faults: [Fault.Duplicate(once("Reflected"))] },
  {
    name: "acks out of order",
    mayAsk: false,
    faults: [Fault.Delay({ ...once("ReflectAck"), millis: 1_000, overtake: true })]
  },
  {
    name: "the leader role before the dry queue",
    mayAsk: false,
    faults: [Fault.Delay({ ...once("ReflectionQueueDry"), millis: 1_000, overtake: true })]
  },
  {
    name: "a mediator whose clock is an hour ahead",
    mayAsk: true,
    faults: [otherServerInfo((frame) => ({ ...frame, currentTime: Timestamp.make(frame.currentTime + hour) }))]
  },
  {
    name: "another slot state than expected",
    mayAsk: true,
    faults: [
      otherServerInfo((frame) => ({
        ...frame,
        deviceSlotState: otherSlotState(frame.deviceSlotState)
      }))
    ]
  },
  {
    name: "a longer header of a message",
    mayAsk: false,
    faults: [Fault.Rewrite({ ...once("Reflected"), with: (message) => [withLongHeader(message)] })]
  },
  {
    name: "a frame of an unknown type",
    mayAsk: false,
    faults: [Fault.Rewrite({ ...once("ServerInfo"), with: (message) => [unknown, message] })]
  },
  {
    name: "a text message",
    mayAsk: false,
    faults: [Fault.Rewrite({ ...once("ReflectAck"), with: (message) => ["text", message] })]
  },
  { name: "a damaged challenge", mayAsk: false, faults: [Fault.Garble(once("ServerHello"))] },
  { name: "a damaged ack", mayAsk: false, faults: [Fault.Garble({ ...once("ReflectAck"), at: 0 })] },
  { name: "a close without its handshake", mayAsk: false, faults: [Fault.NoClosingHandshake()] },
  { name: "a reset at once", mayAsk: false, faults: [Fault.Cut()] },
  { name: "a close at once, with a code that nobody knows", mayAsk: false, faults: [Fault.Close({ code: 4099 })] },
  { name: "a mediator that cannot be reached", mayAsk: false, faults: [Fault.Unreachable()] },
  {
    name: "a half-open connection",
    mayAsk: false,
    faults: [Fault.Stall({ direction: "up" }), Fault.Stall({ direction: "down" })]
  },
  {
    name: "a bad network",
    mayAsk: false,
    faults: [
      Fault.Slow({ direction: "up", bytesPerSecond: 100 }),
      Fault.Slow({ direction: "down", bytesPerSecond: 100 })
    ]
  }
]
