/**
 * The settings that hold on all devices of the user, each a policy with few choices.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../../Protobuf.ts"
import * as Common from "../Common.ts"
import { ReadReceiptPolicy, TypingIndicatorPolicy } from "./MessagePolicies.ts"

/**
 * Whether contacts are taken from the device's address book (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsContactSyncPolicy = Protobuf.openEnum("d2d_sync.Settings.ContactSyncPolicy", {
  NOT_SYNCED: 0,
  SYNC: 1
})

/**
 * A number of {@link SettingsContactSyncPolicy}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type SettingsContactSyncPolicy = number

/**
 * Whether strangers may write to the user (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsUnknownContactPolicy = Protobuf.openEnum("d2d_sync.Settings.UnknownContactPolicy", {
  ALLOW_UNKNOWN: 0,
  BLOCK_UNKNOWN: 1
})

/**
 * A number of {@link SettingsUnknownContactPolicy}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type SettingsUnknownContactPolicy = number

/**
 * Whether the user takes one-to-one calls (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsO2oCallPolicy = Protobuf.openEnum("d2d_sync.Settings.O2oCallPolicy", {
  ALLOW_O2O_CALL: 0,
  DENY_O2O_CALL: 1
})

/**
 * A number of {@link SettingsO2oCallPolicy}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type SettingsO2oCallPolicy = number

/**
 * Whether one-to-one calls may connect directly, which shows the user's address (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsO2oCallConnectionPolicy = Protobuf.openEnum("d2d_sync.Settings.O2oCallConnectionPolicy", {
  ALLOW_DIRECT_CONNECTION: 0,
  REQUIRE_RELAYED_CONNECTION: 1
})

/**
 * A number of {@link SettingsO2oCallConnectionPolicy}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type SettingsO2oCallConnectionPolicy = number

/**
 * Whether one-to-one calls may have a picture (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsO2oCallVideoPolicy = Protobuf.openEnum("d2d_sync.Settings.O2oCallVideoPolicy", {
  ALLOW_VIDEO: 0,
  DENY_VIDEO: 1
})

/**
 * A number of {@link SettingsO2oCallVideoPolicy}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type SettingsO2oCallVideoPolicy = number

/**
 * Whether the user takes part in group calls (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsGroupCallPolicy = Protobuf.openEnum("d2d_sync.Settings.GroupCallPolicy", {
  ALLOW_GROUP_CALL: 0,
  DENY_GROUP_CALL: 1
})

/**
 * A number of {@link SettingsGroupCallPolicy}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type SettingsGroupCallPolicy = number

/**
 * Whether screenshots of the application may be taken (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsScreenshotPolicy = Protobuf.openEnum("d2d_sync.Settings.ScreenshotPolicy", {
  ALLOW_SCREENSHOT: 0,
  DENY_SCREENSHOT: 1
})

/**
 * A number of {@link SettingsScreenshotPolicy}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type SettingsScreenshotPolicy = number

/**
 * Whether the keyboard may learn from what the user types (PROTOCOL A5, enums).
 *
 * @category enums
 * @since 0.1.0
 */
export const SettingsKeyboardDataCollectionPolicy = Protobuf.openEnum(
  "d2d_sync.Settings.KeyboardDataCollectionPolicy",
  {
    ALLOW_DATA_COLLECTION: 0,
    DENY_DATA_COLLECTION: 1
  }
)

/**
 * A number of {@link SettingsKeyboardDataCollectionPolicy}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type SettingsKeyboardDataCollectionPolicy = number

/**
 * The settings of the user; in an update, what is absent has not changed (PROTOCOL A5, sync).
 *
 * @category messages
 * @since 0.1.0
 */
export class Settings extends Schema.Opaque<Settings>()(
  Protobuf.message("d2d_sync.Settings", "The settings of the user", {
    contactSyncPolicy: Protobuf.optional(
      Protobuf.enumeration(SettingsContactSyncPolicy, 1, "Whether contacts are taken from the address book")
    ),
    unknownContactPolicy: Protobuf.optional(
      Protobuf.enumeration(SettingsUnknownContactPolicy, 2, "Whether strangers may write to the user")
    ),
    readReceiptPolicy: Protobuf.optional(
      Protobuf.enumeration(ReadReceiptPolicy, 3, "Whether senders learn that a message was read")
    ),
    typingIndicatorPolicy: Protobuf.optional(
      Protobuf.enumeration(TypingIndicatorPolicy, 4, "Whether others see that the user is typing")
    ),
    o2oCallPolicy: Protobuf.optional(
      Protobuf.enumeration(SettingsO2oCallPolicy, 5, "Whether the user takes one-to-one calls")
    ),
    o2oCallConnectionPolicy: Protobuf.optional(
      Protobuf.enumeration(SettingsO2oCallConnectionPolicy, 6, "Whether one-to-one calls may connect directly")
    ),
    screenshotPolicy: Protobuf.optional(
      Protobuf.enumeration(SettingsScreenshotPolicy, 7, "Whether screenshots may be taken")
    ),
    keyboardDataCollectionPolicy: Protobuf.optional(
      Protobuf.enumeration(SettingsKeyboardDataCollectionPolicy, 8, "Whether the keyboard may learn from the user")
    ),
    blockedIdentities: Protobuf.embed(Common.Identities, 9, "People the user has blocked"),
    excludeFromSyncIdentities: Protobuf.embed(Common.Identities, 10, "People left out of the address book sync"),
    groupCallPolicy: Protobuf.optional(
      Protobuf.enumeration(SettingsGroupCallPolicy, 11, "Whether the user takes part in group calls")
    ),
    o2oCallVideoPolicy: Protobuf.optional(
      Protobuf.enumeration(SettingsO2oCallVideoPolicy, 12, "Whether one-to-one calls may have a picture")
    )
  })
) {}
