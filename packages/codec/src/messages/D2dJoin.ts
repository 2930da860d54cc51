/**
 * @@module d2d_join
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../Protobuf.ts"
import * as Common from "./Common.ts"
import * as Sync from "./Sync.ts"

/**
 * @@d2d_join.Registered
 *
 * @category messages
 * @since 0.1.0
 */
export class Registered extends Schema.Opaque<Registered>()(Protobuf.message("d2d_join.Registered", "@@", {})) {}

/**
 * @@d2d_join.NdToEd
 *
 * @category messages
 * @since 0.1.0
 */
export class NdToEd extends Schema.Opaque<NdToEd>()(Protobuf.message("d2d_join.NdToEd", "@@", {
  content: Protobuf.oneof("@@", {
    registered: Protobuf.embed(Registered, 1, "@@")
  })
})) {}

/**
 * @@d2d_join.Begin
 *
 * @category messages
 * @since 0.1.0
 */
export class Begin extends Schema.Opaque<Begin>()(Protobuf.message("d2d_join.Begin", "@@", {})) {}

/**
 * @@d2d_join.EssentialData.IdentityData
 *
 * @category messages
 * @since 0.1.0
 */
export class EssentialDataIdentityData extends Schema.Opaque<EssentialDataIdentityData>()(Protobuf.message("d2d_join.EssentialData.IdentityData", "@@", {
  identity: Protobuf.string(1, "@@"),
  ck: Protobuf.bytes(2, "@@"),
  cspDeviceCookie: Protobuf.bytes(3, "@@"),
  cspServerGroup: Protobuf.string(4, "@@")
})) {}

/**
 * @@d2d_join.EssentialData.DeviceGroupData
 *
 * @category messages
 * @since 0.1.0
 */
export class EssentialDataDeviceGroupData extends Schema.Opaque<EssentialDataDeviceGroupData>()(Protobuf.message("d2d_join.EssentialData.DeviceGroupData", "@@", {
  dgk: Protobuf.bytes(1, "@@")
})) {}

/**
 * @@d2d_join.EssentialData.AugmentedContact
 *
 * @category messages
 * @since 0.1.0
 */
export class EssentialDataAugmentedContact extends Schema.Opaque<EssentialDataAugmentedContact>()(Protobuf.message("d2d_join.EssentialData.AugmentedContact", "@@", {
  contact: Protobuf.embed(Sync.Contact, 1, "@@"),
  lastUpdateAt: Protobuf.optional(Protobuf.uint64(2, "@@"))
})) {}

/**
 * @@d2d_join.EssentialData.AugmentedGroup
 *
 * @category messages
 * @since 0.1.0
 */
export class EssentialDataAugmentedGroup extends Schema.Opaque<EssentialDataAugmentedGroup>()(Protobuf.message("d2d_join.EssentialData.AugmentedGroup", "@@", {
  group: Protobuf.embed(Sync.Group, 1, "@@"),
  lastUpdateAt: Protobuf.uint64(2, "@@")
})) {}

/**
 * @@d2d_join.EssentialData.AugmentedDistributionList
 *
 * @category messages
 * @since 0.1.0
 */
export class EssentialDataAugmentedDistributionList extends Schema.Opaque<EssentialDataAugmentedDistributionList>()(Protobuf.message("d2d_join.EssentialData.AugmentedDistributionList", "@@", {
  distributionList: Protobuf.embed(Sync.DistributionList, 1, "@@"),
  lastUpdateAt: Protobuf.uint64(2, "@@")
})) {}

/**
 * @@d2d_join.EssentialData
 *
 * @category messages
 * @since 0.1.0
 */
export class EssentialData extends Schema.Opaque<EssentialData>()(Protobuf.message("d2d_join.EssentialData", "@@", {
  identityData: Protobuf.embed(EssentialDataIdentityData, 2, "@@"),
  deviceGroupData: Protobuf.embed(EssentialDataDeviceGroupData, 3, "@@"),
  userProfile: Protobuf.embed(Sync.UserProfile, 4, "@@"),
  settings: Protobuf.embed(Sync.Settings, 5, "@@"),
  mdmParameters: Protobuf.embed(Sync.MdmParameters, 6, "@@"),
  contacts: Protobuf.repeated(Protobuf.embed(EssentialDataAugmentedContact, 7, "@@")),
  groups: Protobuf.repeated(Protobuf.embed(EssentialDataAugmentedGroup, 8, "@@")),
  distributionLists: Protobuf.repeated(Protobuf.embed(EssentialDataAugmentedDistributionList, 9, "@@")),
  cspHashedNonces: Protobuf.repeated(Protobuf.bytes(10, "@@")),
  d2dHashedNonces: Protobuf.repeated(Protobuf.bytes(11, "@@")),
  workCredentials: Protobuf.embed(Sync.ThreemaWorkCredentials, 12, "@@")
})) {}

/**
 * @@d2d_join.EdToNd
 *
 * @category messages
 * @since 0.1.0
 */
export class EdToNd extends Schema.Opaque<EdToNd>()(Protobuf.message("d2d_join.EdToNd", "@@", {
  content: Protobuf.oneof("@@", {
    begin: Protobuf.embed(Begin, 1, "@@"),
    blobData: Protobuf.embed(Common.BlobData, 2, "@@"),
    essentialData: Protobuf.embed(EssentialData, 3, "@@")
  })
})) {}
