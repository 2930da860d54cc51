/**
 * A person as the user's devices know them.
 *
 * Owns the contact itself; what a contact overrides of the notifications and policies is in `ContactOverrides`.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../../Protobuf.ts"
import * as Common from "../Common.ts"
import {
  ContactDeprecatedNotificationSoundPolicyOverride,
  ContactNotificationTriggerPolicyOverride,
  ContactReadReceiptPolicyOverride,
  ContactTypingIndicatorPolicyOverride
} from "./ContactOverrides.ts"
import { ConversationCategory, ConversationVisibility } from "./Conversation.ts"
import { WorkAvailabilityStatus } from "./Work.ts"

/**
 * How sure the user can be that a contact is who they seem (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const ContactVerificationLevel = Protobuf.openEnum("d2d_sync.Contact.VerificationLevel", {
  UNVERIFIED: 0,
  /** The directory server vouches for a linked phone number or e-mail address. */
  SERVER_VERIFIED: 1,
  /** The user has compared keys in person. */
  FULLY_VERIFIED: 2
})

/**
 * A number of {@link ContactVerificationLevel}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type ContactVerificationLevel = number

/**
 * Whether a contact is known to belong to the user's Work subscription (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const ContactWorkVerificationLevel = Protobuf.openEnum("d2d_sync.Contact.WorkVerificationLevel", {
  NONE: 0,
  WORK_SUBSCRIPTION_VERIFIED: 1
})

/**
 * A number of {@link ContactWorkVerificationLevel}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type ContactWorkVerificationLevel = number

/**
 * Whether a contact uses the application in private or for work (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const ContactIdentityType = Protobuf.openEnum("d2d_sync.Contact.IdentityType", {
  REGULAR: 0,
  WORK: 1
})

/**
 * A number of {@link ContactIdentityType}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type ContactIdentityType = number

/**
 * Whether a contact is in the user's list or only needed to name someone (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const ContactAcquaintanceLevel = Protobuf.openEnum("d2d_sync.Contact.AcquaintanceLevel", {
  DIRECT: 0,
  /** Known from a group only, or removed by the user. */
  GROUP_OR_DELETED: 1
})

/**
 * A number of {@link ContactAcquaintanceLevel}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type ContactAcquaintanceLevel = number

/**
 * Whether an identity is in use (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const ContactActivityState = Protobuf.openEnum("d2d_sync.Contact.ActivityState", {
  ACTIVE: 0,
  /** Not used for some time. */
  INACTIVE: 1,
  /** The identity can no longer be used. */
  INVALID: 2
})

/**
 * A number of {@link ContactActivityState}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type ContactActivityState = number

/**
 * Where a contact's names come from (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const ContactSyncState = Protobuf.openEnum("d2d_sync.Contact.SyncState", {
  /** Neither imported nor edited. */
  INITIAL: 0,
  /** Taken from elsewhere, such as an address book. */
  IMPORTED: 1,
  /** Edited by the user. */
  CUSTOM: 2
})

/**
 * A number of {@link ContactSyncState}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type ContactSyncState = number

/**
 * A contact; in an update, what is absent has not changed (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class Contact extends Schema.Opaque<Contact>()(
  Protobuf.message("d2d_sync.Contact", "A contact of the user", {
    identity: Protobuf.string(1, "Identity of the contact, 8 characters"),
    publicKey: Protobuf.optional(Protobuf.bytes(2, "Public key of the contact, 32 bytes")),
    createdAt: Protobuf.optional(Protobuf.time(3, "When the contact was added, in milliseconds since 1970")),
    firstName: Protobuf.optional(Protobuf.string(4, "First name")),
    lastName: Protobuf.optional(Protobuf.string(5, "Last name")),
    nickname: Protobuf.optional(Protobuf.string(6, "Name the contact goes by")),
    verificationLevel: Protobuf.optional(
      Protobuf.enumeration(ContactVerificationLevel, 7, "How sure the user can be who the contact is")
    ),
    identityType: Protobuf.optional(
      Protobuf.enumeration(ContactIdentityType, 8, "Whether the identity is private or for work")
    ),
    acquaintanceLevel: Protobuf.optional(
      Protobuf.enumeration(ContactAcquaintanceLevel, 9, "Whether the contact is in the user's list")
    ),
    activityState: Protobuf.optional(Protobuf.enumeration(ContactActivityState, 10, "Whether the identity is in use")),
    conversationCategory: Protobuf.optional(
      Protobuf.enumeration(ConversationCategory, 11, "Whether the conversation is protected")
    ),
    conversationVisibility: Protobuf.optional(
      Protobuf.enumeration(ConversationVisibility, 12, "Where the conversation stands in the list of conversations")
    ),
    syncState: Protobuf.optional(Protobuf.enumeration(ContactSyncState, 13, "Where the names come from")),
    contactDefinedProfilePicture: Protobuf.embed(Common.DeltaImage, 14, "Picture that the contact has chosen"),
    userDefinedProfilePicture: Protobuf.embed(Common.DeltaImage, 15, "Picture that the user has given the contact"),
    readReceiptPolicyOverride: Protobuf.embed(
      ContactReadReceiptPolicyOverride,
      16,
      "Whether the contact learns that a message was read"
    ),
    typingIndicatorPolicyOverride: Protobuf.embed(
      ContactTypingIndicatorPolicyOverride,
      17,
      "Whether the contact sees that the user is typing"
    ),
    featureMask: Protobuf.optional(
      Protobuf.uint64(18, "What the contact's client can receive: bits of CspFeatureMaskFlag")
    ),
    notificationTriggerPolicyOverride: Protobuf.embed(
      ContactNotificationTriggerPolicyOverride,
      19,
      "When messages of the contact notify the user"
    ),
    deprecatedNotificationSoundPolicyOverride: Protobuf.embed(
      ContactDeprecatedNotificationSoundPolicyOverride,
      20,
      "Deprecated: sound of the contact's notifications"
    ),
    workVerificationLevel: Protobuf.optional(
      Protobuf.enumeration(ContactWorkVerificationLevel, 21, "Whether the contact is of the same Work subscription")
    ),
    workLastFullSyncAt: Protobuf.optional(
      Protobuf.time(26, "When the contact's Work data was last synchronised in full, in milliseconds since 1970")
    ),
    workAvailabilityStatus: Protobuf.embed(WorkAvailabilityStatus, 27, "Whether the contact can be reached for work")
  })
) {}
