/**
 * @@module sync
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../Protobuf.ts"
import * as Common from "./Common.ts"

/**
 * @@sync.MdmParameters.ParameterPrecedence
 *
 * @category enums
 * @since 0.1.0
 */
export const MdmParametersParameterPrecedence = Protobuf.openEnum("d2d_sync.MdmParameters.ParameterPrecedence", {
  THREEMA: 0,
  EXTERNAL: 1
})

/**
 * @@sync.Contact.NotificationTriggerPolicyOverride.Policy.NotificationTriggerPolicy
 *
 * @category enums
 * @since 0.1.0
 */
export const ContactNotificationTriggerPolicyOverridePolicyNotificationTriggerPolicy = Protobuf.openEnum("d2d_sync.Contact.NotificationTriggerPolicyOverride.Policy.NotificationTriggerPolicy", {
  NEVER: 0
})

/**
 * @@sync.Contact.VerificationLevel
 *
 * @category enums
 * @since 0.1.0
 */
export const ContactVerificationLevel = Protobuf.openEnum("d2d_sync.Contact.VerificationLevel", {
  UNVERIFIED: 0,
  SERVER_VERIFIED: 1,
  FULLY_VERIFIED: 2
})

/**
 * @@sync.Contact.WorkVerificationLevel
 *
 * @category enums
 * @since 0.1.0
 */
export const ContactWorkVerificationLevel = Protobuf.openEnum("d2d_sync.Contact.WorkVerificationLevel", {
  NONE: 0,
  WORK_SUBSCRIPTION_VERIFIED: 1
})

/**
 * @@sync.Contact.IdentityType
 *
 * @category enums
 * @since 0.1.0
 */
export const ContactIdentityType = Protobuf.openEnum("d2d_sync.Contact.IdentityType", {
  REGULAR: 0,
  WORK: 1
})

/**
 * @@sync.Contact.AcquaintanceLevel
 *
 * @category enums
 * @since 0.1.0
 */
export const ContactAcquaintanceLevel = Protobuf.openEnum("d2d_sync.Contact.AcquaintanceLevel", {
  DIRECT: 0,
  GROUP_OR_DELETED: 1
})

/**
 * @@sync.Contact.ActivityState
 *
 * @category enums
 * @since 0.1.0
 */
export const ContactActivityState = Protobuf.openEnum("d2d_sync.Contact.ActivityState", {
  ACTIVE: 0,
  INACTIVE: 1,
  INVALID: 2
})

/**
 * @@sync.Contact.SyncState
 *
 * @category enums
 * @since 0.1.0
 */
export const ContactSyncState = Protobuf.openEnum("d2d_sync.Contact.SyncState", {
  INITIAL: 0,
  IMPORTED: 1,
  CUSTOM: 2
})

/**
 * @@sync.Group.NotificationTriggerPolicyOverride.Policy.NotificationTriggerPolicy
 *
 * @category enums
 * @since 0.1.0
 */
export const GroupNotificationTriggerPolicyOverridePolicyNotificationTriggerPolicy = Protobuf.openEnum("d2d_sync.Group.NotificationTriggerPolicyOverride.Policy.NotificationTriggerPolicy", {
  MENTIONED: 0,
  NEVER: 1
})

/**
 * @@sync.Group.UserState
 *
 * @category enums
 * @since 0.1.0
 */
export const GroupUserState = Protobuf.openEnum("d2d_sync.Group.UserState", {
  MEMBER: 0,
  KICKED: 1,
  LEFT: 2
})

