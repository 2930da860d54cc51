/**
 * @@module d2d
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../Protobuf.ts"
import * as Common from "./Common.ts"
import * as Sync from "./Sync.ts"

/**
 * @@d2d.DeviceInfo.Platform
 *
 * @category enums
 * @since 0.1.0
 */
export const DeviceInfoPlatform = Protobuf.openEnum("d2d.DeviceInfo.Platform", {
  UNSPECIFIED: 0,
  ANDROID: 1,
  IOS: 2,
  DESKTOP: 3,
  WEB: 4
})

/**
 * @@d2d.TransactionScope.Scope
 *
 * @category enums
 * @since 0.1.0
 */
export const TransactionScopeScope = Protobuf.openEnum("d2d.TransactionScope.Scope", {
  USER_PROFILE_SYNC: 0,
  CONTACT_SYNC: 1,
  GROUP_SYNC: 2,
  DISTRIBUTION_LIST_SYNC: 3,
  SETTINGS_SYNC: 4,
  MDM_PARAMETER_SYNC: 5,
  NEW_DEVICE_SYNC: 6,
  DROP_DEVICE: 7,
  WORK_SYNC_DELTA: 8
})

/**
 * @@d2d.GroupSync.Update.MemberStateChange
 *
 * @category enums
 * @since 0.1.0
 */
export const GroupSyncUpdateMemberStateChange = Protobuf.openEnum("d2d.GroupSync.Update.MemberStateChange", {
  ADDED: 0,
  KICKED: 1,
  LEFT: 2
})

/**
 * @@d2d.ProtocolVersion
 *
 * @category enums
 * @since 0.1.0
 */
export const ProtocolVersion = Protobuf.openEnum("d2d.ProtocolVersion", {
  UNSPECIFIED: 0,
  V0_1: 1,
  V0_2: 2,
  V0_3: 3
})

/**
 * @@d2d.SharedDeviceData
 *
 * @category messages
 * @since 0.1.0
 */
export class SharedDeviceData extends Schema.Opaque<SharedDeviceData>()(Protobuf.message("d2d.SharedDeviceData", "@@", {
  padding: Protobuf.bytes(1, "@@"),
  version: Protobuf.uint32(2, "@@")
})) {}

/**
 * @@d2d.DeviceInfo
 *
 * @category messages
 * @since 0.1.0
 */
export class DeviceInfo extends Schema.Opaque<DeviceInfo>()(Protobuf.message("d2d.DeviceInfo", "@@", {
  padding: Protobuf.bytes(1, "@@"),
  platform: Protobuf.enumeration(DeviceInfoPlatform, 2, "@@"),
  platformDetails: Protobuf.string(3, "@@"),
  appVersion: Protobuf.string(4, "@@"),
  label: Protobuf.string(5, "@@")
})) {}

/**
 * @@d2d.TransactionScope
 *
 * @category messages
 * @since 0.1.0
 */
export class TransactionScope extends Schema.Opaque<TransactionScope>()(Protobuf.message("d2d.TransactionScope", "@@", {
  scope: Protobuf.enumeration(TransactionScopeScope, 1, "@@")
})) {}

/**
 * @@d2d.ConversationId
 *
 * @category messages
 * @since 0.1.0
 */
export class ConversationId extends Schema.Opaque<ConversationId>()(Protobuf.message("d2d.ConversationId", "@@", {
  id: Protobuf.oneof("@@", {
    contact: Protobuf.string(1, "@@"),
    distributionList: Protobuf.fixed64(2, "@@"),
    group: Protobuf.embed(Common.GroupIdentity, 3, "@@")
  })
})) {}

/**
 * @@d2d.OutgoingMessage
 *
 * @category messages
 * @since 0.1.0
 */
