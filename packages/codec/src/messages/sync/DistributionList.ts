/**
 * A list of people who each get their own copy of a message.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../../Protobuf.ts"
import * as Common from "../Common.ts"
import { ConversationCategory, ConversationVisibility } from "./Conversation.ts"

/**
 * A distribution list; in an update, what is absent has not changed (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class DistributionList extends Schema.Opaque<DistributionList>()(
  Protobuf.message("d2d_sync.DistributionList", "A list of people who each get their own copy of a message", {
    distributionListId: Protobuf.fixed64(1, "Id of the list"),
    name: Protobuf.optional(Protobuf.string(2, "Name of the list")),
    createdAt: Protobuf.optional(Protobuf.time(3, "When the list was made, in milliseconds since 1970")),
    conversationCategory: Protobuf.optional(
      Protobuf.enumeration(ConversationCategory, 4, "Whether the conversation is protected")
    ),
    conversationVisibility: Protobuf.optional(
      Protobuf.enumeration(ConversationVisibility, 5, "Where the conversation stands in the list of conversations")
    ),
    memberIdentities: Protobuf.embed(Common.Identities, 6, "The people on the list")
  })
) {}