/**
 * @@sync.Settings.ContactSyncPolicy
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsContactSyncPolicy = Protobuf.openEnum("d2d_sync.Settings.ContactSyncPolicy", {
  NOT_SYNCED: 0,
  SYNC: 1
})

/**
 * @@sync.Settings.UnknownContactPolicy
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsUnknownContactPolicy = Protobuf.openEnum("d2d_sync.Settings.UnknownContactPolicy", {
  ALLOW_UNKNOWN: 0,
  BLOCK_UNKNOWN: 1
})

/**
 * @@sync.Settings.O2oCallPolicy
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsO2oCallPolicy = Protobuf.openEnum("d2d_sync.Settings.O2oCallPolicy", {
  ALLOW_O2O_CALL: 0,
  DENY_O2O_CALL: 1
})

/**
 * @@sync.Settings.O2oCallConnectionPolicy
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsO2oCallConnectionPolicy = Protobuf.openEnum("d2d_sync.Settings.O2oCallConnectionPolicy", {
  ALLOW_DIRECT_CONNECTION: 0,
  REQUIRE_RELAYED_CONNECTION: 1
})

/**
 * @@sync.Settings.O2oCallVideoPolicy
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsO2oCallVideoPolicy = Protobuf.openEnum("d2d_sync.Settings.O2oCallVideoPolicy", {
  ALLOW_VIDEO: 0,
  DENY_VIDEO: 1
})

/**
 * @@sync.Settings.GroupCallPolicy
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsGroupCallPolicy = Protobuf.openEnum("d2d_sync.Settings.GroupCallPolicy", {
  ALLOW_GROUP_CALL: 0,
  DENY_GROUP_CALL: 1
})

/**
 * @@sync.Settings.ScreenshotPolicy
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsScreenshotPolicy = Protobuf.openEnum("d2d_sync.Settings.ScreenshotPolicy", {
  ALLOW_SCREENSHOT: 0,
  DENY_SCREENSHOT: 1
})

/**
 * @@sync.Settings.KeyboardDataCollectionPolicy
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsKeyboardDataCollectionPolicy = Protobuf.openEnum("d2d_sync.Settings.KeyboardDataCollectionPolicy", {
  ALLOW_DATA_COLLECTION: 0,
  DENY_DATA_COLLECTION: 1
})

/**
 * @@sync.ReadReceiptPolicy
 *
 * @category enums
 * @since 0.1.0
 */
export const ReadReceiptPolicy = Protobuf.openEnum("d2d_sync.ReadReceiptPolicy", {
  SEND_READ_RECEIPT: 0,
  DONT_SEND_READ_RECEIPT: 1
})

/**
 * @@sync.TypingIndicatorPolicy
 *
 * @category enums
 * @since 0.1.0
 */
export const TypingIndicatorPolicy = Protobuf.openEnum("d2d_sync.TypingIndicatorPolicy", {
  SEND_TYPING_INDICATOR: 0,
  DONT_SEND_TYPING_INDICATOR: 1
})

/**
 * @@sync.WorkAvailabilityStatusCategory
 *
 * @category enums
 * @since 0.1.0
 */
export const WorkAvailabilityStatusCategory = Protobuf.openEnum("d2d_sync.WorkAvailabilityStatusCategory", {
  NONE: 0,
  UNAVAILABLE: 1,
  BUSY: 2
})

/**
 * @@sync.ConversationVisibility
 *
 * @category enums
 * @since 0.1.0
 */
export const ConversationVisibility = Protobuf.openEnum("d2d_sync.ConversationVisibility", {
  NORMAL: 0,
  PINNED: 2,
  ARCHIVED: 1
})

/**
 * @@sync.ConversationCategory
 *
 * @category enums
 * @since 0.1.0
 */
export const ConversationCategory = Protobuf.openEnum("d2d_sync.ConversationCategory", {
  DEFAULT: 0,
  PROTECTED: 1
})

/**
 * @@sync.WorkAvailabilityStatus
 *
 * @category messages
 * @since 0.1.0
 */
export class WorkAvailabilityStatus extends Schema.Opaque<WorkAvailabilityStatus>()(Protobuf.message("d2d_sync.WorkAvailabilityStatus", "@@", {
  category: Protobuf.enumeration(WorkAvailabilityStatusCategory, 1, "@@"),
  description: Protobuf.string(2, "@@")
})) {}

/**
 * @@sync.MdmParameters.Parameter
 *
 * @category messages
 * @since 0.1.0
 */
export class MdmParametersParameter extends Schema.Opaque<MdmParametersParameter>()(Protobuf.message("d2d_sync.MdmParameters.Parameter", "@@", {
  value: Protobuf.oneof("@@", {
    stringValue: Protobuf.string(1, "@@"),
    booleanValue: Protobuf.bool(2, "@@"),
    integerValue: Protobuf.uint64(3, "@@")
  })
})) {}

/**
 * @@sync.MdmParameters
 *
 * @category messages
 * @since 0.1.0
 */
export class MdmParameters extends Schema.Opaque<MdmParameters>()(Protobuf.message("d2d_sync.MdmParameters", "@@", {
  externalParameters: Protobuf.mapByString(Protobuf.embed(MdmParametersParameter, 1, "@@")),
  threemaParameters: Protobuf.mapByString(Protobuf.embed(MdmParametersParameter, 2, "@@")),
  parameterPrecedence: Protobuf.enumeration(MdmParametersParameterPrecedence, 3, "@@")
})) {}