export class OutgoingMessage extends Schema.Opaque<OutgoingMessage>()(Protobuf.message("d2d.OutgoingMessage", "@@", {
  conversation: Protobuf.embed(ConversationId, 1, "@@"),
  messageId: Protobuf.fixed64(2, "@@"),
  createdAt: Protobuf.uint64(3, "@@"),
  type: Protobuf.enumeration(Common.CspE2eMessageType, 4, "@@"),
  body: Protobuf.bytes(5, "@@"),
  threadMessageId: Protobuf.optional(Protobuf.fixed64(6, "@@")),
  nonces: Protobuf.repeated(Protobuf.bytes(7, "@@"))
})) {}

/**
 * @@d2d.OutgoingMessageUpdate.Sent
 *
 * @category messages
 * @since 0.1.0
 */
export class OutgoingMessageUpdateSent extends Schema.Opaque<OutgoingMessageUpdateSent>()(Protobuf.message("d2d.OutgoingMessageUpdate.Sent", "@@", {})) {}

/**
 * @@d2d.OutgoingMessageUpdate.Update
 *
 * @category messages
 * @since 0.1.0
 */
export class OutgoingMessageUpdateUpdate extends Schema.Opaque<OutgoingMessageUpdateUpdate>()(Protobuf.message("d2d.OutgoingMessageUpdate.Update", "@@", {
  conversation: Protobuf.embed(ConversationId, 1, "@@"),
  messageId: Protobuf.fixed64(2, "@@"),
  update: Protobuf.oneof("@@", {
    sent: Protobuf.embed(OutgoingMessageUpdateSent, 3, "@@")
  })
})) {}

/**
 * @@d2d.OutgoingMessageUpdate
 *
 * @category messages
 * @since 0.1.0
 */
export class OutgoingMessageUpdate extends Schema.Opaque<OutgoingMessageUpdate>()(Protobuf.message("d2d.OutgoingMessageUpdate", "@@", {
  updates: Protobuf.repeated(Protobuf.embed(OutgoingMessageUpdateUpdate, 1, "@@"))
})) {}

/**
 * @@d2d.IncomingMessage
 *
 * @category messages
 * @since 0.1.0
 */
export class IncomingMessage extends Schema.Opaque<IncomingMessage>()(Protobuf.message("d2d.IncomingMessage", "@@", {
  senderIdentity: Protobuf.string(1, "@@"),
  messageId: Protobuf.fixed64(2, "@@"),
  createdAt: Protobuf.uint64(3, "@@"),
  type: Protobuf.enumeration(Common.CspE2eMessageType, 5, "@@"),
  body: Protobuf.bytes(6, "@@"),
  nonce: Protobuf.bytes(7, "@@")
})) {}

/**
 * @@d2d.IncomingMessageUpdate.Read
 *
 * @category messages
 * @since 0.1.0
 */
export class IncomingMessageUpdateRead extends Schema.Opaque<IncomingMessageUpdateRead>()(Protobuf.message("d2d.IncomingMessageUpdate.Read", "@@", {
  at: Protobuf.uint64(1, "@@")
})) {}

/**
 * @@d2d.IncomingMessageUpdate.Update
 *
 * @category messages
 * @since 0.1.0
 */
export class IncomingMessageUpdateUpdate extends Schema.Opaque<IncomingMessageUpdateUpdate>()(Protobuf.message("d2d.IncomingMessageUpdate.Update", "@@", {
  conversation: Protobuf.embed(ConversationId, 1, "@@"),
  messageId: Protobuf.fixed64(2, "@@"),
  update: Protobuf.oneof("@@", {
    read: Protobuf.embed(IncomingMessageUpdateRead, 3, "@@")
  })
})) {}

/**
 * @@d2d.IncomingMessageUpdate
 *
 * @category messages
 * @since 0.1.0
 */
export class IncomingMessageUpdate extends Schema.Opaque<IncomingMessageUpdate>()(Protobuf.message("d2d.IncomingMessageUpdate", "@@", {
  updates: Protobuf.repeated(Protobuf.embed(IncomingMessageUpdateUpdate, 1, "@@"))
})) {}

