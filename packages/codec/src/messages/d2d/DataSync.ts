/**
 * Changes of what the devices keep in step, but for groups: profile, contacts, distribution lists, settings, device
 * management.
 *
 * The things themselves are in `Sync`; here is what was done to them.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../../Protobuf.ts"
import * as Sync from "../Sync.ts"

/**
 * The user's profile has changed (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class UserProfileSyncUpdate extends Schema.Opaque<UserProfileSyncUpdate>()(
  Protobuf.message("d2d.UserProfileSync.Update", "The user's profile has changed", {
    userProfile: Protobuf.embed(Sync.UserProfile, 1, "What has changed of the profile")
  })
) {}

/**
 * What was done to the user's profile (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class UserProfileSync extends Schema.Opaque<UserProfileSync>()(
  Protobuf.message("d2d.UserProfileSync", "What was done to the user's profile", {
    action: Protobuf.oneof("What was done", {
      update: Protobuf.embed(UserProfileSyncUpdate, 1, "It was changed")
    })
  })
) {}

/**
 * A contact was added (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactSyncCreate extends Schema.Opaque<ContactSyncCreate>()(
  Protobuf.message("d2d.ContactSync.Create", "A contact was added", {
    contact: Protobuf.embed(Sync.Contact, 1, "The whole contact")
  })
) {}

/**
 * A contact has changed (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactSyncUpdate extends Schema.Opaque<ContactSyncUpdate>()(
  Protobuf.message("d2d.ContactSync.Update", "A contact has changed", {
    contact: Protobuf.embed(Sync.Contact, 1, "The contact's identity and what has changed")
  })
) {}

/**
 * What was done to a contact (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class ContactSync extends Schema.Opaque<ContactSync>()(
  Protobuf.message("d2d.ContactSync", "What was done to a contact", {
    action: Protobuf.oneof("What was done", {
      create: Protobuf.embed(ContactSyncCreate, 1, "It was added"),
      update: Protobuf.embed(ContactSyncUpdate, 2, "It was changed")
    })
  })
) {}

/**
 * A distribution list was made (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class DistributionListSyncCreate extends Schema.Opaque<DistributionListSyncCreate>()(
  Protobuf.message("d2d.DistributionListSync.Create", "A distribution list was made", {
    distributionList: Protobuf.embed(Sync.DistributionList, 1, "The whole list")
  })
) {}

/**
 * A distribution list has changed (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class DistributionListSyncUpdate extends Schema.Opaque<DistributionListSyncUpdate>()(
  Protobuf.message("d2d.DistributionListSync.Update", "A distribution list has changed", {
    distributionList: Protobuf.embed(Sync.DistributionList, 1, "The list's id and what has changed")
  })
) {}

/**
 * A distribution list was deleted (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class DistributionListSyncDelete extends Schema.Opaque<DistributionListSyncDelete>()(
  Protobuf.message("d2d.DistributionListSync.Delete", "A distribution list was deleted", {
    distributionListId: Protobuf.fixed64(1, "Id of the list")
  })
) {}

/**
 * What was done to a distribution list (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class DistributionListSync extends Schema.Opaque<DistributionListSync>()(
  Protobuf.message("d2d.DistributionListSync", "What was done to a distribution list", {
    action: Protobuf.oneof("What was done", {
      create: Protobuf.embed(DistributionListSyncCreate, 1, "It was made"),
      update: Protobuf.embed(DistributionListSyncUpdate, 2, "It was changed"),
      delete: Protobuf.embed(DistributionListSyncDelete, 3, "It was deleted")
    })
  })
) {}

/**
 * Settings have changed (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class SettingsSyncUpdate extends Schema.Opaque<SettingsSyncUpdate>()(
  Protobuf.message("d2d.SettingsSync.Update", "Settings have changed", {
    settings: Protobuf.embed(Sync.Settings, 1, "The settings that have changed")
  })
) {}

/**
 * What was done to the settings (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class SettingsSync extends Schema.Opaque<SettingsSync>()(
  Protobuf.message("d2d.SettingsSync", "What was done to the settings", {
    action: Protobuf.oneof("What was done", {
      update: Protobuf.embed(SettingsSyncUpdate, 1, "They were changed")
    })
  })
) {}

/**
 * Device management parameters have changed (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class MdmParameterSyncUpdate extends Schema.Opaque<MdmParameterSyncUpdate>()(
  Protobuf.message("d2d.MdmParameterSync.Update", "Device management parameters have changed", {
    parameters: Protobuf.embed(Sync.MdmParameters, 1, "The parameters")
  })
) {}

/**
 * What was done to the device management parameters (PROTOCOL A5, d2d).
 *
 * @category messages
 * @since 0.1.0
 */
export class MdmParameterSync extends Schema.Opaque<MdmParameterSync>()(
  Protobuf.message("d2d.MdmParameterSync", "What was done to the device management parameters", {
    action: Protobuf.oneof("What was done", {
      update: Protobuf.embed(MdmParameterSyncUpdate, 1, "They were changed")
    })
  })
) {}