/**
 * @@sync.ThreemaWorkCredentials
 *
 * @category messages
 * @since 0.1.0
 */
export class ThreemaWorkCredentials extends Schema.Opaque<ThreemaWorkCredentials>()(Protobuf.message("d2d_sync.ThreemaWorkCredentials", "@@", {
  username: Protobuf.string(1, "@@"),
  password: Protobuf.string(2, "@@")
})) {}

/**
 * @@sync.UserProfile.ProfilePictureShareWith
 *
 * @category messages
 * @since 0.1.0
 */
export class UserProfileProfilePictureShareWith extends Schema.Opaque<UserProfileProfilePictureShareWith>()(Protobuf.message("d2d_sync.UserProfile.ProfilePictureShareWith", "@@", {
  policy: Protobuf.oneof("@@", {
    nobody: Protobuf.embed(Common.Unit, 1, "@@"),
    everyone: Protobuf.embed(Common.Unit, 2, "@@"),
    allowList: Protobuf.embed(Common.Identities, 3, "@@")
  })
})) {}

/**
 * @@sync.UserProfile.IdentityLinks.IdentityLink
 *
 * @category messages
 * @since 0.1.0
 */
export class UserProfileIdentityLinksIdentityLink extends Schema.Opaque<UserProfileIdentityLinksIdentityLink>()(Protobuf.message("d2d_sync.UserProfile.IdentityLinks.IdentityLink", "@@", {
  type: Protobuf.oneof("@@", {
    phoneNumber: Protobuf.string(1, "@@"),
    email: Protobuf.string(2, "@@")
  }),
  description: Protobuf.string(3, "@@")
})) {}

/**
 * @@sync.UserProfile.IdentityLinks
 *
 * @category messages
 * @since 0.1.0
 */
export class UserProfileIdentityLinks extends Schema.Opaque<UserProfileIdentityLinks>()(Protobuf.message("d2d_sync.UserProfile.IdentityLinks", "@@", {
  links: Protobuf.repeated(Protobuf.embed(UserProfileIdentityLinksIdentityLink, 1, "@@"))
})) {}

/**
 * @@sync.UserProfile
 *
 * @category messages
 * @since 0.1.0
 */
export class UserProfile extends Schema.Opaque<UserProfile>()(Protobuf.message("d2d_sync.UserProfile", "@@", {
  nickname: Protobuf.optional(Protobuf.string(1, "@@")),
  profilePicture: Protobuf.embed(Common.DeltaImage, 2, "@@"),
  profilePictureShareWith: Protobuf.embed(UserProfileProfilePictureShareWith, 3, "@@"),
  identityLinks: Protobuf.embed(UserProfileIdentityLinks, 4, "@@"),
  workAvailabilityStatus: Protobuf.embed(WorkAvailabilityStatus, 5, "@@")
})) {}

/**
 * @@sync.Contact.ReadReceiptPolicyOverride
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactReadReceiptPolicyOverride extends Schema.Opaque<ContactReadReceiptPolicyOverride>()(Protobuf.message("d2d_sync.Contact.ReadReceiptPolicyOverride", "@@", {
  override: Protobuf.oneof("@@", {
    default: Protobuf.embed(Common.Unit, 1, "@@"),
    policy: Protobuf.enumeration(ReadReceiptPolicy, 2, "@@")
  })
})) {}

/**
 * @@sync.Contact.TypingIndicatorPolicyOverride
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactTypingIndicatorPolicyOverride extends Schema.Opaque<ContactTypingIndicatorPolicyOverride>()(Protobuf.message("d2d_sync.Contact.TypingIndicatorPolicyOverride", "@@", {
  override: Protobuf.oneof("@@", {
    default: Protobuf.embed(Common.Unit, 1, "@@"),
    policy: Protobuf.enumeration(TypingIndicatorPolicy, 2, "@@")
  })
})) {}

/**
 * @@sync.Contact.NotificationTriggerPolicyOverride.Policy
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactNotificationTriggerPolicyOverridePolicy extends Schema.Opaque<ContactNotificationTriggerPolicyOverridePolicy>()(Protobuf.message("d2d_sync.Contact.NotificationTriggerPolicyOverride.Policy", "@@", {
  policy: Protobuf.enumeration(ContactNotificationTriggerPolicyOverridePolicyNotificationTriggerPolicy, 1, "@@"),
  expiresAt: Protobuf.optional(Protobuf.uint64(2, "@@"))
})) {}

/**
 * @@sync.Contact.NotificationTriggerPolicyOverride
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactNotificationTriggerPolicyOverride extends Schema.Opaque<ContactNotificationTriggerPolicyOverride>()(Protobuf.message("d2d_sync.Contact.NotificationTriggerPolicyOverride", "@@", {
  override: Protobuf.oneof("@@", {
    default: Protobuf.embed(Common.Unit, 1, "@@"),
    policy: Protobuf.embed(ContactNotificationTriggerPolicyOverridePolicy, 2, "@@")
  })
})) {}

/**
 * @@sync.Contact.DeprecatedNotificationSoundPolicyOverride
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactDeprecatedNotificationSoundPolicyOverride extends Schema.Opaque<ContactDeprecatedNotificationSoundPolicyOverride>()(Protobuf.message("d2d_sync.Contact.DeprecatedNotificationSoundPolicyOverride", "@@", {
  override: Protobuf.oneof("@@", {
    default: Protobuf.embed(Common.Unit, 1, "@@")
  })
})) {}

/**
 * @@sync.Contact
 *
 * @category messages
 * @since 0.1.0
 */