/**
 * @@d2d.UserProfileSync.Update
 *
 * @category messages
 * @since 0.1.0
 */
export class UserProfileSyncUpdate extends Schema.Opaque<UserProfileSyncUpdate>()(Protobuf.message("d2d.UserProfileSync.Update", "@@", {
  userProfile: Protobuf.embed(Sync.UserProfile, 1, "@@")
})) {}

/**
 * @@d2d.UserProfileSync
 *
 * @category messages
 * @since 0.1.0
 */
export class UserProfileSync extends Schema.Opaque<UserProfileSync>()(Protobuf.message("d2d.UserProfileSync", "@@", {
  action: Protobuf.oneof("@@", {
    update: Protobuf.embed(UserProfileSyncUpdate, 1, "@@")
  })
})) {}

/**
 * @@d2d.ContactSync.Create
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactSyncCreate extends Schema.Opaque<ContactSyncCreate>()(Protobuf.message("d2d.ContactSync.Create", "@@", {
  contact: Protobuf.embed(Sync.Contact, 1, "@@")
})) {}

/**
 * @@d2d.ContactSync.Update
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactSyncUpdate extends Schema.Opaque<ContactSyncUpdate>()(Protobuf.message("d2d.ContactSync.Update", "@@", {
  contact: Protobuf.embed(Sync.Contact, 1, "@@")
})) {}

/**
 * @@d2d.ContactSync
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactSync extends Schema.Opaque<ContactSync>()(Protobuf.message("d2d.ContactSync", "@@", {
  action: Protobuf.oneof("@@", {
    create: Protobuf.embed(ContactSyncCreate, 1, "@@"),
    update: Protobuf.embed(ContactSyncUpdate, 2, "@@")
  })
})) {}

/**
 * @@d2d.GroupSync.Create
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupSyncCreate extends Schema.Opaque<GroupSyncCreate>()(Protobuf.message("d2d.GroupSync.Create", "@@", {
  group: Protobuf.embed(Sync.Group, 1, "@@")
})) {}

/**
 * @@d2d.GroupSync.Update
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupSyncUpdate extends Schema.Opaque<GroupSyncUpdate>()(Protobuf.message("d2d.GroupSync.Update", "@@", {
  group: Protobuf.embed(Sync.Group, 1, "@@"),
  memberStateChanges: Protobuf.mapByString(Protobuf.enumeration(GroupSyncUpdateMemberStateChange, 2, "@@"))
})) {}

/**
 * @@d2d.GroupSync.Delete
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupSyncDelete extends Schema.Opaque<GroupSyncDelete>()(Protobuf.message("d2d.GroupSync.Delete", "@@", {
  groupIdentity: Protobuf.embed(Common.GroupIdentity, 1, "@@")
})) {}

/**
 * @@d2d.GroupSync
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupSync extends Schema.Opaque<GroupSync>()(Protobuf.message("d2d.GroupSync", "@@", {
  action: Protobuf.oneof("@@", {
    create: Protobuf.embed(GroupSyncCreate, 1, "@@"),
    update: Protobuf.embed(GroupSyncUpdate, 2, "@@"),
    delete: Protobuf.embed(GroupSyncDelete, 3, "@@")
  })
})) {}

/**
 * @@d2d.DistributionListSync.Create
 *
 * @category messages
 * @since 0.1.0
 */
export class DistributionListSyncCreate extends Schema.Opaque<DistributionListSyncCreate>()(Protobuf.message("d2d.DistributionListSync.Create", "@@", {
  distributionList: Protobuf.embed(Sync.DistributionList, 1, "@@")
})) {}

/**
 * @@d2d.DistributionListSync.Update
 *
 * @category messages
 * @since 0.1.0
 */
export class DistributionListSyncUpdate extends Schema.Opaque<DistributionListSyncUpdate>()(Protobuf.message("d2d.DistributionListSync.Update", "@@", {
  distributionList: Protobuf.embed(Sync.DistributionList, 1, "@@")
})) {}

