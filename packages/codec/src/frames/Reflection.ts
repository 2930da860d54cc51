/**
 * The frames that carry messages between devices: proxy, reflect, reflected, their acks, Dry and the leader role.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { envelopeBox } from "../Box.ts"
import { protobufFrame, structFrame } from "../Container.ts"
import { ReflectedId, ReflectId } from "../Scalars.ts"
import * as Struct from "../Struct.ts"

/**
 * Bits of the `flags` of reflect and reflected; others are kept and passed on.
 *
 * @category constants
 * @since 0.1.0
 */
export const ReflectFlags = {
  /** Forwarded to connected devices only: never stored, never acked. */
  ephemeral: 0x0001
} as const

/**
 * Whether the ephemeral bit is set.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isEphemeral = (flags: number): boolean => (flags & ReflectFlags.ephemeral) !== 0

/**
 * Bytes of the chat server's protocol, passed through the mediator (0x00).
 *
 * From the client a byte stream; from the server exactly one chat message a frame (decision 18).
 *
 * @category frames
 * @since 0.1.0
 */
export class Proxy extends Schema.Opaque<Proxy>()(
  structFrame(
    "Proxy",
    {
      name: "proxy",
      type: 0x00,
      direction: "both",
      meaning: "Bytes to or from the chat server, which the mediator only passes on"
    },
    {
      data: Struct.rest(0, "Chat server protocol bytes")
    }
  )
) {}

/**
 * A message for all other devices of the group (0x80).
 *
 * @category frames
 * @since 0.1.0
 */
export class Reflect extends Schema.Opaque<Reflect>()(
  structFrame(
    "Reflect",
    {
      name: "reflect",
      type: 0x80,
      direction: "client-to-server",
      meaning: "A message for all other devices of the group",
      fillers: [Struct.headerLength(8), Struct.reserved(1, 1)]
    },
    {
      flags: Struct.u16(2, "Bit 0: ephemeral; others are passed on", ReflectFlags),
      reflectId: Struct.u32(ReflectId, 4, "The sender's number for this message; the ack repeats it"),
      envelope: Struct.box(8, "d2d.Envelope boxed with DGRK: nonce, tag, ciphertext", envelopeBox)
    }
  )
) {}

/**
 * The mediator has stored a reflected message for all other slots (0x81).
 *
 * @category frames
 * @since 0.1.0
 */
export class ReflectAck extends Schema.Opaque<ReflectAck>()(
  structFrame(
    "ReflectAck",
    {
      name: "reflect-ack",
      type: 0x81,
      direction: "server-to-client",
      meaning: "The mediator has stored the message for all other devices",
      fillers: [Struct.reserved(0, 4)]
    },
    {
      reflectId: Struct.u32(ReflectId, 4, "The number the sender gave the message"),
      timestamp: Struct.time(8, "When the mediator took the message, in milliseconds since 1970")
    }
  )
) {}

/**
 * A message that another device reflected (0x82).
 *
 * @category frames
 * @since 0.1.0
 */
export class Reflected extends Schema.Opaque<Reflected>()(
  structFrame(
    "Reflected",
    {
      name: "reflected",
      type: 0x82,
      direction: "server-to-client",
      meaning: "A message that another device of the group reflected",
      fillers: [Struct.headerLength(16), Struct.reserved(1, 1)]
    },
    {
      flags: Struct.u16(2, "Bit 0: ephemeral; others as the sender set them", ReflectFlags),
      reflectedId: Struct.u32(ReflectedId, 4, "The mediator's number for this message in this device's queue"),
      timestamp: Struct.time(8, "When the mediator took the message, in milliseconds since 1970"),
      envelope: Struct.box(16, "d2d.Envelope boxed with DGRK: nonce, tag, ciphertext", envelopeBox)
    }
  )
) {}

/**
 * The device has handled a reflected message, which leaves its queue (0x83). Never sent for ephemerals.
 *
 * @category frames
 * @since 0.1.0
 */
export class ReflectedAck extends Schema.Opaque<ReflectedAck>()(
  structFrame(
    "ReflectedAck",
    {
      name: "reflected-ack",
      type: 0x83,
      direction: "client-to-server",
      meaning: "The device has handled a message, which leaves its queue",
      fillers: [Struct.reserved(0, 4)]
    },
    {
      reflectedId: Struct.u32(ReflectedId, 4, "The mediator's number for the message")
    }
  )
) {}

/**
 * Everything that was queued when ServerInfo was made has been sent (0x20). Once per connection.
 *
 * @category frames
 * @since 0.1.0
 */
export class ReflectionQueueDry extends Schema.Opaque<ReflectionQueueDry>()(
  protobufFrame(
    "ReflectionQueueDry",
    {
      type: 0x20,
      direction: "server-to-client",
      meaning: "Everything that was queued when ServerInfo was made has been sent"
    },
    {}
  )
) {}

/**
 * This device now leads the group: it is the one that unblocks the chat server's incoming queue (0x21).
 *
 * @category frames
 * @since 0.1.0
 */
export class RolePromotedToLeader extends Schema.Opaque<RolePromotedToLeader>()(
  protobufFrame(
    "RolePromotedToLeader",
    {
      type: 0x21,
      direction: "server-to-client",
      meaning: "This device leads the group until it disconnects"
    },
    {}
  )
) {}
