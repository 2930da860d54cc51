/**
 * Every message and enum of PROTOCOL A5, copied out by name, number and type: what the declarations are held against.
 */

/** Fields of each message by number: label, type, and the oneof they are in. */
export const messages: Readonly<Record<string, ReadonlyArray<string>>> = {
  "d2m.ClientUrlInfo": ["1 device_group_id bytes", "3 server_group string"],
  "d2m.ServerHello": ["1 version uint32", "2 esk bytes", "3 challenge bytes"],
  "d2m.ClientHello": [
    "1 version uint32",
    "2 response bytes",
    "3 device_id fixed64",
    "4 device_slots_exhausted_policy d2m.ClientHello.DeviceSlotsExhaustedPolicy",
    "5 device_slot_expiration_policy d2m.DeviceSlotExpirationPolicy",
    "6 encrypted_device_info bytes",
    "7 expected_device_slot_state d2m.DeviceSlotState"
  ],
  "d2m.ServerInfo": [
    "1 max_device_slots uint32",
    "2 device_slot_state d2m.DeviceSlotState",
    "3 encrypted_shared_device_data bytes",
    "4 current_time uint64",
    "5 reflection_queue_length uint32"
  ],
  "d2m.ReflectionQueueDry": [],
  "d2m.RolePromotedToLeader": [],
  "d2m.GetDevicesInfo": [],
  "d2m.DevicesInfo": ["1 augmented_device_info map<fixed64, d2m.DevicesInfo.AugmentedDeviceInfo>"],
  "d2m.DevicesInfo.AugmentedDeviceInfo": [
    "1 encrypted_device_info bytes",
    "2 connected_since uint64 in connection_state",
    "3 device_slot_expiration_policy d2m.DeviceSlotExpirationPolicy",
    "4 last_disconnect_at uint64 in connection_state"
  ],
  "d2m.DropDevice": ["1 device_id fixed64"],
  "d2m.DropDeviceAck": ["1 device_id fixed64"],
  "d2m.SetSharedDeviceData": ["1 encrypted_shared_device_data bytes"],
  "d2m.BeginTransaction": ["1 encrypted_scope bytes", "2 ttl uint32"],
  "d2m.BeginTransactionAck": [],
  "d2m.CommitTransaction": [],
  "d2m.CommitTransactionAck": [],
  "d2m.TransactionRejected": ["1 device_id fixed64", "2 encrypted_scope bytes"],
  "d2m.TransactionEnded": ["1 device_id fixed64", "2 encrypted_scope bytes"],
  "d2d.SharedDeviceData": ["1 padding bytes", "2 version uint32"],
  "d2d.DeviceInfo": [
    "1 padding bytes",
    "2 platform d2d.DeviceInfo.Platform",
    "3 platform_details string",
    "4 app_version string",
    "5 label string"
  ],
  "d2d.TransactionScope": ["1 scope d2d.TransactionScope.Scope"],
  "d2d.Envelope": [
    "1 padding bytes",
    "2 outgoing_message d2d.OutgoingMessage in content",
    "3 protocol_version uint32",
    "4 incoming_message d2d.IncomingMessage in content",
    "5 user_profile_sync d2d.UserProfileSync in content",
    "6 contact_sync d2d.ContactSync in content",
    "7 group_sync d2d.GroupSync in content",
    "8 distribution_list_sync d2d.DistributionListSync in content",
    "9 settings_sync d2d.SettingsSync in content",
    "10 outgoing_message_update d2d.OutgoingMessageUpdate in content",
    "11 incoming_message_update d2d.IncomingMessageUpdate in content",
    "12 mdm_parameter_sync d2d.MdmParameterSync in content",
    "13 device_id fixed64"
  ],
  "d2d.ConversationId": [
    "1 contact string in id",
    "2 distribution_list fixed64 in id",
    "3 group common.GroupIdentity in id"
  ],
  "d2d.OutgoingMessage": [
    "1 conversation d2d.ConversationId",
    "2 message_id fixed64",
    "3 created_at uint64",
    "4 type common.CspE2eMessageType",
    "5 body bytes",
    "6 thread_message_id optional fixed64",
    "7 nonces repeated bytes"
  ],
  "d2d.OutgoingMessageUpdate": ["1 updates repeated d2d.OutgoingMessageUpdate.Update"],
  "d2d.OutgoingMessageUpdate.Sent": [],
  "d2d.OutgoingMessageUpdate.Update": [
    "1 conversation d2d.ConversationId",
    "2 message_id fixed64",
    "3 sent d2d.OutgoingMessageUpdate.Sent in update"
  ],
  "d2d.IncomingMessage": [
    "1 sender_identity string",
    "2 message_id fixed64",
    "3 created_at uint64",
    "5 type common.CspE2eMessageType",
    "6 body bytes",
    "7 nonce bytes"
  ],
  "d2d.IncomingMessageUpdate": ["1 updates repeated d2d.IncomingMessageUpdate.Update"],
  "d2d.IncomingMessageUpdate.Read": ["1 at uint64"],
  "d2d.IncomingMessageUpdate.Update": [
    "1 conversation d2d.ConversationId",
    "2 message_id fixed64",
    "3 read d2d.IncomingMessageUpdate.Read in update"
  ],
  "d2d.UserProfileSync": ["1 update d2d.UserProfileSync.Update in action"],
  "d2d.UserProfileSync.Update": ["1 user_profile d2d_sync.UserProfile"],
  "d2d.ContactSync": ["1 create d2d.ContactSync.Create in action", "2 update d2d.ContactSync.Update in action"],
  "d2d.ContactSync.Create": ["1 contact d2d_sync.Contact"],
  "d2d.ContactSync.Update": ["1 contact d2d_sync.Contact"],
  "d2d.GroupSync": [
    "1 create d2d.GroupSync.Create in action",
    "2 update d2d.GroupSync.Update in action",
    "3 delete d2d.GroupSync.Delete in action"
  ],
  "d2d.GroupSync.Create": ["1 group d2d_sync.Group"],
  "d2d.GroupSync.Update": [
    "1 group d2d_sync.Group",
    "2 member_state_changes map<string, d2d.GroupSync.Update.MemberStateChange>"
  ],
  "d2d.GroupSync.Delete": ["1 group_identity common.GroupIdentity"],
  "d2d.DistributionListSync": [
    "1 create d2d.DistributionListSync.Create in action",
    "2 update d2d.DistributionListSync.Update in action",
    "3 delete d2d.DistributionListSync.Delete in action"
  ],
  "d2d.DistributionListSync.Create": ["1 distribution_list d2d_sync.DistributionList"],
  "d2d.DistributionListSync.Update": ["1 distribution_list d2d_sync.DistributionList"],
  "d2d.DistributionListSync.Delete": ["1 distribution_list_id fixed64"],
  "d2d.SettingsSync": ["1 update d2d.SettingsSync.Update in action"],
  "d2d.SettingsSync.Update": ["1 settings d2d_sync.Settings"],
  "d2d.MdmParameterSync": ["1 update d2d.MdmParameterSync.Update in action"],
  "d2d.MdmParameterSync.Update": ["1 parameters d2d_sync.MdmParameters"],
  "d2d_sync.WorkAvailabilityStatus": ["1 category d2d_sync.WorkAvailabilityStatusCategory", "2 description string"],
  "d2d_sync.MdmParameters": [
    "1 external_parameters map<string, d2d_sync.MdmParameters.Parameter>",
    "2 threema_parameters map<string, d2d_sync.MdmParameters.Parameter>",
    "3 parameter_precedence d2d_sync.MdmParameters.ParameterPrecedence"
  ],
  "d2d_sync.MdmParameters.Parameter": [
    "1 string_value string in value",
    "2 boolean_value bool in value",
    "3 integer_value uint64 in value"
  ],
  "d2d_sync.ThreemaWorkCredentials": ["1 username string", "2 password string"],
  "d2d_sync.UserProfile": [
    "1 nickname optional string",
    "2 profile_picture common.DeltaImage",
    "3 profile_picture_share_with d2d_sync.UserProfile.ProfilePictureShareWith",
    "4 identity_links d2d_sync.UserProfile.IdentityLinks",
    "5 work_availability_status d2d_sync.WorkAvailabilityStatus"
  ],
  "d2d_sync.UserProfile.ProfilePictureShareWith": [
    "1 nobody common.Unit in policy",
    "2 everyone common.Unit in policy",
    "3 allow_list common.Identities in policy"
  ],
  "d2d_sync.UserProfile.IdentityLinks": ["1 links repeated d2d_sync.UserProfile.IdentityLinks.IdentityLink"],
  "d2d_sync.UserProfile.IdentityLinks.IdentityLink": [
    "1 phone_number string in type",
    "2 email string in type",
    "3 description string"
  ],
  "d2d_sync.Contact": [
    "1 identity string",
    "2 public_key optional bytes",
    "3 created_at optional uint64",
    "4 first_name optional string",
    "5 last_name optional string",
    "6 nickname optional string",
    "7 verification_level optional d2d_sync.Contact.VerificationLevel",
    "8 identity_type optional d2d_sync.Contact.IdentityType",
    "9 acquaintance_level optional d2d_sync.Contact.AcquaintanceLevel",
    "10 activity_state optional d2d_sync.Contact.ActivityState",
    "11 conversation_category optional d2d_sync.ConversationCategory",
    "12 conversation_visibility optional d2d_sync.ConversationVisibility",
    "13 sync_state optional d2d_sync.Contact.SyncState",
    "14 contact_defined_profile_picture common.DeltaImage",
    "15 user_defined_profile_picture common.DeltaImage",
    "16 read_receipt_policy_override d2d_sync.Contact.ReadReceiptPolicyOverride",
    "17 typing_indicator_policy_override d2d_sync.Contact.TypingIndicatorPolicyOverride",
    "18 feature_mask optional uint64",
    "19 notification_trigger_policy_override d2d_sync.Contact.NotificationTriggerPolicyOverride",
    "20 deprecated_notification_sound_policy_override d2d_sync.Contact.DeprecatedNotificationSoundPolicyOverride",
    "21 work_verification_level optional d2d_sync.Contact.WorkVerificationLevel",
    "26 work_last_full_sync_at optional uint64",
    "27 work_availability_status d2d_sync.WorkAvailabilityStatus"
  ],
  "d2d_sync.Contact.ReadReceiptPolicyOverride": [
    "1 default common.Unit in override",
    "2 policy d2d_sync.ReadReceiptPolicy in override"
  ],
  "d2d_sync.Contact.TypingIndicatorPolicyOverride": [
    "1 default common.Unit in override",
    "2 policy d2d_sync.TypingIndicatorPolicy in override"
  ],
  "d2d_sync.Contact.NotificationTriggerPolicyOverride": [
    "1 default common.Unit in override",
    "2 policy d2d_sync.Contact.NotificationTriggerPolicyOverride.Policy in override"
  ],
  "d2d_sync.Contact.NotificationTriggerPolicyOverride.Policy": [
    "1 policy d2d_sync.Contact.NotificationTriggerPolicyOverride.Policy.NotificationTriggerPolicy",
    "2 expires_at optional uint64"
  ],
  "d2d_sync.Contact.DeprecatedNotificationSoundPolicyOverride": ["1 default common.Unit in override"],
  "d2d_sync.Group": [
    "1 group_identity common.GroupIdentity",
    "2 name optional string",
    "3 created_at optional uint64",
    "4 conversation_category optional d2d_sync.ConversationCategory",
    "5 conversation_visibility optional d2d_sync.ConversationVisibility",
    "6 user_state optional d2d_sync.Group.UserState",
    "7 profile_picture common.DeltaImage",
    "8 member_identities common.Identities",
    "9 notification_trigger_policy_override d2d_sync.Group.NotificationTriggerPolicyOverride",
    "10 deprecated_notification_sound_policy_override d2d_sync.Group.DeprecatedNotificationSoundPolicyOverride"
  ],
  "d2d_sync.Group.NotificationTriggerPolicyOverride": [
    "1 default common.Unit in override",
    "2 policy d2d_sync.Group.NotificationTriggerPolicyOverride.Policy in override"
  ],
  "d2d_sync.Group.NotificationTriggerPolicyOverride.Policy": [
    "1 policy d2d_sync.Group.NotificationTriggerPolicyOverride.Policy.NotificationTriggerPolicy",
    "2 expires_at optional uint64"
  ],
  "d2d_sync.Group.DeprecatedNotificationSoundPolicyOverride": ["1 default common.Unit in override"],
  "d2d_sync.DistributionList": [
    "1 distribution_list_id fixed64",
    "2 name optional string",
    "3 created_at optional uint64",
    "4 conversation_category optional d2d_sync.ConversationCategory",
    "5 conversation_visibility optional d2d_sync.ConversationVisibility",
    "6 member_identities common.Identities"
  ],
  "d2d_sync.Settings": [
    "1 contact_sync_policy optional d2d_sync.Settings.ContactSyncPolicy",
    "2 unknown_contact_policy optional d2d_sync.Settings.UnknownContactPolicy",
    "3 read_receipt_policy optional d2d_sync.ReadReceiptPolicy",
    "4 typing_indicator_policy optional d2d_sync.TypingIndicatorPolicy",
    "5 o2o_call_policy optional d2d_sync.Settings.O2oCallPolicy",
    "6 o2o_call_connection_policy optional d2d_sync.Settings.O2oCallConnectionPolicy",
    "7 screenshot_policy optional d2d_sync.Settings.ScreenshotPolicy",
    "8 keyboard_data_collection_policy optional d2d_sync.Settings.KeyboardDataCollectionPolicy",
    "9 blocked_identities common.Identities",
    "10 exclude_from_sync_identities common.Identities",
    "11 group_call_policy optional d2d_sync.Settings.GroupCallPolicy",
    "12 o2o_call_video_policy optional d2d_sync.Settings.O2oCallVideoPolicy"
  ],
  "common.Unit": [],
  "common.Blob": ["1 id bytes", "2 nonce bytes", "3 key bytes", "4 uploaded_at uint64"],
  "common.BlobData": ["1 id bytes", "2 data bytes"],
  "common.Image": ["1 type common.Image.Type", "2 blob common.Blob"],
  "common.GroupIdentity": ["1 group_id fixed64", "2 creator_identity string"],
  "common.DeltaImage": ["1 removed common.Unit in image", "2 updated common.Image in image"],
  "common.Timespan": ["1 from uint64", "2 to uint64"],
  "common.Identities": ["1 identities repeated string"],
  "common.Resolution": ["1 width uint32", "2 height uint32"],
  "d2d_join.NdToEd": ["1 registered d2d_join.Registered in content"],
  "d2d_join.EdToNd": [
    "1 begin d2d_join.Begin in content",
    "2 blob_data common.BlobData in content",
    "3 essential_data d2d_join.EssentialData in content"
  ],
  "d2d_join.Begin": [],
  "d2d_join.EssentialData": [
    "2 identity_data d2d_join.EssentialData.IdentityData",
    "3 device_group_data d2d_join.EssentialData.DeviceGroupData",
    "4 user_profile d2d_sync.UserProfile",
    "5 settings d2d_sync.Settings",
    "6 mdm_parameters d2d_sync.MdmParameters",
    "7 contacts repeated d2d_join.EssentialData.AugmentedContact",
    "8 groups repeated d2d_join.EssentialData.AugmentedGroup",
    "9 distribution_lists repeated d2d_join.EssentialData.AugmentedDistributionList",
    "10 csp_hashed_nonces repeated bytes",
    "11 d2d_hashed_nonces repeated bytes",
    "12 work_credentials d2d_sync.ThreemaWorkCredentials"
  ],
  "d2d_join.EssentialData.IdentityData": [
    "1 identity string",
    "2 ck bytes",
    "3 csp_device_cookie bytes",
    "4 csp_server_group string"
  ],
  "d2d_join.EssentialData.DeviceGroupData": ["1 dgk bytes"],
  "d2d_join.EssentialData.AugmentedContact": ["1 contact d2d_sync.Contact", "2 last_update_at optional uint64"],
  "d2d_join.EssentialData.AugmentedGroup": ["1 group d2d_sync.Group", "2 last_update_at uint64"],
  "d2d_join.EssentialData.AugmentedDistributionList": [
    "1 distribution_list d2d_sync.DistributionList",
    "2 last_update_at uint64"
  ],
  "d2d_join.Registered": []
}

