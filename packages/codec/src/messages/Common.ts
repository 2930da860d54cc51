/**
 * @@module common
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as Protobuf from "../Protobuf.ts"

/**
 * @@common.Image.Type
 *
 * @category enums
 * @since 0.1.0
 */
export const ImageType = Protobuf.openEnum("common.Image.Type", {
  JPEG: 0
})

/**
 * @@common.CspFeatureMaskFlag
 *
 * @category enums
 * @since 0.1.0
 */
export const CspFeatureMaskFlag = Protobuf.openEnum("common.CspFeatureMaskFlag", {
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
})

/**
 * @@common.CspE2eMessageType
 *
 * @category enums
 * @since 0.1.0
 */
export const CspE2eMessageType = Protobuf.openEnum("common.CspE2eMessageType", {
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
})

/**
 * @@common.Unit
 *
 * @category messages
 * @since 0.1.0
 */
export class Unit extends Schema.Opaque<Unit>()(Protobuf.message("common.Unit", "@@", {})) {}

/**
 * @@common.Blob
 *
 * @category messages
 * @since 0.1.0
 */
export class Blob extends Schema.Opaque<Blob>()(Protobuf.message("common.Blob", "@@", {
  id: Protobuf.bytes(1, "@@"),
  nonce: Protobuf.bytes(2, "@@"),
  key: Protobuf.bytes(3, "@@"),
  uploadedAt: Protobuf.uint64(4, "@@")
})) {}

/**
 * @@common.BlobData
 *
 * @category messages
 * @since 0.1.0
 */
export class BlobData extends Schema.Opaque<BlobData>()(Protobuf.message("common.BlobData", "@@", {
  id: Protobuf.bytes(1, "@@"),
  data: Protobuf.bytes(2, "@@")
})) {}

/**
 * @@common.Image
 *
 * @category messages
 * @since 0.1.0
 */
export class Image extends Schema.Opaque<Image>()(Protobuf.message("common.Image", "@@", {
  type: Protobuf.enumeration(ImageType, 1, "@@"),
  blob: Protobuf.embed(Blob, 2, "@@")
})) {}

/**
 * @@common.GroupIdentity
 *
 * @category messages
 * @since 0.1.0
 */
export class GroupIdentity extends Schema.Opaque<GroupIdentity>()(Protobuf.message("common.GroupIdentity", "@@", {
  groupId: Protobuf.fixed64(1, "@@"),
  creatorIdentity: Protobuf.string(2, "@@")
})) {}

/**
 * @@common.DeltaImage
 *
 * @category messages
 * @since 0.1.0
 */
export class DeltaImage extends Schema.Opaque<DeltaImage>()(Protobuf.message("common.DeltaImage", "@@", {
  image: Protobuf.oneof("@@", {
    removed: Protobuf.embed(Unit, 1, "@@"),
    updated: Protobuf.embed(Image, 2, "@@")
  })
})) {}

/**
 * @@common.Timespan
 *
 * @category messages
 * @since 0.1.0
 */
export class Timespan extends Schema.Opaque<Timespan>()(Protobuf.message("common.Timespan", "@@", {
  from: Protobuf.uint64(1, "@@"),
  to: Protobuf.uint64(2, "@@")
})) {}

/**
 * @@common.Identities
 *
 * @category messages
 * @since 0.1.0
 */
export class Identities extends Schema.Opaque<Identities>()(Protobuf.message("common.Identities", "@@", {
  identities: Protobuf.repeated(Protobuf.string(1, "@@"))
})) {}

/**
 * @@common.Resolution
 *
 * @category messages
 * @since 0.1.0
 */
export class Resolution extends Schema.Opaque<Resolution>()(Protobuf.message("common.Resolution", "@@", {
  width: Protobuf.uint32(1, "@@"),
  height: Protobuf.uint32(2, "@@")
})) {}
