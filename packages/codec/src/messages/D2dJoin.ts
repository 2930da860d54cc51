/**
 * How a new device (ND) joins the group with the help of an existing one (ED): package `d2d_join`.
 *
 * Only what touches the mediator: these messages travel over a connection of their own between the two devices. They
 * hold the user's secrets.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../Protobuf.ts"
import * as Common from "./Common.ts"
import * as Sync from "./Sync.ts"

/**
 * The new device has got its slot at the mediator (PROTOCOL A5, d2d_join).
 *
 * @category messages
 * @since 0.1.0
 */
export class Registered extends Schema.Opaque<Registered>()(
  Protobuf.message("d2d_join.Registered", "The new device has got its slot at the mediator", {})
) {}

/**
 * What the new device says to the existing one (PROTOCOL A5, d2d_join).
 *
 * @category messages
 * @since 0.1.0
 */
export class NdToEd extends Schema.Opaque<NdToEd>()(
  Protobuf.message("d2d_join.NdToEd", "What the new device says to the existing one", {
    content: Protobuf.oneof("What is said", {
      registered: Protobuf.embed(Registered, 1, "The new device has got its slot at the mediator")
    })
  })
) {}

/**
 * The existing device begins to send data (PROTOCOL A5, d2d_join).
 *
 * @category messages
 * @since 0.1.0
 */
export class Begin extends Schema.Opaque<Begin>()(
  Protobuf.message("d2d_join.Begin", "The existing device begins to send data", {})
) {}

/**
 * Who the user is, and what proves it to the chat server (PROTOCOL A5, d2d_join). Secret.
 *
 * @category messages
 * @since 0.1.0
 */
export class EssentialDataIdentityData extends Schema.Opaque<EssentialDataIdentityData>()(
  Protobuf.message("d2d_join.EssentialData.IdentityData", "Who the user is, and what proves it to the chat server", {
    identity: Protobuf.string(1, "Identity of the user, 8 characters"),
    ck: Protobuf.bytes(2, "Client key: the secret key of the identity, 32 bytes"),
    cspDeviceCookie: Protobuf.bytes(3, "Cookie by which the chat server knows the device"),
    cspServerGroup: Protobuf.string(4, "Chat server group of the identity")
  })
) {}

/**
 * What makes a device one of the group (PROTOCOL A5, d2d_join). Secret.
 *
 * @category messages
 * @since 0.1.0
 */
export class EssentialDataDeviceGroupData extends Schema.Opaque<EssentialDataDeviceGroupData>()(
  Protobuf.message("d2d_join.EssentialData.DeviceGroupData", "What makes a device one of the group", {
    dgk: Protobuf.bytes(1, "Device group key, 32 bytes; secret")
  })
) {}

/**
 * A contact and how fresh the conversation with them is (PROTOCOL A5, d2d_join).
 *
 * @category messages
 * @since 0.1.0
 */
export class EssentialDataAugmentedContact extends Schema.Opaque<EssentialDataAugmentedContact>()(
  Protobuf.message("d2d_join.EssentialData.AugmentedContact", "A contact and how fresh the conversation with them is", {
    contact: Protobuf.embed(Sync.Contact, 1, "The contact"),
    lastUpdateAt: Protobuf.optional(
      Protobuf.time(2, "When the conversation last changed, in milliseconds since 1970; absent if there is none")
    )
  })
) {}

/**
 * A group and how fresh its conversation is (PROTOCOL A5, d2d_join).
 *
 * @category messages
 * @since 0.1.0
 */
export class EssentialDataAugmentedGroup extends Schema.Opaque<EssentialDataAugmentedGroup>()(
  Protobuf.message("d2d_join.EssentialData.AugmentedGroup", "A group and how fresh its conversation is", {
    group: Protobuf.embed(Sync.Group, 1, "The group"),
    lastUpdateAt: Protobuf.time(2, "When the conversation last changed, in milliseconds since 1970")
  })
) {}

/**
 * A distribution list and how fresh its conversation is (PROTOCOL A5, d2d_join).
 *
 * @category messages
 * @since 0.1.0
 */
export class EssentialDataAugmentedDistributionList extends Schema.Opaque<EssentialDataAugmentedDistributionList>()(
  Protobuf.message(
    "d2d_join.EssentialData.AugmentedDistributionList",
    "A distribution list and how fresh its conversation is",
    {
      distributionList: Protobuf.embed(Sync.DistributionList, 1, "The distribution list"),
      lastUpdateAt: Protobuf.time(2, "When the conversation last changed, in milliseconds since 1970")
    }
  )
) {}

/**
 * Everything a new device needs to become one of the group (PROTOCOL A5, d2d_join; B4). Secret.
 *
 * @category messages
 * @since 0.1.0
 */
export class EssentialData extends Schema.Opaque<EssentialData>()(
  Protobuf.message("d2d_join.EssentialData", "Everything a new device needs to become one of the group", {
    identityData: Protobuf.embed(EssentialDataIdentityData, 2, "Who the user is"),
    deviceGroupData: Protobuf.embed(EssentialDataDeviceGroupData, 3, "The key of the group"),
    userProfile: Protobuf.embed(Sync.UserProfile, 4, "The user's profile"),
    settings: Protobuf.embed(Sync.Settings, 5, "The user's settings"),
    mdmParameters: Protobuf.embed(Sync.MdmParameters, 6, "Device management parameters, if there are any"),
    contacts: Protobuf.repeated(Protobuf.embed(EssentialDataAugmentedContact, 7, "All contacts")),
    groups: Protobuf.repeated(Protobuf.embed(EssentialDataAugmentedGroup, 8, "All groups")),
    distributionLists: Protobuf.repeated(
      Protobuf.embed(EssentialDataAugmentedDistributionList, 9, "All distribution lists")
    ),
    cspHashedNonces: Protobuf.repeated(
      Protobuf.bytes(10, "Used nonces of the chat protocol, each as HMAC-SHA-256 keyed with the identity, 32 bytes")
    ),
    d2dHashedNonces: Protobuf.repeated(
      Protobuf.bytes(11, "Used nonces between devices, each as HMAC-SHA-256 keyed with the identity, 32 bytes")
    ),
    workCredentials: Protobuf.embed(Sync.ThreemaWorkCredentials, 12, "Log-in of the Work subscription, if there is one")
  })
) {}

/**
 * What the existing device says to the new one (PROTOCOL A5, d2d_join).
 *
 * @category messages
 * @since 0.1.0
 */
export class EdToNd extends Schema.Opaque<EdToNd>()(
  Protobuf.message("d2d_join.EdToNd", "What the existing device says to the new one", {
    content: Protobuf.oneof("What is said", {
      begin: Protobuf.embed(Begin, 1, "Data follows"),
      blobData: Protobuf.embed(Common.BlobData, 2, "A blob that the essential data refers to"),
      essentialData: Protobuf.embed(EssentialData, 3, "Everything the new device needs")
    })
  })
) {}