/** Named numbers of each enum. */
export const enums: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "d2m.ClientHello.DeviceSlotsExhaustedPolicy": { REJECT: 0, DROP_LEAST_RECENT: 1 },
  "d2m.ProtocolVersion": { V0: 0 },
  "d2m.DeviceSlotExpirationPolicy": { VOLATILE: 0, PERSISTENT: 1 },
  "d2m.DeviceSlotState": { NEW: 0, EXISTING: 1 },
  "common.Image.Type": { JPEG: 0 },
  "common.CspFeatureMaskFlag": {
    NONE: 0,
    VOICE_MESSAGE_SUPPORT: 1,
    GROUP_SUPPORT: 2,
    POLL_SUPPORT: 4,
    FILE_MESSAGE_SUPPORT: 8,
    O2O_AUDIO_CALL_SUPPORT: 16,
    O2O_VIDEO_CALL_SUPPORT: 32,
    FORWARD_SECURITY_SUPPORT: 64,
    GROUP_CALL_SUPPORT: 128,
    EDIT_MESSAGE_SUPPORT: 256,
    DELETE_MESSAGE_SUPPORT: 512,
    REACTION_SUPPORT: 1024
  },
  "common.CspE2eMessageType": {
    _INVALID_TYPE: 0x00,
    TEXT: 0x01,
    DEPRECATED_IMAGE: 0x02,
    LOCATION: 0x10,
    DEPRECATED_VIDEO: 0x13,
    DEPRECATED_AUDIO: 0x14,
    POLL_SETUP: 0x15,
    POLL_VOTE: 0x16,
    FILE: 0x17,
    CONTACT_SET_PROFILE_PICTURE: 0x18,
    CONTACT_DELETE_PROFILE_PICTURE: 0x19,
    CONTACT_REQUEST_PROFILE_PICTURE: 0x1a,
    GROUP_TEXT: 0x41,
    GROUP_LOCATION: 0x42,
    GROUP_IMAGE: 0x43,
    GROUP_VIDEO: 0x44,
    GROUP_AUDIO: 0x45,
    GROUP_FILE: 0x46,
    GROUP_SETUP: 0x4a,
    GROUP_NAME: 0x4b,
    GROUP_LEAVE: 0x4c,
    GROUP_CALL_START: 0x4f,
    GROUP_SET_PROFILE_PICTURE: 0x50,
    GROUP_SYNC_REQUEST: 0x51,
    GROUP_POLL_SETUP: 0x52,
    GROUP_POLL_VOTE: 0x53,
    GROUP_DELETE_PROFILE_PICTURE: 0x54,
    CALL_OFFER: 0x60,
    CALL_ANSWER: 0x61,
    CALL_ICE_CANDIDATE: 0x62,
    CALL_HANGUP: 0x63,
    CALL_RINGING: 0x64,
    DELIVERY_RECEIPT: 0x80,
    GROUP_DELIVERY_RECEIPT: 0x81,
    REACTION: 0x82,
    GROUP_REACTION: 0x83,
    TYPING_INDICATOR: 0x90,
    EDIT_MESSAGE: 0x91,
    DELETE_MESSAGE: 0x92,
    GROUP_EDIT_MESSAGE: 0x93,
    GROUP_DELETE_MESSAGE: 0x94,
    FORWARD_SECURITY_ENVELOPE: 0xa0,
    EMPTY: 0xfc,
    WORK_SYNC_DELTA: 0xfd,
    WEB_SESSION_RESUME: 0xfe
  },
  "d2d_sync.MdmParameters.ParameterPrecedence": { THREEMA: 0, EXTERNAL: 1 },
  "d2d_sync.Contact.NotificationTriggerPolicyOverride.Policy.NotificationTriggerPolicy": { NEVER: 0 },
  "d2d_sync.Contact.VerificationLevel": { UNVERIFIED: 0, SERVER_VERIFIED: 1, FULLY_VERIFIED: 2 },
  "d2d_sync.Contact.WorkVerificationLevel": { NONE: 0, WORK_SUBSCRIPTION_VERIFIED: 1 },
  "d2d_sync.Contact.IdentityType": { REGULAR: 0, WORK: 1 },
  "d2d_sync.Contact.AcquaintanceLevel": { DIRECT: 0, GROUP_OR_DELETED: 1 },
  "d2d_sync.Contact.ActivityState": { ACTIVE: 0, INACTIVE: 1, INVALID: 2 },
  "d2d_sync.Contact.SyncState": { INITIAL: 0, IMPORTED: 1, CUSTOM: 2 },
  "d2d_sync.Group.NotificationTriggerPolicyOverride.Policy.NotificationTriggerPolicy": { MENTIONED: 0, NEVER: 1 },
  "d2d_sync.Group.UserState": { MEMBER: 0, KICKED: 1, LEFT: 2 },
  "d2d_sync.Settings.ContactSyncPolicy": { NOT_SYNCED: 0, SYNC: 1 },
  "d2d_sync.Settings.UnknownContactPolicy": { ALLOW_UNKNOWN: 0, BLOCK_UNKNOWN: 1 },
  "d2d_sync.Settings.O2oCallPolicy": { ALLOW_O2O_CALL: 0, DENY_O2O_CALL: 1 },
  "d2d_sync.Settings.O2oCallConnectionPolicy": { ALLOW_DIRECT_CONNECTION: 0, REQUIRE_RELAYED_CONNECTION: 1 },
  "d2d_sync.Settings.O2oCallVideoPolicy": { ALLOW_VIDEO: 0, DENY_VIDEO: 1 },
  "d2d_sync.Settings.GroupCallPolicy": { ALLOW_GROUP_CALL: 0, DENY_GROUP_CALL: 1 },
  "d2d_sync.Settings.ScreenshotPolicy": { ALLOW_SCREENSHOT: 0, DENY_SCREENSHOT: 1 },
  "d2d_sync.Settings.KeyboardDataCollectionPolicy": { ALLOW_DATA_COLLECTION: 0, DENY_DATA_COLLECTION: 1 },
  "d2d_sync.ReadReceiptPolicy": { SEND_READ_RECEIPT: 0, DONT_SEND_READ_RECEIPT: 1 },
  "d2d_sync.TypingIndicatorPolicy": { SEND_TYPING_INDICATOR: 0, DONT_SEND_TYPING_INDICATOR: 1 },
  "d2d_sync.WorkAvailabilityStatusCategory": { NONE: 0, UNAVAILABLE: 1, BUSY: 2 },
  "d2d_sync.ConversationVisibility": { NORMAL: 0, PINNED: 2, ARCHIVED: 1 },
  "d2d_sync.ConversationCategory": { DEFAULT: 0, PROTECTED: 1 },
  "d2d.DeviceInfo.Platform": { UNSPECIFIED: 0, ANDROID: 1, IOS: 2, DESKTOP: 3, WEB: 4 },
  "d2d.TransactionScope.Scope": {
    USER_PROFILE_SYNC: 0,
    CONTACT_SYNC: 1,
    GROUP_SYNC: 2,
    DISTRIBUTION_LIST_SYNC: 3,
    SETTINGS_SYNC: 4,
    MDM_PARAMETER_SYNC: 5,
    NEW_DEVICE_SYNC: 6,
    DROP_DEVICE: 7,
    WORK_SYNC_DELTA: 8
  },
  "d2d.GroupSync.Update.MemberStateChange": { ADDED: 0, KICKED: 1, LEFT: 2 },
  "d2d.ProtocolVersion": { UNSPECIFIED: 0, V0_1: 1, V0_2: 2, V0_3: 3 }
}
