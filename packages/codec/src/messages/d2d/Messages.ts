/**
 * Chat messages that one device sent or received, told to the others, and what became of them.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../../Protobuf.ts"
import * as Common from "../Common.ts"

/**
 * Which conversation a message belongs to (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class ConversationId extends Schema.Opaque<ConversationId>()(
  Protobuf.message("d2d.ConversationId", "Which conversation a message belongs to", {
    id: Protobuf.oneof("The other side of the conversation", {
      contact: Protobuf.string(1, "Identity of the contact, 8 characters"),
      distributionList: Protobuf.fixed64(2, "Id of the distribution list"),
      group: Protobuf.embed(Common.GroupIdentity, 3, "The group")
    })
  })
) {}

/**
 * A chat message that this device sends (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class OutgoingMessage extends Schema.Opaque<OutgoingMessage>()(
  Protobuf.message("d2d.OutgoingMessage", "A chat message that the device sends", {
    conversation: Protobuf.embed(ConversationId, 1, "Where the message goes"),
    messageId: Protobuf.fixed64(2, "Id of the chat message"),
    createdAt: Protobuf.time(3, "When the message was written, in milliseconds since 1970"),
    type: Protobuf.enumeration(Common.CspE2eMessageType, 4, "What kind of message the body is"),
    body: Protobuf.bytes(5, "The message, laid out as its type says"),
    threadMessageId: Protobuf.optional(Protobuf.fixed64(6, "Id of the message whose thread this one belongs to")),
    nonces: Protobuf.repeated(
      Protobuf.bytes(7, "Nonces of the chat messages it was sent in, one for each receiver, 24 bytes each")
    )
  })
) {}

/**
 * The chat server has taken the message (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class OutgoingMessageUpdateSent extends Schema.Opaque<OutgoingMessageUpdateSent>()(
  Protobuf.message("d2d.OutgoingMessageUpdate.Sent", "The chat server has taken the message", {})
) {}

/**
 * What became of one outgoing message (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class OutgoingMessageUpdateUpdate extends Schema.Opaque<OutgoingMessageUpdateUpdate>()(
  Protobuf.message("d2d.OutgoingMessageUpdate.Update", "What became of one outgoing message", {
    conversation: Protobuf.embed(ConversationId, 1, "Where the message went"),
    messageId: Protobuf.fixed64(2, "Id of the chat message"),
    update: Protobuf.oneof("What became of it", {
      sent: Protobuf.embed(OutgoingMessageUpdateSent, 3, "The chat server has taken the message")
    })
  })
) {}

/**
 * What became of messages that a device reflected as outgoing (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class OutgoingMessageUpdate extends Schema.Opaque<OutgoingMessageUpdate>()(
  Protobuf.message("d2d.OutgoingMessageUpdate", "What became of outgoing messages", {
    updates: Protobuf.repeated(Protobuf.embed(OutgoingMessageUpdateUpdate, 1, "One update for each message"))
  })
) {}

/**
 * A chat message that this device received (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class IncomingMessage extends Schema.Opaque<IncomingMessage>()(
  Protobuf.message("d2d.IncomingMessage", "A chat message that the device received", {
    senderIdentity: Protobuf.string(1, "Identity of the sender, 8 characters"),
    messageId: Protobuf.fixed64(2, "Id of the chat message"),
    createdAt: Protobuf.time(3, "When the message was written, in milliseconds since 1970"),
    type: Protobuf.enumeration(Common.CspE2eMessageType, 5, "What kind of message the body is"),
    body: Protobuf.bytes(6, "The message, laid out as its type says"),
    nonce: Protobuf.bytes(7, "Nonce of the chat message it came in, 24 bytes")
  })
) {}

/**
 * The user has read the message (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class IncomingMessageUpdateRead extends Schema.Opaque<IncomingMessageUpdateRead>()(
  Protobuf.message("d2d.IncomingMessageUpdate.Read", "The user has read the message", {
    at: Protobuf.time(1, "When it was read, in milliseconds since 1970")
  })
) {}

/**
 * What became of one incoming message (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class IncomingMessageUpdateUpdate extends Schema.Opaque<IncomingMessageUpdateUpdate>()(
  Protobuf.message("d2d.IncomingMessageUpdate.Update", "What became of one incoming message", {
    conversation: Protobuf.embed(ConversationId, 1, "Where the message came from"),
    messageId: Protobuf.fixed64(2, "Id of the chat message"),
    update: Protobuf.oneof("What became of it", {
      read: Protobuf.embed(IncomingMessageUpdateRead, 3, "The user has read the message")
    })
  })
) {}

/**
 * What became of messages that a device reflected as incoming (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class IncomingMessageUpdate extends Schema.Opaque<IncomingMessageUpdate>()(
  Protobuf.message("d2d.IncomingMessageUpdate", "What became of incoming messages", {
    updates: Protobuf.repeated(Protobuf.embed(IncomingMessageUpdateUpdate, 1, "One update for each message"))
  })
) {}