export class Contact extends Schema.Opaque<Contact>()(Protobuf.message("d2d_sync.Contact", "@@", {
  identity: Protobuf.string(1, "@@"),
  publicKey: Protobuf.optional(Protobuf.bytes(2, "@@")),
  createdAt: Protobuf.optional(Protobuf.uint64(3, "@@")),
  firstName: Protobuf.optional(Protobuf.string(4, "@@")),
  lastName: Protobuf.optional(Protobuf.string(5, "@@")),
  nickname: Protobuf.optional(Protobuf.string(6, "@@")),
  verificationLevel: Protobuf.optional(Protobuf.enumeration(ContactVerificationLevel, 7, "@@")),
  identityType: Protobuf.optional(Protobuf.enumeration(ContactIdentityType, 8, "@@")),
  acquaintanceLevel: Protobuf.optional(Protobuf.enumeration(ContactAcquaintanceLevel, 9, "@@")),
  activityState: Protobuf.optional(Protobuf.enumeration(ContactActivityState, 10, "@@")),
  conversationCategory: Protobuf.optional(Protobuf.enumeration(ConversationCategory, 11, "@@")),
  conversationVisibility: Protobuf.optional(Protobuf.enumeration(ConversationVisibility, 12, "@@")),
  syncState: Protobuf.optional(Protobuf.enumeration(ContactSyncState, 13, "@@")),
  contactDefinedProfilePicture: Protobuf.embed(Common.DeltaImage, 14, "@@"),
  userDefinedProfilePicture: Protobuf.embed(Common.DeltaImage, 15, "@@"),
  readReceiptPolicyOverride: Protobuf.embed(ContactReadReceiptPolicyOverride, 16, "@@"),
  typingIndicatorPolicyOverride: Protobuf.embed(ContactTypingIndicatorPolicyOverride, 17, "@@"),
  featureMask: Protobuf.optional(Protobuf.uint64(18, "@@")),
  notificationTriggerPolicyOverride: Protobuf.embed(ContactNotificationTriggerPolicyOverride, 19, "@@"),
  deprecatedNotificationSoundPolicyOverride: Protobuf.embed(ContactDeprecatedNotificationSoundPolicyOverride, 20, "@@"),
  workVerificationLevel: Protobuf.optional(Protobuf.enumeration(ContactWorkVerificationLevel, 21, "@@")),
  workLastFullSyncAt: Protobuf.optional(Protobuf.uint64(26, "@@")),
  workAvailabilityStatus: Protobuf.embed(WorkAvailabilityStatus, 27, "@@")
})) {}

/**
 * @@sync.Group.NotificationTriggerPolicyOverride.Policy
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupNotificationTriggerPolicyOverridePolicy extends Schema.Opaque<GroupNotificationTriggerPolicyOverridePolicy>()(Protobuf.message("d2d_sync.Group.NotificationTriggerPolicyOverride.Policy", "@@", {
  policy: Protobuf.enumeration(GroupNotificationTriggerPolicyOverridePolicyNotificationTriggerPolicy, 1, "@@"),
  expiresAt: Protobuf.optional(Protobuf.uint64(2, "@@"))
})) {}

/**
 * @@sync.Group.NotificationTriggerPolicyOverride
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupNotificationTriggerPolicyOverride extends Schema.Opaque<GroupNotificationTriggerPolicyOverride>()(Protobuf.message("d2d_sync.Group.NotificationTriggerPolicyOverride", "@@", {
  override: Protobuf.oneof("@@", {
    default: Protobuf.embed(Common.Unit, 1, "@@"),
    policy: Protobuf.embed(GroupNotificationTriggerPolicyOverridePolicy, 2, "@@")
  })
})) {}

/**
 * @@sync.Group.DeprecatedNotificationSoundPolicyOverride
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupDeprecatedNotificationSoundPolicyOverride extends Schema.Opaque<GroupDeprecatedNotificationSoundPolicyOverride>()(Protobuf.message("d2d_sync.Group.DeprecatedNotificationSoundPolicyOverride", "@@", {
  override: Protobuf.oneof("@@", {
    default: Protobuf.embed(Common.Unit, 1, "@@")
  })
})) {}

/**
 * @@sync.Group
 *
 * @category messages
 * @since 0.1.0
 */