/**
 * @@d2d.DistributionListSync.Delete
 *
 * @category messages
 * @since 0.1.0
 */
export class DistributionListSyncDelete extends Schema.Opaque<DistributionListSyncDelete>()(Protobuf.message("d2d.DistributionListSync.Delete", "@@", {
  distributionListId: Protobuf.fixed64(1, "@@")
})) {}

/**
 * @@d2d.DistributionListSync
 *
 * @category messages
 * @since 0.1.0
 */
export class DistributionListSync extends Schema.Opaque<DistributionListSync>()(Protobuf.message("d2d.DistributionListSync", "@@", {
  action: Protobuf.oneof("@@", {
    create: Protobuf.embed(DistributionListSyncCreate, 1, "@@"),
    update: Protobuf.embed(DistributionListSyncUpdate, 2, "@@"),
    delete: Protobuf.embed(DistributionListSyncDelete, 3, "@@")
  })
})) {}

/**
 * @@d2d.SettingsSync.Update
 *
 * @category messages
 * @since 0.1.0
 */
export class SettingsSyncUpdate extends Schema.Opaque<SettingsSyncUpdate>()(Protobuf.message("d2d.SettingsSync.Update", "@@", {
  settings: Protobuf.embed(Sync.Settings, 1, "@@")
})) {}

/**
 * @@d2d.SettingsSync
 *
 * @category messages
 * @since 0.1.0
 */
export class SettingsSync extends Schema.Opaque<SettingsSync>()(Protobuf.message("d2d.SettingsSync", "@@", {
  action: Protobuf.oneof("@@", {
    update: Protobuf.embed(SettingsSyncUpdate, 1, "@@")
  })
})) {}

/**
 * @@d2d.MdmParameterSync.Update
 *
 * @category messages
 * @since 0.1.0
 */
export class MdmParameterSyncUpdate extends Schema.Opaque<MdmParameterSyncUpdate>()(Protobuf.message("d2d.MdmParameterSync.Update", "@@", {
  parameters: Protobuf.embed(Sync.MdmParameters, 1, "@@")
})) {}

/**
 * @@d2d.MdmParameterSync
 *
 * @category messages
 * @since 0.1.0
 */
export class MdmParameterSync extends Schema.Opaque<MdmParameterSync>()(Protobuf.message("d2d.MdmParameterSync", "@@", {
  action: Protobuf.oneof("@@", {
    update: Protobuf.embed(MdmParameterSyncUpdate, 1, "@@")
  })
})) {}

/**
 * @@d2d.Envelope
 *
 * @category messages
 * @since 0.1.0
 */
export class Envelope extends Schema.Opaque<Envelope>()(Protobuf.message("d2d.Envelope", "@@", {
  padding: Protobuf.bytes(1, "@@"),
  content: Protobuf.oneof("@@", {
    outgoingMessage: Protobuf.embed(OutgoingMessage, 2, "@@"),
    incomingMessage: Protobuf.embed(IncomingMessage, 4, "@@"),
    userProfileSync: Protobuf.embed(UserProfileSync, 5, "@@"),
    contactSync: Protobuf.embed(ContactSync, 6, "@@"),
    groupSync: Protobuf.embed(GroupSync, 7, "@@"),
    distributionListSync: Protobuf.embed(DistributionListSync, 8, "@@"),
    settingsSync: Protobuf.embed(SettingsSync, 9, "@@"),
    outgoingMessageUpdate: Protobuf.embed(OutgoingMessageUpdate, 10, "@@"),
    incomingMessageUpdate: Protobuf.embed(IncomingMessageUpdate, 11, "@@"),
    mdmParameterSync: Protobuf.embed(MdmParameterSync, 12, "@@")
  }),
  protocolVersion: Protobuf.uint32(3, "@@"),
  deviceId: Protobuf.fixed64(13, "@@")
})) {}
