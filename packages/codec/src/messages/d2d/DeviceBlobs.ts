/**
 * What devices tell each other through the mediator itself, in boxes of their own: device info, shared data, scopes.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../../Protobuf.ts"

/**
 * What a device runs on (PROTOCOL A5, enums).
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
 * A number of {@link DeviceInfoPlatform}, named or not.
 *
 * @category enums
 * @since 0.1.0
 */
export type DeviceInfoPlatform = number

/**
 * What a transaction is about to change (PROTOCOL A5, enums).
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
  /** A device is joining the group. */
  NEW_DEVICE_SYNC: 6,
  /** A device is being removed from the group. */
  DROP_DEVICE: 7,
  WORK_SYNC_DELTA: 8
})

/**
 * A number of {@link TransactionScopeScope}, named or not: shipped clients number some scopes differently.
 *
 * @category enums
 * @since 0.1.0
 */
export type TransactionScopeScope = number

/**
 * Data that every device gets with its ServerInfo, boxed with DGSDDK (PROTOCOL A5, d2d; B1).
 *
 * @category messages
 * @since 0.1.0
 */
export class SharedDeviceData extends Schema.Opaque<SharedDeviceData>()(
  Protobuf.message("d2d.SharedDeviceData", "Data that every device gets with its ServerInfo", {
    padding: Protobuf.bytes(1, "Any bytes, to hide the length; ignored"),
    version: Protobuf.uint32(2, "Version that all devices are to know of")
  })
) {}

/**
 * What a device says of itself to the others, boxed with DGDIK (PROTOCOL A5, d2d; B1).
 *
 * @category messages
 * @since 0.1.0
 */
export class DeviceInfo extends Schema.Opaque<DeviceInfo>()(
  Protobuf.message("d2d.DeviceInfo", "What a device says of itself to the others", {
    padding: Protobuf.bytes(1, "Any bytes, to hide the length; ignored"),
    platform: Protobuf.enumeration(DeviceInfoPlatform, 2, "What the device runs on"),
    platformDetails: Protobuf.string(3, "Platform in more detail, such as its version or the model of the device"),
    appVersion: Protobuf.string(4, "Version of the application"),
    label: Protobuf.string(5, "Name by which the user knows the device")
  })
) {}

/**
 * What a transaction is about to change, boxed with DGTSK; never padded (PROTOCOL A5, A6, d2d; B1).
 *
 * @category messages
 * @since 0.1.0
 */
export class TransactionScope extends Schema.Opaque<TransactionScope>()(
  Protobuf.message("d2d.TransactionScope", "What a transaction is about to change", {
    scope: Protobuf.enumeration(TransactionScopeScope, 1, "Kind of data that the transaction changes")
  })
) {}