export class Group extends Schema.Opaque<Group>()(Protobuf.message("d2d_sync.Group", "@@", {
  groupIdentity: Protobuf.embed(Common.GroupIdentity, 1, "@@"),
  name: Protobuf.optional(Protobuf.string(2, "@@")),
  createdAt: Protobuf.optional(Protobuf.uint64(3, "@@")),
  conversationCategory: Protobuf.optional(Protobuf.enumeration(ConversationCategory, 4, "@@")),
  conversationVisibility: Protobuf.optional(Protobuf.enumeration(ConversationVisibility, 5, "@@")),
  userState: Protobuf.optional(Protobuf.enumeration(GroupUserState, 6, "@@")),
  profilePicture: Protobuf.embed(Common.DeltaImage, 7, "@@"),
  memberIdentities: Protobuf.embed(Common.Identities, 8, "@@"),
  notificationTriggerPolicyOverride: Protobuf.embed(GroupNotificationTriggerPolicyOverride, 9, "@@"),
  deprecatedNotificationSoundPolicyOverride: Protobuf.embed(GroupDeprecatedNotificationSoundPolicyOverride, 10, "@@")
})) {}

/**
 * @@sync.DistributionList
 *
 * @category messages
 * @since 0.1.0
 */
export class DistributionList extends Schema.Opaque<DistributionList>()(Protobuf.message("d2d_sync.DistributionList", "@@", {
  distributionListId: Protobuf.fixed64(1, "@@"),
  name: Protobuf.optional(Protobuf.string(2, "@@")),
  createdAt: Protobuf.optional(Protobuf.uint64(3, "@@")),
  conversationCategory: Protobuf.optional(Protobuf.enumeration(ConversationCategory, 4, "@@")),
  conversationVisibility: Protobuf.optional(Protobuf.enumeration(ConversationVisibility, 5, "@@")),
  memberIdentities: Protobuf.embed(Common.Identities, 6, "@@")
})) {}

/**
 * @@sync.Settings
 *
 * @category messages
 * @since 0.1.0
 */
export class Settings extends Schema.Opaque<Settings>()(Protobuf.message("d2d_sync.Settings", "@@", {
  contactSyncPolicy: Protobuf.optional(Protobuf.enumeration(SettingsContactSyncPolicy, 1, "@@")),
  unknownContactPolicy: Protobuf.optional(Protobuf.enumeration(SettingsUnknownContactPolicy, 2, "@@")),
  readReceiptPolicy: Protobuf.optional(Protobuf.enumeration(ReadReceiptPolicy, 3, "@@")),
  typingIndicatorPolicy: Protobuf.optional(Protobuf.enumeration(TypingIndicatorPolicy, 4, "@@")),
  o2oCallPolicy: Protobuf.optional(Protobuf.enumeration(SettingsO2oCallPolicy, 5, "@@")),
  o2oCallConnectionPolicy: Protobuf.optional(Protobuf.enumeration(SettingsO2oCallConnectionPolicy, 6, "@@")),
  screenshotPolicy: Protobuf.optional(Protobuf.enumeration(SettingsScreenshotPolicy, 7, "@@")),
  keyboardDataCollectionPolicy: Protobuf.optional(Protobuf.enumeration(SettingsKeyboardDataCollectionPolicy, 8, "@@")),
  blockedIdentities: Protobuf.embed(Common.Identities, 9, "@@"),
  excludeFromSyncIdentities: Protobuf.embed(Common.Identities, 10, "@@"),
  groupCallPolicy: Protobuf.optional(Protobuf.enumeration(SettingsGroupCallPolicy, 11, "@@")),
  o2oCallVideoPolicy: Protobuf.optional(Protobuf.enumeration(SettingsO2oCallVideoPolicy, 12, "@@"))
})) {}
