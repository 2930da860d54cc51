/**
 * What a contact has in place of the user's general settings.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../../Protobuf.ts"
import * as Common from "../Common.ts"
import { ReadReceiptPolicy, TypingIndicatorPolicy } from "./MessagePolicies.ts"

/**
 * When messages of a contact notify the user, if not always (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const ContactNotificationTriggerPolicyOverridePolicyNotificationTriggerPolicy = Protobuf.openEnum(
  "d2d_sync.Contact.NotificationTriggerPolicyOverride.Policy.NotificationTriggerPolicy",
  {
    NEVER: 0
  }
)

/**
 * A number of {@link ContactNotificationTriggerPolicyOverridePolicyNotificationTriggerPolicy}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type ContactNotificationTriggerPolicyOverridePolicyNotificationTriggerPolicy = number

/**
 * What a contact has in place of the read receipt setting (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactReadReceiptPolicyOverride extends Schema.Opaque<ContactReadReceiptPolicyOverride>()(
  Protobuf.message(
    "d2d_sync.Contact.ReadReceiptPolicyOverride",
    "What a contact has in place of the read receipt setting",
    {
      override: Protobuf.oneof("Which policy holds", {
        default: Protobuf.embed(Common.Unit, 1, "That of the settings"),
        policy: Protobuf.enumeration(ReadReceiptPolicy, 2, "One of its own")
      })
    }
  )
) {}

/**
 * What a contact has in place of the typing indicator setting (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactTypingIndicatorPolicyOverride extends Schema.Opaque<ContactTypingIndicatorPolicyOverride>()(
  Protobuf.message(
    "d2d_sync.Contact.TypingIndicatorPolicyOverride",
    "What a contact has in place of the typing indicator setting",
    {
      override: Protobuf.oneof("Which policy holds", {
        default: Protobuf.embed(Common.Unit, 1, "That of the settings"),
        policy: Protobuf.enumeration(TypingIndicatorPolicy, 2, "One of its own")
      })
    }
  )
) {}

/**
 * A notification policy and how long it holds (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactNotificationTriggerPolicyOverridePolicy extends Schema.Opaque<ContactNotificationTriggerPolicyOverridePolicy>()(
  Protobuf.message(
    "d2d_sync.Contact.NotificationTriggerPolicyOverride.Policy",
    "A notification policy and how long it holds",
    {
      policy: Protobuf.enumeration(
        ContactNotificationTriggerPolicyOverridePolicyNotificationTriggerPolicy,
        1,
        "When messages of the contact notify the user"
      ),
      expiresAt: Protobuf.optional(
        Protobuf.time(2, "When the policy ends, in milliseconds since 1970; absent when it does not")
      )
    }
  )
) {}

/**
 * What a contact has in place of the usual notifications (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactNotificationTriggerPolicyOverride extends Schema.Opaque<ContactNotificationTriggerPolicyOverride>()(
  Protobuf.message(
    "d2d_sync.Contact.NotificationTriggerPolicyOverride",
    "What a contact has in place of the usual notifications",
    {
      override: Protobuf.oneof("Which notifications there are", {
        default: Protobuf.embed(Common.Unit, 1, "The usual ones"),
        policy: Protobuf.embed(ContactNotificationTriggerPolicyOverridePolicy, 2, "Those of a policy of its own")
      })
    }
  )
) {}

/**
 * Formerly the sound of a contact's notifications (PROTOCOL A5, sync). Deprecated on the wire.
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactDeprecatedNotificationSoundPolicyOverride extends Schema.Opaque<ContactDeprecatedNotificationSoundPolicyOverride>()(
  Protobuf.message(
    "d2d_sync.Contact.DeprecatedNotificationSoundPolicyOverride",
    "Formerly the sound of a contact's notifications",
    {
      override: Protobuf.oneof("Which sound there is", {
        default: Protobuf.embed(Common.Unit, 1, "The usual one")
      })
    }
  )
) {}
