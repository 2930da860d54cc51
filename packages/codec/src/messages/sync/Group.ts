/**
 * A group as the user's devices know it.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../../Protobuf.ts"
import * as Common from "../Common.ts"
import { ConversationCategory, ConversationVisibility } from "./Conversation.ts"

/**
 * When messages of a group notify the user, if not always (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const GroupNotificationTriggerPolicyOverridePolicyNotificationTriggerPolicy = Protobuf.openEnum(
  "d2d_sync.Group.NotificationTriggerPolicyOverride.Policy.NotificationTriggerPolicy",
  {
    /** Only when the message mentions the user. */
    MENTIONED: 0,
    NEVER: 1
  }
)

/**
 * A number of {@link GroupNotificationTriggerPolicyOverridePolicyNotificationTriggerPolicy}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type GroupNotificationTriggerPolicyOverridePolicyNotificationTriggerPolicy = number

/**
 * Whether the user is still in a group (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const GroupUserState = Protobuf.openEnum("d2d_sync.Group.UserState", {
  MEMBER: 0,
  /** Removed from the group by its creator. */
  KICKED: 1,
  /** Gone of their own accord. */
  LEFT: 2
})

/**
 * A number of {@link GroupUserState}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type GroupUserState = number

/**
 * A notification policy and how long it holds (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupNotificationTriggerPolicyOverridePolicy extends Schema.Opaque<GroupNotificationTriggerPolicyOverridePolicy>()(
  Protobuf.message(
    "d2d_sync.Group.NotificationTriggerPolicyOverride.Policy",
    "A notification policy and how long it holds",
    {
      policy: Protobuf.enumeration(
        GroupNotificationTriggerPolicyOverridePolicyNotificationTriggerPolicy,
        1,
        "When messages of the group notify the user"
      ),
      expiresAt: Protobuf.optional(
        Protobuf.time(2, "When the policy ends, in milliseconds since 1970; absent when it does not")
      )
    }
  )
) {}

/**
 * What a group has in place of the usual notifications (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupNotificationTriggerPolicyOverride extends Schema.Opaque<GroupNotificationTriggerPolicyOverride>()(
  Protobuf.message(
    "d2d_sync.Group.NotificationTriggerPolicyOverride",
    "What a group has in place of the usual notifications",
    {
      override: Protobuf.oneof("Which notifications there are", {
        default: Protobuf.embed(Common.Unit, 1, "The usual ones"),
        policy: Protobuf.embed(GroupNotificationTriggerPolicyOverridePolicy, 2, "Those of a policy of its own")
      })
    }
  )
) {}

/**
 * Formerly the sound of a group's notifications (PROTOCOL A5, sync). Deprecated on the wire.
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupDeprecatedNotificationSoundPolicyOverride extends Schema.Opaque<GroupDeprecatedNotificationSoundPolicyOverride>()(
  Protobuf.message(
    "d2d_sync.Group.DeprecatedNotificationSoundPolicyOverride",
    "Formerly the sound of a group's notifications",
    {
      override: Protobuf.oneof("Which sound there is", {
        default: Protobuf.embed(Common.Unit, 1, "The usual one")
      })
    }
  )
) {}

/**
 * A group; in an update, what is absent has not changed (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class Group extends Schema.Opaque<Group>()(
  Protobuf.message("d2d_sync.Group", "A group", {
    groupIdentity: Protobuf.embed(Common.GroupIdentity, 1, "Which group it is"),
    name: Protobuf.optional(Protobuf.string(2, "Name of the group")),
    createdAt: Protobuf.optional(Protobuf.time(3, "When the group was made, in milliseconds since 1970")),
    conversationCategory: Protobuf.optional(
      Protobuf.enumeration(ConversationCategory, 4, "Whether the conversation is protected")
    ),
    conversationVisibility: Protobuf.optional(
      Protobuf.enumeration(ConversationVisibility, 5, "Where the conversation stands in the list of conversations")
    ),
    userState: Protobuf.optional(Protobuf.enumeration(GroupUserState, 6, "Whether the user is still in the group")),
    profilePicture: Protobuf.embed(Common.DeltaImage, 7, "The group's picture"),
    memberIdentities: Protobuf.embed(Common.Identities, 8, "The members of the group"),
    notificationTriggerPolicyOverride: Protobuf.embed(
      GroupNotificationTriggerPolicyOverride,
      9,
      "When messages of the group notify the user"
    ),
    deprecatedNotificationSoundPolicyOverride: Protobuf.embed(
      GroupDeprecatedNotificationSoundPolicyOverride,
      10,
      "Deprecated: sound of the group's notifications"
    )
  })
) {}
